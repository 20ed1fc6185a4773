//! Making a world that fails as small as it can be, with the same rule broken.

use std::time::Duration;

use super::mistakes::Mistake;
use super::scenario::{Fate, Manner, Quality, Scenario, Trouble};
use super::world::{Played, simulate};
use crate::spec::ForeignAnswer;

/// Leaves out of a scenario whatever does not matter for the rule that it breaks. Returns the smallest one found, and what it
/// comes to with its chronicle; `None` if the scenario breaks no rule.
#[must_use]
pub fn minimise(scenario: &Scenario, mistake: Option<Mistake>) -> Option<(Scenario, Played)> {
    let rule = simulate(scenario, mistake, false).violation?.rule;
    let fails = |candidate: &Scenario| {
        simulate(candidate, mistake, false)
            .violation
            .is_some_and(|violation| violation.rule == rule)
    };
    let mut smallest = scenario.clone();
    // One pass after another, until nothing can be left out any more.
    while let Some(smaller) = smaller(&smallest).into_iter().find(|candidate| fails(candidate)) {
        smallest = smaller;
    }
    let played = simulate(&smallest, mistake, true);
    Some((smallest, played))
}

/// Scenarios that are simpler than this one by one step, the boldest first.
fn smaller(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = scenario.clone();
        change(&mut candidate);
        if candidate != *scenario {
            all.push(candidate);
        }
    };
    for index in 0..scenario.troubles.len() {
        with(&|candidate| {
            candidate.troubles.remove(index);
        });
    }
    with(&|candidate| candidate.sequel = None);
    with(&|candidate| {
        if let Some(sequel) = &mut candidate.sequel {
            sequel.between = None;
        }
    });
    with(&|candidate| candidate.skews.fill(0));
    with(&|candidate| candidate.manner = Manner::Whole);
    with(&|candidate| candidate.store = super::scenario::Store::Memory);
    with(&|candidate| candidate.terms.basic = false);
    with(&|candidate| candidate.terms.gate = None);
    with(&|candidate| candidate.terms.foreign = ForeignAnswer::Stop);
    with(&|candidate| candidate.terms.instances = 1);
    with(&|candidate| candidate.terms.keep = Duration::ZERO);
    with(&|candidate| candidate.quality = Quality::Good);
    for index in 0..scenario.troubles.len() {
        with(&|candidate| {
            if let Trouble::Call { times, fate, .. } = &mut candidate.troubles[index] {
                *times = 1;
                if let Fate::Slow(length) = fate {
                    *length = (*length).min(Duration::from_secs(1));
                }
            }
        });
    }
    all
}
