//! Shares of the traffic.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share of the slot's traffic, exact to a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

/// Hundredths of a percent in a whole.
const WHOLE: u16 = 10_000;

impl Share {
    /// Everything.
    pub const WHOLE: Self = Self(WHOLE);

    /// Whole percents: 1 to 100; what lies outside is taken for the nearest of them.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        let percent = match percent {
            0 => 1,
            1..=100 => percent,
            _ => 100,
        };
        Self(percent as u16 * 100)
    }

    /// Whether it is everything.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// What it leaves of everything; `None` if that is nothing.
    #[must_use]
    pub fn rest(self) -> Option<Self> {
        (!self.is_whole()).then_some(Self(WHOLE - self.0))
    }

    /// As a part of 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// The least weight of the rest beside which something with this weight has no more than the share.
    #[must_use]
    pub fn rest_beside(self, weight: u32) -> u64 {
        (u64::from(weight) * u64::from(WHOLE - self.0)).div_ceil(u64::from(self.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{percent}%"),
            _ if rest.is_multiple_of(10) => write!(f, "{percent}.{}%", rest / 10),
            _ => write!(f, "{percent}.{rest:02}%"),
        }
    }
}

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no share: write a percentage such as \"5%\" or \"12.5%\", above 0% and up to 100%, with at most two digits behind the point"
)]
pub struct ParseShareError(String);

impl FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let number = text.trim().strip_suffix('%')?.trim_end();
            let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(part) || part.len() > 2 {
                return None;
            }
            let hundredths = part.parse::<u16>().ok()? * if part.len() == 1 { 10 } else { 1 };
            let all = whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
            (1..=WHOLE).contains(&all).then_some(Self(all))
        };
        parse().ok_or_else(|| ParseShareError(text.to_owned()))
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn a_share_is_written_as_it_is_read() {
        for text in ["5%", "0.01%", "12.5%", "12.25%", "33.03%", "100%"] {
            assert_eq!(share(text).to_string(), text);
            assert_eq!(serde_json::to_string(&share(text)).unwrap(), format!("{text:?}"));
        }
        assert_eq!(share(" 7.50 % "), share("7.5%"));
        assert_eq!(share("5%"), Share::percent(5));
        for text in [
            "", "5", "%", "0%", "100.01%", "101%", "-5%", "5,5%", "1.234%", ".5%", "5.%", "five%", "700%",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn both_parts_make_everything() {
        assert_eq!(share("10%").rest(), Some(share("90%")));
        assert_eq!(share("0.01%").rest(), Some(share("99.99%")));
        assert_eq!(Share::WHOLE.rest(), None);
    }

    #[test]
    fn the_rest_is_heavy_enough_and_no_heavier() {
        assert_eq!(share("5%").rest_beside(1), 19);
        assert_eq!(share("30%").rest_beside(1), 3);
        assert_eq!(share("30%").rest_beside(3), 7);
        assert_eq!(share("0.1%").rest_beside(1), 999);
        assert_eq!(share("100%").rest_beside(1), 0);
    }
}
