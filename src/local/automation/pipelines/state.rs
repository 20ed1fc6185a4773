//! What is known of pipelines and their executions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::declaration::{Action, Declaration, Mode, Stage};
use crate::local::storage::ObjectRevision;
use crate::model::Timestamp;

/// Executions that are remembered of a pipeline. Older ones are forgotten when they are over.
const REMEMBERED: usize = 300;

/// A pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pipeline {
    pub(super) declaration: Arc<Declaration>,
    /// Earlier declarations, by version.
    pub(super) history: BTreeMap<u32, Arc<Declaration>>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Transitions into stages that somebody has disabled or enabled, by the stage.
    pub(super) transitions: BTreeMap<String, Transition>,
    /// The oldest first.
    pub(super) executions: Vec<Execution>,
    /// Executions by the token that they were started with.
    pub(super) tokens: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// What was seen last of each object that is a source.
    pub(super) seen: BTreeMap<(String, String), Option<ObjectRevision>>,
    /// A cloud that is started again polls at once.
    #[serde(skip)]
    pub(super) next_poll: Timestamp,
    /// Counts entries into stages, for their order.
    pub(super) entries: u64,
}

/// The way into a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Transition {
    /// Why it is disabled; `None` when it is enabled again.
    pub(super) disabled: Option<String>,
    pub(super) changed: Timestamp,
}

/// What began an execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trigger {
    pub(super) kind: Cow<'static, str>,
    pub(super) detail: String,
}

/// One way of a change through a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) declaration: Arc<Declaration>,
    pub(super) trigger: Trigger,
    /// The execution whose artifacts and variables a rollback takes; `None` for any other.
    pub(super) rollback_to: Option<String>,
    pub(super) status: Status,
    pub(super) summary: Option<String>,
    pub(super) started: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) position: Position,
    pub(super) stop: Option<Stop>,
    /// Object keys that stand in for those of sources, by action.
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) artifacts: BTreeMap<String, Artifact>,
    /// Values by namespace. Those of the pipeline itself are in the namespace `variables`.
    pub(super) variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Stages that it entered, by place.
    pub(super) stages: BTreeMap<usize, StageRun>,
}

/// Where an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    /// Before the stage at that place.
    Before(usize),
    /// In it.
    In(usize),
    Over,
}

/// How an execution stands, and a stage of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    InProgress,
    Stopping,
    Stopped,
    Succeeded,
    Superseded,
    Failed,
}

impl Status {
    /// As the wire has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Superseded => "Superseded",
            Self::Failed => "Failed",
        }
    }
}

/// A wish to stop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stop {
    pub(super) reason: Option<String>,
}

/// An artifact that an action has made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Artifact {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) revision: Option<Revision>,
}

/// Which content of a source an artifact is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) action: String,
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) created: Timestamp,
}

/// An execution in a stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StageRun {
    /// Among the entries of all executions into stages.
    pub(super) entry: u64,
    pub(super) status: Status,
    /// All attempts, the oldest first.
    pub(super) actions: Vec<ActionRun>,
    pub(super) automatic_retries: u32,
    pub(super) manual_retries: u32,
}

/// One attempt of an action.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ActionRun {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) status: ActionStatus,
    /// Whether a later attempt has taken its place.
    pub(super) is_past: bool,
    pub(super) started: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) configuration: BTreeMap<String, String>,
    pub(super) inputs: Vec<(String, Artifact)>,
    pub(super) outputs: Vec<(String, Artifact)>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) summary: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) percent: Option<u8>,
    pub(super) error: Option<ActionError>,
    pub(super) updated_by: Option<String>,
    pub(super) task: Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ActionStatus {
    InProgress,
    Succeeded,
    Failed,
    Abandoned,
}

impl ActionStatus {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Abandoned => "Abandoned",
        }
    }
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActionError {
    pub(super) code: String,
    pub(super) message: String,
}

/// What an action that is in progress waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Task {
    /// Its object is fetched at that moment.
    Fetch(Timestamp),
    /// A person who has this token, until then.
    Approval { token: String, deadline: Timestamp },
    /// The result of a job.
    Job {
        id: String,
        deadline: Timestamp,
        last: Timestamp,
    },
    /// The moment to go on with a token.
    Continue {
        at: Timestamp,
        token: String,
        last: Timestamp,
    },
    /// Nothing: it is over.
    Nothing,
}

impl Task {
    /// When something happens by itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Fetch(at) => Some(*at),
            Self::Approval { deadline, .. } => Some(*deadline),
            Self::Job { deadline, last, .. } => Some((*deadline).min(*last)),
            Self::Continue { at, last, .. } => Some((*at).min(*last)),
            Self::Nothing => None,
        }
    }
}

impl ActionRun {
    /// Ends it well.
    pub(super) fn succeed(&mut self, now: Timestamp) {
        self.end(ActionStatus::Succeeded, now);
    }

    /// Ends it badly.
    pub(super) fn fail(&mut self, code: &str, message: impl Into<String>, now: Timestamp) {
        self.error = Some(ActionError {
            code: code.to_owned(),
            message: message.into(),
        });
        self.end(ActionStatus::Failed, now);
    }

    pub(super) fn end(&mut self, status: ActionStatus, now: Timestamp) {
        self.status = status;
        self.task = Task::Nothing;
        self.updated = now;
    }

    pub(super) fn is_in_progress(&self) -> bool {
        self.status == ActionStatus::InProgress
    }

    /// The function that it invokes, in any of the forms that name one.
    pub(super) fn function(&self) -> &str {
        self.configuration.get("FunctionName").map_or("", String::as_str)
    }
}

impl StageRun {
    /// The attempt of an action that counts.
    pub(super) fn current(&self, action: &str) -> Option<&ActionRun> {
        self.actions.iter().find(|run| !run.is_past && run.action == action)
    }
}

impl Execution {
    pub(super) fn is_over(&self) -> bool {
        self.position == Position::Over
    }

    /// Whether it waits before the stage of that name.
    pub(super) fn waits_for(&self, stage: &str) -> bool {
        matches!(self.position, Position::Before(place) if self.stage_name(place) == Some(stage))
    }

    /// Whether it is in the stage of that name.
    pub(super) fn is_in(&self, stage: &str) -> bool {
        matches!(self.position, Position::In(place) if self.stage_name(place) == Some(stage))
    }

    /// Whether an action of the stage in which it is has failed, and others still run.
    pub(super) fn is_failing_in(&self, place: usize) -> bool {
        let failed = |run: &ActionRun| !run.is_past && run.status == ActionStatus::Failed;
        let of_stage = self.stages.get(&place).into_iter().flat_map(|stage| &stage.actions);
        self.position == Position::In(place) && self.stop.is_none() && of_stage.into_iter().any(failed)
    }

    fn stage_name(&self, place: usize) -> Option<&str> {
        let stage = self.declaration.stages.get(place)?;
        Some(&stage.name)
    }

    pub(super) fn mode(&self) -> Mode {
        self.declaration.execution_mode
    }

    pub(super) fn run_mut(&mut self, id: &str) -> Option<&mut ActionRun> {
        let mut runs = self.stages.values_mut().flat_map(|stage| &mut stage.actions);
        runs.find(|run| run.id == id)
    }

    pub(super) fn finish(&mut self, status: Status, now: Timestamp) {
        self.status = status;
        self.position = Position::Over;
        self.updated = now;
    }
}

impl Pipeline {
    pub(super) fn execution(&self, id: &str) -> Option<&Execution> {
        self.executions.iter().find(|execution| execution.id == id)
    }

    pub(super) fn execution_mut(&mut self, id: &str) -> Option<&mut Execution> {
        self.executions.iter_mut().find(|execution| execution.id == id)
    }

    /// Runs of the stage of that name, whichever declaration they belong to, the newest first.
    pub(super) fn runs_of(&self, stage: &str) -> Vec<(&Execution, &StageRun)> {
        let runs = self.executions.iter().filter_map(|execution| {
            let place = execution.declaration.stage(stage)?;
            Some((execution, execution.stages.get(&place)?))
        });
        let mut runs: Vec<_> = runs.collect();
        runs.sort_by_key(|(_, run)| std::cmp::Reverse(run.entry));
        runs
    }

    /// Forgets the oldest executions that are over.
    pub(super) fn forget(&mut self) {
        let mut surplus = self.executions.len().saturating_sub(REMEMBERED);
        self.executions.retain(|execution| {
            let goes = surplus > 0 && execution.is_over();
            surplus -= usize::from(goes);
            !goes
        });
        let executions = &self.executions;
        self.tokens
            .retain(|_, id| executions.iter().any(|execution| execution.id == *id));
    }
}

/// The declaration of a run's action.
pub(super) fn action_of<'a>(stage: &'a Stage, name: &str) -> Option<&'a Action> {
    stage.actions.iter().find(|action| action.name == name)
}
