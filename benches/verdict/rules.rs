//! The rules that are compared: the judge, with and without early promotion.

use cutover::verdict::{Decision, Judge, Policy, Promotion, Tolerance};

use crate::generator::Trace;

/// What a rule did with a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Done {
    /// Took green back at the end of a window.
    RolledBack(f64),
    /// Let it pass early.
    Promoted(f64),
    /// Neither, until the end.
    Nothing,
}

/// The policy of the benchmark: the same tolerances for the judge and the oracle.
pub(crate) fn policy() -> Policy {
    Policy {
        errors: Tolerance {
            ratio: 1.1,
            absolute: 1e-4,
        },
        latency_ratio: 1.05,
        latency_absolute_ms: 0.0,
        promotion: Some(Promotion {
            errors: Tolerance {
                ratio: 1.5,
                absolute: 1e-3,
            },
            latency_ratio: 1.15,
            probe_rate: 0.01,
            minimum_bake_s: 900.0,
            risk: 0.05,
        }),
        ..Policy::default()
    }
}

/// Plays a trace to the judge.
pub(crate) fn judge(trace: &Trace, policy: &Policy) -> Done {
    let mut judge = Judge::new(policy.clone());
    for window in &trace.windows {
        match judge.window(window).decision {
            Decision::Unhealthy => return Done::RolledBack(window.end_s),
            Decision::Healthy => return Done::Promoted(window.end_s),
            Decision::Insufficient => {}
        }
    }
    Done::Nothing
}
