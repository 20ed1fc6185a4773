//! Signatures of requests (AWS Signature Version 4), checked when the cloud was given access keys.
//!
//! Headers and signed links are checked for all services. Of a body that is sent in signed chunks the first signature is
//! checked, which covers its headers; the store checks such bodies by their checksums.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{Request, StatusCode};
use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::body::{self, Body};
use super::refusal::{Refusal, Shape};
use super::route;
use crate::local::objects::hexadecimal;
use crate::model::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far clocks may be apart (source: "Troubleshooting AWS SigV4 errors", and S3's `RequestTimeTooSkewed`).
const SKEW: Duration = Duration::from_secs(5 * 60);
const SKEW_OF_STORE: Duration = Duration::from_secs(15 * 60);
/// The longest body whose signature is checked: each service has a limit of its own, and the highest is that of a function's package.
const LONGEST_SIGNED: usize = 1 << 27;
/// Where services are signed for that are the same in all regions.
const GLOBAL: &str = "us-east-1";
/// Longest life of a signed link, in seconds (source: "Authenticating Requests: Using Query Parameters", S3's API reference).
const LONGEST_LINK: u64 = 7 * 24 * 3600;

/// Access keys that a cloud knows.
#[derive(Clone, Default)]
pub struct Keys {
    secrets: BTreeMap<String, String>,
}

/// Ids only.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

/// Keys that cannot be read. The text that was read is not repeated, as it holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key number {number} is not of the form ID:SECRET; separate several by commas")]
pub struct KeysError {
    number: usize,
}

impl FromStr for Keys {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Self, KeysError> {
        let pairs = text.split(',').enumerate().map(|(index, pair)| {
            let wrong = KeysError { number: index + 1 };
            let (id, secret) = pair.trim().split_once(':').ok_or(wrong.clone())?;
            let plain = |id: &str| {
                !id.is_empty()
                    && id
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
            };
            if plain(id) && !secret.is_empty() {
                Ok((id.to_owned(), secret.to_owned()))
            } else {
                Err(wrong)
            }
        });
        Ok(Self {
            secrets: pairs.collect::<Result<_, _>>()?,
        })
    }
}

impl Keys {
    /// Ids of the keys, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }
}

/// What is wrong with a signature. Each protocol words it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Missing,
    Malformed,
    UnknownKey,
    Mismatch,
    Skewed,
    LinkExpired,
    LinkTooLong,
}

/// Checks a request, and gives it back if its signature is right.
pub(super) async fn verify(
    keys: &Keys,
    region: &str,
    request: Request<Body>,
    shape: &Shape,
    now: Timestamp,
) -> Result<Request<Body>, Refusal> {
    let of_store = *shape == Shape::Store;
    let refused = |fault| refusal(fault, shape);
    let (parts, content) = request.into_parts();
    let claim = Claim::of(&parts).map_err(refused)?;
    // First, so that nobody is listened to at length who cannot be right.
    let skew = if of_store { SKEW_OF_STORE } else { SKEW };
    claim.check_time(now, skew).map_err(refused)?;
    claim.secret(keys).map_err(refused)?;
    claim.check_region(region, shape)?;
    // Other services than S3 sign their bodies, which are small documents.
    let (payload, content) = if of_store {
        (store_payload(&parts, claim.is_link), content)
    } else {
        let document = body::collect_up_to(content, LONGEST_SIGNED).await?;
        (
            hexadecimal(&Sha256::digest(&document)),
            body::whole(Bytes::from(document)),
        )
    };
    claim.check(keys, &parts, &payload, of_store).map_err(refused)?;
    Ok(Request::from_parts(parts, content))
}

/// Refuses a link to an object whose time is over, also where no keys are known that could tell who made it.
pub(super) fn check_link<B>(request: &Request<B>, shape: &Shape, now: Timestamp) -> Result<(), Refusal> {
    if *shape != Shape::Store || request.headers().contains_key(AUTHORIZATION) {
        return Ok(());
    }
    let query = request.uri().query().unwrap_or_default();
    let value = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value)
    };
    let number = |name: &str| value(name)?.parse::<i64>().ok();
    if number("X-Amz-Expires").is_some_and(|life| life > LONGEST_LINK.cast_signed()) {
        return Err(refusal(Fault::LinkTooLong, shape));
    }
    // The second from which on it is of no use any more. Links of the older kind say it themselves.
    let ends = match (value("X-Amz-Date"), number("X-Amz-Expires")) {
        (Some(date), Some(life)) => made_at(&date).map(|made| made.as_second().saturating_add(life)),
        _ => number("Expires").filter(|_| value("AWSAccessKeyId").is_some()),
    };
    match ends {
        Some(ends) if now.as_millis() / 1000 > ends => Err(refusal(Fault::LinkExpired, shape)),
        _ => Ok(()),
    }
}

/// The moment that a date of a signature stands for, such as `20261126T042445Z`.
fn made_at(date: &str) -> Option<jiff::Timestamp> {
    let made = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(made.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// What S3's clients say of the body in place of its digest, or the digest.
fn store_payload(parts: &Parts, is_link: bool) -> String {
    match parts.headers.get("x-amz-content-sha256") {
        Some(payload) => String::from_utf8_lossy(payload.as_bytes()).into_owned(),
        None if is_link => "UNSIGNED-PAYLOAD".to_owned(),
        None => hexadecimal(&Sha256::digest([])),
    }
}

/// What a request says about its signature.
#[derive(Debug)]
struct Claim {
    key: String,
    /// `20261126/eu-central-1/s3/aws4_request`
    scope: String,
    signed_headers: Vec<String>,
    signature: Vec<u8>,
    /// `20261126T042445Z`
    date: String,
    is_link: bool,
    /// Of a link, in seconds.
    expires: u64,
}

impl Claim {
    fn of(parts: &Parts) -> Result<Self, Fault> {
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next()) {
            (Some(header), None) => Self::of_header(parts, header.to_str().map_err(|_| Fault::Malformed)?),
            (Some(_), Some(_)) => Err(Fault::Malformed),
            (None, _) => Self::of_link(parts),
        }
    }

    fn of_header(parts: &Parts, header: &str) -> Result<Self, Fault> {
        let rest = header.strip_prefix(ALGORITHM).ok_or(Fault::Malformed)?;
        let fields = once_each(rest.split(',').filter_map(|field| field.trim().split_once('=')))?;
        let field = |name: &str| fields.get(name).copied().ok_or(Fault::Malformed);
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        Self::new(
            &credential(parts)?,
            field("SignedHeaders")?,
            field("Signature")?,
            date.ok_or(Fault::Malformed)?,
            None,
        )
    }

    fn of_link(parts: &Parts) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let fields = form_urlencoded::parse(query.as_bytes()).into_owned();
        // Other parameters may come again.
        let fields = once_each(fields.filter(|(name, _)| name.starts_with("X-Amz-")))?;
        if !fields.contains_key("X-Amz-Signature") {
            return Err(Fault::Missing);
        }
        let field = |name: &str| fields.get(name).map(String::as_str).ok_or(Fault::Malformed);
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Fault::Malformed);
        }
        let expires = field("X-Amz-Expires").map_or(Ok(900), |text| text.parse().map_err(|_| Fault::Malformed))?;
        Self::new(
            &credential(parts)?,
            field("X-Amz-SignedHeaders")?,
            field("X-Amz-Signature")?,
            field("X-Amz-Date")?,
            Some(expires),
        )
    }

    fn new(credential: &str, signed: &str, signature: &str, date: &str, expires: Option<u64>) -> Result<Self, Fault> {
        // From the end, as a key id may have slashes.
        let mut ends = credential.rmatch_indices('/').map(|(place, _)| place);
        let place = ends.nth(3).ok_or(Fault::Malformed)?;
        let (key, scope) = (&credential[..place], &credential[place + 1..]);
        let signed_headers: Vec<String> = signed.split(';').map(str::to_ascii_lowercase).collect();
        let day = date.get(..8).ok_or(Fault::Malformed)?;
        let names_its_host = signed_headers.iter().any(|name| name == "host");
        if !scope.starts_with(&format!("{day}/")) || !scope.ends_with("/aws4_request") || !names_its_host {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            key: key.to_owned(),
            scope: scope.to_owned(),
            signed_headers,
            signature: unhex(signature).ok_or(Fault::Malformed)?,
            date: date.to_owned(),
            is_link: expires.is_some(),
            expires: expires.unwrap_or_default(),
        })
    }

    fn check_time(&self, now: Timestamp, skew: Duration) -> Result<(), Fault> {
        let made = made_at(&self.date).ok_or(Fault::Malformed)?;
        let age = now.as_millis() - made.as_millisecond();
        let skew = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        if age < -skew {
            return Err(Fault::Skewed);
        }
        if !self.is_link {
            return if age > skew { Err(Fault::Skewed) } else { Ok(()) };
        }
        let life = i64::try_from(self.expires.min(LONGEST_LINK))
            .unwrap_or(i64::MAX)
            .saturating_mul(1000);
        if age > life { Err(Fault::LinkExpired) } else { Ok(()) }
    }

    /// Refuses what is signed for another region, in AWS's words. Services that are the same everywhere are signed for `us-east-1` there,
    /// and for their own region by clients that were given the address of an endpoint.
    fn check_region(&self, expected: &str, shape: &Shape) -> Result<(), Refusal> {
        let mut scope = self.scope.split('/').skip(1);
        let (given, service) = (scope.next().unwrap_or_default(), scope.next().unwrap_or_default());
        let is_global = ["iam", "route53", "sts"].contains(&service);
        if given == expected || is_global && given == GLOBAL {
            return Ok(());
        }
        let (status, code, message) = match shape {
            Shape::Store if self.is_link => (
                StatusCode::BAD_REQUEST,
                "AuthorizationQueryParametersError",
                format!(
                    "Error parsing the X-Amz-Credential parameter; the region '{given}' is wrong; expecting '{expected}'"
                ),
            ),
            Shape::Store => (
                StatusCode::BAD_REQUEST,
                "AuthorizationHeaderMalformed",
                format!("The authorization header is malformed; the region '{given}' is wrong; expecting '{expected}'"),
            ),
            _ => {
                let refusal = refusal(Fault::Mismatch, shape);
                (
                    refusal.status,
                    refusal.code,
                    format!("Credential should be scoped to a valid region, not '{given}'."),
                )
            }
        };
        Err(Refusal { status, code, message })
    }

    fn secret<'a>(&self, keys: &'a Keys) -> Result<&'a str, Fault> {
        let secret = keys.secrets.get(&self.key).ok_or(Fault::UnknownKey)?;
        Ok(secret)
    }

    fn check(&self, keys: &Keys, parts: &Parts, payload: &str, of_store: bool) -> Result<(), Fault> {
        let secret = self.secret(keys)?;
        let request = self.canonical_request(parts, payload, of_store);
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.date,
            self.scope,
            hexadecimal(&Sha256::digest(request))
        );
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        for part in self.scope.split('/') {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        // In constant time.
        hmac::verify(&key, to_sign.as_bytes(), &self.signature).map_err(|_| Fault::Mismatch)
    }

    fn canonical_request(&self, parts: &Parts, payload: &str, of_store: bool) -> String {
        let path = parts.uri.path();
        // S3 takes a path as it was sent; the others encode it once more.
        let path = if of_store {
            path.to_owned()
        } else {
            encoded(path.as_bytes(), b"/")
        };
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.replace('+', "%2B").as_bytes())
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| (encoded(name.as_bytes(), b""), encoded(value.as_bytes(), b"")))
            .collect();
        pairs.sort();
        let query: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers: String = self
            .signed_headers
            .iter()
            .map(|name| format!("{name}:{}\n", header(parts, name)))
            .collect();
        format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{payload}",
            parts.method,
            query.join("&"),
            self.signed_headers.join(";")
        )
    }
}

/// Who has signed, as everybody else here reads it.
fn credential(parts: &Parts) -> Result<String, Fault> {
    route::scope_of(&parts.headers, &parts.uri).ok_or(Fault::Malformed)
}

/// Fields by name. Of two with the same name nobody can say which one counts.
fn once_each<K: Ord, V>(fields: impl Iterator<Item = (K, V)>) -> Result<BTreeMap<K, V>, Fault> {
    let mut found = BTreeMap::new();
    for (name, value) in fields {
        if found.insert(name, value).is_some() {
            return Err(Fault::Malformed);
        }
    }
    Ok(found)
}

/// A header's values, each without needless spaces.
fn header(parts: &Parts, name: &str) -> String {
    let values = parts.headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let joined = values.collect::<Vec<_>>().join(",");
    match parts.uri.authority() {
        // In process there may be no such header.
        Some(authority) if joined.is_empty() && name == HOST.as_str() => authority.to_string(),
        _ => joined,
    }
}

/// All but letters, digits, `-._~` and what is kept is written as `%XX`.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok())
        .collect()
}

/// The fault in the words of a protocol.
fn refusal(fault: Fault, shape: &Shape) -> Refusal {
    const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
                            Key and signing method. Consult the service documentation for details.";
    let of_document = matches!(shape, Shape::Json(_) | Shape::Cbor);
    // Services that speak REST refuse with another status than those that name the operation in a header.
    let speaks_rest = matches!(shape, Shape::Json(kind) if kind == "application/json");
    let of_key = if speaks_rest { 403 } else { 400 };
    let (status, code, message) = match (fault, shape) {
        (Fault::Missing, Shape::Store) => (403, "AccessDenied", "Access Denied"),
        (Fault::Missing, _) if of_document => (
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (Fault::Missing, _) => (
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        (Fault::Malformed, Shape::Store) => (
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed.",
        ),
        (Fault::Malformed, _) if of_document => (400, "IncompleteSignatureException", "The signature is not whole."),
        (Fault::Malformed, _) => (
            400,
            "IncompleteSignature",
            "The request signature does not conform to AWS standards.",
        ),
        (Fault::UnknownKey, Shape::Store) => (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        (Fault::UnknownKey, _) if of_document => (
            of_key,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (Fault::UnknownKey, _) => (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        (Fault::Mismatch, Shape::Store) => (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        ),
        (Fault::Mismatch, _) if of_document => (of_key, "InvalidSignatureException", MISMATCH),
        (Fault::Mismatch, _) => (403, "SignatureDoesNotMatch", MISMATCH),
        (Fault::Skewed, Shape::Store) => (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (Fault::Skewed, _) if of_document => (
            of_key,
            "InvalidSignatureException",
            "Signature expired or not yet current.",
        ),
        (Fault::Skewed, _) => (403, "SignatureDoesNotMatch", "Signature expired or not yet current."),
        (Fault::LinkTooLong, _) => (
            400,
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
        (Fault::LinkExpired, Shape::Store) => (403, "AccessDenied", "Request has expired"),
        (Fault::LinkExpired, _) => (403, "SignatureDoesNotMatch", "Signature expired."),
    };
    Refusal {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
        code,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
