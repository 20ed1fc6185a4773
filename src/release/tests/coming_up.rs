//! Publishing and making green: what is missing, what is made, and until when.

use super::run::{GREEN, Run};
use super::scene::{INSTANT, Scene, act, known, record, taken_back, unread, wait};
use super::world::{BLUE, seconds};
use crate::model::{HealthColor, HealthStatus, Known, ReleaseNumber};
use crate::release::{
    Action, Attempts, EnvironmentStatus, Event, Outcome, Phase, Processing, Source, Up, VersionSeen, Why, limits, looks,
};

/// Green is there and nothing is missing, but that is not on record yet.
fn up() -> Scene {
    let mut run = Run::new(1).until(Phase::Provision, 0);
    while run.release.up_since.is_none() {
        assert!(run.step());
    }
    Scene::of(&mut run).with(|scene| scene.release.up_since = None)
}

/// It has been up for so many seconds, and that was put on record so many seconds ago.
fn up_for(since: u64, last: u64) -> Scene {
    up().with(|scene| {
        scene.release.up_since = Some(Up {
            since: scene.seen.at - seconds(since),
            seen: scene.seen.at - seconds(last),
        });
    })
}

fn warn(scene: &mut Scene) {
    known(&mut scene.seen.green_health).status = Some(HealthStatus::Warning);
}

#[test]
fn what_is_missing_is_told_and_nothing_besides() {
    let missing = |change: fn(&mut Scene)| match up().with(change).decide().why {
        Why::NotUp { missing, .. } => missing,
        why => panic!("{why:?}"),
    };
    assert_eq!(missing(warn), ["its health is Warning"]);
    let caused = missing(|scene| {
        warn(scene);
        known(&mut scene.seen.green_health).causes = vec!["Slow.".to_owned(), "Very.".to_owned()];
    });
    assert_eq!(caused, ["its health is Warning (Slow. Very.)"]);
    let yellow = missing(|scene| {
        let health = known(&mut scene.seen.green_health);
        (health.status, health.color) = (None, HealthColor::Yellow);
    });
    assert_eq!(yellow, ["its health is Yellow"]);
    let small = missing(|scene| drop(known(&mut scene.seen.green_health).instances.pop_first()));
    assert_eq!(small, ["1 of 2 instances well"]);
    let old = missing(|scene| {
        let health = known(&mut scene.seen.green_health);
        health.instances.values_mut().next().expect("two run").version = None;
    });
    assert_eq!(old, ["1 of 2 instances not known to run v2"]);
    // While it is launched this is not yet somebody else's doing.
    let told = missing(|scene| {
        let green = scene.environment(GREEN);
        (green.version, green.status) = (Some("v1".into()), EnvironmentStatus::Launching);
    });
    assert_eq!(told, ["it is Launching", "it was told to run v1"]);
    for nameless in [
        missing(|scene| scene.environment(GREEN).cname = None),
        missing(|scene| scene.environment(GREEN).endpoint = None),
    ] {
        assert_eq!(nameless, ["it has no name or address yet"]);
    }
    let busy = missing(|scene| scene.environment(GREEN).status = EnvironmentStatus::Launching);
    assert_eq!(busy, ["it is Launching"]);
    let unseen = missing(|scene| {
        scene.seen.errors = unread();
        known(&mut scene.seen.green_health).refreshed_at = None;
    });
    assert_eq!(
        unseen,
        [
            "its events could not be read: Rate exceeded",
            "its health has never been reported"
        ]
    );
}

#[test]
fn data_that_is_just_fresh_enough_counts() {
    let scene = up().with(|scene| {
        let at = scene.seen.at;
        known(&mut scene.seen.green_health).refreshed_at = Some(at - seconds(40));
    });
    assert!(matches!(record(&scene.decide()), Event::GreenUp { up: true, .. }));
}

#[test]
fn green_has_until_the_deadline_to_come_up() {
    let scene = up().with(warn);
    let deadline = scene.began() + seconds(300);
    let early = scene.at(deadline - seconds(100));
    assert_eq!(wait(&early.decide()), (early.seen.at + seconds(10), deadline));
    let last = scene.at(deadline - INSTANT).decide();
    assert!(matches!(last.why, Why::NotUp { .. }), "{last:?}");
    let decision = scene.at(deadline).lasting();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(
        why.contains("not up within 5m; last seen: ") && why.contains("Warning"),
        "{why}"
    );
}

#[test]
fn a_green_that_goes_down_is_recorded_and_after_the_deadline_given_up() {
    let scene = up_for(5, 5).with(warn);
    let decision = scene.decide();
    let Event::GreenUp { up: false, missing } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!(*missing, ["its health is Warning"]);
    let deadline = scene.began() + seconds(300);
    assert!(matches!(
        record(&scene.at(deadline - INSTANT).decide()),
        Event::GreenUp { up: false, .. }
    ));
    assert_eq!(taken_back(&scene.at(deadline).decide()).1, Outcome::RolledBack);
}

#[test]
fn a_green_that_is_up_is_not_given_up_for_a_driver_that_was_away() {
    let deadline = up().began() + seconds(300);
    assert!(matches!(
        record(&up().at(deadline).decide()),
        Event::GreenUp { up: true, .. }
    ));
    let settling = up().at(deadline).with(|scene| {
        scene.release.up_since = Some(Up {
            since: deadline,
            seen: deadline,
        });
    });
    assert!(matches!(settling.decide().why, Why::Settling { .. }));
}

#[test]
fn being_up_is_renewed_on_record_and_lasts() {
    let long =
        |since, last| up_for(since, last).with(|scene| scene.release.plan.provision.stable = seconds(100).into());
    let decision = up_for(5, 5).decide();
    let scene = up_for(5, 5);
    let until = scene.seen.at + seconds(15);
    assert_eq!(decision.why, Why::Settling { until });
    assert_eq!(
        wait(&decision),
        (scene.seen.at + seconds(10), scene.began() + seconds(300))
    );
    assert_eq!(wait(&up_for(12, 12).decide()).0, scene.seen.at + seconds(8));
    // Half of what may lie between two records at most.
    assert!(matches!(long(50, 20).decide().why, Why::Settling { .. }));
    for last in [21, 40, 41] {
        assert!(
            matches!(record(&long(50, last).decide()), Event::GreenUp { up: true, .. }),
            "{last}"
        );
    }
    // It is ready only if it was seen all the time.
    assert!(matches!(record(&up_for(20, 20).decide()), Event::GreenReady { .. }));
    assert!(matches!(
        record(&up_for(100, 41).decide()),
        Event::GreenUp { up: true, .. }
    ));
    let decision = up_for(20, 0).decide();
    let Event::GreenReady { green } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!(green.endpoint.as_deref(), Some("green.elb"));
    assert!(green.cname.is_some());
}

#[test]
fn a_read_that_failed_says_neither_up_nor_down() {
    let scene = up_for(100, 5).with(|scene| scene.seen.errors = unread());
    let decision = scene.decide();
    assert!(
        matches!(&decision.why, Why::CannotSee { what } if what.contains("stays up: its events")),
        "{decision:?}"
    );
    assert_eq!(
        wait(&decision),
        (scene.seen.at + seconds(10), scene.began() + seconds(300))
    );
}

#[test]
fn a_green_that_fails_or_ends_is_given_up() {
    let error = |scene: &mut Scene| scene.seen.errors = Known::Known(vec!["Out of capacity.".to_owned()]);
    let decision = up().with(error).decide();
    assert!(
        taken_back(&decision).0.contains("with an error: Out of capacity."),
        "{decision:?}"
    );
    let deployment = [
        "Instance deployment failed.",
        "Failed to deploy.",
        "[Instance: i-1] no disk.",
        "[Instance: i-2] no.",
    ];
    let several = up().with(|scene| scene.seen.errors = Known::Known(deployment.map(str::to_owned).to_vec()));
    let decision = several.decide();
    assert!(
        taken_back(&decision)
            .0
            .ends_with("with an error: Instance deployment failed. [Instance: i-1] no disk."),
        "{decision:?}"
    );
    // While it is being launched, it may still get over it.
    let launching = up()
        .with(error)
        .with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Launching);
    wait(&launching.decide());
    for status in [EnvironmentStatus::Terminating, EnvironmentStatus::Terminated] {
        let ending = up().with(|scene| scene.environment(GREEN).status = status);
        assert!(taken_back(&ending.decide()).0.contains("not by this release"));
    }
    let gone = up().with(|scene| scene.remove(GREEN)).lasting();
    assert!(
        taken_back(&gone).0.contains("has ended while it was being made"),
        "{gone:?}"
    );
}

#[test]
fn an_environment_that_is_used_again_is_made_as_large_as_blue() {
    let small = up().with(|scene| {
        scene.release.green.as_mut().expect("it is known").reused = true;
        scene.release.blue.as_mut().expect("it is known").running = 3;
    });
    let wanted = Action::RestoreCapacity {
        environment: GREEN.into(),
        min_instances: 3,
        max_instances: 4,
    };
    assert_eq!(act(&small.decide()), &wanted);
    let huge = small.with(|scene| scene.release.blue.as_mut().expect("it is known").running = 9);
    assert!(matches!(
        act(&huge.decide()),
        Action::RestoreCapacity {
            min_instances: 9,
            max_instances: 9,
            ..
        }
    ));
    for change in [
        (|scene| scene.release.green.as_mut().expect("it is known").reused = false) as fn(&mut Scene),
        |scene| scene.release.blue.as_mut().expect("it is known").running = 2,
        |scene| scene.environment(GREEN).status = EnvironmentStatus::Updating,
        |scene| scene.attempts("restore capacity e-green 3").done = true,
        |scene| scene.seen.green_health = unread(),
    ] {
        let decision = small.with(change).decide();
        assert!(!matches!(decision.then, crate::release::Then::Act(_)), "{decision:?}");
    }
}

/// Nothing of green is known yet.
fn unmade() -> Scene {
    Scene::at_the_begin_of(Phase::Provision)
}

/// Somebody has an environment of green's name.
fn namesake(tag: Option<&str>) -> Scene {
    unmade().with(|scene| {
        let third = scene.environment("e-third");
        third.name = "shop-r7".into();
        third.release_tag = tag.map(str::to_owned);
    })
}

#[test]
fn green_is_found_by_name_and_tag() {
    let decision = namesake(Some("shop/production/7")).decide();
    let Event::GreenFound { green } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert!(green.id.as_str() == "e-third" && !green.reused);
    let decision = namesake(Some("shop/production/6")).decide();
    let (why, outcome) = taken_back(&decision);
    assert!(
        why.contains("somebody else has an environment called shop-r7 (e-third)"),
        "{why}"
    );
    assert_eq!(outcome, Outcome::RolledBack);
    // One of the same number that another journal knows.
    let other = namesake(Some("shop/production/7")).with(|scene| scene.release.plan.mark = "0a1b2c3d".to_owned());
    assert!(taken_back(&other.decide()).0.contains("somebody else has"));
    let unknown = namesake(None);
    let decision = unknown.decide();
    assert!(matches!(decision.why, Why::CannotSee { .. }), "{decision:?}");
    let deadline = unknown.began() + seconds(300);
    assert_eq!(wait(&decision), (unknown.seen.at + seconds(2), deadline));
}

#[test]
fn green_is_made_once_as_large_as_blue_runs() {
    let made = |running, least: u32, wanted| {
        let scene = unmade().with(|scene| {
            let blue = scene.release.blue.as_mut().expect("it is known");
            (blue.running, blue.min_instances) = (running, least);
            scene.release.plan.min_instances = wanted;
        });
        match act(&scene.decide()) {
            Action::CreateEnvironment {
                min_instances,
                max_instances,
                ..
            } => (*min_instances, *max_instances),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(made(3, 2, None), (3, 4));
    assert_eq!(made(1, 2, Some(1)), (2, 4));
    assert_eq!(made(1, 2, Some(6)), (6, 6));
    assert_eq!(
        made(0, 0, None),
        (1, 4),
        "an environment without instances serves nobody"
    );
    let accepted = unmade().with(|scene| {
        let at = scene.seen.at;
        *scene.attempts("create environment") = Attempts {
            done: true,
            last: at,
            ..Attempts::default()
        };
    });
    let late = accepted.at(accepted.seen.at + seconds(100));
    let decision = late.decide();
    assert!(matches!(decision.why, Why::Working { .. }), "{decision:?}");
    assert_eq!(
        wait(&decision),
        (late.seen.at + seconds(2), late.began() + seconds(300))
    );
}

#[test]
fn a_recorded_environment_is_used_again_if_it_is_at_rest_and_as_it_was_left() {
    fn from(id: &str, cname: &str) -> Source {
        Source::Recorded {
            release: ReleaseNumber(6),
            template: "shop-r6-blue".to_owned(),
            environment: Some(id.into()),
            cname: Some(cname.to_owned()),
        }
    }
    let healthy = up().seen.green_health;
    let recorded = unmade().with(|scene| {
        scene.seen.green_health = healthy.clone();
        let third = scene.environment("e-third");
        third.version = Some("v2".into());
        third.cname = Some("third.eb".to_owned());
        scene.release.plan.source = from("e-third", "third.eb");
    });
    let asked = looks(&recorded.release, recorded.seen.at).green_health;
    assert_eq!(asked.as_ref().map(|id| id.as_str()), Some("e-third"));
    let unknown = recorded.with(|scene| scene.seen.green_health = unread()).decide();
    assert!(matches!(unknown.why, Why::CannotSee { .. }), "{unknown:?}");
    let decision = recorded.decide();
    assert!(
        matches!(record(&decision), Event::GreenFound { green } if green.reused && green.id.as_str() == "e-third"),
        "{decision:?}"
    );
    for decision in [
        recorded
            .with(|scene| scene.environment("e-third").status = EnvironmentStatus::Updating)
            .decide(),
        recorded.with(|scene| scene.remove("e-third")).decide(),
        // Somebody has deployed on it, or given it to another slot.
        recorded
            .with(|scene| scene.environment("e-third").version = Some("v3".into()))
            .decide(),
        recorded
            .with(|scene| scene.environment("e-third").cname = Some("staging.eb".to_owned()))
            .decide(),
        // Its instances are gone.
        recorded
            .with(|scene| {
                let Known::Known(health) = &mut scene.seen.green_health else {
                    panic!("it is known")
                };
                health.instances.clear();
            })
            .decide(),
        // It is blue: green would take its place, and lose it with the way back.
        recorded
            .with(|scene| {
                let blue = scene.release.blue.as_mut().expect("blue is known");
                blue.version = Some("v2".into());
                let blue = blue.clone();
                let seen = scene.environment(blue.id.as_str());
                seen.version = Some("v2".into());
                let cname = seen.cname.clone().expect("blue has a name");
                scene.release.plan.source = from(blue.id.as_str(), &cname);
            })
            .decide(),
    ] {
        assert!(
            matches!(act(&decision), Action::CreateEnvironment { .. }),
            "{decision:?}"
        );
    }
}

/// The version is there, and processed so far.
fn publishing(processing: Processing) -> Scene {
    Scene::at_the_begin_of(Phase::Publish).with(|scene| {
        scene.seen.version = Known::Known(Some(VersionSeen {
            bundle: Some(("bucket".to_owned(), super::plan::KEY.to_owned())),
            processing,
        }));
    })
}

#[test]
fn publishing_has_a_deadline_too() {
    let slow = publishing(Processing::Underway);
    let deadline = slow.began() + limits::PUBLISH;
    assert_eq!(wait(&slow.decide()), (slow.seen.at + seconds(2), deadline));
    let last = slow.at(deadline - INSTANT).decide();
    assert!(matches!(last.why, Why::Working { .. }), "{last:?}");
    assert!(
        taken_back(&slow.at(deadline).decide())
            .0
            .contains("was not published in time")
    );
    // What is there by then is taken.
    let done = publishing(Processing::Processed).with(|scene| {
        let plan = &scene.release.plan;
        scene.seen.templates = Known::Known([plan.blue_template(), plan.green_template()].into());
    });
    assert!(matches!(record(&done.at(deadline).decide()), Event::Published));
}

#[test]
fn a_version_that_cannot_be_deployed_ends_the_release() {
    let why = |scene: Scene| taken_back(&scene.decide()).0.to_owned();
    assert!(why(publishing(Processing::Failed)).contains("failed to process version v2"));
    for bundle in [None, Some(("bucket".to_owned(), "another".to_owned()))] {
        let other = publishing(Processing::Processed).with(|scene| {
            known(&mut scene.seen.version).as_mut().expect("it is there").bundle = bundle;
        });
        assert!(why(other).contains("another bundle"));
    }
}

#[test]
fn blues_configuration_is_saved_first_and_then_greens() {
    let scene = publishing(Processing::Processed);
    let saves = |templates: &[&str]| {
        let scene = scene.with(|scene| {
            scene.seen.templates = Known::Known(templates.iter().map(|&name| name.to_owned()).collect());
        });
        match act(&scene.decide()) {
            Action::SaveConfiguration {
                template,
                environment,
                with_overrides,
            } => {
                assert_eq!(environment.as_str(), BLUE);
                (template.clone(), *with_overrides)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(saves(&[]), ("shop-r7-blue".to_owned(), false));
    assert_eq!(saves(&["shop-r7-blue"]), ("shop-r7-green".to_owned(), true));
    assert_eq!(saves(&["shop-r7-green"]), ("shop-r7-blue".to_owned(), false));
}
