//! `DescribeEnvironmentHealth` and `DescribeInstancesHealth`

use super::super::errors::{self, AwsError};
use super::super::state::{Environment, options, requests_of};
use super::super::wire::{Parameters, Xml};
use super::super::{Account, judge};
use super::page::in_order;
use super::{Call, Reply, result};
use crate::local::plane::{EnvironmentSample, InstanceSample, InstanceState};
use crate::model::{HealthStatus, Latency, RequestCounts};

/// Which attributes a call asks for.
struct Attributes<'a> {
    names: Vec<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Reads them. Without any, only what names the environment is told.
    fn read(parameters: &'a Parameters, known: &[&str]) -> Result<Self, AwsError> {
        let names = parameters.texts("AttributeNames");
        match names.iter().find(|name| **name != "All" && !known.contains(name)) {
            Some(unknown) => {
                let rule = format!("Member must satisfy enum value set: [All, {}]", known.join(", "));
                Err(errors::constraint(unknown, "AttributeNames", &rule))
            }
            None => Ok(Self { names }),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|asked| *asked == "All" || *asked == name)
    }
}

const OF_ENVIRONMENT: &[&str] = &[
    "Status",
    "Color",
    "Causes",
    "ApplicationMetrics",
    "InstancesHealth",
    "HealthStatus",
    "RefreshedAt",
];
const OF_INSTANCE: &[&str] = &[
    "HealthStatus",
    "Color",
    "Causes",
    "ApplicationMetrics",
    "RefreshedAt",
    "LaunchedAt",
    "System",
    "Deployment",
    "AvailabilityZone",
    "InstanceType",
];

impl Account {
    /// `DescribeEnvironmentHealth`. Its `Status` is the environment's status, not a colour as the service's model says.
    pub(super) fn describe_environment_health(&self, call: &Call<'_>) -> Reply {
        let attributes = Attributes::read(call.parameters, OF_ENVIRONMENT)?;
        let environment = self.enhanced(call, "DescribeEnvironmentHealth")?;
        let watch = &environment.watch;
        result(|xml| {
            xml.text("EnvironmentName", &environment.name);
            if attributes.has("HealthStatus") {
                xml.text("HealthStatus", watch.health);
            }
            if attributes.has("Status") {
                xml.text("Status", environment.status.as_str());
            }
            if attributes.has("Color") {
                xml.text("Color", watch.health.color());
            }
            if attributes.has("Causes") {
                xml.texts("Causes", &watch.causes);
            }
            if attributes.has("ApplicationMetrics") {
                let sample = heard(environment);
                let requests = sample.map(requests_of).unwrap_or_default();
                write_metrics(xml, &requests, sample.and_then(|sample| sample.latency));
            }
            if attributes.has("InstancesHealth") {
                write_summary(xml, environment);
            }
            if attributes.has("RefreshedAt") {
                xml.optional("RefreshedAt", watch.refreshed);
            }
        })
    }

    /// `DescribeInstancesHealth`: the only proof of which version each instance runs.
    pub(super) fn describe_instances_health(&self, call: &Call<'_>) -> Reply {
        let attributes = Attributes::read(call.parameters, OF_INSTANCE)?;
        let environment = self.enhanced(call, "DescribeInstancesHealth")?;
        let size = self.settings.quotas.instances_per_page;
        let instances = environment.watch.sample.iter().flat_map(|sample| &sample.instances);
        let page = in_order(instances.enumerate(), size, call.parameters)?;
        result(|xml| {
            xml.list("InstanceHealthList", page.items, |xml, (place, instance)| {
                self.write_instance(xml, environment, instance, place, &attributes);
            });
            xml.optional("RefreshedAt", environment.watch.refreshed);
            xml.optional("NextToken", page.next);
        })
    }

    fn enhanced(&self, call: &Call<'_>, operation: &str) -> Result<&Environment, AwsError> {
        let environment = self.environment(call.parameters)?;
        if environment.settings.is_enhanced() {
            Ok(environment)
        } else {
            Err(errors::basic_health(operation))
        }
    }

    fn write_instance(
        &self,
        xml: &mut Xml,
        environment: &Environment,
        instance: &InstanceSample,
        place: usize,
        attributes: &Attributes<'_>,
    ) {
        let (status, causes) = health_of(environment, instance);
        xml.text("InstanceId", &instance.id);
        if attributes.has("HealthStatus") {
            xml.text("HealthStatus", status);
        }
        if attributes.has("Color") {
            xml.text("Color", status.color());
        }
        if attributes.has("Causes") {
            xml.texts("Causes", causes);
        }
        if attributes.has("LaunchedAt") {
            xml.text("LaunchedAt", instance.launched_at);
        }
        if attributes.has("ApplicationMetrics") {
            let silent = heard(environment).is_none();
            let requests = if silent {
                RequestCounts::default()
            } else {
                instance.requests
            };
            write_metrics(xml, &requests, instance.latency.filter(|_| !silent));
        }
        if attributes.has("System") {
            write_system(xml);
        }
        if attributes.has("Deployment") {
            let state = match instance.state {
                InstanceState::Starting => "In Progress",
                InstanceState::Failed(_) => "Failed",
                InstanceState::InService | InstanceState::Unhealthy(_) | InstanceState::Draining => "Deployed",
            };
            xml.element("Deployment", |xml| {
                xml.text("VersionLabel", &instance.version_label);
                xml.text("DeploymentId", instance.deployment_id);
                xml.text("Status", state);
                xml.text("DeploymentTime", instance.deployed_at);
            });
        }
        if attributes.has("AvailabilityZone") {
            let zone = ["a", "b", "c"][place % 3];
            xml.text("AvailabilityZone", format!("{}{zone}", self.settings.region));
        }
        if attributes.has("InstanceType") {
            let kind = environment.settings.effective(options::INSTANCES, "InstanceType");
            xml.optional("InstanceType", kind);
        }
    }
}

/// The last window, unless the environment has fallen silent since.
fn heard(environment: &Environment) -> Option<&EnvironmentSample> {
    environment
        .watch
        .sample
        .as_ref()
        .filter(|_| environment.watch.silent_windows == 0)
}

fn health_of(environment: &Environment, instance: &InstanceSample) -> judge::Verdict {
    if environment.watch.health == HealthStatus::NoData {
        (HealthStatus::NoData, vec!["Instance is not sending data.".to_owned()])
    } else {
        judge::instance(environment, instance)
    }
}

/// Writes raw counts over ten seconds; the service's model calls them averages and percentages, which they are not.
fn write_metrics(xml: &mut Xml, requests: &RequestCounts, latency: Option<Latency>) {
    xml.element("ApplicationMetrics", |xml| {
        xml.text("Duration", 10);
        xml.text("RequestCount", requests.total());
        xml.element("StatusCodes", |xml| {
            xml.text("Status2xx", requests.status_2xx);
            xml.text("Status3xx", requests.status_3xx);
            xml.text("Status4xx", requests.status_4xx);
            xml.text("Status5xx", requests.status_5xx);
        });
        if let Some(latency) = latency {
            xml.element("Latency", |xml| {
                for (name, seconds) in [
                    ("P999", latency.p999),
                    ("P99", latency.p99),
                    ("P95", latency.p95),
                    ("P90", latency.p90),
                    ("P85", latency.p85),
                    ("P75", latency.p75),
                    ("P50", latency.p50),
                    ("P10", latency.p10),
                ] {
                    // To the millisecond, as AWS tells it.
                    xml.text(name, (seconds * 1000.0).round() / 1000.0);
                }
            });
        }
    });
}

fn write_summary(xml: &mut Xml, environment: &Environment) {
    let statuses: Vec<HealthStatus> = environment
        .watch
        .sample
        .iter()
        .flat_map(|sample| &sample.instances)
        .map(|instance| health_of(environment, instance).0)
        .collect();
    xml.element("InstancesHealth", |xml| {
        for status in [
            HealthStatus::NoData,
            HealthStatus::Unknown,
            HealthStatus::Pending,
            HealthStatus::Ok,
            HealthStatus::Info,
            HealthStatus::Warning,
            HealthStatus::Degraded,
            HealthStatus::Severe,
        ] {
            xml.text(status.as_str(), statuses.iter().filter(|seen| **seen == status).count());
        }
    });
}

/// Writes an idle system: the processes share one machine, whose load says nothing about any of them.
fn write_system(xml: &mut Xml) {
    xml.element("System", |xml| {
        xml.element("CPUUtilization", |xml| {
            for (name, percent) in [
                ("User", 0.1),
                ("Nice", 0.0),
                ("System", 0.1),
                ("Idle", 99.8),
                ("IOWait", 0.0),
                ("IRQ", 0.0),
                ("SoftIRQ", 0.0),
            ] {
                xml.text(name, percent);
            }
        });
        xml.texts("LoadAverage", ["0.0", "0.0"]);
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{Behaviour, World};

    const BLUE: (&str, &str) = ("EnvironmentName", "blue");
    const ALL: (&str, &str) = ("AttributeNames.member.1", "All");

    #[test]
    fn only_what_is_asked_for_is_told() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE]);
        assert!(
            body.contains("<DescribeEnvironmentHealthResult><EnvironmentName>blue</EnvironmentName></Desc"),
            "{body}"
        );
        let body = world.ok(
            "DescribeEnvironmentHealth",
            &[BLUE, ("AttributeNames.member.1", "Status")],
        );
        assert_eq!(World::all(&body, "Status"), ["Ready"]);
        assert!(World::all(&body, "Color").is_empty());
        world.refused(
            "DescribeEnvironmentHealth",
            &[BLUE, ("AttributeNames.member.1", "Mood")],
        );
    }

    #[test]
    fn counts_are_raw_over_ten_seconds() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.requests(45, 0);
        world.wait(10);
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Ok"]);
        assert_eq!(World::all(&body, "Duration"), ["10"]);
        assert_eq!(World::all(&body, "RequestCount"), ["45"]);
        assert_eq!(World::all(&body, "Status2xx"), ["45"]);
        assert_eq!(World::all(&body, "P50"), ["0.012"]);
        assert_eq!(World::all(&body, "RefreshedAt"), [world.now().to_string()]);
        assert!(body.contains("<Ok>1</Ok>"), "{body}");
    }

    #[test]
    fn failing_requests_turn_an_environment_red_and_it_recovers() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.requests(50, 50);
        world.wait(10);
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "Color"), ["Red"]);
        assert!(
            body.contains("50.0 % of the requests are failing with HTTP 5xx."),
            "{body}"
        );
        let warnings = world.messages(&[("Severity", "WARN")]);
        assert_eq!(
            warnings[0],
            "Environment health has transitioned from Ok to Severe. 50.0 % of the requests are failing with HTTP 5xx."
        );
        world.plane.requests(100, 0);
        world.wait(70);
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Ok"]);
    }

    #[test]
    fn silence_is_no_data() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.silence(true);
        let refreshed = world.now();
        world.wait(30);
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "HealthStatus"), ["NoData"]);
        assert_eq!(World::all(&body, "Color"), ["Grey"]);
        assert_eq!(World::all(&body, "RefreshedAt"), [refreshed.to_string()]);
        let warnings = world.messages(&[("Severity", "WARN")]);
        assert_eq!(
            warnings[0],
            "Environment health has transitioned from Ok to No Data. None of the instances are sending data."
        );
    }

    #[test]
    fn an_unhealthy_instance_shows_with_its_reason() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.plane.behave("v1", Behaviour::IsUnhealthy);
        world.wait(10);
        let body = world.ok("DescribeInstancesHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Severe"]);
        assert!(body.contains("GET / answered 500"), "{body}");
        assert_eq!(World::all(&world.ok("DescribeEnvironments", &[]), "Health"), ["Red"]);
    }

    #[test]
    fn instances_tell_what_they_run_page_by_page() {
        let mut world = World::new();
        world.limit_instances_per_page(2);
        world.launch_with(
            "blue",
            "v1",
            &[
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MinSize"),
                ("OptionSettings.member.1.Value", "3"),
            ],
        );
        let body = world.ok("DescribeInstancesHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "InstanceId").len(), 2);
        assert!(body.contains(
            "<Deployment><VersionLabel>v1</VersionLabel><DeploymentId>1</DeploymentId><Status>Deployed</Status>"
        ));
        let token = World::all(&body, "NextToken").remove(0);
        let body = world.ok("DescribeInstancesHealth", &[BLUE, ALL, ("NextToken", &token)]);
        assert_eq!(World::all(&body, "InstanceId").len(), 1);
        assert!(World::all(&body, "NextToken").is_empty());
    }

    #[test]
    fn basic_reporting_has_no_health_operations() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[
                (
                    "OptionSettings.member.1.Namespace",
                    "aws:elasticbeanstalk:healthreporting:system",
                ),
                ("OptionSettings.member.1.OptionName", "SystemType"),
                ("OptionSettings.member.1.Value", "basic"),
            ],
        );
        assert_eq!(
            world.refused("DescribeEnvironmentHealth", &[BLUE, ALL]),
            (
                "InvalidRequestException".to_owned(),
                "DescribeEnvironmentHealth is not supported.".to_owned()
            )
        );
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(World::all(&body, "Health"), ["Green"]);
        assert!(World::all(&body, "HealthStatus").is_empty());
        assert!(
            world
                .messages(&[])
                .contains(&"Environment health has been set to GREEN".to_owned())
        );
    }

    #[test]
    fn a_launch_that_fails_ends_ready_and_red() {
        let mut world = World::new();
        world.version("bad");
        world.plane.behave("bad", Behaviour::Fails);
        world.create("blue", "bad", &[]);
        world.wait(220);
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(World::all(&body, "Status"), ["Ready"]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Severe"]);
        let errors = world.messages(&[("Severity", "ERROR")]);
        assert_eq!(
            errors[0],
            "Create environment operation is complete, but with errors. \
             For more information, see troubleshooting documentation."
        );
        assert!(
            errors[1].contains("Command failed on instance. Return code: 1 Output: exit status 3"),
            "{errors:?}"
        );
        let body = world.ok("DescribeInstancesHealth", &[BLUE, ALL]);
        assert!(body.contains("<Status>Failed</Status>"), "{body}");
    }

    #[test]
    fn health_is_pending_until_a_launch_is_over() {
        let mut world = World::new();
        world.version("v1");
        world.create("blue", "v1", &[]);
        world.wait(250);
        let body = world.ok("DescribeEnvironmentHealth", &[BLUE, ALL]);
        assert_eq!(World::all(&body, "HealthStatus"), ["Pending"]);
        assert_eq!(World::all(&body, "Status"), ["Launching"]);
        assert!(
            body.contains("Initialization in progress (running for 4 minutes)."),
            "{body}"
        );
    }
}
