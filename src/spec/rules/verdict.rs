//! Rules for how green is judged.

use super::{Findings, times};
use crate::model::Share;
use crate::spec::document::Place;
use crate::spec::{Spec, ToleranceSpec};

/// More would be a load of its own.
const MOST_PROBES: f64 = 50.0;

/// Fewer than one in a quarter of an hour say nothing of a bake.
const LEAST_PROBES: f64 = 0.001;

/// More is no comparison any more.
const LARGEST_RATIO: f64 = 100.0;

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    let verdict = &spec.verdict;
    for (keys, tolerance) in [
        (["errors"].as_slice(), verdict.errors),
        (&["client_errors"], verdict.client_errors),
        (&["promote", "errors"], verdict.promote.errors),
    ] {
        let place = keys.iter().fold(Place::of(&["verdict"]), |place, key| place.key(key));
        ratio(&place, tolerance, findings);
    }
    for (keys, span, may_be_zero) in [
        (["warm_up"].as_slice(), verdict.warm_up, true),
        (&["promote", "minimum_bake"], verdict.promote.minimum_bake, true),
        (&["slower_absolute"], verdict.slower_absolute, true),
        (&["slo", "p99"], verdict.slo.p99, false),
    ] {
        if let Some(span) = span {
            let place = keys.iter().fold(Place::of(&["verdict"]), |place, key| place.key(key));
            times::length(&place, span, may_be_zero, findings);
        }
    }
    let probes = spec.bake.probes_per_second;
    if !(0.0..=MOST_PROBES).contains(&probes) {
        let place = Place::of(&["bake", "probes_per_second"]);
        findings.add(
            &place,
            format!("`{place}` must be at least 0 and at most {MOST_PROBES}"),
            "write how many requests a second each environment can bear beside those of its users, or 0 for none",
        );
    }
    if probes > 0.0 && probes < LEAST_PROBES {
        let place = Place::of(&["bake", "probes_per_second"]);
        findings.add(
            &place,
            format!("`{place}` is less than {LEAST_PROBES}"),
            "with so few requests nothing is seen: write 0 for none, or for example 0.1 for one in ten seconds",
        );
    }
    if spec.bake.holdback.is_some_and(Share::is_whole) {
        let place = Place::of(&["bake", "holdback"]);
        findings.add(
            &place,
            format!("`{place}` leaves green nothing"),
            "write how much of the traffic blue keeps for comparison, such as \"10%\", or \"0%\" for nothing",
        );
    }
    for (keys, share, most) in [
        (["false_rollbacks"].as_slice(), verdict.false_rollbacks, 10),
        (&["promote", "risk"], verdict.promote.risk, 50),
    ] {
        if share.is_some_and(|share| share > Share::percent(most)) {
            let place = keys.iter().fold(Place::of(&["verdict"]), |place, key| place.key(key));
            findings.add(
                &place,
                format!("`{place}` is more than {most}%"),
                "a verdict that is wrong so often is none: write a smaller share, such as \"1%\"",
            );
        }
    }
}

fn ratio(place: &Place, tolerance: ToleranceSpec, findings: &mut Findings<'_>) {
    if tolerance
        .ratio
        .is_some_and(|ratio| !(1.0..=LARGEST_RATIO).contains(&ratio))
    {
        let place = place.key("ratio");
        findings.add(
            &place,
            format!("`{place}` must be at least 1 and at most {LARGEST_RATIO}"),
            "write how many times blue's rate green's may be: 1.1 allows a tenth more",
        );
    }
}
