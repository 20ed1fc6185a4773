//! What the records of a name show, and the changes that give its members other weights.

use super::super::{NotWeighed, Split};
use super::{
    CNAME, Change, Fence, Hosts, NAME, Originals, OwnRecords, Record, Routing, SLOT, Weigh, Weighting, alias, cname,
    fence, members, weigh, weighted,
};
use crate::traffic::OwnRecord;

const OTHER: &str = "green.eu-central-1.elasticbeanstalk.com";

fn hosts(name: &str, cname: &str) -> Hosts {
    Hosts {
        environment: name.into(),
        cname: Some(cname.to_owned()),
        endpoint: None,
        group: None,
    }
}

fn seen(records: &[Record]) -> Split {
    members(NAME, records, SLOT, &[hosts("e-blue", CNAME), hosts("e-green", OTHER)])
}

fn only_fault(records: &[Record]) -> String {
    let faults = seen(records).faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

#[test]
fn what_keeps_a_name_from_being_weighed_is_said() {
    let (blue, green) = (
        alias("A", weighted("live", 200), CNAME),
        alias("A", weighted("g", 0), OTHER),
    );
    assert_eq!(seen(&[blue.clone(), green, fence()]).faults, Vec::<String>::new());
    let failover = Routing::Other {
        id: "first".to_owned(),
        policy: "failover",
    };
    let said = only_fault(&[blue.clone(), alias("AAAA", failover, CNAME), fence()]);
    assert!(said.contains("has failover records"), "{said}");
    let simple = alias("AAAA", Routing::Simple, CNAME);
    let said = only_fault(&[blue.clone(), simple, fence()]);
    assert!(said.contains("has a simple record"), "{said}");
    let said = only_fault(&[blue.clone(), alias("A", weighted("again", 1), CNAME), fence()]);
    assert!(said.contains("several A records that lead to e-blue"), "{said}");
    let said = only_fault(&[blue.clone(), Fence::first("shop/staging").record(NAME)]);
    assert!(said.contains("belongs to the slot shop/staging"), "{said}");
    for beside in [
        None,
        // Neither a text elsewhere nor something else in its place is the companion.
        Some(Record {
            name: "_other.www.example.com.".to_owned(),
            ..fence()
        }),
        Some(Record {
            kind: "SPF".to_owned(),
            ..fence()
        }),
    ] {
        let records: Vec<Record> = [blue.clone()].into_iter().chain(beside).collect();
        let said = only_fault(&records);
        assert!(said.contains("there is no record _cutover.www.example.com"), "{said}");
    }
}

#[test]
fn only_the_names_own_records_carry_its_traffic() {
    let elsewhere = Record {
        name: "api.example.com.".to_owned(),
        ..alias("A", weighted("live", 1), CNAME)
    };
    let text = Record {
        kind: "MX".to_owned(),
        ..alias("A", weighted("live", 1), CNAME)
    };
    let shown = seen(&[alias("A", weighted("live", 200), CNAME), elsewhere, text, fence()]);
    assert_eq!(shown.places.keys().collect::<Vec<_>>(), ["A"]);
    assert_eq!(shown.places["A"].len(), 1);
}

#[test]
fn a_record_of_addresses_leads_to_no_name() {
    let addresses = Record {
        kind: "A".to_owned(),
        ..cname("192.0.2.1")
    };
    assert_eq!((addresses.target(), cname(CNAME).target()), (None, Some(CNAME)));
}

#[test]
fn a_change_says_what_goes_and_what_comes() {
    let record = cname(CNAME);
    assert_eq!(Change::Create(record.clone()).to_string(), format!("+ {record}"));
    assert_eq!(Change::Delete(record.clone()).to_string(), format!("- {record}"));
}

/// What is changed for blue `terraform` with a weight of 200 and a health check, of these records.
fn changes(weighting: Weighting, records: &[Record]) -> Result<Vec<Change>, NotWeighed> {
    let own = OwnRecord {
        id: "terraform".to_owned(),
        health_check: Some("check".to_owned()),
    };
    weigh(
        &Weigh {
            name: NAME,
            weighting,
            originals: &Originals::from([("A".to_owned(), 200)]),
            own: &OwnRecords::from([("A".to_owned(), own)]),
            blue: &hosts("e-blue", CNAME),
            green: Some(&hosts("e-green", OTHER)),
            fence: &Fence::of(SLOT, 7, 30),
        },
        records,
    )
}

#[test]
fn only_what_is_given_back_has_its_first_name_and_check_again() {
    let green = alias("A", weighted("e-green-7", 200), OTHER);
    let made = |weighting: Weighting| {
        let made = changes(weighting, &[green.clone(), fence()]).unwrap();
        let blue = made.into_iter().find_map(|change| match change {
            Change::Create(record) if record.target() == Some(CNAME) => Some(record),
            _ => None,
        });
        let blue = blue.expect("blue has a record again");
        let Routing::Weighted { id, .. } = blue.routing else {
            panic!("it has a weight");
        };
        (id, blue.health_check)
    };
    assert_eq!(
        made(Weighting::Original),
        ("terraform".to_owned(), Some("check".to_owned()))
    );
    let split = Weighting::Split { blue: 19, green: 1 };
    assert_eq!(made(split), ("e-blue-7".to_owned(), None));
    // Green's is never one that blue had.
    let blue = alias("A", weighted("else", 200), CNAME);
    let made = changes(Weighting::Attached, &[blue, fence()]).unwrap();
    let created = |change: &Change| matches!(change, Change::Create(Record { routing: Routing::Weighted { id, .. }, .. }) if id == "e-green-7");
    assert!(made.iter().any(created), "{made:?}");
}

#[test]
fn several_records_of_one_side_are_refused_but_for_the_way_back() {
    let records = [
        alias("A", weighted("one", 200), CNAME),
        alias("A", weighted("two", 200), CNAME),
        alias("A", weighted("e-green-7", 1), OTHER),
        fence(),
    ];
    let refused = changes(Weighting::Split { blue: 19, green: 1 }, &records).unwrap_err();
    assert!(
        refused.to_string().contains("e-blue has several A records"),
        "{refused}"
    );
    let back = changes(Weighting::Original, &records).unwrap();
    assert!(back.contains(&Change::Delete(records[2].clone())), "{back:?}");
    let touches_blue = |change: &Change| change.record().target() == Some(CNAME);
    assert!(!back.iter().any(touches_blue), "{back:?}");
}

#[test]
fn what_carries_a_name_without_weights_is_given_none() {
    let simple = alias("A", Routing::Simple, CNAME);
    let refused = changes(Weighting::Attached, &[simple, fence()]).unwrap_err();
    assert!(refused.to_string().contains("has no weight"), "{refused}");
}
