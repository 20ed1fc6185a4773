//! Adoption and its way back.

mod weighed;

use super::{
    Adoption, Change, Content, Fence, Hosts, NotAdopted, Originals, OwnRecords, Record, Routing, Target, Weigh,
    Weighting, adopt, members, unadopt, weigh,
};

const NAME: &str = "www.example.com.";
const SLOT: &str = "shop/production";
const CNAME: &str = "shop.eu-central-1.elasticbeanstalk.com";

fn target() -> Target {
    Target {
        slot: SLOT.to_owned(),
        environment: "shop-blue".to_owned(),
        hosts: vec![CNAME.to_owned(), "awseb-1.eu-central-1.elb.amazonaws.com".to_owned()],
        others: vec!["shop-blue.eu-central-1.elasticbeanstalk.com".to_owned()],
    }
}

fn alias(kind: &str, routing: Routing, to: &str) -> Record {
    Record {
        name: NAME.to_owned(),
        kind: kind.to_owned(),
        routing,
        content: Content::Alias {
            zone: "Z1FRNW7UH4DEZJ".to_owned(),
            target: format!("{to}."),
            evaluate_health: true,
        },
        health_check: None,
    }
}

fn cname(to: &str) -> Record {
    Record {
        kind: "CNAME".to_owned(),
        content: Content::Values {
            ttl: 60,
            values: vec![to.to_owned()],
        },
        ..alias("CNAME", Routing::Simple, to)
    }
}

fn weighted(id: &str, weight: u8) -> Routing {
    Routing::Weighted {
        id: id.to_owned(),
        weight,
    }
}

fn fence() -> Record {
    Fence::first(SLOT).record(NAME)
}

#[test]
fn a_member_that_is_passed_over_when_its_target_is_ill_is_noted() {
    let notes = |evaluate: bool| {
        let mut record = alias("A", weighted("blue", 1), CNAME);
        if let Content::Alias { evaluate_health, .. } = &mut record.content {
            *evaluate_health = evaluate;
        }
        members(NAME, &[record, fence()], SLOT, &[]).notes
    };
    assert_eq!(notes(false), Vec::<String>::new());
    assert!(
        notes(true)[0].contains("evaluates its target's health"),
        "{:?}",
        notes(true)
    );
}

#[test]
fn what_records_show_tells_any_change_and_how_long_answers_last() {
    let shown = |records: &[Record]| members(NAME, records, SLOT, &[]);
    let lasting = |ttl: u32| Record {
        content: Content::Values {
            ttl,
            values: vec![CNAME.to_owned()],
        },
        routing: weighted("blue", 1),
        ..cname(CNAME)
    };
    let before = shown(&[lasting(300), fence()]);
    assert_eq!(before.ttl, Some(300));
    assert_eq!(shown(&[alias("A", weighted("blue", 1), CNAME), fence()]).ttl, Some(60));
    assert_eq!(shown(&[fence(), lasting(300)]).token, before.token, "order is nothing");
    assert_ne!(shown(&[lasting(301), fence()]).token, before.token);
    assert!(!before.token.is_empty());
}

#[test]
fn what_is_made_can_be_made_without_a_health_check() {
    let checked = Record {
        health_check: Some("check".to_owned()),
        ..cname(CNAME)
    };
    let made = Change::Create(checked.clone()).without_check();
    assert_eq!(made, Change::Create(cname(CNAME)));
    // What goes must be named as it is.
    let goes = Change::Delete(checked);
    assert_eq!(goes.clone().without_check(), goes);
}

fn changes(adoption: Result<Adoption, NotAdopted>) -> Vec<Change> {
    match adoption {
        Ok(Adoption::Changes(changes)) => changes,
        other => panic!("{other:?}"),
    }
}

/// What is there after changes that Route 53 takes: each deletion finds its record exactly as it says.
fn after(mut records: Vec<Record>, changes: &[Change]) -> Vec<Record> {
    for change in changes {
        match change {
            Change::Delete(record) => {
                let place = records.iter().position(|other| other == record);
                records.remove(place.expect("what is deleted is there"));
            }
            Change::Create(record) => records.push(record.clone()),
        }
    }
    records
}

#[test]
fn a_simple_record_becomes_a_member_with_the_same_answer_and_back() {
    let before = [
        vec![cname(CNAME)],
        vec![cname(&format!("{CNAME}."))],
        vec![
            alias("A", Routing::Simple, CNAME),
            alias(
                "AAAA",
                Routing::Simple,
                "dualstack.awseb-1.eu-central-1.elb.amazonaws.com",
            ),
        ],
    ];
    for records in before {
        let adopted = changes(adopt(NAME, &records, &target()));
        let now = after(records.clone(), &adopted);
        for (record, member) in records.iter().zip(&now) {
            assert_eq!(*member, record.routed(weighted("live", 200)));
        }
        assert_eq!(now.last(), Some(&fence()));
        assert_eq!(adopt(NAME, &now, &target()), Ok(Adoption::Already));
        let back = after(now.clone(), &changes(unadopt(NAME, &now, SLOT)));
        assert_eq!(back, records);
        assert_eq!(unadopt(NAME, &back, SLOT), Ok(Adoption::Already));
    }
}

#[test]
fn the_way_back_loses_nobody_s_member() {
    for weights in [[1, 200], [0, 200], [0, 0]] {
        let members = vec![
            alias("A", weighted("one", weights[0]), CNAME),
            alias("A", weighted("two", weights[1]), CNAME),
            fence(),
        ];
        let error = unadopt(NAME, &members, SLOT).unwrap_err();
        assert!(matches!(error, NotAdopted::Shared { .. }), "{error}");
        let named = format!("\"one\" with weight {}", weights[0]);
        assert!(error.to_string().contains(&named), "{error}");
    }
    let failover = Routing::Other {
        id: "first".to_owned(),
        policy: "failover",
    };
    let mixed = vec![
        alias("A", weighted("live", 200), CNAME),
        alias("AAAA", failover, CNAME),
        fence(),
    ];
    let error = unadopt(NAME, &mixed, SLOT).unwrap_err();
    assert!(matches!(error, NotAdopted::OtherPolicy { .. }), "{error}");
}

#[test]
fn members_that_somebody_adds_later_are_found() {
    let mut members = vec![alias("A", weighted("live", 200), CNAME), fence()];
    assert_eq!(adopt(NAME, &members, &target()), Ok(Adoption::Already));
    members.push(alias("A", weighted("red", 0), "other.example.org"));
    let error = adopt(NAME, &members, &target()).unwrap_err();
    assert!(matches!(error, NotAdopted::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("\"red\" weight 0"), "{error}");
}

#[test]
fn a_name_that_releases_have_moved_is_adopted_already() {
    let members = vec![
        alias("A", weighted("live", 0), "shop-blue.eu-central-1.elasticbeanstalk.com"),
        alias("A", weighted("e-green-7", 200), CNAME),
        fence(),
    ];
    assert_eq!(adopt(NAME, &members, &target()), Ok(Adoption::Already));
    // Without the text beside them nobody knows whose they are.
    let error = adopt(NAME, &members[..2], &target()).unwrap_err();
    assert!(matches!(error, NotAdopted::Foreign { .. }), "{error}");
}

#[test]
fn a_simple_record_beside_members_of_ours_becomes_a_member_too() {
    let members = vec![
        alias("A", weighted("e-green-7", 200), CNAME),
        alias("AAAA", Routing::Simple, CNAME),
        fence(),
    ];
    let now = after(members.clone(), &changes(adopt(NAME, &members, &target())));
    assert!(now.contains(&alias("AAAA", weighted("live", 200), CNAME)), "{now:?}");
    assert!(now.contains(&members[0]) && now.contains(&fence()), "{now:?}");
    assert_eq!(now.len(), 3);
    assert_eq!(adopt(NAME, &now, &target()), Ok(Adoption::Already));
    let astray = [
        members[0].clone(),
        alias("AAAA", Routing::Simple, "other.example.org"),
        fence(),
    ];
    let error = adopt(NAME, &astray, &target()).unwrap_err();
    assert!(matches!(error, NotAdopted::Elsewhere { .. }), "{error}");
}

#[test]
fn what_would_change_where_the_name_leads_is_refused() {
    let plain = Record {
        kind: "A".to_owned(),
        content: Content::Values {
            ttl: 60,
            values: vec!["192.0.2.1".to_owned()],
        },
        ..cname(CNAME)
    };
    let other = Routing::Other {
        id: "first".to_owned(),
        policy: "failover",
    };
    let elsewhere = Fence {
        release: 3,
        entry: 9,
        ..Fence::first("shop/staging")
    };
    let text = |value: &str| Record {
        content: Content::Values {
            ttl: 60,
            values: vec![value.to_owned()],
        },
        ..fence()
    };
    let member = alias("A", weighted("live", 200), CNAME);
    for (records, expected) in [
        (vec![], "has no A, AAAA or CNAME record"),
        (vec![fence()], "has no A, AAAA or CNAME record"),
        (
            vec![cname("other.example.org")],
            "let it lead to shop.eu-central-1.elasticbeanstalk.com first",
        ),
        (vec![plain], "does not lead to shop-blue"),
        (
            vec![alias("A", other, CNAME)],
            "a name with failover records cannot have weighted ones",
        ),
        (vec![alias("A", weighted("red", 10), CNAME)], "\"red\" weight 10"),
        (vec![cname(CNAME), fence()], "is in the way"),
        (vec![cname(CNAME), text("\"hello\"")], "is in the way"),
        (vec![member.clone(), text("\"hello\"")], "is in the way"),
        (
            vec![cname(CNAME), elsewhere.record(NAME)],
            "belongs to the slot shop/staging",
        ),
    ] {
        let error = adopt(NAME, &records, &target()).unwrap_err().to_string();
        assert!(error.contains(expected), "{records:?}: {error}");
    }
    for (records, expected) in [
        (vec![], "has no A, AAAA or CNAME record"),
        (vec![alias("A", weighted("red", 10), CNAME)], "not managed by cutover"),
        (vec![cname(CNAME), fence()], "is in the way"),
        (vec![member, text("\"hello\"")], "is in the way"),
        (
            vec![alias("A", weighted("red", 10), CNAME), elsewhere.record(NAME)],
            "belongs to the slot shop/staging",
        ),
    ] {
        let error = unadopt(NAME, &records, SLOT).unwrap_err().to_string();
        assert!(error.contains(expected), "{records:?}: {error}");
    }
}

#[test]
fn an_environment_is_met_by_its_name_and_by_its_balancer_s() {
    let hosts = Hosts {
        environment: "e-blue".into(),
        cname: Some(CNAME.to_owned()),
        endpoint: Some("awseb-1.eu-central-1.elb.amazonaws.com".to_owned()),
        group: None,
    };
    for (target, met) in [
        (CNAME, true),
        ("dualstack.awseb-1.eu-central-1.elb.amazonaws.com", true),
        ("awseb-2.eu-central-1.elb.amazonaws.com", false),
    ] {
        let record = alias("A", weighted("live", 0), target);
        assert_eq!(hosts.are_met_by(&record), met, "{target}");
    }
}

#[test]
fn a_fence_is_read_as_it_was_written() {
    let fence = Fence {
        release: 42,
        entry: 7,
        ..Fence::first(SLOT)
    };
    let record = fence.record(NAME);
    assert_eq!(record.name, "_cutover.www.example.com.");
    assert_eq!(Fence::read(&record), Some(fence));
    for slot in ["My Shop/production", "caf\u{e9} \"x\" \\%20/a", &"\u{fc}".repeat(100)] {
        let odd = Fence::first(slot);
        let record = odd.record(NAME);
        let Content::Values { values, .. } = &record.content else {
            panic!("{record}")
        };
        // One string of DNS, with nothing in it that DNS would escape.
        let text = values[0].trim_matches('"');
        assert!(
            text.len() <= 255 && text.is_ascii() && !text.contains(['"', '\\']),
            "{text}"
        );
        assert_eq!(Fence::read(&record), Some(odd.clone()));
        assert!(odd.is_of(slot) && !odd.is_of(&format!("{slot}x")), "{text}");
    }
    for value in [
        "",
        "\"\"",
        "\"cutover slot=a\"",
        "\"cutover slot=a release=x entry=1\"",
        "cutover slot=a release=1 entry=1",
    ] {
        let other = Record {
            content: Content::Values {
                ttl: 60,
                values: vec![value.to_owned()],
            },
            ..record.clone()
        };
        assert_eq!(Fence::read(&other), None, "{value}");
    }
}

#[test]
fn the_companion_is_written_only_with_records_that_change() {
    let hosts = |name: &str, cname: &str| Hosts {
        environment: name.into(),
        cname: Some(cname.to_owned()),
        endpoint: None,
        group: None,
    };
    let (blue, green) = (
        hosts("e-blue", CNAME),
        hosts("e-green", "green.eu-central-1.elasticbeanstalk.com"),
    );
    let fence = Fence::of(SLOT, 7, 30);
    let wanted = Weigh {
        name: NAME,
        weighting: Weighting::Original,
        originals: &Originals::from([("A".to_owned(), 200)]),
        own: &OwnRecords::new(),
        blue: &blue,
        green: Some(&green),
        fence: &fence,
    };
    // Another zone that fits the name has none of its records.
    let refused = weigh(&wanted, &[]).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("no record of www.example.com that would have to be changed"),
        "{refused}"
    );
    let mut shared = vec![
        alias("A", weighted("blue", 19), CNAME),
        alias("A", weighted("green", 1), "green.eu-central-1.elasticbeanstalk.com"),
        self::fence(),
    ];
    assert_eq!(
        weigh(&wanted, &shared).unwrap().len(),
        5,
        "both go, blue comes, and the companion changes"
    );
    shared.remove(1);
    shared[0] = alias("A", weighted("blue", 200), CNAME);
    assert!(weigh(&wanted, &shared).is_err(), "all is as it should be");
}

#[test]
fn a_record_that_was_removed_is_given_back_as_it_was() {
    let hosts = |name: &str, cname: &str| Hosts {
        environment: name.into(),
        cname: Some(cname.to_owned()),
        endpoint: None,
        group: None,
    };
    let other = "green.eu-central-1.elasticbeanstalk.com";
    let (blue, green) = (hosts("e-blue", CNAME), hosts("e-green", other));
    let mut first = alias("A", weighted("terraform", 200), CNAME);
    first.health_check = Some("check".to_owned());
    let seen = members(NAME, &[first.clone(), fence()], SLOT, std::slice::from_ref(&blue));
    let own = seen.own.get(&blue.environment).expect("it is a member").clone();
    // Blue's has been removed, as before its end, and then somebody wants to go back.
    let back = |there: &[Record]| {
        let wanted = Weigh {
            name: NAME,
            weighting: Weighting::Original,
            originals: &seen.weights_of(&blue.environment),
            own: &own,
            blue: &blue,
            green: Some(&green),
            fence: &Fence::of(SLOT, 7, 30),
        };
        let made = weigh(&wanted, there)
            .unwrap()
            .into_iter()
            .find_map(|change| match change {
                Change::Create(record) if record.kind == "A" => Some(record),
                _ => None,
            });
        made.expect("blue has a record again")
    };
    let alone = alias("A", weighted("e-green-7", 200), other);
    assert_eq!(back(&[alone.clone(), fence()]), first);
    // The service refuses a second one with the same identifier, and with it the way back.
    let taken = alias("A", weighted("terraform", 0), "else.eu-central-1.elasticbeanstalk.com");
    assert_eq!(back(&[alone, taken, fence()]).routing, weighted("e-blue-7", 200));
}
