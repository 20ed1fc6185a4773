//! What clients ask for of schedules.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::expression::Expression;
use super::target::Target;
use super::{MAXIMUM_AGE, RETRIES, Schedule, Schedules};
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome, fault, not_implemented, page_by_name};
use crate::local::automation::{Account, seconds};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// The only group.
const DEFAULT: &str = "default";
/// How long ago a schedule may begin (source: the refusal's text, as users have quoted it).
const EARLIEST_START: Duration = Duration::from_secs(5 * 60);
/// Schedules on a page, unless fewer are asked for.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    group_name: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    start_date: Option<f64>,
    end_date: Option<f64>,
    state: Option<String>,
    target: TargetInput,
    flexible_time_window: Window,
    action_after_completion: Option<String>,
    client_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetInput {
    arn: String,
    input: Option<String>,
    #[serde(default)]
    retry_policy: Retry,
    dead_letter_config: Option<DeadLetter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Retry {
    maximum_event_age_in_seconds: Option<u64>,
    maximum_retry_attempts: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct DeadLetter {
    #[serde(rename = "Arn")]
    arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Window {
    mode: String,
    maximum_window_in_minutes: Option<u64>,
}

impl Schedule {
    pub(super) fn arn(&self, account: &Account) -> String {
        arn(
            self.given.get("Name").and_then(Value::as_str).unwrap_or_default(),
            account,
        )
    }
}

fn arn(name: &str, account: &Account) -> String {
    account.arn("scheduler", &format!("schedule/{DEFAULT}/{name}"))
}

impl Schedules {
    /// Answers a request.
    pub(in super::super) fn handle(&mut self, request: &JsonRequest, account: &mut Account, now: Timestamp) -> Outcome {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["schedules", name]) => self.create(name, request, account, now),
            ("PUT", ["schedules", name]) => self.update(name, request, account, now),
            ("GET", ["schedules", name]) => {
                let schedule = self.find(name, request.parameter("groupName"))?;
                Ok(JsonAnswer::document(200, &whole(schedule, account)))
            }
            ("DELETE", ["schedules", name]) => {
                self.find(name, request.parameter("groupName"))?;
                self.schedules.remove(*name);
                Ok(JsonAnswer::document(200, &json!({})))
            }
            ("GET", ["schedules"]) => self.list(request, account),
            ("GET", ["schedule-groups"]) => Ok(JsonAnswer::document(
                200,
                &json!({ "ScheduleGroups": [group(account)] }),
            )),
            ("GET", ["schedule-groups", name]) => {
                check_group(Some(name))?;
                Ok(JsonAnswer::document(200, &group(account)))
            }
            (method, _) => Err(not_implemented(&format!(
                "{method} {} of EventBridge Scheduler",
                request.path
            ))),
        }
    }

    fn find(&self, name: &str, group: Option<&str>) -> Result<&Schedule, Fault> {
        check_group(group)?;
        self.schedules.get(name).ok_or_else(|| {
            let message = format!("Schedule {name} does not exist.");
            fault(404, "ResourceNotFoundException", message)
        })
    }

    fn create(&mut self, name: &str, request: &JsonRequest, account: &mut Account, now: Timestamp) -> Outcome {
        let schedule = defined(name, request, account, now)?;
        let answer = json!({ "ScheduleArn": schedule.arn(account) });
        if let Some(known) = self.schedules.get(name) {
            // The same call once more.
            let again = schedule.client_token.is_some() && known.client_token == schedule.client_token;
            if !again {
                return Err(fault(
                    409,
                    "ConflictException",
                    format!("Schedule {name} already exists."),
                ));
            }
            return Ok(JsonAnswer::document(200, &answer));
        }
        self.schedules.insert(name.to_owned(), schedule);
        Ok(JsonAnswer::document(200, &answer))
    }

    /// What is not mentioned gets its default, as on AWS.
    fn update(&mut self, name: &str, request: &JsonRequest, account: &mut Account, now: Timestamp) -> Outcome {
        let created = self.find(name, None)?.created;
        let mut schedule = defined(name, request, account, now)?;
        schedule.created = created;
        let answer = json!({ "ScheduleArn": schedule.arn(account) });
        self.schedules.insert(name.to_owned(), schedule);
        Ok(JsonAnswer::document(200, &answer))
    }

    fn list(&self, request: &JsonRequest, account: &Account) -> Outcome {
        check_group(request.parameter("ScheduleGroup"))?;
        let prefix = request.parameter("NamePrefix").unwrap_or_default();
        let state = request.parameter("State");
        let fits = |(name, schedule): &(&String, &Schedule)| {
            name.starts_with(prefix) && state.is_none_or(|state| state == word(schedule.is_enabled))
        };
        let all = self.schedules.iter().filter(fits).map(|(name, schedule)| {
            json!({
                "Arn": schedule.arn(account),
                "Name": name,
                "GroupName": DEFAULT,
                "State": word(schedule.is_enabled),
                "CreationDate": seconds(schedule.created),
                "LastModificationDate": seconds(schedule.modified),
                "Target": { "Arn": schedule.given.get("Target").and_then(|target| target.get("Arn")) },
            })
        });
        let most = request.parameter("MaxResults").and_then(|most| most.parse().ok());
        let most: usize = most.unwrap_or(PAGE);
        let token = request.parameter("NextToken");
        let page = page_by_name(all.collect(), "Name", token, most.clamp(1, PAGE));
        let (schedules, token) = page.ok_or_else(|| invalid("The next token is not one of this listing"))?;
        let mut shown = json!({ "Schedules": schedules });
        if let Some(token) = token {
            shown["NextToken"] = token.into();
        }
        Ok(JsonAnswer::document(200, &shown))
    }
}

/// Reads a definition.
fn defined(name: &str, request: &JsonRequest, account: &mut Account, now: Timestamp) -> Result<Schedule, Fault> {
    let input: Definition = request.input("ValidationException")?;
    check_group(input.group_name.as_deref())?;
    let expression = Expression::parse(&input.schedule_expression)
        .ok_or_else(|| invalid(format!("Invalid Schedule Expression {}.", input.schedule_expression)))?;
    let zone = input.schedule_expression_timezone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(zone).map_err(|_| invalid(format!("Invalid Timezone: {zone}")))?;
    let is_enabled = input.state.as_deref() != Some("DISABLED");
    let window = match (
        input.flexible_time_window.mode.as_str(),
        input.flexible_time_window.maximum_window_in_minutes,
    ) {
        ("OFF", None) => Duration::ZERO,
        ("FLEXIBLE", Some(minutes)) => Duration::from_secs(minutes * 60),
        _ => {
            return Err(invalid(
                "FlexibleTimeWindow has the mode OFF, or the mode FLEXIBLE with MaximumWindowInMinutes",
            ));
        }
    };
    if input.target.dead_letter_config.and_then(|config| config.arn).is_some() {
        return Err(not_implemented("dead-letter queues of schedules"));
    }
    let target = Target::parse(&input.target.arn, account)?;
    let is_document = input
        .target
        .input
        .as_deref()
        .map(|text| serde_json::from_str::<Map<String, Value>>(text).is_ok());
    if target.needs_input() && is_document != Some(true) {
        return Err(invalid(
            "The target needs an Input: a JSON object with the parameters of the call",
        ));
    }
    let retry = input.target.retry_policy;
    let retries = retry.maximum_retry_attempts.unwrap_or(RETRIES);
    let age = retry
        .maximum_event_age_in_seconds
        .map_or(MAXIMUM_AGE, Duration::from_secs);
    let mut given: Map<String, Value> = request.input("ValidationException")?;
    given.insert("Name".to_owned(), name.into());
    given.remove("ClientToken");
    let mut schedule = Schedule {
        given,
        expression,
        zone,
        is_enabled,
        start: input.start_date.map(moment),
        end: input.end_date.map(moment),
        window,
        target,
        retries,
        maximum_age: age,
        deletes_itself: input.action_after_completion.as_deref() == Some("DELETE"),
        client_token: input.client_token,
        created: now,
        modified: now,
        next: None,
        deliveries: Vec::new(),
    };
    if !schedule.expression.is_once() && schedule.start.is_some_and(|start| start < now - EARLIEST_START) {
        return Err(invalid(
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ));
    }
    schedule.begin(account);
    if schedule.expression.is_once() && schedule.next.is_none() && schedule.is_enabled {
        return Err(invalid(format!(
            "The time of {} has passed already",
            input.schedule_expression
        )));
    }
    Ok(schedule)
}

/// What `GetSchedule` shows.
fn whole(schedule: &Schedule, account: &Account) -> Value {
    let mut shown = schedule.given.clone();
    let defaults = [
        ("ScheduleExpressionTimezone", json!("UTC")),
        ("State", json!("ENABLED")),
        ("ActionAfterCompletion", json!("NONE")),
        ("GroupName", json!(DEFAULT)),
    ];
    for (name, value) in defaults {
        shown.entry(name).or_insert(value);
    }
    if let Some(Value::Object(target)) = shown.get_mut("Target") {
        target.insert(
            "RetryPolicy".to_owned(),
            json!({
                "MaximumEventAgeInSeconds": schedule.maximum_age.as_secs(),
                "MaximumRetryAttempts": schedule.retries,
            }),
        );
    }
    shown.insert("Arn".to_owned(), schedule.arn(account).into());
    shown.insert("CreationDate".to_owned(), seconds(schedule.created).into());
    shown.insert("LastModificationDate".to_owned(), seconds(schedule.modified).into());
    Value::Object(shown)
}

fn group(account: &Account) -> Value {
    json!({
        "Arn": account.arn("scheduler", &format!("schedule-group/{DEFAULT}")),
        "Name": DEFAULT,
        "State": "ACTIVE",
    })
}

fn check_group(group: Option<&str>) -> Result<(), Fault> {
    match group {
        None | Some(DEFAULT) => Ok(()),
        Some(other) => Err(fault(
            404,
            "ResourceNotFoundException",
            format!("Schedule group {other} does not exist."),
        )),
    }
}

fn word(is_enabled: bool) -> &'static str {
    if is_enabled { "ENABLED" } else { "DISABLED" }
}

fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "ValidationException", message)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast saturates, and so far away nothing is scheduled"
)]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0) as i64)
}
