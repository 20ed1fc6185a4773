//! From what `cutover.toml` says to the policy of the health engine.

use crate::model::Share;
use crate::release::CountedBy;
use crate::spec::{MetricsSource, ToleranceSpec, VerdictSpec};
use crate::verdict::{self, Learned, Lesson, Policy, Slo, Tolerance};

/// For how long latencies of a release's green do not count where nobody says otherwise, in seconds: caches are cold.
const WARM_UP_S: f64 = 20.0;

/// The policy that settings mean: the preset's values, and the user's in their place.
#[must_use]
pub fn policy(spec: &VerdictSpec) -> Policy {
    let preset = Policy::preset(spec.preset);
    let wish = spec.promote;
    let may_pass_early = wish.early.unwrap_or(true);
    let promotion = preset.promotion.filter(|_| may_pass_early).map(|mut promotion| {
        promotion.errors = tolerance(wish.errors, promotion.errors);
        promotion.latency_ratio = slower(wish.slower, promotion.latency_ratio);
        promotion.probe_rate = part(wish.failing_probes, promotion.probe_rate);
        promotion.risk = part(wish.risk, promotion.risk);
        if let Some(least) = wish.minimum_bake {
            promotion.minimum_bake_s = least.get().as_secs_f64();
        }
        promotion
    });
    Policy {
        false_rollbacks: part(spec.false_rollbacks, preset.false_rollbacks),
        errors: tolerance(spec.errors, preset.errors),
        client_errors: tolerance(spec.client_errors, preset.client_errors),
        latency_ratio: slower(spec.slower, preset.latency_ratio),
        learned_ratio: None,
        latency_absolute_ms: spec
            .slower_absolute
            .map_or(preset.latency_absolute_ms, |span| span.get().as_secs_f64() * 1000.0),
        latency_noise: part(spec.latency_noise, preset.latency_noise),
        warm_up_s: spec.warm_up.map_or(WARM_UP_S, |span| span.get().as_secs_f64()),
        probe_ceiling: preset.probe_ceiling,
        promotion,
        slo: Slo {
            error_rate: spec.slo.error_rate.map(Share::as_f64),
            p99_ms: spec.slo.p99.map(|span| span.get().as_secs_f64() * 1000.0),
        },
        at_deadline: spec.at_deadline.unwrap_or(preset.at_deadline),
        dispersion: preset.dispersion,
    }
}

/// The same with what earlier releases have shown, unless the settings want none of that.
pub(super) fn with_lessons(spec: &VerdictSpec, lessons: &[Lesson]) -> (Policy, Option<Learned>) {
    let policy = policy(spec);
    let learned = verdict::learned(lessons, &policy).filter(|_| spec.learn.unwrap_or(true));
    match learned {
        Some(learned) => (policy.with(&learned), Some(learned)),
        None => (policy, None),
    }
}

/// Who counts what both environments serve.
pub(super) fn counted_by(spec: &VerdictSpec) -> CountedBy {
    match (spec.counted_by(), &spec.endpoint) {
        (MetricsSource::TargetGroups, _) => CountedBy::TargetGroups,
        (MetricsSource::Endpoint, Some(endpoint)) => CountedBy::Endpoint(endpoint.clone()),
        (MetricsSource::Endpoint | MetricsSource::EnhancedHealth, _) => CountedBy::EnhancedHealth,
    }
}

fn part(share: Option<Share>, otherwise: f64) -> f64 {
    share.map_or(otherwise, Share::as_f64)
}

fn slower(share: Option<Share>, otherwise: f64) -> f64 {
    share.map_or(otherwise, |share| 1.0 + share.as_f64())
}

fn tolerance(wish: ToleranceSpec, otherwise: Tolerance) -> Tolerance {
    Tolerance {
        ratio: wish.ratio.unwrap_or(otherwise.ratio),
        absolute: part(wish.absolute, otherwise.absolute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;
    use crate::verdict::{AtDeadline, Preset};

    fn of(lines: &str) -> Policy {
        let text = format!("application = \"shop\"\ncname = \"shop\"\n{lines}");
        policy(&Spec::parse("cutover.toml", &text).unwrap().verdict)
    }

    #[test]
    fn what_a_file_does_not_say_the_preset_says() {
        for (lines, preset) in [
            ("", Preset::Standard),
            ("verdict.preset = \"strict\"", Preset::Strict),
            ("verdict.preset = \"patient\"", Preset::Patient),
        ] {
            // Windows that somebody measured elsewhere are taken as they are; in a release green's first ones are of cold caches.
            let expected = Policy {
                warm_up_s: 20.0,
                ..Policy::preset(preset)
            };
            assert_eq!(of(lines), expected);
        }
        assert_eq!(of("verdict.warm_up = \"0s\"").warm_up_s, 0.0);
    }

    #[test]
    fn earlier_releases_narrow_what_is_allowed_unless_nobody_wants_that() {
        let spec = |lines: &str| {
            let text = format!("application = \"shop\"\ncname = \"shop\"\n{lines}");
            Spec::parse("cutover.toml", &text).unwrap().verdict
        };
        let lesson = Lesson {
            windows: 60,
            difference: 0.01,
            dispersion: 3.0,
        };
        let (policy, learned) = with_lessons(&spec(""), &[lesson; 5]);
        let learned = learned.expect("five releases are enough");
        assert_eq!((learned.releases, learned.allowed), (5, 1.1));
        assert_eq!(
            (policy.learned_ratio, policy.dispersion),
            (Some(learned.latency_ratio), 3.0)
        );
        assert!(
            learned.latency_ratio < 1.05 && policy.latency_ratio > 1.05,
            "{policy:?}"
        );
        for (lines, lessons) in [("", 2), ("verdict.learn = false", 5)] {
            let untouched = with_lessons(&spec(lines), &vec![lesson; lessons]);
            assert_eq!(untouched, (of(lines), None), "{lines}");
        }
    }

    #[test]
    fn what_a_file_says_holds() {
        let policy = of(
            "[verdict]\npreset = \"patient\"\nfalse_rollbacks = \"0.5%\"\nerrors.absolute = \"0.02%\"\n\
             client_errors.ratio = 3\nslower = \"8%\"\nslower_absolute = \"3ms\"\nlatency_noise = \"4%\"\nwarm_up = \"30s\"\nat_deadline = \"roll_back\"\n\
             [verdict.promote]\nerrors.ratio = 1.4\nslower = \"12%\"\nfailing_probes = \"2%\"\nminimum_bake = \"20m\"\nrisk = \"2%\"\n\
             [verdict.slo]\nerror_rate = \"2%\"\np99 = \"800ms\"\n",
        );
        let patient = Policy::preset(Preset::Patient);
        let before = patient.promotion.unwrap();
        let promotion = policy.promotion.unwrap();
        assert_eq!(
            (policy.errors.ratio, policy.errors.absolute),
            (patient.errors.ratio, 0.0002)
        );
        assert_eq!(
            (policy.client_errors.ratio, policy.client_errors.absolute),
            (3.0, patient.client_errors.absolute)
        );
        assert_eq!(
            (policy.false_rollbacks, policy.latency_ratio, policy.latency_noise),
            (0.005, 1.08, 0.04)
        );
        assert_eq!(policy.latency_absolute_ms, 3.0);
        assert_eq!((policy.warm_up_s, policy.at_deadline), (30.0, AtDeadline::RollBack));
        assert_eq!((policy.slo.error_rate, policy.slo.p99_ms), (Some(0.02), Some(800.0)));
        assert_eq!(
            (promotion.errors.ratio, promotion.errors.absolute),
            (1.4, before.errors.absolute)
        );
        assert_eq!((promotion.latency_ratio, promotion.probe_rate), (1.12, 0.02));
        assert_eq!((promotion.minimum_bake_s, promotion.risk), (1200.0, 0.02));
        assert_eq!(of("verdict.promote.early = false").promotion, None);
    }
}
