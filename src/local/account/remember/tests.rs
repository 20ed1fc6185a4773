//! An account that ends at any moment goes on as it was.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::fixture::World;
use super::super::random::{VERSIONS, live, step, take};
use super::*;

/// Counters of ids leap, so that none is made twice.
const LEAPS: [&str; 3] = [COUNTERS, "balancing", "identities"];

fn kept(account: &Account) -> BTreeMap<String, Vec<u8>> {
    let mut notes = Notes::default();
    account.remember(0, &mut notes);
    notes.but(&LEAPS)
}

/// The account as it would go on had no time passed.
fn again(world: &World) -> Account {
    let mut notes = Notes::default();
    world.account.remember(0, &mut notes);
    let mut account = Account::new(world.account.settings.clone(), world.storage.clone());
    let before_everything = Timestamp::default();
    account
        .recall(&notes.kept(), &world.storage.files(), before_everything)
        .unwrap();
    account
}

#[test]
fn what_was_made_is_there_after_a_restart() {
    let mut world = World::new();
    world.storage.put_zip("bundles", "v1.zip");
    world.ok(
        "CreateApplicationVersion",
        &[
            ("ApplicationName", "shop"),
            ("VersionLabel", "v1"),
            ("SourceBundle.S3Bucket", "bundles"),
            ("SourceBundle.S3Key", "v1.zip"),
        ],
    );
    let secret = [
        (
            "OptionSettings.member.1.Namespace",
            "aws:elasticbeanstalk:application:environment",
        ),
        ("OptionSettings.member.1.OptionName", "PASSWORD"),
        ("OptionSettings.member.1.Value", "secret"),
        ("CNAMEPrefix", "shop"),
    ];
    world.launch_with("blue", "v1", &secret);
    let id = world.id("blue");
    world.ok(
        "CreateConfigurationTemplate",
        &[
            ("ApplicationName", "shop"),
            ("TemplateName", "wide"),
            ("EnvironmentId", &id),
        ],
    );
    let asked = |world: &mut World| {
        let mut told = String::new();
        for (action, more) in [
            ("DescribeApplications", vec![]),
            ("DescribeApplicationVersions", vec![]),
            ("DescribeConfigurationSettings", vec![("EnvironmentName", "blue")]),
            ("DescribeConfigurationSettings", vec![("TemplateName", "wide")]),
            ("DescribeEnvironmentResources", vec![("EnvironmentName", "blue")]),
        ] {
            let mut parameters = vec![("ApplicationName", "shop")];
            if !action.starts_with("DescribeConfiguration") {
                parameters.clear();
            }
            parameters.extend(more);
            let body = world.ok(action, &parameters);
            told.push_str(body.split("<ResponseMetadata>").next().unwrap());
        }
        told
    };
    let (cname, desired) = (world.cname("blue"), world.desired("blue"));
    let before = asked(&mut world);
    let events = world.messages(&[]).len();
    world.restart();
    assert_eq!((world.id("blue"), world.cname("blue")), (id, cname));
    assert_eq!(
        world.desired("blue"),
        desired,
        "it is told to run the same, from the same bundle"
    );
    assert_eq!(asked(&mut world), before);
    assert!(world.messages(&[]).len() >= events);
    world.wait(60);
    assert_eq!(world.status("blue"), "Ready");
    assert_eq!(live(&mut world, "HealthStatus"), ["Ok"]);
    world.launch("green", "v1");
    assert_ne!(world.id("green"), world.id("blue"));
}

#[test]
fn alarms_are_there_after_a_restart() {
    use crate::local::metrics::Document;

    let mut world = World::new();
    let before = world.account.changes();
    let now = world.now();
    let input = r#"{"AlarmName": "shop", "AlarmRule": "TRUE"}"#;
    let input = Document::from_json(input.as_bytes()).unwrap();
    world.account.measure("PutCompositeAlarm", &input, now).unwrap();
    assert!(world.account.changes() > before, "somebody must write it down");
    world.restart();
    let input = Document::from_json(br#"{"AlarmTypes": ["CompositeAlarm"]}"#).unwrap();
    let found = world.account.measure("DescribeAlarms", &input, now).unwrap();
    assert_eq!(found.list_of("CompositeAlarms").len(), 1);
}

#[test]
fn a_launch_that_was_under_way_is_given_its_time_again() {
    let mut world = World::new();
    world.version("v1");
    world.create("blue", "v1", &[]);
    // Its instances were told to start and have not served for long enough.
    world.wait(190);
    assert_eq!(world.status("blue"), "Launching");
    assert_eq!(world.desired("blue").instances, 1);
    // The machine was off for a day.
    world.pass(24 * 3600 * 1000);
    world.restart();
    assert_eq!(world.status("blue"), "Launching");
    world.wait(300);
    assert_eq!(world.status("blue"), "Ready");
    let messages = world.messages(&[("EnvironmentName", "blue")]);
    assert!(
        messages
            .iter()
            .any(|message| message == "Successfully launched environment: blue"),
        "{messages:?}"
    );
}

#[test]
fn a_termination_that_was_under_way_comes_to_its_end() {
    let mut world = World::new();
    world.version("v1");
    world.launch("blue", "v1");
    world.ok("TerminateEnvironment", &[("EnvironmentName", "blue")]);
    world.restart();
    assert_eq!(world.status("blue"), "Terminating");
    world.wait(150);
    assert_eq!(world.status("blue"), "Terminated");
}

#[test]
fn what_is_forgotten_is_not_kept() {
    let mut world = World::new();
    world.version("v1");
    world.launch("blue", "v1");
    world.terminate("blue");
    let kept_environments = |world: &World| {
        let all = kept(&world.account).into_keys();
        all.filter(|key| key.starts_with(ENVIRONMENTS)).count()
    };
    let before = world.account.changes();
    assert_eq!(kept_environments(&world), 1);
    // Longer than six weeks.
    world.pass(50 * 24 * 3600 * 1000);
    world.wait(1);
    assert_eq!(kept_environments(&world), 0);
    assert!(world.account.changes() > before);
}

#[test]
fn that_nothing_is_left_behind_an_environment_is_written_down() {
    let mut world = World::new();
    world.version("v1");
    world.create("blue", "v1", &[]);
    world.wait(300);
    world.ok("TerminateEnvironment", &[("EnvironmentName", "blue")]);
    let mut last = (world.account.changes(), kept(&world.account));
    for second in 0..30 {
        world.wait(1);
        let now = (world.account.changes(), kept(&world.account));
        assert!(now.0 > last.0 || now.1 == last.1, "in second {second}");
        last = now;
    }
}

#[test]
fn only_new_events_are_written_down() {
    let mut world = World::new();
    let said = world.account.events_said();
    world.version("v1");
    let mut notes = Notes::default();
    world.account.remember(said, &mut notes);
    let events = notes.kept().all::<Event>(EVENTS).unwrap();
    assert!(!events.is_empty());
    assert!(events.iter().all(|(_, event)| event.number > said), "{events:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Wherever it ends: what is kept is all of it, and everything comes to rest as without the end.
    #[test]
    fn it_may_end_at_any_moment(steps in proptest::collection::vec((step(), any::<bool>()), 1..16)) {
        let mut world = World::new();
        for version in VERSIONS {
            world.version(version);
        }
        for (step, ends) in &steps {
            take(&mut world, step);
            let revision = world.account.changes();
            prop_assert_eq!(kept(&again(&world)), kept(&world.account));
            prop_assert_eq!(world.account.changes(), revision);
            if *ends {
                world.restart();
            }
        }
        world.wait(1000);
        for status in live(&mut world, "Status") {
            prop_assert_eq!(status, "Ready");
        }
    }

    /// Whatever changes what is kept is told by the revision: else nobody would write it down.
    #[test]
    fn nothing_changes_without_a_new_revision(steps in proptest::collection::vec(step(), 1..16)) {
        let mut world = World::new();
        for version in VERSIONS {
            world.version(version);
        }
        let mut last = (world.account.changes(), kept(&world.account));
        for step in &steps {
            let waits: Vec<_> = match step {
                super::super::random::Step::Wait { seconds } => {
                    let second = super::super::random::Step::Wait { seconds: 1 };
                    vec![second; usize::try_from(*seconds).unwrap()]
                }
                other => vec![other.clone()],
            };
            for step in waits {
                take(&mut world, &step);
                let now = (world.account.changes(), kept(&world.account));
                prop_assert!(now.0 > last.0 || now.1 == last.1, "{:?} went unnoticed", step);
                last = now;
            }
        }
    }
}
