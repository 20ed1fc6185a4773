//! Checksums that S3 knows, computed while a body passes by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};

/// An algorithm for checksums of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// Its name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header (or trailer) that carries its value.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// By its name in the API.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// By its header.
    pub(super) fn of_header(header: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.header().eq_ignore_ascii_case(header.trim()))
    }

    /// Length of its values in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// How the checksum of a multipart object is made unless the client says otherwise.
    pub(super) fn usual_kind(self) -> Kind {
        match self {
            Self::Crc64Nvme => Kind::FullObject,
            _ => Kind::Composite,
        }
    }

    /// Whether a multipart object can have a checksum of this kind.
    pub(super) fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Composite => self != Self::Crc64Nvme,
            Kind::FullObject => !matches!(self, Self::Sha1 | Self::Sha256),
        }
    }

    /// The checksum of a whole text, as it is written in headers.
    pub(super) fn of(self, content: &[u8]) -> String {
        let mut hasher = Hasher::new(self);
        hasher.update(content);
        hasher.finish()
    }

    /// The checksum of checksums: what a multipart object gets from those of its parts.
    pub(super) fn composite(self, parts: &[String]) -> String {
        let joined: Vec<u8> = parts
            .iter()
            .flat_map(|part| STANDARD.decode(part).unwrap_or_default())
            .collect();
        format!("{}-{}", self.of(&joined), parts.len())
    }
}

/// What a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// The bytes of the object.
    FullObject,
    /// The checksums of its parts.
    Composite,
}

impl Kind {
    /// Its name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// A checksum of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// In base64; a composite one is followed by a hyphen and the number of parts.
    pub(super) value: String,
}

/// Computes a checksum piece by piece.
pub(super) struct Hasher {
    algorithm: Algorithm,
    hasher: ChecksumHasher,
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let mut hasher = ChecksumHasher::default();
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        Self { algorithm, hasher }
    }

    pub(super) fn update(&mut self, content: &[u8]) {
        self.hasher.update(content);
    }

    /// The value in base64.
    pub(super) fn finish(self) -> String {
        let values = self.hasher.finalize();
        match self.algorithm {
            Algorithm::Crc32 => values.checksum_crc32,
            Algorithm::Crc32c => values.checksum_crc32c,
            Algorithm::Crc64Nvme => values.checksum_crc64nvme,
            Algorithm::Sha1 => values.checksum_sha1,
            Algorithm::Sha256 => values.checksum_sha256,
        }
        .unwrap_or_default()
    }
}

/// The entity tag of a body: its MD5 in hexadecimal.
pub(super) fn entity_tag(content: &[u8]) -> String {
    hexadecimal(&Md5::checksum(content))
}

/// The entity tag of a multipart object, from the MD5 sums of its parts in hexadecimal.
pub(super) fn composite_entity_tag(parts: &[String]) -> String {
    let joined: Vec<u8> = parts.iter().flat_map(|part| from_hexadecimal(part)).collect();
    format!("{}-{}", entity_tag(&joined), parts.len())
}

/// Bytes as lower-case hexadecimal digits.
pub(in crate::local) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hexadecimal(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check values of the catalogue of CRC algorithms for "123456789", and of FIPS 180 for "abc".
    #[test]
    fn values_are_those_of_the_standards() {
        for (algorithm, text, hex) in [
            (Algorithm::Crc32, "123456789", "cbf43926"),
            (Algorithm::Crc32c, "123456789", "e3069283"),
            (Algorithm::Crc64Nvme, "123456789", "ae8b14860a799888"),
            (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha256,
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            let value = STANDARD.decode(algorithm.of(text.as_bytes())).unwrap();
            assert_eq!(hexadecimal(&value), hex, "{algorithm:?}");
            assert_eq!(value.len(), algorithm.length());
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
        }
        assert_eq!(entity_tag(b""), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn composite_values_count_their_parts() {
        let parts = [entity_tag(b"a"), entity_tag(b"b")];
        let joined = [Md5::checksum(b"a").as_ref(), Md5::checksum(b"b").as_ref()].concat();
        assert_eq!(composite_entity_tag(&parts), format!("{}-2", entity_tag(&joined)));

        let parts = [Algorithm::Sha1.of(b"a"), Algorithm::Sha1.of(b"b")];
        let joined = [Sha1::checksum(b"a").as_ref(), Sha1::checksum(b"b").as_ref()].concat();
        assert_eq!(
            Algorithm::Sha1.composite(&parts),
            format!("{}-2", Algorithm::Sha1.of(&joined))
        );
    }
}
