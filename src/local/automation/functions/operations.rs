//! Which operation a request is meant for.

use serde::Deserialize;
use serde_json::{Value, json};

use super::function::EventConfig;
use super::{Functions, LATEST, MOST_AT_ONCE, fault, invalid, view};
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome, not_implemented, page_by_name};
use crate::local::automation::{Account, Reply};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Functions on one page of `ListFunctions` (source: `MaxItems`).
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EventConfigInput {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u32>,
    destination_config: Option<DestinationsInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationsInput {
    on_success: DestinationInput,
    on_failure: DestinationInput,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationInput {
    destination: Option<String>,
}

impl Functions {
    /// Answers a request, or begins what its answer has to wait for.
    pub(in super::super) fn handle(
        &mut self,
        request: &JsonRequest,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<Reply, Fault> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["2015-03-31", "functions", name, "invocations"]) => {
                return self.invoke(name, request, account, now);
            }
            ("POST", ["2015-03-31", "functions"]) => self.create(request, account, now),
            ("GET", ["2015-03-31", "functions"]) => self.list(request),
            ("GET", ["2015-03-31", "functions", name]) => self.get(name, request, account),
            ("DELETE", ["2015-03-31", "functions", name]) => self.delete(&qualified(name, request), account),
            ("PUT", ["2015-03-31", "functions", name, "code"]) => self.update_code(name, request, account, now),
            ("GET", ["2015-03-31", "functions", name, "configuration"]) => {
                let function = self.find(&qualified(name, request), account)?;
                Ok(JsonAnswer::document(200, &view::configuration(function)))
            }
            ("PUT", ["2015-03-31", "functions", name, "configuration"]) => {
                self.update_configuration(name, request, account, now)
            }
            ("POST", ["2015-03-31", "functions", name, "policy"]) => self.add_permission(name, request, account),
            ("GET", ["2015-03-31", "functions", name, "policy"]) => self.get_policy(name, account),
            ("DELETE", ["2015-03-31", "functions", name, "policy", statement]) => {
                self.remove_permission(name, statement, account)
            }
            (method, ["2019-09-25", "functions", name, "event-invoke-config"]) => {
                self.event_config(method, name, request, account, now)
            }
            ("PUT", ["2017-10-31", "functions", name, "concurrency"]) => self.reserve(name, request, account),
            ("DELETE", ["2017-10-31", "functions", name, "concurrency"]) => {
                self.find_mut(name, account)?.reserved = None;
                Ok(JsonAnswer::empty(204))
            }
            ("GET", ["2019-09-30", "functions", name, "concurrency"]) => {
                let reserved = self.find(name, account)?.reserved;
                let document =
                    reserved.map_or_else(|| json!({}), |most| json!({ "ReservedConcurrentExecutions": most }));
                Ok(JsonAnswer::document(200, &document))
            }
            (method, ["2017-03-31", "tags", arn]) => self.tags(method, arn, request, account),
            (method, _) => Err(not_implemented(&format!("{method} {} of Lambda", request.path))),
        };
        answer.map(Reply::Answered)
    }

    fn get(&self, name: &str, request: &JsonRequest, account: &Account) -> Outcome {
        let function = self.find(&qualified(name, request), account)?;
        Ok(JsonAnswer::document(200, &view::whole(function, account)))
    }

    fn list(&self, request: &JsonRequest) -> Outcome {
        let most = request.parameter("MaxItems").and_then(|most| most.parse().ok());
        let all: Vec<Value> = self.functions.values().map(view::configuration).collect();
        let (marker, most) = (request.parameter("Marker"), most.unwrap_or(PAGE).clamp(1, PAGE));
        let page = page_by_name(all, "FunctionName", marker, most);
        let (functions, marker) = page.ok_or_else(|| invalid("Invalid Marker"))?;
        let mut document = json!({ "Functions": functions });
        if let Some(marker) = marker {
            document["NextMarker"] = marker.into();
        }
        Ok(JsonAnswer::document(200, &document))
    }

    fn event_config(
        &mut self,
        method: &str,
        name: &str,
        request: &JsonRequest,
        account: &mut Account,
        now: Timestamp,
    ) -> Outcome {
        let name = qualified(name, request);
        let absent = |arn: &str| {
            let message = format!("The function {arn}:{LATEST} doesn't have an EventInvokeConfig");
            fault(404, "ResourceNotFoundException", message)
        };
        match method {
            "GET" | "DELETE" => {
                let function = self.find_mut(&name, account)?;
                let config = function.asynchronous.clone();
                let config = config.ok_or_else(|| absent(&function.wanted.arn))?;
                if method == "DELETE" {
                    function.asynchronous = None;
                    return Ok(JsonAnswer::empty(204));
                }
                Ok(JsonAnswer::document(200, &view::event_config(function, &config)))
            }
            // The second keeps what is not mentioned.
            "PUT" | "POST" => {
                let input: EventConfigInput = request.input("InvalidParameterValueException")?;
                check_event_config(&input)?;
                let known = self.find(&name, account)?;
                if method == "POST" && known.asynchronous.is_none() {
                    return Err(absent(&known.wanted.arn));
                }
                let (mut on_success, mut on_failure) = (None, None);
                if let Some(given) = &input.destination_config {
                    on_success = self.destination(given.on_success.destination.as_deref(), false, account)?;
                    on_failure = self.destination(given.on_failure.destination.as_deref(), true, account)?;
                }
                let function = self.find_mut(&name, account)?;
                let before = function.asynchronous.take().filter(|_| method == "POST");
                let (retries, age) = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
                let config = match before {
                    Some(before) => EventConfig {
                        retries: retries.or(before.retries),
                        maximum_age: age.or(before.maximum_age),
                        on_success: on_success.or(before.on_success),
                        on_failure: on_failure.or(before.on_failure),
                        modified: now,
                    },
                    None => EventConfig {
                        retries,
                        maximum_age: age,
                        on_success,
                        on_failure,
                        modified: now,
                    },
                };
                let document = view::event_config(function, &config);
                function.asynchronous = Some(config);
                Ok(JsonAnswer::document(200, &document))
            }
            other => Err(not_implemented(&format!("{other} {} of Lambda", request.path))),
        }
    }

    fn reserve(&mut self, name: &str, request: &JsonRequest, account: &Account) -> Outcome {
        #[derive(Deserialize)]
        struct Input {
            #[serde(rename = "ReservedConcurrentExecutions")]
            most: usize,
        }
        let input: Input = request.input("InvalidParameterValueException")?;
        if input.most > MOST_AT_ONCE {
            return Err(invalid(format!(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum \
                 value; this account runs {MOST_AT_ONCE} at once."
            )));
        }
        self.find_mut(name, account)?.reserved = Some(input.most);
        let document = json!({ "ReservedConcurrentExecutions": input.most });
        Ok(JsonAnswer::document(200, &document))
    }

    fn tags(&mut self, method: &str, arn: &str, request: &JsonRequest, account: &Account) -> Outcome {
        #[derive(Deserialize)]
        struct Input {
            #[serde(rename = "Tags")]
            tags: std::collections::BTreeMap<String, String>,
        }
        let function = self.find_mut(arn, account)?;
        match method {
            "GET" => Ok(JsonAnswer::document(200, &json!({ "Tags": function.tags }))),
            "POST" => {
                let input: Input = request.input("InvalidParameterValueException")?;
                function.tags.extend(input.tags);
                Ok(JsonAnswer::empty(204))
            }
            "DELETE" => {
                let named = |key: &String| {
                    request
                        .query
                        .iter()
                        .any(|(name, value)| name == "tagKeys" && value == key)
                };
                function.tags.retain(|key, _| !named(key));
                Ok(JsonAnswer::empty(204))
            }
            other => Err(not_implemented(&format!("{other} {} of Lambda", request.path))),
        }
    }
}

fn check_event_config(input: &EventConfigInput) -> Result<(), Fault> {
    let (retries, age) = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
    if retries.is_none() && age.is_none() && input.destination_config.is_none() {
        return Err(invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    Ok(())
}

/// The name with the qualifier of the address, if it has none itself.
pub(super) fn qualified(name: &str, request: &JsonRequest) -> String {
    match request.parameter("Qualifier") {
        Some(qualifier) => format!("{name}:{qualifier}"),
        None => name.to_owned(),
    }
}
