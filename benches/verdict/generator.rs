//! Traces of a scenario.

use cutover::verdict::{Arm, Instance, Latency, Probes, Window};

use crate::random::{Random, normal_distribution, normal_quantile};
use crate::scenario::{MEDIAN_MS, SPREAD, Scenario, TAIL_FROM};

/// A trace, and what only its maker knows.
pub(crate) struct Trace {
    pub(crate) windows: Vec<Window>,
    pub(crate) truth: Vec<Truth>,
}

/// What only the maker of a window knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    /// Green's share.
    pub(crate) share: f64,
    /// How much of its fault green has: 0 to 1.
    pub(crate) fault: f64,
    /// Error rates without storms: of a green without its fault, and of green.
    pub(crate) base_errors: f64,
    pub(crate) green_errors: f64,
    /// The logarithm of what both latencies are multiplied by.
    pub(crate) common: f64,
    /// Requests that went badly because of the fault, on average.
    pub(crate) harm: f64,
}

/// The percentiles that are reported: p50, p90 and p99, as in the services' and the peers' reports.
const REPORTED: [(usize, f64); 3] = [(0, 0.5), (2, 0.9), (4, 0.99)];

pub(crate) fn trace(scenario: &Scenario, seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let count = (scenario.horizon_s() / scenario.window_s).round() as usize;
    let mut windows = Vec::with_capacity(count);
    let mut truth = Vec::with_capacity(count);
    // An autoregressive deviation of each arm, begun in its lasting state.
    let left = scenario.correlation.powf(scenario.window_s / 10.0);
    let fresh = (1.0 - left * left).sqrt();
    let mut own = [random.normal(), random.normal()];
    for at in 0..count {
        let begin = at as f64 * scenario.window_s;
        let end = begin + scenario.window_s;
        let (step, share) = step_at(scenario, begin);
        let after_shift = begin - scenario.lead_s;
        let fault = if scenario.is_bad {
            scenario.fault_at(after_shift + 0.5 * scenario.window_s)
        } else {
            1.0
        };
        let incident = scenario
            .incident
            .filter(|incident| incident.from_s <= after_shift && after_shift < incident.until_s);
        let added = incident.map_or(0.0, |incident| incident.errors);
        let common = scenario.common_noise * random.normal() + incident.map_or(0.0, |incident| incident.latency.ln());
        let green_errors = scenario.blue_errors + fault * (scenario.green_errors - scenario.blue_errors);
        let requests = scenario.rate * scenario.window_s;
        let n = [
            random.poisson(requests * (1.0 - share)),
            random.poisson(requests * share),
        ];
        let mut arms = [Arm::default(), Arm::default()];
        let storm = scenario.storms.filter(|storms| {
            let chance = 1.0 - (1.0 - storms.rate).powf(scenario.window_s / 10.0);
            random.uniform() < chance
        });
        let storm_hits = usize::from(random.uniform() < share);
        let scale = fault_scale(scenario, fault);
        for (which, arm) in arms.iter_mut().enumerate() {
            own[which] = left * own[which] + fresh * random.normal();
            let rate = (added + if which == 1 { green_errors } else { scenario.blue_errors }).min(1.0);
            let varied = scenario.varied.map_or(1.0, |shape| random.gamma(shape) / shape);
            let mut n = n[which];
            let mut k = match scenario.groups {
                Some(size) => (size * random.poisson(n * rate / size)).min(n),
                None => random.binomial(n, (rate * varied).min(1.0)),
            };
            if let Some(storms) = storm
                && storm_hits == which
            {
                let (low, high) = storms.size;
                let failures = (low + (high - low) * random.uniform()).round();
                if storms.extra_requests {
                    n += failures;
                }
                k = (k + failures).min(n);
            }
            if which == 1
                && let Some((instances, sick)) = scenario.instances
            {
                (n, k) = spread(arm, instances, sick, n, k, &mut random);
            }
            let deviation = common + scenario.own_noise * own[which];
            let (factor, tail) = scale[which];
            arm.requests = Some(n);
            arm.errors = Some(k);
            arm.latency = percentiles(n, MEDIAN_MS.ln() + deviation + factor.ln(), tail, &mut random);
            if let Some(probes) = scenario.probes
                && (which == 0 || share > 0.0)
            {
                let requests = (probes * scenario.window_s).round();
                arm.probes = Some(Probes {
                    requests,
                    failures: random.binomial(requests, rate),
                    latencies_ms: Vec::new(),
                });
            }
        }
        let [mut blue, green] = arms;
        blue.idle = share >= 1.0;
        truth.push(Truth {
            share,
            fault,
            base_errors: scenario.blue_errors + added,
            green_errors: green_errors + added,
            common,
            harm: requests * share * badness(scenario, fault, green_errors),
        });
        windows.push(Window {
            begin_s: begin,
            end_s: end,
            step,
            blue,
            green,
        });
    }
    Trace { windows, truth }
}

fn step_at(scenario: &Scenario, begin_s: f64) -> (u32, f64) {
    let mut from = scenario.lead_s;
    if begin_s < from {
        return (0, 0.0);
    }
    let mut step = 0;
    let mut current = 0.0;
    for (share, length) in &scenario.steps {
        if begin_s >= from {
            step += 1;
            current = *share;
        }
        from += length;
    }
    (step, current)
}

/// The factors of latency of blue and green: of all requests, and of the slowest.
fn fault_scale(scenario: &Scenario, fault: f64) -> [(f64, f64); 2] {
    let part = |factor: f64| 1.0 + fault * (factor - 1.0);
    [
        (scenario.blue_latency, 1.0),
        (part(scenario.green_latency), part(scenario.green_tail)),
    ]
}

/// The part of green's requests that go badly because of its fault: errors, or latencies above the 99th percentile of a healthy arm.
fn badness(scenario: &Scenario, fault: f64, green_errors: f64) -> f64 {
    let errors = (green_errors - scenario.blue_errors).max(0.0);
    let (_, (factor, tail)) = {
        let [blue, green] = fault_scale(scenario, fault);
        (blue, green)
    };
    let bound = normal_quantile(0.99);
    let by_all = 1.0 - normal_distribution(bound - factor.ln() / SPREAD) - 0.01;
    let by_tail = (1.0 - normal_distribution(bound - tail.ln() / SPREAD)).min(1.0 - TAIL_FROM) - 0.01;
    errors + by_all.max(by_tail).max(0.0)
}

/// Splits an arm's counts over instances, the first of which is sick.
fn spread(arm: &mut Arm, instances: usize, sick: f64, n: f64, k: f64, random: &mut Random) -> (f64, f64) {
    let (mut n_left, mut k_left, mut failures) = (n, k, 0.0);
    for at in 0..instances {
        let left = (instances - at) as f64;
        let own = if at + 1 == instances {
            n_left
        } else {
            random.binomial(n_left, 1.0 / left)
        };
        let failed = if at + 1 == instances {
            k_left
        } else {
            random.binomial(k_left, 1.0 / left).min(own)
        };
        (n_left, k_left) = (n_left - own, k_left - failed);
        let more = if at == 0 {
            random.binomial(own - failed, sick)
        } else {
            0.0
        };
        failures += failed + more;
        arm.instances.push(Instance {
            id: format!("i-{at}"),
            requests: Some(own),
            errors: Some(failed + more),
            healthy: None,
        });
    }
    (n, failures.min(n))
}

/// Percentiles of a sample of lognormal latencies, whose slowest are slower still, without drawing the sample: order statistics of
/// uniform numbers have beta distributions, each given the one before it.
fn percentiles(n: f64, middle: f64, tail: f64, random: &mut Random) -> Latency {
    let mut points = [None; 5];
    if n < 1.0 {
        return Latency::Unknown;
    }
    let (mut rank, mut position) = (0.0, 0.0);
    for (at, q) in REPORTED {
        let next = (q * n).ceil().clamp(1.0, n);
        if next > rank {
            position += (1.0 - position) * random.beta(next - rank, n - next + 1.0);
            rank = next;
        }
        let slow = if position > TAIL_FROM { tail.ln() } else { 0.0 };
        let value = (middle + SPREAD * normal_quantile(position) + slow).exp();
        points[at] = Some(value);
    }
    Latency::Percentiles(points)
}
