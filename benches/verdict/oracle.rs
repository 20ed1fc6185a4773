//! The floor: Wald's sequential probability ratio test, told both hypotheses, the onset and the noise that both arms share. With
//! tolerance it must tell the fault from a green at the edge of what is allowed; a rule that honours a tolerance cannot be faster.

use cutover::verdict::{Latency, Window};

use crate::generator::{Trace, Truth};
use crate::random::normal_quantile;
use crate::scenario::{MEDIAN_MS, SPREAD, Scenario};

/// What the oracle must reach: one in a hundred good releases would be taken back.
const NEEDED: f64 = 4.605_170_185_988_092;

/// What is allowed, for the oracle with tolerance.
#[derive(Clone, Copy)]
pub(crate) struct Allowed {
    pub(crate) ratio: f64,
    pub(crate) absolute: f64,
    pub(crate) latency: f64,
}

/// The same as the benchmark asks of the rules.
pub(crate) const TOLERANCE: Allowed = Allowed {
    ratio: 1.1,
    absolute: 1e-4,
    latency: 1.05,
};

/// Nothing is allowed.
pub(crate) const NONE: Allowed = Allowed {
    ratio: 1.0,
    absolute: 0.0,
    latency: 1.0,
};

/// When the oracle takes the release back: the end of a window, in seconds.
pub(crate) fn oracle(scenario: &Scenario, trace: &Trace, allowed: Allowed) -> Option<f64> {
    let mut sum = 0.0;
    for (window, truth) in trace.windows.iter().zip(&trace.truth) {
        if truth.share <= 0.0 || truth.fault <= 0.0 {
            continue;
        }
        sum += if scenario.is_latency() {
            latency(scenario, window, truth, allowed)
        } else {
            errors(scenario, window, truth, allowed)
        };
        if sum >= NEEDED {
            return Some(window.end_s);
        }
    }
    None
}

/// The logarithm of the likelihood ratio of green's errors.
fn errors(scenario: &Scenario, window: &Window, truth: &Truth, allowed: Allowed) -> f64 {
    let (Some(n), Some(k)) = (window.green.requests, window.green.errors) else {
        return 0.0;
    };
    let edge = (allowed.ratio * truth.base_errors + allowed.absolute).clamp(1e-6, 1.0 - 1e-9);
    let fault = truth.green_errors.clamp(1e-6, 1.0 - 1e-9);
    if fault <= edge {
        return 0.0;
    }
    // Storms are no part of its hypotheses: of their failures it takes what is possible.
    let k = if scenario.storms.is_some() { k.min(n) } else { k };
    k * (fault / edge).ln() + (n - k) * ((1.0 - fault).ln() - (1.0 - edge).ln())
}

/// The same of green's percentiles, as a normal distribution with the covariance of order statistics and the arm's own noise.
fn latency(scenario: &Scenario, window: &Window, truth: &Truth, allowed: Allowed) -> f64 {
    let (Some(n), Latency::Percentiles(points)) = (window.green.requests, &window.green.latency) else {
        return 0.0;
    };
    let (allow, whole, tail) = (
        allowed.latency.ln(),
        (1.0 + truth.fault * (scenario.green_latency - 1.0)).ln(),
        (1.0 + truth.fault * (scenario.green_tail - 1.0)).ln(),
    );
    let mut size = 0;
    let (mut seen, mut edge, mut shift) = ([0.0; 3], [0.0; 3], [0.0; 3]);
    let mut q = [0.0; 3];
    for (at, probability) in [(0, 0.5), (2, 0.9), (4, 0.99)] {
        let Some(value) = points[at] else { continue };
        if n * (1.0 - probability) < 2.0 {
            continue;
        }
        seen[size] = value.ln() - MEDIAN_MS.ln() - SPREAD * normal_quantile(probability) - truth.common;
        let fault = if probability > 0.95 { whole + tail } else { whole };
        (edge[size], shift[size], q[size]) = (allow.min(fault), fault, probability);
        size += 1;
    }
    if size == 0 {
        return 0.0;
    }
    let noise = scenario.own_noise * scenario.own_noise;
    let mut covariance = [[0.0; 3]; 3];
    for one in 0..size {
        for other in 0..size {
            let (low, high) = (q[one].min(q[other]), q[one].max(q[other]));
            let density = |q: f64| (-0.5 * normal_quantile(q).powi(2)).exp() / std::f64::consts::TAU.sqrt();
            let sampling = low * (1.0 - high) * SPREAD * SPREAD / (density(low) * density(high) * n);
            covariance[one][other] = sampling + noise;
        }
    }
    let against = |mean: &[f64; 3]| {
        let off: [f64; 3] = std::array::from_fn(|at| seen[at] - mean[at]);
        let solved = solve(covariance, off, size);
        (0..size).map(|at| off[at] * solved[at]).sum::<f64>()
    };
    0.5 * (against(&edge) - against(&shift))
}

/// Solves a small positive definite system by elimination.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3], size: usize) -> [f64; 3] {
    for at in 0..size {
        for below in at + 1..size {
            let factor = matrix[below][at] / matrix[at][at];
            let above = matrix[at];
            for (own, other) in matrix[below].iter_mut().zip(above).skip(at) {
                *own -= factor * other;
            }
            right[below] -= factor * right[at];
        }
    }
    let mut solution = [0.0; 3];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|column| matrix[at][column] * solution[column]).sum();
        solution[at] = (right[at] - known) / matrix[at][at];
    }
    solution
}
