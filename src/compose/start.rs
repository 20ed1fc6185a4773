//! Before a release begins: everything that is in the way, found with nothing changed.

use super::Planner;
use crate::driver::{Busy, World, gather};
use crate::journal::Journal;
use crate::model::{Clock, ReleaseNumber};
use crate::release::preflight::{Findings, Problem, judge};
use crate::release::{Plan, Slot};

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
    let number = match crate::journal::newest(journal, slot).await {
        Ok(Some(release)) if release.outcome.is_none() => {
            problems.push(Busy::new(&release, clock.now()).problem());
            release.plan.id.number.next()
        }
        Ok(Some(release)) => release.plan.id.number.next(),
        Ok(None) => ReleaseNumber(1),
        Err(error) => {
            problems.push(Problem::new(
                "journal",
                error.to_string(),
                "without a journal there is no release",
            ));
            ReleaseNumber(1)
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
    let plan = planner.plan(number);
    let facts = gather(world, &plan, clock).await;
    let found = judge(&plan, &facts, clock.now());
    problems.extend(found.problems.iter().cloned());
    if problems.is_empty() {
        Ok(Start { plan, found })
    } else {
        Err(Refusal { problems })
    }
}
