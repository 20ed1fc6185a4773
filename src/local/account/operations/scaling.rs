//! Auto Scaling, as far as environments have groups: `DescribeAutoScalingGroups` and `TerminateInstanceInAutoScalingGroup`.

use super::super::Account;
use super::super::errors::{self, AwsError};
use super::super::state::{BalancerKind, Environment};
use super::super::wire::Xml;
use super::{Call, Reply, result};
use crate::local::plane::{InstanceSample, InstanceState};
use crate::model::InstanceId;

/// Version of Auto Scaling's API, by which its calls are told from others.
pub(super) const VERSION: &str = "2011-01-01";
/// Groups on one page (source: `MaxRecords`).
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 100;

impl Account {
    /// Answers a call of Auto Scaling.
    pub(super) fn scale(&mut self, action: &str, call: &Call<'_>) -> Reply {
        match action {
            "DescribeAutoScalingGroups" => self.describe_auto_scaling_groups(call),
            "TerminateInstanceInAutoScalingGroup" => self.terminate_instance(call),
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

    /// `TerminateInstanceInAutoScalingGroup`: the instance leaves its balancer and ends, and another one is started unless fewer are
    /// wanted from now on.
    fn terminate_instance(&mut self, call: &Call<'_>) -> Reply {
        if !call.parameters.texts("InstanceIds").is_empty() {
            return Err(errors::not_implemented(
                "InstanceIds of TerminateInstanceInAutoScalingGroup",
            ));
        }
        let id = InstanceId::new(call.parameters.required("InstanceId")?);
        call.parameters.required("ShouldDecrementDesiredCapacity")?;
        let decrement = call.parameters.boolean("ShouldDecrementDesiredCapacity")? == Some(true);
        let region = &self.settings.region;
        let mut environments = self.environments.values_mut();
        let Some(environment) = environments.find(|environment| environment.is_wanted() && environment.keeps(&id))
        else {
            return Err(AwsError::new(
                "ValidationError",
                format!("Instance Id not found - No managed instance found for instance ID: {id}"),
            ));
        };
        if decrement {
            let (least, _) = environment.wanted_settings().group();
            if environment.instances <= least {
                return Err(AwsError::new(
                    "ValidationError",
                    format!(
                        "Currently, desiredSize equals minSize ({least}). Terminating instance without replacement will violate group's min size \
                         constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size."
                    ),
                ));
            }
            environment.instances -= 1;
        }
        environment.dismissed.insert(id.clone());
        let group = environment.balancer.group.clone();
        let zone = format!("{region}a");
        let activity = self.ids.uuid("activity");
        result(|xml| {
            xml.element("Activity", |xml| {
                xml.text("ActivityId", &activity);
                xml.text("AutoScalingGroupName", &group);
                xml.text("Description", format!("Terminating EC2 instance: {id}"));
                xml.text(
                    "Cause",
                    format!(
                        "At {} instance {id} was taken out of service in response to a user request.",
                        call.now
                    ),
                );
                xml.text("StartTime", call.now);
                xml.text("StatusCode", "InProgress");
                xml.text("Progress", 0);
                xml.text("Details", format!("{{\"Availability Zone\":\"{zone}\"}}"));
            });
        })
    }

    /// The ARN of the group that an instance belongs to.
    pub(in crate::local) fn group_of(&self, instance: &str) -> Option<String> {
        let id = InstanceId::new(instance);
        let environment = self.environments.values().find(|environment| environment.has(&id))?;
        Some(self.group_arn(environment))
    }

    fn group_arn(&self, environment: &Environment) -> String {
        let (region, account_id) = (&self.settings.region, &self.settings.account_id);
        format!(
            "arn:aws:autoscaling:{region}:{account_id}:autoScalingGroup:{}:autoScalingGroupName/{}",
            environment.id, environment.balancer.group
        )
    }

    fn write_group(&self, xml: &mut Xml, environment: &Environment) {
        let balancer = &environment.balancer;
        let (least, most) = environment.wanted_settings().group();
        let zone = format!("{}a", self.settings.region);
        xml.text("AutoScalingGroupName", &balancer.group);
        xml.text("AutoScalingGroupARN", self.group_arn(environment));
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

    /// Whether an instance is one of its own, even if it is about to go.
    fn has(&self, id: &InstanceId) -> bool {
        let mut seen = self.watch.sample.iter().flat_map(|sample| &sample.instances);
        self.has_group() && seen.any(|instance| instance.id == *id)
    }

    /// Whether an instance is one of its own, and is to stay. Whatever lets it go, it must not make the group smaller once more.
    fn keeps(&self, id: &InstanceId) -> bool {
        let mut present = self.watch.present();
        self.has_group() && !self.dismissed.contains(id) && present.any(|instance| instance.id == *id)
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
