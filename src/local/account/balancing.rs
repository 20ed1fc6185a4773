//! Elastic Load Balancing as a part of the account: its calls, and what environments with a shared load balancer do there.

use std::time::Duration;

use super::errors::{self, AwsError};
use super::state::{Balancer, BalancerKind, Environment, OptionSettings, options};
use super::wire::{Parameters, QueryResponse};
use super::{Account, Timing};
use crate::local::balancers::{
    self, Balancers, BalancersSettings, DesiredBalancer, FailedCheck, GroupSettings, HealthCheck, LoadBalancerArn,
    Target, TargetGroupArn, TargetState, Tenant,
};
use crate::local::fault::Fault;
use crate::local::metrics::{Document, Metrics};
use crate::local::plane::{BalancerSettings, EnvironmentSample, InstanceState};
use crate::model::{EnvironmentId, RequestCounts, Timestamp};

/// Options that say whose load balancer an environment has. They hold for its whole life.
const CREATE_ONLY: [(&str, &str); 2] = [
    (options::ENVIRONMENT, "LoadBalancerIsShared"),
    (options::LOAD_BALANCER, "SharedLoadBalancer"),
];

/// Namespace of the application itself.
const APPLICATION: &str = "aws:elasticbeanstalk:application";
/// Namespace of a classic load balancer's health check.
const CLASSIC_CHECK: &str = "aws:elb:healthcheck";
/// Namespace of what else a classic load balancer does.
const CLASSIC_POLICIES: &str = "aws:elb:policies";

/// Load balancers of a new account.
pub(super) fn none(settings: &super::AccountSettings) -> Balancers {
    Balancers::new(BalancersSettings {
        region: settings.region.clone(),
        account_id: settings.account_id.clone(),
        pace: settings.timing.pace,
        provisioning: settings.timing.balancer_provisioning,
        seed: settings.seed,
    })
}

impl Account {
    /// Answers a call of Elastic Load Balancing.
    pub(super) fn balance(
        &mut self,
        action: &str,
        parameters: &Parameters,
        request_id: String,
        now: Timestamp,
    ) -> QueryResponse {
        if !action.starts_with("Describe") {
            self.course.changed();
        }
        let environments = &self.environments;
        let targets = |group: &TargetGroupArn| {
            let mut owners = environments.values().filter(|environment| {
                environment.is_live() && environment.balancer.group_arn().as_ref() == Some(group)
            });
            owners.next().map(targets_of).unwrap_or_default()
        };
        let call = balancers::Call {
            parameters,
            now,
            targets: &targets,
        };
        match self.balancers.handle(action, &call) {
            Ok(result) => QueryResponse::success(action, balancers::NAMESPACE, result.as_ref(), request_id),
            Err(error) => QueryResponse::failure(balancers::NAMESPACE, &error, request_id),
        }
    }

    /// Answers a call of CloudWatch. What is due by `now` happens first.
    ///
    /// # Errors
    ///
    /// What the service refuses.
    pub fn measure(&mut self, operation: &str, input: &Document, now: Timestamp) -> Result<Document, Fault> {
        self.tick(now);
        self.metrics.handle(operation, input, now)
    }

    /// Load balancers as they should be behind the account, without those that belong to one environment each.
    #[must_use]
    pub fn desired_balancers(&self) -> Vec<DesiredBalancer> {
        self.balancers.desired()
    }

    /// Load balancers that environments share or may share, and that should be asked once per health window what they answered
    /// themselves.
    #[must_use]
    pub fn load_balancers_running(&self) -> Vec<LoadBalancerArn> {
        self.balancers.names().map(|(_, arn)| arn.clone()).collect()
    }

    /// Takes in what a load balancer answered itself in one closed window, with no environment to tell of it.
    pub fn observe_load_balancer(&mut self, arn: &LoadBalancerArn, own: &RequestCounts, now: Timestamp) {
        self.metrics.note_own(arn, own, now);
    }

    /// Whether every target group behind a load balancer has a healthy target, as aliases that evaluate the health of their
    /// targets ask. A group without any counts as unhealthy (source: `EvaluateTargetHealth`).
    #[must_use]
    pub fn balancer_serves(&self, arn: &LoadBalancerArn) -> bool {
        let groups = self.balancers.groups_behind(arn);
        !groups.is_empty()
            && groups.iter().all(|group| {
                let mut environments = self.environments.values();
                environments.any(|environment| {
                    environment.is_live()
                        && environment.balancer.group_arn().as_ref() == Some(group)
                        && self.serves(&environment.id)
                })
            })
    }

    /// The load balancer that settings want to share, which must be there.
    pub(super) fn shared_balancer(
        &self,
        settings: &OptionSettings,
    ) -> Result<Option<(LoadBalancerArn, String)>, AwsError> {
        let shared = settings.effective(options::ENVIRONMENT, "LoadBalancerIsShared");
        if settings.is_single_instance() || !shared.is_some_and(|shared| shared.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let kind = settings
            .effective(options::ENVIRONMENT, "LoadBalancerType")
            .unwrap_or_default();
        if !kind.eq_ignore_ascii_case("application") {
            return Err(wrong(
                options::ENVIRONMENT,
                "LoadBalancerIsShared",
                "true",
                "Only a load balancer of the type application can be shared",
            ));
        }
        let arn = settings
            .effective(options::LOAD_BALANCER, "SharedLoadBalancer")
            .unwrap_or_default();
        let dns_name = self
            .balancers
            .shareable(arn)
            .map_err(|why| wrong(options::LOAD_BALANCER, "SharedLoadBalancer", arn, why))?;
        Ok(Some((LoadBalancerArn::new(arn), dns_name)))
    }

    /// Brings the target group of an environment to settings that have changed.
    pub(super) fn follow_settings(&mut self, id: &EnvironmentId, before: &GroupSettings) {
        let Some(environment) = self.environments.get(id) else {
            return;
        };
        let after = group_settings(environment.wanted_settings());
        if let Some(group) = environment.balancer.group_arn()
            && after != *before
        {
            self.balancers.configure(&group, after);
        }
    }
}

/// Refuses settings that would move an environment to another load balancer.
pub(super) fn check_unmoved(before: &OptionSettings, after: &OptionSettings) -> Result<(), AwsError> {
    let same = |value: Option<&str>| value.unwrap_or_default().to_ascii_lowercase();
    if before.is_single_instance() != after.is_single_instance() {
        return Err(errors::not_implemented(
            "a change of EnvironmentType; make another environment",
        ));
    }
    let kind = |settings: &OptionSettings| same(settings.effective(options::ENVIRONMENT, "LoadBalancerType"));
    if !before.is_single_instance() && kind(before) != kind(after) {
        return Err(errors::configuration("LoadBalancer type option cannot be changed."));
    }
    for (namespace, name) in CREATE_ONLY {
        let (old, new) = (before.effective(namespace, name), after.effective(namespace, name));
        if same(old) != same(new) {
            let why = "The option cannot be changed after the environment was created";
            return Err(wrong(namespace, name, new.unwrap_or_default(), why));
        }
    }
    Ok(())
}

fn wrong(namespace: &str, name: &str, value: &str, why: &str) -> AwsError {
    errors::configuration(&format!(
        "Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: '{name}'): {why}"
    ))
}

/// What an environment's settings say of its target group.
pub(super) fn group_settings(settings: &OptionSettings) -> GroupSettings {
    let text = |name| {
        settings
            .effective(options::PROCESS, name)
            .unwrap_or_default()
            .to_owned()
    };
    let number = |name| settings.number(options::PROCESS, name);
    GroupSettings {
        check: HealthCheck {
            path: text("HealthCheckPath"),
            port: "traffic-port".to_owned(),
            matcher: text("MatcherHTTPCode"),
            interval: number("HealthCheckInterval"),
            timeout: number("HealthCheckTimeout"),
            healthy_threshold: number("HealthyThresholdCount"),
            unhealthy_threshold: number("UnhealthyThresholdCount"),
        },
        deregistration_delay: number("DeregistrationDelay"),
        sticky: settings
            .effective(options::PROCESS, "StickinessEnabled")
            .is_some_and(|enabled| enabled.eq_ignore_ascii_case("true")),
        sticky_duration: number("StickinessLBCookieDuration"),
    }
}

/// The same of a load balancer that an environment has for itself, by its kind.
pub(super) fn own_settings(kind: BalancerKind, settings: &OptionSettings) -> GroupSettings {
    match kind {
        BalancerKind::Classic => classic_settings(settings),
        BalancerKind::SingleInstance | BalancerKind::Application | BalancerKind::Network => group_settings(settings),
    }
}

/// A classic load balancer has options of its own. Where nobody sets them, those of the process hold that somebody has set.
fn classic_settings(settings: &OptionSettings) -> GroupSettings {
    let of_process = |name| settings.given(options::PROCESS, name);
    let number = |name, process| -> u32 {
        let own = settings.given(CLASSIC_CHECK, name).or_else(|| of_process(process));
        let value = own.or_else(|| settings.effective(CLASSIC_CHECK, name));
        value.and_then(|value| value.parse().ok()).unwrap_or_default()
    };
    let url = settings.given(APPLICATION, "Application Healthcheck URL");
    let path = url.map(path_of).or_else(|| of_process("HealthCheckPath"));
    GroupSettings {
        check: HealthCheck {
            // Without one, whoever accepts a connection is well.
            path: path.unwrap_or_default().to_owned(),
            port: "traffic-port".to_owned(),
            matcher: "200".to_owned(),
            interval: number("Interval", "HealthCheckInterval"),
            timeout: number("Timeout", "HealthCheckTimeout"),
            healthy_threshold: number("HealthyThreshold", "HealthyThresholdCount"),
            unhealthy_threshold: number("UnhealthyThreshold", "UnhealthyThresholdCount"),
        },
        deregistration_delay: settings.number(options::PROCESS, "DeregistrationDelay"),
        // Its cookies are options of policies, which reach no target group.
        sticky: false,
        sticky_duration: 86_400,
    }
}

/// The path in a health check URL, before which a protocol and a port may stand (`HTTP:80/health`); none in `TCP:80`.
fn path_of(url: &str) -> &str {
    url.find('/').map_or("", |begin| &url[begin..])
}

/// After which time the load balancer of an environment closes idle connections. Those of other kinds have no option for it.
pub(super) fn idle_timeout(kind: BalancerKind, settings: &OptionSettings, timing: &Timing) -> Duration {
    let seconds = match kind {
        BalancerKind::Application => settings.effective(options::LOAD_BALANCER, "IdleTimeout"),
        BalancerKind::Classic => settings.effective(CLASSIC_POLICIES, "ConnectionSettingIdleTimeout"),
        BalancerKind::SingleInstance | BalancerKind::Network => None,
    };
    let seconds: Option<u64> = seconds.and_then(|seconds| seconds.parse().ok());
    seconds.map_or(timing.idle_timeout, |seconds| timing.idle(Duration::from_secs(seconds)))
}

/// How a plane treats instances, at the cloud's pace.
pub(super) fn at_pace(settings: GroupSettings, idle_timeout: Duration, timing: &Timing) -> BalancerSettings {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let GroupSettings {
        check,
        deregistration_delay,
        ..
    } = settings;
    BalancerSettings {
        health_check_path: check.path,
        matcher: check.matcher,
        health_check_interval: timing.scale(seconds(check.interval)),
        health_check_timeout: timing.limit(seconds(check.timeout), timing.least_health_check_timeout),
        healthy_threshold: check.healthy_threshold,
        unhealthy_threshold: check.unhealthy_threshold,
        deregistration_delay: timing.limit(seconds(deregistration_delay), timing.least_deregistration_delay),
        idle_timeout,
    }
}

/// Makes an environment's part of the load balancer that it shares, or notes the one that it has for itself.
pub(super) fn move_in(balancers: &mut Balancers, environment: &Environment, now: Timestamp) -> Result<(), AwsError> {
    let balancer = &environment.balancer;
    if balancer.kind != BalancerKind::Application {
        return Ok(());
    }
    let (load_balancer, target_group) = (
        LoadBalancerArn::new(&balancer.name),
        TargetGroupArn::new(&balancer.target_group),
    );
    let tenant = Tenant {
        id: &environment.id,
        name: environment.name.as_str(),
        cname: &environment.cname,
        load_balancer: &load_balancer,
        target_group: &target_group,
        settings: group_settings(&environment.settings),
    };
    if balancer.shared.is_some() {
        return balancers.admit(tenant, now);
    }
    balancers.add_own(tenant, &balancer.address, now);
    Ok(())
}

/// Removes it again.
pub(super) fn move_out(balancers: &mut Balancers, environment: &Environment, now: Timestamp) -> Result<(), AwsError> {
    let balancer = &environment.balancer;
    if balancer.kind != BalancerKind::Application || !balancer.made {
        return Ok(());
    }
    let group = TargetGroupArn::new(&balancer.target_group);
    if let Some(load_balancer) = &balancer.shared {
        return balancers.evict(&environment.id, load_balancer, &group, now);
    }
    balancers.remove_own(&environment.id, &group);
    Ok(())
}

/// Tells CloudWatch what was seen of an environment behind an Application Load Balancer, its own or a shared one.
pub(super) fn note(metrics: &mut Metrics, environment: &Environment, sample: &EnvironmentSample, now: Timestamp) {
    let balancer = &environment.balancer;
    if balancer.kind == BalancerKind::Application
        && let Some(group) = balancer.group_arn()
    {
        metrics.note(&LoadBalancerArn::new(&balancer.name), &group, sample, now);
    }
}

/// The instances of an environment, as targets.
fn targets_of(environment: &Environment) -> Vec<Target> {
    let sample = environment.watch.sample.iter();
    sample
        .flat_map(|sample| &sample.instances)
        .map(|instance| Target {
            id: instance.id.clone(),
            state: match &instance.state {
                InstanceState::Starting => TargetState::Initial,
                InstanceState::InService => TargetState::Healthy,
                InstanceState::Unhealthy(why) => TargetState::Unhealthy(why.check),
                InstanceState::Failed(_) => TargetState::Unhealthy(FailedCheck::Broken),
                InstanceState::Draining => TargetState::Draining,
            },
        })
        .collect()
}

impl Balancer {
    /// The target group of an environment that has one and whose resources are there.
    pub(super) fn group_arn(&self) -> Option<TargetGroupArn> {
        (self.made && self.has_target_group()).then(|| TargetGroupArn::new(&self.target_group))
    }

    /// The target group behind a load balancer that others share.
    pub(super) fn shared_group(&self) -> Option<TargetGroupArn> {
        self.shared.as_ref().map(|_| TargetGroupArn::new(&self.target_group))
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::options::OptionName;
    use super::*;

    const URL: (&str, &str) = (APPLICATION, "Application Healthcheck URL");
    const PATH: (&str, &str) = (options::PROCESS, "HealthCheckPath");

    fn settings(values: &[((&str, &str), &str)]) -> OptionSettings {
        let mut settings = OptionSettings::default();
        for ((namespace, name), value) in values {
            settings.set(OptionName::new(namespace, name), *value);
        }
        settings
    }

    #[test]
    fn a_classic_load_balancer_connects_unless_it_is_given_a_path() {
        let path = |kind, values: &[((&str, &str), &str)]| own_settings(kind, &settings(values)).check.path;
        for (values, wanted) in [
            (&[][..], ""),
            (&[(URL, "/")], "/"),
            (&[(URL, "/health?deep=1")], "/health?deep=1"),
            (&[(URL, "HTTP:80/health")], "/health"),
            (&[(URL, "TCP:80")], ""),
            (&[(PATH, "/up")], "/up"),
            (&[(URL, "/health"), (PATH, "/up")], "/health"),
            (&[(URL, "TCP:80"), (PATH, "/up")], ""),
        ] {
            assert_eq!(path(BalancerKind::Classic, values), wanted, "{values:?}");
        }
        for kind in [
            BalancerKind::SingleInstance,
            BalancerKind::Application,
            BalancerKind::Network,
        ] {
            assert_eq!(path(kind, &[(URL, "/health")]), "/", "{kind:?}");
        }
    }

    #[test]
    fn a_classic_load_balancer_checks_as_its_own_options_say() {
        let numbers = |values: &[((&str, &str), &str)]| {
            let check = own_settings(BalancerKind::Classic, &settings(values)).check;
            assert_eq!(check.matcher, "200");
            let HealthCheck { interval, timeout, .. } = check;
            (interval, timeout, check.healthy_threshold, check.unhealthy_threshold)
        };
        assert_eq!(numbers(&[]), (10, 5, 3, 5));
        let own = [
            ((CLASSIC_CHECK, "Interval"), "30"),
            ((CLASSIC_CHECK, "Timeout"), "9"),
            ((CLASSIC_CHECK, "HealthyThreshold"), "2"),
            ((CLASSIC_CHECK, "UnhealthyThreshold"), "4"),
        ];
        assert_eq!(numbers(&own), (30, 9, 2, 4));
        let of_process = ((options::PROCESS, "HealthCheckInterval"), "60");
        assert_eq!(numbers(&[of_process, own[1]]), (60, 9, 3, 5));
        assert_eq!(numbers(&[of_process, own[0]]), (30, 5, 3, 5));
    }

    #[test]
    fn connections_are_idle_for_as_long_as_the_environment_s_options_say() {
        let application = (options::LOAD_BALANCER, "IdleTimeout");
        let classic = (CLASSIC_POLICIES, "ConnectionSettingIdleTimeout");
        let idle = |kind, values: &[((&str, &str), &str)], pace| {
            let timing = Timing::scaled(pace);
            idle_timeout(kind, &settings(values), &timing).as_secs()
        };
        for (kind, own, foreign) in [
            (BalancerKind::Application, application, classic),
            (BalancerKind::Classic, classic, application),
        ] {
            assert_eq!(idle(kind, &[], 1.0), 60, "{kind:?}");
            assert_eq!(idle(kind, &[(foreign, "600")], 1.0), 60, "{kind:?}");
            assert_eq!(idle(kind, &[(own, "600")], 1.0), 600, "{kind:?}");
            assert_eq!(idle(kind, &[(own, "600")], 20.0), 30, "{kind:?}");
            assert_eq!(idle(kind, &[(own, "600")], 200.0), 10, "clients think in real time");
        }
        assert_eq!(idle(BalancerKind::Network, &[(application, "600")], 1.0), 60);
    }
}
