//! However often somebody looks, and when: the same happens.

use std::time::Duration;

use proptest::prelude::*;

use super::cloud::Cloud;
use crate::local::modelled::{Break, LedgerRow, Shape, Start, VersionModel};

#[derive(Clone, Debug)]
enum Step {
    Create { name: usize, version: usize },
    Terminate { name: usize },
    Swap,
    Deploy { name: usize, version: usize },
    Users { rate: u32 },
    Fault { name: usize, seconds: u64 },
    Probe { name: usize },
}

const NAMES: [&str; 2] = ["blue", "green"];
const VERSIONS: [&str; 4] = ["v1", "v2", "v3", "v4"];

fn step() -> impl Strategy<Value = Step> {
    let (name, version) = (0..NAMES.len(), 0..VERSIONS.len());
    prop_oneof![
        3 => (name.clone(), version.clone()).prop_map(|(name, version)| Step::Create { name, version }),
        1 => name.clone().prop_map(|name| Step::Terminate { name }),
        3 => Just(Step::Swap),
        1 => (name.clone(), version).prop_map(|(name, version)| Step::Deploy { name, version }),
        2 => (0..300_u32).prop_map(|rate| Step::Users { rate }),
        1 => (name.clone(), 1..900_u64).prop_map(|(name, seconds)| Step::Fault { name, seconds }),
        1 => name.prop_map(|name| Step::Probe { name }),
    ]
}

/// A step, the milliseconds after it, and the looks in these.
type Scene = (Step, i64, Vec<i64>);

fn scene() -> impl Strategy<Value = Scene> {
    let looks = proptest::collection::vec(1..60_000_i64, 0..12);
    (step(), 1..900_000_i64, looks)
}

fn models() -> [(&'static str, VersionModel); 3] {
    let burn = Break {
        shape: Shape::Grows(Duration::from_secs(333)),
        ..Break::sudden(Duration::from_millis(77_777), 0.3)
    };
    [
        (
            "v2",
            VersionModel {
                breaks: Some(burn),
                client_error_rate: 0.05,
                ..VersionModel::default()
            },
        ),
        (
            "v3",
            VersionModel {
                crash_loops: Some(Duration::from_secs(200)),
                bad_instance: Some(0.2),
                ..VersionModel::default()
            },
        ),
        (
            "v4",
            VersionModel {
                start: Start::Fails("no".to_owned()),
                ..VersionModel::default()
            },
        ),
    ]
}

/// Whether a call is accepted does not matter here.
fn take(cloud: &Cloud, step: &Step) {
    match *step {
        Step::Create { name, version } => {
            let prefix = ["shop", "shop-next"][name];
            cloud.version(VERSIONS[version]);
            cloud.call(
                "CreateEnvironment",
                &[
                    ("ApplicationName", "shop"),
                    ("EnvironmentName", NAMES[name]),
                    ("CNAMEPrefix", prefix),
                    (
                        "SolutionStackName",
                        "64bit Amazon Linux 2023 v4.7.2 running Python 3.13",
                    ),
                    ("VersionLabel", VERSIONS[version]),
                ],
            );
        }
        Step::Terminate { name } => {
            cloud.call("TerminateEnvironment", &[("EnvironmentName", NAMES[name])]);
        }
        Step::Swap => {
            cloud.call(
                "SwapEnvironmentCNAMEs",
                &[
                    ("SourceEnvironmentName", NAMES[0]),
                    ("DestinationEnvironmentName", NAMES[1]),
                ],
            );
        }
        Step::Deploy { name, version } => {
            let parameters = [("EnvironmentName", NAMES[name]), ("VersionLabel", VERSIONS[version])];
            cloud.call("UpdateEnvironment", &parameters);
        }
        Step::Users { rate } => {
            // Also without a look before: the plane alone does not know yet what is due in the account.
            cloud.backstage.catch_up(cloud.now());
            cloud.users(f64::from(rate));
        }
        Step::Fault { name, seconds } => {
            cloud.backstage.catch_up(cloud.now());
            let environments = cloud.backstage.account().environments();
            for environment in environments.iter().filter(|it| it.name.as_str() == NAMES[name]) {
                let until = cloud.now() + Duration::from_secs(seconds);
                cloud.plane.break_environment(&environment.id, cloud.now(), until, 0.2);
            }
        }
        Step::Probe { name } => {
            cloud.backstage.catch_up(cloud.now());
            let environments = cloud.backstage.account().environments();
            for environment in environments.iter().filter(|it| it.name.as_str() == NAMES[name]) {
                cloud.plane.ask(&environment.id, "/", cloud.now());
            }
        }
    }
}

/// All that can be seen at the end.
fn run(seed: u64, scenes: &[Scene], looks: bool) -> (String, Vec<LedgerRow>) {
    let cloud = Cloud::new(seed);
    for (label, model) in models() {
        cloud.plane.set_version(label, model);
    }
    for (step, millis, when) in scenes {
        take(&cloud, step);
        let mut left = *millis;
        for look in when.iter().filter(|_| looks) {
            let look = (*look).min(left);
            cloud.turn(look);
            left -= look;
            cloud.backstage.catch_up(cloud.now());
            // A look at the plane reckons nothing for good.
            cloud.ledger();
            for environment in cloud.backstage.account().environments() {
                let _on_it = cloud.plane.users_on(&environment.id, cloud.now());
                let _serving = cloud.plane.in_service(&environment.id, cloud.now());
            }
        }
        cloud.turn(left);
    }
    let mut seen = cloud.ok("DescribeEvents", &[]);
    seen.push_str(&cloud.ok("DescribeEnvironments", &[]));
    for name in NAMES {
        let all = [("EnvironmentName", name), ("AttributeNames.member.1", "All")];
        for action in ["DescribeEnvironmentHealth", "DescribeInstancesHealth"] {
            seen.push_str(&cloud.call(action, &all).1);
        }
    }
    (seen, cloud.ledger())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn looking_changes_nothing(seed in any::<u64>(), scenes in proptest::collection::vec(scene(), 1..16)) {
        let (seen, ledger) = run(seed, &scenes, false);
        let (other, other_ledger) = run(seed, &scenes, true);
        prop_assert_eq!(seen, other);
        prop_assert_eq!(ledger, other_ledger);
    }
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_one_others() {
    let scenes = [
        (Step::Create { name: 0, version: 1 }, 600_000, vec![]),
        (Step::Users { rate: 123 }, 700_000, vec![]),
        (Step::Create { name: 1, version: 2 }, 700_000, vec![]),
        (Step::Swap, 700_000, vec![]),
        (Step::Terminate { name: 0 }, 1_234_567, vec![]),
    ];
    assert_eq!(run(7, &scenes, false), run(7, &scenes, false));
    assert_ne!(run(7, &scenes, false).1, run(8, &scenes, false).1);
}
