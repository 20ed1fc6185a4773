//! A small world for tests: automation with a storage in memory, whose functions do as they are told.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Automation, AutomationSettings, JsonAnswer, JsonRequest, Reply, Run, RunEnd, RunId, Service};
use crate::local::account::Timing;
use crate::local::account::fixture::FakeStorage;
use crate::local::memory::Notes;
use crate::model::Timestamp;

/// How many calls are looked at for what is remembered after them.
const MOST_CHECKS: u32 = 100;

pub(super) struct World {
    pub(super) automation: Automation,
    settings: AutomationSettings,
    checks: u32,
    pub(super) storage: Arc<FakeStorage>,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        Self::paced(1.0)
    }

    pub(super) fn paced(pace: f64) -> Self {
        let storage = Arc::new(FakeStorage::default());
        let settings = AutomationSettings {
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            endpoint: "http://127.0.0.1:4570".to_owned(),
            timing: Timing::scaled(pace),
            seed: 1,
        };
        Self {
            automation: Automation::new(settings.clone(), storage.clone()),
            settings,
            checks: 0,
            storage,
            now: Timestamp::from_millis(1_795_000_000_000),
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, length: Duration) {
        self.now = self.now + length;
        self.automation.tick(self.now);
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(super) fn send(
        &mut self,
        service: Service,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = JsonRequest {
            service,
            method: method.to_owned(),
            path: path.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            body: if body.is_null() {
                Vec::new().into()
            } else {
                body.to_string().into()
            },
            id: "request".to_owned(),
        };
        let reply = self.automation.handle(&request, self.now);
        // Whatever a test is about: were the cloud to end now, nothing would be lost. Long histories say the same again and again.
        if self.checks < MOST_CHECKS {
            self.checks += 1;
            let _same = self.again(Timestamp::default());
        }
        reply
    }

    /// The automation as it goes on after an end of the cloud.
    fn again(&self, now: Timestamp) -> Automation {
        let kept = |automation: &Automation| {
            let mut notes = Notes::default();
            automation.remember(&mut notes);
            notes
        };
        let mut again = Automation::new(self.settings.clone(), self.storage.clone());
        let notes = kept(&self.automation).kept();
        again.recall(&notes, &self.storage.files(), now).unwrap();
        if now == Timestamp::default() {
            // The counter of ids leaps.
            let leaps = [super::remember::COUNTER];
            assert_eq!(kept(&again).but(&leaps), kept(&self.automation).but(&leaps));
        }
        again
    }

    /// Ends the cloud, and starts it again.
    pub(super) fn restart(&mut self) {
        self.automation = self.again(self.now);
    }

    /// A call that is answered at once.
    pub(super) fn call(&mut self, service: Service, method: &str, path: &str, body: &Value) -> (u16, Value) {
        match self.send(service, method, path, &[], body) {
            Reply::Answered(answer) => read(&answer),
            Reply::Waits(_) => panic!("{method} {path} waits"),
        }
    }

    /// A call to CodePipeline that succeeds.
    pub(super) fn pipeline(&mut self, operation: &str, body: &Value) -> Value {
        let (status, answer) = self.pipeline_answer(operation, body);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// A call to CodePipeline that is refused with this code.
    #[track_caller]
    pub(super) fn pipeline_refuses(&mut self, operation: &str, body: &Value, code: &str) {
        let (status, answer) = self.pipeline_answer(operation, body);
        assert!(
            status >= 400 && answer["__type"] == code,
            "{operation}: {status} {answer}"
        );
    }

    fn pipeline_answer(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let target = format!("CodePipeline_20150709.{operation}");
        match self.send(Service::Pipelines, "POST", "/", &[("x-amz-target", &target)], body) {
            Reply::Answered(answer) => read(&answer),
            Reply::Waits(_) => panic!("{operation} waits"),
        }
    }

    /// Makes a function and waits until it is active.
    pub(super) fn function(&mut self, name: &str) {
        let (status, answer) = self.call(Service::Functions, "POST", "/2015-03-31/functions", &creation(name));
        assert_eq!(status, 201, "{answer}");
        self.seconds(5);
    }

    /// The events that functions were given since the last time, each with its run.
    pub(super) fn events(&mut self) -> Vec<(Run, Value)> {
        let runs = self.automation.take_runs();
        runs.into_iter()
            .map(|run| {
                let event = serde_json::from_slice(&run.payload).unwrap();
                (run, event)
            })
            .collect()
    }

    pub(super) fn answers(&mut self, run: RunId, answer: &Value) -> Option<(u16, Value)> {
        let end = RunEnd::Answered(answer.to_string().into_bytes());
        let answer = self.automation.finished(run, &end, self.now)?;
        Some(read(&answer))
    }

    pub(super) fn fails(&mut self, run: RunId) -> Option<JsonAnswer> {
        let end = RunEnd::Failed(
            json!({ "errorType": "Oh", "errorMessage": "no" })
                .to_string()
                .into_bytes(),
        );
        self.automation.finished(run, &end, self.now)
    }
}

/// Something wrong with a document.
pub(super) type Mistake = dyn Fn(&mut Value);

/// Status and document of an answer.
pub(super) fn read(answer: &JsonAnswer) -> (u16, Value) {
    let document = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    (answer.status, document)
}

/// A package with nothing but a program.
pub(super) fn package() -> String {
    let mut archive = zip::write::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    archive.start_file("bootstrap", options).unwrap();
    archive.write_all(b"#!/bin/sh\n").unwrap();
    STANDARD.encode(archive.finish().unwrap().into_inner())
}

pub(super) fn creation(name: &str) -> Value {
    json!({
        "FunctionName": name,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": "arn:aws:iam::123456789012:role/release",
        "Code": { "ZipFile": package() },
        "Environment": { "Variables": { "SLOT": "shop" } },
    })
}
