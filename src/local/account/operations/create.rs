//! `CreateEnvironment`

use std::collections::BTreeSet;

use super::super::errors::{self, AwsError};
use super::super::state::{
    Application, Environment, OptionSettings, Plan, Platform, Severity, Status, VersionStatus, Watch, Work,
};
use super::super::wire::Parameters;
use super::super::{Account, archive};
use super::find::{
    check_environment_name, check_prefix, check_settings, description, option_settings, remove_options, tags,
};
use super::{Call, Reply, result};
use crate::local::ids;
use crate::local::plane::Deployment;
use crate::model::{EnvironmentId, EnvironmentName, VersionLabel};

/// What an environment is made from.
pub(super) struct Base {
    /// What it runs on, if that is said.
    pub(super) platform: Option<Platform>,
    /// Settings to begin with.
    pub(super) settings: OptionSettings,
    /// The template they come from.
    pub(super) template: Option<String>,
}

impl Account {
    /// `CreateEnvironment`
    pub(super) fn create_environment(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let application = parameters.required_limited("ApplicationName", 1..=100)?.to_owned();
        let name = check_environment_name(parameters)?.to_owned();
        let description = description(parameters)?;
        check_tier(parameters)?;
        let owner = self.application(&application)?;
        if owner.deleted_by.is_some() {
            return Err(errors::no_application(&application));
        }
        let wanted = plan(owner, parameters.text("VersionLabel"), 1, &self.settings.region)?;
        let base = self.base(&application, parameters)?.ok_or_else(errors::no_platform)?;
        let platform = base.platform.ok_or_else(errors::no_platform)?;
        let mut settings = base.settings;
        settings.lay_under(&wanted.settings);
        remove_options(parameters, &mut settings)?;
        settings.lay_over(&option_settings(parameters)?);
        check_settings(&settings)?;
        let shared = self.shared_balancer(&settings)?;
        let tags = tags(parameters, "Tags", self.settings.quotas.tags)?;
        if self.environment_named(&name).is_some() {
            return Err(errors::environment_exists(&name));
        }
        let prefix = parameters.limited("CNAMEPrefix", 4..=63)?;
        let given = match prefix {
            Some(prefix) => {
                check_prefix(prefix)?;
                let cname = self.fully_qualified(prefix);
                if !self.is_cname_free(&cname) {
                    return Err(errors::dns_name_taken(&cname));
                }
                Some(cname)
            }
            None => None,
        };
        let limit = self.settings.quotas.environments;
        if self
            .environments
            .values()
            .filter(|environment| environment.is_live())
            .count()
            >= limit
        {
            return Err(errors::quota("TooManyEnvironmentsException", "environments", limit));
        }
        let id = EnvironmentId::new(format!("e-{}", self.ids.text("environment", ids::LOWER, 10)));
        let cname = match &given {
            Some(cname) => cname.clone(),
            None => {
                let suffix = self.ids.text("cname", ids::LOWER, 8);
                format!("{name}.eba-{suffix}.{}.elasticbeanstalk.com", self.settings.region)
            }
        };
        let environment = Environment {
            balancer: self.name_resources(&id, &settings, shared),
            number: self.next_number(),
            id: id.clone(),
            name: EnvironmentName::new(name),
            application,
            description,
            platform,
            template: base.template,
            cname,
            cname_given: given.is_some(),
            status: Status::Launching,
            work: Some(Work::Launch),
            request_id: call.request_id.to_owned(),
            work_since: call.now,
            deployed_at: call.now,
            instances: settings.group().0,
            settings,
            draft: None,
            dismissed: BTreeSet::new(),
            expected: wanted.clone(),
            wanted,
            tags,
            created: call.now,
            updated: call.now,
            terminated: None,
            watch: Watch::default(),
            completed: None,
            logs: Vec::new(),
        };
        let bucket = self.bucket();
        self.storage.ensure_bucket(&bucket);
        environment.tell(
            &mut self.events,
            call.now,
            Severity::Info,
            "createEnvironment is starting.",
        );
        let message = format!("Using {bucket} as Amazon S3 storage bucket for environment data.");
        environment.tell(&mut self.events, call.now, Severity::Info, message);
        let result = result(|xml| self.write_environment(xml, &environment));
        self.environments.insert(id, environment);
        result
    }

    /// What a call says an environment should be made from or moved to; `None` when it says nothing.
    pub(super) fn base(&self, application: &str, parameters: &Parameters) -> Result<Option<Base>, AwsError> {
        if let Some(template) = parameters.text("TemplateName") {
            let found = self.saved(application, template)?;
            // One without a platform needs it from the call: the eb CLI asks again with both.
            let platform = match (found.platform, named_platform(parameters)?) {
                (Some(_), Some(_)) => {
                    return Err(errors::invalid_combination(
                        "You cannot specify both a configuration template and a platform.",
                    ));
                }
                (saved, named) => saved.or(named),
            };
            return Ok(Some(Base {
                platform,
                settings: found.settings,
                template: Some(template.to_owned()),
            }));
        }
        self.base_besides_templates(parameters)
    }

    /// The same without templates: an environment to clone, or a platform.
    pub(super) fn base_besides_templates(&self, parameters: &Parameters) -> Result<Option<Base>, AwsError> {
        let specification = parameters.structure("TemplateSpecification");
        let source = specification.and_then(|specification| specification.structure("TemplateSource"));
        if specification.is_some_and(|specification| !specification.list("TemplateSnippets").is_empty()) {
            return Err(errors::not_implemented("TemplateSnippets of TemplateSpecification"));
        }
        let named = named_platform(parameters)?;
        if let Some(contents) = source.and_then(|source| source.text("SourceContents")) {
            let (platform, settings) = Self::saved_in(contents)?;
            return Ok(Some(Base {
                platform: named.or(platform),
                settings,
                template: None,
            }));
        }
        if let Some(origin) = source.and_then(|source| source.text("EnvironmentName")) {
            let origin = self
                .environment_named(origin)
                .ok_or_else(|| errors::no_environment_named(origin))?;
            return Ok(Some(Base {
                platform: named.or_else(|| Some(origin.platform.clone())),
                settings: origin.settings.clone(),
                template: None,
            }));
        }
        Ok(named.map(|platform| Base {
            platform: Some(platform),
            settings: OptionSettings::default(),
            template: None,
        }))
    }
}

/// The deployment of a version, or of the sample application.
pub(super) fn plan(owner: &Application, label: Option<&str>, id: u64, region: &str) -> Result<Plan, AwsError> {
    let Some(label) = label else {
        return Ok(Plan {
            deployment: Deployment {
                id,
                version_label: VersionLabel::from("Sample Application"),
                bundle: None,
            },
            has_version: false,
            settings: OptionSettings::default(),
            is_built: false,
        });
    };
    let version = owner.version(label).ok_or_else(|| errors::no_version(label))?;
    if matches!(version.status, VersionStatus::Failed | VersionStatus::Processing { .. }) {
        return Err(errors::invalid_value(format!(
            "Application Version {label} is in an invalid state for this operation. Its status is {}.",
            version.status.as_str()
        )));
    }
    let contents = match &version.file {
        Some(file) => archive::look(file, region).map_err(|invalid| errors::configuration_file(&invalid, label))?,
        None => archive::Contents::default(),
    };
    Ok(Plan {
        deployment: Deployment {
            id,
            version_label: version.label.clone(),
            bundle: version.file.clone(),
        },
        has_version: true,
        settings: contents.settings,
        is_built: contents.is_built,
    })
}

/// The platform that a call names, by stack or by ARN.
pub(super) fn platform(parameters: &Parameters) -> Result<Option<Platform>, AwsError> {
    match (parameters.text("SolutionStackName"), parameters.text("PlatformArn")) {
        (Some(_), Some(_)) => Err(errors::invalid_combination(
            "You cannot specify both a solution stack name and a platform ARN.",
        )),
        (Some(stack), None) => Platform::from_stack(stack)
            .map(Some)
            .ok_or_else(|| errors::no_solution_stack(stack)),
        (None, Some(arn)) => Platform::from_arn(arn)
            .map(Some)
            .ok_or_else(|| errors::no_platform_version(arn)),
        (None, None) => Ok(None),
    }
}

/// The same, named directly or in a `TemplateSpecification`, as the eb CLI does.
fn named_platform(parameters: &Parameters) -> Result<Option<Platform>, AwsError> {
    let specification = parameters.structure("TemplateSpecification");
    let source = specification.and_then(|specification| specification.structure("TemplateSource"));
    match (platform(parameters)?, source) {
        (None, Some(source)) => platform(source),
        (named, _) => Ok(named),
    }
}

/// Only the web server tier is here.
pub(super) fn check_tier(parameters: &Parameters) -> Result<(), AwsError> {
    let Some(tier) = parameters.structure("Tier") else {
        return Ok(());
    };
    match (
        tier.text("Name").unwrap_or("WebServer"),
        tier.text("Type").unwrap_or("Standard"),
    ) {
        ("WebServer", "Standard") => Ok(()),
        (name, kind) => Err(errors::not_implemented(&format!(
            "environments of the tier {name}/{kind}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    const SHOP: (&str, &str) = ("ApplicationName", "shop");
    const STACK: (&str, &str) = ("SolutionStackName", World::STACK);

    #[test]
    fn refusals_use_the_service_s_own_words() {
        let mut world = World::new();
        world.ok("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "x"), STACK]);
        world.launch_with("blue", "v1", &[("CNAMEPrefix", "shop")]);
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: &[Case<'_>] = &[
            (
                &[("ApplicationName", "none"), ("EnvironmentName", "green"), STACK],
                "InvalidParameterValue",
                "No Application named 'none' found.",
            ),
            (
                &[SHOP, ("EnvironmentName", "blue"), STACK],
                "InvalidParameterValue",
                "Environment blue already exists.",
            ),
            (
                &[SHOP, ("EnvironmentName", "green"), STACK, ("CNAMEPrefix", "SHOP")],
                "InvalidParameterValue",
                "DNS name (SHOP.eu-central-1.elasticbeanstalk.com) is not available.",
            ),
            (
                &[SHOP, ("EnvironmentName", "green")],
                "InvalidParameterValue",
                "Unable to determine base for template pack (no solution stack)",
            ),
            (
                &[SHOP, ("EnvironmentName", "green"), ("SolutionStackName", "DOS")],
                "InvalidParameterValue",
                "No Solution Stack named 'DOS' found.",
            ),
            (
                &[SHOP, ("EnvironmentName", "green"), STACK, ("VersionLabel", "v9")],
                "InvalidParameterValue",
                "No Application Version named 'v9' found.",
            ),
            (
                &[SHOP, ("EnvironmentName", "abc"), STACK],
                "InvalidParameterValue",
                "Value abc at 'EnvironmentName' failed to satisfy constraint: \
              Member must have length greater than or equal to 4",
            ),
            (
                &[SHOP, ("EnvironmentName", "-green"), STACK],
                "InvalidParameterValue",
                "Value -green at 'EnvironmentName' failed to satisfy constraint: Member must contain only letters, digits, \
              and the dash character and may not start or end with a dash",
            ),
            (
                &[SHOP, ("EnvironmentName", "green"), STACK, ("TemplateName", "x")],
                "InvalidParameterCombination",
                "You cannot specify both a configuration template and a platform.",
            ),
            (
                &[
                    SHOP,
                    ("EnvironmentName", "green"),
                    STACK,
                    ("OptionSettings.member.1.Namespace", "aws:no"),
                    ("OptionSettings.member.1.OptionName", "x"),
                    ("OptionSettings.member.1.Value", "1"),
                ],
                "ConfigurationValidationException",
                "Configuration validation exception: Invalid option specification (Namespace: 'aws:no', OptionName: 'x'): \
              Unknown configuration setting.",
            ),
            (
                &[
                    SHOP,
                    ("EnvironmentName", "green"),
                    STACK,
                    ("Tier.Name", "Worker"),
                    ("Tier.Type", "SQS/HTTP"),
                ],
                "NotImplemented",
                "cutover's local cloud does not implement environments of the tier Worker/SQS/HTTP",
            ),
        ];
        for (parameters, code, message) in cases {
            assert_eq!(
                world.refused("CreateEnvironment", parameters),
                ((*code).to_owned(), (*message).to_owned())
            );
        }
    }

    #[test]
    fn a_new_environment_is_launching_grey_and_without_an_endpoint() {
        let mut world = World::new();
        world.version("v1");
        let body = world.ok(
            "CreateEnvironment",
            &[SHOP, ("EnvironmentName", "green"), STACK, ("VersionLabel", "v1")],
        );
        assert_eq!(World::all(&body, "Status"), ["Launching"]);
        assert_eq!(World::all(&body, "Health"), ["Grey"]);
        assert_eq!(World::all(&body, "VersionLabel"), ["v1"]);
        assert!(World::all(&body, "EndpointURL").is_empty());
        assert!(
            World::all(&body, "CNAME").is_empty(),
            "a name that the service makes up is not told at once"
        );
        assert_eq!(World::all(&body, "EnvironmentId")[0].len(), 12);
        assert!(
            world.account.desired().is_empty(),
            "nothing runs before its resources are there"
        );
        world.wait(180);
        let body = world.ok("DescribeEnvironments", &[("EnvironmentNames.member.1", "green")]);
        let cname = World::all(&body, "CNAME").remove(0);
        assert!(
            cname.starts_with("green.eba-") && cname.ends_with(".eu-central-1.elasticbeanstalk.com"),
            "{cname}"
        );
        assert_eq!(World::all(&body, "EndpointURL").len(), 1);
        assert_eq!(world.account.desired().len(), 1);
    }

    #[test]
    fn a_clone_takes_settings_and_platform_along() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[
                (
                    "OptionSettings.member.1.Namespace",
                    "aws:elasticbeanstalk:application:environment",
                ),
                ("OptionSettings.member.1.OptionName", "COLOR"),
                ("OptionSettings.member.1.Value", "blue"),
                ("OptionSettings.member.2.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.2.OptionName", "MinSize"),
                ("OptionSettings.member.2.Value", "2"),
            ],
        );
        world.ok(
            "CreateEnvironment",
            &[
                SHOP,
                ("EnvironmentName", "twin"),
                ("VersionLabel", "v1"),
                ("TemplateSpecification.TemplateSource.EnvironmentName", "blue"),
                ("OptionsToRemove.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionsToRemove.member.1.OptionName", "MinSize"),
            ],
        );
        world.wait(400);
        assert_eq!(world.status("twin"), "Ready");
        let twin = world.desired("twin");
        assert_eq!(twin.properties.get("COLOR").map(String::as_str), Some("blue"));
        assert_eq!((world.desired("blue").instances, twin.instances), (2, 1));
    }

    #[test]
    fn quotas_hold() {
        let mut world = World::new();
        world.limit_environments(1);
        world.launch("blue", "v1");
        let (code, _) = world.refused("CreateEnvironment", &[SHOP, ("EnvironmentName", "green"), STACK]);
        assert_eq!(code, "TooManyEnvironmentsException");
    }
}
