//! Configurations: read from an environment, saved as templates. A template keeps environment properties, secrets among
//! them, where they already are.

use super::super::error::read;
use super::super::{Aws, CallError, InTime};
use super::option_settings;
use crate::model::{ApplicationName, EnvironmentId, EnvironmentName};
use crate::release::preflight::SettingsSeen;
use crate::spec::OptionSetting;

impl Aws {
    /// What preflight needs of an environment's configuration. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn settings(
        &self,
        application: &ApplicationName,
        name: &EnvironmentName,
    ) -> Result<SettingsSeen, CallError> {
        const OPERATION: &str = "DescribeConfigurationSettings";
        let answer = self
            .beanstalk
            .describe_configuration_settings()
            .application_name(application.as_str())
            .environment_name(name.as_str())
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        // While a change is under way there is a second, pending set; the deployed one is what runs.
        let sets = answer.configuration_settings();
        let set = sets
            .iter()
            .find(|set| {
                set.deployment_status()
                    .is_some_and(|status| status.as_str() == "deployed")
            })
            .or(sets.first())
            .ok_or_else(|| CallError::refused(OPERATION, format!("environment {name} has no configuration")))?;
        let value = |namespace: &str, option: &str| {
            set.option_settings()
                .iter()
                .find(|setting| setting.namespace() == Some(namespace) && setting.option_name() == Some(option))
                .and_then(|setting| setting.value())
        };
        let number = |option| value("aws:autoscaling:asg", option).and_then(|text| text.parse().ok());
        let truth = |namespace, option| value(namespace, option).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(SettingsSeen {
            min_instances: number("MinSize").unwrap_or(1),
            max_instances: number("MaxSize").unwrap_or(4),
            load_balanced: value("aws:elasticbeanstalk:environment", "EnvironmentType") != Some("SingleInstance"),
            coupled_database: truth("aws:rds:dbinstance", "HasCoupledDatabase"),
            shared_balancer: truth("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"),
            sticky_targets: sticky(set.option_settings()),
            own_hosts: own_hosts(set.option_settings()),
        })
    }

    /// Saves an environment's configuration as a template, with other settings on top. A create.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_template(
        &self,
        application: &ApplicationName,
        template: &str,
        environment: &EnvironmentId,
        settings: &[OptionSetting],
        description: &str,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .create_configuration_template()
            .application_name(application.as_str())
            .template_name(template)
            .environment_id(environment.as_str())
            .set_option_settings(Some(option_settings(settings)))
            .description(description)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            // Its name holds the release's number, so one that is there is ours; the next look sees it.
            .map_err(|error| read("CreateConfigurationTemplate", error).not_now_if_there())
    }

    /// Removes a template. Idempotent.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn delete_template(
        &self,
        application: &ApplicationName,
        template: &str,
        in_time: &InTime,
    ) -> Result<(), CallError> {
        self.beanstalk_once
            .delete_configuration_template()
            .application_name(application.as_str())
            .template_name(template)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("DeleteConfigurationTemplate", error))
    }
}

/// Whether one of an environment's processes keeps clients with one instance.
fn sticky(settings: &[aws_sdk_elasticbeanstalk::types::ConfigurationOptionSetting]) -> bool {
    settings.iter().any(|setting| {
        let process = setting
            .namespace()
            .is_some_and(|namespace| namespace.starts_with("aws:elasticbeanstalk:environment:process:"));
        process
            && setting.option_name() == Some("StickinessEnabled")
            && setting.value().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    })
}

/// The names for which the service makes rules of a shared balancer (source: Developer Guide, general options,
/// `aws:elbv2:listenerrule`).
fn own_hosts(settings: &[aws_sdk_elasticbeanstalk::types::ConfigurationOptionSetting]) -> Vec<String> {
    let of_rules = settings.iter().filter(|setting| {
        let rule = setting
            .namespace()
            .is_some_and(|namespace| namespace.starts_with("aws:elbv2:listenerrule:"));
        rule && setting.option_name() == Some("HostHeaders")
    });
    let hosts = of_rules.flat_map(|setting| setting.value().unwrap_or_default().split(','));
    hosts
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticbeanstalk::types::ConfigurationOptionSetting;

    use super::*;

    #[test]
    fn names_of_rules_are_told() {
        let setting = |namespace: &str, option: &str, value: &str| {
            ConfigurationOptionSetting::builder()
                .namespace(namespace)
                .option_name(option)
                .value(value)
                .build()
        };
        let all = [
            setting(
                "aws:elbv2:listenerrule:main",
                "HostHeaders",
                "www.example.com, example.com",
            ),
            setting("aws:elbv2:listenerrule:main", "Priority", "1"),
            setting("aws:elbv2:listenerrule:none", "HostHeaders", ""),
            setting("aws:elbv2:listener:443", "HostHeaders", "other.example.com"),
        ];
        assert_eq!(own_hosts(&all), ["www.example.com", "example.com"]);
    }

    #[test]
    fn any_process_may_keep_its_clients() {
        let setting = |namespace: &str, value: &str| {
            ConfigurationOptionSetting::builder()
                .namespace(namespace)
                .option_name("StickinessEnabled")
                .value(value)
                .build()
        };
        let process = "aws:elasticbeanstalk:environment:process:default";
        assert!(sticky(&[setting(process, "True")]));
        assert!(!sticky(&[
            setting(process, "false"),
            setting("aws:elb:policies", "true")
        ]));
    }
}
