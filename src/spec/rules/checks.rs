//! Rules for HTTP checks.

use std::collections::BTreeMap;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method};
use regex::Regex;

use super::{Findings, times};
use crate::model::Span;
use crate::spec::document::Place;
use crate::spec::redact;
use crate::spec::{CHECKS_AT_ONCE, Check, Spec};

/// How long a round of checks may take. A look is cut off after 50 s, and what was seen is too old to count after a minute; then
/// nothing at all would be known of a green that hangs, and nothing would take it back. Some seconds are left for the rest.
const LONGEST_ROUND: Span = Span::from_secs(40);

/// Headers that belong to the connection, not to the user.
const OWN_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers whose values let somebody in.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-access-token",
    "x-api-key",
    "x-auth-token",
];

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["smoke", "checks"]);
    let is_written_empty = findings
        .document
        .get(&place)
        .and_then(|value| value.as_array())
        .is_some_and(|a| a.is_empty());
    if is_written_empty && !findings.lost_element(&place) {
        findings.add(
            &place,
            "`smoke.checks` is empty: nothing would show that green answers",
            "leave it out to ask for `GET /`",
        );
    }
    // The checks of steps are asked together with those of the bake, in the last step all of them.
    let mut baking = spec.bake_checks();
    baking.extend(spec.steps().into_iter().flat_map(|step| step.checks));
    round("smoke", &spec.smoke.checks, findings);
    round("bake", &baking, findings);
    for (table, checks) in [("smoke", &spec.smoke.checks), ("bake", &spec.bake.checks)] {
        for (index, check) in checks.iter().enumerate() {
            one(check, &Place::of(&[table, "checks"]).index(index), findings);
        }
    }
}

/// Whether all checks that are asked together have their answers in time, even if none comes before its timeout.
fn round(table: &str, checks: &[Check], findings: &mut Findings<'_>) {
    let timeouts = checks.iter().map(|check| check.timeout);
    // A longer one is reported at its own place.
    let longest = timeouts
        .filter(|timeout| *timeout <= LONGEST_ROUND)
        .max()
        .unwrap_or_default();
    let waves = u32::try_from(checks.len().div_ceil(CHECKS_AT_ONCE)).unwrap_or(u32::MAX);
    let whole = Span::from(longest.get().saturating_mul(waves));
    if whole > LONGEST_ROUND {
        findings.add(
            &Place::of(&[table, "checks"]),
            format!(
                "the {} checks of one round may take {whole}, {CHECKS_AT_ONCE} at a time and up to {longest} each; after {LONGEST_ROUND} \
                 nothing would be known of green",
                checks.len()
            ),
            "write shorter timeouts, or fewer checks",
        );
    }
}

/// The rules for one check.
pub(super) fn one(check: &Check, place: &Place, findings: &mut Findings<'_>) {
    request(check, place, findings);
    expectation(check, place, findings);
}

fn request(check: &Check, place: &Place, findings: &mut Findings<'_>) {
    method(&check.method, &place.key("method"), findings);
    path(&check.path, &place.key("path"), findings);
    if let Some(host) = &check.host {
        let valid = host
            .parse::<Authority>()
            .is_ok_and(|parsed| !parsed.host().is_empty() && !host.contains('@'));
        if !valid {
            let place = place.key("host");
            findings.add(
                &place,
                format!("`{place}` is not the name of a host"),
                "write a name, with a port if need be: \"www.example.com\" or \"localhost:8080\"",
            );
        }
    }
    headers(&check.headers, &place.key("headers"), findings);
    let place = place.key("timeout");
    times::length(&place, check.timeout, false, findings);
    if check.timeout > LONGEST_ROUND {
        findings.add(
            &place,
            format!("`{place}` ({}) is longer than {LONGEST_ROUND}", check.timeout),
            "whoever waits longer with one look knows nothing of a green that hangs, and does not take it back: write a shorter time",
        );
    }
}

/// The rules for request headers: the journal keeps them.
pub(super) fn headers(headers: &BTreeMap<String, String>, place: &Place, findings: &mut Findings<'_>) {
    for (name, value) in headers {
        let place = place.key(name);
        let lower = name.to_ascii_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            findings.add_at_key(
                &place,
                format!("`{name}` is not the name of a header"),
                "letters, digits and hyphens may stand in it",
            );
        } else if lower == "host" {
            findings.add_at_key(
                &place,
                "`host` is not set among the headers",
                "use the check's own key `host`",
            );
        } else if OWN_HEADERS.contains(&lower.as_str()) {
            findings.add_at_key(&place, format!("`{name}` belongs to the connection"), "leave it out");
        } else if SECRET_HEADERS.contains(&lower.as_str()) && !value.contains("${") {
            // The journal must not keep secrets.
            findings.add(
                &place,
                format!("the value of `{name}` is a secret, and stands here for all to read"),
                "name an environment variable instead: \"Bearer ${SMOKE_TOKEN}\"",
            );
        } else if HeaderValue::from_str(value).is_err() {
            findings.add_at_key(
                &place,
                format!("the value of `{name}` cannot be sent in a header"),
                "it must be one line of printable characters",
            );
        }
    }
}

fn method(method: &str, place: &Place, findings: &mut Findings<'_>) {
    let upper = method.to_ascii_uppercase();
    let common = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if method != upper && common.contains(&upper.as_str()) {
        findings.add(
            place,
            format!("`{place}` must be in capital letters"),
            format!("write \"{upper}\""),
        );
    } else if Method::from_bytes(method.as_bytes()).is_err() || method == "CONNECT" {
        findings.add(
            place,
            format!("`{place}` is not a method that a check can use"),
            "write for example \"GET\"",
        );
    }
}

fn path(path: &str, place: &Place, findings: &mut Findings<'_>) {
    if !path.starts_with('/') {
        findings.add(
            place,
            format!("`{place}` must begin with `/`"),
            "write for example \"/health\"",
        );
    } else if path.starts_with("//") {
        findings.add(
            place,
            format!("`{place}` begins with `//`, which would name another host"),
            "write one `/`; another host is set by `host`",
        );
    } else if path.contains('#') || path.contains('\\') || path.parse::<PathAndQuery>().is_err() {
        findings.add(
            place,
            format!("`{place}` holds a character that a path cannot"),
            "write it with percent encoding, such as `%20` for a space",
        );
    }
    parameters(path, place, findings);
}

/// The rule for the query of an address: the journal keeps it.
pub(super) fn parameters(address: &str, place: &Place, findings: &mut Findings<'_>) {
    if let Some(name) = redact::secret_parameter(address) {
        findings.add(
            place,
            format!("the value of `{name}` in `{place}` is a secret, and stands here for all to read"),
            "send it in a header from an environment variable: headers = { authorization = \"Bearer ${TOKEN}\" }",
        );
    }
}

fn expectation(check: &Check, place: &Place, findings: &mut Findings<'_>) {
    let expect = &check.expect;
    let timeout = place.key("timeout");
    let place = place.key("expect");
    let status = place.key("status");
    if expect.status.is_empty() && !findings.lost_element(&status) {
        findings.add(
            &status,
            format!("`{status}` is empty: no answer could pass"),
            "leave it out for 200 to 299",
        );
    }
    if let Some(pattern) = &expect.body {
        pattern_compiles(pattern, &place.key("body"), findings);
    }
    for (name, pattern) in &expect.headers {
        let place = place.key("headers").key(name);
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            findings.add_at_key(
                &place,
                format!("`{name}` is not the name of a header"),
                "letters, digits and hyphens may stand in it",
            );
        }
        pattern_compiles(pattern, &place, findings);
    }
    for pointer in expect.json.keys() {
        let place = place.key("json").key(pointer);
        let bad_escape = pointer.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
        if !(pointer.is_empty() || pointer.starts_with('/')) || bad_escape {
            findings.add_at_key(
                &place,
                format!("`{pointer}` is not a JSON pointer"),
                "it begins with `/`, as in \"/status\" or \"/checks/0/ok\"; \"\" is the whole body",
            );
        }
        if findings
            .document
            .get(&place)
            .is_some_and(toml::de::DeValue::is_datetime)
        {
            findings.add(
                &place,
                "JSON has no dates",
                "write it in quotes, as it stands in the answer",
            );
        }
    }
    if let Some(longest) = expect.max_latency {
        let place = place.key("max_latency");
        times::length(&place, longest, false, findings);
        if longest > check.timeout && findings.intact(&[&place, &timeout]) {
            findings.add(
                &place,
                format!(
                    "`{place}` ({longest}) is longer than the check's timeout ({})",
                    check.timeout
                ),
                "set `timeout` of the check, too",
            );
        }
    }
}

fn pattern_compiles(pattern: &str, place: &Place, findings: &mut Findings<'_>) {
    if let Err(error) = Regex::new(pattern) {
        let text = error.to_string();
        // The last line says why; those before draw the pattern, which the file shows already.
        let why = text.lines().last().unwrap_or_default().trim();
        let why = why.trim_start_matches("error: ");
        findings.add(
            place,
            format!("`{place}` is not a regular expression: {why}"),
            "see https://docs.rs/regex/#syntax; in single quotes, TOML leaves backslashes as they are",
        );
    }
}
