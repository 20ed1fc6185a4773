//! What windows of time say of both environments, and what the health engine makes of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counted::{Counted, CountedBy};
use super::decide::Decision;
use super::event::{Event, Look};
use super::observation::Observation;
use super::plan::Plan;
use super::seen::{HealthSeen, InstanceSeen};
use super::state::Release;
use crate::model::{InstanceId, Known, Timestamp};
use crate::verdict::{self, Arm, Instance, Judge, Latency, Lesson, Own, Probes, Verdict, Window};

/// Before the shift so many windows of blue are enough to know how it is by itself.
const LEAD_IN: u32 = 30;

/// What is seen of no window at all is taken to be of so long.
const LENGTH: Duration = Duration::from_secs(10);

/// Windows of blue and green that ended further apart do not show the same time. The service ends one every ten seconds for
/// each environment.
const APART: Duration = Duration::from_secs(15);

/// No two looks are taken for closer to each other, in seconds.
const SHORTEST_S: f64 = 0.1;

/// A window of both environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What was counted. Its time is that since the release began.
    pub window: Window,
    /// Which window of blue it is, by the service's clock; absent if there was no new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_at: Option<Timestamp>,
    /// The same of green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub green_at: Option<Timestamp>,
}

#[cfg(test)]
impl Measured {
    /// A window that says nothing.
    pub(super) fn nothing() -> Self {
        Self {
            window: Window::default(),
            blue_at: None,
            green_at: None,
        }
    }
}

/// What is known of green against blue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// What the newest window came to.
    pub verdict: Option<Verdict>,
    /// How many windows there were.
    pub windows: u32,
    /// The health engine: all that is left of the windows.
    judge: Judge,
    /// How many requests and probes green has answered in the current step, rightly or not.
    #[serde(default)]
    answered: f64,
    #[serde(default)]
    step: u32,
    /// When the release began; moves with the clock.
    since: Timestamp,
    blue_at: Option<Timestamp>,
    green_at: Option<Timestamp>,
    #[serde(default)]
    own_of_blue: Gathered,
    #[serde(default)]
    own_of_green: Gathered,
    /// Whether a source has told of users' requests to green in the current step.
    #[serde(default)]
    counted: bool,
}

impl Assessment {
    /// Of a release that begins.
    pub(super) fn new(plan: &Plan, at: Timestamp) -> Self {
        Self {
            verdict: None,
            windows: 0,
            answered: 0.0,
            step: 0,
            judge: Judge::new(plan.verdict.clone()),
            since: at,
            blue_at: None,
            green_at: None,
            own_of_blue: Gathered::default(),
            own_of_green: Gathered::default(),
            counted: false,
        }
    }

    /// Takes a window.
    pub(super) fn take(&mut self, measured: &Measured) {
        self.verdict = Some(self.judge.window(&measured.window));
        self.windows += 1;
        let Window { step, blue, green, .. } = &measured.window;
        if *step > self.step {
            (self.step, self.answered, self.counted) = (*step, 0.0, false);
        }
        // A source that is late tells of the step before as well.
        if *step == self.step {
            let probes = green.probes.as_ref().map_or(0.0, |probes| probes.requests);
            self.answered += (green.requests.unwrap_or(0.0) - green.own.requests).max(0.0) + probes;
            self.counted |= green.requests.is_some();
        }
        let end_s = measured.window.end_s;
        self.own_of_blue.take(blue, measured.blue_at, end_s);
        self.own_of_green.take(green, measured.green_at, end_s);
        self.blue_at = measured.blue_at.or(self.blue_at);
        self.green_at = measured.green_at.or(self.green_at);
    }

    /// Moves its moments.
    pub(super) fn moved(&mut self, stands_still: impl Fn(&mut Timestamp)) {
        stands_still(&mut self.since);
    }

    /// Whether more of blue is worth knowing before green gets traffic.
    pub(super) fn leads_in(&self) -> bool {
        self.windows < LEAD_IN
    }

    /// What is missing to say anything of green in this step: silence is no health.
    pub(super) fn too_little(&self, plan: &Plan) -> Option<String> {
        let wanted = plan.bake.min_requests;
        if let Some(source) = plan.counted_by.another()
            && !self.counted
            && wanted > 0
        {
            return Some(format!(
                "{source} has told nothing yet of what green serves in this step"
            ));
        }
        let too_little = self.answered < f64::from(wanted);
        too_little.then(|| {
            format!(
                "green has answered {:.0} requests and probes in this step, and {wanted} are wanted",
                self.answered
            )
        })
    }

    /// Why green must be taken back, if it must.
    pub(super) fn unhealthy(&self) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        (verdict.decision == verdict::Decision::Unhealthy).then(|| self.told(verdict))
    }

    /// Why green need not be watched any longer in a step, if it was shown to be no worse while blue still had traffic beside it.
    pub(super) fn good(&self, step: usize) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        let newest = u32::try_from(step).ok()?.checked_add(1)? == self.step;
        (newest && verdict.decision == verdict::Decision::Healthy).then(|| self.told(verdict))
    }

    /// The one of green's instances that was sick in the newest window, while the others were not.
    pub(super) fn sick(&self) -> Option<InstanceId> {
        let verdict::Advice::ReplaceInstance { id, .. } = self.verdict.as_ref()?.advice.as_ref()?;
        Some(InstanceId::new(id.clone()))
    }

    /// The one of these instances that may be sick, while no other one is: enough to wait for more.
    pub(super) fn suspect(&self, now: &[Instance]) -> Option<InstanceId> {
        let suspect = self.judge.suspect(now)?;
        Some(InstanceId::new(suspect.id.clone()))
    }

    /// What the windows have shown of how two good environments differ.
    pub(super) fn lesson(&self) -> Lesson {
        self.judge.lesson()
    }

    /// What speaks against green without being enough to take it back.
    pub(super) fn suspicion(&self) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        matches!(verdict.why, verdict::Why::Suspicion).then(|| self.told(verdict))
    }

    /// A verdict with the times of day at which things began.
    fn told(&self, verdict: &Verdict) -> String {
        verdict.in_words(&|since_s| {
            let since = Duration::try_from_secs_f64(since_s).unwrap_or_default();
            (self.since + since).time_of_day()
        })
    }
}

/// What one look says of the newest window; `None` if that is nothing new. Checks that were judged to say nothing of green are no
/// probes of it.
pub(super) fn measured(release: &Release, seen: &Observation, look: Option<&Look>) -> Option<Measured> {
    let known = &release.assessment;
    let newest = match release.plan.counted_by {
        CountedBy::EnhancedHealth => by_health(release, seen),
        CountedBy::TargetGroups | CountedBy::Endpoint(_) => by_another(release, seen),
    };
    let looked = look.and_then(|look| probes(release, seen, look));
    let probes = join(looked, seen.sampled.as_ref().map(|sampled| sampled.green.clone()));
    let mut probes_of_blue = seen.sampled.as_ref().map(|sampled| sampled.blue.clone());
    if newest.blue.is_none() && newest.green.is_none() && probes.is_none() {
        return None;
    }
    let step = if release.shifted_at.is_some() {
        let step = u32::try_from(release.step).unwrap_or(u32::MAX);
        // Until the weights of a step are in place, green has what it had before.
        step.saturating_add(u32::from(release.in_place && !newest.of_before))
    } else {
        0
    };
    let (blue, blue_at) = newest.blue.unzip();
    let (green, green_at) = newest.green.unzip();
    let mut blue = blue.unwrap_or_default();
    let mut green = green.unwrap_or_default();
    if release.plan.counted_by.counts_all() {
        let at_s = seen.at.since(known.since).as_secs_f64();
        let in_window = |own: &Gathered, probes: Option<&Probes>, is_new: bool| {
            let own = is_new.then(|| own.in_window(probes, newest.length, at_s));
            own.unwrap_or_default()
        };
        blue.own = in_window(&known.own_of_blue, probes_of_blue.as_ref(), blue_at.is_some());
        green.own = in_window(&known.own_of_green, probes.as_ref(), green_at.is_some());
        if release.plan.drill.is_some() {
            // Those of a drill are made to fail, and were answered well.
            green.own.failures = 0.0;
        }
        if release.plan.expects_client_errors() {
            // Then some of them are our own, and nobody knows how many.
            for arm in [&mut blue, &mut green] {
                arm.client_errors = arm.client_errors.filter(|_| arm.own.requests <= 0.0);
            }
        }
    }
    if release.whole_step() && release.in_place {
        // Whoever is idle is quick: of a blue without traffic only failures say something.
        blue.latency = Latency::Unknown;
        if let Some(probes) = &mut probes_of_blue {
            probes.latencies_ms.clear();
        }
    }
    let end = seen.at.since(known.since);
    let window = Window {
        begin_s: end.saturating_sub(newest.length).as_secs_f64(),
        end_s: end.as_secs_f64(),
        step,
        blue: Arm {
            probes: probes_of_blue,
            ..blue
        },
        green: Arm { probes, ..green },
    };
    Some(Measured {
        window,
        blue_at,
        green_at,
    })
}

/// What is new of both, and which windows these are by the clock of their source.
struct Newest {
    blue: Option<(Arm, Timestamp)>,
    green: Option<(Arm, Timestamp)>,
    length: Duration,
    /// Whether they began before green had the traffic of its step.
    of_before: bool,
}

/// What Elastic Beanstalk counted.
fn by_health(release: &Release, seen: &Observation) -> Newest {
    let known = &release.assessment;
    let mut blue = fresh(&seen.blue_health, known.blue_at);
    // Before it has traffic, green's numbers are those of our own checks while it comes up.
    let green = release
        .shifted_at
        .and_then(|_| fresh(&seen.green_health, known.green_at));
    // What happens to both at once must be seen at once, or it counts as a difference.
    if let (Some((_, of_blue)), Some((_, of_green))) = (blue, green)
        && of_blue.since(of_green).max(of_green.since(of_blue)) > APART
    {
        blue = None;
    }
    let length = blue.or(green).map(|(health, _)| health.window.get());
    let arm = |(health, at): (&HealthSeen, Timestamp)| (arm(health), at);
    Newest {
        blue: blue.map(arm),
        green: green.map(arm),
        length: length.unwrap_or(LENGTH),
        of_before: false,
    }
}

/// What another source counted. Its windows are of both, and none may hold a request that one before it held.
fn by_another(release: &Release, seen: &Observation) -> Newest {
    let known = &release.assessment;
    let last = known.blue_at.max(known.green_at);
    let new = |counted: &&Counted| last.is_none_or(|last| counted.told_at - counted.length.get() >= last);
    let counted = seen.counted.known().filter(new);
    let began = counted.map(|counted| counted.ended_at - counted.length.get());
    let before = |at: Timestamp| began.is_some_and(|began| began < at);
    // Which instances there are the service knows, and only if its word is of the same time.
    let longest = counted.map_or(LENGTH, |counted| counted.length.get()).max(APART);
    let health = seen.green_health.known();
    let health = health.filter(|health| health.refreshed_at.is_some_and(|at| seen.at.since(at) <= longest));
    let by_instance = |green: Arm| {
        let of_health = health.map(|health| instances(health, false)).unwrap_or_default();
        let told = &green.instances;
        let merged = of_health.into_iter().map(|known| {
            let counted = told.iter().find(|told| told.id == known.id);
            Instance {
                requests: counted.and_then(|told| told.requests),
                errors: counted.and_then(|told| told.errors),
                ..known
            }
        });
        Arm {
            instances: merged.collect(),
            ..green
        }
    };
    Newest {
        blue: counted.map(|counted| (counted.blue.clone(), counted.told_at)),
        green: counted
            .filter(|_| release.shifted_at.is_some())
            .map(|counted| (by_instance(counted.green.clone()), counted.told_at)),
        length: counted.map_or(LENGTH, |counted| counted.length.get()),
        of_before: release.shifted_at.is_some_and(before),
    }
}

/// Puts what is seen of blue by itself on record, where nothing else is to be done.
pub(super) fn lead_in(release: &Release, seen: &Observation) -> Option<Decision> {
    let measured = release
        .assessment
        .leads_in()
        .then(|| measured(release, seen, None))
        .flatten()?;
    let event = Event::Measured {
        measured: Box::new(measured),
    };
    Some(super::decide::record("what blue served".to_owned(), event))
}

/// Health that is newer than what was known, and its place in time by the service's clock.
fn fresh(health: &Known<HealthSeen>, before: Option<Timestamp>) -> Option<(&HealthSeen, Timestamp)> {
    let health = health.known()?;
    let at = health.reported_at?;
    before.is_none_or(|before| at > before).then_some((health, at))
}

fn arm(health: &HealthSeen) -> Arm {
    let Some(served) = &health.served else {
        return Arm::default();
    };
    let classes = served.classes;
    let latency = served.latency.map_or(Latency::Unknown, |latency| {
        let told = [latency.p50, latency.p75, latency.p90, latency.p95, latency.p99];
        Latency::Percentiles(told.map(|seconds| (seconds > 0.0).then_some(seconds * 1000.0)))
    });
    Arm {
        requests: Some(number(served.requests)),
        errors: classes.map(|classes| number(classes.status_5xx)),
        client_errors: classes.map(|classes| number(classes.status_4xx)),
        latency,
        instances: instances(health, true),
        ..Arm::default()
    }
}

/// Its instances: how they are, and what each served, unless somebody else counts that.
pub(super) fn instances(health: &HealthSeen, counted: bool) -> Vec<Instance> {
    let instance = |(id, seen): (&InstanceId, &InstanceSeen)| {
        let served = seen.served.filter(|_| counted);
        Instance {
            id: id.to_string(),
            requests: served.map(|served| number(served.requests)),
            errors: served.and_then(|served| Some(number(served.classes?.status_5xx))),
            healthy: seen.status.is_well(),
        }
    };
    health.instances.iter().map(instance).collect()
}

/// What green served, put on record before the next look is due, because our own requests to it fail and those to blue do not.
pub(super) fn failing(release: &Release, seen: &Observation) -> Option<Decision> {
    let sampled = seen.sampled.as_ref()?;
    if sampled.green.failures == 0.0 || sampled.blue.failures > 0.0 {
        return None;
    }
    let event = Event::Measured {
        measured: Box::new(measured(release, seen, None)?),
    };
    Some(super::decide::record(
        "our own requests to green fail".to_owned(),
        event,
    ))
}

/// Our own requests to an arm since the entry with its newest window: the next one contains some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Gathered {
    own: Own,
    /// When that entry was made, in the seconds of windows.
    since_s: Option<f64>,
}

impl Gathered {
    /// Takes what an entry says.
    fn take(&mut self, arm: &Arm, new_window: Option<Timestamp>, at_s: f64) {
        *self = match new_window {
            Some(_) => Self {
                own: Own::default(),
                since_s: Some(at_s),
            },
            None => Self {
                own: self.with(arm.probes.as_ref()),
                ..*self
            },
        };
    }

    fn with(&self, probes: Option<&Probes>) -> Own {
        let (requests, failures) = probes.map_or((0.0, 0.0), |probes| (probes.requests, probes.failures));
        Own {
            requests: self.own.requests + requests,
            failures: self.own.failures + failures,
        }
    }

    /// How many of them a window of that length holds. It is not the one after the last if looks are further apart than windows, and it
    /// overlaps with it if they are closer.
    fn in_window(&self, probes: Option<&Probes>, length: Duration, at_s: f64) -> Own {
        let own = self.with(probes);
        let part = self
            .since_s
            .map_or(1.0, |since_s| length.as_secs_f64() / (at_s - since_s).max(SHORTEST_S));
        Own {
            requests: own.requests * part,
            failures: own.failures * part,
        }
    }
}

/// All of our own requests.
fn join(one: Option<Probes>, other: Option<Probes>) -> Option<Probes> {
    let (Some(mut all), Some(other)) = (one.clone(), other.clone()) else {
        return one.or(other);
    };
    all.requests += other.requests;
    all.failures += other.failures;
    all.latencies_ms.extend(other.latencies_ms);
    Some(all)
}

/// A count, as the engine wants it: exact as long as it is below 2^53.
#[expect(clippy::cast_precision_loss, reason = "no window has so many requests")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Our own requests to green in this look.
fn probes(release: &Release, seen: &Observation, look: &Look) -> Option<Probes> {
    let public = seen.public.as_ref()?;
    if matches!(look, Look::Unknown { .. }) {
        return None;
    }
    // Behind the public name answers blue as well, as long as it has a part of the traffic.
    let asked = if !public.direct.is_empty() {
        &public.direct
    } else if release.whole_step() && release.in_place {
        &public.checks
    } else {
        return None;
    };
    let passed = || asked.iter().filter(|probe| probe.passed);
    (!asked.is_empty()).then(|| Probes {
        requests: number(asked.len() as u64),
        failures: number((asked.len() - passed().count()) as u64),
        latencies_ms: passed()
            .map(|probe| probe.latency.get().as_secs_f64() * 1000.0)
            .collect(),
    })
}
