//! What follows from the evidence.

use super::{Alone, Judge, PARTS, Reading, curve, place};
use crate::verdict::evidence::{Advice, Decision, Evidence, Metric, Verdict, Why};
use crate::verdict::latency::{Curve, compare};
use crate::verdict::window::Window;

/// From that e-value on something speaks against green, and it gets no more traffic; at the latest half way to a rollback, on the
/// scale on which evidence adds up.
const SUSPICION: f64 = 10.0;

/// The same of one window alone, in which a good green looks so bad once in ten windows at most: it costs no more than a window of waiting.
const BAD_WINDOW: f64 = 10.0;

/// After so many windows it is forgotten.
const LAPSES: f64 = 3.0;

/// So many requests are enough for any percentile.
const MANY: f64 = 1e9;

impl Judge {
    /// The evidence over all metrics, and the metric that gives most of it.
    fn total(&self) -> (f64, Metric) {
        self.over_all(&self.values)
    }

    fn over_all(&self, values: &[f64; 10]) -> (f64, Metric) {
        let parts = self.parts.unwrap_or(PARTS);
        let (mut sum, mut most, mut leading) = (0.0, f64::NEG_INFINITY, Metric::Errors);
        for (metric, part) in Metric::ALL.into_iter().zip(parts) {
            let value = part * values[place(metric)];
            sum += value;
            if value > most {
                (most, leading) = (value, metric);
            }
        }
        (sum, leading)
    }

    /// What follows from a window and all before it.
    pub(super) fn conclude(&self, window: &Window, reading: Reading, has_traffic: bool) -> Verdict {
        let threshold = 1.0 / self.policy.false_rollbacks;
        let total = self.total();
        let (e_value, _) = total;
        let advice = reading.sick;
        if e_value >= threshold {
            return self.answer(Why::Worse, advice);
        }
        if let Some(promised) = self.policy.slo.error_rate
            && self.slo_errors.value() >= threshold
        {
            let ((requests, errors), since_s) = self.slo_since.green_events();
            let why = Why::SloErrors {
                since_s,
                requests,
                errors,
                promised,
            };
            return self.answer(why, advice);
        }
        if let Some(promised_ms) = self.policy.slo.p99_ms
            && self.slo_latency.value() >= threshold
        {
            // The greatest that is told: where that is no p99, those take longer still.
            let slowest = |curve: Curve| curve.points.into_iter().flatten().next_back();
            let p99_ms = curve(&window.green).and_then(slowest).unwrap_or(0.0);
            return self.answer(Why::SloLatency { p99_ms, promised_ms }, advice);
        }
        // Where nothing is compared any more, such as once green has everything, nothing would ever take it back.
        let lapsed = |alone: Alone| reading.end_s - alone.end_s > LAPSES * (reading.end_s - reading.begin_s);
        let alone = self.alone.map(|alone| if lapsed(alone) { 1.0 } else { alone.value });
        let (alone, metric) = self.over_all(&alone);
        let why = if e_value >= SUSPICION.min(threshold.sqrt()) {
            // Neither a window of silence nor a sick instance beside it makes that less.
            Why::Suspicion
        } else if advice.is_some() {
            Why::SickInstance
        } else if !has_traffic {
            Why::Silence
        } else if alone >= BAD_WINDOW {
            Why::LastWindow { metric }
        } else if window.blue.requests() <= 0.0 && window.blue.probes().is_none() {
            if window.blue.requests.is_none_or(|n| !n.is_finite() || n < 0.0) {
                Why::BlueIsUnknown
            } else if reading.blue_is_gone {
                Why::NothingToCompare
            } else {
                Why::BlueIsSilent
            }
        } else {
            self.promising(window)
        };
        self.answer(why, advice)
    }

    /// Nothing speaks against green. Does enough speak for it?
    fn promising(&self, window: &Window) -> Why {
        let Some(promotion) = &self.policy.promotion else {
            return Why::NeverEarly;
        };
        let baked = window.end_s - self.shift_s.unwrap_or(window.end_s);
        if baked < promotion.minimum_bake_s {
            return Why::Baking {
                left_s: promotion.minimum_bake_s - baked,
            };
        }
        let needed = 1.0 / promotion.risk;
        let (for_errors, for_latency) = (self.promotion.for_errors(), self.promotion.for_latency());
        let for_client_errors = self.promotion.for_client_errors();
        // What could have been compared and never was speaks for nothing.
        let latency = match for_latency {
            Some(value) => value >= needed,
            None => !self.seen.percentiles && !self.seen.samples,
        };
        if for_errors >= needed && for_client_errors.is_none_or(|value| value >= needed) && latency {
            Why::Good {
                ratio: promotion.errors.ratio,
                absolute: promotion.errors.absolute,
            }
        } else {
            Why::TooLittle {
                for_errors,
                for_client_errors,
                for_latency,
                too_few: too_few(window),
                needed,
            }
        }
    }

    /// An answer with the evidence there is.
    pub(super) fn answer(&self, why: Why, advice: Option<Advice>) -> Verdict {
        let evidence = self.parts.map(|_| {
            let (e_value, metric) = self.total();
            let trail = &self.trails[place(metric)];
            let (green, blue, since_s) = trail.sides();
            Evidence {
                metric,
                percentile: trail.percentile(),
                green,
                blue,
                e_value,
                threshold: 1.0 / self.policy.false_rollbacks,
                since_s,
            }
        });
        let decision = match why {
            Why::Worse | Why::SloErrors { .. } | Why::SloLatency { .. } => Decision::Unhealthy,
            Why::Good { .. } => Decision::Healthy,
            Why::NoTraffic
            | Why::Silence
            | Why::NothingToCompare
            | Why::BlueIsSilent
            | Why::BlueIsUnknown
            | Why::Suspicion
            | Why::LastWindow { .. }
            | Why::SickInstance
            | Why::Baking { .. }
            | Why::TooLittle { .. }
            | Why::NeverEarly => Decision::Insufficient,
        };
        Verdict {
            decision,
            why,
            evidence,
            advice,
        }
    }
}

/// Whether latencies of a window cannot be compared, and could be with more requests.
fn too_few(window: &Window) -> bool {
    let Some((green, blue)) = curve(&window.green).zip(curve(&window.blue)) else {
        return false;
    };
    let many = |curve: Curve| Curve { n: MANY, ..curve };
    !compare(green, blue, 0.0).tell() && compare(many(green), many(blue), 0.0).tell()
}
