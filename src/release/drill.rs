//! Drills: releases of the version that is live, whose purpose is to be taken back. None is ever promoted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::state::{Phase, Release};

/// What a drill proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillKind {
    /// That going back works: green does well, and is taken back all the same.
    Rollback,
    /// That a green which fails outright is found. It fails for our own probes alone: users meet the version that is live.
    BadGreen,
    /// That a green which fails more and more often is found, in the same way.
    SlowBurn,
    /// That a release whose driver dies while green has traffic is gone on with.
    Crash,
}

/// Why a drill goes back in which nothing else did so before.
pub(super) const OVER: &str = "the drill is over";

/// Why a drill goes back, or ends, because production is not well.
pub(super) const UNWELL: &str = "a drill must not add to that";

impl Release {
    /// Whether it went back because it was a drill, and for no other reason.
    #[must_use]
    pub fn drill_is_over(&self) -> bool {
        self.plan.drill.is_some() && self.rollback.as_ref().is_some_and(|back| back.why.starts_with(OVER))
    }

    /// Whether a drill went back because of what it has made itself, although that is what production runs: it did not come up, failed its
    /// smoke checks, or could not be given traffic. Nobody asked for it, and production was well.
    #[must_use]
    pub fn drill_failed_by_itself(&self) -> bool {
        let before = [Phase::Publish, Phase::Provision, Phase::Smoke, Phase::Shift];
        let went_back = self.rollback.as_ref().filter(|_| self.plan.drill.is_some());
        went_back.is_some_and(|back| {
            let asked_for = self.wishes.turned_by.is_some() || back.why.ends_with(UNWELL);
            !asked_for
                && back.outcome == Outcome::RolledBack
                && before.contains(&back.from)
                && self.shifted_at.is_none()
        })
    }
}

impl DrillKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rollback, Self::BadGreen, Self::SlowBurn, Self::Crash];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::BadGreen => "bad-green",
            Self::SlowBurn => "slow-burn",
            Self::Crash => "crash",
        }
    }

    /// Whether its green has a fault that must be found.
    #[must_use]
    pub fn has_fault(self) -> bool {
        matches!(self, Self::BadGreen | Self::SlowBurn)
    }

    /// Which part of our own probes of green fails, when so much of the bake is over (from 0 to 1).
    #[must_use]
    pub fn failing(self, over: f64) -> f64 {
        match self {
            Self::Rollback | Self::Crash => 0.0,
            Self::BadGreen => 1.0,
            Self::SlowBurn => over.clamp(0.0, 1.0),
        }
    }
}

impl fmt::Display for DrillKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DrillKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no kind of drill: write one of {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in DrillKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::json!(kind), serde_json::json!(kind.as_str()));
        }
        assert!("fire".parse::<DrillKind>().unwrap_err().contains("slow-burn"));
    }

    #[test]
    fn faults_are_met_by_probes_from_the_moment_that_their_kind_says() {
        assert_eq!([0.0, 0.5, 1.0].map(|over| DrillKind::BadGreen.failing(over)), [1.0; 3]);
        assert_eq!(
            [0.0, 0.5, 7.0].map(|over| DrillKind::SlowBurn.failing(over)),
            [0.0, 0.5, 1.0]
        );
        for kind in DrillKind::ALL {
            assert_eq!(kind.failing(1.0) > 0.0, kind.has_fault());
        }
    }
}
