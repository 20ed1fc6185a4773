//! Values that have a word each in CloudWatch's model.

use serde::{Deserialize, Serialize};

/// An enumeration whose values are words on the wire, and in what is remembered.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($value:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) enum $name {
            $(#[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// From its word.
            pub(super) fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$value),)+
                    _ => None,
                }
            }

            /// Its word.
            pub(super) fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }
    };
}

words! {
    /// What an alarm says.
    StateValue {
        Ok = "OK",
        Alarm = "ALARM",
        InsufficientData = "INSUFFICIENT_DATA",
    }
}

words! {
    /// When a data point breaches. The operators of anomaly detection are not among them.
    Comparison {
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        Greater = "GreaterThanThreshold",
        Less = "LessThanThreshold",
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
}

words! {
    /// What a period counts as in which there is no data point.
    TreatMissingData {
        Breaching = "breaching",
        NotBreaching = "notBreaching",
        Ignore = "ignore",
        Missing = "missing",
    }
}

words! {
    /// What becomes of a percentile of few samples.
    LowSampleCount {
        Evaluate = "evaluate",
        Ignore = "ignore",
    }
}

impl Comparison {
    /// Whether a value is on the wrong side of a threshold.
    pub(super) fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}
