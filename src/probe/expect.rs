//! Compares an answer with what a check expects of it. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use regex::Regex;
use serde_json::Value;
use url::Url;

use crate::spec::Expectation;

/// How much of a body or value is shown in a failure.
const SHOWN: usize = 80;

/// Headers of an answer whose values are credentials: they are compared, never shown.
const SECRET_HEADERS: [&str; 4] = [
    "set-cookie",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
];

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The body, or its beginning.
    pub(super) body: Vec<u8>,
    /// Whether the body was longer than what was read of it.
    pub(super) cut: bool,
    pub(super) latency: Duration,
    /// Whether it came by https.
    pub(super) secure: bool,
}

/// What is wrong with an answer; `None` when nothing is.
///
/// A wrong status stands alone, as a different page explains all the rest; otherwise everything that is wrong is told.
pub(super) fn failure(expect: &Expectation, answer: &Answer) -> Option<String> {
    if !passes(expect, answer.status) {
        return Some(wrong_status(expect, answer));
    }
    let mut wrong = Vec::new();
    wrong.extend(wrong_headers(&expect.headers, &answer.headers));
    if let Some(pattern) = &expect.body {
        wrong.extend(wrong_body(pattern, &answer.body));
    }
    if !expect.json.is_empty() {
        wrong.extend(wrong_json(&expect.json, answer));
    }
    if let Some(allowed) = expect.max_latency
        && answer.latency > allowed.get()
    {
        wrong.push(format!(
            "took {} ms, allowed {} ms",
            // Rounded up, so that it never reads "took 500 ms, allowed 500 ms".
            answer.latency.as_micros().div_ceil(1000),
            allowed.get().as_millis()
        ));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

fn wrong_status(expect: &Expectation, answer: &Answer) -> String {
    let status = answer.status;
    let ranges: Vec<String> = expect.status.iter().map(ToString::to_string).collect();
    if ranges.is_empty() {
        return format!("got status {status}, but the check's list of statuses that pass is empty");
    }
    let told = format!("expected status {}, got {status}", ranges.join(" or "));
    if leads_to_https(answer).is_some() {
        return format!(
            "{told}, which leads to https; an environment itself is asked by http, and by https only where `public_url` is \
             https, its balancer is its own, and the answer leads to the same host and path: let this check expect {status}, or \
             ask a path that is answered by http"
        );
    }
    told
}

/// Whether a status is one that the check expects.
pub(super) fn passes(expect: &Expectation, status: u16) -> bool {
    expect.status.iter().any(|range| range.contains(status))
}

/// Whether one of the answers that lead elsewhere is what a check wants.
pub(super) fn redirect_passes(expect: &Expectation) -> bool {
    (300..400).any(|status| passes(expect, status))
}

/// Where it sends whoever asked by http, if that is by https, as with applications that want to be reached by nothing else.
pub(super) fn leads_to_https(answer: &Answer) -> Option<Url> {
    let location = answer.headers.get(http::header::LOCATION)?.to_str().ok()?;
    let location = Url::parse(location).ok().filter(|url| url.scheme() == "https")?;
    (!answer.secure && (300..400).contains(&answer.status)).then_some(location)
}

/// Compiles a pattern, or says why that cannot be.
fn compile(pattern: &str) -> Result<Regex, String> {
    // The error of the library spans several lines and draws an arrow; its last line is the reason.
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim();
        format!(
            "the check's pattern /{pattern}/ is not a regular expression: {}",
            reason.trim_start_matches("error: ")
        )
    })
}

fn wrong_headers(expected: &BTreeMap<String, String>, headers: &HeaderMap) -> Vec<String> {
    expected
        .iter()
        .filter_map(|(name, pattern)| {
            let pattern = match compile(pattern) {
                Ok(pattern) => pattern,
                Err(problem) => return Some(problem),
            };
            let values: Vec<String> = headers
                .get_all(name.as_str())
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            if values.is_empty() {
                Some(format!("header {name} is missing"))
            } else if values.iter().any(|value| pattern.is_match(value)) {
                None
            } else if SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                Some(format!("header {name} does not match /{pattern}/"))
            } else {
                let shown = values.join(", ");
                Some(format!(
                    "header {name} does not match /{pattern}/, got {}",
                    quote(&shown)
                ))
            }
        })
        .collect()
}

fn wrong_body(pattern: &str, body: &[u8]) -> Option<String> {
    match compile(pattern) {
        Err(problem) => Some(problem),
        Ok(pattern) if pattern.is_match(&String::from_utf8_lossy(body)) => None,
        Ok(pattern) => Some(format!("body does not match /{pattern}/ ({})", beginning(body))),
    }
}

fn wrong_json(expected: &BTreeMap<String, Value>, answer: &Answer) -> Vec<String> {
    if answer.cut {
        return vec!["the body is longer than 1 MiB, so its JSON was not read".to_owned()];
    }
    let found: Value = match serde_json::from_slice(&answer.body) {
        Ok(value) => value,
        Err(error) => return vec![format!("body is not JSON: {error} ({})", beginning(&answer.body))],
    };
    expected
        .iter()
        .filter_map(|(pointer, value)| {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Some(format!(
                    "{pointer:?} is not a JSON pointer; it starts with a slash, such as \"/status\""
                ));
            }
            match found.pointer(pointer) {
                None => Some(format!(
                    "at {pointer}: expected {}, but there is nothing",
                    clip(&value.to_string())
                )),
                Some(found) if same(found, value) => None,
                Some(found) => Some(format!(
                    "at {pointer}: expected {}, got {}",
                    clip(&value.to_string()),
                    clip(&found.to_string())
                )),
            }
        })
        .collect()
}

/// Equality of JSON values, where `1` and `1.0` are one number: the expectation comes from TOML, which tells them apart.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// The beginning of a body, for a person.
fn beginning(body: &[u8]) -> String {
    if body.is_empty() {
        "the body is empty".to_owned()
    } else if body.len() <= SHOWN {
        format!("body: {:?}", String::from_utf8_lossy(body))
    } else {
        format!("first {SHOWN} bytes: {:?}", String::from_utf8_lossy(&body[..SHOWN]))
    }
}

fn quote(text: &str) -> String {
    format!("{:?}", clip(text))
}

/// At most [`SHOWN`] characters of a text.
fn clip(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    fn expectation(toml: &str) -> Expectation {
        toml::from_str(toml).expect("an expectation")
    }

    fn judge(toml: &str, status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        failure(
            &expectation(toml),
            &Answer {
                status,
                headers: map,
                body: body.as_bytes().to_vec(),
                cut: false,
                latency: Duration::from_millis(812),
                secure: false,
            },
        )
    }

    #[test]
    fn the_status_must_be_in_one_of_the_ranges() {
        assert_eq!(judge("", 204, &[], ""), None);
        assert_eq!(judge("", 503, &[], "").unwrap(), "expected status 200-299, got 503");
        assert_eq!(judge("status = [\"200-299\", 404]", 404, &[], ""), None);
        assert_eq!(
            judge("status = [\"200-299\", 404]", 405, &[], "").unwrap(),
            "expected status 200-299 or 404, got 405"
        );
        // A wrong status explains a wrong body.
        assert_eq!(
            judge("body = 'ok'", 500, &[], "no").unwrap(),
            "expected status 200-299, got 500"
        );
        assert!(judge("status = []", 200, &[], "").unwrap().contains("empty"));
    }

    #[test]
    fn whoever_is_sent_to_https_is_told_what_to_do() {
        let to = |location: &str| judge("", 301, &[("location", location)], "").unwrap();
        let told = to("https://www.example.com/");
        assert!(
            told.starts_with("expected status 200-299, got 301, which leads to https"),
            "{told}"
        );
        assert!(told.contains("let this check expect 301"), "{told}");
        assert!(!told.contains("example.com"), "an address may hold a token");
        assert_eq!(to("http://www.example.com/"), "expected status 200-299, got 301");
    }

    #[test]
    fn the_body_must_match() {
        assert_eq!(judge("body = 'o+k'", 200, &[], "it is oook"), None);
        assert_eq!(
            judge("body = 'ok'", 200, &[], "starting").unwrap(),
            "body does not match /ok/ (body: \"starting\")"
        );
        assert_eq!(
            judge("body = 'ok'", 200, &[], "").unwrap(),
            "body does not match /ok/ (the body is empty)"
        );
        let long = "x".repeat(79) + "äx";
        let text = judge("body = 'ok'", 200, &[], &long).unwrap();
        assert!(text.contains("(first 80 bytes: \"xxx"), "{text}");
        let text = judge("body = '(ok'", 200, &[], "ok").unwrap();
        assert_eq!(
            text,
            "the check's pattern /(ok/ is not a regular expression: unclosed group"
        );
    }

    #[test]
    fn json_values_must_stand_at_their_pointers() {
        let toml = "[json]\n'/status' = 'ok'\n'/parts/0/ready' = true";
        assert_eq!(
            judge(toml, 200, &[], r#"{"status":"ok","parts":[{"ready":true}]}"#),
            None
        );
        assert_eq!(
            judge(toml, 200, &[], r#"{"status":"starting","parts":[]}"#).unwrap(),
            "at /parts/0/ready: expected true, but there is nothing; at /status: expected \"ok\", got \"starting\""
        );
        let text = judge(toml, 200, &[], "<html>").unwrap();
        assert!(
            text.starts_with("body is not JSON: expected value at line 1 column 1"),
            "{text}"
        );
        let text = judge("json = { status = 'ok' }", 200, &[], "{}").unwrap();
        assert!(text.starts_with("\"status\" is not a JSON pointer"), "{text}");
        let numbers = "[json]\n'/n' = [1, 2.0]";
        assert_eq!(judge(numbers, 200, &[], r#"{"n":[1.0,2]}"#), None);
        assert!(judge(numbers, 200, &[], r#"{"n":[1.5,2]}"#).is_some());
    }

    #[test]
    fn headers_must_be_there_and_match_whatever_the_case_of_their_names() {
        let toml = "[headers]\n'X-App-Version' = '^2$'";
        assert_eq!(judge(toml, 200, &[("x-app-version", "2")], ""), None);
        assert_eq!(judge(toml, 200, &[], "").unwrap(), "header X-App-Version is missing");
        assert_eq!(
            judge(toml, 200, &[("x-app-version", "1")], "").unwrap(),
            "header X-App-Version does not match /^2$/, got \"1\""
        );
        let text = judge("[headers]\n'Set-Cookie' = 'x'", 200, &[("set-cookie", "token=abc")], "").unwrap();
        assert_eq!(text, "header Set-Cookie does not match /x/");
    }

    #[test]
    fn a_slow_answer_is_told_with_both_times() {
        assert_eq!(judge("max_latency = '812ms'", 200, &[], ""), None);
        assert_eq!(
            judge("max_latency = '500ms'", 200, &[], "").unwrap(),
            "took 812 ms, allowed 500 ms"
        );
        let expect = Expectation {
            max_latency: Some(Span::from_millis(500)),
            ..Expectation::default()
        };
        let answer = Answer {
            status: 200,
            headers: HeaderMap::new(),
            body: Vec::new(),
            cut: false,
            latency: Duration::from_micros(500_100),
            secure: false,
        };
        assert_eq!(failure(&expect, &answer).unwrap(), "took 501 ms, allowed 500 ms");
    }
}
