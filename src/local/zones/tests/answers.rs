//! What DNS answers.

use std::time::Duration;

use super::{PROPAGATION, World, alias, inside, member, simple};
use crate::local::zones::ZoneAnswer;

const BLUE: &str = "blue.eu-central-1.elasticbeanstalk.com";
const GREEN: &str = "green.eu-central-1.elasticbeanstalk.com";

fn address(text: &str) -> ZoneAnswer {
    ZoneAnswer::Values {
        kind: "A",
        values: vec![text.to_owned()],
        ttl: Duration::from_secs(60),
    }
}

#[test]
fn servers_answer_as_they_have_heard() {
    let mut world = World::new();
    let name = "a.example.com";
    let of = |value: &str| simple(name, "A", value);
    world.ok(&[("CREATE", of("127.0.0.1"))]);
    assert_eq!(world.ask(name, "A"), ZoneAnswer::NoName);
    world.wait(PROPAGATION.as_secs());
    assert_eq!(world.ask(name, "A"), address("127.0.0.1"));
    world.ok(&[("UPSERT", of("127.0.0.2"))]);
    world.wait(10);
    world.ok(&[("UPSERT", of("127.0.0.3"))]);
    assert_eq!(world.ask(name, "A"), address("127.0.0.1"));
    // Nor does it matter to them that the cloud ends and is started again.
    world.zones = world.again();
    world.wait(20);
    assert_eq!(world.ask(name, "A"), address("127.0.0.2"));
    world.wait(10);
    assert_eq!(world.ask("A.EXAMPLE.COM.", "A"), address("127.0.0.3"));
    assert_eq!(world.zones.answer("a.example.org", "A", world.now, &|_| true), None);
    assert_eq!(world.zones.zone_of(name), Some("example.com"));
}

#[test]
fn answers_come_in_proportion_to_the_weights() {
    let mut world = World::new();
    let name = "www.example.com";
    world.ok(&[
        ("CREATE", member(name, "blue", 95, 60, "127.0.0.1")),
        ("CREATE", member(name, "green", 5, 60, "127.0.0.2")),
        ("CREATE", member(name, "none", 0, 60, "127.0.0.3")),
    ]);
    world.wait(60);
    let shares = world.shares(name, 20_000, &|_| true);
    let [(_, blue), (_, green)] = shares.as_slice() else {
        panic!("{shares:?}")
    };
    // Five standard deviations of 20,000 draws with one in twenty.
    assert!((1000_usize.abs_diff(*green)) < 155, "{shares:?}");
    assert_eq!(blue + green, 20_000);
}

#[test]
fn where_all_weights_are_zero_all_are_as_likely() {
    let mut world = World::new();
    let name = "www.example.com";
    world.ok(&[
        ("CREATE", member(name, "blue", 0, 60, "127.0.0.1")),
        ("CREATE", member(name, "green", 0, 60, "127.0.0.2")),
    ]);
    world.wait(60);
    let shares = world.shares(name, 1000, &|_| true);
    assert!(shares.iter().all(|(_, count)| (400..600).contains(count)), "{shares:?}");
}

#[test]
fn an_unhealthy_target_is_passed_over_while_there_is_another() {
    let mut world = World::new();
    let name = "example.com";
    world.ok(&[
        ("CREATE", alias(name, "blue", 0, BLUE)),
        ("CREATE", alias(name, "green", 255, GREEN)),
    ]);
    world.wait(60);
    assert_eq!(world.shares(name, 50, &|_| true), [(GREEN.to_owned(), 50)]);
    // One that has no weight is better than one that is not well.
    assert_eq!(
        world.shares(name, 50, &|target| target == BLUE),
        [(BLUE.to_owned(), 50)]
    );
    assert_eq!(world.shares(name, 50, &|_| false), [(GREEN.to_owned(), 50)]);
}

#[test]
fn an_alias_to_a_record_is_as_well_as_what_stands_behind_that_one() {
    let mut world = World::new();
    let name = "www.example.com";
    let zone = world.zone.clone();
    let within = |name, id, target| alias(name, id, 1, target).replace("Z1FRNW7UH4DEZJ", &zone);
    let (blue, green) = ("blue.example.com", "green.example.com");
    world.ok(&[
        ("CREATE", alias("next.example.com", "last", 1, BLUE)),
        ("CREATE", within(blue, "next", "next.example.com")),
        ("CREATE", alias(green, "last", 1, GREEN)),
        ("CREATE", within(name, "blue", blue)),
        ("CREATE", within(name, "green", green)),
        // In a circle, and to nothing.
        ("CREATE", within(blue, "back", name)),
        ("CREATE", within(blue, "round", blue)),
        ("CREATE", simple("none.example.com", "A", "127.0.0.1")),
        ("CREATE", within(blue, "none", "none.example.com")),
        ("DELETE", simple("none.example.com", "A", "127.0.0.1")),
    ]);
    world.wait(60);
    let answered = |world: &mut World, ill: &str| {
        let shares = world.shares(name, 50, &|target| {
            assert!(target == BLUE || target == GREEN, "{target}");
            target != ill
        });
        shares.into_iter().map(|(target, _)| target).collect::<Vec<_>>()
    };
    assert_eq!(answered(&mut world, "none"), [blue, green]);
    assert_eq!(answered(&mut world, GREEN), [blue]);
    // By the circle, blue has green behind it.
    assert_eq!(answered(&mut world, BLUE), [blue, green]);
    world.ok(&[("DELETE", within(blue, "back", name))]);
    world.wait(60);
    assert_eq!(answered(&mut world, BLUE), [green]);
    world.ok(&[("CREATE", member(blue, "itself", 1, 60, "127.0.0.1"))]);
}

#[test]
fn a_member_whose_health_check_fails_is_passed_over() {
    let mut world = World::new();
    let name = "www.example.com";
    let mut check = |reference: &str, inverted: bool| {
        let body = format!(
            "<CreateHealthCheckRequest><CallerReference>{reference}</CallerReference><HealthCheckConfig>\
             <IPAddress>127.0.0.1</IPAddress><Port>80</Port><Type>HTTP</Type><Inverted>{inverted}</Inverted>\
             </HealthCheckConfig></CreateHealthCheckRequest>"
        );
        let made = world.call("POST", "healthcheck", &body);
        assert!(matches!(made.status, 201 | 409), "{}", made.body);
        inside(&made.body, "Id").map(str::to_owned)
    };
    let (well, ill) = (check("one", false).unwrap(), check("two", true).unwrap());
    assert_eq!(check("one", false), Some(well.clone()));
    assert_eq!(check("one", true), None);
    let with = |record: String, check: &str| format!("{record}<HealthCheckId>{check}</HealthCheckId>");
    let blue = with(member(name, "blue", 10, 60, "127.0.0.1"), &well);
    let green = with(member(name, "green", 90, 60, "127.0.0.2"), &ill);
    world.ok(&[("CREATE", blue), ("CREATE", green)]);
    world.wait(60);
    assert_eq!(world.shares(name, 50, &|_| true), [("127.0.0.1".to_owned(), 50)]);
    let status = world.call("GET", &format!("healthcheck/{ill}/status"), "");
    assert!(status.body.contains("<Status>Failure"), "{}", status.body);
    // One that is gone says nothing any more.
    assert_eq!(world.call("DELETE", &format!("healthcheck/{ill}"), "").status, 200);
    assert_eq!(world.call("GET", &format!("healthcheck/{ill}"), "").status, 404);
    assert_eq!(world.shares(name, 200, &|_| true).len(), 2);
    let none = with(member(name, "red", 1, 60, "127.0.0.3"), &ill);
    let refused = world.change(&[("CREATE", none)]);
    assert_eq!(inside(&refused.body, "Code"), Some("NoSuchHealthCheck"));
    assert_eq!(
        world
            .call("GET", "healthcheck", "")
            .body
            .matches("<HealthCheck>")
            .count(),
        1
    );
}

#[test]
fn names_that_have_no_records_are_told_apart_from_those_that_do_not_exist() {
    let mut world = World::new();
    world.ok(&[
        ("CREATE", simple("*.wild.example.com", "A", "127.0.0.1")),
        ("CREATE", simple("there.wild.example.com", "TXT", "\"a\"")),
        ("CREATE", simple("alias.example.com", "CNAME", "a.example.org")),
    ]);
    world.wait(60);
    for (name, expected) in [
        ("any.wild.example.com", address("127.0.0.1")),
        ("a.b.wild.example.com", address("127.0.0.1")),
        ("there.wild.example.com", ZoneAnswer::NoData),
        ("wild.example.com", ZoneAnswer::NoData),
        ("below.there.wild.example.com", ZoneAnswer::NoName),
        ("none.example.com", ZoneAnswer::NoName),
        ("example.com", ZoneAnswer::NoData),
        (
            "alias.example.com",
            ZoneAnswer::Values {
                kind: "CNAME",
                values: vec!["a.example.org".to_owned()],
                ttl: Duration::from_secs(60),
            },
        ),
    ] {
        assert_eq!(world.ask(name, "A"), expected, "{name}");
    }
}
