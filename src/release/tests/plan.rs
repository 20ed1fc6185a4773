//! The release that the model world sees: the real settings, with times that are short enough to try thousands.

use crate::model::{ReleaseNumber, Share, Span, Timestamp};
use crate::release::{
    Blue, Entry, Event, Extensions, FORMAT, Overridden, Plan, Release, ReleaseId, Route, Slot, Source, Writer, apply,
};
use crate::spec::{
    AtDrainDeadline, BakeSpec, Check, DrainSpec, ForeignSpec, Lever, ProvisionSpec, RetireSpec, RollbackSpec,
    SmokeSpec, StepSpec,
};

pub(super) const SLOT: &str = "shop.eu-west-1.elasticbeanstalk.com";
pub(super) const KEY: &str = "cutover/shop/0123.zip";

pub(crate) fn plan() -> Plan {
    Plan {
        id: ReleaseId {
            slot: Slot {
                application: "shop".into(),
                name: "production".into(),
            },
            number: ReleaseNumber(7),
        },
        lever: Lever::CnameSwap,
        slot_cname: SLOT.to_owned(),
        route: None,
        steps: Vec::new(),
        public_url: format!("http://{SLOT}/"),
        version_label: "v2".into(),
        source: Source::Bundle {
            sha256: "0123".to_owned(),
            size: 1,
            bucket: None,
            key: KEY.to_owned(),
            file: "shop.zip".to_owned(),
            folder: None,
        },
        green_name: "shop-r7".into(),
        min_instances: None,
        max_instances: None,
        mark: String::new(),
        tags: std::collections::BTreeMap::new(),
        extensions: Extensions::default(),
        overrides_digest: None,
        overridden: Overridden::default(),
        provision: ProvisionSpec {
            deadline: Span::from_secs(300),
            stable: Span::from_secs(20),
            max_age: Span::from_secs(40),
            interval: Span::from_secs(10),
            ..ProvisionSpec::default()
        },
        smoke: SmokeSpec {
            checks: vec![Check::default()],
            successes: 2,
            interval: Span::from_secs(2),
            deadline: Span::from_secs(60),
        },
        bake: BakeSpec {
            duration: Span::from_secs(60),
            interval: Span::from_secs(10),
            fail: 2,
            recover: 3,
            holdback: None,
            deadline: Span::from_secs(600),
            min_requests: 2,
            replace_instances: 1,
            probes_per_second: 2.0,
            checks: Vec::new(),
        },
        bake_checks: vec![Check::default()],
        drain: DrainSpec {
            dns_ttl: Span::from_secs(20),
            factor: 2,
            quiet: Span::from_secs(20),
            deadline: Span::from_secs(300),
            at_deadline: AtDrainDeadline::Keep,
        },
        retire: RetireSpec {
            warm: Span::from_secs(60),
            keep_versions: 20,
        },
        rollback: RollbackSpec {
            keep_green: Span::from_secs(60),
            hold_blue: true,
        },
        even_if_unhealthy: false,
        origin: None,
        drill: None,
        verdict: crate::verdict::Policy::default(),
        counted_by: crate::release::CountedBy::default(),
        learned: None,
        lessons: Vec::new(),
        alarms: Vec::new(),
        gates: Vec::new(),
        foreign: ForeignSpec::default(),
    }
}

/// The first entry of a release.
pub(crate) fn first_entry(plan: Plan) -> Entry {
    let at = Timestamp::from_millis(1_000_000);
    Entry {
        format: FORMAT,
        release: plan.id.clone(),
        sequence: 1,
        at,
        writer: Writer {
            host: "here".to_owned(),
            process: 4711,
            run: "run".to_owned(),
            machine: None,
            user: None,
        },
        nonce: "first".to_owned(),
        owned_until: at + std::time::Duration::from_secs(60),
        event: Event::Started { plan: Box::new(plan) },
    }
}

/// The live environment.
pub(crate) fn blue() -> Blue {
    Blue {
        id: "e-blue".into(),
        name: "blue".into(),
        version: Some("v1".into()),
        endpoint: Some("blue.example".to_owned()),
        running: 1,
        min_instances: 1,
        max_instances: 1,
        enhanced: true,
        account: "1".to_owned(),
        cname: None,
        weights: crate::traffic::Originals::new(),
        group: None,
        health: None,
        group_limits: None,
        zone: None,
        records: crate::traffic::OwnRecords::new(),
    }
}

/// A release that has just begun.
pub(crate) fn release(plan: Plan) -> Release {
    apply(None, &first_entry(plan)).expect("a release can begin")
}

/// The same release with a lever that has weights, in three steps.
pub(crate) fn gradual(lever: Lever) -> Plan {
    let step = |percent, seconds| StepSpec {
        share: Share::percent(percent),
        bake: Some(Span::from_secs(seconds)),
        checks: Vec::new(),
    };
    Plan {
        lever,
        slot_cname: "www.example.com".to_owned(),
        public_url: "http://www.example.com/".to_owned(),
        route: Some(match lever {
            Lever::WeightedTargetGroups => Route::Rules {
                arns: vec!["1".to_owned(), "2".to_owned()],
            },
            _ => Route::Records {
                name: "www.example.com.".to_owned(),
                zone: None,
            },
        }),
        steps: vec![step(5, 30), step(50, 30), step(100, 60)],
        ..plan()
    }
}
