//! Setting up an application with its first environment. A release never does this; rehearsals do.

use super::super::error::read;
use super::super::{Aws, CallError};
use super::option_settings;
use crate::model::{ApplicationName, EnvironmentId, EnvironmentName, VersionLabel};
use crate::spec::OptionSetting;

/// An application's first environment.
#[derive(Clone, Debug)]
pub struct FirstEnvironment<'a> {
    /// The application.
    pub application: &'a ApplicationName,
    /// The environment's name.
    pub name: &'a EnvironmentName,
    /// The prefix of the name by which users reach it.
    pub cname_prefix: &'a str,
    /// The version it runs.
    pub version: &'a VersionLabel,
    /// The platform, as a solution stack's name.
    pub solution_stack: &'a str,
    /// Option settings.
    pub settings: &'a [OptionSetting],
}

impl Aws {
    /// Makes an application.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_application(&self, application: &ApplicationName) -> Result<(), CallError> {
        self.beanstalk_once
            .create_application()
            .application_name(application.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("CreateApplication", error))
    }

    /// Deploys a version to an environment in place, as its deployment policy says.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn deploy_in_place(&self, id: &EnvironmentId, version: &VersionLabel) -> Result<(), CallError> {
        self.beanstalk_once
            .update_environment()
            .environment_id(id.as_str())
            .version_label(version.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("UpdateEnvironment", error))
    }

    /// The names of the platforms on offer. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn solution_stacks(&self) -> Result<Vec<String>, CallError> {
        let answer = self
            .beanstalk
            .list_available_solution_stacks()
            .send()
            .await
            .map_err(|error| read("ListAvailableSolutionStacks", error))?;
        Ok(answer.solution_stacks.unwrap_or_default())
    }

    /// Makes an application's first environment.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_first_environment(&self, new: &FirstEnvironment<'_>) -> Result<EnvironmentId, CallError> {
        const OPERATION: &str = "CreateEnvironment";
        let answer = self
            .beanstalk_once
            .create_environment()
            .application_name(new.application.as_str())
            .environment_name(new.name.as_str())
            .cname_prefix(new.cname_prefix)
            .version_label(new.version.as_str())
            .solution_stack_name(new.solution_stack)
            .set_option_settings(Some(option_settings(new.settings)))
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        answer
            .environment_id
            .map(EnvironmentId::new)
            .ok_or_else(|| CallError::refused(OPERATION, "the answer names no environment"))
    }
}
