//! Ids that look random and are not: the same seed gives the same ids in the same order.

use sha2::{Digest, Sha256};

/// Letters and digits of environment ids.
pub(crate) const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Letters and digits of resource names.
pub(crate) const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Letters of both cases and digits.
pub(crate) const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Digits of hashes.
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
/// Digits.
pub(crate) const DIGITS: &[u8] = b"0123456789";

/// Makes ids.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    seed: u64,
    made: u64,
}

impl Ids {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, made: 0 }
    }

    /// How many were made, for who keeps that.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Goes on after so many, and far beyond: ids that were made after that was kept are not made again.
    pub(crate) fn go_on_after(&mut self, made: u64) {
        self.made = (made | u64::from(u32::MAX)).saturating_add(1);
    }

    fn bytes(&mut self, kind: &str) -> [u8; 32] {
        self.made += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.made.to_be_bytes());
        hash.update(kind.as_bytes());
        hash.finalize().into()
    }

    /// So many characters (32 at most) of an alphabet.
    pub(crate) fn text(&mut self, kind: &str, alphabet: &[u8], length: usize) -> String {
        self.bytes(kind)
            .iter()
            .take(length)
            .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
            .collect()
    }

    /// A number of so many digits that does not begin with zero, so that it keeps its length wherever it is read.
    pub(crate) fn number(&mut self, kind: &str, length: usize) -> String {
        format!("1{}", self.text(kind, DIGITS, length.saturating_sub(1)))
    }

    /// An id in the form of a UUID.
    pub(crate) fn uuid(&mut self, kind: &str) -> String {
        let hex = self.text(kind, HEX, 32);
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_and_never_the_same_twice() {
        let (mut one, mut two, mut other) = (Ids::new(7), Ids::new(7), Ids::new(8));
        let first = one.text("environment", LOWER, 10);
        assert_eq!(first, two.text("environment", LOWER, 10));
        assert_ne!(first, other.text("environment", LOWER, 10));
        assert_ne!(first, one.text("environment", LOWER, 10));
        let mut later = Ids::new(7);
        later.go_on_after(one.made());
        assert_ne!(one.text("environment", LOWER, 10), later.text("environment", LOWER, 10));
        assert_eq!(later.made(), (1 << 32) + 1);
        let uuid = one.uuid("request");
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.matches('-').count(), 4);
    }
}
