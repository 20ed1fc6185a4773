//! Tests of the whole engine.

mod fair;
mod hostile;
mod own;
mod promotes;
mod quiet;
mod resume;
mod rough;
mod values;
mod verdicts;
mod words;

use super::*;

/// A window of ten seconds that ends then: requests and errors of blue, and of green.
fn window(end_s: f64, step: u32, blue: (f64, f64), green: (f64, f64)) -> Window {
    let arm = |(requests, errors)| Arm {
        requests: Some(requests),
        errors: Some(errors),
        ..Arm::default()
    };
    Window {
        begin_s: end_s - 10.0,
        end_s,
        step,
        blue: arm(blue),
        green: arm(green),
    }
}

/// Percentiles of a lognormal service: the median, and how much slower the slowest hundredth is than usual.
fn percentiles(median: f64, tail: f64) -> Latency {
    Latency::Percentiles([Some(median), None, Some(median * 2.45), None, Some(median * 5.1 * tail)])
}

/// Small deviations that look like chance and are the same in every run: between -1 and 1.
fn wobble(at: u32) -> f64 {
    f64::from(at.wrapping_mul(2_654_435_761) >> 16) / 32_768.0 - 1.0
}

/// A service of 500 requests a second with 0.1 % of errors, of which green gets a part from 300 s on, for 1800 s. `change` makes
/// what is to be tested.
fn release(share: f64, change: impl Fn(u32, &mut Window)) -> Vec<Window> {
    (0..210)
        .map(|at| {
            let step = u32::from(at >= 30);
            let part = if step == 1 { share } else { 0.0 };
            let n = 5000.0;
            let errors = (5.0 + 2.0 * wobble(at)).round();
            let green_errors = (errors * part + 0.5 * wobble(at + 1000)).round().clamp(0.0, errors);
            let mut window = window(
                f64::from(at + 1) * 10.0,
                step,
                (n * (1.0 - part), errors - green_errors),
                (n * part, green_errors),
            );
            let common = 80.0 * (1.0 + 0.1 * wobble(at + 2000));
            window.blue.latency = percentiles(common * (1.0 + 0.03 * wobble(at + 3000)), 1.0);
            window.green.latency = percentiles(common * (1.0 + 0.03 * wobble(at + 4000)), 1.0);
            change(at, &mut window);
            window
        })
        .collect()
}

/// The first verdict that decides, and when.
fn decided(policy: &Policy, windows: &[Window]) -> Option<(f64, Verdict)> {
    let mut judge = Judge::new(policy.clone());
    windows.iter().find_map(|window| {
        let verdict = judge.window(window);
        (verdict.decision != Decision::Insufficient).then_some((window.end_s, verdict))
    })
}

/// The last verdict, of a release that nothing is decided of.
fn undecided(policy: &Policy, windows: &[Window]) -> Verdict {
    let mut judge = Judge::new(policy.clone());
    let mut last = None;
    for window in windows {
        let verdict = judge.window(window);
        assert_eq!(
            verdict.decision,
            Decision::Insufficient,
            "t={}: {verdict}",
            window.end_s
        );
        last = Some(verdict);
    }
    last.expect("a release has windows")
}

fn hold() -> Policy {
    Policy {
        promotion: None,
        ..Policy::default()
    }
}
