//! `DescribeEnvironments`, `DescribeEnvironmentResources`, and how an environment is written.

use super::super::Account;
use super::super::state::{BalancerKind, Environment};
use super::super::wire::Xml;
use super::page::newest_first;
use super::{Call, Reply, result};
use crate::model::Timestamp;

impl Account {
    /// `DescribeEnvironments`: environments that were terminated a short while ago are told without asking.
    pub(super) fn describe_environments(&self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let application = parameters.text("ApplicationName");
        let version = parameters.text("VersionLabel");
        let ids = parameters.texts("EnvironmentIds");
        let names = parameters.texts("EnvironmentNames");
        let deleted = parameters.boolean("IncludeDeleted")?.unwrap_or(false);
        let back_to = parameters.timestamp("IncludedDeletedBackTo")?;
        let size = parameters.number("MaxRecords", 1..=1000)?;
        let listed = |at: Timestamp| {
            call.now.since(at) < self.settings.timing.terminated_listed
                || (deleted && back_to.is_none_or(|back_to| at >= back_to))
        };
        let mut chosen: Vec<&Environment> = self
            .environments
            .values()
            .filter(|environment| environment.terminated.is_none_or(listed))
            .filter(|environment| application.is_none_or(|wanted| wanted == environment.application))
            .filter(|environment| version.is_none_or(|wanted| environment.version_label() == Some(wanted)))
            .filter(|environment| ids.is_empty() || ids.contains(&environment.id.as_str()))
            .filter(|environment| names.is_empty() || names.contains(&environment.name.as_str()))
            .collect();
        chosen.sort_by_key(|environment| std::cmp::Reverse(environment.number));
        let numbered = chosen.into_iter().map(|environment| (environment.number, environment));
        let page = newest_first(numbered, size, parameters)?;
        result(|xml| {
            xml.list("Environments", page.items, |xml, environment| {
                self.write_environment(xml, environment);
            });
            xml.optional("NextToken", page.next);
        })
    }

    /// `DescribeEnvironmentResources`: instances are those of the last health window.
    pub(super) fn describe_environment_resources(&self, call: &Call<'_>) -> Reply {
        let environment = self.environment(call.parameters)?;
        let balancer = &environment.balancer;
        let made = |name: &str| (balancer.made && !name.is_empty()).then(|| name.to_owned());
        result(|xml| {
            xml.element("EnvironmentResources", |xml| {
                xml.text("EnvironmentName", &environment.name);
                xml.list("AutoScalingGroups", made(&balancer.group), |xml, name| {
                    xml.text("Name", name);
                });
                let instances = environment.watch.instances.iter();
                xml.list("Instances", instances, |xml, id| xml.text("Id", id));
                xml.texts("LaunchConfigurations", Vec::<String>::new());
                xml.list("LaunchTemplates", made(&balancer.launch_template), |xml, id| {
                    xml.text("Id", id);
                });
                xml.list("LoadBalancers", made(&balancer.name), |xml, name| {
                    xml.text("Name", name);
                });
                xml.texts("Triggers", Vec::<String>::new());
                xml.texts("Queues", Vec::<String>::new());
            });
        })
    }

    /// Writes an `EnvironmentDescription`.
    pub(super) fn write_environment(&self, xml: &mut Xml, environment: &Environment) {
        let balancer = &environment.balancer;
        xml.text("EnvironmentName", &environment.name);
        xml.text("EnvironmentId", &environment.id);
        xml.text("ApplicationName", &environment.application);
        xml.optional("VersionLabel", environment.version_label());
        xml.text("SolutionStackName", environment.platform.stack());
        xml.text("PlatformArn", environment.platform.arn(&self.settings.region));
        xml.optional("TemplateName", environment.template.as_ref());
        xml.optional("Description", environment.description.as_ref());
        xml.optional("EndpointURL", balancer.made.then_some(&balancer.address));
        xml.optional("CNAME", environment.shown_cname());
        xml.text("DateCreated", environment.created);
        xml.text("DateUpdated", environment.updated);
        xml.text("Status", environment.status.as_str());
        xml.text("AbortableOperationInProgress", environment.is_abortable());
        xml.text("Health", environment.watch.health.color());
        xml.optional("HealthStatus", environment.health_status());
        if balancer.made && balancer.kind == BalancerKind::Classic {
            xml.element("Resources", |xml| {
                xml.element("LoadBalancer", |xml| {
                    xml.text("LoadBalancerName", &balancer.name);
                    xml.text("Domain", &balancer.address);
                    xml.list("Listeners", [("HTTP", 80)], |xml, (protocol, port)| {
                        xml.text("Protocol", protocol);
                        xml.text("Port", port);
                    });
                });
            });
        }
        write_tier(xml);
        xml.texts("EnvironmentLinks", Vec::<String>::new());
        xml.text(
            "EnvironmentArn",
            environment.arn(&self.settings.region, &self.settings.account_id),
        );
    }

    /// The ARN of something of the account's.
    pub(super) fn arn(&self, kind: &str, path: &str) -> String {
        let (region, account_id) = (&self.settings.region, &self.settings.account_id);
        format!("arn:aws:elasticbeanstalk:{region}:{account_id}:{kind}/{path}")
    }
}

/// Writes the tier. Its version means nothing any more, but the eb CLI fails without it.
pub(super) fn write_tier(xml: &mut Xml) {
    xml.element("Tier", |xml| {
        xml.text("Name", "WebServer");
        xml.text("Type", "Standard");
        xml.text("Version", "1.0");
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn terminated_twins_are_listed_for_an_hour_and_kept_for_longer() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let first = world.id("blue");
        world.terminate("blue");
        world.launch("blue", "v1");
        let blue = [("EnvironmentNames.member.1", "blue")];
        let body = world.ok("DescribeEnvironments", &blue);
        assert_eq!(
            World::all(&body, "Status"),
            ["Ready", "Terminated"],
            "the living one first"
        );
        world.wait(3600);
        assert_eq!(
            World::all(&world.ok("DescribeEnvironments", &blue), "Status"),
            ["Ready"]
        );
        let body = world.ok("DescribeEnvironments", &[blue[0], ("IncludeDeleted", "true")]);
        assert_eq!(World::all(&body, "Status"), ["Ready", "Terminated"]);
        let body = world.ok(
            "DescribeEnvironments",
            &[
                ("EnvironmentIds.member.1", &first),
                ("IncludeDeleted", "true"),
                ("IncludedDeletedBackTo", "2100-01-01T00:00:00Z"),
            ],
        );
        assert!(World::all(&body, "Status").is_empty());
    }

    #[test]
    fn an_application_load_balancer_is_named_by_its_arn() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[
                ("OptionSettings.member.1.Namespace", "aws:elasticbeanstalk:environment"),
                ("OptionSettings.member.1.OptionName", "LoadBalancerType"),
                ("OptionSettings.member.1.Value", "application"),
            ],
        );
        let body = world.ok("DescribeEnvironmentResources", &[("EnvironmentName", "blue")]);
        assert!(
            body.contains("<LoadBalancers><member><Name>arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/awseb--AWSEB-"),
            "{body}"
        );
        assert_eq!(
            World::all(&body, "Id").len(),
            2,
            "one instance, one launch template: {body}"
        );
    }

    #[test]
    fn pages_of_environments_do_not_overlap() {
        let mut world = World::new();
        for name in ["one1", "two2", "three3"] {
            world.launch(name, "v1");
        }
        let body = world.ok("DescribeEnvironments", &[("MaxRecords", "2")]);
        assert_eq!(World::all(&body, "EnvironmentName"), ["three3", "two2"]);
        let token = World::all(&body, "NextToken").remove(0);
        let body = world.ok("DescribeEnvironments", &[("MaxRecords", "2"), ("NextToken", &token)]);
        assert_eq!(World::all(&body, "EnvironmentName"), ["one1"]);
        let (_, message) = world.refused("DescribeEnvironments", &[("NextToken", "mine")]);
        assert_eq!(message, "Invalid NextToken: mine");
    }
}
