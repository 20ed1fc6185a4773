//! Takes in a body: writes it to a file and compares it with what the client claims of it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Md5, Sha256};
use s3s::{S3Result, s3_error};

use super::blob::{Blob, Folder};
use super::chunked::Trailers;
use super::digest::{Algorithm, Hasher, hexadecimal};
use super::errors;

/// The most that one request may upload (S3 user guide, "Uploading objects": 5 GB in a single operation).
const LARGEST_BODY: u64 = 5 << 30;

/// What a client claims of the body it sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// `Content-MD5`, decoded.
    md5: Option<Vec<u8>>,
    /// `x-amz-content-sha256` in hexadecimal.
    sha256: Option<String>,
    /// The checksum that the client has chosen.
    pub(super) algorithm: Option<Algorithm>,
    /// Its value, unless it comes in a trailing header.
    checksum: Option<String>,
    trailers: Option<Trailers>,
    length: Option<u64>,
}

/// A body that has arrived whole.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) blob: Arc<Blob>,
    /// MD5 in hexadecimal.
    pub(super) md5: String,
    pub(super) algorithm: Algorithm,
    /// The checksum in base64.
    pub(super) checksum: String,
}

impl Claims {
    /// Reads the claims from a request's headers. `trailers` is where its trailing headers will be.
    pub(super) fn read(headers: &HeaderMap, trailers: Option<Trailers>) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut claims = Self {
            trailers,
            length: text("content-length").and_then(|length| length.parse().ok()),
            ..Self::default()
        };
        if let Some(md5) = text("content-md5") {
            let bytes = STANDARD.decode(md5).ok().filter(|bytes| bytes.len() == 16);
            claims.md5 =
                Some(bytes.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?);
        }
        // Other values, such as UNSIGNED-PAYLOAD, claim nothing.
        claims.sha256 = text("x-amz-content-sha256")
            .filter(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(str::to_ascii_lowercase);
        claims.read_checksum(headers)?;
        Ok(claims)
    }

    fn read_checksum(&mut self, headers: &HeaderMap) -> S3Result<()> {
        let mut found = Vec::new();
        for (name, value) in headers {
            let name = name.as_str();
            let Some(kind) = name.strip_prefix("x-amz-checksum-") else {
                continue;
            };
            if matches!(kind, "mode" | "type" | "algorithm") {
                continue;
            }
            let algorithm =
                Algorithm::of_header(name).ok_or_else(|| errors::not_implemented(&format!("checksums by {name}")))?;
            found.push((algorithm, value.to_str().ok().map(str::to_owned)));
        }
        for name in headers
            .get_all("x-amz-trailer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|names| names.split(','))
        {
            if name.trim().to_ascii_lowercase().starts_with("x-amz-checksum-") {
                let algorithm = Algorithm::of_header(name)
                    .ok_or_else(|| errors::not_implemented(&format!("checksums by {}", name.trim())))?;
                found.push((algorithm, None));
            }
        }
        let announced = headers
            .get("x-amz-sdk-checksum-algorithm")
            .and_then(|value| value.to_str().ok());
        match found.as_slice() {
            [] if announced.is_some() => Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
                 were found."
            )),
            [] => Ok(()),
            [(algorithm, value)] => {
                self.algorithm = Some(*algorithm);
                if let Some(value) = value {
                    self.checksum = Some(sound_checksum(*algorithm, value)?);
                }
                Ok(())
            }
            _ => Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            )),
        }
    }

    /// The checksum that the client claims, known once the body has been read.
    fn claimed_checksum(&self) -> S3Result<Option<String>> {
        let Some(algorithm) = self.algorithm else {
            return Ok(None);
        };
        if self.checksum.is_some() {
            return Ok(self.checksum.clone());
        }
        let trailing = self
            .trailers
            .as_ref()
            .and_then(|trailers| trailers.get(algorithm.header()));
        // Without trailers the algorithm is a wish of the store's own, not a claim of the client.
        match (trailing, &self.trailers) {
            (Some(value), _) => Ok(Some(sound_checksum(algorithm, &value)?)),
            (None, Some(_)) => Err(s3_error!(
                InvalidRequest,
                "The request announced the trailing header {} and did not send it.",
                algorithm.header()
            )),
            (None, None) => Ok(None),
        }
    }

    /// Whether there is a digest that the content can be held to.
    pub(super) fn digest_is_there(&self) -> bool {
        self.md5.is_some() || self.algorithm.is_some()
    }

    /// Holds a content to the claims.
    pub(super) fn hold(&self, content: &[u8]) -> S3Result<()> {
        let mut md5 = Md5::new();
        md5.update(content);
        let md5 = md5.finalize();
        let sha256 = self.sha256.as_ref().map(|_| {
            let mut sha256 = Sha256::new();
            sha256.update(content);
            hexadecimal(&sha256.finalize())
        });
        let algorithm = self.algorithm.unwrap_or(Algorithm::Crc32);
        let checksum = algorithm.of(content);
        self.compare(content.len() as u64, &md5, sha256.as_deref(), algorithm, &checksum)
    }

    fn compare(
        &self,
        size: u64,
        md5: &[u8],
        sha256: Option<&str>,
        algorithm: Algorithm,
        checksum: &str,
    ) -> S3Result<()> {
        if self.length.is_some_and(|length| length != size) {
            return Err(errors::incomplete_body());
        }
        if self.md5.as_ref().is_some_and(|claimed| *claimed != md5) {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        if let (Some(claimed), Some(sha256)) = (&self.sha256, sha256)
            && claimed != sha256
        {
            return Err(errors::content_hash_mismatch());
        }
        if self.claimed_checksum()?.is_some_and(|claimed| claimed != checksum) {
            return Err(bad_checksum(algorithm));
        }
        Ok(())
    }
}

/// Checks that a claimed checksum has the form of one.
pub(super) fn sound_checksum(algorithm: Algorithm, value: &str) -> S3Result<String> {
    let sound = STANDARD
        .decode(value)
        .is_ok_and(|bytes| bytes.len() == algorithm.length());
    if !sound {
        return Err(s3_error!(
            InvalidRequest,
            "Value for {} header is invalid.",
            algorithm.header()
        ));
    }
    Ok(value.to_owned())
}

/// What S3 answers when the content does not have the checksum that the client claims.
pub(super) fn bad_checksum(algorithm: Algorithm) -> s3s::S3Error {
    s3_error!(
        BadDigest,
        "The {} you specified did not match the calculated checksum.",
        algorithm.name()
    )
}

/// Writes a body to a file. Nothing is kept when a claim turns out wrong. Without a claimed checksum the store makes one
/// of its own by `otherwise`.
pub(super) async fn receive<S>(folder: &Folder, claims: &Claims, otherwise: Algorithm, body: S) -> S3Result<Received>
where
    S: Stream<Item = Result<Bytes, s3s::StdError>>,
{
    let algorithm = claims.algorithm.unwrap_or(otherwise);
    let mut checksum = Hasher::new(algorithm);
    let mut md5 = Md5::new();
    let mut sha256 = claims.sha256.as_ref().map(|_| Sha256::new());
    let mut size = 0_u64;
    let mut writer = folder.writer();
    let mut body = std::pin::pin!(body);
    while let Some(piece) = body.next().await {
        // A broken connection and a damaged chunk look the same to the client: the body did not arrive.
        let piece = piece.map_err(|error| {
            let mut answer = errors::incomplete_body();
            answer.set_source(error);
            answer
        })?;
        size += piece.len() as u64;
        if size > LARGEST_BODY {
            return Err(s3_error!(
                EntityTooLarge,
                "Your proposed upload exceeds the maximum allowed size"
            ));
        }
        checksum.update(&piece);
        md5.update(&piece);
        if let Some(sha256) = &mut sha256 {
            sha256.update(&piece);
        }
        writer
            .write(&piece)
            .await
            .map_err(|error| errors::storage_failed("write the body of an object", error))?;
    }
    let md5 = md5.finalize();
    let sha256 = sha256.map(|sha256| hexadecimal(&sha256.finalize()));
    let checksum = checksum.finish();
    claims.compare(size, &md5, sha256.as_deref(), algorithm, &checksum)?;
    let blob = writer
        .finish()
        .await
        .map_err(|error| errors::storage_failed("write the body of an object", error))?;
    Ok(Received {
        blob,
        md5: hexadecimal(&md5),
        algorithm,
        checksum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn upload(headers: &[(&'static str, &str)], content: &'static str) -> Result<Received, String> {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let body = futures_util::stream::iter([Ok(Bytes::from_static(content.as_bytes()))]);
        let claims = Claims::read(&map, None).map_err(|error| error.code().as_str().to_owned())?;
        let result = receive(&folder, &claims, Algorithm::Crc64Nvme, body).await;
        // What is so small stays in memory; what was refused leaves nothing behind.
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        result.map_err(|error| error.code().as_str().to_owned())
    }

    #[tokio::test]
    async fn true_claims_are_accepted() {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let crc32 = Algorithm::Crc32.of(b"abc");
        let received = upload(
            &[
                ("content-md5", "kAFQmDzST7DWlj99KOF/cg=="),
                ("x-amz-content-sha256", sha256),
                ("x-amz-checksum-crc32", &crc32),
                ("x-amz-sdk-checksum-algorithm", "CRC32"),
                ("content-length", "3"),
            ],
            "abc",
        )
        .await
        .unwrap();
        assert_eq!(received.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!((received.algorithm, received.checksum), (Algorithm::Crc32, crc32));

        let received = upload(&[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], "abc")
            .await
            .unwrap();
        assert_eq!(received.algorithm, Algorithm::Crc64Nvme);
    }

    #[tokio::test]
    async fn false_claims_are_refused() {
        let other = Algorithm::Sha1.of(b"abd");
        let wrong = "0".repeat(64);
        for (headers, expected) in [
            (vec![("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "BadDigest"),
            (vec![("content-md5", "short")], "InvalidDigest"),
            (
                vec![("x-amz-content-sha256", wrong.as_str())],
                "XAmzContentSHA256Mismatch",
            ),
            (vec![("x-amz-checksum-sha1", other.as_str())], "BadDigest"),
            (vec![("x-amz-checksum-crc32", other.as_str())], "InvalidRequest"),
            (vec![("x-amz-checksum-xxhash3", "AAAA")], "NotImplemented"),
            (vec![("x-amz-sdk-checksum-algorithm", "CRC32")], "InvalidRequest"),
            (
                vec![
                    ("x-amz-checksum-sha1", other.as_str()),
                    ("x-amz-trailer", "x-amz-checksum-crc32"),
                ],
                "InvalidRequest",
            ),
            (vec![("content-length", "4")], "IncompleteBody"),
        ] {
            assert_eq!(upload(&headers, "abc").await.unwrap_err(), expected, "{headers:?}");
        }
    }
}
