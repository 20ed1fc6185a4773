//! Rules for lengths of time and for counts.

use super::Findings;
use crate::model::{HealthStatus, Span};
use crate::spec::Spec;
use crate::spec::document::Place;

/// Nothing in a release takes longer than that, and sums of a few of these cannot overflow.
const LONGEST: Span = Span::from_secs(366 * 24 * 60 * 60);

/// More rounds than that are a mistake.
const MOST: u32 = 10_000;

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    lengths(spec, findings);
    counts(spec, findings);
    relations(spec, findings);
    health(spec, findings);
}

fn lengths(spec: &Spec, findings: &mut Findings<'_>) {
    let (provision, smoke, bake, drain) = (&spec.provision, &spec.smoke, &spec.bake, &spec.drain);
    for (table, key, span, may_be_zero) in [
        ("provision", "deadline", provision.deadline, false),
        ("provision", "stable", provision.stable, true),
        ("provision", "max_age", provision.max_age, false),
        ("provision", "interval", provision.interval, false),
        ("smoke", "interval", smoke.interval, false),
        ("smoke", "deadline", smoke.deadline, false),
        ("bake", "duration", bake.duration, false),
        ("drill", "bake", spec.drill.bake, false),
        ("drill", "objective", spec.drill.objective, false),
        ("bake", "interval", bake.interval, false),
        ("bake", "deadline", bake.deadline, false),
        ("drain", "dns_ttl", drain.dns_ttl, true),
        ("drain", "quiet", drain.quiet, true),
        ("drain", "deadline", drain.deadline, false),
        ("retire", "warm", spec.retire.warm, true),
        ("rollback", "keep_green", spec.rollback.keep_green, true),
    ] {
        length(&Place::of(&[table, key]), span, may_be_zero, findings);
    }
}

pub(super) fn length(place: &Place, span: Span, may_be_zero: bool, findings: &mut Findings<'_>) {
    if span == Span::default() && !may_be_zero {
        findings.add(
            place,
            format!("`{place}` must not be zero"),
            "write a length of time such as \"10s\" or \"5m\"",
        );
    } else if span > LONGEST {
        findings.add(
            place,
            format!("`{place}` is longer than 366 days"),
            "write a length of time such as \"10s\" or \"5m\"",
        );
    }
}

fn counts(spec: &Spec, findings: &mut Findings<'_>) {
    for (table, key, count) in [
        ("smoke", "successes", spec.smoke.successes),
        ("bake", "fail", spec.bake.fail),
        ("bake", "recover", spec.bake.recover),
        ("drain", "factor", spec.drain.factor),
    ] {
        if !(1..=MOST).contains(&count) {
            let place = Place::of(&[table, key]);
            findings.add(
                &place,
                format!("`{place}` must be 1 or more, and at most {MOST}"),
                "small numbers such as 2 or 3 do well",
            );
        }
    }
}

fn relations(spec: &Spec, findings: &mut Findings<'_>) {
    let (provision, smoke, bake, drain) = (&spec.provision, &spec.smoke, &spec.bake, &spec.drain);
    for (table, key, span, limit_key, limit, may_be_equal) in [
        (
            "provision",
            "stable",
            provision.stable,
            "deadline",
            provision.deadline,
            false,
        ),
        (
            "provision",
            "interval",
            provision.interval,
            "deadline",
            provision.deadline,
            false,
        ),
        ("smoke", "interval", smoke.interval, "deadline", smoke.deadline, false),
        ("bake", "interval", bake.interval, "duration", bake.duration, true),
        ("bake", "interval", bake.interval, "deadline", bake.deadline, true),
        ("drain", "quiet", drain.quiet, "deadline", drain.deadline, false),
    ] {
        let holds = if may_be_equal { span <= limit } else { span < limit };
        // A limit of zero has been reported already.
        if holds || limit == Span::default() {
            continue;
        }
        let (place, limit_place) = (Place::of(&[table, key]), Place::of(&[table, limit_key]));
        if findings.intact(&[&place, &limit_place]) {
            let than = if may_be_equal {
                "must not be longer than"
            } else {
                "must be shorter than"
            };
            let both = format!("`{place}` ({span}) {than} `{limit_place}` ({limit})");
            let help = "set both; what the file does not say has a default";
            findings.add(findings.named(&place, &limit_place), both, help);
        }
    }
    let (interval, successes, deadline) = (
        Place::of(&["smoke", "interval"]),
        Place::of(&["smoke", "successes"]),
        Place::of(&["smoke", "deadline"]),
    );
    let rounds = smoke.interval.get().saturating_mul(smoke.successes.saturating_sub(1));
    let reported = smoke.interval >= smoke.deadline || smoke.successes > MOST;
    if rounds >= smoke.deadline.get() && !reported && findings.intact(&[&interval, &successes, &deadline]) {
        findings.add(
            findings.named(&successes, findings.named(&interval, &deadline)),
            format!(
                "{} rounds of smoke checks every {} cannot end before `smoke.deadline` ({})",
                smoke.successes, smoke.interval, smoke.deadline
            ),
            "ask for fewer rounds, or make the deadline longer",
        );
    }
}

fn health(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["provision", "health"]);
    if spec.provision.health.is_empty() && !findings.lost_element(&place) {
        findings.add(
            &place,
            "`provision.health` is empty: green could never come up",
            "write [\"Ok\"]",
        );
    }
    for (index, status) in spec.provision.health.iter().enumerate() {
        let says_nothing = matches!(
            status,
            HealthStatus::Unknown | HealthStatus::NoData | HealthStatus::Pending | HealthStatus::Suspended
        );
        if says_nothing {
            findings.add(
                &place.index(index),
                format!("health `{status}` says nothing about green"),
                "silence is not health: write [\"Ok\"], or [\"Ok\", \"Info\"] if green may still be busy",
            );
        }
    }
}
