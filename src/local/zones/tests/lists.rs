//! Lists, pages, changes' states, and what is not there.

use std::time::Duration;

use super::{PROPAGATION, World, inside, member, simple};
use crate::local::zones::{Zones, ZonesSettings};

#[test]
fn a_list_goes_on_where_it_was_cut_also_within_a_group() {
    let mut world = World::new();
    for name in ["b.example.com", "a.example.com"] {
        for id in ["one", "two", "three"] {
            world.ok(&[("CREATE", member(name, id, 1, 60, "127.0.0.1"))]);
        }
    }
    let mut seen = Vec::new();
    let mut query = String::from("?maxitems=2");
    loop {
        let body = world.list(&query);
        for record in body.split("<ResourceRecordSet>").skip(1) {
            let name = inside(record, "Name").unwrap();
            let id = inside(record, "SetIdentifier").unwrap_or("-");
            seen.push(format!("{name} {} {id}", inside(record, "Type").unwrap()));
        }
        if inside(&body, "IsTruncated") == Some("false") {
            assert_eq!(inside(&body, "NextRecordName"), None);
            break;
        }
        query = format!(
            "?maxitems=2&name={}&type={}&identifier={}",
            inside(&body, "NextRecordName").unwrap(),
            inside(&body, "NextRecordType").unwrap(),
            inside(&body, "NextRecordIdentifier").unwrap_or_default(),
        );
    }
    assert_eq!(
        seen,
        [
            "example.com. NS -",
            "example.com. SOA -",
            "a.example.com. A one",
            "a.example.com. A three",
            "a.example.com. A two",
            "b.example.com. A one",
            "b.example.com. A three",
            "b.example.com. A two",
        ]
    );
}

#[test]
fn a_change_is_pending_until_all_servers_have_heard_of_it() {
    let mut world = World::new();
    let body = world.ok(&[("CREATE", simple("a.example.com", "A", "127.0.0.1"))]);
    let id = inside(&body, "Id").unwrap().to_owned();
    assert_eq!(inside(&body, "Status"), Some("PENDING"));
    let path = id.strip_prefix('/').unwrap().to_owned();
    world.wait(PROPAGATION.as_secs() - 1);
    let body = world.call("GET", &path, "").body;
    assert_eq!(inside(&body, "Status"), Some("PENDING"));
    world.wait(1);
    let body = world.call("GET", &path, "").body;
    assert_eq!(inside(&body, "Status"), Some("INSYNC"));
    let answer = world.call("GET", "change/CNONE", "");
    assert_eq!(
        (answer.status, inside(&answer.body, "Code")),
        (404, Some("NoSuchChange"))
    );
}

#[test]
fn zones_are_found_by_id_and_by_name() {
    let mut world = World::new();
    world.make_zone("example.org");
    world.make_zone("a.example.com");
    let again = world.make_zone("example.org");
    assert_eq!(inside(&again.body, "Code"), Some("HostedZoneAlreadyExists"));
    let body = world
        .call("GET", "hostedzonesbyname?dnsname=a.example.com&maxitems=1", "")
        .body;
    assert_eq!(inside(&body, "Name"), Some("a.example.com."));
    assert_eq!(inside(&body, "NextDNSName"), Some("example.org."));
    let body = world.call("GET", "hostedzone", "").body;
    assert_eq!(body.matches("<HostedZone>").count(), 3);
    let answer = world.call("GET", "hostedzone/ZNONE/rrset", "");
    assert_eq!(
        (answer.status, inside(&answer.body, "Code")),
        (404, Some("NoSuchHostedZone"))
    );
    let answer = world.call("GET", "trafficpolicies", "");
    assert_eq!(
        (answer.status, inside(&answer.body, "Code")),
        (501, Some("NotImplemented"))
    );
}

#[test]
fn more_than_five_requests_a_second_are_throttled() {
    let mut world = World::new();
    world.zones = Zones::new(ZonesSettings {
        propagation: Duration::from_secs(30),
        a_second: 5,
        pace: 1.0,
        seed: 1,
    });
    let mut codes: Vec<u16> = (0..6).map(|_| world.call("GET", "hostedzone", "").status).collect();
    world.wait(1);
    codes.push(world.call("GET", "hostedzone", "").status);
    assert_eq!(codes, [200, 200, 200, 200, 200, 400, 200]);
}
