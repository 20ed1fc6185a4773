//! Drills: taken back in any case, and at once when production is unwell.

use super::faults::Fate;
use super::plan::plan;
use super::run::{Crash, GREEN, Run};
use super::world::seconds;
use crate::model::{HealthStatus, Known, VersionLabel};
use crate::release::{DrillKind, Entry, Event, HealthSeen, Outcome, Phase, Plan, Source, Then, decide, looks};

fn drill(kind: DrillKind) -> Plan {
    Plan {
        drill: Some(kind),
        ..plan()
    }
}

/// The entries of a drill from its beginning to its end; its driver may die once green has traffic.
pub(crate) fn played(plan: Plan, dies: bool) -> Vec<Entry> {
    let whole = Run::of(plan.clone(), 1).finish();
    if !dies {
        return whole.entries;
    }
    let shifted = whole.entries.iter().find(|entry| matches!(entry.event, Event::Shifted));
    let mut run = Run::of(plan, 1);
    run.crashes = vec![Crash {
        after: shifted.expect("green gets traffic").sequence,
        away: std::time::Duration::from_secs(90),
        ..Crash::default()
    }];
    run.finish().entries
}

/// The entries of drills whose green does not come up, fails its smoke checks, and cannot be removed in the end.
pub(crate) fn played_badly(plan: &Plan) -> [Vec<Entry>; 3] {
    let with = |change: fn(&mut Run)| {
        let mut run = Run::of(plan.clone(), 1);
        change(&mut run);
        run.finish().entries
    };
    [
        with(|run| run.world.quality.never_up = true),
        with(|run| run.world.quality.smoke_fails = true),
        with(|run| {
            run.world.faults.always.insert("terminate", Fate::Refused);
        }),
    ]
}

#[test]
fn a_drill_is_taken_back_when_its_bake_is_over_and_never_promoted() {
    for kind in DrillKind::ALL {
        for seed in 0..4 {
            let run = Run::of(drill(kind), seed).finish();
            run.ends(Outcome::RolledBack);
            assert!(run.release.drill_is_over(), "{}", run.why());
            assert!(
                !run.has(|event| matches!(event, Event::BakePassed { .. })),
                "nothing of it is promoted"
            );
            assert!(!run.exists(GREEN), "its green is removed");
            let (bake, back) = (
                run.at(|event| matches!(event, Event::ShiftConfirmed { .. })),
                run.at(|event| matches!(event, Event::RollbackBegan { .. })),
            );
            assert!(
                back.since(bake) >= run.release.plan.bake_length(0).get(),
                "it was watched first"
            );
        }
    }
}

/// What an environment reports.
fn health(status: HealthStatus) -> HealthSeen {
    let mut run = Run::new(1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let wanted = looks(&run.release, run.world.now);
    let seen = run.world.observe(&run.release, &wanted);
    let health = seen.green_health.known().cloned().expect("green reports");
    HealthSeen {
        status: Some(status),
        ..health
    }
}

#[test]
fn a_drill_gives_up_when_production_is_unwell() {
    for (phase, outcome) in [(Phase::Provision, Outcome::Aborted), (Phase::Bake, Outcome::RolledBack)] {
        let mut run = Run::of(drill(DrillKind::Rollback), 1).until(phase, 0);
        let wanted = looks(&run.release, run.world.now);
        let mut seen = run.world.observe(&run.release, &wanted);
        let mut with = |status| {
            seen.blue_health = Known::Known(health(status));
            decide(&run.release, &seen).then
        };
        let Then::Record(Event::RollbackBegan { why, outcome: found }) = with(HealthStatus::Severe) else {
            panic!("blue is Severe in {phase}");
        };
        assert!(why.contains("Severe") && found == outcome, "{phase}: {why}, {found}");
        for status in [HealthStatus::Ok, HealthStatus::Warning] {
            assert!(
                !matches!(with(status), Then::Record(Event::RollbackBegan { .. })),
                "{status}"
            );
        }
        // A release is for better versions, and goes on.
        run.release.plan.drill = None;
        assert!(!matches!(
            decide(&run.release, &seen).then,
            Then::Record(Event::RollbackBegan { .. })
        ));
    }
}

#[test]
fn a_drill_needs_the_version_that_is_live() {
    let live = Plan {
        source: Source::Live,
        version_label: VersionLabel::new("gone"),
        ..drill(DrillKind::Rollback)
    };
    assert_eq!(live.green_template(), plan().green_template(), "it is made from blue");
    let run = Run::of(live, 1).finish();
    assert_ne!(run.outcome(), Outcome::Promoted);
    assert!(
        !run.release.shift_intended,
        "nothing can be made from it: {}",
        run.why()
    );
}
