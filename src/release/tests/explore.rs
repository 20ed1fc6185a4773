//! Random worlds: any mixture of faults, crashes, wishes and other people. Each must end in time, and rightly.

use std::time::Duration;

use super::faults::{ALL_SENSES, Fate};
use super::plan::{gradual, plan};
use super::random::Random;
use super::run::{Crash, Deed, Run};
use super::world::{BLUE, Foreign, Quality, seconds};
use crate::model::Span;
use crate::release::{Outcome, Phase, Wish};
use crate::spec::{AtDrainDeadline, AtGateDeadline, ForeignAnswer, ForeignSpec, GatePlace, GateSpec, Lever};

const PHASES: [Phase; 9] = [
    Phase::Preflight,
    Phase::Publish,
    Phase::Provision,
    Phase::Smoke,
    Phase::Shift,
    Phase::Bake,
    Phase::Drain,
    Phase::Retire,
    Phase::RollBack,
];

const CALLS: [&str; 9] = [
    "upload",
    "create version",
    "save configuration",
    "create environment",
    "swap",
    "restore capacity",
    "save evidence",
    "terminate",
    "prune",
];

/// A world made from a seed.
fn random_run(seed: u64) -> Run {
    let mut random = Random::new(seed);
    let lever = random.pick(&[
        Lever::CnameSwap,
        Lever::CnameSwap,
        Lever::WeightedDns,
        Lever::WeightedTargetGroups,
    ]);
    let mut plan = if lever.is_gradual() { gradual(lever) } else { plan() };
    if random.once_in(8) {
        plan.drain.at_deadline = AtDrainDeadline::Retire;
    }
    if random.once_in(8) {
        plan.min_instances = Some(u32::try_from(random.below(6)).expect("small"));
    }
    plan.foreign = ForeignSpec {
        answer: random.pick(&[ForeignAnswer::Stop, ForeignAnswer::Restore, ForeignAnswer::Ask]),
        deadline: Span::from_secs(10 + random.below(1000)),
    };
    for before in [GatePlace::Shift, GatePlace::Drain] {
        if random.once_in(8) {
            plan.gates.push(GateSpec {
                before,
                deadline: Span::from_secs(10 + random.below(1000)),
                at_deadline: random.pick(&[AtGateDeadline::RollBack, AtGateDeadline::GoOn]),
            });
        }
    }
    let mut run = Run::of(plan, seed).ahead(clock(&mut random));
    run.world.quality = quality(&mut random);
    run.world.basic = random.once_in(6);
    run.world.launch = seconds(20 + random.below(100));
    run.world.linger = match random.below(12) {
        0 if !run.world.basic => Duration::from_secs(1_000_000),
        1..=3 if !run.world.basic => seconds(random.below(200)),
        _ => seconds(random.below(38)),
    };
    run.world.find(&BLUE.into()).expect("blue is there").running = 2 + u32::try_from(random.below(3)).expect("small");
    let faults = &mut run.world.faults;
    if random.once_in(3) {
        faults.stale = Duration::from_millis(random.below(5000));
    }
    faults.calls = random.pick(&[0, 0, 4, 8]);
    faults.reads = random.pick(&[0, 0, 5, 15]);
    if random.once_in(20) {
        let fate = random.pick(&[Fate::NotNow, Fate::Refused, Fate::LostBefore, Fate::AppliedThenLost]);
        let call = random.pick(&CALLS);
        let call = if call == "swap" && lever.is_gradual() {
            "weigh"
        } else {
            call
        };
        faults.always.insert(call, fate);
    }
    for _ in 0..random.below(4) {
        if random.once_in(2) {
            run.crashes.push(Crash {
                after: 2 + random.below(70),
                made: random.once_in(2),
                away: seconds(random.pick(&[1, 5, 65, 400])),
                late: seconds(random.pick(&[0, 0, 3, 29])),
                ahead: clock(&mut random),
            });
        }
    }
    for _ in 0..random.below(4) {
        let (phase, after) = (random.pick(&PHASES), random.below(70));
        let deed = match random.below(12) {
            0 => Deed::Wish(random.pick(&[Wish::RollBack, Wish::Abort, Wish::EndWait])),
            4 => Deed::Wish(Wish::Pause {
                length: Span::from_secs(random.pick(&[10, 100, 2000])),
            }),
            5 => random.pick(&[Deed::Promote, Deed::Wish(Wish::Resume)]),
            1 => Deed::Foreign(random.pick(&[
                Foreign::Swap,
                Foreign::SwapAway,
                Foreign::EndGreen,
                Foreign::EndBlue,
                Foreign::UpdateBlue(200),
                Foreign::UpdateGreen(100),
                Foreign::UpdateBlue(20_000),
                Foreign::DeployBlue,
                Foreign::DeployGreen,
                Foreign::Weigh(7),
                Foreign::Join,
            ])),
            2 | 3 => {
                let senses = match random.below(4) {
                    0 => ALL_SENSES.to_vec(),
                    _ => vec![random.pick(&ALL_SENSES)],
                };
                Deed::Blind(senses, seconds(random.pick(&[5, 30, 120, 1000, 100_000])))
            }
            _ => continue,
        };
        run = run.when(phase, after, deed);
    }
    run
}

/// By how many seconds a driver's clock is ahead: two of them differ by minutes.
fn clock(random: &mut Random) -> i64 {
    match random.below(3) {
        0 => 0,
        _ => i64::try_from(random.below(600)).expect("small") - 300,
    }
}

fn quality(random: &mut Random) -> Quality {
    let mut quality = Quality::default();
    match random.below(14) {
        0 => quality.never_up = true,
        1 => quality.errors = true,
        2 => quality.dies = true,
        3 => quality.wrong_version = true,
        4 => quality.smoke_fails = true,
        5..=7 => quality.breaks = Some(seconds(random.below(200))),
        _ => {}
    }
    quality.health_alone = random.once_in(2);
    quality
}

/// What must be true of the end, by what was wrong with the world.
fn expect(run: &Run) {
    let quality = &run.world.quality;
    let calm = run.script.is_empty() && run.world.faults.always.is_empty() && run.release.plan.gates.is_empty();
    let outcome = run.outcome();
    let hopeless = quality.never_up
        || quality.errors
        || quality.dies
        || quality.smoke_fails
        || quality.wrong_version && !run.world.basic;
    if hopeless {
        run.require(outcome != Outcome::Promoted, "a bad green was promoted");
        run.require(
            run.world.swaps.is_empty() || run.world.disturbed,
            "a bad green got traffic",
        );
    }
    if outcome == Outcome::Refused {
        run.require(
            run.world.faults.reads > 0 || !run.script.is_empty(),
            "refused although all could be read",
        );
        return;
    }
    if !calm {
        return;
    }
    run.require(
        matches!(outcome, Outcome::Promoted | Outcome::RolledBack),
        "a person was called for nothing",
    );
    let steps = run.release.plan.step_count();
    run.require(
        run.world.swaps.len() <= 2 || run.world.shares.is_some() && run.world.swaps.len() <= steps + 3,
        "more changes than there and back",
    );
    let long_away = run.crashes.iter().any(|crash| crash.away > seconds(100));
    let faults = &run.world.faults;
    let unlucky = faults.reads + faults.calls > 0 && run.world.swaps.is_empty();
    match quality.breaks {
        // Five calls in a row may fail by chance, and a phase may be over when nobody drives or sees for long.
        None if !hopeless => run.require(
            outcome == Outcome::Promoted || long_away || unlucky || run.why().contains("(5 attempts)"),
            "a good green was taken back",
        ),
        // Nobody may have been there to see it break later than this.
        Some(after) if after < seconds(60) => {
            run.require(outcome == Outcome::RolledBack, "a broken green was promoted");
        }
        _ => {}
    }
}

fn explore(seeds: std::ops::Range<u64>) {
    let mut ends = std::collections::BTreeMap::new();
    for seed in seeds {
        let told = Told(seed);
        let run = random_run(seed).finish();
        expect(&run);
        *ends.entry(run.outcome().code()).or_insert(0_u32) += 1;
        std::mem::forget(told);
    }
    for outcome in [
        Outcome::Promoted,
        Outcome::RolledBack,
        Outcome::Aborted,
        Outcome::NeedsHuman,
    ] {
        let count = ends.get(outcome.code()).copied().unwrap_or(0);
        assert!(count > 0, "no world ended {outcome}: the exploration is too tame");
    }
}

/// Tells the seed of a world that failed.
struct Told(u64);

impl Drop for Told {
    #[expect(clippy::print_stderr, reason = "a test tells how to repeat its failure")]
    fn drop(&mut self) {
        eprintln!("the seed was {}", self.0);
    }
}

#[test]
fn random_worlds_end_rightly() {
    explore(0..1200);
}

#[test]
fn more_random_worlds_end_rightly() {
    explore(1_000_000..1_001_200);
}

/// As many more as the environment variable says, for an afternoon: `EXPLORE=100000 cargo test --lib very_many`.
#[test]
fn very_many_random_worlds_end_rightly() {
    let worlds = std::env::var("EXPLORE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    explore(2_000_000..2_000_000 + worlds);
}
