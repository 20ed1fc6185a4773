//! CodePipeline: answers to its jobs, and what becomes of executions.
//!
//! Source: API reference of CodePipeline, `PutJobSuccessResult`, `PutJobFailureResult` and `GetPipelineExecution`.

use std::collections::BTreeMap;

use aws_sdk_codepipeline::types::{ExecutionDetails, FailureDetails, FailureType};

use super::error::read;
use super::{Aws, CallError};

/// The longest summary of an action, in characters.
const LONGEST_SUMMARY: usize = 2048;

/// The longest message of a failure, in characters.
const LONGEST_MESSAGE: usize = 5000;

/// The code of what is asked about a pipeline that is not there.
pub const NO_PIPELINE: &str = "PipelineNotFoundException";

/// An answer to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobAnswer {
    /// It is not over: a new job is to come with this token.
    Continue {
        /// The token, at most 2048 characters.
        token: String,
        /// How far it is.
        standing: Standing,
    },
    /// It has succeeded.
    Success {
        /// How far it is.
        standing: Standing,
        /// Output variables of the action.
        variables: BTreeMap<String, String>,
    },
    /// It has failed.
    Failure {
        /// Whose fault that is.
        fault: Fault,
        /// Why, and what to do next.
        message: String,
        /// The release, if there is one.
        release: Option<String>,
    },
}

/// How far an action is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In a sentence.
    pub summary: String,
    /// From 0 to 100.
    pub percent: u8,
    /// The release, if there is one.
    pub release: Option<String>,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The release's: it was refused, taken back or aborted.
    Release,
    /// That of the action's settings.
    Configuration,
    /// A permission is missing.
    Permission,
    /// The artifact cannot be had.
    Artifact,
    /// Something that is needed does not answer.
    System,
}

impl Fault {
    fn kind(self) -> FailureType {
        match self {
            Self::Release => FailureType::JobFailed,
            Self::Configuration => FailureType::ConfigurationError,
            Self::Permission => FailureType::PermissionError,
            Self::Artifact => FailureType::RevisionUnavailable,
            Self::System => FailureType::SystemUnavailable,
        }
    }
}

impl Standing {
    fn details(self) -> ExecutionDetails {
        ExecutionDetails::builder()
            .summary(shortened(&self.summary, LONGEST_SUMMARY))
            .percent_complete(i32::from(self.percent.min(100)))
            .set_external_execution_id(self.release)
            .build()
    }
}

impl Aws {
    /// Answers a job. Idempotent: a job that was answered before, or that the pipeline has given up, stays as it is.
    ///
    /// # Errors
    ///
    /// When the answer could not be delivered.
    pub async fn answer_job(&self, job: &str, answer: JobAnswer) -> Result<(), CallError> {
        let sent = match answer {
            JobAnswer::Continue { token, standing } => {
                let call = self.pipelines.put_job_success_result().job_id(job);
                let call = call.continuation_token(token).execution_details(standing.details());
                call.send()
                    .await
                    .map(drop)
                    .map_err(|error| read("PutJobSuccessResult", error))
            }
            JobAnswer::Success { standing, variables } => {
                let call = self.pipelines.put_job_success_result().job_id(job);
                let call = call
                    .set_output_variables(Some(variables.into_iter().collect()))
                    .execution_details(standing.details());
                call.send()
                    .await
                    .map(drop)
                    .map_err(|error| read("PutJobSuccessResult", error))
            }
            JobAnswer::Failure {
                fault,
                message,
                release,
            } => {
                let details = FailureDetails::builder()
                    .r#type(fault.kind())
                    .message(shortened(&message, LONGEST_MESSAGE))
                    .set_external_execution_id(release)
                    .build()
                    .map_err(|error| CallError::refused("PutJobFailureResult", error.to_string()))?;
                let call = self
                    .pipelines
                    .put_job_failure_result()
                    .job_id(job)
                    .failure_details(details);
                call.send()
                    .await
                    .map(drop)
                    .map_err(|error| read("PutJobFailureResult", error))
            }
        };
        match sent {
            Err(error)
                if ["InvalidJobStateException", "JobNotFoundException"]
                    .iter()
                    .any(|code| error.has_code(code)) =>
            {
                Ok(())
            }
            sent => sent,
        }
    }

    /// The status of an execution (`InProgress`, `Stopping`, `Superseded`, …); `None` if there is no such execution. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said; [`NO_PIPELINE`] is its code where there is no such pipeline.
    pub async fn execution_status(&self, pipeline: &str, id: &str) -> Result<Option<String>, CallError> {
        let call = self.pipelines.get_pipeline_execution();
        let answer = call.pipeline_name(pipeline).pipeline_execution_id(id).send().await;
        match answer {
            Ok(answer) => Ok(answer
                .pipeline_execution
                .and_then(|execution| execution.status)
                .map(|status| status.as_str().to_owned())),
            Err(error) => {
                let error = read("GetPipelineExecution", error);
                if error.has_code("PipelineExecutionNotFoundException") {
                    Ok(None)
                } else {
                    Err(error)
                }
            }
        }
    }
}

/// A text that fits, with a sign that something is missing.
fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 2).collect();
    format!("{kept} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_by_characters_and_shows_it() {
        assert_eq!(shortened("grün", 4), "grün");
        let cut = shortened(&"ü".repeat(3000), LONGEST_SUMMARY);
        assert_eq!(cut.chars().count(), LONGEST_SUMMARY);
        assert!(cut.ends_with("ü …"));
    }
}
