//! Before a release begins: everything that is in the way, found with nothing changed.

use super::Planner;
use super::variables::{self, unset};
use crate::driver::{Busy, World, gather};
use crate::journal::Journal;
use crate::model::Clock;
use crate::release::preflight::{Findings, Problem, judge};
use crate::release::{EnvironmentSeen, Next, Plan, Release, Slot, Source};

/// A release that may begin.
#[derive(Debug)]
pub struct Start {
    /// What it is going to do.
    pub plan: Plan,
    /// What preflight found.
    pub found: Findings,
}

/// Why a release may not begin.
#[derive(Debug)]
pub struct Refusal {
    /// Everything that is in the way.
    pub problems: Vec<Problem>,
    /// The release of the slot that is not over, if there is one.
    pub holder: Option<Box<Release>>,
}

/// The code of the problem that no environment has the traffic, or several have.
const LIVE: &str = "live";

/// Codes of problems that come with a release that is under way, and go with it when it is taken back.
const WITH_THE_HOLDER: [&str; 6] = [Busy::CODE, "alarm", LIVE, "live-busy", "live-health", "quota"];

/// Codes of problems of what is wanted itself, which neither time nor the end of another release solves.
const FOR_GOOD: [&str; 7] = [
    "application",
    "bucket",
    "no-alarm",
    "resources",
    "ttl",
    variables::CODE,
    "version",
];

/// Codes of further problems that time may solve.
const WITH_TIME: [&str; 3] = ["journal", "managed-update", "unknown"];

impl Refusal {
    /// Whether all that is in the way may be gone when the release that is under way has been taken back.
    #[must_use]
    pub fn passes_with_the_holder(&self) -> bool {
        let passes = |problem: &Problem| WITH_THE_HOLDER.contains(&problem.code.as_str());
        self.problems.iter().all(passes)
    }

    /// Whether all that is in the way may be gone after a while.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        may_pass(&self.problems)
    }

    /// What is wrong with what is wanted itself, whoever has the slot.
    #[must_use]
    pub fn for_good(self) -> Vec<Problem> {
        let stays = |problem: &Problem| FOR_GOOD.contains(&problem.code.as_str());
        self.problems.into_iter().filter(stays).collect()
    }
}

/// Whether all these problems may be gone after a while.
#[must_use]
pub fn may_pass(problems: &[Problem]) -> bool {
    let mut codes = problems.iter().map(|problem| problem.code.as_str());
    codes.all(|code| WITH_THE_HOLDER.contains(&code) || WITH_TIME.contains(&code))
}

/// Whether the live environment runs what a planner would release: its version, made of its bundle. `false` where that cannot be seen.
pub async fn is_live(planner: &Planner, world: &World, clock: &dyn Clock) -> bool {
    let plan = planner.plan(&Next::first());
    let facts = gather(world, &plan, clock).await;
    let made_of = match (&plan.source, facts.version.known()) {
        (Source::Bundle { key, .. }, Some(Some(version))) => version.is_made_of(key),
        _ => false,
    };
    let runs = |live: &&EnvironmentSeen| live.version.as_ref() == Some(&plan.version_label);
    made_of && matches!(facts.live(&plan).as_slice(), [live] if runs(live))
}

/// These problems, as they are told where another release is under way, or none is. Who has the traffic is that one's doing then, and nobody
/// is to be advised to meddle with it.
fn beside(another: bool, mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.retain(|problem| !another || problem.code != LIVE);
    problems
}

/// Looks for everything that is in the way of a release: in the journal, on this machine, and on AWS. Changes nothing.
///
/// # Errors
///
/// All problems at once.
pub async fn check(
    journal: &dyn Journal,
    world: &World,
    clock: &dyn Clock,
    slot: &Slot,
    planner: &Planner,
) -> Result<Start, Refusal> {
    let mut problems = Vec::new();
    let mut holder = None;
    let next = match crate::journal::newest(journal, slot).await {
        Ok(Some(release)) if release.outcome.is_none() => {
            problems.push(Busy::new(&release, clock.now()).problem());
            let next = Next::after(&release);
            holder = Some(Box::new(release));
            next
        }
        Ok(Some(release)) => Next::after(&release),
        Ok(None) => Next::first(),
        Err(error) => {
            problems.push(Problem::new(
                "journal",
                error.to_string(),
                "without a journal there is no release",
            ));
            Next::first()
        }
    };
    if problems.is_empty()
        && let Err(error) = journal.check_writable(slot).await
    {
        problems.push(Problem::new(
            "journal",
            error.to_string(),
            "without a journal there is no release",
        ));
    }
    let plan = planner.plan(&next);
    let facts = gather(world, &plan, clock).await;
    let found = judge(&plan, &facts, clock.now());
    problems.extend(beside(holder.is_some(), planner.without_guess(found.problems.clone())));
    problems.extend(found.blue.as_ref().and_then(|live| planner.changed_since(live)));
    problems.extend(unset(&plan, |name| std::env::var(name).is_ok()));
    if problems.is_empty() {
        Ok(Start { plan, found })
    } else {
        Err(Refusal { problems, holder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_for_another_release_is_not_told_to_change_its_weights() {
        let told = |another: bool| {
            let found = [LIVE, "quota"].map(|code| Problem::new(code, String::new(), ""));
            let told = beside(another, found.to_vec());
            told.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
        };
        assert_eq!(told(true), ["quota"]);
        assert_eq!(told(false), [LIVE, "quota"]);
    }
}
