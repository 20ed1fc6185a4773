//! Refusals in the form that the asking client can read: each AWS protocol has its own.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use quick_xml::escape::escape;

use super::body::{self, Body};
use super::json;
use super::route::Target;

/// Something that is not done.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// The protocol of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Query, and REST with XML.
    Xml,
    /// S3, whose errors stand alone.
    Store,
    /// JSON RPC, with the content type of the request.
    Json(String),
    /// Smithy RPC v2 with CBOR.
    Cbor,
}

impl Shape {
    /// The protocol of a request.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if request
            .headers()
            .get("smithy-protocol")
            .is_some_and(|protocol| protocol == "rpc-v2-cbor")
        {
            return Self::Cbor;
        }
        match kind {
            Some(kind) if kind.starts_with("application/x-amz-json") || kind.starts_with("application/json") => {
                Self::Json(kind.to_owned())
            }
            _ => Self::Xml,
        }
    }

    /// The protocol of a request for a service. Some speak one only, and requests without a body do not say which.
    pub(super) fn of_target<B>(target: &Target, request: &Request<B>) -> Self {
        match (target, Self::of(request)) {
            (Target::ObjectStore, _) => Self::Store,
            (Target::Automation(service), Self::Xml) => Self::Json(json::content_type(*service).to_owned()),
            (_, shape) => shape,
        }
    }
}

impl Refusal {
    /// As an answer.
    pub(super) fn response(&self, shape: &Shape, id: &str) -> Response<Body> {
        let (content, kind) = match shape {
            Shape::Xml => (self.xml(id), "text/xml"),
            Shape::Store => (self.bare_xml(id), "application/xml"),
            Shape::Json(kind) => {
                let document = serde_json::json!({ "__type": self.code, "message": self.message });
                (document.to_string().into(), kind.as_str())
            }
            Shape::Cbor => (self.cbor(), "application/cbor"),
        };
        let mut response = Response::new(body::whole(content));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in [("content-type", kind), ("x-amzn-requestid", id)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        if *shape == Shape::Cbor {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        }
        response
    }

    fn xml(&self, id: &str) -> Bytes {
        let fault = if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        format!(
            "<ErrorResponse><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            escape(self.code),
            escape(self.message.as_str()),
            escape(id),
        )
        .into()
    }

    fn bare_xml(&self, id: &str) -> Bytes {
        format!(
            "<Error><Code>{}</Code><Message>{}</Message><RequestId>{}</RequestId></Error>",
            escape(self.code),
            escape(self.message.as_str()),
            escape(id),
        )
        .into()
    }

    /// A map of two texts (RFC 8949 section 3).
    fn cbor(&self) -> Bytes {
        let mut document = vec![0xa2];
        for text in ["__type", self.code, "message", self.message.as_str()] {
            // A text with a length of four bytes, which any length fits.
            document.push(0x7a);
            document.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            document.extend(text.as_bytes());
        }
        document.into()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn content(shape: &Shape) -> Vec<u8> {
        let refusal = Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            code: "NotImplemented",
            message: "no <b> & no \"c\"".to_owned(),
        };
        let response = refusal.response(shape, "id-1");
        assert_eq!(response.status(), 501);
        assert_eq!(response.headers()["x-amzn-requestid"], "id-1");
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn each_protocol_gets_its_form() {
        let xml = String::from_utf8(content(&Shape::Xml).await).unwrap();
        assert!(
            xml.contains("<Message>no &lt;b&gt; &amp; no &quot;c&quot;</Message>"),
            "{xml}"
        );
        let json = content(&Shape::Json("application/x-amz-json-1.1".to_owned())).await;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["message"], "no <b> & no \"c\"");
        let cbor = content(&Shape::Cbor).await;
        assert_eq!(cbor[..11], *b"\xa2\x7a\0\0\0\x06__typ".first_chunk::<11>().unwrap());
        assert!(cbor.ends_with(b"no <b> & no \"c\""));
    }

    #[test]
    fn the_protocol_is_told_by_headers() {
        let request = |name: &str, value: &str| Request::builder().header(name, value).body(()).unwrap();
        let json = "application/x-amz-json-1.1";
        assert_eq!(Shape::of(&request("content-type", json)), Shape::Json(json.to_owned()));
        assert_eq!(Shape::of(&request("smithy-protocol", "rpc-v2-cbor")), Shape::Cbor);
        assert_eq!(Shape::of(&request("accept", "*/*")), Shape::Xml);
    }

    #[test]
    fn who_speaks_json_refuses_in_json_whatever_was_sent() {
        use crate::local::automation::Service;

        let bare = Request::get("/").body(()).unwrap();
        let cbor = Request::get("/")
            .header("smithy-protocol", "rpc-v2-cbor")
            .body(())
            .unwrap();
        let of = |target: Target| Shape::of_target(&target, &bare);
        let json = |kind: &str| Shape::Json(kind.to_owned());
        assert_eq!(of(Target::Automation(Service::Functions)), json("application/json"));
        assert_eq!(of(Target::Automation(Service::Schedules)), json("application/json"));
        assert_eq!(
            of(Target::Automation(Service::Pipelines)),
            json("application/x-amz-json-1.1")
        );
        assert_eq!(of(Target::ObjectStore), Shape::Store);
        assert_eq!(of(Target::Zones), Shape::Xml);
        assert_eq!(
            Shape::of_target(&Target::Automation(Service::Functions), &cbor),
            Shape::Cbor
        );
    }
}
