//! Whole environments with an account in front of them, in virtual time.

mod cloud;
mod looks;
mod shared;

use std::time::Duration;

use super::*;
use crate::model::HealthStatus;
use cloud::{Cloud, SHOP};

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn close(seen: f64, wanted: f64) -> bool {
    (seen - wanted).abs() <= wanted.abs() * 1e-6 + 1e-6
}

#[test]
fn an_environment_comes_up_and_serves_its_users() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    assert_eq!(cloud.health(&blue), HealthStatus::Ok);
    cloud.users(100.0);
    cloud.pass(600);
    assert_eq!(cloud.health(&blue), HealthStatus::Ok);
    let body = cloud.ok(
        "DescribeEnvironmentHealth",
        &[("EnvironmentId", blue.as_str()), ("AttributeNames.member.1", "All")],
    );
    assert!(body.contains("<RequestCount>1000</RequestCount>"), "{body}");
    let rows = cloud.ledger();
    assert_eq!(rows.len(), 1);
    assert!(close(rows[0].requests, 60_000.0), "{rows:?}");
    assert_eq!(rows[0].failed, Failures::default());
    assert_eq!(rows[0].environment, Some(blue));
}

#[test]
fn a_version_that_turns_bad_turns_its_environment_red() {
    let cloud = Cloud::new(1);
    let broken = VersionModel {
        breaks: Some(Break::sudden(minutes(5), 0.4)),
        ..VersionModel::default()
    };
    cloud.plane.set_version("v1", broken);
    let blue = cloud.launch("blue", "shop", "v1");
    cloud.pass(1000);
    assert_eq!(cloud.health(&blue), HealthStatus::Ok, "nothing breaks without users");
    cloud.users(50.0);
    cloud.pass(300);
    assert_eq!(cloud.health(&blue), HealthStatus::Ok);
    cloud.pass(60);
    assert_eq!(cloud.health(&blue), HealthStatus::Severe);
    let rows = cloud.ledger();
    assert!(close(rows[0].failed.by_version.requests, 60.0 * 50.0 * 0.4), "{rows:?}");
    assert!(close(rows[0].failed.total(), rows[0].failed.by_version.requests));
    let (first, _) = rows[0].failed.by_version.between.unwrap();
    let (met, _) = rows[0].met_users.unwrap();
    assert_eq!(first.since(met), minutes(5), "to the moment");
}

#[test]
fn a_slow_burn_and_a_flapping_one_are_reckoned_exactly() {
    for (shape, wanted) in [
        (Shape::Grows(Duration::from_secs(100)), 10.0 * (50.0 + 500.0) * 0.5),
        (
            Shape::Flaps {
                bad: Duration::from_secs(7),
                good: Duration::from_secs(13),
            },
            10.0 * 0.5 * 7.0 * 30.0,
        ),
    ] {
        let cloud = Cloud::new(1);
        let broken = VersionModel {
            breaks: Some(Break {
                shape,
                ..Break::sudden(Duration::ZERO, 0.5)
            }),
            ..VersionModel::default()
        };
        cloud.plane.set_version("v1", broken);
        cloud.launch("blue", "shop", "v1");
        cloud.users(10.0);
        cloud.pass(600);
        let failed = cloud.ledger()[0].failed.by_version.requests;
        assert!(close(failed, wanted), "{shape:?}: {failed} instead of {wanted}");
    }
}

#[test]
fn users_follow_a_swap_over_the_time_to_live_and_none_is_lost() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    let green = cloud.launch("green", "shop-next", "v2");
    cloud.users(100.0);
    cloud.pass(60);
    cloud.swap();
    let (on_blue, on_green) = (|| cloud.users_on(&blue), || cloud.users_on(&green));
    cloud.pass(5);
    assert!(
        close(on_blue(), 100.0) && close(on_green(), 0.0),
        "the swap is just done"
    );
    cloud.pass(30);
    assert!(close(on_blue(), 50.5) && close(on_green(), 49.5), "{}", on_blue());
    cloud.pass(30);
    assert!(close(on_blue(), 1.0) && close(on_green(), 99.0), "{}", on_blue());
    cloud.pass(60);
    assert!(close(on_blue(), 0.0) && close(on_green(), 100.0), "{}", on_blue());
    cloud.ok("TerminateEnvironment", &[("EnvironmentId", blue.as_str())]);
    cloud.pass(600);
    let rows = cloud.ledger();
    assert_eq!(rows.iter().map(|row| row.failed.total()).sum::<f64>(), 0.0, "{rows:?}");
    assert!(
        close(rows.iter().map(|row| row.requests).sum(), 100.0 * 785.0),
        "{rows:?}"
    );
    // Of those who left, half the time to live was spent on blue on average; the stubborn ones stayed for all of both.
    assert!(
        close(rows[0].requests, 100.0 * (65.0 + 0.99 * 30.0 + 0.01 * 120.0)),
        "{rows:?}"
    );
    let (_, last) = rows[0].met_users.unwrap();
    assert_eq!(cloud.now().since(last), minutes(10));
}

#[test]
fn users_of_an_environment_that_is_removed_are_lost() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    let green = cloud.launch("green", "shop-next", "v2");
    cloud.users(10.0);
    cloud.swap();
    cloud.pass(5);
    let removed = cloud.now();
    cloud.ok("TerminateEnvironment", &[("EnvironmentId", blue.as_str())]);
    assert_eq!(
        cloud.plane.in_service(&blue, cloud.now()),
        0,
        "from the moment of the call"
    );
    cloud.pass(600);
    let rows = cloud.ledger();
    let lost = &rows[0].failed.environment_gone;
    assert!(close(lost.requests, 10.0 * (0.99 * 30.0 + 0.01 * 120.0)), "{rows:?}");
    assert_eq!(lost.between, Some((removed, removed + Duration::from_secs(120))));
    assert!(close(rows[0].failed.lost_by_moving(), lost.requests));
    // Nobody holds the name once green is gone too.
    cloud.ok("TerminateEnvironment", &[("EnvironmentId", green.as_str())]);
    cloud.pass(600);
    let rows = cloud.ledger();
    let nowhere = rows.last().unwrap();
    assert_eq!(nowhere.environment, None);
    assert!(nowhere.failed.name_led_nowhere.requests > 1000.0, "{rows:?}");
    assert!(
        close(rows.iter().map(|row| row.requests).sum(), 10.0 * 1205.0),
        "{rows:?}"
    );
}

#[test]
fn users_of_an_environment_that_serves_nothing_are_lost() {
    let cloud = Cloud::new(1);
    let model = VersionModel {
        start: Start::Never,
        ..VersionModel::default()
    };
    cloud.plane.set_version("v2", model);
    cloud.launch("blue", "shop", "v1");
    cloud.create("green", "shop-next", "v2");
    cloud.pass(1000);
    assert_eq!(cloud.health(&cloud.id("green")), HealthStatus::Severe);
    cloud.users(10.0);
    cloud.swap();
    cloud.pass(600);
    let rows = cloud.ledger();
    assert!(rows[1].failed.nothing_in_service.requests > 5000.0, "{rows:?}");
    assert_eq!(rows[0].failed.total(), 0.0);
}

#[test]
fn a_version_that_cannot_be_deployed_or_checked_says_so() {
    for (model, cause) in [
        (
            VersionModel {
                start: Start::Fails("there is no Procfile".to_owned()),
                ..VersionModel::default()
            },
            "Command failed on all instances.",
        ),
        (
            VersionModel {
                health_check_fails: true,
                ..VersionModel::default()
            },
            "ELB processes are not healthy on all instances.",
        ),
    ] {
        let cloud = Cloud::new(1);
        cloud.plane.set_version("v1", model);
        cloud.create("blue", "shop", "v1");
        cloud.pass(1000);
        let blue = cloud.id("blue");
        assert_eq!(cloud.health(&blue), HealthStatus::Severe);
        let body = cloud.ok(
            "DescribeEnvironmentHealth",
            &[("EnvironmentId", blue.as_str()), ("AttributeNames.member.1", "Causes")],
        );
        assert!(body.contains(cause), "{body}");
        assert_eq!(cloud.plane.ask(&blue, "/", cloud.now()).status, Some(503));
    }
}

#[test]
fn instances_that_die_are_replaced_and_their_users_fail() {
    let cloud = Cloud::new(3);
    let model = VersionModel {
        crash_loops: Some(Duration::from_secs(300)),
        ..VersionModel::default()
    };
    cloud.plane.set_version("v1", model);
    let blue = cloud.launch("blue", "shop", "v1");
    let instances = || {
        let body = cloud.ok("DescribeEnvironmentResources", &[("EnvironmentId", blue.as_str())]);
        Cloud::all(&body, "Id")
            .into_iter()
            .filter(|id| id.starts_with("i-"))
            .collect::<Vec<_>>()
    };
    let before = instances();
    assert_eq!(before.len(), 2);
    cloud.users(10.0);
    cloud.pass(3600);
    assert!(instances().iter().all(|id| !before.contains(id)), "{before:?}");
    let rows = cloud.ledger();
    assert!(rows[0].failed.by_version.requests > 1000.0, "{rows:?}");
    assert_eq!(
        rows[0].failed.lost_by_moving(),
        0.0,
        "that is the version's doing: {rows:?}"
    );
    assert!(close(rows[0].requests, 36_000.0));
}

#[test]
fn requests_for_an_instance_that_has_died_are_told_from_those_for_none() {
    let cloud = Cloud::new(3);
    let model = VersionModel {
        crash_loops: Some(Duration::from_secs(120)),
        ..VersionModel::default()
    };
    cloud.plane.set_version("v1", model);
    let blue = cloud.launch("blue", "shop", "v1");
    cloud.users(10.0);
    let (mut lost, mut broken) = (0, 0);
    for _ in 0..360 {
        cloud.turn(10_000);
        let sample = cloud.plane.sample(&blue, cloud.now()).unwrap();
        assert!(
            sample.broken.requests <= sample.balancer_errors.status_5xx,
            "{sample:?}"
        );
        assert_eq!(sample.broken.connections, sample.broken.requests);
        lost += sample.balancer_errors.status_5xx;
        broken += sample.broken.requests;
    }
    assert!(broken > 0 && lost > broken, "{broken} of {lost}");
}

#[test]
fn one_bad_instance_fails_its_share_only() {
    let cloud = Cloud::new(1);
    let model = VersionModel {
        bad_instance: Some(0.5),
        ..VersionModel::default()
    };
    cloud.plane.set_version("v1", model);
    let blue = cloud.launch("blue", "shop", "v1");
    cloud.users(40.0);
    cloud.pass(100);
    assert!(close(cloud.ledger()[0].failed.by_version.requests, 1000.0));
    let body = cloud.ok(
        "DescribeInstancesHealth",
        &[
            ("EnvironmentId", blue.as_str()),
            ("AttributeNames.member.1", "HealthStatus"),
        ],
    );
    assert_eq!(Cloud::all(&body, "HealthStatus"), ["Severe", "Ok"]);
    // Another one in its place is well.
    let sick = Cloud::all(&body, "InstanceId").remove(0);
    cloud.ok(
        "TerminateInstanceInAutoScalingGroup",
        &[
            ("Version", "2011-01-01"),
            ("InstanceId", sick.as_str()),
            ("ShouldDecrementDesiredCapacity", "false"),
        ],
    );
    cloud.pass(600);
    let failed = || cloud.ledger()[0].failed.by_version.requests;
    let before = failed();
    cloud.pass(100);
    assert_eq!(failed(), before);
    assert_eq!(cloud.health(&blue), HealthStatus::Ok);
}

#[test]
fn an_environment_can_fail_by_itself_for_a_while() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    cloud.users(10.0);
    let from = cloud.now() + Duration::from_millis(61_234);
    cloud.plane.break_environment(&blue, from, from + minutes(2), 0.25);
    cloud.pass(600);
    let rows = cloud.ledger();
    let failed = &rows[0].failed.by_environment;
    assert!(close(failed.requests, 300.0), "{rows:?}");
    assert_eq!(failed.between, Some((from, from + minutes(2))));
    assert_eq!(cloud.health(&blue), HealthStatus::Ok, "it is over");
}

#[test]
fn a_probe_sees_what_users_see() {
    let cloud = Cloud::new(1);
    cloud.create("blue", "shop", "v1");
    let blue = cloud.id("blue");
    let ask = || cloud.plane.ask(&blue, "/", cloud.now());
    assert_eq!(ask().status, None, "there is no balancer yet");
    assert_eq!(cloud.backstage.look_up(SHOP), None);
    cloud.pass(181);
    assert_eq!(ask().status, Some(503), "there is no instance yet");
    let address = cloud.backstage.look_up(SHOP).unwrap().address.unwrap();
    assert_eq!(cloud.plane.environment_at(address), Some(blue.clone()));
    cloud.pass(400);
    let answer = ask();
    assert_eq!((answer.status, answer.version), (Some(200), Some("v1".into())));
    assert!(answer.latency >= Duration::from_millis(5) && answer.latency < Duration::from_secs(1));
    cloud
        .plane
        .break_environment(&blue, cloud.now(), cloud.now() + minutes(1), 0.5);
    let failed = (0..1000).filter(|_| ask().status == Some(500)).count();
    assert!((420..580).contains(&failed), "{failed}");
    cloud.ok("TerminateEnvironment", &[("EnvironmentId", blue.as_str())]);
    assert_eq!(ask().status, None);
    assert!(
        cloud.ledger().iter().all(|row| row.requests == 0.0),
        "probes are no users"
    );
}

#[test]
fn every_balancer_has_an_address_of_its_own() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    let green = cloud.launch("green", "shop-next", "v2");
    let (one, other) = (
        cloud.plane.address(&blue).unwrap(),
        cloud.plane.address(&green).unwrap(),
    );
    assert_ne!(one, other);
    cloud.ok("TerminateEnvironment", &[("EnvironmentId", blue.as_str())]);
    cloud.pass(600);
    assert_eq!(cloud.plane.address(&blue), None);
    let teal = cloud.launch("blue", "shop", "v1");
    assert!(![one, other].contains(&cloud.plane.address(&teal).unwrap()));
}

#[test]
fn a_deployment_in_place_interrupts_all_instances() {
    let cloud = Cloud::new(1);
    let blue = cloud.launch("blue", "shop", "v1");
    cloud.users(10.0);
    cloud.pass(60);
    cloud.version("v2");
    cloud.ok(
        "UpdateEnvironment",
        &[("EnvironmentId", blue.as_str()), ("VersionLabel", "v2")],
    );
    cloud.pass(600);
    assert_eq!(cloud.plane.ask(&blue, "/", cloud.now()).version, Some("v2".into()));
    let rows = cloud.ledger();
    assert_eq!(rows.len(), 2);
    assert!(close(rows[0].requests, 600.0), "{rows:?}");
    let lost = rows[1].failed.nothing_in_service.requests;
    assert!((200.0..=600.0).contains(&lost), "{rows:?}");
    assert_eq!(cloud.health(&blue), HealthStatus::Ok);
}
