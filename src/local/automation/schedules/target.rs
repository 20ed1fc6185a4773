//! What a schedule does when it fires.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Delivery, Schedule};
use crate::local::automation::Account;
use crate::local::automation::call::{fault, not_implemented, unreadable};
use crate::local::automation::functions::Functions;
use crate::local::automation::pipelines::Pipelines;
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Target {
    /// A function, which gets the input.
    Function(String),
    /// A pipeline, which is started.
    Pipeline(String),
    /// `StartPipelineExecution`, whose parameters are the input.
    StartPipeline,
    /// `Invoke`, whose parameters are the input.
    Invoke,
}

impl Target {
    /// Knows the targets that this cloud has.
    pub(super) fn parse(arn: &str, account: &Account) -> Result<Self, Fault> {
        match arn {
            "arn:aws:scheduler:::aws-sdk:codepipeline:startPipelineExecution" => return Ok(Self::StartPipeline),
            "arn:aws:scheduler:::aws-sdk:lambda:invoke" => return Ok(Self::Invoke),
            _ => {}
        }
        if let Some(name) = arn.strip_prefix(&account.arn("codepipeline", "")) {
            return Ok(Self::Pipeline(name.to_owned()));
        }
        if arn.starts_with(&account.arn("lambda", "function:")) {
            return Ok(Self::Function(arn.to_owned()));
        }
        if !arn.starts_with("arn:") {
            return Err(fault(
                400,
                "ValidationException",
                format!("Provided Arn is not in correct format: {arn}"),
            ));
        }
        Err(not_implemented(&format!(
            "schedules with the target {arn}; it has functions and pipelines of {}, and the calls StartPipelineExecution and Invoke",
            account.region
        )))
    }

    /// Whether it needs an input that is a document.
    pub(super) fn needs_input(&self) -> bool {
        matches!(self, Self::StartPipeline | Self::Invoke)
    }
}

/// Tries to reach the target.
pub(super) fn deliver(
    schedule: &Schedule,
    delivery: &Delivery,
    pipelines: &mut Pipelines,
    functions: &mut Functions,
    account: &mut Account,
    now: Timestamp,
) -> Result<(), Fault> {
    let arn = schedule.arn(account);
    let input = input(schedule, delivery, &arn);
    match &schedule.target {
        Target::Function(name) => {
            let event = input.unwrap_or_else(|| default_event(delivery, &arn, account).to_string());
            functions.enqueue(name, event.into_bytes(), account, now).map(drop)
        }
        Target::Pipeline(name) => {
            let start = json!({ "name": name }).to_string();
            pipelines.start_by_schedule(&start, &arn, functions, account, now)
        }
        Target::StartPipeline => {
            let parameters = parameters(input.as_deref())?;
            let start = Value::Object(parameters).to_string();
            pipelines.start_by_schedule(&start, &arn, functions, account, now)
        }
        Target::Invoke => {
            let parameters = parameters(input.as_deref())?;
            let text = |name: &str| parameters.get(name).and_then(Value::as_str);
            let name = text("functionName").unwrap_or_default();
            let payload = match parameters.get("payload") {
                Some(Value::String(text)) => text.clone(),
                Some(document) => document.to_string(),
                None => "{}".to_owned(),
            };
            functions.enqueue(name, payload.into_bytes(), account, now).map(drop)
        }
    }
}

/// The input with what it says of the schedule put in.
fn input(schedule: &Schedule, delivery: &Delivery, arn: &str) -> Option<String> {
    let text = schedule.given.get("Target")?.get("Input")?.as_str()?;
    let values = [
        ("<aws.scheduler.schedule-arn>", arn.to_owned()),
        ("<aws.scheduler.scheduled-time>", at(delivery.scheduled)),
        ("<aws.scheduler.execution-id>", delivery.execution_id.clone()),
        ("<aws.scheduler.attempt-number>", delivery.attempts.to_string()),
    ];
    let put_in = |text: String, (name, value): (&str, String)| text.replace(name, &value);
    Some(values.into_iter().fold(text.to_owned(), put_in))
}

/// Parameters of a call, with names as its API has them: clients of the scheduler write them with a capital.
fn parameters(input: Option<&str>) -> Result<Map<String, Value>, Fault> {
    let document: Value = serde_json::from_str(input.unwrap_or("{}"))
        .map_err(|error| unreadable("ValidationException", "The input", &error))?;
    let Value::Object(fields) = document else {
        return Err(fault(400, "ValidationException", "The input is not an object"));
    };
    let small = |name: String| {
        let mut letters = name.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    };
    Ok(fields.into_iter().map(|(name, value)| (small(name), value)).collect())
}

/// What a function gets that is not told otherwise.
fn default_event(delivery: &Delivery, arn: &str, account: &Account) -> Value {
    json!({
        "version": "0",
        "id": delivery.execution_id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account.id,
        "time": at(delivery.scheduled),
        "region": account.region,
        "resources": [arn],
        "detail": "{}",
    })
}

/// A moment to the second, as the scheduler tells it.
fn at(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.split_once('.')
        .map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}
