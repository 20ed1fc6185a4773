//! Where news of asynchronous invocations goes.

use serde_json::{Value, json};

use super::function::Destination;
use super::invoke::Invocation;
use super::{Functions, LATEST, Named, invalid};
use crate::local::automation::call::not_implemented;
use crate::local::automation::{Account, iso};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Why nothing more is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    ZeroReservedConcurrency,
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
            Self::ZeroReservedConcurrency => "ZeroReservedConcurrency",
        }
    }
}

impl Functions {
    /// Reads the ARN of a destination. Only what this account has can be one, and a bucket for failures alone (source: "Capturing records of
    /// Lambda asynchronous invocations").
    pub(super) fn destination(
        &self,
        arn: Option<&str>,
        is_for_failures: bool,
        account: &Account,
    ) -> Result<Option<Destination>, Fault> {
        let Some(arn) = arn.filter(|arn| !arn.is_empty()) else {
            return Ok(None);
        };
        if let Some(bucket) = arn.strip_prefix("arn:aws:s3:::") {
            if !is_for_failures {
                return Err(invalid(format!(
                    "The destination ARN {arn} is invalid: a bucket can be the destination for failures (OnFailure), not for successes \
                     (OnSuccess)."
                )));
            }
            if !account.storage.has_bucket(bucket) {
                return Err(invalid(format!(
                    "The destination ARN {arn} is invalid: there is no such bucket."
                )));
            }
            return Ok(Some(Destination::Bucket(bucket.to_owned())));
        }
        if arn.contains(":lambda:") {
            let function = self.find(arn, account);
            let function = function.map_err(|_| invalid(format!("The destination ARN {arn} is invalid.")))?;
            return Ok(Some(Destination::Function {
                name: function.wanted.name.clone(),
                arn: arn.to_owned(),
            }));
        }
        Err(not_implemented(&format!(
            "the destination {arn}; use another function, or a bucket for failures"
        )))
    }

    /// Tells the destination how an asynchronous invocation has ended.
    pub(super) fn tell(
        &mut self,
        invocation: &Invocation,
        condition: Condition,
        response: Option<&[u8]>,
        account: &mut Account,
        now: Timestamp,
    ) {
        let Some(function) = self.functions.get(&invocation.function) else {
            return;
        };
        let config = function.asynchronous.as_ref();
        let destination = config.and_then(|config| match condition {
            Condition::Success => config.on_success.clone(),
            Condition::RetriesExhausted | Condition::EventAgeExceeded | Condition::ZeroReservedConcurrency => {
                config.on_failure.clone()
            }
        });
        let arn = format!("{}:{LATEST}", function.wanted.arn);
        if condition != Condition::Success {
            tracing::warn!(
                function = invocation.function,
                request = invocation.request_id,
                attempts = invocation.attempts,
                reason = condition.word(),
                kept = destination.is_some(),
                "an asynchronous invocation is given up"
            );
        }
        let record = record(invocation, condition, response, &arn, now);
        match destination {
            None => {}
            Some(Destination::Bucket(bucket)) => {
                let key = format!(
                    "aws/lambda/async/{}/{}-{}",
                    invocation.function,
                    iso(now, "Z").replace(':', "."),
                    account.ids.uuid("record")
                );
                account.storage.put(&bucket, &key, record.to_string().as_bytes());
            }
            Some(Destination::Function { name, .. }) => {
                let named = Named::parse(&name);
                if self
                    .enqueue(&named.name, record.to_string().into_bytes(), account, now)
                    .is_err()
                {
                    tracing::warn!(function = name, "the destination of an asynchronous invocation is gone");
                }
            }
        }
    }
}

/// The record of an invocation (source: "Retaining records of asynchronous invocations").
fn record(invocation: &Invocation, condition: Condition, response: Option<&[u8]>, arn: &str, now: Timestamp) -> Value {
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let mut record = json!({
        "version": "1.0",
        "timestamp": iso(now, "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn,
            "condition": condition.word(),
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": read(&invocation.payload),
    });
    if let Some(response) = response {
        let mut context = json!({ "statusCode": 200, "executedVersion": LATEST });
        if condition != Condition::Success {
            context["functionError"] = "Unhandled".into();
        }
        record["responseContext"] = context;
        record["responsePayload"] = read(response);
    }
    record
}
