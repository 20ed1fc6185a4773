//! cutover's own requests among those that a source counts: they are no users.

use super::*;
use crate::verdict::latency::{Curve, Gaps, compare, compare_strictly, tell};

/// The same release with so many of cutover's own requests in each window of either arm, all of which take that long. Percentiles are
/// those of users and of them together.
fn probed(share: f64, users: f64, own: f64, own_ms: f64, green_ratio: f64) -> Vec<Window> {
    release(share, move |at, window| {
        let after = at >= 30;
        let part = if after { share } else { 0.0 };
        let medians = [1.0, if after { green_ratio } else { 1.0 }];
        for ((arm, part), ratio) in [&mut window.blue, &mut window.green]
            .into_iter()
            .zip([1.0 - part, part])
            .zip(medians)
        {
            let own = if after { own } else { 0.0 };
            let mut all: Vec<f64> = vec![own_ms * ratio.max(1.0); own as usize];
            let n = (users * part).round();
            // Evenly spread over a lognormal service of 80 ms, moved a little from window to window.
            let middle = 80.0 * ratio * (1.0 + 0.03 * wobble(at * 2 + part.to_bits() as u32));
            all.extend((0..n as u32).map(|nth| {
                let q = (f64::from(nth) + 0.5) / n;
                middle * (0.7 * crate::verdict::math::normal_quantile(q)).exp()
            }));
            all.sort_by(f64::total_cmp);
            let point = |q: f64| all.get((q * all.len() as f64) as usize).copied();
            arm.requests = Some(n + own);
            arm.errors = Some(0.0);
            arm.latency = Latency::Percentiles([0.5, 0.75, 0.9, 0.95, 0.99].map(point));
            arm.own = Own {
                requests: own,
                failures: 0.0,
            };
            let one = |nth: u32| own_ms * ratio.max(1.0) * (1.0 + 0.05 * wobble(at * 31 + nth + part.to_bits() as u32));
            arm.probes = (own > 0.0).then(|| Probes {
                requests: own,
                failures: 0.0,
                latencies_ms: (0..own as u32).map(one).collect(),
            });
        }
    })
}

#[test]
fn a_good_green_is_kept_however_quick_or_slow_the_checks_are() {
    for own_ms in [3.0, 80.0, 900.0] {
        for (share, users) in [(0.05, 500.0), (0.05, 5000.0), (0.5, 200.0), (0.9, 200.0)] {
            undecided(&hold(), &probed(share, users, 20.0, own_ms, 1.0));
        }
    }
    // Without knowing which they are, one would go back: a check that takes 900 ms is a tail of green's alone.
    let mut blind = probed(0.05, 5000.0, 20.0, 900.0, 1.0);
    for window in &mut blind {
        (window.blue.own, window.green.own) = Default::default();
    }
    assert!(decided(&hold(), &blind).is_some());
}

#[test]
fn a_slow_green_is_found_among_them_all_the_same() {
    // Half of the traffic, of which our own requests are a part.
    let (_, verdict) = decided(&hold(), &probed(0.5, 500.0, 20.0, 3.0, 2.0)).expect("it is twice as slow");
    assert_eq!(verdict.evidence.unwrap().metric, Metric::Latency);
    // Of a twentieth there are too few users.
    undecided(&hold(), &probed(0.05, 300.0, 20.0, 60.0, 2.0));
}

#[test]
fn they_do_not_let_a_slow_green_pass_early() {
    // A sixth of all in each window are quick checks: that green is half as slow again cannot be seen, and not that it is not, either.
    undecided(&Policy::default(), &probed(0.5, 200.0, 20.0, 3.0, 1.5));
    // Among many users they hide little.
    let (_, verdict) = decided(&Policy::default(), &probed(0.5, 5000.0, 20.0, 3.0, 1.0)).expect("it is as quick");
    assert_eq!(verdict.decision, Decision::Healthy, "{verdict}");
}

#[test]
fn what_they_may_hide_is_no_lesson() {
    let windows = |own: f64| {
        let mut judge = Judge::new(hold());
        let windows = release(0.5, |at, window| {
            if at >= 30 {
                (window.blue.own.requests, window.green.own.requests) = (own, own);
            }
        });
        for window in &windows {
            judge.window(window);
        }
        judge.lesson().windows
    };
    assert_eq!((windows(0.0), windows(1.0)), (180, 180));
    assert_eq!(windows(200.0), 0);
}

#[test]
fn they_neither_hide_errors_nor_add_some() {
    let mut arm = Arm {
        requests: Some(45.0),
        errors: Some(7.0),
        client_errors: Some(3.0),
        own: Own {
            requests: 20.0,
            failures: 2.0,
        },
        ..Arm::default()
    };
    let count = |arm: &Arm| arm.errors().map(|count| (count.n, count.k));
    assert_eq!(count(&arm), Some((25.0, 5.0)));
    assert_eq!(arm.client_errors().map(|count| (count.n, count.k)), Some((25.0, 3.0)));
    assert_eq!(arm.requests(), 25.0);
    // More of ours failed than were counted, and a remainder that may be ours as well.
    arm.own.failures = 9.0;
    assert_eq!(count(&arm), Some((25.0, 0.0)));
    arm.requests = Some(22.0);
    assert_eq!((count(&arm), arm.requests()), (Some((0.0, 0.0)), 0.0));
    // But a failure that is not ours is a user's.
    arm.own.failures = 5.0;
    assert_eq!(count(&arm), Some((2.0, 2.0)));
    arm.requests = Some(23.0);
    assert_eq!(arm.requests(), 3.0);
    for wrong in [f64::NAN, -5.0] {
        arm.own.requests = wrong;
        assert_eq!(arm.requests(), 23.0, "{wrong}");
    }
}

#[test]
fn percentiles_say_what_they_must_whatever_our_own_requests_were() {
    let curve = |n: f64, own: f64, p50: f64, p75: f64| Curve {
        n,
        own,
        points: [Some(p50), Some(p75), None, None, None],
    };
    let by = |compared: fn(Curve, Curve, f64) -> Gaps, own: f64, ratio: f64| {
        compared(
            curve(500.0, own, 80.0 * ratio, 130.0 * ratio),
            curve(500.0, 0.0, 80.0, 130.0),
            0.0,
        )
        .whole
        .map(|gap| gap.difference)
    };
    let gap = |own: f64, ratio: f64| by(compare, own, ratio);
    assert!((gap(0.0, 1.5).unwrap() - 1.5f64.ln()).abs() < 1e-9);
    let less = gap(0.05, 1.5).unwrap();
    assert!(less > 0.2 && less < 1.5f64.ln(), "{less}");
    assert_eq!(gap(0.05, 1.01), Some(0.0), "that may be ours");
    // What speaks for green must hold whatever they hide.
    let strictly = |own: f64, ratio: f64| by(compare_strictly, own, ratio).unwrap();
    assert!((strictly(0.0, 1.5) - 1.5f64.ln()).abs() < 1e-9);
    let more = strictly(0.05, 1.5) - 1.5f64.ln();
    assert!((0.02..0.1).contains(&more), "{more}");
    assert!(strictly(0.05, 1.01) > 0.02);
    // Nobody gets slower by it.
    assert!((gap(0.05, 0.8).unwrap() - 0.8f64.ln()).abs() < 1e-9);
    assert!(
        !tell(curve(500.0, 0.5, 1.0, 2.0), curve(500.0, 0.0, 1.0, 2.0)),
        "all of the quicker half may be ours"
    );
    assert!(tell(curve(500.0, 0.49, 1.0, 2.0), curve(500.0, 0.49, 1.0, 2.0)));
}

#[test]
fn a_promised_latency_is_held_against_green_alone() {
    let mut policy = hold();
    policy.slo.p99_ms = Some(300.0);
    let alone = release(1.0, |_, window| window.blue.latency = Latency::Unknown);
    let (_, verdict) = decided(&policy, &alone).expect("408 ms are more than 300");
    assert!(matches!(verdict.why, Why::SloLatency { .. }), "{verdict}");
    policy.slo.p99_ms = Some(600.0);
    undecided(&policy, &alone);
    // Among our own requests a percentile below it speaks for it: users' slowest hundredth is at least as slow as that.
    let with_own = |own: f64, p95: f64| {
        release(1.0, move |_, window| {
            window.blue.latency = Latency::Unknown;
            window.green.own.requests = 5000.0 * own;
            window.green.latency = Latency::Percentiles([Some(80.0), None, Some(196.0), Some(p95), Some(4000.0)]);
        })
    };
    undecided(&policy, &with_own(0.02, 250.0));
    assert!(decided(&policy, &with_own(0.02, 900.0)).is_some());
    undecided(&policy, &with_own(0.06, 900.0));
}
