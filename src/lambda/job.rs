//! Jobs of CodePipeline, and releases that are asked for directly.

use std::time::Duration;

use serde_json::Value;

use super::artifact::Wanted;
use super::call::{Job, ReleaseCall};
use super::request::Request;
use super::settings::{Parameters, SettingsPlace, object};
use super::token::Token;
use super::{Failure, Function, Slice};
use crate::aws::{CallError, Fault, JobAnswer};
use crate::compose::Until;
use crate::model::Timestamp;
use crate::release::Origin;

impl Function {
    /// Works on a job and answers the pipeline.
    ///
    /// # Errors
    ///
    /// When the pipeline could not be told. Lambda delivers the same job again, a minute later, and that goes on with the release;
    /// the pipeline waits for 20 minutes, and then fails the action.
    pub(super) async fn job(&self, job: Job, slice: &Slice) -> Result<Value, CallError> {
        let id = job.id.clone();
        let before = job.data.continuation_token.clone();
        let mut token = match Token::read(&id, before.as_deref()) {
            Ok(token) => token,
            Err(failure) => return self.refuse(&id, before, failure).await,
        };
        let answer = match Box::pin(self.work(job, &mut token, slice)).await {
            Ok(progress) => progress.to_job(),
            Err(failure) => {
                self.around.log(&failure);
                after_failure(token, failure, self.around.clock().now())
            }
        };
        self.around.aws().answer_job(&id, answer).await?;
        Ok(Value::Null)
    }

    /// Answers a job that cannot be read, so that its action does not wait for nothing.
    /// What its token leads to goes on all the same.
    pub(super) async fn refuse(&self, id: &str, token: Option<String>, failure: Failure) -> Result<Value, CallError> {
        self.around.log(&failure);
        self.around.aws().answer_job(id, failure.into_job(token)).await?;
        Ok(Value::Null)
    }

    async fn work(&self, job: Job, token: &mut Token, slice: &Slice) -> Result<super::advance::Progress, Failure> {
        let parameters = Parameters::read(job.user_parameters())?;
        let request = Request {
            origin: Origin {
                request: token.job.clone(),
                execution: parameters.execution(),
            },
            settings: SettingsPlace::read(parameters.config.as_deref())?,
            at: parameters.at,
            wanted: wanted(&job, &token.job, parameters.artifact.as_deref())?,
            until: parameters.until,
        };
        self.advance(&request, token, slice).await
    }

    /// Works on a release that was asked for directly, and says how it stands.
    pub(super) async fn release(&self, invocation: &str, call: ReleaseCall, slice: &Slice) -> Result<Value, Failure> {
        let id = call.request.unwrap_or_else(|| invocation.to_owned());
        let (bucket, key) = object(&call.artifact).ok_or_else(|| {
            Failure::configuration(format!(
                "`artifact` is {:?}, which names no object: write s3://BUCKET/KEY",
                call.artifact
            ))
        })?;
        let request = Request {
            origin: Origin {
                request: id.clone(),
                execution: None,
            },
            settings: SettingsPlace::read(call.config.as_deref())?,
            at: call.at,
            wanted: Wanted {
                bucket,
                key,
                request: id.clone(),
                session: None,
            },
            until: Until::Over,
        };
        let mut token = Token::first(&id);
        let progress = self.advance(&request, &mut token, slice).await?;
        Ok(progress.to_caller())
    }
}

/// For how long an action tries again while something does not answer and no release of its own can be seen. Lambda delivers a job
/// again whose invocation died, and what that one had begun is not seen before something answers.
const TRIES: Duration = Duration::from_secs(15 * 60);

/// What is answered after a failure. The token leads to the release if any job has got as far as to one; that may have traffic.
fn after_failure(mut token: Token, failure: Failure, now: Timestamp) -> JobAnswer {
    if token.release.is_none() && failure.fault == Fault::System {
        let since = *token.failing_since.get_or_insert(now);
        if now.since(since) >= TRIES {
            let message = format!(
                "{failure}; nothing has begun in {} minutes of such failures; retry the stage when it answers again",
                TRIES.as_secs() / 60
            );
            return Failure::system(message).into_job(None);
        }
    }
    failure.into_job(Some(token.text()))
}

/// The artifact of a job that is released.
fn wanted(job: &Job, request: &str, name: Option<&str>) -> Result<Wanted, Failure> {
    let artifacts = &job.data.input_artifacts;
    let names = || {
        let names = artifacts.iter().map(|artifact| artifact.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let artifact = match (name, artifacts.as_slice()) {
        (_, []) => {
            return Err(Failure::configuration(
                "the action has no input artifact: give it the one to be released",
            ));
        }
        (None, [one]) => one,
        (None, _) => {
            return Err(Failure::configuration(format!(
                "the action has several input artifacts ({}); name the one to be released by `artifact` in UserParameters",
                names()
            )));
        }
        (Some(name), _) => artifacts.iter().find(|artifact| artifact.name == name).ok_or_else(|| {
            Failure::configuration(format!(
                "`artifact` in UserParameters is {name:?}, and the action's input artifacts are {}",
                names()
            ))
        })?,
    };
    let (bucket, key) = artifact
        .place()
        .ok_or_else(|| Failure::configuration(format!("the input artifact {} is not on S3", artifact.name)))?;
    Ok(Wanted {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        request: request.to_owned(),
        session: job.session(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::call::{Call, tests::event};
    use super::*;
    use crate::model::ReleaseNumber;

    fn job(artifacts: &[&str]) -> Job {
        let mut event = event("{}", None);
        let list = artifacts.iter().map(|name| {
            serde_json::json!({ "name": name, "location": { "type": "S3", "s3Location": { "bucketName": "b", "objectKey": name } } })
        });
        event["CodePipeline.job"]["data"]["inputArtifacts"] = list.collect();
        match Call::read(event) {
            Ok(Call::Job(job)) => *job,
            _ => panic!("it is a job"),
        }
    }

    #[test]
    fn a_failure_after_the_release_has_begun_fails_no_action_not_even_in_its_first_job() {
        let waiting = Token::first("a-job");
        let begun = Token {
            release: Some(ReleaseNumber(12)),
            ..waiting.clone()
        };
        let now = Timestamp::from_millis(1_800_000_000_000);
        for fault in [Fault::Permission, Fault::System] {
            let failure = Failure::new(fault, "sts: no");
            let JobAnswer::Continue { token, .. } = after_failure(begun.clone(), failure, now) else {
                panic!("its release is under way");
            };
            assert_eq!(Token::read("another", Some(&token)).unwrap(), begun);
        }
        let denied = Failure::new(Fault::Permission, "s3: no");
        assert!(matches!(after_failure(waiting, denied, now), JobAnswer::Failure { .. }));
    }

    #[test]
    fn what_does_not_answer_a_first_job_is_asked_again_for_a_while() {
        let began = Timestamp::from_millis(1_800_000_000_000);
        let silent = || Failure::system("GetObject: SlowDown");
        let mut token = Token::first("a-job");
        // It may be delivered again, and its release be under way.
        for minutes in [0, 7, 14] {
            let now = began + Duration::from_secs(60 * minutes);
            let JobAnswer::Continue { token: text, standing } = after_failure(token, silent(), now) else {
                panic!("{minutes} minutes are not enough");
            };
            assert!(
                standing.summary.contains("trying again: GetObject: SlowDown"),
                "{standing:?}"
            );
            token = Token::read("another", Some(&text)).unwrap();
            assert_eq!((token.job.as_str(), token.failing_since), ("a-job", Some(began)));
        }
        let JobAnswer::Failure { fault, message, .. } = after_failure(token, silent(), began + TRIES) else {
            panic!("nobody waits for ever");
        };
        assert_eq!(fault, Fault::System);
        for part in ["SlowDown", "nothing has begun in 15 minutes", "retry the stage"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_artifact_is_the_only_one_or_the_one_that_is_named() {
        assert_eq!(
            wanted(&job(&["Built"]), "1", None)
                .unwrap_or_else(|e| panic!("{e}"))
                .key,
            "Built"
        );
        let two = job(&["Source", "Built"]);
        assert_eq!(
            wanted(&two, "1", Some("Built")).unwrap_or_else(|e| panic!("{e}")).key,
            "Built"
        );
        let why = |job: &Job, name: Option<&str>| match wanted(job, "1", name) {
            Ok(_) => panic!("it is not clear which"),
            Err(failure) => failure.message,
        };
        assert!(why(&two, None).contains("Source, Built"));
        assert!(why(&two, Some("Bulit")).contains("Bulit"));
        assert!(why(&job(&[]), None).contains("no input artifact"));
    }
}
