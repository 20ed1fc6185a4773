//! Other tools' rules, with the values that their documentation gives. They see the same windows as the judge.
//!
//! - Argo Rollouts, AnalysisTemplate: a least success rate over an interval; fails when more measurements than
//!   `failureLimit` have failed. The documented example has five minutes, 95 % and a limit of 3; the default limit is 0, here with a
//!   minute and 99 %.
//! - Flagger: success rate of at least 99 % and p99 of at most 500 ms each minute; failed checks add up to a threshold of 1 (default), 5
//!   (tutorials) or 10 (README); the rollback comes one tick after the last. No values are a failed check.
//! - Kayenta: Mann-Whitney over points of ten seconds, see `kayenta.rs`.
//! - CloudWatch: M of N periods of one minute with more than 1 % of 5xx or p99 above 500 ms, judged a minute after the end of the
//!   period; and one 5xx in a minute, as in the CDK's blue/green example.

use cutover::verdict::{Latency, Window};

use crate::generator::Trace;
use crate::kayenta;
use crate::scenario::Scenario;

/// A rule with its name in the tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Peer {
    Argo {
        name: &'static str,
        interval_s: f64,
        rate: f64,
        limit: u32,
    },
    Flagger {
        name: &'static str,
        threshold: u32,
    },
    Kayenta {
        name: &'static str,
        interval_s: f64,
    },
    CloudWatch {
        name: &'static str,
        periods: usize,
    },
    OneError {
        name: &'static str,
    },
}

pub(crate) const PEERS: [Peer; 10] = [
    Peer::Argo {
        name: "argo_doc",
        interval_s: 300.0,
        rate: 0.95,
        limit: 3,
    },
    Peer::Argo {
        name: "argo_1m",
        interval_s: 60.0,
        rate: 0.99,
        limit: 0,
    },
    Peer::Flagger {
        name: "flagger_10",
        threshold: 10,
    },
    Peer::Flagger {
        name: "flagger_5",
        threshold: 5,
    },
    Peer::Flagger {
        name: "flagger_1",
        threshold: 1,
    },
    Peer::Kayenta {
        name: "kayenta_10m",
        interval_s: 600.0,
    },
    Peer::Kayenta {
        name: "kayenta_1m",
        interval_s: 60.0,
    },
    Peer::CloudWatch {
        name: "cw_3of3",
        periods: 3,
    },
    Peer::CloudWatch {
        name: "cw_1of1",
        periods: 1,
    },
    Peer::OneError { name: "cw_1_5xx" },
];

/// The highest p99 that Flagger's and CloudWatch's rules take, in milliseconds.
const P99_MS: f64 = 500.0;

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Argo { name, .. }
            | Self::Flagger { name, .. }
            | Self::Kayenta { name, .. }
            | Self::CloudWatch { name, .. }
            | Self::OneError { name } => name,
        }
    }

    /// When the rule takes green back, in seconds.
    pub(crate) fn judge(self, scenario: &Scenario, trace: &Trace) -> Option<f64> {
        let shift = scenario.lead_s;
        match self {
            Self::Argo {
                interval_s,
                rate: least,
                limit,
                ..
            } => {
                let mut failed = 0;
                for (end, period) in periods(trace, shift, interval_s) {
                    // A rate of no requests is not a number, and not at least anything.
                    let is_good = period.rate().is_some_and(|rate| 1.0 - rate >= least);
                    failed += u32::from(!is_good);
                    if failed > limit {
                        return Some(end);
                    }
                }
                None
            }
            Self::Flagger { threshold, .. } => {
                let mut failed = 0;
                for (end, period) in periods(trace, shift, 60.0) {
                    if failed >= threshold {
                        return Some(end);
                    }
                    let is_good =
                        period.rate().is_some_and(|rate| rate <= 0.01) && period.p99().is_some_and(|p99| p99 <= P99_MS);
                    failed += u32::from(!is_good);
                }
                None
            }
            Self::Kayenta { interval_s, .. } => kayenta::judge(scenario, trace, interval_s),
            Self::CloudWatch { periods: needed, .. } => {
                let mut in_a_row = 0;
                for (end, period) in periods(trace, shift, 60.0) {
                    let is_bad =
                        period.rate().is_some_and(|rate| rate > 0.01) || period.p99().is_some_and(|p99| p99 > P99_MS);
                    in_a_row = if is_bad { in_a_row + 1 } else { 0 };
                    if in_a_row >= needed {
                        return Some(end + 60.0);
                    }
                }
                None
            }
            Self::OneError { .. } => periods(trace, shift, 60.0)
                .into_iter()
                .find(|(_, period)| period.errors >= 1.0)
                .map(|(end, _)| end + 60.0),
        }
    }
}

/// What green did in some time.
#[derive(Clone, Copy, Debug, Default)]
struct Period {
    requests: f64,
    errors: f64,
    slow: f64,
    measured: f64,
}

impl Period {
    fn rate(self) -> Option<f64> {
        (self.requests > 0.0).then(|| self.errors / self.requests)
    }

    /// The 99th percentile, taken as the mean of the windows': they have it, and not the samples.
    fn p99(self) -> Option<f64> {
        (self.measured > 0.0).then(|| self.slow / self.measured)
    }

    fn add(&mut self, window: &Window) {
        let n = window.green.requests.unwrap_or(0.0);
        self.requests += n;
        self.errors += window.green.errors.unwrap_or(0.0);
        if let Latency::Percentiles([.., Some(p99)]) = window.green.latency {
            self.slow += n * p99;
            self.measured += n;
        }
    }
}

/// Green's time since the shift in whole periods, with their ends.
fn periods(trace: &Trace, shift: f64, length_s: f64) -> Vec<(f64, Period)> {
    let mut all = Vec::new();
    let mut current = Period::default();
    let mut end = shift + length_s;
    for window in trace.windows.iter().filter(|window| window.end_s > shift) {
        current.add(window);
        if window.end_s >= end - 1e-9 {
            all.push((end, current));
            current = Period::default();
            end += length_s;
        }
    }
    all
}
