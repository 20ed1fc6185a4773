//! What a drill has shown: read from its journal, which has everything.

use serde::Serialize;

use crate::model::{Span, Timestamp};
use crate::release::{DrillKind, Entry, Event, Outcome, Release};
use crate::verdict::{Decision, Harm};

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillResult {
    /// It has proved what it was for, and everything is as it was before.
    Passed,
    /// Its fault was not found.
    Missed,
    /// It gave up before it had proved anything: a release waited, production was unwell, or something was in the way.
    GaveUp,
    /// Something went wrong.
    Failed,
    /// It is not over.
    UnderWay,
}

impl DrillResult {
    /// For a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Missed => "missed",
            Self::GaveUp => "gave up",
            Self::Failed => "failed",
            Self::UnderWay => "under way",
        }
    }
}

/// One drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillRecord {
    /// Its release.
    pub release: String,
    /// What it was to prove.
    pub kind: DrillKind,
    /// When it began.
    pub began_at: Timestamp,
    /// How it ended.
    pub result: DrillResult,
    /// Why it went back, or what is wrong.
    pub why: String,
    /// From green's first traffic, with a fault, until that was found.
    pub detection: Option<Span>,
    /// From the decision to go back until all traffic was on blue again.
    pub restoration: Option<Span>,
    /// How long nobody drove it.
    pub without_driver: Option<Span>,
    /// Requests of users that green answered.
    pub green_requests: u64,
    /// Those of them that it answered with a server error.
    pub green_errors: u64,
    /// The same of blue, meanwhile.
    pub blue_requests: u64,
    /// Those of them that it answered with a server error.
    pub blue_errors: u64,
}

/// Gathers what entries say.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    shifted: Option<Timestamp>,
    back: Option<Timestamp>,
    restored: Option<Timestamp>,
    /// When a driver was last heard.
    last: Option<Timestamp>,
    without_driver: Option<Span>,
    /// Whether the last entry hands the release over.
    handed_over: bool,
    /// Whether somebody took it over, with green in traffic, to whom nobody had handed it.
    crashed: bool,
    green: Harm,
    blue: Harm,
}

impl Gathering {
    pub(super) fn take(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Shifted => {
                self.shifted.get_or_insert(entry.at);
            }
            Event::RollbackBegan { .. } => {
                self.back.get_or_insert(entry.at);
            }
            Event::TrafficRestored { .. } => self.restored = Some(entry.at),
            Event::TookOver { .. } => {
                let silent = self.last.map(|last| Span::from(entry.at.since(last)));
                self.without_driver = self.without_driver.max(silent);
                self.crashed |= self.shifted.is_some() && !self.handed_over;
            }
            _ => {}
        }
        if self.shifted.is_some()
            && let Some(measured) = entry.event.measured()
        {
            self.green.add(&measured.window.green);
            self.blue.add(&measured.window.blue);
        }
        // Operators write what they want whether anybody drives or not.
        if !matches!(entry.event, Event::Asked { .. }) {
            self.handed_over = matches!(entry.event, Event::HandedOver);
            self.last = Some(entry.at);
        }
    }

    /// Everything, of a release that is a drill.
    pub(super) fn finish(&self, release: &Release) -> Option<DrillRecord> {
        let kind = release.plan.drill?;
        let found = release.assessment.verdict.as_ref();
        let found = found.is_some_and(|verdict| verdict.decision == Decision::Unhealthy);
        let went_back = release.rollback.as_ref().map(|back| back.why.clone());
        let result = match &release.outcome {
            None => DrillResult::UnderWay,
            // A drill leaves everything as it was.
            Some(_) if release.left.is_some() || release.drill_failed_by_itself() => DrillResult::Failed,
            Some((Outcome::RolledBack, _)) if self.restored.is_none() => DrillResult::GaveUp,
            // Nobody died: it has shown nothing of what it was for.
            Some((Outcome::RolledBack, _)) if kind == DrillKind::Crash && !self.crashed => DrillResult::GaveUp,
            Some((Outcome::RolledBack, _)) => match (kind.has_fault(), found, release.drill_is_over()) {
                (true, true, _) | (false, false, true) => DrillResult::Passed,
                (true, false, true) => DrillResult::Missed,
                // What is live was taken for a bad version.
                (false, true, _) => DrillResult::Failed,
                (true, false, false) | (false, false, false) => DrillResult::GaveUp,
            },
            Some((Outcome::Aborted | Outcome::Refused, _)) => DrillResult::GaveUp,
            Some((Outcome::Promoted | Outcome::NeedsHuman, _)) => DrillResult::Failed,
        };
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| Some(Span::from(to?.since(from?)));
        let ended = release.outcome.as_ref().map(|(_, why)| why.clone());
        // What it has left behind stands in its last words alone.
        let went_back = went_back.filter(|_| release.left.is_none());
        Some(DrillRecord {
            release: release.plan.id.to_string(),
            kind,
            began_at: release.started_at,
            result,
            why: went_back.or(ended).unwrap_or_default(),
            detection: between(self.shifted, self.back).filter(|_| kind.has_fault() && found),
            restoration: between(self.back, self.restored).filter(|_| self.shifted.is_some()),
            without_driver: self.without_driver,
            green_requests: whole(self.green.requests),
            green_errors: whole(self.green.errors),
            blue_requests: whole(self.blue.requests),
            blue_errors: whole(self.blue.errors),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of requests, which are not negative"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
