//! The operations, one file for each group.

mod applications;
mod configuration;
mod create;
mod describe;
mod events;
mod find;
mod health;
mod identity;
mod logs;
mod page;
mod platforms;
mod region;
mod resources;
mod scaling;
mod swap;
mod tags;
mod templates;
mod terminate;
mod update;
mod versions;

use super::Account;
use super::errors::{self, AwsError};
use super::wire::{Parameters, Xml};
use crate::local::plane::DataPlane;
use crate::model::Timestamp;

/// One call.
pub(crate) struct Call<'a> {
    /// What was asked.
    pub(crate) parameters: &'a Parameters,
    /// Its id.
    pub(crate) request_id: &'a str,
    /// When it came.
    pub(crate) now: Timestamp,
    /// Where logs are.
    pub(crate) plane: &'a dyn DataPlane,
}

/// A result to write, nothing, or an error.
pub(crate) type Reply = Result<Option<Xml>, AwsError>;

/// Operations of Elastic Beanstalk that the account does not have.
const OUTSIDE: &[&str] = &[
    "ApplyEnvironmentManagedAction",
    "AssociateEnvironmentOperationsRole",
    "ComposeEnvironments",
    "CreatePlatformVersion",
    "DeletePlatformVersion",
    "DisassociateEnvironmentOperationsRole",
    "RebuildEnvironment",
    "RestartAppServer",
    "UpdateApplicationResourceLifecycle",
    "UpdateConfigurationTemplate",
];

/// Version of the older API of Elastic Load Balancing.
const CLASSIC: &str = "2012-06-01";

/// The XML namespace of an operation's answers.
pub(crate) fn namespace(action: &str, version: &str) -> &'static str {
    if version == scaling::VERSION {
        "http://autoscaling.amazonaws.com/doc/2011-01-01/"
    } else if action == "GetCallerIdentity" {
        "https://sts.amazonaws.com/doc/2011-06-15/"
    } else {
        "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/"
    }
}

/// Whether an operation changes nothing. What is not known counts as one that might.
pub(crate) fn only_reads(action: &str) -> bool {
    ["Check", "Describe", "Get", "List", "Validate"]
        .iter()
        .any(|verb| action.starts_with(verb))
}

/// Whether the result of an operation is a plain success without a `…Result` element.
fn done() -> Reply {
    Ok(None)
}

/// Writes a result.
fn result(content: impl FnOnce(&mut Xml)) -> Reply {
    let mut xml = Xml::default();
    content(&mut xml);
    Ok(Some(xml))
}

impl Account {
    /// Carries out an operation.
    pub(crate) fn dispatch(&mut self, action: &str, call: &Call<'_>) -> Reply {
        let version = call.parameters.raw("Version").unwrap_or_default();
        match action {
            _ if version == CLASSIC => Err(errors::not_implemented("Classic Load Balancers of their own")),
            _ if version == scaling::VERSION => self.scale(action, call),
            "AbortEnvironmentUpdate" => self.abort_environment_update(call),
            "CheckDNSAvailability" => self.check_dns_availability(call),
            "CreateApplication" => self.create_application(call),
            "CreateApplicationVersion" => self.create_application_version(call),
            "CreateConfigurationTemplate" => self.create_configuration_template(call),
            "CreateEnvironment" => self.create_environment(call),
            "CreateStorageLocation" => self.create_storage_location(),
            "DeleteApplication" => self.delete_application(call),
            "DeleteApplicationVersion" => self.delete_application_version(call),
            "DeleteConfigurationTemplate" => self.delete_configuration_template(call),
            "DeleteEnvironmentConfiguration" => self.delete_environment_configuration(call),
            "DescribeAccountAttributes" => self.describe_account_attributes(),
            "DescribeApplicationVersions" => self.describe_application_versions(call),
            "DescribeApplications" => self.describe_applications(call),
            "DescribeConfigurationOptions" => self.describe_configuration_options(call),
            "DescribeConfigurationSettings" => self.describe_configuration_settings(call),
            "DescribeEnvironmentHealth" => self.describe_environment_health(call),
            "DescribeEnvironmentManagedActionHistory" => self.describe_managed_action_history(call),
            "DescribeEnvironmentManagedActions" => self.describe_managed_actions(call),
            "DescribeEnvironmentResources" => self.describe_environment_resources(call),
            "DescribeEnvironments" => self.describe_environments(call),
            "DescribeEvents" => self.describe_events(call),
            "DescribeInstancesHealth" => self.describe_instances_health(call),
            "DescribePlatformVersion" => self.describe_platform_version(call),
            "GetCallerIdentity" => self.get_caller_identity(),
            "ListAvailableSolutionStacks" => platforms::list_available_solution_stacks(),
            "ListPlatformBranches" => platforms::list_platform_branches(call),
            "ListPlatformVersions" => self.list_platform_versions(call),
            "ListTagsForResource" => self.list_tags_for_resource(call),
            "RequestEnvironmentInfo" => self.request_environment_info(call),
            "RetrieveEnvironmentInfo" => self.retrieve_environment_info(call),
            "SwapEnvironmentCNAMEs" => self.swap_environment_cnames(call),
            "TerminateEnvironment" => self.terminate_environment(call),
            "UpdateApplication" => self.update_application(call),
            "UpdateApplicationVersion" => self.update_application_version(call),
            "UpdateEnvironment" => self.update_environment(call),
            "UpdateTagsForResource" => self.update_tags_for_resource(call),
            "ValidateConfigurationSettings" => self.validate_configuration_settings(call),
            outside if OUTSIDE.contains(&outside) => Err(errors::not_implemented(outside)),
            unknown => Err(errors::invalid_action(unknown, version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;

    #[test]
    fn what_is_outside_says_so_and_what_is_unknown_is_invalid() {
        let mut world = World::new();
        let (status, body) = world.raw("RebuildEnvironment", &[("EnvironmentName", "green")]);
        assert_eq!(status, 501);
        assert!(body.contains("<Code>NotImplemented</Code>"), "{body}");
        assert!(
            body.contains("cutover's local cloud does not implement RebuildEnvironment"),
            "{body}"
        );
        let (status, body) = world.raw("ListUsers", &[("Version", "2010-05-08")]);
        assert_eq!(status, 501);
        assert!(body.contains("does not implement ListUsers of IAM"), "{body}");
        let (status, body) = world.raw("MakeCoffee", &[]);
        assert_eq!(status, 400);
        assert!(body.contains("<Type>Sender</Type><Code>InvalidAction</Code>"), "{body}");
    }

    #[test]
    fn the_same_calls_at_the_same_times_give_the_same_bytes() {
        let run = || {
            let mut world = World::new();
            world.launch("blue", "v1");
            world.launch("green", "v2");
            world.ok(
                "SwapEnvironmentCNAMEs",
                &[
                    ("SourceEnvironmentName", "blue"),
                    ("DestinationEnvironmentName", "green"),
                ],
            );
            world.wait(60);
            let mut text = world.ok("DescribeEvents", &[]);
            text.push_str(&world.ok("DescribeEnvironments", &[]));
            text
        };
        assert_eq!(run(), run());
    }
}
