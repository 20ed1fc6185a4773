//! Application versions.

use aws_sdk_elasticbeanstalk::types::{ApplicationVersionDescription, S3Location};

use super::super::error::read;
use super::super::time::timestamp;
use super::super::{Aws, CallError, InTime};
use crate::model::{ApplicationName, Timestamp, VersionLabel};
use crate::release::{Processing, VersionSeen};

impl Aws {
    /// A version by its label, if it is there. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn version(
        &self,
        application: &ApplicationName,
        label: &VersionLabel,
    ) -> Result<Option<VersionSeen>, CallError> {
        let answer = self
            .beanstalk
            .describe_application_versions()
            .application_name(application.as_str())
            .version_labels(label.as_str())
            .send()
            .await
            .map_err(|error| read("DescribeApplicationVersions", error))?;
        Ok(answer
            .application_versions()
            .iter()
            .find(|found| found.version_label() == Some(label.as_str()))
            .map(seen))
    }

    /// All versions of an application with the time they were made, newest first. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn versions(
        &self,
        application: Option<&ApplicationName>,
    ) -> Result<Vec<(VersionLabel, Timestamp, String)>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .beanstalk
                .describe_application_versions()
                .set_application_name(application.map(|name| name.as_str().to_owned()))
                .max_records(1000)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| read("DescribeApplicationVersions", error))?;
            for version in answer.application_versions() {
                let Some(label) = version.version_label() else { continue };
                let made = version.date_created().map(timestamp).unwrap_or_default();
                let description = version.description().unwrap_or_default().to_owned();
                found.push((VersionLabel::new(label), made, description));
            }
            token = answer.next_token;
            if token.as_deref().is_none_or(str::is_empty) {
                break;
            }
        }
        found.sort_by_key(|(_, made, _)| std::cmp::Reverse(*made));
        Ok(found)
    }

    /// Makes a version from a bundle and has it processed. A create: "already exists" is ours only if the bundle is the same,
    /// which the next read tells.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_version(
        &self,
        application: &ApplicationName,
        label: &VersionLabel,
        (bucket, key): (&str, &str),
        description: &str,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .create_application_version()
            .application_name(application.as_str())
            .version_label(label.as_str())
            .description(description)
            .source_bundle(S3Location::builder().s3_bucket(bucket).s3_key(key).build())
            .process(true)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            // Whose it is, the next look at the version tells.
            .map_err(|error| read("CreateApplicationVersion", error).not_now_if_there())
    }

    /// Removes a version but not its bundle. Destructive; the service refuses it for one that is deployed.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn delete_version(
        &self,
        application: &ApplicationName,
        label: &VersionLabel,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .delete_application_version()
            .application_name(application.as_str())
            .version_label(label.as_str())
            .delete_source_bundle(false)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("DeleteApplicationVersion", error))
    }
}

fn seen(version: &ApplicationVersionDescription) -> VersionSeen {
    let bundle = version
        .source_bundle()
        .and_then(|bundle| Some((bundle.s3_bucket()?.to_owned(), bundle.s3_key()?.to_owned())));
    // The wire says `PROCESSED`, the service's model `Processed`.
    let status = version.status().map(|status| status.as_str().to_ascii_lowercase());
    let processing = match status.as_deref() {
        Some("processed") => Processing::Processed,
        Some("failed") => Processing::Failed,
        // A version that was made without processing can be deployed as it is.
        Some("unprocessed") => Processing::Processed,
        _ => Processing::Underway,
    };
    VersionSeen { bundle, processing }
}
