//! What the policies of whole configurations hold.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Duty, Form, GRANTS, Home, Scope, policy};
use crate::spec::{JournalPlace, Spec};

const RULE: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/front/1/2/3";

/// Settings that need everything, one for each lever.
const LEVERS: [&str; 3] = [
    "cname = \"shop\"",
    "lever = \"weighted-dns\"\npublic_url = \"https://www.shop.example\"",
    "lever = \"weighted-target-groups\"\npublic_url = \"https://www.shop.example\"\n\
     weighted_target_groups.rules = [\"arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/front/1/2/3\"]",
];

fn spec(more: &str) -> Spec {
    Spec::parse("cutover.toml", &format!("application = \"shop\"\n{more}\n")).unwrap()
}

fn home() -> Home {
    Home {
        account: Some("123456789012".to_owned()),
        region: Some("eu-central-1".to_owned()),
        zone: None,
    }
}

fn printed(more: &str, journal: &str, home: &Home, form: Form, duties: &[Duty]) -> Value {
    let journal: JournalPlace = journal.parse().unwrap();
    let scope = Scope::new(&spec(more), &journal, home, form);
    serde_json::to_value(policy(&scope, duties)).unwrap()
}

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    let statements = policy["Statement"].as_array().unwrap();
    let found = statements.iter().find(|statement| statement["Sid"] == sid);
    found.unwrap_or_else(|| panic!("no {sid} in {policy:#}"))
}

fn sids(policy: &Value) -> Vec<&str> {
    let statements = policy["Statement"].as_array().unwrap();
    statements
        .iter()
        .map(|statement| statement["Sid"].as_str().unwrap())
        .collect()
}

#[test]
fn what_is_allowed_is_bound_to_the_slots_own_things() {
    let policy = printed(LEVERS[0], "s3://releases/journal", &home(), Form::Plain, &Duty::ALL);
    assert_eq!(policy["Version"], "2012-10-17");
    for (sid, resource) in [
        (
            "StageGreen",
            "arn:aws:elasticbeanstalk:eu-central-1:123456789012:environment/shop/shop-production-r*",
        ),
        (
            "StageTemplates",
            "arn:aws:elasticbeanstalk:eu-central-1:123456789012:configurationtemplate/shop/shop-production-r*",
        ),
        (
            "SwitchNames",
            "arn:aws:elasticbeanstalk:eu-central-1:123456789012:environment/shop/*",
        ),
        (
            "StageBundles",
            "arn:aws:s3:::elasticbeanstalk-eu-central-1-123456789012/cutover/shop/*",
        ),
        ("WriteJournal", "arn:aws:s3:::releases/journal/shop/production/*"),
        ("ReadJournalBucket", "arn:aws:s3:::releases"),
    ] {
        let statement = statement(&policy, sid);
        assert_eq!(statement["Resource"], json!([resource]), "{sid}");
        assert_eq!(statement["Effect"], "Allow");
    }
}

#[test]
fn records_of_the_name_alone_may_be_changed() {
    let zone = format!("{}\nweighted_dns.zone = \"Z1\"", LEVERS[1]);
    let policy = printed(&zone, "journal", &home(), Form::Plain, &Duty::ALL);
    let switch = statement(&policy, "SwitchRecords");
    assert_eq!(switch["Resource"], json!(["arn:aws:route53:::hostedzone/Z1"]));
    assert_eq!(
        switch["Condition"],
        json!({
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                "route53:ChangeResourceRecordSetsNormalizedRecordNames":
                    ["www.shop.example", "_cutover.www.shop.example"],
            },
            "Null": {
                "route53:ChangeResourceRecordSetsActions": ["false"],
                "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["false"],
            },
        })
    );
    assert!(
        !sids(&policy).contains(&"ReadZones"),
        "a zone that is named is not looked up"
    );
    let looked_up = printed(LEVERS[1], "journal", &home(), Form::Plain, &Duty::ALL);
    assert!(sids(&looked_up).contains(&"ReadZones"));
}

#[test]
fn settings_say_what_is_needed() {
    let of = |more: &str, journal: &str| printed(more, journal, &home(), Form::Plain, &Duty::ALL);
    let local = of(LEVERS[0], "journal");
    assert!(!sids(&local).iter().any(|sid| sid.contains("Journal")), "{local:#}");
    let rules = of(LEVERS[2], "journal");
    assert_eq!(statement(&rules, "SwitchRules")["Resource"], json!([RULE]));
    for (policy, own) in [(&local, "SwitchNames"), (&rules, "SwitchRules")] {
        let switches: Vec<&str> = sids(policy)
            .into_iter()
            .filter(|sid| sid.starts_with("Switch"))
            .collect();
        assert_eq!(switches, [own]);
    }
    let bucket = format!("{}\nartifact.bucket = \"team-bundles\"", LEVERS[0]);
    let other = of(&bucket, "journal");
    assert!(!sids(&other).contains(&"StageBucket"));
    assert_eq!(
        statement(&other, "ReadBundles")["Resource"],
        json!(["arn:aws:s3:::team-bundles/cutover/shop/*"])
    );
}

#[test]
fn a_duty_has_its_own_and_all_together_have_everything() {
    for lever in LEVERS {
        let of = |duties: &[Duty]| -> BTreeSet<String> {
            let policy = printed(lever, "s3://releases", &home(), Form::Plain, duties);
            sids(&policy).into_iter().map(str::to_owned).collect()
        };
        let read = of(&[Duty::Read]);
        assert!(read.iter().all(|sid| sid.starts_with("Read")), "{read:?}");
        let switch = of(&[Duty::Switch]);
        assert_eq!(
            switch.len(),
            2,
            "moving traffic needs one right and the journal: {switch:?}"
        );
        assert!(switch.contains("WriteJournal"));
        assert!(!of(&[Duty::Stage, Duty::Switch]).contains("TerminateEnvironments"));
        let each: BTreeSet<String> = Duty::ALL.iter().flat_map(|duty| of(&[*duty])).collect();
        assert_eq!(each, of(&Duty::ALL));
    }
}

#[test]
fn a_template_fills_in_account_and_region() {
    let policy = printed(LEVERS[0], "journal", &Home::default(), Form::CloudFormation, &Duty::ALL);
    let arn = "arn:${AWS::Partition}:elasticbeanstalk:${AWS::Region}:${AWS::AccountId}:environment/shop/*";
    assert_eq!(
        statement(&policy, "SwitchNames")["Resource"],
        json!([{ "Fn::Sub": arn }])
    );
    assert_eq!(statement(&policy, "ReadQuotas")["Resource"], json!(["*"]));
    let unknown = printed(LEVERS[0], "journal", &Home::default(), Form::Plain, &Duty::ALL);
    let arn = "arn:aws:elasticbeanstalk:*:*:environment/shop/*";
    assert_eq!(statement(&unknown, "SwitchNames")["Resource"], json!([arn]));
}

/// A managed policy holds 6144 characters, white space not counted (IAM quotas).
#[test]
fn every_policy_fits_into_a_managed_one() {
    let long = "a".repeat(100);
    for lever in LEVERS {
        let spec = Spec::parse("cutover.toml", &format!("application = \"{long}\"\n{lever}\n")).unwrap();
        let journal = "s3://a-bucket-of-a-team/with/a/prefix".parse().unwrap();
        let scope = Scope::new(&spec, &journal, &home(), Form::Plain);
        let text = serde_json::to_string(&policy(&scope, &Duty::ALL)).unwrap();
        assert!(text.len() < 6144, "{} characters:\n{text}", text.len());
    }
}

#[test]
fn the_table_names_everything_once_and_well() {
    let mut sids = BTreeSet::new();
    for grant in GRANTS {
        assert!(sids.insert(grant.sid), "{} is there twice", grant.sid);
        assert!(
            grant.sid.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{}",
            grant.sid
        );
        assert!(grant.actions.is_sorted(), "{}", grant.sid);
        assert!(
            !grant.actions.iter().any(|action| action.contains('*')),
            "{}",
            grant.sid
        );
        assert!(grant.why.ends_with('.'), "{}", grant.sid);
    }
}

/// The page for users is no second source that grows old.
#[test]
fn the_documentation_lists_every_grant() {
    let page = include_str!("../../docs/permissions.md");
    for grant in GRANTS {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}`", grant.sid)));
        let row = row.unwrap_or_else(|| panic!("docs/permissions.md has no row for {}", grant.sid));
        for action in grant.actions {
            assert!(
                row.contains(&format!("`{action}`")),
                "the row of {} lacks {action}",
                grant.sid
            );
        }
        for duty in grant.duties {
            assert!(
                row.contains(duty.as_str()),
                "the row of {} lacks the duty {duty}",
                grant.sid
            );
        }
        let why = grant.why.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            row.contains(&why),
            "the row of {} says something else than: {why}",
            grant.sid
        );
    }
    let table = page.split("## What is allowed").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, GRANTS.len(), "docs/permissions.md lists what is not in the table");
}
