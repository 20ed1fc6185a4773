//! What a window gives to each detector.

use super::{Alone, Judge, Reading, curve, place};
use crate::verdict::counts::{Lids, Pair, frozen_ceiling};
use crate::verdict::evidence::Metric;
use crate::verdict::gathered::Together;
use crate::verdict::latency::{Gap, above_promised, can_be, compare, compare_strictly, tell};
use crate::verdict::ranks::Allowed;
use crate::verdict::window::{Arm, Latency, Window};

/// What part of the bound of promotion cutover's own requests may make up for a percentile to speak for green.
const DOUBTFUL: f64 = 0.5;

/// What each of the gaps in latency is.
const LATENCIES: [Metric; 3] = [Metric::Latency, Metric::TailLatency, Metric::ExtremeLatency];

impl Reading {
    fn alone(&self, value: f64) -> Alone {
        let end_s = self.end_s;
        Alone { value, end_s }
    }
}

impl Judge {
    /// Feeds all of them.
    pub(super) fn test(&mut self, window: &Window, reading: &Reading) {
        let Window { blue, green, .. } = window;
        self.test_errors(reading);
        if !reading.excused
            && let (Some(green), Some(blue)) = (green.client_errors(), blue.client_errors())
        {
            let pair = Pair { green, blue };
            let lids = self.lids[place(Metric::ClientErrors)];
            let past = &self.client_dispersion;
            let value = self
                .client_errors
                .step(pair, self.policy.client_errors, lids, past, reading.blue_is_down);
            self.alone[place(Metric::ClientErrors)] = reading.alone(value);
            if self.policy.promotion.is_some() {
                let bound = self.policy.promoted_client_errors();
                self.promotion.client_errors(pair, bound, past);
            }
            self.trail_events(Metric::ClientErrors, reading.begin_s, pair);
        }
        // Percentiles of a green with a sick instance are that instance's.
        let warm = self
            .first_request_s
            .is_some_and(|first| reading.begin_s - first >= self.policy.warm_up_s);
        if reading.sick.is_none() && warm {
            self.test_latency(window, reading);
        }
        // Nobody knows which instance a probe has met.
        if let Some(green) = green.probes().filter(|_| !self.instances.present()) {
            let blue = blue.probes().unwrap_or_default();
            self.probes.blue(blue);
            self.probes.step(green, blue, self.policy.probe_ceiling);
            self.trail_events(Metric::Probes, reading.begin_s, Pair { green, blue });
            if let Some(promotion) = &self.policy.promotion {
                self.promotion.probes(green, promotion);
            }
        }
    }

    fn test_errors(&mut self, reading: &Reading) {
        let tolerance = self.policy.errors;
        if let Some(blue) = reading.blue {
            self.rare.blue(blue);
        }
        let Some(green) = reading.green else { return };
        if reading.blue_is_down {
            self.rare.excuse();
        } else if self.parts.is_some_and(|parts| parts[place(Metric::RareErrors)] > 0.0) {
            self.rare
                .green(green, reading.blue_answers, tolerance.ratio, tolerance.absolute);
            let (green, blue) = self.rare.counts();
            self.trail_events(Metric::RareErrors, reading.begin_s, Pair { green, blue });
        }
        if let Some(promised) = self.policy.slo.error_rate {
            self.slo_errors.step(
                green,
                promised,
                Lids::new(self.policy.false_rollbacks, 1.0),
                &self.dispersion,
                // An outage of both breaks it as well, and going back mends nothing then.
                false,
            );
            let value = self.slo_errors.value();
            self.slo_since
                .events(reading.begin_s, value, (green.n, green.k), (0.0, 0.0));
        }
        let blue = reading.blue.unwrap_or_default();
        let pair = Pair { green, blue };
        if blue.n > 0.0 {
            let lids = self.lids[place(Metric::Errors)];
            let value = self
                .errors
                .step(pair, tolerance, lids, &self.dispersion, reading.blue_is_down);
            self.alone[place(Metric::Errors)] = reading.alone(value);
            self.trail_events(Metric::Errors, reading.begin_s, pair);
            self.trail_events(Metric::ErrorShare, reading.begin_s, pair);
            if let Some(promotion) = &self.policy.promotion {
                self.promotion.errors(pair, promotion.errors, &self.dispersion);
            }
        }
        // The few who are left on it are compared with above; what they cannot show its past does, from a part of the budget of its own.
        if reading.blue.is_some()
            && self.blue_past.n > 0.0
            && reading.blue_is_gone
            && !reading.blue_is_down
            && !reading.blue_fails
        {
            let ceiling = frozen_ceiling(self.blue_past, tolerance, self.policy.false_rollbacks);
            let lids = self.lids[place(Metric::FrozenErrors)];
            self.frozen.step(green, ceiling, lids, &self.dispersion, true);
            let past = Pair {
                green,
                blue: self.blue_past,
            };
            self.trail_events(Metric::FrozenErrors, reading.begin_s, past);
        }
    }

    fn test_latency(&mut self, window: &Window, reading: &Reading) {
        let Window { blue, green, .. } = window;
        self.test_promised_latency(green);
        let curves = curve(green).zip(curve(blue));
        if let Some((green, blue)) = curves.filter(|(green, blue)| tell(*green, *blue)) {
            let allowed_ms = self.policy.latency_absolute_ms;
            let gaps = compare(green, blue, allowed_ms);
            let strictly = compare_strictly(green, blue, allowed_ms);
            // What may be the doing of cutover's own requests is no lesson.
            if let Some(gap) = gaps.whole.filter(|gap| gap.doubt <= self.policy.latency_noise) {
                self.compared.windows = self.compared.windows.saturating_add(1);
                self.compared.sum += gap.difference;
            }
            let usual = self.policy.latency_ratio;
            let ratios = [self.policy.learned_ratio.unwrap_or(usual), usual, usual];
            let each = gaps.each().into_iter().zip(strictly.each()).zip(ratios);
            for (which, ((gap, strictly), ratio)) in each.enumerate() {
                let Some(gap) = gap else { continue };
                let is_of_few = gap.is_of_few();
                let begin_s = reading.begin_s;
                let enough = if is_of_few {
                    let gap = self.latencies[which].believed(gap, ratio.ln());
                    self.gathered[which].take(begin_s, gap, strictly)
                } else {
                    Some(Together { begin_s, gap, strictly })
                };
                if let Some(Together { begin_s, gap, strictly }) = enough {
                    if is_of_few {
                        self.test_gathered_promotion(which, gap, strictly);
                    } else {
                        self.test_promotion(which, strictly);
                    }
                    let value = self.test_gap(which, gap, ratio.ln(), begin_s);
                    self.alone[place(LATENCIES[which])] = reading.alone(value);
                }
            }
            return;
        }
        let samples = |arm: &'_ Arm| match (&arm.latency, &arm.probes) {
            (Latency::Samples(samples), _) => Some(samples.clone()),
            (Latency::Unknown, Some(probes)) => Some(probes.latencies_ms.clone()),
            _ => None,
        };
        if let (Some(green), Some(blue)) = (samples(green), samples(blue)) {
            let lids = self.lids[place(Metric::SampledLatency)];
            let allowed = Allowed {
                ratio: self.policy.latency_ratio,
                absolute_ms: self.policy.latency_absolute_ms,
            };
            self.samples.step(&green, &blue, allowed, lids);
            if let (Some(green), Some(blue)) = (median(&green), median(&blue)) {
                let value = self.refresh(Metric::SampledLatency);
                self.trails[place(Metric::SampledLatency)].latency(reading.begin_s, value, None, green, blue);
            }
        }
    }

    /// Takes how a latency differs if all doubt counts against green; before [`Judge::test_gap`], which learns from the window. Where
    /// the doubt is too great, the percentile says nothing for green: whether it is must not depend on how slow green is.
    fn test_promotion(&mut self, which: usize, gap: Option<Gap>) {
        let Some(promotion) = &self.policy.promotion else {
            return;
        };
        let bound = promotion.latency_ratio.ln();
        if let Some(gap) = gap.filter(|gap| gap.doubt <= DOUBTFUL * bound) {
            let beyond = self.latencies[which].beyond(gap, bound);
            self.promotion.latency(which, -beyond);
        }
    }

    /// The same of a percentile of few, which is only asked whether it speaks against green: that it is of fewer requests in one arm
    /// then counts for neither.
    fn test_gathered_promotion(&mut self, which: usize, loosely: Gap, strictly: Option<Gap>) {
        let (Some(promotion), Some(strictly)) = (&self.policy.promotion, strictly) else {
            return;
        };
        let gap = Gap {
            difference: 0.5 * (loosely.difference + strictly.difference),
            ..loosely
        };
        let beyond = self.latencies[which].beyond(gap, promotion.latency_ratio.ln());
        self.promotion.gathered_latency(which, -beyond);
    }

    fn test_gap(&mut self, which: usize, gap: Gap, tolerance: f64, begin_s: f64) -> f64 {
        let metric = LATENCIES[which];
        let lids = self.lids[place(metric)];
        let lids = if self.stalls.seen() { lids.for_three() } else { lids };
        let alone = self.latencies[which].step(gap, tolerance, self.policy.latency_noise, lids);
        let value = self.refresh(metric);
        self.trails[place(metric)].latency(begin_s, value, Some(gap.q), gap.green, gap.blue);
        alone
    }

    /// A promise is kept or not, whatever blue does.
    fn test_promised_latency(&mut self, green: &Arm) {
        let promised = self.policy.slo.p99_ms.zip(curve(green));
        if let Some(against) = promised.and_then(|(promised, green)| above_promised(green, promised)) {
            let lids = Lids::new(self.policy.false_rollbacks, 1.0);
            self.slo_latency.step(against, 0.0, self.policy.latency_noise, lids);
        }
    }

    fn trail_events(&mut self, metric: Metric, begin_s: f64, pair: Pair) {
        let value = self.refresh(metric);
        let Pair { green, blue } = pair;
        let trail = &mut self.trails[place(metric)];
        if matches!(metric, Metric::RareErrors | Metric::FrozenErrors) {
            // These compare with the whole past, not with the same windows.
            trail.set(
                begin_s,
                value,
                (green.n, green.k),
                (blue.n, blue.k),
                metric == Metric::RareErrors,
            );
        } else {
            trail.events(begin_s, value, (green.n, green.k), (blue.n, blue.k));
        }
    }
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = samples.iter().copied().filter(can_be).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
