//! Events, managed updates and logs: what an environment says of itself.

use aws_sdk_elasticbeanstalk::types::{EnvironmentInfoType, EventSeverity};

use super::super::error::read;
use super::super::time::{date_time, timestamp};
use super::super::{Aws, CallError};
use crate::model::{EnvironmentId, Timestamp};

/// Clocks of AWS and of this machine differ; error events from a little earlier are looked at too.
const SKEW: std::time::Duration = std::time::Duration::from_secs(60);

impl Aws {
    /// Messages of error events of an environment, oldest first: all of them, or those since a moment. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn error_events(&self, id: &EnvironmentId, since: Option<Timestamp>) -> Result<Vec<String>, CallError> {
        let since = since.map(|since| since - SKEW);
        let mut events = self.events(id, since, Some(EventSeverity::Error), 100).await?;
        events.reverse();
        Ok(events.into_iter().map(|(_, _, message)| message).collect())
    }

    /// The newest events of an environment, newest first: when, how severe, and what. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn recent_events(&self, id: &EnvironmentId) -> Result<Vec<(Timestamp, String, String)>, CallError> {
        self.events(id, None, None, 500).await
    }

    async fn events(
        &self,
        id: &EnvironmentId,
        since: Option<Timestamp>,
        severity: Option<EventSeverity>,
        most: i32,
    ) -> Result<Vec<(Timestamp, String, String)>, CallError> {
        let answer = self
            .beanstalk
            .describe_events()
            .environment_id(id.as_str())
            .set_start_time(since.map(date_time))
            .set_severity(severity)
            .max_records(most)
            .send()
            .await
            .map_err(|error| read("DescribeEvents", error))?;
        Ok(answer
            .events()
            .iter()
            .map(|event| {
                (
                    event.event_date().map(timestamp).unwrap_or_default(),
                    event.severity().map_or("INFO", |severity| severity.as_str()).to_owned(),
                    event.message().unwrap_or_default().to_owned(),
                )
            })
            .collect())
    }

    /// A managed update that runs, or whose window begins before `horizon`; `None` if there is none. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn managed_update(&self, id: &EnvironmentId, horizon: Timestamp) -> Result<Option<String>, CallError> {
        let answer = match self
            .beanstalk
            .describe_environment_managed_actions()
            .environment_id(id.as_str())
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(error) => {
                let error = read("DescribeEnvironmentManagedActions", error);
                // An environment without managed updates refuses the question.
                return if error.has_code("InvalidRequestException") {
                    Ok(None)
                } else {
                    Err(error)
                };
            }
        };
        Ok(answer.managed_actions().iter().find_map(|action| {
            let status = action.status().map_or("Unknown", |status| status.as_str());
            let begins = action.window_start_time().map(timestamp);
            let near = begins.is_none_or(|begins| begins < horizon);
            let due = matches!(status, "Pending" | "Running") || status == "Scheduled" && near;
            due.then(|| {
                let what = action.action_description().unwrap_or("a platform update");
                let when = begins.map_or(String::new(), |begins| format!(", window from {begins}"));
                format!("{what} ({status}{when})")
            })
        }))
    }

    /// Asks the instances of an environment for the tail of their logs. Idempotent.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn request_logs(&self, id: &EnvironmentId) -> Result<(), CallError> {
        self.beanstalk
            .request_environment_info()
            .environment_id(id.as_str())
            .info_type(EnvironmentInfoType::Tail)
            .send()
            .await
            .map(drop)
            .map_err(|error| read("RequestEnvironmentInfo", error))
    }

    /// The addresses under which the tails lie, by instance; they are signed, and must not be kept. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn log_addresses(&self, id: &EnvironmentId) -> Result<Vec<(String, String)>, CallError> {
        let answer = self
            .beanstalk
            .retrieve_environment_info()
            .environment_id(id.as_str())
            .info_type(EnvironmentInfoType::Tail)
            .send()
            .await
            .map_err(|error| read("RetrieveEnvironmentInfo", error))?;
        Ok(answer
            .environment_info()
            .iter()
            .filter_map(|info| {
                Some((
                    info.ec2_instance_id().unwrap_or("instance").to_owned(),
                    info.message()?.to_owned(),
                ))
            })
            .collect())
    }
}
