//! The judge of one release: it reads a window, feeds the detectors (`detect`), and concludes (`conclude`).

mod conclude;
mod detect;
mod excused;
mod gone;

use serde::{Deserialize, Serialize};

use self::excused::Excused;
use self::gone::Gone;
use super::counts::{CeilingTest, CountTest, Lids};
use super::dispersion::Dispersion;
use super::evalue::Count;
use super::evidence::{Advice, Decision, Metric, Trail, Verdict, Why};
use super::gathered::Gathered;
use super::history::Lesson;
use super::instances::{Instances, Settled};
use super::latency::Curve;
use super::policy::Policy;
use super::probes::ProbeTest;
use super::promotion::PromotionTest;
use super::ranks::{self, RankTest};
use super::rare::RareTest;
use super::slower::{GapTest, Swings};
use super::stalls::Stalls;
use super::window::{Arm, Instance, Latency, Window};

/// The parts of the budget, one for each of [`Metric::ALL`]. What a service does not measure leaves its part to the others.
const PARTS: [f64; 10] = [0.56, 0.02, 0.25, 0.01, 0.05, 0.23, 0.01, 0.20, 0.12, 0.12];

/// The part of the budget that is kept for metrics that appear only after the shift.
const LATE_PART: f64 = 0.01;

/// Traffic is rare when blue has had no more requests than that in a window, on average, before the shift.
const RARE: f64 = 12.0;

/// Failures come in groups when the dispersion before the shift is above that.
const GROUPED: f64 = 1.3;

/// A blue that was left no traffic still has some: clients that keep an old answer of DNS, and bots. While they are fewer than that part of
/// green's users, they say too little to be all that green is compared with. A tenth is what a release keeps for blue to compare with.
const TRICKLE: f64 = 0.1;

/// What of the stake on server errors is on their counts then; the rest is on shares.
const GROUPED_PART: f64 = 0.3;

/// The judge of one release: fed window by window, it says what is to be done.
///
/// Its state is all that is left of the windows; serialised and read back it goes on as if nothing had happened. A retry of the same
/// build goes on with the same judge, because the budget is one for all of it; a new build gets a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    policy: Policy,
    /// Parts of the budget, set at green's first request.
    parts: Option<[f64; 10]>,
    /// How much one window may say, for each of them.
    lids: [Lids; 10],
    /// What each one's stake of 1 has grown to.
    values: [f64; 10],
    /// What the newest window in which each of them was compared says against green by itself.
    #[serde(default)]
    alone: [Alone; 10],
    shift_s: Option<f64>,
    first_request_s: Option<f64>,
    last_end_s: Option<f64>,
    step: u32,
    seen: Seen,
    blue_past: Count,
    blue_windows: f64,
    #[serde(default)]
    gone: Gone,
    dispersion: Dispersion,
    client_dispersion: Dispersion,
    errors: CountTest,
    rare: RareTest,
    frozen: CeilingTest,
    client_errors: CountTest,
    swings: Swings,
    latencies: [GapTest; 3],
    #[serde(default)]
    gathered: [Gathered; 3],
    #[serde(default)]
    stalls: Stalls,
    samples: RankTest,
    probes: ProbeTest,
    slo_errors: CeilingTest,
    #[serde(default)]
    slo_since: Trail,
    slo_latency: GapTest,
    instances: Instances,
    #[serde(default)]
    excused: Excused,
    promotion: PromotionTest,
    #[serde(default)]
    compared: Compared,
    trails: [Trail; 10],
    decided: Option<Verdict>,
}

/// Which kinds of measurements there have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    errors: bool,
    client_errors: bool,
    percentiles: bool,
    samples: bool,
    probes: bool,
}

/// How latencies differed in all windows in which they were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Compared {
    windows: u32,
    /// Of the logarithms of their ratios.
    sum: f64,
}

/// What one window says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Alone {
    value: f64,
    end_s: f64,
}

impl Default for Alone {
    fn default() -> Self {
        Self { value: 1.0, end_s: 0.0 }
    }
}

/// What one window gives to the detectors.
struct Reading {
    begin_s: f64,
    end_s: f64,
    green: Option<Count>,
    blue: Option<Count>,
    /// Whether most of our own checks of blue failed. They are of now, where what is counted may be a window old.
    blue_is_down: bool,
    /// Whether it has answered a user, or all of our own checks, or is not there to be waited for.
    blue_answers: bool,
    /// Whether it has no traffic any more, but for the few who stay with it.
    blue_is_gone: bool,
    /// Whether most of those who asked it failed, users and our own checks together.
    blue_fails: bool,
    sick: Option<Advice>,
    /// Whether what failed may be a sick instance's, and nobody tells.
    excused: bool,
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let dispersion = Dispersion::expecting(policy.dispersion);
        Self {
            policy,
            parts: None,
            lids: [Lids::default(); 10],
            values: [1.0; 10],
            alone: <[Alone; 10]>::default(),
            shift_s: None,
            first_request_s: None,
            last_end_s: None,
            step: 0,
            seen: Seen::default(),
            blue_past: Count::default(),
            blue_windows: 0.0,
            gone: Gone::default(),
            dispersion,
            client_dispersion: Dispersion::default(),
            errors: CountTest::default(),
            rare: RareTest::default(),
            frozen: CeilingTest::default(),
            client_errors: CountTest::default(),
            swings: Swings::default(),
            latencies: <[GapTest; 3]>::default(),
            gathered: <[Gathered; 3]>::default(),
            stalls: Stalls::default(),
            samples: RankTest::default(),
            probes: ProbeTest::default(),
            slo_errors: CeilingTest::default(),
            slo_since: Trail::default(),
            slo_latency: GapTest::default(),
            instances: Instances::default(),
            excused: Excused::default(),
            promotion: PromotionTest::default(),
            compared: Compared::default(),
            trails: [Trail::default(); 10],
            decided: None,
        }
    }

    /// The policy it judges by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The one of green's instances that may be sick, as they are now and were in the windows, if no other one is unwell. It is not
    /// enough to leave it out of what is counted.
    #[must_use]
    pub fn suspect<'a>(&self, now: &'a [Instance]) -> Option<&'a Instance> {
        self.instances.suspect(now)
    }

    /// What the windows so far have shown of how both arms differ by themselves, if they are good.
    #[must_use]
    pub fn lesson(&self) -> Lesson {
        let Compared { windows, sum } = self.compared;
        Lesson {
            windows,
            difference: sum / f64::from(windows.max(1)),
            dispersion: self.dispersion.factor(),
        }
    }

    /// Takes a window and answers at once. `unhealthy` is final: later windows get the same answer.
    ///
    /// Windows before the shift (step 0) are welcome: they show how noisy the service is by itself. One that does not end after the
    /// one before it was seen already, and counts for nothing.
    pub fn window(&mut self, window: &Window) -> Verdict {
        if let Some(verdict) = &self.decided {
            return verdict.clone();
        }
        if !window.end_s.is_finite() || self.last_end_s.is_some_and(|last| window.end_s <= last) {
            return self.answer(Why::Silence, None);
        }
        let begin_s = if window.begin_s < window.end_s {
            window.begin_s
        } else {
            window.end_s
        };
        self.last_end_s = Some(window.end_s);
        let verdict = self.judge(window, begin_s);
        if verdict.decision == Decision::Unhealthy {
            self.decided = Some(verdict.clone());
        }
        verdict
    }

    fn judge(&mut self, window: &Window, begin_s: f64) -> Verdict {
        let reading = self.read(window, begin_s);
        if window.step > self.step {
            self.step = window.step;
            self.promotion = PromotionTest::default();
            self.gathered = Default::default();
            self.alone = Default::default();
            self.rare.next_step();
            self.shift_s.get_or_insert(begin_s);
        }
        self.note(window);
        let green_requests = window.green.requests();
        let green_probes = window.green.probes().is_some_and(|probes| probes.n > 0.0);
        let has_traffic = self.step > 0 && (green_requests > 0.0 || green_probes);
        if has_traffic {
            self.shift_s.get_or_insert(begin_s);
            self.first_request_s.get_or_insert(begin_s);
            if self.parts.is_none() {
                let parts = self.share_out();
                self.lids = parts.map(|part| Lids::new(self.policy.false_rollbacks, part));
                self.parts = Some(parts);
                for test in self.latencies.iter_mut().chain([&mut self.slo_latency]) {
                    test.expect(&self.swings, self.policy.latency_noise);
                }
            }
            // A source that is late tells of an earlier step too: that speaks against green as ever, and for no later step.
            let kept = (window.step < self.step).then(|| self.promotion.clone());
            self.test(window, &reading);
            if let Some(kept) = kept {
                self.promotion = kept;
            }
        }
        self.learn(&reading, window);
        if self.parts.is_none() {
            return self.answer(Why::NoTraffic, None);
        }
        self.conclude(window, reading, has_traffic)
    }

    fn read(&mut self, window: &Window, begin_s: f64) -> Reading {
        let Settled { well, sick, is_new } = self.instances.settle(&window.green, window.end_s - begin_s);
        if is_new {
            self.forgive();
        }
        let excused = self.excused.takes(window, begin_s, is_new, sick.is_some());
        let sick = sick.map(|instance| {
            let count = instance.errors().unwrap_or_default();
            Advice::ReplaceInstance {
                id: instance.id,
                requests: count.n,
                errors: count.k,
            }
        });
        self.gone.take(&window.blue, window.end_s - begin_s);
        let blue = window.blue.errors();
        let checks = window.blue.probes().unwrap_or_default();
        let mut asked = checks;
        asked.add(blue.unwrap_or_default());
        let of_green = window.green.requests();
        let blue_is_gone = self.gone.is_so(&window.blue, self.blue_past)
            && blue.is_none_or(|blue| blue.n <= 0.0 || blue.n < TRICKLE * of_green);
        Reading {
            begin_s,
            end_s: window.end_s,
            green: well.filter(|_| !excused),
            blue,
            blue_is_down: 2.0 * checks.k > checks.n,
            blue_answers: blue_is_gone || blue.is_some_and(|blue| blue.n > 0.0) || checks.n > 0.0 && checks.k == 0.0,
            blue_is_gone,
            blue_fails: 2.0 * asked.k > asked.n,
            sick,
            excused,
        }
    }

    /// Takes back what speaks against green, and nothing that speaks for it: all of it may have been the doing of an instance that was
    /// found sick only now, and probes and percentiles cannot tell instances apart. The others go on being judged from here.
    fn forgive(&mut self) {
        if self.slo_errors.value() > 1.0 {
            self.slo_since = Trail::default();
        }
        self.errors.forget();
        self.rare.forget();
        self.frozen.forget();
        self.client_errors.forget();
        self.samples.forget();
        self.probes.forget();
        self.slo_errors.forget();
        for test in self.latencies.iter_mut().chain([&mut self.slo_latency]) {
            test.forget();
        }
        self.gathered = Default::default();
        self.alone = Default::default();
        for metric in Metric::ALL {
            let before = self.values[place(metric)];
            if self.refresh(metric) < before {
                self.trails[place(metric)] = Trail::default();
            }
        }
    }

    /// Notes which kinds of measurements there are. Which ones there are must not depend on what they say.
    fn note(&mut self, window: &Window) {
        for arm in [&window.blue, &window.green] {
            self.seen.errors |= arm.errors().is_some();
            self.seen.client_errors |= arm.client_errors().is_some();
            self.seen.percentiles |= matches!(arm.latency, Latency::Percentiles(_));
            self.seen.samples |= matches!(arm.latency, Latency::Samples(_));
            self.seen.probes |= arm.probes.is_some();
        }
    }

    /// Shares the budget out among the detectors that have something to do.
    fn share_out(&self) -> [f64; 10] {
        let seen = self.seen;
        let rare = seen.errors && self.blue_past.n <= RARE * self.blue_windows.max(1.0);
        let used = |metric: Metric| match metric {
            Metric::Errors | Metric::ErrorShare | Metric::FrozenErrors => seen.errors,
            Metric::RareErrors => rare,
            Metric::ClientErrors => seen.client_errors,
            Metric::Latency | Metric::TailLatency | Metric::ExtremeLatency => seen.percentiles || seen.samples,
            Metric::SampledLatency => seen.samples,
            Metric::Probes => seen.probes,
        };
        let mut parts = PARTS;
        if self.dispersion.factor() > GROUPED {
            // What of the stake is on failures that come alone is better placed on their share.
            let both = PARTS[place(Metric::Errors)] + PARTS[place(Metric::ErrorShare)];
            parts[place(Metric::Errors)] = GROUPED_PART * both;
            parts[place(Metric::ErrorShare)] = (1.0 - GROUPED_PART) * both;
        }
        let sum = |wanted: bool| -> f64 {
            let parts = Metric::ALL.into_iter().zip(parts);
            parts
                .filter(|(metric, _)| used(*metric) == wanted)
                .map(|(_, part)| part)
                .sum()
        };
        let (now, later) = (sum(true), sum(false));
        // Where nothing is measured yet, or nothing is missing, there is no need to split.
        let late_part = match (now > 0.0, later > 0.0) {
            (true, true) => LATE_PART,
            (false, _) => 1.0,
            (true, false) => 0.0,
        };
        for (metric, part) in Metric::ALL.into_iter().zip(&mut parts) {
            if metric == Metric::RareErrors && !rare {
                // Its null hypothesis is too narrow for a service with much traffic.
                *part = 0.0;
                continue;
            }
            *part *= if used(metric) {
                (1.0 - late_part) / now
            } else {
                late_part / later
            };
        }
        parts
    }

    /// Takes what a window says of the service itself. After the tests: what is learnt from a window must not be used on it.
    fn learn(&mut self, reading: &Reading, window: &Window) {
        self.dispersion.learn(reading.blue, reading.green);
        self.client_dispersion
            .learn(window.blue.client_errors(), window.green.client_errors());
        self.stalls.learn(curve(&window.blue), curve(&window.green));
        if let Some(blue) = reading.blue {
            if self.parts.is_none() {
                self.rare.before(blue);
                if let Some(curve) = curve(&window.blue) {
                    self.swings.learn(curve);
                }
            }
            // What the last few users of it meet is not what it was like: its past is that of its traffic.
            if !reading.blue_is_gone {
                self.blue_past.add(blue);
            }
            self.blue_windows += 1.0;
        }
    }

    /// Works out what a metric's stake of 1 has grown to.
    fn refresh(&mut self, metric: Metric) -> f64 {
        let value = self.value(metric);
        self.values[place(metric)] = value;
        value
    }

    fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Errors => self.errors.counts(),
            Metric::ErrorShare => self.errors.shares(),
            Metric::RareErrors => self.rare.value(),
            Metric::FrozenErrors => self.frozen.value(),
            Metric::ClientErrors => self.client_errors.counts(),
            Metric::Latency => self.latencies[0].value(),
            Metric::TailLatency => self.latencies[1].value(),
            Metric::ExtremeLatency => self.latencies[2].value(),
            Metric::SampledLatency => self.samples.value(),
            Metric::Probes => self.probes.value(),
        }
    }
}

/// A metric's place in [`Metric::ALL`].
fn place(metric: Metric) -> usize {
    metric as usize
}

/// An arm's percentiles: as they are, or of its samples if there are enough.
fn curve(arm: &Arm) -> Option<Curve> {
    match &arm.latency {
        Latency::Percentiles(points) => Some(Curve {
            n: arm.requests(),
            own: arm.own_part(),
            points: *points,
        }),
        Latency::Samples(samples) if samples.len() >= ranks::ENOUGH => Some(ranks::curve(samples)),
        Latency::Samples(_) | Latency::Unknown => None,
    }
}
