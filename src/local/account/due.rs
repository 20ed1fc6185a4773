//! When time alone changes something: so that whoever turns the clock need not look in between.

use super::state::{Environment, VersionStatus, Work};
use super::{Account, lifecycle};
use crate::local::plane::Holder;
use crate::model::Timestamp;

/// How far the account has come, and when it goes on.
#[derive(Debug, Default)]
pub(super) struct Course {
    revision: u64,
    /// The revision up to which everything was advanced.
    settled: Option<u64>,
    next: Option<Timestamp>,
}

impl Course {
    /// Something changed, or may have.
    pub(super) fn changed(&mut self) {
        self.revision += 1;
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Everything was advanced at this revision; time changes nothing before `next`.
    pub(super) fn settle(&mut self, revision: u64, next: Option<Timestamp>) {
        self.settled = Some(revision);
        self.next = next;
    }

    /// Whether nothing is due at this moment.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        self.settled == Some(self.revision) && self.next.is_none_or(|next| now < next)
    }
}

impl Account {
    /// Grows whenever [`Account::desired`], [`Account::desired_balancers`], [`Account::environments_running`] or
    /// [`Account::names`] may have changed. While it stays the same, they do.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.course.revision()
    }

    /// The next moment at which time alone changes something, as of the last [`Account::tick`]; `None` when only a call or
    /// an observation will. It may be early: a tick at that moment then changes nothing.
    ///
    /// After a call that changes something it is only known again after the next tick.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.course.next
    }

    /// Names of environments and load balancers in DNS, in small letters, and who holds each. That of an environment holds from
    /// the moment its balancer is made until it is terminated.
    #[must_use]
    pub fn names(&self) -> Vec<(String, Holder)> {
        let of_environments = self
            .environments
            .values()
            .filter(|environment| environment.is_live() && environment.balancer.made)
            .map(|environment| {
                let holder = match &environment.balancer.shared {
                    Some(arn) => Holder::LoadBalancer(arn.clone()),
                    None => Holder::Environment(environment.id.clone()),
                };
                (environment.cname.to_ascii_lowercase(), holder)
            });
        let of_balancers = self
            .balancers
            .names()
            .map(|(name, arn)| (name, Holder::LoadBalancer(arn.clone())));
        of_environments.chain(of_balancers).collect()
    }

    /// Moments are those that the steps of the lifecycle compare with; one that has passed is over.
    pub(super) fn find_next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let timing = &self.settings.timing;
        let steps = self
            .environments
            .values()
            .flat_map(|environment| self.steps(environment));
        let versions = self.applications.values().flat_map(|application| &application.versions);
        let processed = versions.filter_map(|version| match version.status {
            VersionStatus::Processing { until, .. } => Some(until),
            _ => None,
        });
        let forgotten = self.events.oldest().map(|date| {
            // Events are forgotten once they are older, not at that age.
            date + timing.events_kept + std::time::Duration::from_millis(1)
        });
        steps
            .chain(processed)
            .chain(forgotten)
            .filter(|moment| *moment > now)
            .min()
    }

    fn steps(&self, environment: &Environment) -> impl Iterator<Item = Timestamp> {
        let timing = &self.settings.timing;
        let since = environment.work_since;
        let overdue = || Some(lifecycle::overdue_at(environment, timing));
        let (one, other) = match &environment.work {
            None => (environment.terminated.map(|at| at + timing.terminated_kept), None),
            Some(Work::Launch) if !environment.balancer.made => (Some(since + timing.launch_resources), None),
            Some(Work::Launch) => (None, overdue()),
            Some(Work::Update(_) | Work::Abort) => (Some(since + timing.update), overdue()),
            Some(Work::Tags) => (Some(since + timing.tag_update), None),
            Some(Work::Swap { .. }) => (Some(since + timing.swap), None),
            Some(Work::Terminate { .. }) => (Some(since + timing.terminate), None),
        };
        one.into_iter().chain(other)
    }
}
