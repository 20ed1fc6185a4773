//! All small worlds: at every call of a release, every fate, up to so many faults in all; and at the beginning of every phase,
//! everything that an operator or somebody else may do. No dead end.

use std::collections::BTreeSet;

use super::faults::Fate;
use super::plan::gradual;
use super::run::{Deed, Run};
use super::world::{BLUE, Foreign, seconds};
use crate::release::{Outcome, Phase, Release, Then, Wish};
use crate::spec::Lever;

/// What was met on the way.
#[derive(Default)]
struct Met {
    states: BTreeSet<String>,
    ends: BTreeSet<&'static str>,
    branches: u64,
    steps: u64,
    worlds: u64,
}

const ALL: [Fate; 4] = [Fate::LostBefore, Fate::AppliedThenLost, Fate::NotNow, Fate::Refused];
const LOST: [Fate; 2] = [Fate::LostBefore, Fate::AppliedThenLost];

/// A release without its moments in time: where it stands, and what it knows.
fn shape(release: &Release) -> String {
    let attempts: Vec<_> = release
        .attempts
        .iter()
        .map(|(key, attempts)| (key.as_str(), attempts.failed, attempts.fatal, attempts.done))
        .collect();
    format!(
        "{} {:?} {:?} {attempts:?} {} {} {} {:?} {:?} {:?} {} {:?} {:?} {:?} {:?}",
        release.phase,
        release.green.is_some(),
        release
            .pending
            .as_ref()
            .map(|pending| (pending.action.name(), &pending.result)),
        release.shift_intended,
        release.shifted_at.is_some(),
        release.confirmed_at.is_some(),
        release.up_since.is_some(),
        release.smoke.passed,
        (release.watch.bad, release.watch.good_in_row.min(3)),
        release.quiet_since.is_some(),
        release.drained.as_ref().map(|drained| drained.remove_blue),
        release
            .rollback
            .as_ref()
            .map(|back| (back.from, back.again, back.restored_at.is_some())),
        (
            release.wishes.roll_back,
            release.wishes.abort,
            release.wishes.end_wait,
            release.held_since.is_some()
        ),
        release.outcome.as_ref().map(|(outcome, _)| outcome.code()),
    ) + &format!(" {} {} {}", release.step, release.in_place, release.weighting)
}

/// Follows a release to its end, and every branch on the way that costs a fault.
fn follow(mut run: Run, fates: &[Fate], faults: u32, met: &mut Met) {
    let mut sequence = 0;
    while let Some(then) = run.next() {
        met.steps += 1;
        if run.release.sequence != sequence {
            sequence = run.release.sequence;
            met.states.insert(shape(&run.release));
        }
        if let Then::Act(action) = &then
            && faults > 0
        {
            for fate in fates {
                let mut branch = run.clone();
                branch.world.faults.script.insert(action.name(), vec![*fate]);
                branch.carry_out(then.clone());
                met.branches += 1;
                follow(branch, fates, faults - 1, met);
            }
        }
        run.carry_out(then);
    }
    run.judge();
    met.worlds += 1;
    met.ends.insert(run.outcome().code());
    met.states.insert(shape(&run.release));
    // A person is called when somebody else has interfered, never because of faults alone.
    run.require(
        run.outcome() != Outcome::NeedsHuman || run.world.disturbed,
        "a dead end",
    );
}

#[expect(clippy::print_stderr, reason = "the size of the exploration is worth knowing")]
fn told(what: &str, met: &Met) {
    eprintln!(
        "{what}: {} worlds, {} branches, {} states, {} steps",
        met.worlds,
        met.branches,
        met.states.len(),
        met.steps
    );
}

fn worlds() -> Vec<Run> {
    let mut good = Run::new(1);
    good.world.find(&BLUE.into()).expect("blue is there").running = 3;
    let mut breaks = Run::new(1);
    breaks.world.quality.breaks = Some(seconds(30));
    let mut never_up = Run::new(1);
    never_up.world.quality.smoke_fails = true;
    vec![good, breaks, never_up]
}

#[test]
fn every_pair_of_faults_leads_to_an_end() {
    let mut met = Met::default();
    for run in worlds() {
        follow(run, &ALL, 2, &mut met);
    }
    told("pairs of faults", &met);
    assert!(met.states.len() > 300, "{} states", met.states.len());
    assert_eq!(met.ends, BTreeSet::from(["promoted", "rolled_back"]));
}

#[test]
fn every_fault_of_weights_leads_to_an_end() {
    let mut met = Met::default();
    for lever in [Lever::WeightedDns, Lever::WeightedTargetGroups] {
        let good = Run::of(gradual(lever), 1);
        let mut breaks = Run::of(gradual(lever), 1);
        breaks.world.quality.breaks = Some(seconds(30));
        for run in [good, breaks] {
            follow(run, &LOST, 2, &mut met);
        }
    }
    told("pairs of faults of weights", &met);
    assert!(met.states.len() > 300, "{} states", met.states.len());
    assert_eq!(met.ends, BTreeSet::from(["promoted", "rolled_back"]));
}

#[test]
fn a_deed_at_weights_and_a_fault_at_every_call_lead_to_an_end() {
    let deeds = [
        Deed::Wish(Wish::RollBack),
        Deed::Wish(Wish::EndWait),
        Deed::Foreign(Foreign::Weigh(7)),
        Deed::Foreign(Foreign::Join),
        Deed::Foreign(Foreign::EndGreen),
        Deed::Foreign(Foreign::EndBlue),
    ];
    let mut met = Met::default();
    for lever in [Lever::WeightedDns, Lever::WeightedTargetGroups] {
        for phase in [Phase::Smoke, Phase::Shift, Phase::Bake, Phase::Drain, Phase::Retire] {
            for deed in &deeds {
                for after in [1, 70] {
                    let run = Run::of(gradual(lever), 1).when(phase, after, deed.clone());
                    follow(run, &LOST, 1, &mut met);
                }
            }
        }
    }
    told("deeds and faults at weights", &met);
    assert_eq!(
        met.ends,
        BTreeSet::from(["promoted", "rolled_back", "aborted", "needs_human"])
    );
}

#[test]
fn a_deed_in_every_phase_and_a_fault_at_every_call_lead_to_an_end() {
    const PHASES: [Phase; 8] = [
        Phase::Publish,
        Phase::Provision,
        Phase::Smoke,
        Phase::Shift,
        Phase::Bake,
        Phase::Drain,
        Phase::Retire,
        Phase::RollBack,
    ];
    let deeds = [
        Deed::Wish(Wish::RollBack),
        Deed::Wish(Wish::EndWait),
        Deed::Wish(Wish::Pause {
            length: crate::model::Span::from_secs(30),
        }),
        Deed::Foreign(Foreign::Swap),
        Deed::Foreign(Foreign::EndGreen),
        Deed::Foreign(Foreign::EndBlue),
        Deed::Foreign(Foreign::UpdateBlue(150)),
    ];
    let mut met = Met::default();
    for run in &worlds()[..2] {
        for phase in PHASES {
            for deed in &deeds {
                follow(run.clone().when(phase, 1, deed.clone()), &LOST, 1, &mut met);
            }
        }
    }
    told("deeds and faults", &met);
    assert_eq!(
        met.ends,
        BTreeSet::from(["promoted", "rolled_back", "aborted", "needs_human"])
    );
}
