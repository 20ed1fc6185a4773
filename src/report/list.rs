//! Several releases, a line each.

use serde::Serialize;

use crate::model::{ReleaseNumber, Timestamp};
use crate::release::{DrillKind, Outcome, Phase, Release, ReleaseId, Source};

/// What stands above the lines.
pub const HEADING: &str = "number  began (UTC)          outcome        version, and why it was not promoted";

/// A reason is told up to there, in characters: the whole is in the release's own status.
const WHY: usize = 72;

/// One of several releases.
#[derive(Debug, Serialize)]
pub struct Listed {
    release: String,
    number: ReleaseNumber,
    version: String,
    began_at: Timestamp,
    ended_at: Option<Timestamp>,
    phase: Phase,
    outcome: Option<Outcome>,
    why: Option<String>,
    drill: Option<DrillKind>,
    /// The release whose record it goes back by.
    way_back: Option<String>,
}

impl Listed {
    /// What is told of a release.
    #[must_use]
    pub fn of(release: &Release) -> Self {
        let plan = &release.plan;
        let way_back = match plan.source {
            Source::Recorded { release: number, .. } => Some(ReleaseId {
                slot: plan.id.slot.clone(),
                number,
            }),
            Source::Bundle { .. } | Source::Live => None,
        };
        let (outcome, why) = release.outcome.clone().unzip();
        Self {
            release: plan.id.to_string(),
            number: plan.id.number,
            version: plan.version_label.to_string(),
            began_at: release.started_at,
            ended_at: outcome.map(|_| release.phase_since),
            phase: release.phase,
            outcome,
            why,
            drill: plan.drill,
            way_back: way_back.map(|id| id.to_string()),
        }
    }

    /// For a person.
    #[must_use]
    pub fn line(&self) -> String {
        let began = self.began_at.to_string();
        let became = match self.outcome {
            Some(outcome) => outcome.to_string(),
            None => format!("in {}", self.phase),
        };
        let mut line = format!(
            "{:>6}  {:<19}  {became:<13}  {}",
            self.number.0,
            began.get(..19).unwrap_or_default().replace('T', " "),
            self.version
        );
        if let Some(kind) = self.drill {
            line.push_str(&format!(" (drill: {kind})"));
        }
        if self.way_back.is_some() {
            line.push_str(" (way back)");
        }
        if let Some(why) = self.why.as_deref().filter(|_| self.outcome != Some(Outcome::Promoted)) {
            line.push_str(": ");
            line.push_str(&shortened(why));
        }
        line
    }
}

/// The beginning of a reason, on one line.
fn shortened(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    if line.chars().count() <= WHY && line.len() == why.len() {
        return line.to_owned();
    }
    let begin: String = line.chars().take(WHY).collect();
    format!("{}…", begin.trim_end())
}

/// A release that cannot be read, in the same columns.
#[must_use]
pub fn unreadable(number: ReleaseNumber, why: &str) -> String {
    format!("{:>6}  cannot be read: {why}", number.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn a_line_says_how_it_ended_and_what_it_was_for() {
        let mut of = release(plan());
        let version = of.plan.version_label.to_string();
        assert!(Listed::of(&of).line().ends_with(&format!("in preflight   {version}")));
        of.outcome = Some((Outcome::NeedsHuman, "nobody came".to_owned()));
        of.phase = Phase::Done;
        of.plan.drill = Some(DrillKind::BadGreen);
        let listed = Listed::of(&of);
        let line = listed.line();
        assert!(
            line.ends_with(&format!("needs a human  {version} (drill: bad-green): nobody came")),
            "{line}"
        );
        assert_eq!(line.find(&version), HEADING.find("version"), "{line}");
        let value = serde_json::json!(listed);
        assert_eq!(value["outcome"], "needs_human");
        assert_eq!(value["drill"], "bad-green");
        assert_eq!(value["number"], 7);
        assert_eq!(value["way_back"], serde_json::Value::Null);
        of.plan.drill = None;
        of.plan.source = Source::Recorded {
            release: ReleaseNumber(3),
            template: "t".to_owned(),
            environment: None,
            cname: None,
        };
        let listed = Listed::of(&of);
        assert!(listed.line().ends_with(" (way back): nobody came"));
        of.outcome = Some((Outcome::RolledBack, format!("é{}\nand more", "a".repeat(100))));
        let line = Listed::of(&of).line();
        assert!(
            line.ends_with("aaa…") && line.contains(": éaaa") && line.chars().count() < 160,
            "{line}"
        );
        // Nothing has to be explained there.
        of.outcome = Some((Outcome::Promoted, "all went well".to_owned()));
        assert!(Listed::of(&of).line().ends_with(" (way back)"));
        assert_eq!(serde_json::json!(listed)["way_back"], "shop/production/3");
    }
}
