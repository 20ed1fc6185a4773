//! What preflight asks of a release that leads away from a bad version: what that needs, and no more.

use super::plan::plan;
use super::preflight::{Case, Change, case, unread};
use super::run::Run;
use crate::model::Known;
use crate::release::preflight::Quota;
use crate::release::{AlarmSeen, Processing, Source, Then, decide, looks};

#[test]
fn the_way_back_is_not_refused_for_what_it_does_not_need() {
    let back = |change: Change| {
        let mut case = case();
        case.recorded();
        case.plan.even_if_unhealthy = true;
        case.version("another", Processing::Processed);
        change(&mut case);
        case.judge()
    };
    let spare: [(Change, &str); 4] = [
        (|case| case.facts.quotas = unread(), "quotas: Rate exceeded"),
        (
            |case| case.facts.managed_update = unread(),
            "managed updates of the live environment shop-r6 (e-blue): Rate",
        ),
        (
            |case| {
                case.plan.alarms = vec!["shop-5xx".to_owned()];
                case.facts.alarms = unread();
            },
            "alarms of `verdict.alarms`: Rate exceeded",
        ),
        (
            |case| {
                case.plan.alarms = vec!["shop-5xx".to_owned()];
                case.facts.alarms = Known::Known(vec![AlarmSeen {
                    name: "shop-5xx".to_owned(),
                    on: None,
                    since: None,
                    reason: String::new(),
                }]);
            },
            "there is no alarm shop-5xx",
        ),
    ];
    for (change, words) in spare {
        let found = back(change);
        assert_eq!(found.problems, []);
        assert!(found.blue.is_some(), "{words}");
        let [note] = found.notes.as_slice() else {
            panic!("{words}: {:?}", found.notes);
        };
        assert!(note.contains(words), "{note}");
        let absent = words.starts_with("there is no alarm");
        assert_eq!(found.absent_alarms.is_empty(), !absent, "{words}");
    }
    let full = back(|case| case.quota(Quota::Environments, 10));
    assert_eq!(full.problems.len(), 1, "there is no room for what it would make");
}

#[test]
fn an_alarm_that_is_not_there_does_not_hold_up_the_way_back() {
    let mut run = Run::of(plan(), 1);
    run.release.plan.even_if_unhealthy = true;
    run.release.plan.alarms = vec!["shop-5xx".to_owned(), "shop-slow".to_owned()];
    let wanted = looks(&run.release, run.world.now);
    let mut seen = run.world.observe(&run.release, &wanted);
    let facts = seen.facts.as_mut().expect("preflight asks for facts");
    let alarm = |name: &str, on| AlarmSeen {
        name: name.to_owned(),
        on,
        since: None,
        reason: String::new(),
    };
    facts.alarms = Known::Known(vec![alarm("shop-5xx", None), alarm("shop-slow", Some(false))]);
    let Then::Record(event) = decide(&run.release, &seen).then else {
        panic!("there is nothing in the way");
    };
    let release = run.then(run.release.clone(), event);
    assert_eq!(release.plan.alarms, ["shop-slow"]);
}

#[test]
fn the_bucket_is_asked_for_only_where_a_bundle_is_published() {
    let case = Case::with(|case| {
        case.recorded();
        case.version("another", Processing::Processed);
        case.facts.bucket = unread();
    });
    assert_eq!(case.judge().problems, []);
    let drill = Case::with(|case| {
        case.plan.source = Source::Live;
        case.version("another", Processing::Processed);
        case.bucket(false, false);
    });
    assert_eq!(drill.judge().problems, []);
}
