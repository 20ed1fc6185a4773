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
use crate::model::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far clocks may be apart (source: "Troubleshooting AWS SigV4 errors", and S3's `RequestTimeTooSkewed`).
const SKEW: Duration = Duration::from_secs(5 * 60);
const SKEW_OF_STORE: Duration = Duration::from_secs(15 * 60);
/// Longest life of a signed link.
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
}

/// Checks a request, and gives it back if its signature is right.
pub(super) async fn verify(
    keys: &Keys,
    request: Request<Body>,
    of_store: bool,
    now: Timestamp,
) -> Result<Request<Body>, (Refusal, Shape)> {
    let shape = if of_store { Shape::Store } else { Shape::of(&request) };
    let (parts, content) = request.into_parts();
    let claim = Claim::of(&parts).map_err(|fault| (refusal(fault, &shape), shape.clone()))?;
    // Other services than S3 sign their bodies, which are small documents.
    let (payload, content) = if of_store {
        (store_payload(&parts, claim.is_link), content)
    } else {
        let document = body::collect(content)
            .await
            .map_err(|refusal| (refusal, shape.clone()))?;
        (hex(&Sha256::digest(&document)), body::whole(Bytes::from(document)))
    };
    let skew = if of_store { SKEW_OF_STORE } else { SKEW };
    let checked = claim
        .check_time(now, skew)
        .and_then(|()| claim.check(keys, &parts, &payload, of_store));
    match checked {
        Ok(()) => Ok(Request::from_parts(parts, content)),
        Err(fault) => Err((refusal(fault, &shape), shape)),
    }
}

/// What S3's clients say of the body in place of its digest, or the digest.
fn store_payload(parts: &Parts, is_link: bool) -> String {
    match parts.headers.get("x-amz-content-sha256") {
        Some(payload) => String::from_utf8_lossy(payload.as_bytes()).into_owned(),
        None if is_link => "UNSIGNED-PAYLOAD".to_owned(),
        None => hex(&Sha256::digest([])),
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
        match parts.headers.get(AUTHORIZATION) {
            Some(header) => Self::of_header(parts, header.to_str().map_err(|_| Fault::Malformed)?),
            None => Self::of_link(parts),
        }
    }

    fn of_header(parts: &Parts, header: &str) -> Result<Self, Fault> {
        let rest = header.strip_prefix(ALGORITHM).ok_or(Fault::Malformed)?;
        let fields: BTreeMap<&str, &str> = rest
            .split(',')
            .filter_map(|field| field.trim().split_once('='))
            .collect();
        let field = |name: &str| fields.get(name).copied().ok_or(Fault::Malformed);
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        Self::new(
            field("Credential")?,
            field("SignedHeaders")?,
            field("Signature")?,
            date.ok_or(Fault::Malformed)?,
            None,
        )
    }

    fn of_link(parts: &Parts) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let fields: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if !fields.contains_key("X-Amz-Signature") {
            return Err(Fault::Missing);
        }
        let field = |name: &str| fields.get(name).map(String::as_str).ok_or(Fault::Malformed);
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Fault::Malformed);
        }
        let expires = field("X-Amz-Expires").map_or(Ok(900), |text| text.parse().map_err(|_| Fault::Malformed))?;
        Self::new(
            field("X-Amz-Credential")?,
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
        let made = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &self.date)
            .and_then(|made| made.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|_| Fault::Malformed)?;
        let age = now.as_millis() - made.timestamp().as_millisecond();
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

    fn check(&self, keys: &Keys, parts: &Parts, payload: &str, of_store: bool) -> Result<(), Fault> {
        let secret = keys.secrets.get(&self.key).ok_or(Fault::UnknownKey)?;
        let request = self.canonical_request(parts, payload, of_store);
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.date,
            self.scope,
            hex(&Sha256::digest(request))
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 != 0 {
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
            400,
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
        (Fault::Mismatch, _) if of_document => (400, "InvalidSignatureException", MISMATCH),
        (Fault::Mismatch, _) => (403, "SignatureDoesNotMatch", MISMATCH),
        (Fault::Skewed, Shape::Store) => (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (Fault::Skewed, _) if of_document => (
            400,
            "InvalidSignatureException",
            "Signature expired or not yet current.",
        ),
        (Fault::Skewed, _) => (403, "SignatureDoesNotMatch", "Signature expired or not yet current."),
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
mod tests {
    use super::*;

    /// The example of the documentation: "Authenticating Requests: Using the Authorization Header", GET Object.
    fn example(range: &str) -> Parts {
        let empty = hex(&Sha256::digest([]));
        Request::get("http://examplebucket.s3.amazonaws.com/test.txt")
            .header("host", "examplebucket.s3.amazonaws.com")
            .header("range", range)
            .header("x-amz-content-sha256", empty)
            .header("x-amz-date", "20130524T000000Z")
            .header(
                AUTHORIZATION,
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            )
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn keys() -> Keys {
        "OTHER:x,AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
            .parse()
            .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn the_documented_example_is_right_and_any_change_is_wrong() {
        let check = |parts: &Parts, keys: &Keys| {
            let claim = Claim::of(parts).unwrap();
            claim.check(keys, parts, &store_payload(parts, false), true)
        };
        assert_eq!(check(&example("bytes=0-9"), &keys()), Ok(()));
        assert_eq!(check(&example("bytes=0-8"), &keys()), Err(Fault::Mismatch));
        let other = "AKIAIOSFODNN7EXAMPLE:another".parse().unwrap();
        assert_eq!(check(&example("bytes=0-9"), &other), Err(Fault::Mismatch));
        assert_eq!(
            check(&example("bytes=0-9"), &"B:x".parse().unwrap()),
            Err(Fault::UnknownKey)
        );
    }

    /// The example of the documentation: "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_documented_link_is_right_until_it_expires() {
        let link = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
            &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        let parts = Request::get(link).body(()).unwrap().into_parts().0;
        let claim = Claim::of(&parts).unwrap();
        assert_eq!(claim.check(&keys(), &parts, "UNSIGNED-PAYLOAD", true), Ok(()));
        assert_eq!(claim.check_time(at("2013-05-24T23:59:00Z"), SKEW_OF_STORE), Ok(()));
        assert_eq!(
            claim.check_time(at("2013-05-25T00:00:01Z"), SKEW_OF_STORE),
            Err(Fault::LinkExpired)
        );
    }

    #[test]
    fn a_signature_is_good_for_minutes() {
        let claim = Claim::of(&example("bytes=0-9")).unwrap();
        assert_eq!(claim.check_time(at("2013-05-24T00:14:59Z"), SKEW_OF_STORE), Ok(()));
        assert_eq!(
            claim.check_time(at("2013-05-24T00:15:01Z"), SKEW_OF_STORE),
            Err(Fault::Skewed)
        );
        assert_eq!(
            claim.check_time(at("2013-05-23T23:44:59Z"), SKEW_OF_STORE),
            Err(Fault::Skewed)
        );
    }

    #[test]
    fn what_is_no_signature_is_told_apart_from_none() {
        let claim = |header: Option<&str>| {
            let mut request = Request::get("http://localhost/").header("x-amz-date", "20130524T000000Z");
            if let Some(header) = header {
                request = request.header(AUTHORIZATION, header);
            }
            Claim::of(&request.body(()).unwrap().into_parts().0).map(drop)
        };
        assert_eq!(claim(None), Err(Fault::Missing));
        for header in [
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=a",
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=range, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/20130525/r/s3/aws4_request, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=0x",
        ] {
            assert_eq!(claim(Some(header)), Err(Fault::Malformed), "{header}");
        }
    }

    #[test]
    fn keys_are_read_and_secrets_are_not_shown() {
        assert_eq!(keys().ids().collect::<Vec<_>>(), ["AKIAIOSFODNN7EXAMPLE", "OTHER"]);
        assert!(!format!("{:?}", keys()).contains("wJalr"));
        for wrong in ["", "a", "a:", ":b", "a b:c", "a:b,"] {
            assert!(wrong.parse::<Keys>().is_err(), "{wrong}");
        }
    }
}
