//! What a verdict says: the decision, and what it rests on, as data.

use serde::{Deserialize, Serialize};

/// What is to be done with the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Green may have everything.
    Healthy,
    /// Green must be taken back.
    Unhealthy,
    /// Neither is shown: the release stays where it is.
    Insufficient,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Answers with a server error (5xx), against blue's in the same windows.
    Errors,
    /// The same, as shares of all failures: for failures that come in groups.
    ErrorShare,
    /// Server errors where requests are rare, against all of blue's so far.
    RareErrors,
    /// Server errors against what blue had before it went.
    FrozenErrors,
    /// Answers with a client error (4xx).
    ClientErrors,
    /// The latency of all requests.
    Latency,
    /// The latency of the slowest tenth or twentieth.
    TailLatency,
    /// The latency of the slowest hundredth.
    ExtremeLatency,
    /// Single latencies, where there are few.
    SampledLatency,
    /// cutover's own requests.
    Probes,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Errors,
        Self::ErrorShare,
        Self::RareErrors,
        Self::FrozenErrors,
        Self::ClientErrors,
        Self::Latency,
        Self::TailLatency,
        Self::ExtremeLatency,
        Self::SampledLatency,
        Self::Probes,
    ];
}

/// One arm in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Events among requests.
    Events {
        /// Requests, or probes.
        requests: f64,
        /// Those that failed.
        failures: f64,
    },
    /// A typical latency, in milliseconds.
    Milliseconds(f64),
}

/// What speaks against green most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was measured.
    pub metric: Metric,
    /// Of which percentile the latencies told are, as a part of 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// Green, since then.
    pub green: Side,
    /// Blue, since then.
    pub blue: Side,
    /// What a stake of 1 on "green is bad" has grown to, over all metrics.
    pub e_value: f64,
    /// At which e-value green is taken back.
    pub threshold: f64,
    /// Since when it has spoken against green: the begin of a window, in the windows' own seconds.
    pub since_s: f64,
}

/// What is worth doing beside the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// One of green's instances is sick, and the others are not.
    ReplaceInstance {
        /// The instance.
        id: String,
        /// Its requests in the window.
        requests: f64,
        /// Of them, server errors.
        errors: f64,
    },
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Green has had no request yet.
    NoTraffic,
    /// Nothing is known of green in this window.
    Silence,
    /// Blue has no traffic any more, so that there is nothing to compare with.
    NothingToCompare,
    /// Blue has some, and had none in this window.
    BlueIsSilent,
    /// Nothing is known of blue in this window.
    BlueIsUnknown,
    /// Something speaks against green, and not enough.
    Suspicion,
    /// The newest window alone does: a single one may be chance, and the next will tell.
    LastWindow {
        /// What was bad in it.
        metric: Metric,
    },
    /// Green is worse than blue by more than the tolerance.
    Worse,
    /// Green breaks what users are promised. Whether blue does as well is not asked.
    SloErrors {
        /// Since when it has spoken against green, in the windows' own seconds.
        #[serde(default)]
        since_s: f64,
        /// Green's requests since then.
        requests: f64,
        /// Of them, server errors.
        errors: f64,
        /// The promise, as a part of 1.
        promised: f64,
    },
    /// The same, of the 99th percentile of latency.
    SloLatency {
        /// Green's, in milliseconds.
        p99_ms: f64,
        /// The promise.
        promised_ms: f64,
    },
    /// One instance is sick, and the release is not blamed for it.
    SickInstance,
    /// Nothing speaks against green; the shortest bake is not over.
    Baking {
        /// How much of it is left, in seconds.
        left_s: f64,
    },
    /// Nothing speaks against green, and too little for it yet.
    TooLittle {
        /// What speaks for green's error rate.
        for_errors: f64,
        /// What speaks for its rate of client errors, if they are counted.
        #[serde(default)]
        for_client_errors: Option<f64>,
        /// What speaks for green's latency, if it can be compared.
        for_latency: Option<f64>,
        /// Whether more requests would have made it comparable in this window.
        #[serde(default)]
        too_few: bool,
        /// What each must reach.
        needed: f64,
    },
    /// Nothing speaks against green, and early promotion is not wanted.
    NeverEarly,
    /// Green was shown not to be worse.
    Good {
        /// The bound of the error rate: as many times blue's,
        ratio: f64,
        /// and so much more.
        absolute: f64,
    },
}

/// The answer to one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is to be done.
    pub decision: Decision,
    /// Why.
    pub why: Why,
    /// What speaks against green most; absent as long as green has had no request.
    pub evidence: Option<Evidence>,
    /// What is worth doing beside it.
    pub advice: Option<Advice>,
}

/// The numbers since a metric last looked best for green.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trail {
    since_s: f64,
    best: f64,
    green: (f64, f64),
    blue: (f64, f64),
    is_latency: bool,
    #[serde(default)]
    percentile: Option<f64>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            since_s: 0.0,
            best: 1.0,
            green: (0.0, 0.0),
            blue: (0.0, 0.0),
            is_latency: false,
            percentile: None,
        }
    }
}

impl Trail {
    /// Takes a window's events, with the value of the metric after it.
    pub(super) fn events(&mut self, begin_s: f64, value: f64, green: (f64, f64), blue: (f64, f64)) {
        self.take(begin_s, value, green, blue);
    }

    /// Takes a window's latencies, in milliseconds, and of which percentile they are. Those of another one are not added to them.
    pub(super) fn latency(&mut self, begin_s: f64, value: f64, percentile: Option<f64>, green: f64, blue: f64) {
        self.is_latency = true;
        if self.percentile != percentile {
            self.percentile = percentile;
            (self.green, self.blue) = ((0.0, 0.0), (0.0, 0.0));
        }
        self.take(begin_s, value, (1.0, green), (1.0, blue));
    }

    /// Takes the sums of events so far, for a metric that keeps them itself; with `until`, green's are since its step began.
    pub(super) fn set(&mut self, begin_s: f64, value: f64, green: (f64, f64), blue: (f64, f64), whole: bool) {
        if !whole {
            self.take(begin_s, value, green, (0.0, 0.0));
            self.blue = blue;
            return;
        }
        if self.green.0 == 0.0 || green.0 < self.green.0 {
            self.since_s = begin_s;
        }
        (self.green, self.blue) = (green, blue);
    }

    fn take(&mut self, begin_s: f64, value: f64, green: (f64, f64), blue: (f64, f64)) {
        if value <= self.best {
            self.best = value;
            (self.green, self.blue) = ((0.0, 0.0), (0.0, 0.0));
            return;
        }
        if self.green.0 == 0.0 {
            self.since_s = begin_s;
        }
        for (sum, part) in [(&mut self.green, green), (&mut self.blue, blue)] {
            sum.0 += part.0;
            sum.1 += part.1;
        }
    }

    pub(super) fn percentile(&self) -> Option<f64> {
        self.percentile
    }

    /// Green's events, and since when.
    pub(super) fn green_events(&self) -> ((f64, f64), f64) {
        (self.green, self.since_s)
    }

    pub(super) fn sides(&self) -> (Side, Side, f64) {
        let side = |(n, sum): (f64, f64)| {
            if self.is_latency {
                Side::Milliseconds(if n > 0.0 { sum / n } else { 0.0 })
            } else {
                Side::Events {
                    requests: n,
                    failures: sum,
                }
            }
        };
        (side(self.green), side(self.blue), self.since_s)
    }
}
