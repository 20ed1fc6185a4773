//! Environments: found by id, made with a tag, swapped once, removed by id.

use aws_sdk_elasticbeanstalk::types::{ConfigurationOptionSetting, EnvironmentDescription, Tag};

use super::super::error::read;
use super::super::{Aws, CallError, InTime};
use crate::model::{ApplicationName, EnvironmentId, EnvironmentName, HealthColor, VersionLabel};
use crate::release::{EnvironmentSeen, EnvironmentStatus};

/// An environment to be made.
#[derive(Clone, Debug)]
pub struct NewEnvironment<'a> {
    /// The application.
    pub application: &'a ApplicationName,
    /// Its name.
    pub name: &'a EnvironmentName,
    /// The version it runs.
    pub version: &'a VersionLabel,
    /// The saved configuration it is made from.
    pub template: &'a str,
    /// Fewest instances.
    pub min_instances: u32,
    /// Most instances.
    pub max_instances: u32,
    /// Tags.
    pub tags: &'a [(String, String)],
}

impl Aws {
    /// All environments, of one application or of the whole region, but for terminated ones. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn environments(&self, application: Option<&ApplicationName>) -> Result<Vec<EnvironmentSeen>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .beanstalk
                .describe_environments()
                .set_application_name(application.map(|name| name.as_str().to_owned()))
                .include_deleted(false)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| read("DescribeEnvironments", error))?;
            // Terminated twins are listed for an hour or so, whether one asks for them or not.
            found.extend(
                answer
                    .environments()
                    .iter()
                    .filter_map(seen)
                    .filter(|seen| seen.status != EnvironmentStatus::Terminated),
            );
            token = answer.next_token;
            if token.as_deref().is_none_or(str::is_empty) {
                return Ok(found);
            }
        }
    }

    /// One environment by its id, or `None` if it is gone. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn environment(&self, id: &EnvironmentId) -> Result<Option<EnvironmentSeen>, CallError> {
        let answer = self
            .beanstalk
            .describe_environments()
            .environment_ids(id.as_str())
            .send()
            .await
            .map_err(|error| read("DescribeEnvironments", error))?;
        Ok(answer
            .environments()
            .iter()
            .filter_map(seen)
            .find(|seen| seen.id == *id && seen.status != EnvironmentStatus::Terminated))
    }

    /// Whether an environment is listed as terminated, which it is for an hour or so and to nobody who may not see it. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn was_removed(&self, id: &EnvironmentId) -> Result<bool, CallError> {
        let answer = self
            .beanstalk
            .describe_environments()
            .environment_ids(id.as_str())
            .include_deleted(true)
            .send()
            .await
            .map_err(|error| read("DescribeEnvironments", error))?;
        let mut found = answer.environments().iter().filter_map(seen);
        Ok(found.any(|seen| seen.id == *id && seen.status == EnvironmentStatus::Terminated))
    }

    /// One tag of an environment, if it has it. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn environment_tag(&self, id: &EnvironmentId, key: &str) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "ListTagsForResource";
        let described = self
            .beanstalk
            .describe_environments()
            .environment_ids(id.as_str())
            .send()
            .await
            .map_err(|error| read("DescribeEnvironments", error))?;
        let arn = described
            .environments()
            .iter()
            .find_map(|found| found.environment_arn())
            .ok_or_else(|| CallError::refused(OPERATION, format!("environment {id} has no ARN")))?;
        let answer = self
            .beanstalk
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        Ok(answer
            .resource_tags()
            .iter()
            .find(|tag| tag.key() == Some(key))
            .and_then(|tag| tag.value().map(str::to_owned)))
    }

    /// Makes an environment. A create: "already exists" is ours only if the tag says so, which the next read tells.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_environment(
        &self,
        new: &NewEnvironment<'_>,
        in_time: &InTime,
    ) -> Result<Option<String>, CallError> {
        let tags = new
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let answer = self
            .beanstalk_once
            .create_environment()
            .application_name(new.application.as_str())
            .environment_name(new.name.as_str())
            .version_label(new.version.as_str())
            .template_name(new.template)
            .set_option_settings(Some(capacity(new.min_instances, new.max_instances)))
            .set_tags(Some(tags))
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map_err(|error| read("CreateEnvironment", error))?;
        Ok(answer.environment_id)
    }

    /// Sets how few and how many instances an environment may run. Idempotent.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn set_capacity(
        &self,
        id: &EnvironmentId,
        min_instances: u32,
        max_instances: u32,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .update_environment()
            .environment_id(id.as_str())
            .set_option_settings(Some(capacity(min_instances, max_instances)))
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("UpdateEnvironment", error))
    }

    /// Exchanges the CNAMEs of two environments. A **toggle** without a token: sent once, with the SDK's retries off.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn swap(
        &self,
        source: &EnvironmentId,
        destination: &EnvironmentId,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .swap_environment_cnames()
            .source_environment_id(source.as_str())
            .destination_environment_id(destination.as_str())
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("SwapEnvironmentCNAMEs", error))
    }

    /// Removes an environment, by id alone. Destructive.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn terminate(&self, id: &EnvironmentId, in_time: &InTime) -> Result<(), CallError> {
        self.beanstalk_once
            .terminate_environment()
            .environment_id(id.as_str())
            .terminate_resources(true)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("TerminateEnvironment", error))
    }
}

fn capacity(min_instances: u32, max_instances: u32) -> Vec<ConfigurationOptionSetting> {
    [("MinSize", min_instances), ("MaxSize", max_instances)]
        .into_iter()
        .map(|(name, value)| {
            ConfigurationOptionSetting::builder()
                .namespace("aws:autoscaling:asg")
                .option_name(name)
                .value(value.to_string())
                .build()
        })
        .collect()
}

fn seen(description: &EnvironmentDescription) -> Option<EnvironmentSeen> {
    // A name that is not given yet is told as UNKNOWN for a moment.
    let text = |value: Option<&str>| {
        value
            .filter(|text| !text.is_empty() && *text != "UNKNOWN")
            .map(str::to_ascii_lowercase)
    };
    Some(EnvironmentSeen {
        id: EnvironmentId::new(description.environment_id()?),
        name: EnvironmentName::new(description.environment_name()?),
        status: match description.status().map(|status| status.as_str()) {
            Some("Launching") => EnvironmentStatus::Launching,
            Some("Updating") => EnvironmentStatus::Updating,
            Some("Ready") => EnvironmentStatus::Ready,
            Some("Terminating") => EnvironmentStatus::Terminating,
            Some("Terminated") => EnvironmentStatus::Terminated,
            _ => EnvironmentStatus::Other,
        },
        cname: text(description.cname()),
        endpoint: text(description.endpoint_url()),
        version: description.version_label().map(VersionLabel::new),
        color: HealthColor::from_wire(description.health().map_or("", |health| health.as_str())),
        release_tag: None,
        operations_role: description.operations_role().map(str::to_owned),
    })
}
