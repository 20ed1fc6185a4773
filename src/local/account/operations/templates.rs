//! Configuration templates.

use super::super::errors;
use super::super::state::{Severity, Source, Template};
use super::super::{Account, saved};
use super::create::Base;
use super::find::{check_settings, description, option_settings, tags};
use super::{Call, Reply, done, result};

impl Account {
    /// `CreateConfigurationTemplate`: from an environment, another template, or a platform.
    pub(super) fn create_configuration_template(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let application = parameters.required_limited("ApplicationName", 1..=100)?.to_owned();
        let name = parameters.required_limited("TemplateName", 1..=100)?.to_owned();
        let description = description(parameters)?;
        let tags = tags(parameters, "Tags", self.settings.quotas.tags)?;
        self.application(&application)?;
        if self.saved_names(&application).contains(&name) {
            return Err(errors::template_exists(&name));
        }
        let limit = self.settings.quotas.templates;
        if self
            .applications
            .values()
            .map(|owner| owner.templates.len())
            .sum::<usize>()
            >= limit
        {
            let code = "TooManyConfigurationTemplatesException";
            return Err(errors::quota(code, "configuration templates", limit));
        }
        let base = self.base_of_template(&application, call)?;
        let platform = base.platform.ok_or_else(errors::no_platform)?;
        let mut settings = base.settings;
        settings.lay_over(&option_settings(parameters)?);
        check_settings(&settings)?;
        let template = Template {
            description,
            platform: Some(platform),
            settings,
            created: call.now,
            tags,
        };
        let result = result(|xml| self.write_template(xml, &application, &name, &template));
        let (bucket, key) = (self.bucket(), saved::key(&application, &name));
        self.storage.ensure_bucket(&bucket);
        let document = saved::write(&template, &self.settings.region);
        self.storage.put(&bucket, &key, document.as_bytes());
        let owner = self.application_mut(&application)?;
        owner.templates.insert(name.clone(), template);
        owner.updated = call.now;
        self.say_of_template(
            &application,
            &name,
            call,
            &format!("Created configuration template named: {name}"),
        );
        result
    }

    /// `DeleteConfigurationTemplate`
    pub(super) fn delete_configuration_template(&mut self, call: &Call<'_>) -> Reply {
        let application = call.parameters.required("ApplicationName")?.to_owned();
        let name = call.parameters.required("TemplateName")?.to_owned();
        self.application(&application)?;
        if !self.saved_names(&application).contains(&name) {
            return Err(errors::no_template(&application, &name));
        }
        let owner = self.application_mut(&application)?;
        owner.templates.remove(&name);
        owner.updated = call.now;
        self.storage.delete(&self.bucket(), &saved::key(&application, &name));
        self.say_of_template(
            &application,
            &name,
            call,
            &format!("Deleted configuration template named: {name}"),
        );
        done()
    }

    fn base_of_template(&self, application: &str, call: &Call<'_>) -> Result<Base, errors::AwsError> {
        let parameters = call.parameters;
        if parameters.text("EnvironmentId").is_some() {
            let environment = self.environment(parameters)?;
            return Ok(Base {
                platform: Some(environment.platform.clone()),
                settings: environment.settings.clone(),
                template: None,
            });
        }
        if let Some(source) = parameters.structure("SourceConfiguration") {
            let owner = source.text("ApplicationName").unwrap_or(application);
            let name = source.required("TemplateName")?;
            let template = self.saved(owner, name)?;
            return Ok(Base {
                platform: template.platform,
                settings: template.settings,
                template: None,
            });
        }
        // `TemplateName` is the new template's name here, not the base's.
        self.base_besides_templates(parameters)?.ok_or_else(errors::no_platform)
    }

    fn say_of_template(&mut self, application: &str, name: &str, call: &Call<'_>, message: &str) {
        let source = Source {
            application: application.to_owned(),
            template: Some(name.to_owned()),
            ..Source::default()
        };
        self.events
            .say(call.now, Severity::Info, source, Some(call.request_id), message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    const SHOP: (&str, &str) = ("ApplicationName", "shop");

    #[test]
    fn a_template_keeps_an_environment_s_settings() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MinSize"),
                ("OptionSettings.member.1.Value", "2"),
            ],
        );
        let id = world.id("blue");
        let body = world.ok(
            "CreateConfigurationTemplate",
            &[SHOP, ("TemplateName", "kept"), ("EnvironmentId", &id)],
        );
        assert!(
            body.contains("<OptionName>MinSize</OptionName><Value>2</Value>"),
            "{body}"
        );
        let again = [SHOP, ("TemplateName", "kept"), ("EnvironmentId", id.as_str())];
        let (_, message) = world.refused("CreateConfigurationTemplate", &again);
        assert_eq!(message, "Configuration Template kept already exists.");
        world.ok(
            "CreateEnvironment",
            &[SHOP, ("EnvironmentName", "green"), ("TemplateName", "kept")],
        );
        world.wait(180);
        assert_eq!(world.desired("green").instances, 2);
        world.ok(
            "CreateConfigurationTemplate",
            &[
                SHOP,
                ("TemplateName", "copy"),
                ("SourceConfiguration.ApplicationName", "shop"),
                ("SourceConfiguration.TemplateName", "kept"),
            ],
        );
        world.ok("DeleteConfigurationTemplate", &[SHOP, ("TemplateName", "kept")]);
        let bucket = world.account.bucket();
        assert!(!world.storage.has(&bucket, "resources/templates/shop/kept"));
        let document = world.storage.text(&bucket, "resources/templates/shop/copy");
        assert!(
            document.contains("OptionSettings:\n  \"aws:autoscaling:asg\":\n    \"MinSize\": \"2\"\n"),
            "{document}"
        );
        let (_, message) = world.refused("DescribeConfigurationSettings", &[SHOP, ("TemplateName", "kept")]);
        assert_eq!(message, "No Configuration Template named 'shop/kept' found.");
        let body = world.ok("DescribeConfigurationSettings", &[SHOP, ("TemplateName", "copy")]);
        assert_eq!(World::all(&body, "SolutionStackName"), [World::STACK]);
        assert!(World::all(&body, "DeploymentStatus").is_empty());
    }

    #[test]
    fn a_template_needs_a_platform() {
        let mut world = World::new();
        let (_, message) = world.refused("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "bare")]);
        assert_eq!(
            message,
            "Unable to determine base for template pack (no solution stack)"
        );
        let stack = ("SolutionStackName", World::STACK);
        world.ok("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "bare"), stack]);
    }
}
