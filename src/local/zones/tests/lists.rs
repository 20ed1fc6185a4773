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

#[test]
fn a_list_that_cannot_be_as_it_is_asked_for_is_refused() {
    let mut world = World::new();
    let records = format!("hostedzone/{}/rrset", world.zone);
    for (path, status) in [
        ("hostedzone?maxitems=1000", 200),
        ("hostedzone?maxitems=", 200),
        ("hostedzone?maxitems=0", 400),
        ("hostedzone?maxitems=-1", 400),
        ("healthcheck?maxitems=1.5", 400),
        ("hostedzonesbyname?maxitems=abc", 400),
        ("hostedzonesbyname?hostedzoneid=Z1", 400),
        ("hostedzone?delegationsetid=N1", 501),
        (&format!("{records}?type=A"), 400),
        (&format!("{records}?type=FOO&name=a.example.com"), 400),
        (&format!("{records}?identifier=a&name=a.example.com"), 400),
        (&format!("{records}?name=a.example.com&colour=blue"), 200),
    ] {
        let answer = world.call("GET", path, "");
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        if status == 400 {
            assert_eq!(inside(&answer.body, "Code"), Some("InvalidInput"), "{path}");
        }
    }
    let body = world
        .call("GET", "hostedzone?hostedzonetype=PrivateHostedZone", "")
        .body;
    assert!(!body.contains("<HostedZone>"), "{body}");
}

#[test]
fn a_health_check_is_told_as_it_was_made() {
    let mut world = World::new();
    let mut make = |settings: &str| {
        let body = format!(
            "<CreateHealthCheckRequest><CallerReference>{}</CallerReference><HealthCheckConfig>{settings}</HealthCheckConfig>\
             </CreateHealthCheckRequest>",
            settings.len()
        );
        world.call("POST", "healthcheck", &body)
    };
    let regions = "<Regions><Region>us-east-1</Region><Region>us-west-1</Region><Region>eu-west-1</Region></Regions>";
    let name = "<FullyQualifiedDomainName>a.example.com</FullyQualifiedDomainName>";
    let made = make(&format!(
        "<Type>HTTPS</Type>{name}<MeasureLatency>false</MeasureLatency><EnableSNI>false</EnableSNI>{regions}"
    ));
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body.contains(regions), "{}", made.body);
    assert_eq!(inside(&made.body, "EnableSNI"), Some("false"));
    assert_eq!(inside(&made.body, "RequestInterval"), Some("30"));
    for (settings, status) in [
        ("<Type>HTTP</Type>", 400),
        (&format!("<Type>TCP</Type>{name}"), 400),
        (&format!("<Type>TCP</Type>{name}<Port>80</Port>"), 201),
        (&format!("<Type>HTTP_STR_MATCH</Type>{name}"), 400),
        (
            &format!("<Type>HTTP_STR_MATCH</Type>{name}<SearchString>a</SearchString>"),
            201,
        ),
        (&format!("<Type>HTTP</Type>{name}<SearchString>a</SearchString>"), 400),
        (
            &format!("<Type>HTTP</Type>{name}<RequestInterval>20</RequestInterval>"),
            400,
        ),
        (
            &format!("<Type>HTTP</Type>{name}<MeasureLatency>true</MeasureLatency>"),
            501,
        ),
        ("<Type>HTTP</Type><IPAddress>nonsense</IPAddress>", 400),
        ("<Type>CALCULATED</Type>", 400),
        (
            "<Type>CALCULATED</Type><ChildHealthChecks><ChildHealthCheck>a</ChildHealthCheck></ChildHealthChecks>",
            501,
        ),
        ("<Type>CLOUDWATCH_METRIC</Type>", 400),
        (&format!("<Type>HTTP</Type>{name}<Colour/>"), 400),
        (
            &format!("<Type>HTTP</Type>{name}<EndpointType>PUBLIC</EndpointType>"),
            201,
        ),
        (
            &format!("<Type>HTTP</Type>{name}<EndpointType>PRIVATE</EndpointType>"),
            501,
        ),
    ] {
        let answer = make(settings);
        assert_eq!(answer.status, status, "{settings}: {}", answer.body);
    }
}
