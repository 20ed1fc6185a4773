//! The published permissions: nothing is missing, nothing is too much, and who lacks one is told which.

use std::collections::BTreeSet;

use super::super::permits::{Missing, TOLD, published};
use super::super::scenario::{Quality, Scenario, Store};
use super::super::stage::Stage;
use super::super::world::{on_own_time, simulate_permitted};
use super::seconds;
use crate::spec::{Lever, MetricsSource};

const LEVERS: [Lever; 3] = [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups];

/// What these small worlds do not need: limits on instances are raised after a blue that had scaled out, and an upload is taken
/// back when a part of it has failed. `tests/it/permissions.rs` does both. Sick instances have worlds of their own (`sick.rs`).
const RARE: [&str; 3] = [
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "elasticbeanstalk:UpdateEnvironment",
    "s3:AbortMultipartUpload",
];

/// A promotion in which target groups are what requests are counted by, and an alarm is read.
fn counted_by_groups() -> Scenario {
    let [mut world, _] = worlds(Lever::WeightedTargetGroups);
    world.terms.counted_by = Some(MetricsSource::TargetGroups);
    world.terms.alarm = true;
    world
}

/// A promotion and a rollback, with the journal on S3.
fn worlds(lever: Lever) -> [Scenario; 2] {
    let mut good = Scenario {
        store: Store::S3,
        ..Scenario::calm()
    };
    good.terms.lever = lever;
    let bad = Scenario {
        quality: Quality::Breaks(seconds(10), 0.9),
        users: 50.0,
        ..good.clone()
    };
    [good, bad]
}

fn allowed(lever: Lever) -> BTreeSet<String> {
    let [world, _] = worlds(lever);
    let policy = on_own_time(async {
        let stage = Stage::new(&world).await;
        published(&stage, &world)
    });
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_action_that_is_allowed_is_used() {
    for lever in LEVERS {
        let mut used = BTreeSet::new();
        for world in worlds(lever) {
            let (played, these) = simulate_permitted(&world, None);
            assert!(played.outcome.is_some(), "{lever}: {}", played.chronicle.join("\n"));
            let denied = played.chronicle.iter().find(|line| line.contains("is not authorized"));
            assert_eq!(denied, None, "{lever}");
            used.extend(these);
        }
        let unused: BTreeSet<String> = allowed(lever).difference(&used).cloned().collect();
        assert_eq!(unused, RARE.map(str::to_owned).into(), "{lever}");
    }
}

#[test]
fn what_counts_requests_and_alarms_is_asked_and_allowed() {
    let world = counted_by_groups();
    let (played, used) = simulate_permitted(&world, None);
    let told = played.chronicle.join("\n");
    assert_eq!(played.outcome, Some(crate::release::Outcome::Promoted), "{told}");
    for action in [
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "elasticloadbalancing:DescribeTargetGroups",
    ] {
        assert!(used.contains(action), "{action} is not used\n{told}");
        let missing = Missing {
            action,
            on_purpose: true,
        };
        let (played, _) = simulate_permitted(&world, Some(missing));
        let ended_by = played.violation.as_ref().map(|violation| violation.rule);
        assert_eq!(
            ended_by,
            Some(TOLD),
            "without {action}\n{}",
            played.chronicle.join("\n")
        );
    }
}

/// Actions for which the other levers need no test of their own.
fn of_this_lever(lever: Lever) -> BTreeSet<String> {
    let all = allowed(lever);
    match lever {
        Lever::CnameSwap => all,
        _ => all.difference(&allowed(Lever::CnameSwap)).cloned().collect(),
    }
}

#[test]
fn who_lacks_an_action_is_told_which_and_on_what() {
    for lever in LEVERS {
        let [good, bad] = worlds(lever);
        let (_, used_by_good) = simulate_permitted(&good, None);
        for action in of_this_lever(lever) {
            if RARE.contains(&action.as_str()) {
                continue;
            }
            let world = if used_by_good.contains(&action) { &good } else { &bad };
            let missing = Missing {
                action: &action,
                on_purpose: true,
            };
            let (played, used) = simulate_permitted(world, Some(missing));
            assert!(!used.contains(&action));
            let ended_by = played.violation.as_ref().map(|violation| violation.rule);
            let told = played.chronicle.join("\n");
            assert_eq!(
                ended_by,
                Some(TOLD),
                "{lever} without {action}: {:?}\n{told}",
                played.outcome
            );
        }
    }
}

#[test]
fn a_call_that_is_not_published_breaks_a_rule_which_names_it() {
    let [good, _] = worlds(Lever::CnameSwap);
    for (action, on) in [
        ("elasticbeanstalk:DescribeEvents", "environment/shop/"),
        ("elasticbeanstalk:SwapEnvironmentCNAMEs", "environment/shop/shop-blue"),
    ] {
        let missing = Missing {
            action,
            on_purpose: false,
        };
        let (played, _) = simulate_permitted(&good, Some(missing));
        let violation = played.violation.expect("the rule is broken");
        assert_eq!(violation.rule, "permitted", "{violation}");
        let words = [action, on];
        assert!(words.iter().all(|word| violation.what.contains(word)), "{violation}");
    }
}
