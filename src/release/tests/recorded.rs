//! Going back to a version that an earlier release recorded, with its environment still there or gone.

use super::plan::{gradual, plan};
use super::run::{GREEN, Run};
use super::world::{BLUE, BLUE_CNAME, Environment, seconds};
use crate::model::ReleaseNumber;
use crate::release::{Action, Event, Outcome, Source};
use crate::spec::Lever;

fn recorded(kept: bool) -> Run {
    let mut plan = plan();
    plan.source = Source::Recorded {
        release: ReleaseNumber(6),
        template: "shop-r6-blue".to_owned(),
        environment: Some(GREEN.into()),
        cname: None,
    };
    let mut run = Run::of(plan, 1);
    let world = &mut run.world;
    world.version = Some(world.now - seconds(60));
    world.templates.insert("shop-r6-blue".to_owned(), world.now);
    world.find(&BLUE.into()).expect("blue is there").running = 4;
    if kept {
        let blue = world.get(&BLUE.into()).expect("blue is there").clone();
        world.environments.push(Environment {
            id: GREEN.into(),
            name: "shop-r5".into(),
            cname: Some(BLUE_CNAME.to_owned()),
            endpoint: Some("green.elb".to_owned()),
            address: [10, 0, 0, 2],
            version: "v2".into(),
            running: 2,
            is_green: true,
            ..blue
        });
        world.changed();
    }
    run
}

fn created(run: &Run) -> bool {
    run.has(|event| {
        matches!(
            event,
            Event::Intended {
                action: Action::CreateEnvironment { .. }
            }
        )
    })
}

#[test]
fn an_environment_that_is_still_there_is_used_again_as_large_as_blue() {
    let run = recorded(true).finish();
    run.ends(Outcome::Promoted);
    assert!(!created(&run) && !run.exists(BLUE));
    let sizes: Vec<_> = run
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Intended {
                action:
                    Action::RestoreCapacity {
                        environment,
                        min_instances,
                        ..
                    },
            } if environment.as_str() != BLUE => Some(*min_instances),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [4, 2], "as large as blue runs, and blue's own limits in the end");
}

#[test]
fn what_is_live_again_is_no_way_back_and_never_green() {
    for lever in [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups] {
        let to = |version: &str| {
            let mut plan = plan();
            if lever != Lever::CnameSwap {
                plan = gradual(lever);
            }
            plan.version_label = version.into();
            plan.source = Source::Recorded {
                release: ReleaseNumber(6),
                template: "shop-r6-blue".to_owned(),
                environment: Some(BLUE.into()),
                cname: None,
            };
            let mut run = Run::of(plan, 1);
            run.world.version = Some(run.world.now - seconds(60));
            run.world.templates.insert("shop-r6-blue".to_owned(), run.world.now);
            run
        };
        let run = to("v1").finish();
        run.ends(Outcome::Refused);
        assert!(run.why().contains("live again already"), "{}", run.why());
        // Somebody has deployed on it: then it is that which is taken back.
        let run = to("v2").finish();
        run.ends(Outcome::Promoted);
        assert!(created(&run), "{lever}");
    }
}

#[test]
fn an_environment_that_another_release_made_is_never_removed() {
    let mut run = recorded(true);
    run.world.quality.breaks = Some(seconds(10));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(run.exists(GREEN) && run.why().contains(GREEN), "{}", run.why());
}

#[test]
fn an_environment_that_is_gone_is_made_from_what_was_recorded() {
    let run = recorded(false).finish();
    run.ends(Outcome::Promoted);
    assert!(created(&run));
    assert!(!run.has(|event| matches!(
        event,
        Event::Intended {
            action: Action::Upload { .. } | Action::CreateVersion { .. }
        }
    )));
    // Without the template or the version nothing can be made.
    let mut run = recorded(false);
    run.world.templates.clear();
    run.finish().ends(Outcome::RolledBack);
    let mut run = recorded(false);
    run.world.version = None;
    run.finish().ends(Outcome::Refused);
}
