//! The application itself.

use std::collections::BTreeSet;

use super::super::error::read;
use super::super::{Aws, CallError};
use crate::model::ApplicationName;

impl Aws {
    /// The names of an application's saved configurations, or `None` if there is no such application. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn templates(&self, application: &ApplicationName) -> Result<Option<BTreeSet<String>>, CallError> {
        let answer = self
            .beanstalk
            .describe_applications()
            .application_names(application.as_str())
            .send()
            .await
            .map_err(|error| read("DescribeApplications", error))?;
        Ok(answer
            .applications()
            .iter()
            .find(|found| found.application_name() == Some(application.as_str()))
            .map(|found| found.configuration_templates().iter().cloned().collect()))
    }

    /// The region's own bucket for bundles, made if it is not there. Idempotent.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_storage_location(&self) -> Result<String, CallError> {
        const OPERATION: &str = "CreateStorageLocation";
        let answer = self
            .beanstalk
            .create_storage_location()
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        answer
            .s3_bucket
            .ok_or_else(|| CallError::refused(OPERATION, "the answer names no bucket"))
    }
}
