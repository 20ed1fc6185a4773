//! How full the account's quotas are.

use super::super::error::read;
use super::super::{Aws, CallError};
use crate::release::EnvironmentSeen;
use crate::release::preflight::{Quota, QuotaSeen};

impl Aws {
    /// The quotas that a release can run into, and the environments of all applications, which are counted for them. A read, in
    /// several calls.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn quotas(&self) -> Result<(Vec<QuotaSeen>, Vec<EnvironmentSeen>), CallError> {
        let answer = self
            .beanstalk
            .describe_account_attributes()
            .send()
            .await
            .map_err(|error| read("DescribeAccountAttributes", error))?;
        let environments = self.environments(None).await?;
        let Some(quotas) = answer.resource_quotas() else {
            return Ok((Vec::new(), environments));
        };
        let maximum = |quota: Option<&aws_sdk_elasticbeanstalk::types::ResourceQuota>| {
            quota
                .and_then(|quota| quota.maximum())
                .and_then(|maximum| u64::try_from(maximum).ok())
        };
        let mut seen = Vec::new();
        if let Some(maximum) = maximum(quotas.environment_quota()) {
            let used = environments.len() as u64;
            seen.push(QuotaSeen {
                what: Quota::Environments,
                used,
                maximum,
            });
        }
        if let Some(maximum) = maximum(quotas.application_version_quota()) {
            let used = self.versions(None).await?.len() as u64;
            seen.push(QuotaSeen {
                what: Quota::Versions,
                used,
                maximum,
            });
        }
        if let Some(maximum) = maximum(quotas.configuration_template_quota()) {
            let applications = self
                .beanstalk
                .describe_applications()
                .send()
                .await
                .map_err(|error| read("DescribeApplications", error))?;
            let used = applications
                .applications()
                .iter()
                .map(|found| found.configuration_templates().len() as u64)
                .sum();
            seen.push(QuotaSeen {
                what: Quota::Templates,
                used,
                maximum,
            });
        }
        Ok((seen, environments))
    }
}
