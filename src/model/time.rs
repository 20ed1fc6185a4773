//! Moments and lengths of time as they are written in journals and in `cutover.toml`.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The header in which a local cloud says how many times faster than AWS it is. AWS sends none.
pub const PACE_HEADER: &str = "x-cutover-pace";

/// A moment, to the millisecond. Written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment, told by a clock that shows `there` when this one shows `here`. What lies between two moments stays the same.
    #[must_use]
    pub fn moved(self, here: Self, there: Self) -> Self {
        Self(self.0.saturating_add(there.0.saturating_sub(here.0)))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// Hours, minutes and seconds in UTC, for lines that a person reads. The `Z` says so, as it does in a whole moment: who reads
    /// may have another time on the wall.
    #[must_use]
    pub fn time_of_day(self) -> String {
        self.to_jiff().strftime("%H:%M:%SZ").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(moment.as_millisecond()))
    }
}

/// A length of time, written as `90s`, `5m`, `1h 30m` or `500ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// Why a text is not a length of time.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} is not a length of time; write for example \"90s\", \"5m\", \"1h 30m\" or \"500ms\"; there is no unit above hours: a day is \
     \"24h\""
)]
pub struct ParseSpanError {
    text: String,
}

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// So many times as long, or as long as there is.
    #[must_use]
    pub const fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(length: Duration) -> Self {
        Self(length)
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseSpanError { text: text.to_owned() };
        let length: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(length).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.pad("0s");
        }
        let parts = [
            (millis / 3_600_000, "h"),
            (millis / 60_000 % 60, "m"),
            (millis / 1000 % 60, "s"),
            (millis % 1000, "ms"),
        ];
        let text: Vec<String> = parts
            .iter()
            .filter(|(amount, _)| *amount > 0)
            .map(|(amount, unit)| format!("{amount}{unit}"))
            .collect();
        f.pad(&text.join(" "))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time, such as \"90s\", \"5m\", \"1h 30m\" or \"500ms\".",
            "pattern": "^([0-9]+(\\.[0-9]+)? *(h|m|s|ms) *)+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_writing_and_reading() {
        let moment = Timestamp::from_millis(1_795_000_000_123);
        let text = serde_json::to_string(&moment).expect("a moment can be written");
        assert_eq!(
            text,
            "\"2026-11-18T05:46:40.123Z\"".replace("2026-11-18T05:46:40", &moment.to_string()[..19])
        );
        let back: Timestamp = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(back, moment);
    }

    #[test]
    fn a_time_of_day_says_that_it_is_utc() {
        let moment = Timestamp::from_millis(1_795_000_000_123);
        let whole = moment.to_string();
        assert_eq!(moment.time_of_day(), format!("{}Z", &whole[11..19]));
    }

    #[test]
    fn a_moment_moves_to_another_clock_and_back() {
        let (here, there) = (Timestamp::from_millis(5_000), Timestamp::from_millis(1_000));
        let moment = Timestamp::from_millis(4_500);
        assert_eq!(moment.moved(here, there), Timestamp::from_millis(500));
        assert_eq!(moment.moved(here, there).moved(there, here), moment);
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.moved(there, here), last, "time does not run over");
    }

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, millis) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h 30m", 5_400_000),
            ("500ms", 500),
            ("0s", 0),
        ] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span, Span::from_millis(millis), "{text}");
            let again: Span = span.to_string().parse().expect("what was printed can be read");
            assert_eq!(again, span, "{text}");
        }
        for text in ["", "5", "five minutes", "-5m", "5 parsecs"] {
            assert!(text.parse::<Span>().is_err(), "{text:?} was accepted");
        }
        let said = "400d".parse::<Span>().unwrap_err().to_string();
        assert!(said.contains("a day is \"24h\""), "{said}");
    }
}
