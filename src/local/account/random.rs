//! Whatever is called in whatever order: names stay unique, answers stay well-formed, and everything comes to rest.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::fixture::{Behaviour, World};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Create { name: usize, version: usize, prefix: bool },
    Terminate { name: usize },
    Swap { source: usize, destination: usize },
    Deploy { name: usize, version: usize },
    Configure { name: usize, instances: u32 },
    Abort { name: usize },
    Tag { name: usize },
    Behave { version: usize, behaviour: usize },
    Wait { seconds: u64 },
}

const NAMES: [&str; 3] = ["blue", "green", "teal"];
pub(super) const VERSIONS: [&str; 2] = ["v1", "v2"];
const BEHAVIOURS: [Behaviour; 4] = [
    Behaviour::Serves,
    Behaviour::Fails,
    Behaviour::Hangs,
    Behaviour::IsUnhealthy,
];

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (name, version) = (0..NAMES.len(), 0..VERSIONS.len());
    prop_oneof![
        (name.clone(), version.clone(), any::<bool>()).prop_map(|(name, version, prefix)| Step::Create {
            name,
            version,
            prefix
        }),
        name.clone().prop_map(|name| Step::Terminate { name }),
        (name.clone(), name.clone()).prop_map(|(source, destination)| Step::Swap { source, destination }),
        (name.clone(), version.clone()).prop_map(|(name, version)| Step::Deploy { name, version }),
        (name.clone(), 1..4_u32).prop_map(|(name, instances)| Step::Configure { name, instances }),
        name.clone().prop_map(|name| Step::Abort { name }),
        name.prop_map(|name| Step::Tag { name }),
        (version, 0..BEHAVIOURS.len()).prop_map(|(version, behaviour)| Step::Behave { version, behaviour }),
        (1..400_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Takes a step; whether a call is accepted does not matter here.
pub(super) fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Create { name, version, prefix } => {
            let mut parameters = vec![
                ("ApplicationName", "shop"),
                ("EnvironmentName", NAMES[name]),
                ("SolutionStackName", World::STACK),
                ("VersionLabel", VERSIONS[version]),
            ];
            if prefix {
                parameters.push(("CNAMEPrefix", "shop"));
            }
            world.raw("CreateEnvironment", &parameters);
        }
        Step::Terminate { name } => {
            world.raw("TerminateEnvironment", &[("EnvironmentName", NAMES[name])]);
        }
        Step::Swap { source, destination } => {
            let names = [
                ("SourceEnvironmentName", NAMES[source]),
                ("DestinationEnvironmentName", NAMES[destination]),
            ];
            world.raw("SwapEnvironmentCNAMEs", &names);
        }
        Step::Deploy { name, version } => {
            let parameters = [("EnvironmentName", NAMES[name]), ("VersionLabel", VERSIONS[version])];
            world.raw("UpdateEnvironment", &parameters);
        }
        Step::Configure { name, instances } => {
            let parameters = [
                ("EnvironmentName", NAMES[name]),
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MinSize"),
                ("OptionSettings.member.1.Value", &instances.to_string()),
            ];
            world.raw("UpdateEnvironment", &parameters);
        }
        Step::Abort { name } => {
            world.raw("AbortEnvironmentUpdate", &[("EnvironmentName", NAMES[name])]);
        }
        Step::Tag { name } => {
            let arn = format!(
                "arn:aws:elasticbeanstalk:eu-central-1:123456789012:environment/shop/{}",
                NAMES[name]
            );
            let parameters = [
                ("ResourceArn", arn.as_str()),
                ("TagsToAdd.member.1.Key", "a"),
                ("TagsToAdd.member.1.Value", "b"),
            ];
            world.raw("UpdateTagsForResource", &parameters);
        }
        Step::Behave { version, behaviour } => world.plane.behave(VERSIONS[version], BEHAVIOURS[behaviour]),
        Step::Wait { seconds } => world.wait(seconds),
    }
}

pub(super) fn live(world: &mut World, element: &str) -> Vec<String> {
    let body = world.ok("DescribeEnvironments", &[]);
    body.split("<member>")
        .filter(|environment| environment.contains("<EnvironmentId>") && !environment.contains("<Status>Terminated<"))
        .flat_map(|environment| World::all(environment, element))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn names_stay_unique_and_everything_comes_to_rest(steps in proptest::collection::vec(step(), 1..24)) {
        let mut world = World::new();
        for version in VERSIONS {
            world.version(version);
        }
        for step in &steps {
            take(&mut world, step);
            for element in ["CNAME", "EnvironmentName"] {
                let names = live(&mut world, element);
                let unique: BTreeSet<&String> = names.iter().collect();
                prop_assert_eq!(unique.len(), names.len(), "{:?}", names);
            }
            let (running, desired) = (world.account.environments_running(), world.account.desired());
            prop_assert!(desired.iter().all(|environment| running.contains(&environment.id)));
        }
        // Longer than a launch and a command timeout together.
        world.wait(1000);
        for status in live(&mut world, "Status") {
            prop_assert_eq!(status, "Ready");
        }
        for version in VERSIONS {
            world.plane.behave(version, Behaviour::Serves);
        }
        for name in NAMES {
            world.raw("UpdateEnvironment", &[("EnvironmentName", name), ("VersionLabel", "v1")]);
        }
        world.wait(300);
        for health in live(&mut world, "HealthStatus") {
            prop_assert_eq!(health, "Ok");
        }
    }

    #[test]
    fn the_account_knows_when_something_is_due(steps in proptest::collection::vec(step(), 1..24)) {
        let run = |eager: bool| {
            let mut world = World::new();
            if eager {
                world.be_eager();
            }
            for version in VERSIONS {
                world.version(version);
            }
            for step in &steps {
                take(&mut world, step);
            }
            world.wait(1000);
            let mut seen = world.ok("DescribeEvents", &[]);
            seen.push_str(&world.ok("DescribeEnvironments", &[]));
            seen
        };
        prop_assert_eq!(run(false), run(true));
    }
}
