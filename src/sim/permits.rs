//! The published IAM policy, which the drivers of every world are held to.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::pipeline;
use super::scenario::{Manner, Scenario, Store};
use super::scene::{Scene, Violation};
use super::stage::{ACCOUNT, BUCKET, REGION, Stage};
use super::wire::Call;
use crate::local::permissions::Policy;
use crate::roles::{Duty, Form, Home, Scope, policy};
use crate::spec::JournalPlace;

/// The access key of all drivers.
pub(super) const KEY: &str = "AKIDSIMULATED";

/// The policy of a scenario, as `cutover iam-policy` prints it.
pub(super) fn published(stage: &Stage, scenario: &Scenario) -> serde_json::Value {
    let journal = match scenario.store {
        Store::Memory => JournalPlace::Directory("journal".into()),
        Store::S3 => JournalPlace::S3 {
            bucket: BUCKET.to_owned(),
            prefix: "journal".to_owned(),
        },
    };
    let home = Home {
        account: Some(ACCOUNT.to_owned()),
        region: Some(REGION.to_owned()),
        zone: None,
    };
    let name = matches!(scenario.manner, Manner::Jobs(_)).then_some(pipeline::NAME);
    let scope = Scope::new(&stage.spec(scenario), &journal, &home, Form::Plain).in_pipeline(name);
    serde_json::to_value(policy(&scope, &Duty::ALL)).expect("a policy can be written as JSON")
}

/// An action that is left out of the policy.
#[derive(Clone, Copy)]
pub(super) struct Missing<'a> {
    /// Which one.
    pub(super) action: &'a str,
    /// Whether that is the point of the world, so that a denial breaks no rule and the world ends when somebody is told.
    pub(super) on_purpose: bool,
}

/// Holds the drivers to it, to all but an action of it if one is named.
pub(super) fn enforce(stage: &Stage, scenario: &Scenario, missing: Option<Missing<'_>>) {
    let mut policy = published(stage, scenario);
    if let Some(Missing {
        action: without,
        on_purpose,
    }) = missing
    {
        if on_purpose {
            stage.lacks.get_or_init(|| without.to_owned());
        }
        for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(|action| action != without);
            }
        }
    }
    let policy = Policy::parse(&policy.to_string()).expect("what is published can be read");
    stage.permissions.hold(Some(KEY), policy);
}

/// Looks at an answer: nothing is denied that a release needs, unless the world lacks a permission on purpose.
pub(super) fn answered(scene: &Scene, call: &Call, response: &Response<Bytes>) {
    if response.status() != StatusCode::FORBIDDEN || scene.stage.lacks.get().is_some() {
        return;
    }
    let text = String::from_utf8_lossy(response.body());
    let said = text
        .split_once("<Message>")
        .and_then(|(_, rest)| rest.split_once("</Message>"));
    // An answer to a HEAD request has no words.
    let said = said.map_or("it was denied", |(said, _)| said);
    scene.violated("permitted", format!("{}: {said}", call.operation));
}

/// In a world that lacks an action on purpose: the end of it, when somebody is told which action that is and on what.
pub(super) fn told(scene: &Scene, line: &str) -> Option<Violation> {
    let action = scene.stage.lacks.get()?;
    let (_, rest) = line.split_once(&format!("{action} on "))?;
    (rest.starts_with("resource: ") || rest.starts_with("arn:")).then(|| Violation {
        rule: TOLD,
        what: line.to_owned(),
        after: scene.elapsed(),
    })
}

/// What a world ends by that lacks an action on purpose.
pub(super) const TOLD: &str = "told";
