//! Numbers that cannot be true, and such that can hardly be.

use super::*;

#[test]
fn numbers_that_cannot_be_true_are_unknown() {
    let clean = release(0.25, |_, window| {
        window.green.errors = None;
        window.green.latency = Latency::Unknown;
    });
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
        let broken = release(0.25, |_, window| {
            window.green.errors = Some(wrong);
            window.green.latency = Latency::Percentiles([Some(wrong), Some(0.0), Some(-wrong), None, Some(wrong)]);
            window.green.client_errors = Some(wrong);
            window.green.probes = Some(Probes {
                requests: wrong,
                failures: wrong,
                latencies_ms: vec![wrong, wrong],
            });
            window.green.instances = vec![
                Instance {
                    id: "i-1".to_owned(),
                    requests: Some(wrong),
                    errors: Some(wrong),
                    healthy: None,
                };
                4
            ];
        });
        let verdict = undecided(&Policy::default(), &broken);
        assert!(
            verdict.evidence.is_none_or(|evidence| evidence.e_value.is_finite()),
            "{wrong}: {verdict}"
        );
        let known = undecided(&Policy::default(), &clean);
        assert_eq!(verdict.decision, known.decision);
    }
    let mut judge = Judge::new(Policy::default());
    for end_s in [f64::NAN, f64::INFINITY] {
        let verdict = judge.window(&window(end_s, 1, (10.0, 0.0), (10.0, 10.0)));
        assert_eq!(verdict.decision, Decision::Insufficient);
    }
}

#[test]
fn huge_counts_are_counts() {
    let n = 1e9;
    let good: Vec<Window> = (0..200)
        .map(|at| {
            let errors = (n * 1e-3 * (1.0 + 1e-5 * wobble(at))).round();
            window(f64::from(at + 1) * 10.0, u32::from(at >= 30), (n, errors), (n, errors))
        })
        .collect();
    undecided(&hold(), &good);
    let bad: Vec<Window> = (0..200)
        .map(|at| window(f64::from(at + 1) * 10.0, u32::from(at >= 30), (n, 1e6), (n, 2e6)))
        .collect();
    assert_eq!(decided(&hold(), &bad).unwrap().0, 320.0);
}

#[test]
fn empty_windows_say_nothing() {
    let silent: Vec<Window> = (0..500)
        .map(|at| window(f64::from(at + 1) * 10.0, u32::from(at >= 30), (0.0, 0.0), (0.0, 0.0)))
        .collect();
    assert_eq!(undecided(&Policy::default(), &silent).why, Why::NoTraffic);
    // A few of them in between change nothing of what the others say.
    let gaps = release(0.05, |at, window| {
        if at % 3 == 0 {
            (window.blue, window.green) = (Arm::default(), Arm::default());
        }
    });
    let verdict = undecided(&hold(), &gaps);
    assert!(verdict.evidence.unwrap().e_value < 10.0, "{verdict}");
}

#[test]
fn the_arms_are_not_alike() {
    // What would be a rollback with the arms exchanged speaks for green.
    let worse = release(0.5, |at, window| {
        if at >= 30 {
            window.green.errors = Some(25.0);
        }
    });
    let better = release(0.5, |at, window| {
        if at >= 30 {
            window.blue.errors = Some(25.0);
        }
    });
    assert_eq!(decided(&hold(), &worse).unwrap().1.decision, Decision::Unhealthy);
    let verdict = undecided(&hold(), &better);
    assert!(verdict.evidence.unwrap().e_value < 1.0, "{verdict}");
}
