//! Drivers whose clocks disagree by minutes, one taking over from the other at every moment.

use super::faults::Fate;
use super::run::{Crash, GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Action, Event, Outcome};

/// Clocks of the first driver and of the second, in seconds ahead of the world's.
const CLOCKS: [(i64, i64); 4] = [(0, 290), (0, -290), (290, -290), (-290, 290)];

fn every_takeover(run: &Run, expected: Outcome) {
    let whole = run.clone().finish();
    whole.ends(expected);
    for after in 2..whole.release.sequence {
        let event = &whole.entries[usize::try_from(after - 1).expect("short")].event;
        let intent = matches!(event, Event::Intended { .. });
        for (first, second) in CLOCKS {
            // The call of the one before may still arrive when the next one has long looked.
            for (made, late) in [(false, 0), (true, 0), (true, 29)] {
                if made && !intent {
                    continue;
                }
                let mut run = run.clone().ahead(first);
                run.crashes = vec![Crash {
                    after,
                    made,
                    late: seconds(late),
                    away: seconds(1),
                    ahead: second,
                }];
                let run = run.finish();
                run.ends(expected);
                run.require(
                    run.world.swaps.len() == whole.world.swaps.len(),
                    "another number of swaps",
                );
                run.require(run.exists(GREEN) == whole.exists(GREEN), "another end for green");
                run.require(run.exists(BLUE) == whole.exists(BLUE), "another end for blue");
            }
        }
    }
}

#[test]
fn a_takeover_by_another_clock_changes_nothing_in_a_good_release() {
    let mut run = Run::new(1);
    run.world.find(&BLUE.into()).expect("blue is there").running = 3;
    every_takeover(&run, Outcome::Promoted);
}

#[test]
fn a_takeover_by_another_clock_changes_nothing_in_a_rollback() {
    let mut run = Run::new(2);
    run.world.quality.breaks = Some(seconds(30));
    every_takeover(&run, Outcome::RolledBack);
}

#[test]
fn a_driver_whose_clock_is_wrong_releases_as_any_other() {
    for ahead in [-100_000, -290, 290, 100_000] {
        Run::new(1).ahead(ahead).finish().ends(Outcome::Promoted);
        let mut run = Run::new(1).ahead(ahead);
        run.world.quality.breaks = Some(seconds(30));
        run.finish().ends(Outcome::RolledBack);
    }
}

/// The first driver ends right after an event; the second comes a second later with another clock.
fn taken_over_after(run: Run, what: impl Fn(&Event) -> bool, ahead: i64) -> Run {
    let whole = run.clone().finish();
    let found = whole.entries.iter().find(|entry| what(&entry.event));
    let mut run = run;
    run.crashes = vec![Crash {
        after: found.expect("there is one").sequence,
        away: seconds(1),
        ahead,
        ..Crash::default()
    }];
    run.finish()
}

/// How long after the takeover the first event of a kind was written: both are by the second driver's clock.
fn waited(run: &Run, what: impl Fn(&Event) -> bool) -> std::time::Duration {
    let taken = run.at(|event| matches!(event, Event::TookOver { .. }));
    let found = run
        .entries
        .iter()
        .skip_while(|entry| !matches!(entry.event, Event::TookOver { .. }))
        .find(|entry| what(&entry.event));
    found.expect("there is one").at.since(taken)
}

#[test]
fn a_call_in_doubt_is_waited_for_from_the_takeover_on() {
    let swap = |event: &Event| {
        matches!(
            event,
            Event::Intended {
                action: Action::Swap { .. }
            }
        )
    };
    for ahead in [-290, 0, 290] {
        let run = taken_over_after(Run::new(1), swap, ahead);
        run.ends(Outcome::Promoted);
        let settled = waited(&run, |event| matches!(event, Event::Resolved { applied: false, .. }));
        assert!(settled >= seconds(60), "{ahead}: {settled:?}");
    }
}

#[test]
fn what_the_driver_before_had_waited_counts() {
    // The bake lasts a minute; half of it is over.
    let looks = std::cell::Cell::new(0);
    let third = |event: &Event| {
        let good = matches!(event, Event::Looked { .. });
        looks.set(looks.get() + u32::from(good));
        good && looks.get() == 3
    };
    let run = taken_over_after(Run::new(1), third, 290);
    run.ends(Outcome::Promoted);
    let passed = waited(&run, |event| matches!(event, Event::BakePassed { .. }));
    assert!(passed >= seconds(25) && passed <= seconds(50), "{passed:?}");
}

#[test]
fn a_clock_that_is_ahead_gives_nothing_up() {
    // Five minutes for green to come up, and the next driver's clock is almost ten ahead.
    let found = |event: &Event| matches!(event, Event::GreenFound { .. });
    taken_over_after(Run::new(1).ahead(-290), found, 290).ends(Outcome::Promoted);
    // A minute for the smoke checks.
    let ready = |event: &Event| matches!(event, Event::GreenReady { .. });
    taken_over_after(Run::new(1).ahead(-290), ready, 290).ends(Outcome::Promoted);
    // The way back has its whole time.
    let mut run = Run::new(1).ahead(-290);
    run.world.quality.breaks = Some(seconds(30));
    run.world
        .faults
        .script
        .insert("swap", [vec![Fate::Fine], vec![Fate::NotNow; 30]].concat());
    let began = |event: &Event| matches!(event, Event::RollbackBegan { .. });
    taken_over_after(run, began, 290).ends(Outcome::RolledBack);
}

#[test]
fn a_long_absence_counts_for_what_only_has_to_pass() {
    let drained = |event: &Event| matches!(event, Event::Drained { .. });
    let mut plan = super::plan::plan();
    plan.retire.warm = crate::model::Span::from_secs(1800);
    let whole = Run::of(plan.clone(), 1).finish();
    let mut run = Run::of(plan, 1);
    let after = whole
        .entries
        .iter()
        .find(|entry| drained(&entry.event))
        .expect("it was drained");
    run.crashes = vec![Crash {
        after: after.sequence,
        away: seconds(24 * 3600),
        ahead: -290,
        ..Crash::default()
    }];
    let run = run.finish();
    run.ends(Outcome::Promoted);
    let told = |event: &Event| {
        matches!(
            event,
            Event::Intended {
                action: Action::Terminate { .. }
            }
        )
    };
    assert!(waited(&run, told) < seconds(60), "blue was warm all the time");
}
