//! Auto Scaling, as far as environments have groups: `DescribeAutoScalingGroups`.

use super::super::Account;
use super::super::errors::{self, AwsError};
use super::super::state::{BalancerKind, Environment};
use super::super::wire::Xml;
use super::{Call, Reply, result};
use crate::local::plane::{InstanceSample, InstanceState};

/// Version of Auto Scaling's API, by which its calls are told from others.
pub(super) const VERSION: &str = "2011-01-01";
/// Groups on one page (source: `MaxRecords`).
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 100;

impl Account {
    /// Answers a call of Auto Scaling.
    pub(super) fn scale(&self, action: &str, call: &Call<'_>) -> Reply {
        match action {
            "DescribeAutoScalingGroups" => self.describe_auto_scaling_groups(call),
            other => Err(errors::not_implemented(&format!("{other} of Auto Scaling"))),
        }
    }

    /// `DescribeAutoScalingGroups`: names that no group has are passed over.
    fn describe_auto_scaling_groups(&self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        if !parameters.list("Filters").is_empty() {
            return Err(errors::not_implemented("Filters of DescribeAutoScalingGroups"));
        }
        let names = parameters.texts("AutoScalingGroupNames");
        let size = parameters.number("MaxRecords", 1..=LONGEST_PAGE)?.unwrap_or(PAGE);
        let after = match parameters.text("NextToken") {
            Some(token) => Some(token.parse::<u64>().map_err(|_| bad_token())?),
            None => None,
        };
        let mut found: Vec<&Environment> = self
            .environments
            .values()
            .filter(|environment| environment.is_live() && environment.has_group())
            .filter(|environment| names.is_empty() || names.contains(&environment.balancer.group.as_str()))
            .filter(|environment| after.is_none_or(|after| environment.number > after))
            .collect();
        found.sort_by_key(|environment| environment.number);
        let more = found.len() > size;
        found.truncate(size);
        let next = found.last().filter(|_| more).map(|environment| environment.number);
        result(|xml| {
            xml.list("AutoScalingGroups", found, |xml, environment| {
                self.write_group(xml, environment);
            });
            xml.optional("NextToken", next);
        })
    }

    fn write_group(&self, xml: &mut Xml, environment: &Environment) {
        let (region, account_id) = (&self.settings.region, &self.settings.account_id);
        let balancer = &environment.balancer;
        let (least, most) = environment.wanted_settings().group();
        let zone = format!("{region}a");
        xml.text("AutoScalingGroupName", &balancer.group);
        xml.text(
            "AutoScalingGroupARN",
            format!(
                "arn:aws:autoscaling:{region}:{account_id}:autoScalingGroup:{}:autoScalingGroupName/{}",
                environment.id, balancer.group
            ),
        );
        xml.element("LaunchTemplate", |xml| write_template(xml, environment));
        xml.text("MinSize", least);
        xml.text("MaxSize", most);
        xml.text("DesiredCapacity", environment.instances);
        xml.text("DefaultCooldown", 360);
        xml.texts("AvailabilityZones", [&zone]);
        let classic = (balancer.kind == BalancerKind::Classic).then_some(&balancer.name);
        xml.texts("LoadBalancerNames", classic);
        xml.texts("TargetGroupARNs", balancer.group_arn());
        xml.text("HealthCheckType", "EC2");
        xml.text("HealthCheckGracePeriod", 0);
        let instances = environment.watch.sample.iter().flat_map(|sample| &sample.instances);
        xml.list("Instances", instances, |xml, instance| {
            xml.text("InstanceId", &instance.id);
            xml.text("AvailabilityZone", &zone);
            xml.text("LifecycleState", lifecycle(instance));
            xml.text("HealthStatus", "Healthy");
            xml.element("LaunchTemplate", |xml| write_template(xml, environment));
            xml.text("ProtectedFromScaleIn", false);
        });
        xml.text("CreatedTime", environment.created);
        xml.texts("SuspendedProcesses", Vec::<String>::new());
        xml.texts("EnabledMetrics", Vec::<String>::new());
        let own = [
            ("Name", environment.name.as_str()),
            ("elasticbeanstalk:environment-id", environment.id.as_str()),
            ("elasticbeanstalk:environment-name", environment.name.as_str()),
        ];
        let given = environment
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        xml.list("Tags", own.into_iter().chain(given), |xml, (key, value)| {
            xml.text("ResourceId", &balancer.group);
            xml.text("ResourceType", "auto-scaling-group");
            xml.text("Key", key);
            xml.text("Value", value);
            xml.text("PropagateAtLaunch", true);
        });
        xml.texts("TerminationPolicies", ["Default"]);
        xml.text("NewInstancesProtectedFromScaleIn", false);
    }
}

impl Environment {
    /// Whether its Auto Scaling group is there; that of one that is being terminated still is.
    fn has_group(&self) -> bool {
        self.balancer.made && !self.balancer.emptied
    }
}

fn write_template(xml: &mut Xml, environment: &Environment) {
    xml.text("LaunchTemplateId", &environment.balancer.launch_template);
    xml.text("LaunchTemplateName", format!("awseb-{}-template", environment.id));
    xml.text("Version", 1);
}

/// Auto Scaling of Elastic Beanstalk looks at the machine only, which is up before the application is.
fn lifecycle(instance: &InstanceSample) -> &'static str {
    match instance.state {
        InstanceState::Draining => "Terminating:Wait",
        InstanceState::Starting | InstanceState::InService | InstanceState::Unhealthy(_) | InstanceState::Failed(_) => {
            "InService"
        }
    }
}

fn bad_token() -> AwsError {
    AwsError::new("InvalidNextToken", "The NextToken value is not valid.")
}
