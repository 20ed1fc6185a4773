//! Automation: Lambda, CodePipeline and EventBridge Scheduler of one account, as a pure state machine.
//!
//! No processes, no sockets, no clock: the same calls at the same times give the same bytes. Objects are read and written
//! through [`Storage`]. What functions should do is handed out as [`Run`]s ([`Automation::take_runs`]), and how each has ended
//! is told by [`Automation::finished`]; in between lies what runs them: `live::functions`, or a model in virtual time.
//! [`AutomationService`] is the shell around it.
//!
//! - `functions`: Lambda
//! - `pipelines`: CodePipeline, which invokes functions and copies objects
//! - `schedules`: EventBridge Scheduler, which invokes functions and starts pipelines

mod call;
#[cfg(test)]
mod fixture;
mod functions;
mod pipelines;
mod remember;
mod schedules;
mod service;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::account::Timing;
use super::ids::Ids;
use super::storage::Storage;
use crate::model::Timestamp;
use functions::Functions;
use pipelines::Pipelines;
use schedules::Schedules;

pub use call::{JsonAnswer, JsonRequest, JsonServices, Service};
pub use functions::{Deployed, Run, RunEnd, Runtime};
pub(super) use functions::{Named, is_package};
pub use service::{AutomationService, FunctionPlane};

/// How late something is when the machine must have slept. Who turns the clock does so when something is due, or at least every few
/// minutes of a time that is not real; whatever is less late is done as often as it should have been.
const SLEPT: Duration = Duration::from_secs(15 * 60);

/// What the automation of an account needs to know.
#[derive(Clone, Debug)]
pub struct AutomationSettings {
    /// Its region.
    pub region: String,
    /// Its twelve digits.
    pub account_id: String,
    /// Where its services are reached.
    pub endpoint: String,
    /// How long everything takes.
    pub timing: Timing,
    /// From which ids are drawn.
    pub seed: u64,
}

/// Names one invocation that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub(super) u64);

/// What all three services work with.
struct Account {
    region: String,
    id: String,
    endpoint: String,
    timing: Timing,
    storage: Arc<dyn Storage>,
    ids: Ids,
}

impl Account {
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.id)
    }
}

/// Lambda, CodePipeline and EventBridge Scheduler of one account.
pub struct Automation {
    account: Account,
    functions: Functions,
    pipelines: Pipelines,
    schedules: Schedules,
    /// Counts what may have changed something that is remembered.
    changes: u64,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered.
    Answered(JsonAnswer),
    /// It is answered when this run has ended: [`Automation::finished`] gives the answer.
    Waits(RunId),
}

impl Automation {
    /// With no function, no pipeline and no schedule.
    #[must_use]
    pub fn new(settings: AutomationSettings, storage: Arc<dyn Storage>) -> Self {
        Self {
            account: Account {
                region: settings.region,
                id: settings.account_id,
                endpoint: settings.endpoint,
                timing: settings.timing,
                storage,
                ids: Ids::new(settings.seed),
            },
            functions: Functions::default(),
            pipelines: Pipelines::default(),
            schedules: Schedules::default(),
            changes: 0,
        }
    }

    /// Answers a call, or begins what its answer has to wait for. What is due by `now` happens first.
    pub fn handle(&mut self, request: &JsonRequest, now: Timestamp) -> Reply {
        self.tick(now);
        if request.method != "GET" {
            self.changes += 1;
        }
        let Self {
            account,
            functions,
            pipelines,
            schedules,
            ..
        } = self;
        let result = request.check().and_then(|()| match request.service {
            Service::Functions => functions.handle(request, account, now),
            Service::Pipelines => pipelines.handle(request, functions, account, now).map(Reply::Answered),
            Service::Schedules => schedules.handle(request, account, now).map(Reply::Answered),
        });
        // What the call has brought about begins now.
        functions.tick(account, now);
        match result {
            Ok(reply) => reply,
            Err(fault) => Reply::Answered(JsonAnswer::refusal(request.service, fault)),
        }
    }

    /// Does what is due by `now`, each thing at its moment. What is later than [`SLEPT`] was slept through, and is made up for once.
    pub fn tick(&mut self, now: Timestamp) {
        if self.next_due().is_some_and(|due| now.since(due) > SLEPT) {
            self.changes += 1;
            self.functions.wake(now);
            self.pipelines.wake(now);
            self.schedules.wake(&mut self.account, now);
        }
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.changes += 1;
            let Self {
                account,
                functions,
                pipelines,
                schedules,
                ..
            } = self;
            schedules.tick(pipelines, functions, account, due);
            pipelines.tick(functions, account, due);
            functions.tick(account, due);
        }
    }

    /// The next moment when something is due, if there is one.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let all = [
            self.functions.next_due(),
            self.pipelines.next_due(),
            self.schedules.next_due(),
        ];
        all.into_iter().flatten().min()
    }

    /// Hands out the invocations that have begun since the last time.
    pub fn take_runs(&mut self) -> Vec<Run> {
        self.functions.take_runs()
    }

    /// Takes note of how an invocation has ended, and gives the answer for a caller who waited for it.
    pub fn finished(&mut self, run: RunId, end: &RunEnd, now: Timestamp) -> Option<JsonAnswer> {
        self.changes += 1;
        self.functions.finished(run, end, &mut self.account, now)
    }

    /// The code that functions serve with: processes of any other may go.
    #[must_use]
    pub fn deployed(&self) -> Vec<Arc<Deployed>> {
        self.functions.deployed()
    }
}

impl fmt::Debug for Automation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Automation").finish_non_exhaustive()
    }
}

/// A moment as JSON protocols carry it: seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "moments are far below 2^53 milliseconds")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

/// A moment as Lambda writes it: `2026-11-26T04:31:29.000` and a zone.
fn iso(at: Timestamp, zone: &str) -> String {
    at.to_string().replace('Z', zone)
}
