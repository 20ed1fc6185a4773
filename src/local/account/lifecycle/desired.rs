//! What the data plane is told of an environment.

use super::super::Timing;
use super::super::balancing::{at_pace, idle_timeout, own_settings};
use super::super::state::{Environment, Family, OptionSettings};
use crate::local::balancers::Balancers;
use crate::local::plane::{DesiredEnvironment, PythonRuntime, Runtime};

/// An environment as it should be behind the account.
pub(super) fn of(environment: &Environment, balancers: &Balancers, timing: &Timing) -> DesiredEnvironment {
    let settings = environment.wanted_settings();
    let kind = environment.balancer.kind;
    let target_group = environment.balancer.shared_group();
    // Somebody may have changed the group since.
    let of_group = target_group.as_ref().and_then(|group| balancers.settings_of(group));
    DesiredEnvironment {
        id: environment.id.clone(),
        name: environment.name.clone(),
        instances: environment.instances,
        dismissed: environment.dismissed.clone(),
        deployment: environment.wanted.deployment.clone(),
        launched: environment.of_new_instances().map(|plan| plan.deployment.clone()),
        runtime: runtime(environment.platform.family, settings),
        properties: settings.properties(),
        balancer: at_pace(
            of_group.unwrap_or_else(|| own_settings(kind, settings)),
            idle_timeout(kind, settings, timing),
            timing,
        ),
        target_group,
    }
}

/// What a platform brings, as far as the plane makes a difference.
fn runtime(family: &Family, settings: &OptionSettings) -> Runtime {
    const PYTHON: &str = "aws:elasticbeanstalk:container:python";
    let number = |name: &str, default: u32| {
        let value = settings.effective(PYTHON, name);
        value.and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    match (family.category, family.language()) {
        ("Python", Some((_, version))) => Runtime::Python(PythonRuntime {
            version: version.to_owned(),
            wsgi_path: settings
                .effective(PYTHON, "WSGIPath")
                .unwrap_or("application")
                .to_owned(),
            processes: number("NumProcesses", 1),
            threads: number("NumThreads", 15),
        }),
        ("Node.js", Some((_, version))) => Runtime::Node(version.to_owned()),
        _ => Runtime::Other,
    }
}
