//! What preflight finds: one fact changed at a time, then all at once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::plan::{gradual, plan};
use super::run::Run;
use super::world::{BLUE, seconds};
use crate::model::{HealthColor, HealthStatus, Known, ProbeResult, Span, Timestamp};
use crate::release::preflight::{BucketSeen, Facts, Findings, Quota, QuotaSeen, SettingsSeen, judge};
use crate::release::{
    Blue, EnvironmentSeen, EnvironmentStatus, Event, HealthSeen, Outcome, Plan, Processing, Route, Source, Then,
    VersionSeen, decide, looks,
};
use crate::spec::Lever;

/// A plan and an account in which nothing is in the way.
pub(super) struct Case {
    pub(super) plan: Plan,
    pub(super) facts: Facts,
    now: Timestamp,
}

#[test]
fn what_is_to_heal_the_live_version_is_not_refused_because_of_it() {
    let case = Case::with(|case| {
        case.health().status = Some(HealthStatus::Severe);
        case.plan.even_if_unhealthy = true;
    });
    let found = case.judge();
    assert_eq!(found.problems, []);
    assert!(found.blue.is_some());
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("e-blue") && note.contains("Severe")),
        "{:?}",
        found.notes
    );
    // Nor because of what else leads there: that is as it was when the live version came.
    let led = Case::with(|case| {
        case.plan.even_if_unhealthy = true;
        case.facts.other_names = Known::Known(vec!["example.com (A)".to_owned()]);
    });
    let found = led.judge();
    assert!(found.problems.is_empty() && found.notes.iter().any(|note| note.contains("example.com (A)")));
    let coupled = Case::with(|case| {
        case.health().status = Some(HealthStatus::Severe);
        case.plan.even_if_unhealthy = true;
        case.settings().coupled_database = true;
    });
    let problems = coupled.judge().problems;
    assert_eq!(
        problems.len(),
        1,
        "what else is in the way is still found: {problems:?}"
    );
}

/// One change to a case.
pub(super) type Change = fn(&mut Case);

pub(super) fn case() -> Case {
    case_of(plan())
}

fn case_of(plan: Plan) -> Case {
    let mut run = Run::of(plan.clone(), 1);
    let wanted = looks(&run.release, run.world.now);
    let seen = run.world.observe(&run.release, &wanted);
    Case {
        plan,
        facts: seen.facts.expect("preflight asks for facts"),
        now: seen.at,
    }
}

impl Case {
    pub(super) fn with(change: Change) -> Self {
        let mut case = case();
        change(&mut case);
        case
    }

    pub(super) fn judge(&self) -> Findings {
        judge(&self.plan, &self.facts, self.now)
    }

    fn health(&mut self) -> &mut HealthSeen {
        known(&mut self.facts.blue_health)
    }

    fn settings(&mut self) -> &mut SettingsSeen {
        known(&mut self.facts.blue_settings)
    }

    fn live(&mut self) -> &mut EnvironmentSeen {
        let environments = known(&mut self.facts.environments);
        environments
            .iter_mut()
            .find(|one| one.id.as_str() == BLUE)
            .expect("blue is listed")
    }

    /// Another environment in the list, which differs from the live one as told.
    fn add(&mut self, change: fn(&mut EnvironmentSeen)) {
        let mut other = self.live().clone();
        other.id = "e-other".into();
        change(&mut other);
        known(&mut self.facts.environments).push(other);
    }

    fn basic(&mut self, color: HealthColor) {
        let health = self.health();
        (health.status, health.color, health.refreshed_at) = (None, color, None);
        health.instances.clear();
    }

    pub(super) fn recorded(&mut self) {
        self.plan.source = Source::Recorded {
            release: crate::model::ReleaseNumber(6),
            template: "shop-r6-blue".to_owned(),
            environment: None,
            cname: None,
        };
    }

    /// A version of the plan's label, made from the object of this key.
    pub(super) fn version(&mut self, key: &str, processing: Processing) {
        self.facts.version = Known::Known(Some(VersionSeen {
            bundle: Some(("bucket".to_owned(), key.to_owned())),
            processing,
        }));
    }

    pub(super) fn bucket(&mut self, exists: bool, own: bool) {
        let name = "bucket".to_owned();
        let elsewhere = None;
        self.facts.bucket = Known::Known(BucketSeen {
            name,
            exists,
            own,
            elsewhere,
        });
    }

    pub(super) fn quota(&mut self, what: Quota, used: u64) {
        let maximum = 10;
        self.facts.quotas = Known::Known(vec![QuotaSeen { what, used, maximum }]);
    }
}

fn known<T>(fact: &mut Known<T>) -> &mut T {
    match fact {
        Known::Known(value) => value,
        Known::Unknown(why) => panic!("{why}"),
    }
}

pub(super) fn unread<T>() -> Known<T> {
    Known::Unknown("Rate exceeded".to_owned())
}

/// What is wrong, the code of the one problem that comes of it, and words that its message holds.
const WRONG: [(Change, &str, &[&str]); 33] = [
    (
        |case| case.facts.bundle.push("no Procfile".to_owned()),
        "bundle",
        &["no Procfile"],
    ),
    (
        |case| {
            case.plan
                .extensions
                .stores
                .push("Orders (AWS::RDS::DBInstance in x)".to_owned());
        },
        "resources",
        &["Orders (AWS::RDS::DBInstance in x)", "deleted with it"],
    ),
    (
        |case| case.facts.application = Known::Known(false),
        "application",
        &["shop"],
    ),
    (
        |case| {
            case.add(|other| (other.name, other.cname) = ("shop-r7".into(), None));
        },
        "name",
        &["shop-r7", "e-other"],
    ),
    (
        |case| {
            let mut other = case.live().clone();
            (other.id, other.name, other.cname) = ("e-other".into(), "shop-r7".into(), None);
            case.facts.namesake = Some(other);
        },
        "name",
        &["shop-r7", "e-other", "another application"],
    ),
    (
        |case| case.live().cname = None,
        "live",
        &["no environment of shop holds the name", "shop.eu-west-1"],
    ),
    (
        |case| {
            case.add(|_| {});
        },
        "live",
        &["2 environments", BLUE, "e-other"],
    ),
    (
        |case| case.live().status = EnvironmentStatus::Updating,
        "live-busy",
        &["shop-r6 (e-blue)", "Updating"],
    ),
    (
        |case| case.health().status = Some(HealthStatus::Degraded),
        "live-health",
        &["e-blue", "Degraded"],
    ),
    (
        |case| case.health().refreshed_at = Some(case.now - seconds(41)),
        "live-health",
        &["41 s old"],
    ),
    (|case| case.basic(HealthColor::Yellow), "live-health", &["Yellow"]),
    (|case| case.settings().coupled_database = true, "database", &["e-blue"]),
    (|case| case.settings().shared_balancer = true, "balancer", &["e-blue"]),
    (
        |case| case.facts.managed_update = Known::Known(Some("4.1.2 on Sunday".to_owned())),
        "managed-update",
        &["4.1.2 on Sunday", "e-blue"],
    ),
    (
        |case| case.version("another", Processing::Processed),
        "version",
        &["v2", "another bundle"],
    ),
    (
        |case| {
            case.facts.version = Known::Known(Some(VersionSeen {
                bundle: None,
                processing: Processing::Processed,
            }));
        },
        "version",
        &["v2", "another bundle"],
    ),
    (
        |case| case.version(super::plan::KEY, Processing::Failed),
        "version",
        &["v2", "failed to process"],
    ),
    (Case::recorded, "version", &["v2 is gone"]),
    (|case| case.bucket(false, false), "bucket", &["no bucket bucket"]),
    (
        |case| {
            case.bucket(true, false);
            known(&mut case.facts.bucket).elsewhere = Some("us-west-2".to_owned());
        },
        "bucket",
        &["bucket is in us-west-2", "the application's region"],
    ),
    (
        |case| case.quota(Quota::Environments, 10),
        "quota",
        &["10 of at most 10 environments", "1 more"],
    ),
    (|case| case.facts.identity = unread(), "unknown", &["who we are"]),
    (
        |case| case.facts.application = unread(),
        "unknown",
        &["application shop"],
    ),
    (|case| case.facts.environments = unread(), "unknown", &["environments"]),
    (
        |case| case.facts.blue_health = unread(),
        "unknown",
        &["health of", BLUE],
    ),
    (
        |case| case.facts.blue_settings = unread(),
        "unknown",
        &["configuration of"],
    ),
    (
        |case| case.facts.blue_group = unread(),
        "unknown",
        &["Auto Scaling group of", BLUE],
    ),
    (
        |case| case.facts.other_names = unread(),
        "unknown",
        &["which names lead to"],
    ),
    (
        |case| case.facts.other_names = Known::Known(vec!["example.com (A)".to_owned()]),
        "other-names",
        &["example.com (A)", "lead nowhere"],
    ),
    (
        |case| case.facts.managed_update = unread(),
        "unknown",
        &["managed updates of"],
    ),
    (|case| case.facts.version = unread(), "unknown", &["version v2"]),
    (|case| case.facts.bucket = unread(), "unknown", &["bucket"]),
    (|case| case.facts.quotas = unread(), "unknown", &["quotas"]),
];

#[test]
fn each_thing_in_the_way_is_found_and_nothing_besides() {
    for (at, (change, code, words)) in WRONG.into_iter().enumerate() {
        let found = Case::with(change).judge();
        let [problem] = found.problems.as_slice() else {
            panic!("change {at}: {:?}", found.problems);
        };
        assert_eq!(problem.code, code, "{problem}");
        assert_eq!(problem.is_unknown(), code == "unknown", "{problem}");
        for word in words {
            assert!(problem.message.contains(word), "{word:?} is not in {problem}");
        }
        assert_eq!(problem.to_string(), format!("{}; {}", problem.message, problem.advice));
        assert!(problem.advice.len() > 10, "{problem}");
        assert_eq!(found.blue, None, "nothing may begin: {problem}");
        assert_eq!(found.notes, Vec::<String>::new(), "{problem}");
    }
}

#[test]
fn who_has_named_another_region_is_not_told_to_name_another_environment() {
    let found = Case::with(|case| {
        let cname = case.live().cname.clone().unwrap_or_default();
        case.live().cname = Some(cname.replace("eu-west-1", "eu-central-1"));
    })
    .judge();
    let advice = &found.problems[0].advice;
    for part in ["the region is eu-west-1", "set `region` to eu-central-1"] {
        assert!(advice.contains(part), "{advice}");
    }
}

/// What is no problem, though it looks like one.
const FINE: [(&str, Change); 9] = [
    ("nothing", |_| {}),
    ("a minor thing to look at", |case| {
        case.health().status = Some(HealthStatus::Info);
    }),
    ("health data just fresh enough", |case| {
        case.health().refreshed_at = Some(case.now - seconds(40));
    }),
    ("an old environment of that name on its way out", |case| {
        case.add(|other| other.status = EnvironmentStatus::Terminating);
    }),
    ("the same bundle under that label", |case| {
        case.version(super::plan::KEY, Processing::Underway);
    }),
    ("a recorded version of another bundle", |case| {
        case.recorded();
        case.version("another", Processing::Processed);
    }),
    ("a bucket of the region's own that is made when it is needed", |case| {
        case.bucket(false, true);
    }),
    ("a bucket of the user's", |case| case.bucket(true, false)),
    ("a quota that is just enough", |case| case.quota(Quota::Environments, 9)),
];

#[test]
fn what_only_looks_wrong_is_let_through() {
    for (what, change) in FINE {
        let found = Case::with(change).judge();
        assert_eq!(found.problems, Vec::new(), "{what}");
        assert_eq!(found.notes, Vec::<String>::new(), "{what}");
        let blue = found.blue.expect(what);
        assert_eq!((blue.id.as_str(), blue.name.as_str()), (BLUE, "shop-r6"));
        assert_eq!((blue.running, blue.min_instances, blue.max_instances), (2, 2, 4));
        assert_eq!(blue.version, Some("v1".into()));
        assert_eq!(blue.endpoint.as_deref(), Some("blue.elb"));
        assert_eq!(blue.account, "123456789012");
        assert!(blue.enhanced, "{what}");
    }
}

#[test]
fn what_cannot_be_proved_is_noted() {
    let found = Case::with(|case| case.basic(HealthColor::Green)).judge();
    assert_eq!(found.problems, Vec::new());
    assert!(
        found.notes.len() == 1 && found.notes[0].contains("basic health"),
        "{:?}",
        found.notes
    );
    let blue = found.blue.expect("it is live");
    assert!(!blue.enhanced);
    assert_eq!(
        blue.running, 1,
        "an environment that counts no instances has at least one"
    );
    let unread = Case::with(|case| case.plan.extensions.unread.push("x.config: no YAML".to_owned())).judge();
    assert!(
        unread.blue.is_some() && unread.notes[0].ends_with("x.config: no YAML"),
        "{unread:?}"
    );
    let found = Case::with(|case| case.plan.smoke.checks.clear()).judge();
    assert!(
        found.notes.len() == 1 && found.notes[0].contains("smoke"),
        "{:?}",
        found.notes
    );
    assert!(found.blue.is_some());
    let with_role = Case::with(|case| case.live().operations_role = Some("arn:role".to_owned())).judge();
    assert!(
        with_role.blue.is_some() && with_role.notes[0].contains("operations role arn:role"),
        "{with_role:?}"
    );
}

#[test]
fn what_of_the_smoke_checks_is_not_asked_in_the_bake_is_noted() {
    let orders = Case::with(|case| {
        case.plan.smoke.checks[0].method = "POST".to_owned();
        case.plan.bake_checks.clear();
    });
    let notes = orders.judge().notes.join("\n");
    assert!(
        notes.contains("POST / is asked before green has traffic and not in the bake"),
        "{notes}"
    );
    assert!(notes.contains("no check is asked in the bake"), "{notes}");
    let named = Case::with(|case| {
        case.plan.smoke.checks[0].method = "POST".to_owned();
        case.plan.bake.checks = case.plan.bake_checks.clone();
    });
    assert!(named.judge().notes.is_empty(), "who names checks has chosen");
}

#[test]
fn a_public_name_that_leads_nowhere_is_found_before_green_is_blamed_for_it() {
    let found = |addresses: Known<BTreeSet<IpAddr>>, change: fn(&mut Plan)| {
        let mut case = case();
        case.facts.public_addresses = addresses;
        change(&mut case.plan);
        let found = case.judge();
        let codes: Vec<_> = found.problems.iter().map(|problem| problem.code.clone()).collect();
        (codes, found.notes)
    };
    let nowhere = || Known::Known(BTreeSet::new());
    assert_eq!(found(nowhere(), |_| {}).0, ["public-url"]);
    assert_eq!(found(unread(), |_| {}).0, ["unknown"]);
    assert_eq!(
        found(nowhere(), |plan| plan.bake_checks.clear()).0,
        Vec::<String>::new()
    );
    let (problems, notes) = found(nowhere(), |plan| plan.even_if_unhealthy = true);
    assert_eq!(
        problems,
        Vec::<String>::new(),
        "nobody is kept on a bad version by that"
    );
    assert!(notes.iter().any(|note| note.contains("has no address")), "{notes:?}");
}

#[test]
fn a_public_name_that_may_not_go_along_is_noted() {
    let noted = |slot: Option<u8>| {
        let mut case = case();
        case.facts.slot_addresses = slot.map(|last| [IpAddr::from([10, 0, 0, last])].into());
        let found = case.judge();
        assert_eq!(found.problems, []);
        found
            .notes
            .iter()
            .any(|note| note.contains("cannot be seen, so see that it does"))
    };
    assert!(noted(Some(9)));
    assert!(!noted(Some(1)), "it has those of the slot's name");
    assert!(!noted(None), "it is the slot's name, or that could not be looked up");
}

#[test]
fn the_zone_that_was_found_is_the_releases() {
    let mut case = case_of(gradual(Lever::WeightedDns));
    known(&mut case.facts.split).zone = Some("Z1".to_owned());
    let blue = case.judge().blue.expect("nothing is in the way");
    assert_eq!(blue.zone.as_deref(), Some("Z1"));
    let zone_of = |plan: Plan, blue: Blue| {
        let run = Run::of(plan.clone(), 1);
        let notes = Vec::new();
        let started = run.release.clone();
        match run
            .then(
                started,
                Event::PreflightPassed {
                    blue: Box::new(blue),
                    notes,
                    absent_alarms: Box::default(),
                },
            )
            .plan
            .route
        {
            Some(Route::Records { zone, .. }) => zone,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(zone_of(case.plan.clone(), blue.clone()).as_deref(), Some("Z1"));
    let mut said = case.plan.clone();
    if let Some(Route::Records { zone, .. }) = &mut said.route {
        *zone = Some("Z7".to_owned());
    }
    assert_eq!(zone_of(said, blue.clone()).as_deref(), Some("Z7"), "it is set");
    // A journal of old does not say it.
    let mut old = serde_json::to_value(&blue).expect("it can be written");
    old.as_object_mut()
        .and_then(|blue| blue.remove("zone"))
        .expect("it is there");
    let old = serde_json::from_value(old).expect("it can be read");
    assert_eq!(zone_of(case.plan, old), None);
}

#[test]
fn a_name_that_ends_with_blue_is_noted() {
    let noted = |cname: &str| {
        let mut case = case_of(gradual(Lever::WeightedDns));
        case.live().cname = Some(cname.to_owned());
        let notes = case.judge().notes.join("\n");
        notes.contains(cname) && notes.contains("ends with it")
    };
    assert!(noted("shop.eu-west-1.elasticbeanstalk.com"));
    assert!(
        !noted("shop-r7.eba-x.eu-west-1.elasticbeanstalk.com"),
        "nobody was given that"
    );
}

#[test]
fn what_the_live_environment_fails_and_a_silent_endpoint_are_noted_and_refuse_nothing() {
    let asked = |passed: bool| ProbeResult {
        check: "GET /health".to_owned(),
        passed,
        status: Some(404),
        latency: Span::from_millis(3),
        address: None,
        failure: (!passed).then(|| "the answer is 404, not 200".to_owned()),
        unreached: false,
    };
    let notes = |checks: Known<Vec<ProbeResult>>, endpoint: Option<&str>, min_requests: u32| {
        let mut case = case();
        case.facts.blue_checks = checks;
        case.facts.endpoint_fault = endpoint.map(str::to_owned);
        case.plan.bake.min_requests = min_requests;
        let found = case.judge();
        assert_eq!(found.problems, Vec::new());
        assert!(found.blue.is_some());
        found.notes
    };
    assert_eq!(notes(Known::Known(vec![asked(true)]), None, 20), Vec::<String>::new());
    let failed = notes(Known::Known(vec![asked(true), asked(false)]), None, 20);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0].contains("e-blue") && failed[0].contains("GET /health: the answer is 404, not 200;"),
        "{failed:?}"
    );
    let hung = notes(unread(), None, 20);
    assert!(hung.len() == 1 && hung[0].contains("could not be asked"), "{hung:?}");
    let silent = notes(Known::Known(Vec::new()), Some("it answered 401"), 20);
    assert!(
        silent.len() == 1 && silent[0].contains("it answered 401") && silent[0].ends_with("no bake passes"),
        "{silent:?}"
    );
    let unneeded = notes(Known::Known(Vec::new()), Some("it answered 401"), 0);
    assert!(unneeded[0].ends_with("will not be judged"), "{unneeded:?}");
}

#[test]
fn all_problems_are_found_at_once() {
    let found = Case::with(|case| {
        case.facts.bundle.push("no Procfile".to_owned());
        case.live().status = EnvironmentStatus::Updating;
        case.settings().coupled_database = true;
        case.settings().shared_balancer = true;
        case.version("another", Processing::Processed);
        case.bucket(false, false);
        case.facts.quotas = unread();
    })
    .judge();
    let codes: Vec<_> = found.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "bundle",
            "live-busy",
            "database",
            "balancer",
            "version",
            "bucket",
            "unknown"
        ]
    );
}

#[test]
fn what_fails_for_the_same_reason_is_told_once() {
    // Without credentials nothing can be read, and without the application there is nothing else to say of it.
    let blind = Case::with(|case| {
        case.facts.identity = unread();
        case.facts.application = unread();
        case.facts.environments = unread();
        case.facts.quotas = unread();
    });
    assert_eq!(blind.judge().problems.len(), 1);
    let absent = Case::with(|case| {
        case.facts.application = Known::Known(false);
        case.facts.environments = Known::Known(Vec::new());
        case.facts.version = Known::Known(None);
    });
    assert_eq!(absent.judge().problems.len(), 1);
    // While the live environment is busy, its health says nothing.
    let busy = Case::with(|case| {
        case.live().status = EnvironmentStatus::Updating;
        case.health().status = Some(HealthStatus::Degraded);
    });
    assert_eq!(busy.judge().problems.len(), 1);
}

#[test]
fn causes_and_names_that_help_are_told() {
    let found = Case::with(|case| {
        case.health().status = Some(HealthStatus::Severe);
        case.health().causes = vec!["80 % of requests fail.".to_owned()];
    })
    .judge();
    assert!(
        found.problems[0].message.contains("Severe (80 % of requests fail.)"),
        "{:?}",
        found.problems
    );
    let found = Case::with(|case| case.live().cname = Some("elsewhere".to_owned())).judge();
    let advice = &found.problems[0].advice;
    assert!(
        advice.contains("elsewhere (shop-r6), shop-staging.eu-west-1"),
        "{advice}"
    );
    let found = Case::with(|case| known(&mut case.facts.environments).clear()).judge();
    assert!(
        found.problems[0].advice.ends_with("there are: none"),
        "{:?}",
        found.problems
    );
}

#[test]
fn what_could_not_be_read_is_read_again_for_two_minutes_and_what_is_wrong_is_not() {
    let mut run = Run::new(1);
    let wanted = looks(&run.release, run.world.now);
    let mut seen = run.world.observe(&run.release, &wanted);
    let began = run.release.started_at;
    let mut then = |facts: Option<Facts>, after: u64| {
        (seen.facts, seen.at) = (facts, began + seconds(after));
        decide(&run.release, &seen).then
    };
    // Health that stays fresh for as long as this takes.
    let facts = Case::with(|case| case.health().refreshed_at = Some(case.now + seconds(120))).facts;
    let unknown = Facts {
        quotas: unread(),
        ..facts.clone()
    };
    let wrong = Facts {
        quotas: unread(),
        application: Known::Known(false),
        ..facts.clone()
    };
    let waits = |then: &Then| matches!(then, Then::Wait { deadline, .. } if *deadline == began + seconds(120));
    let refuses = |then: &Then| matches!(then, Then::Record(Event::Refused { .. }));
    assert!(waits(&then(Some(unknown.clone()), 119)));
    assert!(refuses(&then(Some(unknown), 120)));
    assert!(refuses(&then(Some(wrong), 0)), "what is wrong stays wrong");
    assert!(waits(&then(None, 119)));
    let refused = |then: &Then| {
        matches!(
            then,
            Then::Finish {
                outcome: Outcome::Refused,
                ..
            }
        )
    };
    assert!(refused(&then(None, 120)));
    assert!(matches!(
        then(Some(facts), 90),
        Then::Record(Event::PreflightPassed { .. })
    ));
}
