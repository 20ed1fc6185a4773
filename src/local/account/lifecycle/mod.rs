//! How environments go from one status to the next: by time that passes and by what is seen behind them.
//!
//! Every step asks what is the case now and does what is due. Ticking twice, or late, changes nothing.

mod desired;
mod launch;
mod swap;
mod terminate;
mod update;

use std::collections::BTreeSet;

use super::balancing::{group_settings, note};
use super::judge;
use super::state::{
    BalancerKind, Completed, Environment, Plan, Severity, Source, Status, VersionStatus, Work, options,
};
use super::{Account, Timing};
use crate::local::plane::{DesiredEnvironment, EnvironmentSample, InstanceSample, InstanceState};
use crate::model::{EnvironmentId, HealthStatus, Timestamp};

pub(crate) use terminate::begin as begin_termination;
pub(crate) use update::{replan, restarts};

/// How the instances of an environment are doing with what they were told to run.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// At least one is still at it.
    Underway,
    /// All serve it.
    Serving,
    /// All are done, and some failed.
    Failed(Vec<(String, String)>),
}

impl Account {
    /// Advances everything that is due. Costs next to nothing when nothing is.
    pub fn tick(&mut self, now: Timestamp) {
        if self.course.is_settled(now) {
            return;
        }
        self.changes += 1;
        // Changes that the steps below make may let others become due, which the next tick then finds.
        let revision = self.course.revision();
        self.finish_processing(now);
        for id in self.environment_ids() {
            self.advance(&id, now);
        }
        self.forget(now);
        let next = self.find_next_due(now);
        self.course.settle(revision, next);
    }

    /// Takes in one closed health window of an environment; `None` when nothing of it exists.
    pub fn observe(&mut self, id: &EnvironmentId, sample: Option<EnvironmentSample>, now: Timestamp) {
        let Some(environment) = self
            .environments
            .get_mut(id)
            .filter(|environment| environment.is_live())
        else {
            return;
        };
        let nothing_left = sample.is_none();
        if let Some(sample) = &sample {
            note(&mut self.metrics, environment, sample, now);
            let before = environment.dismissed.len();
            environment.forget_dismissed(sample);
            if environment.dismissed.len() != before {
                self.course.changed();
            }
        }
        match sample {
            Some(sample) => environment.watch.record(sample, now),
            None => environment.watch.record_silence(),
        }
        if is_building(environment) {
            environment.watch.built = Some(now);
        }
        if let Some(Work::Terminate { gone }) = &mut environment.work
            && *gone != nothing_left
        {
            *gone = nothing_left;
            self.changes += 1;
        }
        // A silent window says nothing about which instances there are.
        if !nothing_left && environment.status != Status::Terminating && environment.watch.has_other_instances() {
            let seen: BTreeSet<String> = environment
                .watch
                .present()
                .map(|instance| instance.id.to_string())
                .collect();
            for (list, verb, preposition) in [
                (seen.difference(&environment.watch.instances), "Added", "to"),
                (environment.watch.instances.difference(&seen), "Removed", "from"),
            ] {
                let ids: Vec<&str> = list.map(String::as_str).collect();
                if !ids.is_empty() {
                    let noun = if ids.len() == 1 { "instance" } else { "instances" };
                    let message = format!("{verb} {noun} [{}] {preposition} your environment.", ids.join(", "));
                    environment.say(&mut self.events, now, Severity::Info, None, message);
                }
            }
            environment.watch.instances = seen;
        }
        // Only these operations wait for it, and each begins at zero.
        let counts = matches!(environment.work, Some(Work::Launch | Work::Update(_) | Work::Abort));
        let reached = if environment.is_deploying() {
            progress(environment) == Progress::Serving
        } else {
            has_its_number(environment)
        };
        environment.watch.serving_windows = if counts && reached {
            environment.watch.serving_windows.saturating_add(1)
        } else {
            0
        };
        self.advance_work(id, now);
        self.judge(id, now);
    }

    /// Environments as they should be behind the account, by id.
    #[must_use]
    pub fn desired(&self) -> Vec<DesiredEnvironment> {
        let wanted = self.environments.values().filter(|environment| environment.is_wanted());
        wanted
            .map(|environment| desired::of(environment, &self.balancers, &self.settings.timing))
            .collect()
    }

    /// Environments that have something behind them and should be sampled once per health window.
    #[must_use]
    pub fn environments_running(&self) -> Vec<EnvironmentId> {
        let running = |environment: &&Environment| environment.balancer.made && environment.is_live();
        self.environments
            .values()
            .filter(running)
            .map(|environment| environment.id.clone())
            .collect()
    }

    fn environment_ids(&self) -> Vec<EnvironmentId> {
        self.environments.keys().cloned().collect()
    }

    fn advance(&mut self, id: &EnvironmentId, now: Timestamp) {
        self.advance_work(id, now);
        // What was completed shows in the health at once, before anybody asks.
        if self
            .environments
            .get(id)
            .is_some_and(|environment| environment.work.is_none() && environment.is_live())
        {
            self.judge(id, now);
        }
    }

    fn advance_work(&mut self, id: &EnvironmentId, now: Timestamp) {
        let Some(environment) = self.environments.get_mut(id) else {
            return;
        };
        let before = environment.stage();
        let group = group_settings(environment.wanted_settings());
        match environment.work {
            None => {}
            Some(Work::Launch) => {
                launch::advance(environment, &mut self.balancers, &mut self.events, &self.settings, now);
            }
            Some(Work::Update(_) | Work::Abort) => {
                update::advance(environment, &mut self.events, &self.settings.timing, now);
            }
            Some(Work::Tags) => update::advance_tags(environment, &mut self.events, &self.settings.timing, now),
            Some(Work::Swap { .. }) => self.advance_swap(id, now),
            Some(Work::Terminate { .. }) => {
                terminate::advance(
                    environment,
                    &mut self.balancers,
                    &mut self.events,
                    &self.settings.timing,
                    now,
                );
            }
        }
        if self.environments.get(id).map(Environment::stage) != Some(before) {
            self.course.changed();
            self.follow_settings(id, &group);
        }
    }

    /// Settles an environment's health and says so when it changed.
    pub(crate) fn judge(&mut self, id: &EnvironmentId, now: Timestamp) {
        let Some(environment) = self.environments.get_mut(id) else {
            return;
        };
        let (status, causes) = judge::environment(environment, &self.settings.timing, now);
        let before = environment.watch.health;
        environment.watch.health = status;
        environment.watch.causes = causes;
        let leaving = matches!(environment.work, Some(Work::Terminate { .. })) || !environment.is_live();
        let shows = || environment.settings.is_enhanced() || before.color() != status.color();
        if before != status && !leaving && shows() {
            let message = transition(environment, before, &self.settings.timing, now);
            let severity = match status {
                HealthStatus::Warning | HealthStatus::Degraded | HealthStatus::Severe | HealthStatus::NoData => {
                    Severity::Warn
                }
                _ => Severity::Info,
            };
            environment.say(&mut self.events, now, severity, None, message);
        }
    }

    fn finish_processing(&mut self, now: Timestamp) {
        for (name, application) in &mut self.applications {
            for version in &mut application.versions {
                let VersionStatus::Processing { until, fault } = &mut version.status else {
                    continue;
                };
                if now < *until {
                    continue;
                }
                let fault = fault.take();
                version.status = match fault {
                    None => VersionStatus::Processed,
                    Some(_) => VersionStatus::Failed,
                };
                version.updated = now;
                let source = Source {
                    application: name.clone(),
                    version: Some(version.label.to_string()),
                    ..Source::default()
                };
                let (severity, why) = match fault {
                    None => (Severity::Info, String::new()),
                    Some(why) => (Severity::Error, format!(" {why}")),
                };
                let message = format!(
                    "Finished processing application version {}. Its status is {}.{why}",
                    version.label,
                    version.status.as_str()
                );
                self.events
                    .say(now, severity, source, Some(&version.request_id), message);
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        let timing = &self.settings.timing;
        self.environments.retain(|_, environment| {
            environment
                .terminated
                .is_none_or(|at| now.since(at) < timing.terminated_kept)
        });
        self.events.forget(now - timing.events_kept);
        self.finish_deletions(now);
    }
}

/// Whether there are as many instances as there should be, by the last window.
fn has_its_number(environment: &Environment) -> bool {
    // Reports from before the instances were told say nothing about what they do now.
    let current = environment
        .watch
        .refreshed
        .is_some_and(|at| at >= environment.deployed_at);
    let present = environment.watch.present().count();
    current
        && environment.watch.silent_windows == 0
        && usize::try_from(environment.instances).is_ok_and(|instances| instances == present)
}

/// How far the instances are, by the last window.
fn progress(environment: &Environment) -> Progress {
    let wanted = environment.wanted.deployment.id;
    let present: Vec<&InstanceSample> = environment.watch.present().collect();
    let reached = present.iter().all(|instance| instance.deployment_id == wanted);
    if !reached || !has_its_number(environment) {
        return Progress::Underway;
    }
    let mut failed = Vec::new();
    for instance in present {
        match &instance.state {
            InstanceState::InService => {}
            InstanceState::Failed(why) => failed.push((instance.id.to_string(), why.clone())),
            InstanceState::Starting | InstanceState::Unhealthy(_) | InstanceState::Draining => {
                return Progress::Underway;
            }
        }
    }
    if failed.is_empty() {
        Progress::Serving
    } else {
        Progress::Failed(failed)
    }
}

/// When instances will have had more time than the command timeout grants. What is built is downloaded and compiled, which no pace
/// makes faster: as long as that takes, the timeout is not scaled.
pub(crate) fn overdue_at(environment: &Environment, timing: &Timing) -> Timestamp {
    let whole = environment.wanted_settings().seconds(options::COMMAND, "Timeout");
    let least = timing.least_command_timeout;
    let built = environment.watch.built.unwrap_or(environment.deployed_at);
    let since = built.max(environment.deployed_at);
    let (paced, whole) = (
        since + timing.scale(whole).max(least),
        environment.deployed_at + whole.max(least),
    );
    if environment.wanted.is_built {
        paced.min(whole)
    } else {
        paced
    }
}

/// Whether that moment has come.
fn is_overdue(environment: &Environment, timing: &Timing, now: Timestamp) -> bool {
    now >= overdue_at(environment, timing)
}

/// Whether an instance is still building the version that it should run.
fn is_building(environment: &Environment) -> bool {
    let wanted = environment.wanted.deployment.id;
    let builds =
        |instance: &InstanceSample| instance.deployment_id != wanted || instance.state == InstanceState::Starting;
    environment.wanted.is_built && environment.watch.present().any(builds)
}

/// Instances that do not serve what they should, by the last window.
fn laggards(environment: &Environment) -> Vec<String> {
    let wanted = environment.wanted.deployment.id;
    environment
        .watch
        .present()
        .filter(|instance| instance.deployment_id != wanted || instance.state != InstanceState::InService)
        .map(|instance| instance.id.to_string())
        .collect()
}

/// Marks an operation as completed, for the words of the next health event.
fn complete(environment: &mut Environment, what: &'static str, timing: &Timing, now: Timestamp) {
    environment.completed = Some(Completed {
        what: what.into(),
        at: now,
        took: timing.told(now.since(environment.work_since)),
    });
    environment.rest(now);
}

fn transition(environment: &Environment, before: HealthStatus, timing: &Timing, now: Timestamp) -> String {
    let after = environment.watch.health;
    if !environment.settings.is_enhanced() {
        let colour = |status: HealthStatus| status.color().as_str().to_ascii_uppercase();
        return if before.color() == HealthStatus::Pending.color() {
            format!("Environment health has been set to {}", colour(after))
        } else {
            format!(
                "Environment health has transitioned from {} to {}",
                colour(before),
                colour(after)
            )
        };
    }
    let mut message = format!(
        "Environment health has transitioned from {} to {}.",
        told(before),
        told(after)
    );
    for cause in &environment.watch.causes {
        message.push(' ');
        message.push_str(cause);
    }
    let operation_over = matches!(before, HealthStatus::Pending | HealthStatus::Info) && environment.work.is_none();
    if let Some(completed) = environment.completed.as_ref().filter(|_| operation_over) {
        message.push_str(&format!(
            " {} completed {} ago and took {}.",
            completed.what,
            judge::length(timing.told(now.since(completed.at))),
            judge::length(completed.took)
        ));
    }
    message
}

/// A status in the words of events, which are not those of the wire.
fn told(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::NoData => "No Data",
        status => status.as_str(),
    }
}

/// Tells that instances failed, in the order in which the service does.
fn tell_failures(
    environment: &Environment,
    events: &mut super::state::EventLog,
    failed: &[(String, String)],
    now: Timestamp,
) {
    let complaints: BTreeSet<&String> = environment
        .watch
        .present()
        .flat_map(|instance| &instance.complaints)
        .collect();
    for complaint in complaints {
        environment.tell(events, now, Severity::Error, complaint.clone());
    }
    environment.tell(
        events,
        now,
        Severity::Error,
        "Instance deployment failed. For details, see 'eb-engine.log'.",
    );
    for (instance, why) in failed {
        let message = format!(
            "[Instance: {instance}] Command failed on instance. Return code: 1 Output: {why}. \
             Engine execution has encountered an error."
        );
        environment.tell(events, now, Severity::Error, message);
    }
    let all = environment.watch.present().count();
    let message = format!(
        "Command execution completed on all instances. Summary: [Successful: {}, Failed: {}].",
        all.saturating_sub(failed.len()),
        failed.len()
    );
    environment.tell(events, now, Severity::Info, message);
}

/// Tells that instances did not answer in time.
fn tell_timeout(environment: &Environment, events: &mut super::state::EventLog, now: Timestamp) {
    let late = laggards(environment);
    let all = environment.watch.present().count();
    if late.is_empty() {
        environment.tell(events, now, Severity::Error, "There are no instances to deploy to.");
        return;
    }
    let message = format!(
        "The following instances have not responded in the allowed command timeout time \
         (they might still finish eventually on their own): [{}].",
        late.join(", ")
    );
    environment.tell(events, now, Severity::Warn, message);
    let message = format!(
        "Command execution completed on all instances. Summary: [TimedOut: {}, Successful: {}, Failed: 0].",
        late.len(),
        all.saturating_sub(late.len())
    );
    environment.tell(events, now, Severity::Info, message);
}

/// The next deployment of the same version.
fn redeploy(plan: &Plan, last: u64) -> Plan {
    let mut next = plan.clone();
    next.deployment.id = last + 1;
    next
}

/// Whether a balancer of AWS's stands before the environment.
fn is_balanced(environment: &Environment) -> bool {
    environment.balancer.kind != BalancerKind::SingleInstance
}
