//! What was seen of both arms in one window of time.

use serde::{Deserialize, Serialize};

use super::evalue::Count;

/// One window. Both arms must be seen over the same time, or what happens to both does not cancel.
///
/// Every number may be absent, and one that cannot be true (negative, not a number, more failures than requests) counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its begin, in seconds; only differences matter.
    pub begin_s: f64,
    /// Its end, in the same seconds.
    pub end_s: f64,
    /// The step of the release: 0 before the shift, then 1, 2 and so on as green's share grows.
    pub step: u32,
    /// What served before.
    pub blue: Arm,
    /// What serves the new version.
    pub green: Arm,
}

/// One arm in one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Requests that were answered, or should have been: those of users, and cutover's own as far as the source counts them.
    pub requests: Option<f64>,
    /// Of them, server errors (5xx).
    pub errors: Option<f64>,
    /// Of them, client errors (4xx).
    pub client_errors: Option<f64>,
    /// How long answers took.
    pub latency: Latency,
    /// cutover's own requests.
    pub probes: Option<Probes>,
    /// How many of `requests` and `errors` are cutover's own.
    #[serde(default, skip_serializing_if = "Own::is_none")]
    pub own: Own,
    /// Whether it has been left no part of the traffic: then having no requests is no chance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// The same counts, instance by instance.
    pub instances: Vec<Instance>,
}

/// How long answers took, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Percentiles: p50, p75, p90, p95 and p99, those that there are.
    Percentiles([Option<f64>; 5]),
    /// One number for each request, or for some of them.
    Samples(Vec<f64>),
}

/// cutover's own requests to an arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    /// How many.
    pub requests: f64,
    /// How many of them failed.
    pub failures: f64,
    /// How long those took that did not, in milliseconds.
    pub latencies_ms: Vec<f64>,
}

/// cutover's own requests among those that a source has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// How many.
    pub requests: f64,
    /// How many of them failed.
    pub failures: f64,
}

impl Own {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One instance of an arm in one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// What the service calls it.
    pub id: String,
    /// Requests, if they are counted for each instance.
    pub requests: Option<f64>,
    /// Of them, server errors.
    pub errors: Option<f64>,
    /// Whether the service says that it is well.
    pub healthy: Option<bool>,
}

impl Arm {
    /// Users' requests and server errors, if both are known and can be true.
    pub(super) fn errors(&self) -> Option<Count> {
        self.all_errors().map(|all| of_users(all, self.own))
    }

    /// The same of users and cutover.
    pub(super) fn all_errors(&self) -> Option<Count> {
        count(self.requests, self.errors)
    }

    /// Users' requests and client errors.
    pub(super) fn client_errors(&self) -> Option<Count> {
        let all = count(self.requests, self.client_errors)?;
        let own = Own {
            failures: 0.0,
            ..self.own
        };
        Some(of_users(all, own))
    }

    /// What users have of the errors of a part of the arm, over which cutover's own requests are spread evenly.
    pub(super) fn errors_in(&self, part: Count) -> Count {
        let all = self.requests.unwrap_or(0.0).max(1.0);
        let own = Own {
            requests: self.own.requests * part.n / all,
            failures: self.own.failures * part.n / all,
        };
        of_users(part, own)
    }

    /// Probes and those that failed.
    pub(super) fn probes(&self) -> Option<Count> {
        let probes = self.probes.as_ref()?;
        count(Some(probes.requests), Some(probes.failures))
    }

    /// Users' requests.
    pub(crate) fn requests(&self) -> f64 {
        let all = self.requests.filter(|n| is_count(*n)).unwrap_or(0.0);
        users(all, self.own.requests)
    }

    /// cutover's own requests, as a part of all that were counted.
    pub(super) fn own_part(&self) -> f64 {
        let all = self.requests.filter(|n| is_count(*n)).unwrap_or(0.0);
        if self.own.requests > 0.0 && all > 0.0 {
            (self.own.requests / all).min(1.0)
        } else {
            0.0
        }
    }
}

impl Instance {
    /// Requests and server errors, if both are known and can be true.
    pub(super) fn errors(&self) -> Option<Count> {
        count(self.requests, self.errors)
    }
}

/// The most that is taken for a count: above it, sums lose single requests.
const MOST: f64 = 1e12;

/// How exactly cutover's own requests in a window are known, as a part of them: it is not known to the second when a window began.
const UNSURE: f64 = 0.1;

/// How many requests are users', if so many are cutover's own. A remainder that may be cutover's own as well is none.
fn users(all: f64, own: f64) -> f64 {
    let own = if own > 0.0 { own } else { 0.0 };
    let left = all - own;
    if left > own * UNSURE { left } else { 0.0 }
}

fn of_users(all: Count, own: Own) -> Count {
    let failed = (all.k - own.failures.max(0.0)).max(0.0);
    // Whoever failed and is not cutover is a user.
    let n = users(all.n, own.requests).max(failed.min(all.n));
    Count { n, k: failed.min(n) }
}

fn is_count(value: f64) -> bool {
    (0.0..=MOST).contains(&value)
}

fn count(n: Option<f64>, k: Option<f64>) -> Option<Count> {
    let (n, k) = (n?, k?);
    (is_count(n) && is_count(k) && k <= n).then_some(Count { n, k })
}
