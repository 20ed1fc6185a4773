//! Invocations: for callers who wait, and asynchronous ones with their further attempts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::destination::Condition;
use super::function::Function;
use super::operations::qualified;
use super::{Functions, LATEST, MOST_AT_ONCE, Run, RunEnd, Running, fault};
use crate::local::automation::call::{JsonAnswer, JsonRequest};
use crate::local::automation::{Account, Reply, RunId};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// The longest event of a caller who waits, and of one who does not (source: quotas of Lambda).
const MOST_PAYLOAD: usize = 6 << 20;
const MOST_EVENT: usize = 1 << 20;
/// The longest client context, in Base64 (source: `Invoke`).
const MOST_CONTEXT: usize = 3583;
/// Further attempts unless told otherwise, and how long after the failure each begins (source: "How Lambda handles errors
/// and retries with asynchronous invocation").
const RETRIES: u32 = 2;
const PAUSES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// How old an event may be when it is tried, unless told otherwise.
const MAXIMUM_AGE: Duration = Duration::from_secs(21_600);
/// What an event may have at least beside the time of the function's attempts, whatever the pace.
const LEAST_AGE: Duration = Duration::from_secs(20);
/// The id of an answer. That of an invocation is the invocation's own: by it its log is found.
const REQUEST_ID: &str = "x-amzn-requestid";
/// After which an invocation that found no room tries again.
const THROTTLED: Duration = Duration::from_secs(1);

/// An asynchronous invocation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Invocation {
    pub(super) function: String,
    pub(super) request_id: String,
    pub(super) payload: Vec<u8>,
    /// How often it was begun.
    pub(super) attempts: u32,
    pub(super) accepted: Timestamp,
    /// When it is to be tried.
    pub(super) due: Timestamp,
}

impl Invocation {
    /// Goes on after a time in which nobody could have handled it: that does not make it too old.
    pub(super) fn wake(&mut self, now: Timestamp) {
        self.due = self.due.max(now);
        self.accepted = self.accepted.max(now);
    }
}

/// Events may hold credentials, and stay out of what is printed.
impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("function", &self.function)
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl Functions {
    /// `Invoke`.
    pub(super) fn invoke(
        &mut self,
        name: &str,
        request: &JsonRequest,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<Reply, Fault> {
        let function = self.find(&qualified(name, request), account)?;
        let kind = request.headers.get("x-amz-invocation-type").map(String::as_str);
        let most = if kind == Some("Event") {
            MOST_EVENT
        } else {
            MOST_PAYLOAD
        };
        if request.body.len() > most {
            return Err(fault(
                413,
                "RequestTooLargeException",
                format!(
                    "{} byte payload is too large for the {} invocation type (limit {most} bytes)",
                    request.body.len(),
                    kind.unwrap_or("RequestResponse")
                ),
            ));
        }
        if !request.body.is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(&request.body).is_err() {
            return Err(fault(
                400,
                "InvalidRequestContentException",
                "Could not parse request body into json: the payload is not JSON",
            ));
        }
        let payload = if request.body.is_empty() {
            b"{}".to_vec()
        } else {
            request.body.to_vec()
        };
        match kind {
            Some("DryRun") => Ok(Reply::Answered(JsonAnswer::empty(204))),
            Some("Event") => {
                let name = function.wanted.name.clone();
                let request_id = self.enqueue(&name, payload, account, now)?;
                self.begin_what_waits(account, now);
                Ok(Reply::Answered(JsonAnswer {
                    headers: vec![(REQUEST_ID, request_id)],
                    ..JsonAnswer::empty(202)
                }))
            }
            // The model knows one more kind, and that is also the one of who names none.
            _ => {
                if function.is_pending() {
                    return Err(fault(
                        409,
                        "ResourceConflictException",
                        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
                    ));
                }
                let name = function.wanted.name.clone();
                if !self.has_room(&name) {
                    return Err(fault(429, "TooManyRequestsException", "Rate Exceeded."));
                }
                let context = client_context(request)?;
                let request_id = account.ids.uuid("invocation");
                let id = self.begin(&name, request_id, payload, context, None);
                id.map(Reply::Waits)
                    .ok_or_else(|| fault(500, "ServiceException", "The function is gone."))
            }
        }
    }

    /// Takes on an asynchronous invocation.
    pub(in super::super) fn enqueue(
        &mut self,
        name: &str,
        payload: Vec<u8>,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let function = self.find(name, account)?.wanted.name.clone();
        let request_id = account.ids.uuid("invocation");
        self.waiting.push(Invocation {
            function,
            request_id: request_id.clone(),
            payload,
            attempts: 0,
            accepted: now,
            due: now,
        });
        Ok(request_id)
    }

    /// Begins the asynchronous invocations that are due and find room.
    pub(super) fn begin_what_waits(&mut self, account: &mut Account, now: Timestamp) {
        let (due, later) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|invocation| invocation.due <= now);
        self.waiting = later;
        let due: Vec<Invocation> = due;
        for mut invocation in due {
            let Some(function) = self.functions.get(&invocation.function) else {
                continue;
            };
            // Source: "Error handling for asynchronous invocation", Developer Guide: nothing is tried of a function that may not run.
            if function.reserved == Some(0) {
                self.tell(&invocation, Condition::ZeroReservedConcurrency, None, account, now);
                continue;
            }
            if now.since(invocation.accepted) > longest_age(function, invocation.attempts, account) {
                self.tell(&invocation, Condition::EventAgeExceeded, None, account, now);
                continue;
            }
            if function.is_pending() || !self.has_room(&invocation.function) {
                // At a pace that makes it nothing it would be due again at once, for ever.
                let pause = account.timing.scale(THROTTLED).max(Duration::from_millis(1));
                invocation.due = now + pause;
                self.waiting.push(invocation);
                continue;
            }
            invocation.attempts += 1;
            let (name, id) = (invocation.function.clone(), invocation.request_id.clone());
            let payload = invocation.payload.clone();
            self.begin(&name, id, payload, None, Some(invocation));
        }
    }

    fn has_room(&self, name: &str) -> bool {
        let of_it = self.running.values().filter(|running| running.function == name).count();
        let reserved = self.functions.get(name).and_then(|function| function.reserved);
        reserved.is_none_or(|most| of_it < most) && self.running.len() < MOST_AT_ONCE
    }

    fn begin(
        &mut self,
        name: &str,
        request_id: String,
        payload: Vec<u8>,
        client_context: Option<String>,
        invocation: Option<Invocation>,
    ) -> Option<RunId> {
        let function = Arc::clone(&self.functions.get(name)?.serving);
        self.runs += 1;
        let id = RunId(self.runs);
        self.running.insert(
            id,
            Running {
                function: name.to_owned(),
                request_id: request_id.clone(),
                invocation,
            },
        );
        self.begun.push_back(Run {
            id,
            function,
            request_id,
            payload,
            client_context,
        });
        Some(id)
    }

    /// Takes note of how a run has ended. For a caller who waits there is an answer.
    pub(in super::super) fn finished(
        &mut self,
        id: RunId,
        end: &RunEnd,
        account: &mut Account,
        now: Timestamp,
    ) -> Option<JsonAnswer> {
        let running = self.running.remove(&id)?;
        let Some(invocation) = running.invocation else {
            return Some(answer(end, running.request_id));
        };
        match end {
            RunEnd::Answered(response) => self.tell(&invocation, Condition::Success, Some(response), account, now),
            RunEnd::Failed(response) => self.failed(invocation, response, account, now),
        }
        // There is room for another one.
        self.begin_what_waits(account, now);
        None
    }

    /// An attempt has failed: there is another one later, unless that was the last or the function was removed.
    fn failed(&mut self, mut invocation: Invocation, response: &[u8], account: &mut Account, now: Timestamp) {
        let Some(function) = self.functions.get(&invocation.function) else {
            return;
        };
        let retries = function.asynchronous.as_ref().and_then(|config| config.retries);
        if invocation.attempts > retries.unwrap_or(RETRIES) {
            self.tell(&invocation, Condition::RetriesExhausted, Some(response), account, now);
        } else {
            let number = usize::try_from(invocation.attempts).unwrap_or(PAUSES.len());
            let pause = PAUSES[number.clamp(1, PAUSES.len()) - 1];
            invocation.due = now + account.timing.scale(pause);
            self.waiting.push(invocation);
        }
    }
}

/// How old an event may be that was tried so often. No pace shortens the function's own time limit, so that the attempts so far and
/// the next one are real time, and one of a function that takes its time is not given up for a pace that is high.
fn longest_age(function: &Function, attempts: u32, account: &Account) -> Duration {
    let config = function.asynchronous.as_ref();
    let given = config.and_then(|config| config.maximum_age);
    let age = given.map_or(MAXIMUM_AGE, |seconds| Duration::from_secs(seconds.into()));
    let least = function.time_limit() * (attempts + 1) + LEAST_AGE;
    account.timing.limit(age, least)
}

/// What a client tells of itself, as the JSON that comes in Base64. The function gets it in a line of its own, so breaks go.
fn client_context(request: &JsonRequest) -> Result<Option<String>, Fault> {
    let Some(text) = request
        .headers
        .get("x-amz-client-context")
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let refused = |why: &str| {
        let message = format!("Client context must be a valid Base64-encoded JSON object: {why}");
        fault(400, "InvalidRequestContentException", message)
    };
    if text.len() > MOST_CONTEXT {
        return Err(refused(&format!(
            "it has {} bytes, and {MOST_CONTEXT} at most",
            text.len()
        )));
    }
    let document = STANDARD.decode(text).map_err(|_| refused("it is not Base64"))?;
    let fields: Map<String, Value> =
        serde_json::from_slice(&document).map_err(|_| refused("what it holds is not a JSON object"))?;
    Ok(Some(Value::Object(fields).to_string()))
}

/// What a caller who waited is answered.
fn answer(end: &RunEnd, request_id: String) -> JsonAnswer {
    let (body, failed) = match end {
        RunEnd::Answered(body) => (body, false),
        RunEnd::Failed(body) => (body, true),
    };
    let mut headers = vec![(REQUEST_ID, request_id), ("x-amz-executed-version", LATEST.to_owned())];
    if failed {
        headers.push(("x-amz-function-error", "Unhandled".to_owned()));
    }
    JsonAnswer {
        status: 200,
        headers,
        body: body.clone().into(),
    }
}
