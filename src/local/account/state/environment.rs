//! Environments and what is being done to them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::application::Tags;
use super::{EventLog, OptionSettings, Platform, Severity, Source, Watch};
use crate::local::balancers::LoadBalancerArn;
use crate::local::plane::{Deployment, EnvironmentSample};
use crate::model::{EnvironmentId, EnvironmentName, HealthStatus, InstanceId, Timestamp};

/// Status of an environment as it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    /// Being made.
    Launching,
    /// Being changed, swapped or tagged.
    Updating,
    /// Going back on an update.
    Aborting,
    /// Nothing is being done to it.
    Ready,
    /// Being removed.
    Terminating,
    /// Gone.
    Terminated,
}

impl Status {
    /// The text of the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "Launching",
            Self::Updating => "Updating",
            Self::Aborting => "Aborting",
            Self::Ready => "Ready",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }
}

/// What is being done to an environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    /// It is being made.
    Launch,
    /// Its version or its settings are being changed.
    Update(Update),
    /// An update is being taken back.
    Abort,
    /// Its CNAME changes places with another one's.
    Swap {
        /// The other one.
        other: EnvironmentId,
        /// Whether this one carries the swap out; exactly one of the two does.
        leads: bool,
    },
    /// Its tags are being changed.
    Tags,
    /// It is being removed.
    Terminate {
        /// Whether nothing of it is left behind the account.
        gone: bool,
    },
}

/// An update, with what to go back to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Update {
    /// Whether it deploys a version.
    pub(crate) deploys: bool,
    /// Whether it changes settings.
    pub(crate) configures: bool,
    /// Whether instances must follow before it is complete.
    pub(crate) touches_instances: bool,
    /// Whether that is a deployment to all of them, and not only a change of their number.
    #[serde(default = "as_before_it_was_noted")]
    pub(crate) redeploys: bool,
    /// How many instances there were.
    pub(crate) instances: u32,
    /// The platform there was.
    pub(crate) platform: Platform,
}

/// Each update that touched instances was one.
fn as_before_it_was_noted() -> bool {
    true
}

/// A deployment and what is known of its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The deployment.
    pub(crate) deployment: Deployment,
    /// Whether the version is one of the application's; otherwise it is the sample application.
    pub(crate) has_version: bool,
    /// Option settings that the version brings.
    pub(crate) settings: OptionSettings,
    /// Whether packages are installed for it.
    pub(crate) is_built: bool,
}

/// How far a draft of settings is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DraftState {
    /// On its way to the instances.
    Pending,
    /// Refused by them.
    Failed,
}

/// Settings that are not deployed, or not yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// All settings of the environment with the changes in them.
    pub(crate) settings: OptionSettings,
    /// How far they are.
    pub(crate) state: DraftState,
    /// When they were made.
    pub(crate) created: Timestamp,
}

/// Kind of an environment's balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BalancerKind {
    /// None: one instance with an address of its own.
    SingleInstance,
    /// The old one, the API's default.
    Classic,
    /// For HTTP.
    Application,
    /// For TCP.
    Network,
}

/// What AWS would have made for an environment, by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Balancer {
    /// Its kind.
    pub(crate) kind: BalancerKind,
    /// What `DescribeEnvironmentResources` calls it: an ARN, or a name for a classic one.
    pub(crate) name: String,
    /// Its DNS name, or an address for a single instance.
    pub(crate) address: String,
    /// Name of the group of instances.
    pub(crate) group: String,
    /// Id of the instances' launch template.
    pub(crate) launch_template: String,
    /// ARN of the target group.
    pub(crate) target_group: String,
    /// The load balancer that it shares with others, if it does.
    pub(crate) shared: Option<LoadBalancerArn>,
    /// Id of the security group.
    pub(crate) security_group: String,
    /// Whether all of that is there yet.
    pub(crate) made: bool,
    /// Whether all of that but the target group is gone again: an earlier termination could not delete the group.
    pub(crate) emptied: bool,
}

impl Balancer {
    /// Whether instances are targets of a group.
    pub(crate) fn has_target_group(&self) -> bool {
        matches!(self.kind, BalancerKind::Application | BalancerKind::Network)
    }
}

/// Logs that were asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InfoSample {
    /// `tail` or `bundle`.
    pub(crate) kind: String,
    /// The instance.
    pub(crate) instance: String,
    /// When.
    pub(crate) taken: Timestamp,
    /// Where they are.
    pub(crate) url: String,
}

/// The operation that was completed last, for the words of health events.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Completed {
    /// `Initialization`, `Application update` or `Configuration update`.
    pub(crate) what: Cow<'static, str>,
    /// When.
    pub(crate) at: Timestamp,
    /// How long it took.
    pub(crate) took: Duration,
}

/// An environment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// Its id.
    pub(crate) id: EnvironmentId,
    /// Counts the account's environments, for pages and order.
    pub(crate) number: u64,
    /// Its name.
    pub(crate) name: EnvironmentName,
    /// Its application.
    pub(crate) application: String,
    /// Free text.
    pub(crate) description: Option<String>,
    /// What it runs on.
    pub(crate) platform: Platform,
    /// The template it was made from.
    pub(crate) template: Option<String>,
    /// Its name in DNS, fully qualified.
    pub(crate) cname: String,
    /// Whether the name was asked for; one that the service makes up is not told at once.
    pub(crate) cname_given: bool,
    /// Its balancer and other resources.
    pub(crate) balancer: Balancer,
    /// Its status.
    pub(crate) status: Status,
    /// What is being done to it.
    pub(crate) work: Option<Work>,
    /// The request that began what is or was done last.
    pub(crate) request_id: String,
    /// When that began.
    pub(crate) work_since: Timestamp,
    /// When the instances were last given something new.
    pub(crate) deployed_at: Timestamp,
    /// Deployed settings.
    pub(crate) settings: OptionSettings,
    /// Settings that are not deployed.
    pub(crate) draft: Option<Draft>,
    /// How many instances there should be.
    pub(crate) instances: u32,
    /// Instances that somebody had removed: each makes room for another one.
    #[serde(default)]
    pub(crate) dismissed: BTreeSet<InstanceId>,
    /// What the instances are expected to run.
    pub(crate) expected: Plan,
    /// What they were told to run: newer than expected during an update and after a failed one.
    pub(crate) wanted: Plan,
    /// What users tagged it with.
    pub(crate) tags: Tags,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// When its description changed last.
    pub(crate) updated: Timestamp,
    /// When it was gone.
    pub(crate) terminated: Option<Timestamp>,
    /// What was seen of it.
    pub(crate) watch: Watch,
    /// The operation that was completed last.
    pub(crate) completed: Option<Completed>,
    /// Logs that were asked for.
    pub(crate) logs: Vec<InfoSample>,
}

impl Environment {
    /// Adds an event about this environment.
    pub(crate) fn say(
        &self,
        events: &mut EventLog,
        now: Timestamp,
        severity: Severity,
        request_id: Option<&str>,
        message: impl Into<String>,
    ) {
        let source = Source {
            application: self.application.clone(),
            environment: Some((self.id.clone(), self.name.to_string())),
            ..Source::default()
        };
        events.say(now, severity, source, request_id, message);
    }

    /// Adds an event of what is being done.
    pub(crate) fn tell(&self, events: &mut EventLog, now: Timestamp, severity: Severity, message: impl Into<String>) {
        self.say(events, now, severity, Some(&self.request_id), message);
    }

    /// Begins to do something.
    pub(crate) fn begin(&mut self, status: Status, work: Work, request_id: &str, now: Timestamp) {
        self.status = status;
        self.work = Some(work);
        request_id.clone_into(&mut self.request_id);
        self.work_since = now;
        self.updated = now;
        self.watch.serving_windows = 0;
    }

    /// Nothing is being done any more.
    pub(crate) fn rest(&mut self, now: Timestamp) {
        self.status = Status::Ready;
        self.work = None;
        self.updated = now;
    }

    /// What of it steps forward, in a form that is cheap to compare. Every step of the lifecycle changes at least one of
    /// these.
    pub(crate) fn stage(&self) -> (Status, bool, bool) {
        (self.status, self.work.is_some(), self.balancer.made)
    }

    /// Forgets instances that were to go and are gone: no other one will ever have their ids.
    pub(crate) fn forget_dismissed(&mut self, sample: &EnvironmentSample) {
        let instances = &sample.instances;
        self.dismissed
            .retain(|id| instances.iter().any(|instance| instance.id == *id));
    }

    /// Whether it is not gone.
    pub(crate) fn is_live(&self) -> bool {
        self.status != Status::Terminated
    }

    /// Whether there should be something behind it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.balancer.made && !self.balancer.emptied && !matches!(self.status, Status::Terminating | Status::Terminated)
    }

    /// Settings that the instances were told: the draft's while it is on its way.
    pub(crate) fn wanted_settings(&self) -> &OptionSettings {
        match &self.draft {
            Some(draft) if draft.state == DraftState::Pending => &draft.settings,
            _ => &self.settings,
        }
    }

    /// Whether all instances are being told to run what is wanted.
    pub(crate) fn is_deploying(&self) -> bool {
        match &self.work {
            Some(Work::Launch | Work::Abort) => true,
            Some(Work::Update(update)) => update.redeploys,
            None | Some(Work::Swap { .. } | Work::Tags | Work::Terminate { .. }) => false,
        }
    }

    /// What instances run that are launched from now on, if it is not what the others were told: after a deployment that failed, the
    /// version of the most recent one that succeeded (source: "Deployment policies and settings", Developer Guide).
    pub(crate) fn of_new_instances(&self) -> Option<&Plan> {
        let differs = self.expected.deployment != self.wanted.deployment;
        (differs && !self.is_deploying()).then_some(&self.expected)
    }

    /// Whether an update is going on that can be aborted.
    pub(crate) fn is_abortable(&self) -> bool {
        self.status == Status::Updating && matches!(self.work, Some(Work::Update(_)))
    }

    /// The label that the wire shows: that of the deployment on its way, or the one that is expected.
    pub(crate) fn version_label(&self) -> Option<&str> {
        let plan = if self.is_deploying() && !matches!(self.work, Some(Work::Abort)) {
            &self.wanted
        } else {
            &self.expected
        };
        plan.has_version.then(|| plan.deployment.version_label.as_str())
    }

    /// The CNAME that the wire shows.
    pub(crate) fn shown_cname(&self) -> Option<&str> {
        (self.cname_given || self.balancer.made).then_some(self.cname.as_str())
    }

    /// The environment it changes CNAMEs with, while it does.
    pub(crate) fn swaps_with(&self) -> Option<&EnvironmentId> {
        match &self.work {
            Some(Work::Swap { other, .. }) => Some(other),
            _ => None,
        }
    }

    /// Its ARN.
    pub(crate) fn arn(&self, region: &str, account_id: &str) -> String {
        format!(
            "arn:aws:elasticbeanstalk:{region}:{account_id}:environment/{}/{}",
            self.application, self.name
        )
    }

    /// Enhanced health, unless reporting is basic.
    pub(crate) fn health_status(&self) -> Option<HealthStatus> {
        self.settings.is_enhanced().then_some(self.watch.health)
    }
}
