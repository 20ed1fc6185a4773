//! The XML documents that some requests bring: read whole, held to their digests, and put in the form that the library reads.

use bytes::Bytes;
use http::HeaderMap;
use quick_xml::events::Event;
use quick_xml::{Reader, Writer};
use s3s::{S3Result, s3_error};

use super::chunked::Trailers;
use super::errors;
use super::offered::Document;
use super::receive::Claims;

/// Reads the document of a request.
///
/// # Errors
///
/// What S3 answers to one that is cut, too long, or not what its digests claim.
pub(super) async fn read(
    headers: &HeaderMap,
    trailers: Option<Trailers>,
    kind: Document,
    mut body: s3s::Body,
    longest: usize,
) -> S3Result<Bytes> {
    let content = body.store_all_limited(longest).await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            return s3_error!(MaxMessageLengthExceeded, "Your request was too big.");
        }
        let mut answer = errors::incomplete_body();
        answer.set_source(error);
        answer
    })?;
    let claims = match kind {
        Document::WithChecksumOfObject => {
            let is_of_object =
                |name: &str| name.starts_with("x-amz-checksum-") || name.starts_with("x-amz-sdk-checksum-");
            let own = headers.iter().filter(|(name, _)| !is_of_object(name.as_str()));
            let own: HeaderMap = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            Claims::read(&own, trailers)?
        }
        Document::Free | Document::WithDigest => Claims::read(headers, trailers)?,
    };
    if kind == Document::WithDigest && !claims.digest_is_there() {
        return Err(s3_error!(
            InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        ));
    }
    claims.hold(&content)?;
    Ok(plain(content))
}

/// Writes what stands in CDATA sections as plain text, which it is: the library would pass it over.
fn plain(content: Bytes) -> Bytes {
    const BEGIN: &[u8] = b"<![CDATA[";
    if !content.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return content;
    }
    let mut reader = Reader::from_reader(content.as_ref());
    let mut writer = Writer::new(Vec::new());
    loop {
        let written = match reader.read_event() {
            Ok(Event::Eof) => return writer.into_inner().into(),
            Ok(Event::CData(data)) => match data.escape() {
                Ok(text) => writer.write_event(Event::Text(text)),
                Err(_) => return content,
            },
            Ok(event) => writer.write_event(event),
            // It is the library that says what is wrong with it.
            Err(_) => return content,
        };
        if written.is_err() {
            return content;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_cdata_is_text() {
        let plain =
            |text: &'static str| String::from_utf8(plain(Bytes::from_static(text.as_bytes())).to_vec()).unwrap();
        assert_eq!(plain("<Key>c<![CDATA[d&2<]]></Key>"), "<Key>cd&amp;2&lt;</Key>");
        for other in ["<a>b</a>", "<a><![CDATA[b</a>"] {
            assert_eq!(plain(other), other);
        }
    }
}
