//! `UpdateEnvironment` and `AbortEnvironmentUpdate`

use super::super::Account;
use super::super::balancing::{check_unmoved, group_settings};
use super::super::errors::{self, AwsError};
use super::super::lifecycle::{replan, restarts};
use super::super::state::{Draft, DraftState, Environment, Plan, Severity, Status, Update, Work};
use super::create::{check_tier, plan};
use super::find::{check_settings, description, option_settings, remove_options};
use super::{Call, Reply, done, result};

impl Account {
    /// `UpdateEnvironment`: a version, settings, or both; all instances at once.
    pub(super) fn update_environment(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let environment = self.environment(parameters)?;
        let id = environment.id.clone();
        if let Some(application) = parameters.text("ApplicationName")
            && application != environment.application
        {
            return Err(errors::no_environment_named(environment.name.as_str()));
        }
        check_tier(parameters)?;
        let description = match parameters.raw("Description") {
            Some(_) => Some(description(parameters)?),
            None => None,
        };
        require_ready(environment)?;
        let owner = self.application(&environment.application)?;
        let label = parameters.text("VersionLabel");
        let version = label
            .map(|label| plan(owner, Some(label), 0, &self.settings.region))
            .transpose()?;
        let base = self.base(&environment.application, parameters)?;
        let mut settings = environment.settings.clone();
        let mut platform = environment.platform.clone();
        let mut template = environment.template.clone();
        if let Some(base) = base {
            platform = base.platform.unwrap_or(platform);
            if base.template.is_some() {
                template = base.template;
            }
            settings.lay_over(&base.settings);
        }
        if let Some(version) = &version {
            settings.lay_under(&version.settings);
        }
        remove_options(parameters, &mut settings)?;
        settings.lay_over(&option_settings(parameters)?);
        check_settings(&settings)?;
        check_unmoved(&environment.settings, &settings)?;
        let group = group_settings(environment.wanted_settings());
        let migrates = platform != environment.platform;
        let configures = migrates || settings != environment.settings;
        let restarts = migrates || restarts(&environment.settings, &settings);
        let asked = version.is_some()
            || configures
            || !parameters.list("OptionSettings").is_empty()
            || !parameters.list("OptionsToRemove").is_empty();

        let environment = self.environment_mut(&id)?;
        if let Some(description) = description {
            environment.description = description;
            environment.updated = call.now;
        }
        if asked {
            let update = Update {
                deploys: version.is_some(),
                configures: configures || version.is_none(),
                touches_instances: false,
                redeploys: version.is_some() || restarts,
                instances: environment.instances,
                platform: std::mem::replace(&mut environment.platform, platform),
            };
            environment.template = template;
            environment.draft = configures.then(|| Draft {
                settings: settings.clone(),
                state: DraftState::Pending,
                created: call.now,
            });
            let touches_instances = replan(environment, &settings, version, restarts, call.now);
            let update = Update {
                touches_instances,
                ..update
            };
            environment.begin(Status::Updating, Work::Update(update), call.request_id, call.now);
        }
        self.follow_settings(&id, &group);
        if asked {
            let environment = self.environment(parameters)?;
            let (deploys, configures) = match &environment.work {
                Some(Work::Update(update)) => (update.deploys, update.configures),
                _ => (false, false),
            };
            let mut messages = vec!["Environment update is starting.".to_owned()];
            if configures {
                messages.push(format!(
                    "Updating environment {}'s configuration settings.",
                    environment.name
                ));
            }
            if deploys {
                messages.push("Deploying new version to instance(s).".to_owned());
            }
            for message in messages {
                if let Some(environment) = self.environments.get(&id) {
                    environment.tell(&mut self.events, call.now, Severity::Info, message);
                }
            }
            self.judge(&id, call.now);
        }
        let environment = self.environment(parameters)?;
        result(|xml| self.write_environment(xml, environment))
    }

    /// `AbortEnvironmentUpdate`: instances get the version and the settings from before again.
    pub(super) fn abort_environment_update(&mut self, call: &Call<'_>) -> Reply {
        let environment = self.environment(call.parameters)?;
        let id = environment.id.clone();
        if !environment.is_abortable() {
            return Err(errors::invalid_value(format!(
                "Environment named {} is in an invalid state for this operation. Must be pending deployment.",
                environment.name
            )));
        }
        let group = group_settings(environment.wanted_settings());
        let environment = self.environment_mut(&id)?;
        let Some(Work::Update(update)) = environment.work.take() else {
            return done();
        };
        environment.draft = None;
        environment.platform = update.platform;
        let settings = environment.settings.clone();
        let before: Plan = environment.expected.clone();
        environment.instances = update.instances;
        replan(environment, &settings, Some(before), true, call.now);
        environment.begin(Status::Aborting, Work::Abort, call.request_id, call.now);
        self.follow_settings(&id, &group);
        let environment = &self.environments[&id];
        environment.tell(
            &mut self.events,
            call.now,
            Severity::Info,
            "abortEnvironmentUpdate is starting.",
        );
        self.judge(&id, call.now);
        done()
    }
}

/// Refuses to touch an environment that something is being done to.
pub(super) fn require_ready(environment: &Environment) -> Result<(), AwsError> {
    match environment.status {
        Status::Ready => Ok(()),
        _ => Err(errors::not_ready(environment.name.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Behaviour, World};

    const BLUE: (&str, &str) = ("EnvironmentName", "blue");

    fn setting<'a>(namespace: &'a str, name: &'a str, value: &'a str) -> [(&'a str, &'a str); 4] {
        [
            BLUE,
            ("OptionSettings.member.1.Namespace", namespace),
            ("OptionSettings.member.1.OptionName", name),
            ("OptionSettings.member.1.Value", value),
        ]
    }

    #[test]
    fn a_version_is_deployed_in_place() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.version("v2");
        let body = world.ok("UpdateEnvironment", &[BLUE, ("VersionLabel", "v2")]);
        assert_eq!(World::all(&body, "Status"), ["Updating"]);
        assert_eq!(World::all(&body, "VersionLabel"), ["v2"]);
        assert_eq!(World::all(&body, "AbortableOperationInProgress"), ["true"]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Info"]);
        let (_, message) = world.refused("UpdateEnvironment", &[BLUE, ("VersionLabel", "v1")]);
        assert_eq!(
            message,
            "Environment named blue is in an invalid state for this operation. Must be Ready."
        );
        world.wait(100);
        assert_eq!(world.status("blue"), "Ready");
        let deployment = world.desired("blue").deployment;
        assert_eq!((deployment.id, deployment.version_label.as_str()), (2, "v2"));
        let messages = world.messages(&[BLUE]);
        assert!(
            messages.contains(&"Environment update completed successfully.".to_owned()),
            "{messages:?}"
        );
        assert!(
            messages.iter().any(
                |message| message.starts_with("Environment health has transitioned from Info to Ok.")
                    && message.contains("Application update completed")
            ),
            "{messages:?}"
        );
    }

    #[test]
    fn a_failed_version_stays_on_the_instances_and_is_not_expected() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.version("v2");
        world.plane.behave("v2", Behaviour::Fails);
        world.ok("UpdateEnvironment", &[BLUE, ("VersionLabel", "v2")]);
        world.wait(100);
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(World::all(&body, "Status"), ["Ready"]);
        assert_eq!(World::all(&body, "VersionLabel"), ["v1"]);
        assert_eq!(World::all(&body, "Health"), ["Red"]);
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE, ("AttributeNames.member.1", "All")]);
        assert!(
            body.contains(
                "Incorrect application version found on all instances. Expected version &quot;v1&quot; (deployment 1)."
            ),
            "{body}"
        );
        let errors = world.messages(&[BLUE, ("Severity", "ERROR")]);
        assert_eq!(errors[0], "Failed to deploy application.");
        assert!(
            errors.iter().any(|message| message.starts_with("[Instance: i-")),
            "{errors:?}"
        );
    }

    #[test]
    fn an_environment_keeps_its_kind_of_load_balancer() {
        const NAMESPACE: &str = "aws:elasticbeanstalk:environment";
        let mut world = World::new();
        world.launch("blue", "v1");
        let (code, message) = world.refused(
            "UpdateEnvironment",
            &setting(NAMESPACE, "LoadBalancerType", "application"),
        );
        assert_eq!(code, "ConfigurationValidationException");
        assert_eq!(
            message,
            "Configuration validation exception: LoadBalancer type option cannot be changed."
        );
        let single = setting(NAMESPACE, "EnvironmentType", "SingleInstance");
        assert_eq!(world.refused("UpdateEnvironment", &single).0, "NotImplemented");
        world.ok("UpdateEnvironment", &setting(NAMESPACE, "LoadBalancerType", "classic"));
    }

    #[test]
    fn the_size_changes_without_a_deployment() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.ok("UpdateEnvironment", &setting("aws:autoscaling:asg", "MinSize", "3"));
        let desired = world.desired("blue");
        assert_eq!((desired.instances, desired.deployment.id), (3, 1));
        world.wait(100);
        assert_eq!(world.status("blue"), "Ready");
        let messages = world.messages(&[BLUE]);
        assert!(messages.contains(&"Successfully deployed new configuration to environment.".to_owned()));
        let (code, _) = world.refused("UpdateEnvironment", &setting("aws:autoscaling:asg", "MaxSize", "2"));
        assert_eq!(code, "ConfigurationValidationException");
    }

    #[test]
    fn the_size_changes_beside_an_instance_that_is_unwell() {
        for behaviour in [Behaviour::IsUnhealthy, Behaviour::Fails] {
            let mut world = World::new();
            world.launch("blue", "v1");
            world.plane.behave("v1", behaviour);
            world.wait(60);
            world.ok("UpdateEnvironment", &setting("aws:autoscaling:asg", "MinSize", "3"));
            world.wait(100);
            assert_eq!(world.status("blue"), "Ready");
            let desired = world.desired("blue");
            assert_eq!((desired.instances, desired.deployment.id), (3, 1));
            assert!(
                !world
                    .messages(&[BLUE])
                    .contains(&"Failed to deploy configuration.".to_owned())
            );
        }
    }

    #[test]
    fn a_size_that_is_not_reached_is_a_warning() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.silence(true);
        world.ok("UpdateEnvironment", &setting("aws:autoscaling:asg", "MinSize", "3"));
        world.wait(590);
        assert_eq!(world.status("blue"), "Updating");
        world.wait(20);
        assert_eq!(world.status("blue"), "Ready");
        let desired = world.desired("blue");
        assert_eq!((desired.instances, desired.deployment.id), (3, 1));
        let warnings = world.messages(&[BLUE, ("Severity", "WARN")]);
        assert!(
            warnings.iter().any(|message| message.contains("1 of 3 instances")),
            "{warnings:?}"
        );
    }

    #[test]
    fn instances_that_are_launched_after_a_failure_run_the_version_before() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.version("v2");
        world.plane.behave("v2", Behaviour::Fails);
        world.ok("UpdateEnvironment", &[BLUE, ("VersionLabel", "v2")]);
        assert_eq!(world.desired("blue").launched, None);
        world.wait(100);
        let versions = |world: &World| {
            let desired = world.desired("blue");
            let launched = desired.launched.map(|launched| launched.version_label.to_string());
            (desired.deployment.version_label.to_string(), launched)
        };
        let expected = ("v2".to_owned(), Some("v1".to_owned()));
        assert_eq!(versions(&world), expected);
        // Neither a restart nor another size makes the failed version the expected one.
        world.restart();
        assert_eq!(versions(&world), expected);
        world.ok("UpdateEnvironment", &setting("aws:autoscaling:asg", "MinSize", "3"));
        assert_eq!(versions(&world), expected);
        world.wait(100);
        assert_eq!(world.status("blue"), "Ready");
        assert_eq!(versions(&world), expected);
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(World::all(&body, "VersionLabel"), ["v1"]);
    }

    #[test]
    fn a_property_is_a_deployment_and_a_pending_draft_until_it_is_there() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let color = setting("aws:elasticbeanstalk:application:environment", "COLOR", "green");
        world.ok("UpdateEnvironment", &color);
        let desired = world.desired("blue");
        assert_eq!(desired.deployment.id, 2);
        assert_eq!(desired.properties.get("COLOR").map(String::as_str), Some("green"));
        let describe = [("ApplicationName", "shop"), BLUE];
        let body = world.ok("DescribeConfigurationSettings", &describe);
        assert_eq!(World::all(&body, "DeploymentStatus"), ["deployed", "pending"]);
        world.wait(100);
        let body = world.ok("DescribeConfigurationSettings", &describe);
        assert_eq!(World::all(&body, "DeploymentStatus"), ["deployed"]);
        assert!(
            body.contains("<OptionName>COLOR</OptionName><Value>green</Value>"),
            "{body}"
        );
    }

    #[test]
    fn settings_that_break_the_application_are_taken_back() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.behave("v1", Behaviour::Fails);
        let color = setting("aws:elasticbeanstalk:application:environment", "COLOR", "none");
        world.ok("UpdateEnvironment", &color);
        world.wait(70);
        world.plane.behave("v1", Behaviour::Serves);
        let body = world.ok("DescribeConfigurationSettings", &[("ApplicationName", "shop"), BLUE]);
        assert_eq!(World::all(&body, "DeploymentStatus"), ["deployed", "failed"]);
        let desired = world.desired("blue");
        assert_eq!((desired.deployment.id, desired.properties.get("COLOR")), (3, None));
        world.ok("DeleteEnvironmentConfiguration", &[("ApplicationName", "shop"), BLUE]);
        let body = world.ok("DescribeConfigurationSettings", &[("ApplicationName", "shop"), BLUE]);
        assert_eq!(World::all(&body, "DeploymentStatus"), ["deployed"]);
    }

    #[test]
    fn an_update_that_hangs_is_aborted() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.refused("AbortEnvironmentUpdate", &[BLUE]);
        world.version("v2");
        world.plane.behave("v2", Behaviour::Hangs);
        world.ok("UpdateEnvironment", &[BLUE, ("VersionLabel", "v2")]);
        world.wait(60);
        world.ok("AbortEnvironmentUpdate", &[BLUE]);
        assert_eq!(world.status("blue"), "Aborting");
        world.wait(120);
        assert_eq!(world.status("blue"), "Ready");
        let deployment = world.desired("blue").deployment;
        assert_eq!((deployment.id, deployment.version_label.as_str()), (3, "v1"));
        let messages = world.messages(&[BLUE]);
        assert!(messages.contains(&"The environment was reverted to the previous configuration setting.".to_owned()));
    }

    #[test]
    fn an_update_that_hangs_for_long_times_out() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.version("v2");
        world.plane.behave("v2", Behaviour::Hangs);
        world.ok("UpdateEnvironment", &[BLUE, ("VersionLabel", "v2")]);
        world.wait(590);
        assert_eq!(world.status("blue"), "Updating");
        world.wait(20);
        assert_eq!(world.status("blue"), "Ready");
        let messages = world.messages(&[BLUE, ("Severity", "WARN")]);
        assert!(
            messages
                .iter()
                .any(|message| message.contains("have not responded in the allowed command timeout time")),
            "{messages:?}"
        );
    }
}
