//! Lambda: functions, and what is invoked when, as a state machine without processes.
//!
//! What should run is handed out as [`Run`]s; whoever carries them out tells how each has ended. Shapes follow the service's
//! API model (2015-03-31), and the texts of errors those that users have quoted.

mod change;
mod configuration;
mod destination;
mod function;
mod invoke;
mod operations;
mod package;
mod policy;
mod remember;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::fault;
use super::{Account, RunId};
use crate::local::fault::Fault;
use crate::model::Timestamp;
use function::Function;
use invoke::Invocation;

pub(in crate::local) use function::Named;
pub use function::{Deployed, Runtime};
pub(in crate::local) use package::is_package;

/// How long a new function is `Pending`, and how long an update takes (observed on AWS: a few seconds).
const SETTLING: Duration = Duration::from_secs(3);
/// Invocations at once, all functions together: what a new account gets.
const MOST_AT_ONCE: usize = 10;

/// One invocation that is to be carried out.
#[derive(Clone, PartialEq)]
pub struct Run {
    /// By which its end is told.
    pub id: RunId,
    /// What runs.
    pub function: Arc<Deployed>,
    /// The id that the function sees. Further attempts have the same.
    pub request_id: String,
    /// The event.
    pub payload: Vec<u8>,
    /// What a client told of itself, as JSON.
    pub client_context: Option<String>,
}

/// Events may hold credentials, and stay out of what is printed.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("function", &self.function.arn)
            .field("request_id", &self.request_id)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// How an invocation has ended.
#[derive(Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// The function answered.
    Answered(Vec<u8>),
    /// The function failed: the document that describes the error.
    Failed(Vec<u8>),
}

/// What a function answers may be secret too.
impl fmt::Debug for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, document) = match self {
            Self::Answered(document) => ("Answered", document),
            Self::Failed(document) => ("Failed", document),
        };
        write!(f, "{name}({} bytes)", document.len())
    }
}

/// A run that has begun.
#[derive(Debug)]
struct Running {
    function: String,
    request_id: String,
    /// `None` for a caller who waits for the answer.
    invocation: Option<Invocation>,
}

/// Functions of one account.
#[derive(Debug, Default)]
pub(super) struct Functions {
    functions: BTreeMap<String, Function>,
    deployments: u64,
    /// Asynchronous invocations that wait for their moment.
    waiting: Vec<Invocation>,
    running: BTreeMap<RunId, Running>,
    runs: u64,
    /// What has begun and was not handed out yet.
    begun: VecDeque<Run>,
}

impl Functions {
    /// The function of a name in any of its forms.
    fn find(&self, text: &str, account: &Account) -> Result<&Function, Fault> {
        if let ["arn", _, "lambda", region, id, ..] = text.split(':').collect::<Vec<_>>().as_slice() {
            if *region != account.region {
                let message = format!(
                    "Functions from '{region}' are not reachable in this region ('{}')",
                    account.region
                );
                return Err(fault(404, "ResourceNotFoundException", message));
            }
            if *id != account.id {
                let message = format!("No resource-based policy of {text} allows this account the call");
                return Err(fault(403, "AccessDeniedException", message));
            }
        }
        let named = Named::parse(text);
        let latest = named.qualifier.as_deref().is_none_or(|qualifier| qualifier == LATEST);
        let found = self.functions.get(&named.name).filter(|_| latest);
        found.ok_or_else(|| not_found(&named, account))
    }

    fn find_mut(&mut self, text: &str, account: &Account) -> Result<&mut Function, Fault> {
        let name = self.find(text, account)?.wanted.name.clone();
        self.functions
            .get_mut(&name)
            .ok_or_else(|| not_found(&Named::parse(text), account))
    }

    /// How long one invocation of a function may take, whether an update of it is in progress or done.
    pub(super) fn time_limit(&self, text: &str, account: &Account) -> Option<Duration> {
        let function = self.find(text, account).ok()?;
        Some(function.time_limit())
    }

    /// Goes on after a time in which nobody turned the clock.
    pub(super) fn wake(&mut self, now: Timestamp) {
        for invocation in &mut self.waiting {
            invocation.wake(now);
        }
    }

    /// Does what is due by `now`.
    pub(super) fn tick(&mut self, account: &mut Account, now: Timestamp) {
        for function in self.functions.values_mut() {
            function.tick(now);
        }
        self.begin_what_waits(account, now);
    }

    /// The next moment when something is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let settled = self.functions.values().filter_map(|function| function.busy_until);
        let waiting = self.waiting.iter().map(|invocation| invocation.due);
        settled.chain(waiting).min()
    }

    /// Hands out what has begun.
    pub(super) fn take_runs(&mut self) -> Vec<Run> {
        self.begun.drain(..).collect()
    }

    /// What processes may exist for, by name and revision.
    pub(super) fn deployed(&self) -> Vec<Arc<Deployed>> {
        self.functions
            .values()
            .map(|function| Arc::clone(&function.serving))
            .collect()
    }
}

/// The only version that functions have here.
const LATEST: &str = "$LATEST";

fn not_found(named: &Named, account: &Account) -> Fault {
    let mut arn = account.arn("lambda", &format!("function:{}", named.name));
    if let Some(qualifier) = &named.qualifier {
        arn = format!("{arn}:{qualifier}");
    }
    fault(404, "ResourceNotFoundException", format!("Function not found: {arn}"))
}

fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "InvalidParameterValueException", message)
}

/// A value that breaks a rule of the model, or one that its document tells besides.
fn invalid_value(message: impl Into<String>) -> Fault {
    fault(400, "ValidationException", message)
}
