//! Settings: describing, validating, and dropping drafts.

use super::super::Account;
use super::super::errors;
use super::super::state::{DraftState, Environment, OptionSettings, Platform, Template, options};
use super::super::wire::Xml;
use super::describe::write_tier;
use super::find::{option_settings, remove_options};
use super::{Call, Reply, create, done, result};

/// The option whose values are load balancers.
const SHARED_LOAD_BALANCER: (&str, &str) = (options::LOAD_BALANCER, "SharedLoadBalancer");

impl Account {
    /// `DescribeConfigurationSettings`: all settings with their defaults, those of a draft after the deployed ones.
    pub(super) fn describe_configuration_settings(&self, call: &Call<'_>) -> Reply {
        let application = call.parameters.required("ApplicationName")?;
        self.application(application)?;
        match (
            call.parameters.text("TemplateName"),
            call.parameters.text("EnvironmentName"),
        ) {
            (Some(_), Some(_)) => Err(errors::invalid_combination(
                "You must specify either TemplateName or EnvironmentName, but not both.",
            )),
            (None, None) => Err(errors::missing_parameter(
                "You must specify either TemplateName or EnvironmentName.",
            )),
            (Some(name), None) => {
                let template = self.saved(application, name)?;
                result(|xml| {
                    xml.list("ConfigurationSettings", [&template], |xml, template| {
                        self.write_template(xml, application, name, template);
                    });
                })
            }
            (None, Some(name)) => {
                let environment = self
                    .environment_named(name)
                    .filter(|environment| environment.application == application)
                    .ok_or_else(|| errors::no_environment_named(name))?;
                result(|xml| {
                    xml.element("ConfigurationSettings", |xml| {
                        self.write_environment_settings(xml, environment);
                    });
                })
            }
        }
    }

    /// `ValidateConfigurationSettings`
    pub(super) fn validate_configuration_settings(&self, call: &Call<'_>) -> Reply {
        let application = call.parameters.required("ApplicationName")?;
        self.application(application)?;
        let mut settings = OptionSettings::default();
        if call.parameters.text("TemplateName").is_some() {
            let base = self.base(application, call.parameters)?;
            let base = base.filter(|base| base.platform.is_some());
            settings = base.ok_or_else(errors::no_platform)?.settings;
        }
        if let Some(name) = call.parameters.text("EnvironmentName") {
            let environment = self
                .environment_named(name)
                .ok_or_else(|| errors::no_environment_named(name))?;
            settings = environment.settings.clone();
        }
        remove_options(call.parameters, &mut settings)?;
        settings.lay_over(&option_settings(call.parameters)?);
        result(|xml| {
            xml.list("Messages", settings.complaints(), |xml, complaint| {
                xml.text("Message", complaint.message);
                xml.text("Severity", "error");
                xml.text("Namespace", complaint.option.namespace);
                xml.text("OptionName", complaint.option.name);
            });
        })
    }

    /// `DescribeConfigurationOptions`: those that the account knows by name.
    pub(super) fn describe_configuration_options(&self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        // The eb CLI asks for load balancers to share with a solution stack's name in this place.
        let stack = parameters.text("PlatformArn").and_then(Platform::from_stack);
        let platform = match stack {
            Some(platform) => Some(platform),
            None => create::platform(parameters)?,
        };
        let platform = match platform {
            Some(platform) => platform,
            None => self.platform_in_question(call)?,
        };
        let asked: Vec<_> = parameters
            .list("Options")
            .into_iter()
            .map(|option| (option.text("Namespace"), option.text("OptionName")))
            .collect();
        let chosen = options::catalogue().filter(|known| {
            let fits = |(namespace, name): &(Option<&str>, Option<&str>)| {
                namespace.is_none_or(|wanted| wanted == known.namespace)
                    && name.is_none_or(|wanted| wanted == known.name)
            };
            !known.namespace.ends_with('*') && (asked.is_empty() || asked.iter().any(fits))
        });
        result(|xml| {
            write_platform(xml, &platform, &self.settings.region);
            xml.list("Options", chosen, |xml, known| self.write_option(xml, &known));
        })
    }

    /// `DeleteEnvironmentConfiguration`: drops a draft that failed.
    pub(super) fn delete_environment_configuration(&mut self, call: &Call<'_>) -> Reply {
        call.parameters.required("ApplicationName")?;
        let environment = self.environment(call.parameters)?;
        let id = environment.id.clone();
        let environment = self.environment_mut(&id)?;
        environment.draft.take_if(|draft| draft.state == DraftState::Failed);
        done()
    }

    fn platform_in_question(&self, call: &Call<'_>) -> Result<Platform, errors::AwsError> {
        if let Some(name) = call.parameters.text("EnvironmentName") {
            let environment = self
                .environment_named(name)
                .ok_or_else(|| errors::no_environment_named(name))?;
            return Ok(environment.platform.clone());
        }
        let Some(name) = call.parameters.text("TemplateName") else {
            return Err(errors::no_platform());
        };
        let application = call.parameters.required("ApplicationName")?;
        self.saved(application, name)?.platform.ok_or_else(errors::no_platform)
    }

    /// Writes a `ConfigurationSettingsDescription` of a template.
    pub(super) fn write_template(&self, xml: &mut Xml, application: &str, name: &str, template: &Template) {
        if let Some(platform) = &template.platform {
            write_platform(xml, platform, &self.settings.region);
        }
        xml.text("ApplicationName", application);
        xml.text("TemplateName", name);
        xml.optional("Description", template.description.as_ref());
        xml.text("DateCreated", template.created);
        xml.text("DateUpdated", template.created);
        write_tier(xml);
        write_settings(xml, &template.settings);
    }

    fn write_environment_settings(&self, xml: &mut Xml, environment: &Environment) {
        let draft = environment.draft.iter().map(|draft| {
            let state = match draft.state {
                DraftState::Pending => "pending",
                DraftState::Failed => "failed",
            };
            (&draft.settings, state, draft.created)
        });
        let deployed = (&environment.settings, "deployed", environment.updated);
        for (settings, state, updated) in std::iter::once(deployed).chain(draft) {
            xml.element("member", |xml| {
                write_platform(xml, &environment.platform, &self.settings.region);
                xml.text("ApplicationName", &environment.application);
                xml.optional("Description", environment.description.as_ref());
                xml.text("EnvironmentName", &environment.name);
                xml.text("DeploymentStatus", state);
                xml.text("DateCreated", environment.created);
                xml.text("DateUpdated", updated);
                write_tier(xml);
                write_settings(xml, settings);
            });
        }
    }

    fn write_option(&self, xml: &mut Xml, known: &options::Known) {
        xml.text("Namespace", known.namespace);
        xml.text("Name", known.name);
        xml.optional("DefaultValue", known.default);
        xml.text("ChangeSeverity", known.change.as_str());
        xml.text("UserDefined", false);
        xml.text("ValueType", "Scalar");
        match known.value {
            options::Value::Text if (known.namespace, known.name) == SHARED_LOAD_BALANCER => {
                // Without any, too: the eb CLI asks for the list before it asks the user.
                xml.texts("ValueOptions", self.balancers.names().map(|(_, arn)| arn));
            }
            options::Value::Text | options::Value::Path => {}
            options::Value::Boolean => xml.texts("ValueOptions", ["false", "true"]),
            options::Value::Choice(choices) => xml.texts("ValueOptions", choices),
            options::Value::Number(least, most) => {
                xml.text("MinValue", least);
                xml.text("MaxValue", most);
            }
        }
    }
}

fn write_platform(xml: &mut Xml, platform: &Platform, region: &str) {
    xml.text("SolutionStackName", platform.stack());
    xml.text("PlatformArn", platform.arn(region));
}

fn write_settings(xml: &mut Xml, settings: &OptionSettings) {
    xml.list("OptionSettings", settings.all(), |xml, (option, value)| {
        let resource = match option.namespace.as_str() {
            options::GROUP => "AWSEBAutoScalingGroup",
            options::INSTANCES => "AWSEBAutoScalingLaunchConfiguration",
            _ => option.resource.as_str(),
        };
        if !resource.is_empty() {
            xml.text("ResourceName", resource);
        }
        xml.text("Namespace", option.namespace);
        xml.text("OptionName", option.name);
        xml.optional("Value", value);
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn settings_are_told_with_their_defaults() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let body = world.ok(
            "DescribeConfigurationSettings",
            &[("ApplicationName", "shop"), ("EnvironmentName", "blue")],
        );
        assert!(
            body.contains("<OptionName>DeregistrationDelay</OptionName><Value>20</Value>"),
            "{body}"
        );
        assert!(
            body.contains(
                "<ResourceName>AWSEBAutoScalingGroup</ResourceName><Namespace>aws:autoscaling:asg</Namespace>\
                           <OptionName>MinSize</OptionName><Value>1</Value>"
            ),
            "{body}"
        );
        let (_, message) = world.refused(
            "DescribeConfigurationSettings",
            &[("ApplicationName", "shop"), ("EnvironmentName", "none")],
        );
        assert_eq!(message, "No Environment found for EnvironmentName = 'none'.");
    }

    #[test]
    fn validation_tells_what_is_wrong_and_refuses_nothing() {
        let mut world = World::new();
        let body = world.ok(
            "ValidateConfigurationSettings",
            &[
                ("ApplicationName", "shop"),
                ("OptionSettings.member.1.Namespace", "aws:nothing"),
                ("OptionSettings.member.1.OptionName", "X"),
                ("OptionSettings.member.1.Value", "1"),
            ],
        );
        assert_eq!(World::all(&body, "Severity"), ["error"]);
        assert_eq!(
            World::all(&body, "Message"),
            [
                "Invalid option specification (Namespace: 'aws:nothing', OptionName: 'X'): Unknown configuration setting."
            ]
        );
        let body = world.ok(
            "ValidateConfigurationSettings",
            &[
                ("ApplicationName", "shop"),
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MinSize"),
                ("OptionSettings.member.1.Value", "2"),
            ],
        );
        assert!(World::all(&body, "Message").is_empty());
    }

    #[test]
    fn options_say_what_changing_them_does() {
        let mut world = World::new();
        let body = world.ok(
            "DescribeConfigurationOptions",
            &[
                ("SolutionStackName", World::STACK),
                ("Options.member.1.Namespace", "aws:elasticbeanstalk:environment"),
                ("Options.member.1.OptionName", "LoadBalancerType"),
            ],
        );
        assert_eq!(World::all(&body, "Name"), ["LoadBalancerType"]);
        assert_eq!(World::all(&body, "DefaultValue"), ["classic"]);
        assert_eq!(World::all(&body, "ChangeSeverity"), ["RestartEnvironment"]);
    }
}
