//! What is known of green against blue: what the health engine made of the windows so far.

mod newest;
mod own;
mod window;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::own::Gathered;
use super::plan::Plan;
use crate::model::{InstanceId, Timestamp};
use crate::verdict::{self, Arm, Instance, Judge, Lesson, Verdict, Window};

pub(super) use newest::{instances, number};
pub(super) use window::measured;

/// Before the shift so many windows of blue are enough to know how it is by itself.
const LEAD_IN: u32 = 30;

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
    /// Whether somebody had removed blue, or was removing it: then nothing of it is counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blue_is_gone: bool,
}

#[cfg(test)]
impl Measured {
    /// A window that says nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            window: Window::default(),
            blue_at: None,
            green_at: None,
            blue_is_gone: false,
        }
    }
}

/// Of so many answers at least one would have been counted, if anybody counted.
const SURELY_COUNTED: f64 = 20.0;

/// How many of our own requests an environment has answered in a window.
fn answered(arm: &Arm) -> f64 {
    let probes = arm.probes.as_ref();
    probes.map_or(0.0, |probes| (probes.requests - probes.failures).max(0.0))
}

/// Whether a window counts a request of it.
fn counted(arm: &Arm) -> bool {
    arm.requests.is_some_and(|requests| requests > 0.0)
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
    /// When green got its first traffic. A window that began before may hold some of it.
    #[serde(default)]
    shifted_at: Option<Timestamp>,
    blue_at: Option<Timestamp>,
    green_at: Option<Timestamp>,
    #[serde(default)]
    own_of_blue: Gathered,
    #[serde(default)]
    own_of_green: Gathered,
    /// Whether a source has told of users' requests to green in the current step.
    #[serde(default)]
    counted: bool,
    /// How many of cutover's own requests blue has answered.
    #[serde(default)]
    blue_answered: f64,
    /// Whether any request of blue was ever counted.
    #[serde(default)]
    blue_counted: bool,
    /// How many of cutover's own requests green has answered.
    #[serde(default)]
    green_answered: f64,
    /// Whether any request of green was ever counted.
    #[serde(default)]
    green_counted: bool,
    /// When the newest window ended in which requests of both were counted, since the release began.
    #[serde(default)]
    compared_s: Option<f64>,
    /// What blue served before green had traffic.
    #[serde(default)]
    before: Before,
    /// Whether blue was gone in the newest window.
    #[serde(default)]
    blue_is_gone: bool,
}

/// What blue served while it had all the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Requests that were not answered with 4xx.
    answered: f64,
    seconds: f64,
}

impl Before {
    /// Requests a second that were not answered with 4xx.
    pub(super) fn answered_per_second(self) -> f64 {
        self.answered / self.seconds
    }
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
            shifted_at: None,
            blue_at: None,
            green_at: None,
            own_of_blue: Gathered::default(),
            own_of_green: Gathered::default(),
            counted: false,
            blue_answered: 0.0,
            blue_counted: false,
            green_answered: 0.0,
            green_counted: false,
            compared_s: None,
            before: Before::default(),
            blue_is_gone: false,
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
        self.blue_answered += answered(blue);
        self.blue_counted |= counted(blue);
        self.green_answered += answered(green);
        self.green_counted |= counted(green);
        let end_s = measured.window.end_s;
        if counted(blue) && counted(green) {
            self.compared_s = Some(end_s);
        }
        if *step == 0
            && let (Some(requests), Some(refused)) = (blue.requests, blue.client_errors)
        {
            self.before.answered += (requests - refused).max(0.0);
            self.before.seconds += end_s - measured.window.begin_s;
        }
        self.own_of_blue.take(blue, measured.blue_at, end_s);
        self.own_of_green.take(green, measured.green_at, end_s);
        self.blue_at = measured.blue_at.or(self.blue_at);
        self.green_at = measured.green_at.or(self.green_at);
        self.blue_is_gone = measured.blue_is_gone;
    }

    /// Green has got traffic.
    pub(crate) fn shifted(&mut self, at: Timestamp) {
        self.shifted_at.get_or_insert(at);
    }

    /// Moves its moments.
    pub(super) fn moved(&mut self, stands_still: impl Fn(&mut Timestamp)) {
        stands_still(&mut self.since);
        self.shifted_at.iter_mut().for_each(stands_still);
    }

    /// Whether blue has answered us often, and the source has not counted a single request of it: then nobody counts there, such as
    /// where the proxy does not write the log that Elastic Beanstalk's agent reads (Developer Guide, enhanced health log format).
    pub(super) fn blue_is_uncounted(&self) -> bool {
        self.blue_answered >= SURELY_COUNTED && !self.blue_counted
    }

    /// The same of green.
    pub(super) fn green_is_uncounted(&self) -> bool {
        self.green_answered >= SURELY_COUNTED && !self.green_counted
    }

    /// Whether blue was gone when the newest window was put on record.
    pub(super) fn blue_is_gone(&self) -> bool {
        self.blue_is_gone
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
            let answered = match self.answered.round() {
                1.0 => "1 request or probe".to_owned(),
                answered => format!("{answered:.0} requests and probes"),
            };
            format!("green has answered {answered} in this step, and {wanted} are wanted")
        })
    }

    /// Why green must be taken back, if it must.
    pub(super) fn unhealthy(&self) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        (verdict.decision == verdict::Decision::Unhealthy).then(|| self.told(verdict))
    }

    /// Whether requests of both were counted in a window that ended no longer ago than that.
    pub(super) fn compares(&self, now: Timestamp, longest: Duration) -> bool {
        let ago = |compared_s: f64| now.since(self.since).as_secs_f64() - compared_s;
        self.compared_s
            .is_some_and(|compared_s| ago(compared_s) <= longest.as_secs_f64())
    }

    /// What blue served before green had traffic, if anybody counted.
    pub(super) fn before(&self) -> Option<Before> {
        (self.before.answered > 0.0 && self.before.seconds > 0.0).then_some(self.before)
    }

    /// Whether green was shown to be no worse than blue.
    pub(super) fn is_healthy(&self) -> bool {
        let decision = self.verdict.as_ref().map(|verdict| &verdict.decision);
        decision == Some(&verdict::Decision::Healthy)
    }

    /// Why green need not be watched any longer in a step, if it was shown to be no worse while blue still had traffic beside it.
    pub(super) fn good(&self, step: usize) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        let newest = u32::try_from(step).ok()?.checked_add(1)? == self.step;
        (newest && self.is_healthy()).then(|| self.told(verdict))
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

    /// What was bad in the newest window alone, without being a suspicion.
    pub(super) fn bad_window(&self) -> Option<String> {
        let verdict = self.verdict.as_ref()?;
        matches!(verdict.why, verdict::Why::LastWindow { .. }).then(|| self.told(verdict))
    }

    /// The verdict in words.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        self.verdict.as_ref().map(|verdict| self.told(verdict))
    }

    /// A verdict with the times of day at which things began: nothing of green began before it had traffic.
    fn told(&self, verdict: &Verdict) -> String {
        verdict.in_words(&|since_s| {
            let since = Duration::try_from_secs_f64(since_s).unwrap_or_default();
            (self.since + since)
                .max(self.shifted_at.unwrap_or_default())
                .time_of_day()
        })
    }
}
