//! What is looked at before each decision, and nothing besides: reads cost calls that the whole account shares.

use super::run::{GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Action, Looks, Pending, Phase, looks};

fn environments() -> Looks {
    Looks {
        environments: true,
        ..Looks::default()
    }
}

fn published() -> Looks {
    Looks {
        artifact: true,
        version: true,
        templates: true,
        ..environments()
    }
}

fn taken_back() -> Run {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    run.until(Phase::RollBack, 0)
}

/// Looks at green with traffic.
fn watched() -> Looks {
    Looks {
        green_health: Some(GREEN.into()),
        public: Some("green.elb".to_owned()),
        beside: Some("blue.elb".to_owned()),
        ..environments()
    }
}

fn and_blue(looks: Looks) -> Looks {
    Looks {
        blue_health: Some(BLUE.into()),
        ..looks
    }
}

#[test]
fn each_phase_looks_at_its_own_business() {
    let wanted = |run: &Run| looks(&run.release, run.world.now);
    let run = Run::new(1);
    let facts = Looks {
        facts: true,
        ..Looks::default()
    };
    assert_eq!(wanted(&run), facts);
    let run = run.until(Phase::Publish, 0);
    assert_eq!(wanted(&run), published());
    let mut run = run.until(Phase::Provision, 0);
    assert_eq!(wanted(&run), environments(), "green is not there yet");
    while run.release.green.is_none() {
        assert!(run.step());
    }
    let coming_up = Looks {
        green_health: Some(GREEN.into()),
        errors: Some((GREEN.into(), None)),
        ..environments()
    };
    assert_eq!(
        wanted(&run),
        and_blue(coming_up),
        "how blue is by itself is worth knowing before there is anything to compare"
    );
    let mut used_again = run.release.clone();
    if let Some(green) = &mut used_again.green {
        green.reused = true;
    }
    assert_eq!(
        looks(&used_again, run.world.now).errors,
        Some((GREEN.into(), Some(run.release.started_at))),
        "what it told before is of another release"
    );
    let run = run.until(Phase::Smoke, 0);
    let smoke = Looks {
        smoke: Some("green.elb".to_owned()),
        ..environments()
    };
    assert_eq!(wanted(&run), and_blue(smoke));
    let mut known = run.release.clone();
    while known.assessment.leads_in() {
        known.assessment.take(&crate::release::Measured::nothing());
    }
    assert!(
        looks(&known, run.world.now).blue_health.is_none(),
        "enough is known of blue"
    );
    let mut run = run.until(Phase::Shift, 0);
    let before_the_swap = Looks {
        green_health: Some(GREEN.into()),
        ..environments()
    };
    // Blue may have grown since green was made.
    assert_eq!(wanted(&run), and_blue(before_the_swap));
    while run.release.shifted_at.is_none() {
        assert!(run.step());
    }
    // Until users are seen to be on green it is looked at all the time.
    assert_eq!(wanted(&run), and_blue(watched()));
    let mut run = run.until(Phase::Retire, 0);
    run.release.attempts.entry("terminate".to_owned()).or_default().done = true;
    assert_eq!(
        wanted(&run),
        environments(),
        "there is no way back that a look could open"
    );
    run.release.phase = Phase::Drain;
    run.release.watch.last = None;
    assert_eq!(
        wanted(&run),
        and_blue(watched()),
        "what was ended before is another story"
    );
    run.release.phase = Phase::Done;
    assert_eq!(wanted(&run), Looks::default());
}

#[test]
fn checks_are_made_once_an_interval() {
    let mut run = Run::new(1).until(Phase::Smoke, 0);
    let now = run.world.now;
    run.release.smoke.last = Some(now);
    assert_eq!(looks(&run.release, now + seconds(1)), and_blue(environments()));
    assert!(looks(&run.release, now + seconds(2)).smoke.is_some());
    let mut run = Run::new(1).until(Phase::Bake, 0);
    let now = run.world.now;
    run.release.watch.last = Some(now);
    for (phase, blue) in [(Phase::Bake, false), (Phase::Drain, true), (Phase::Retire, true)] {
        run.release.phase = phase;
        let between = if blue { and_blue(environments()) } else { environments() };
        assert_eq!(looks(&run.release, now + seconds(9)), between, "{phase}");
        assert_eq!(looks(&run.release, now + seconds(10)), and_blue(watched()), "{phase}");
    }
}

#[test]
fn a_call_in_doubt_is_looked_for_in_every_phase() {
    let mut run = taken_back();
    let action = |action: Action| Pending {
        intent: run.release.sequence,
        at: run.world.now,
        action,
        result: None,
        ended_at: None,
    };
    let upload = action(Action::Upload { key: String::new() });
    let version = action(Action::CreateVersion { label: "v2".into() });
    let template = action(Action::SaveConfiguration {
        template: String::new(),
        environment: BLUE.into(),
        with_overrides: false,
    });
    let prune = action(Action::Prune { keep: 1 });
    for (pending, wanted) in [
        (
            upload,
            Looks {
                artifact: true,
                ..environments()
            },
        ),
        (
            version,
            Looks {
                version: true,
                ..environments()
            },
        ),
        (
            template,
            Looks {
                templates: true,
                ..environments()
            },
        ),
        (prune, environments()),
    ] {
        run.release.pending = Some(pending);
        assert_eq!(looks(&run.release, run.world.now), wanted);
    }
}

#[test]
fn the_way_back_is_looked_at_from_outside_only_when_it_can_have_been_opened() {
    let mut run = taken_back();
    let since = run.release.rollback.as_ref().expect("it is rolling back").since;
    run.release.attempts.clear();
    let mut public = |shifted, after| {
        run.release.shift_intended = shifted;
        looks(&run.release, since + seconds(after)).public
    };
    assert_eq!(public(true, 19), None, "names can be on their way for two intervals");
    assert_eq!(public(true, 20).as_deref(), Some("blue.elb"));
    assert_eq!(public(false, 20), None, "traffic never left blue");
}
