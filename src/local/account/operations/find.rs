//! Looking things up by what callers name them with, and the rules that names follow.

use super::super::Account;
use super::super::errors::{self, AwsError};
use super::super::state::{Application, Environment, OptionSettings, Tags, options::OptionName};
use super::super::wire::Parameters;
use crate::model::EnvironmentId;

/// The service's words for names of environments and CNAME prefixes.
const NAME_RULE: &str =
    "Member must contain only letters, digits, and the dash character and may not start or end with a dash";
/// Prefixes that begin so belong to the service.
const RESERVED_PREFIX: &str = "fer-";

impl Account {
    /// The application that a call names.
    pub(in crate::local::account) fn application(&self, name: &str) -> Result<&Application, AwsError> {
        self.applications.get(name).ok_or_else(|| errors::no_application(name))
    }

    /// The same, to change it.
    pub(super) fn application_mut(&mut self, name: &str) -> Result<&mut Application, AwsError> {
        self.applications
            .get_mut(name)
            .ok_or_else(|| errors::no_application(name))
    }

    /// The live environment of a name. Terminated twins do not count.
    pub(super) fn environment_named(&self, name: &str) -> Option<&Environment> {
        self.environments
            .values()
            .find(|environment| environment.is_live() && environment.name.as_str() == name)
    }

    /// The live environment that a call names by id, by name, or by both.
    pub(super) fn environment(&self, parameters: &Parameters) -> Result<&Environment, AwsError> {
        self.environment_by(parameters, "EnvironmentId", "EnvironmentName")
    }

    /// The same under other names of the parameters.
    pub(super) fn environment_by(
        &self,
        parameters: &Parameters,
        id_parameter: &str,
        name_parameter: &str,
    ) -> Result<&Environment, AwsError> {
        let name = parameters.text(name_parameter);
        let Some(id) = parameters.text(id_parameter) else {
            let Some(name) = name else {
                return Err(errors::missing_parameter(format!(
                    "You must specify either {id_parameter} or {name_parameter}."
                )));
            };
            return self
                .environment_named(name)
                .ok_or_else(|| errors::no_environment_named(name));
        };
        let found = self
            .environments
            .get(&EnvironmentId::from(id))
            .filter(|environment| environment.is_live());
        let environment = found.ok_or_else(|| errors::no_environment_with_id(id))?;
        match name {
            Some(name) if environment.name.as_str() != name => Err(errors::invalid_combination(format!(
                "Environment {id} is not named {name}."
            ))),
            _ => Ok(environment),
        }
    }

    /// An environment to change. The id comes from a lookup just before.
    pub(super) fn environment_mut(&mut self, id: &EnvironmentId) -> Result<&mut Environment, AwsError> {
        self.environments
            .get_mut(id)
            .ok_or_else(|| errors::no_environment_with_id(id.as_str()))
    }

    /// The fully qualified form of a CNAME prefix.
    pub(super) fn fully_qualified(&self, prefix: &str) -> String {
        format!("{prefix}.{}.elasticbeanstalk.com", self.settings.region)
    }

    /// Whether nobody has a CNAME. One is free again only when its environment is terminated.
    pub(super) fn is_cname_free(&self, cname: &str) -> bool {
        !self
            .environments
            .values()
            .any(|environment| environment.is_live() && environment.cname.eq_ignore_ascii_case(cname))
    }
}

/// Checks the name of an environment.
pub(super) fn check_environment_name(parameters: &Parameters) -> Result<&str, AwsError> {
    let name = parameters
        .limited("EnvironmentName", 4..=40)?
        .ok_or_else(|| errors::missing_parameter("You must specify EnvironmentName."))?;
    check_name(name, "EnvironmentName")?;
    Ok(name)
}

/// Checks a CNAME prefix.
pub(super) fn check_prefix(prefix: &str) -> Result<(), AwsError> {
    check_name(prefix, "CNAMEPrefix")?;
    if prefix.to_ascii_lowercase().starts_with(RESERVED_PREFIX) {
        let rule = format!("Member Don't start domain name with '{RESERVED_PREFIX}' (reserved).");
        return Err(errors::constraint(prefix, "CNAMEPrefix", &rule));
    }
    Ok(())
}

fn check_name(name: &str, parameter: &str) -> Result<(), AwsError> {
    let fine = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fine {
        Ok(())
    } else {
        Err(errors::constraint(name, parameter, NAME_RULE))
    }
}

/// Checks a free text.
pub(super) fn description(parameters: &Parameters) -> Result<Option<String>, AwsError> {
    let text = parameters.limited("Description", 0..=200)?;
    Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
}

/// Reads tags. `limit` is how many users may put on one resource.
pub(super) fn tags(parameters: &Parameters, list: &str, limit: usize) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in parameters.list(list) {
        let key = tag.required_limited("Key", 1..=128)?;
        let value = tag.limited("Value", 0..=256)?.unwrap_or_default();
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("elasticbeanstalk:") {
            return Err(errors::invalid_value(format!(
                "Tag key '{key}' is reserved and cannot be set."
            )));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    check_tags(&tags, limit)?;
    Ok(tags)
}

/// Checks how many tags there are.
pub(super) fn check_tags(tags: &Tags, limit: usize) -> Result<(), AwsError> {
    if tags.len() > limit {
        return Err(errors::quota("TooManyTagsException", "tags on one resource", limit));
    }
    Ok(())
}

/// Reads option settings.
pub(super) fn option_settings(parameters: &Parameters) -> Result<OptionSettings, AwsError> {
    let mut settings = OptionSettings::default();
    for setting in parameters.list("OptionSettings") {
        let option = option_name(setting)?;
        settings.set(option, setting.raw("Value").unwrap_or_default());
    }
    Ok(settings)
}

/// Takes options out of settings.
pub(super) fn remove_options(parameters: &Parameters, settings: &mut OptionSettings) -> Result<(), AwsError> {
    for option in parameters.list("OptionsToRemove") {
        settings.unset(&option_name(option)?);
    }
    Ok(())
}

fn option_name(parameters: &Parameters) -> Result<OptionName, AwsError> {
    Ok(OptionName::of_resource(
        parameters.required("Namespace")?,
        parameters.required("OptionName")?,
        parameters.text("ResourceName"),
    ))
}

/// Refuses settings that do not hold.
pub(super) fn check_settings(settings: &OptionSettings) -> Result<(), AwsError> {
    match settings.complaints().first() {
        Some(complaint) => Err(errors::configuration(&complaint.message)),
        None => Ok(()),
    }
}
