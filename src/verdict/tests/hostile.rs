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
fn any_numbers_beside_any_others_are_judged() {
    let numbers = [
        0.0,
        0.3,
        1.0,
        2.0,
        7.5,
        19.0,
        60.0,
        199.0,
        250.0,
        5000.0,
        1e6,
        1e9,
        1e13,
        -1.0,
        f64::NAN,
        f64::INFINITY,
    ];
    let mut turn = 0;
    let mut next = || {
        turn += 1;
        let drawn = ((wobble(turn) + 1.0) * 0.5 * (numbers.len() + 4) as f64) as usize;
        // What is unknown is as frequent as four numbers.
        numbers.get(drawn).copied()
    };
    let mut told = 0;
    for at in 0..300 {
        let mut judge = Judge::new(Policy {
            slo: Slo {
                error_rate: Some(0.1),
                p99_ms: Some(500.0),
            },
            ..Policy::default()
        });
        for nth in 0..60 {
            let mut window = window(
                f64::from(nth + 1) * 30.0,
                u32::from(nth >= 5 + at % 3),
                (0.0, 0.0),
                (0.0, 0.0),
            );
            for arm in [&mut window.blue, &mut window.green] {
                arm.requests = next();
                // Half of them are never suspected, so that it is asked what speaks for them.
                if at % 2 == 0 {
                    (arm.errors, arm.client_errors) = (next(), next());
                }
                arm.own.requests = next().unwrap_or(0.0);
                arm.own.failures = next().unwrap_or(0.0);
                let points: [Option<f64>; 5] = std::array::from_fn(|_| next());
                let sample = points.iter().flatten().copied().cycle().take(at as usize).collect();
                arm.latency = match nth % 3 {
                    0 => Latency::Percentiles([Some(80.0), points[1], Some(196.0), points[3], Some(408.0)]),
                    1 => Latency::Percentiles(points),
                    _ if at % 2 == 0 => Latency::Samples(sample),
                    _ => percentiles(80.0, 1.0),
                };
                arm.probes = next().map(|requests| Probes {
                    requests,
                    failures: next().filter(|_| at % 2 == 0).unwrap_or(0.0),
                    latencies_ms: vec![next().unwrap_or(1.0)],
                });
            }
            let verdict = judge.window(&window);
            told += verdict.to_string().len();
            assert!(
                verdict.evidence.is_none_or(|evidence| evidence.e_value.is_finite()),
                "{verdict}: {window:?}"
            );
        }
    }
    assert!(told > 0);
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
