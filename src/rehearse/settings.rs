//! Settings of a rehearsal, and the `cutover.toml` it releases with: the defaults of a real one, at the local cloud's pace.

use std::path::PathBuf;

use crate::model::{Share, Span};
use crate::spec::{Check, Lever, Spec, SpecError, StepSpec, Steps};

/// What to rehearse.
#[derive(Clone, Debug)]
pub struct RehearseSettings {
    /// The user's application, as a zip or a folder; `None` for the built-in sample.
    pub application: Option<PathBuf>,
    /// What moves the traffic.
    pub lever: Lever,
    /// Requests per second.
    pub rate: f64,
    /// How many times faster than AWS the local cloud works.
    pub pace: f64,
    /// Instead of a bad version, release the good one once more the careless way, and once in place, to see what that loses.
    pub compare: bool,
    /// Instead of releases, drills of each kind.
    pub drills: bool,
    /// Instead of a good and a bad version, releases during incidents; of the built-in sample.
    pub incidents: bool,
    /// The program to run as keeper and as sample application: this one.
    pub program: PathBuf,
}

/// The prefix of the rehearsed application's public name.
pub(super) const CNAME: &str = "rehearsal";

/// The name by which users ask, where it is not that of the environment; `example` is nobody's (RFC 2606).
pub(super) const NAME: &str = "www.rehearsal.example";

/// The hosted zone of that name.
pub(super) const ZONE: &str = "rehearsal.example";

/// The settings of the rehearsed releases.
///
/// # Errors
///
/// When the user's own `cutover.toml`, from which the smoke checks come, holds mistakes.
pub(super) fn spec(settings: &RehearseSettings, ttl: Span) -> Result<Spec, SpecError> {
    let mut spec = Spec::parse(
        "rehearsal",
        &format!("application = \"rehearsal\"\ncname = \"{CNAME}\"\n"),
    )?;
    spec.lever = settings.lever;
    if settings.lever.is_gradual() {
        spec.cname.clear();
        spec.public_url = Some(format!("http://{NAME}"));
    }
    let own = settings
        .application
        .as_ref()
        .map(|path| path.join("cutover.toml"))
        .filter(|path| path.is_file());
    if let Some(own) = own {
        let own = Spec::read(&own)?;
        spec.smoke.checks = own.smoke.checks;
        spec.bake.checks = own.bake.checks;
        spec.green.properties = own.green.properties;
    } else if settings.application.is_none() {
        spec.smoke.checks = ["/", "/health", "/api/orders"]
            .into_iter()
            .map(|path| Check {
                path: path.to_owned(),
                ..Check::default()
            })
            .collect();
        // A health check that keeps saying "ok" is what lets bad versions through; users ask for other pages.
        spec.bake.checks = vec![Check {
            path: "/health".to_owned(),
            ..Check::default()
        }];
    }
    let second = Span::from_secs;
    spec.provision.deadline = second(180);
    spec.provision.stable = second(1);
    spec.provision.interval = Span::from_millis(250);
    spec.provision.max_age = second(5);
    spec.smoke.interval = Span::from_millis(300);
    spec.smoke.deadline = second(30);
    spec.bake.duration = second(8);
    // Health is told of in windows of ten seconds of AWS's time. No look may miss one, and each takes a while.
    let between = std::time::Duration::from_secs(7).div_f64(settings.pace);
    spec.bake.interval = Span::from(between);
    spec.bake.fail = 2;
    spec.bake.recover = 3;
    spec.bake.deadline = second(60);
    if settings.lever.is_gradual() {
        let step = |percent, seconds| StepSpec {
            share: Share::percent(percent),
            bake: Some(second(seconds)),
            checks: Vec::new(),
        };
        spec.steps = Some(Steps::List(vec![step(5, 8), step(25, 8), step(50, 8)]));
    }
    spec.drill.bake = second(8);
    spec.drain.dns_ttl = ttl;
    spec.drain.factor = 2;
    spec.drain.quiet = second(2);
    spec.drain.deadline = second(30);
    // With the silence before and the time that AWS gives requests under way after, longer than a download takes.
    spec.retire.warm = second(5);
    spec.rollback.keep_green = second(1);
    Ok(spec)
}
