//! What the three services have in common on the wire: a request with JSON in, an answer with JSON out.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Value, json};

use crate::local::fault::Fault;
use crate::local::percent::decoded;
use crate::local::shapes;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Lambda: REST with JSON.
    Functions,
    /// CodePipeline: JSON 1.1, the operation in the header `X-Amz-Target`.
    Pipelines,
    /// EventBridge Scheduler: REST with JSON.
    Schedules,
}

/// A request to one of them.
#[derive(Clone)]
pub struct JsonRequest {
    /// Which one.
    pub service: Service,
    /// HTTP method.
    pub method: String,
    /// Path as it was sent, with its escapes.
    pub path: String,
    /// Parameters of the address, in their order.
    pub query: Vec<(String, String)>,
    /// Headers with names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// The id that the answer will have.
    pub id: String,
}

/// An answer, errors included.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers of its own, besides those that every answer has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// The services of one account that speak JSON.
#[async_trait::async_trait]
pub trait JsonServices: Send + Sync {
    /// Answers a request. May take as long as a function that the caller waits for.
    async fn call(&self, request: JsonRequest) -> JsonAnswer;
}

/// What becomes of a request.
pub(super) type Outcome = Result<JsonAnswer, Fault>;

/// Headers and bodies may hold credentials, and stay out of what is printed.
impl fmt::Debug for JsonRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRequest")
            .field("service", &self.service)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The same for answers: a function's variables are in that of `GetFunction`.
impl fmt::Debug for JsonAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonAnswer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl JsonRequest {
    /// Checks it against the model of its service.
    ///
    /// # Errors
    ///
    /// What the service answers to all values that break a rule.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let segments = self.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        shapes::check_json(shapes::AskedJson {
            service: match self.service {
                Service::Functions => shapes::Service::Functions,
                Service::Pipelines => shapes::Service::Pipelines,
                Service::Schedules => shapes::Service::Schedules,
            },
            method: &self.method,
            path: &path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        })
    }

    /// A parameter of the address.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as a document of this shape. Nothing at all is an empty document.
    pub(super) fn input<T: DeserializeOwned>(&self, code: &'static str) -> Result<T, Fault> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| unreadable(code, "The request", &error))
    }

    /// The parts of the path between slashes, with their escapes undone.
    pub(super) fn segments(&self) -> Vec<String> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(decoded).collect()
    }
}

impl JsonAnswer {
    /// A document.
    pub(super) fn document(status: u16, document: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: document.to_string().into(),
        }
    }

    /// Nothing.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A refusal in the form that clients of the service read.
    pub(super) fn refusal(service: Service, fault: Fault) -> Self {
        let Fault { status, code, message } = fault;
        let document = match service {
            Service::Functions => json!({ "Type": if status < 500 { "User" } else { "Service" }, "Message": message }),
            Service::Pipelines => json!({ "__type": code, "message": message }),
            Service::Schedules => json!({ "Message": message }),
        };
        Self {
            headers: vec![("x-amzn-errortype", code.to_owned())],
            ..Self::document(status, &document)
        }
    }
}

/// A refusal.
pub(super) fn fault(status: u16, code: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        status,
        code,
        message: message.into(),
    }
}

/// A refusal of a document that cannot be read. It says where and why, and nothing of what stands there, which may be secret.
pub(super) fn unreadable(code: &'static str, what: &str, error: &serde_json::Error) -> Fault {
    let why = match error.classify() {
        Category::Syntax => "it is not JSON",
        Category::Eof => "it ends too early",
        Category::Data => "a field is missing, or has a value of another type than it should",
        Category::Io => "it could not be read to its end",
    };
    let (line, column) = (error.line(), error.column());
    let place = if line == 0 {
        String::new()
    } else {
        format!(" at line {line}, column {column}")
    };
    fault(400, code, format!("{what} cannot be read{place}: {why}"))
}

/// A refusal of something that is not here.
pub(super) fn not_implemented(what: &str) -> Fault {
    fault(
        501,
        "NotImplemented",
        format!("The local cloud does not implement {what}."),
    )
}

/// A document without the fields that have no value: AWS leaves them out.
pub(super) fn without_nulls(document: Value) -> Value {
    match document {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

/// What tokens begin with, so that a text which is none is found out.
const AFTER: &str = "after:";

/// A page of a list, and the token of what is left, if something is.
pub(super) type Page = (Vec<Value>, Option<String>);

/// A page of a list in the order of the field `key`: what follows `token`, `most` at most; `None` where the token is none.
///
/// Tokens name the last item of the page before and not how many came before it: what is made or deleted meanwhile lets nothing else be
/// left out or come twice.
pub(super) fn page_by_name(items: Vec<Value>, key: &str, token: Option<&str>, most: usize) -> Option<Page> {
    let begin = match token {
        Some(token) => {
            let last = token.strip_prefix(AFTER)?;
            items.partition_point(|item| named(item, key) <= last)
        }
        None => 0,
    };
    Some(cut(items, key, begin, most))
}

/// The same of a list in another order, whose items have an id in the field `key`. A token is of an item that is there.
pub(super) fn page_by_id(items: Vec<Value>, key: &str, token: Option<&str>, most: usize) -> Option<Page> {
    let begin = match token {
        Some(token) => {
            let last = token.strip_prefix(AFTER)?;
            items.iter().position(|item| named(item, key) == last)? + 1
        }
        None => 0,
    };
    Some(cut(items, key, begin, most))
}

fn cut(items: Vec<Value>, key: &str, begin: usize, most: usize) -> Page {
    let is_last = items.len().saturating_sub(begin) <= most;
    let items: Vec<Value> = items.into_iter().skip(begin).take(most).collect();
    let last = items.last().filter(|_| !is_last);
    let token = last.map(|last| format!("{AFTER}{}", named(last, key)));
    (items, token)
}

fn named<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_where_and_shows_no_value() {
        #[derive(Debug, serde::Deserialize)]
        struct Input {
            #[expect(dead_code, reason = "it is never read")]
            count: u32,
        }
        let refused = |body: &'static str| {
            let request = JsonRequest {
                service: Service::Functions,
                method: "POST".to_owned(),
                path: "/".to_owned(),
                query: Vec::new(),
                headers: BTreeMap::new(),
                body: body.into(),
                id: "request".to_owned(),
            };
            request.input::<Input>("Invalid").unwrap_err().message
        };
        for (body, place) in [
            ("{\"count\": \"hunter2\"}", "line 1, column"),
            ("{\"hunter2\": hunter2}", "not JSON"),
            ("{\"count\": 7", "ends too early"),
        ] {
            let message = refused(body);
            assert!(message.contains(place) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let list = |names: &[&str]| names.iter().map(|name| json!({ "id": name })).collect::<Vec<_>>();
        let all = list(&["a", "b", "c", "d", "e"]);
        for page in [page_by_name, page_by_id] {
            let (first, token) = page(all.clone(), "id", None, 2).unwrap();
            assert_eq!(first, list(&["a", "b"]));
            let (second, token) = page(all.clone(), "id", token.as_deref(), 2).unwrap();
            assert_eq!(second, list(&["c", "d"]));
            let (last, token) = page(all.clone(), "id", token.as_deref(), 2).unwrap();
            assert_eq!((last, token), (list(&["e"]), None));
            assert_eq!(page(all.clone(), "id", None, 5).unwrap(), (all.clone(), None));
            for token in ["x", "2"] {
                assert!(page(all.clone(), "id", Some(token), 2).is_none());
            }
        }
    }

    #[test]
    fn what_comes_and_goes_between_two_pages_moves_nothing_else() {
        let list = |names: &[&str]| names.iter().map(|name| json!({ "id": name })).collect::<Vec<_>>();
        let (_, token) = page_by_name(list(&["b", "c", "d", "e"]), "id", None, 2).unwrap();
        for now in [
            ["a", "b", "c", "d", "e"].as_slice(),
            &["c", "d", "e"],
            &["b", "d", "e"],
            &["d", "e"],
        ] {
            let (rest, _) = page_by_name(list(now), "id", token.as_deref(), 2).unwrap();
            assert_eq!(rest, list(&["d", "e"]), "{now:?}");
        }
        // The newest first, and there is a newer one.
        let (_, token) = page_by_id(list(&["7", "3", "9"]), "id", None, 2).unwrap();
        let (rest, _) = page_by_id(list(&["5", "7", "3", "9"]), "id", token.as_deref(), 2).unwrap();
        assert_eq!(rest, list(&["9"]));
        assert!(page_by_id(list(&["5", "7"]), "id", token.as_deref(), 2).is_none());
    }
}
