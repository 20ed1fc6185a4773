//! A sick instance of green among others that are well: it is replaced, and not blamed on the version.

use super::super::action::{Action, REPLACE};
use super::super::assessment;
use super::super::observation::Observation;
use super::super::state::Release;
use super::{Decision, act_patiently, limits};
use crate::model::{InstanceId, Timestamp};

/// Asks for a sick instance to be replaced, if there is one and the plan allows one more.
pub(super) fn sick(release: &Release, now: Timestamp) -> Option<Decision> {
    let instance = release.assessment.sick()?;
    let action = Action::ReplaceInstance {
        environment: release.green.as_ref()?.id.clone(),
        instance,
    };
    let attempts = release.attempts_of(&action.key());
    let open = !attempts.done && !attempts.fatal && attempts.failed < limits::ATTEMPTS;
    (open && count(release) < release.plan.bake.replace_instances).then(|| act_patiently(release, now, action))
}

/// Why what is seen of green as a whole may be the doing of one instance, if so: one is sick and may be replaced, or another one is
/// coming up in its place.
///
/// Nothing is excused once others are unwell as well.
pub(super) fn excuse(release: &Release, seen: &Observation) -> Option<String> {
    let replaced = replaced(release);
    let instances = match seen.green_health.known() {
        Some(health) => assessment::instances(health, false),
        None => Vec::new(),
    };
    let unwell_besides = |ids: &[&InstanceId]| {
        let unwell = instances.iter().filter(|instance| instance.healthy == Some(false));
        unwell
            .filter(|instance| !ids.iter().any(|id| id.as_str() == instance.id))
            .count()
    };
    let newest = replaced.iter().max_by_key(|(_, at)| *at);
    if let Some((instance, at)) = newest.filter(|(_, at)| seen.at < *at + limits::REPLACE) {
        let gone: Vec<&InstanceId> = replaced.iter().map(|(id, _)| id).collect();
        // One that is coming up may be unwell until it is up.
        return (unwell_besides(&gone) <= 1)
            .then(|| format!("its instance {instance} was replaced at {}", at.time_of_day()));
    }
    let may_be = count(release) < release.plan.bake.replace_instances;
    let Some(sick) = release.assessment.sick() else {
        let suspect = release.assessment.suspect(&instances).filter(|_| may_be)?;
        return Some(format!("of its instances only {suspect} is or was unwell"));
    };
    let attempts = release.attempts_of(&format!("{REPLACE} {sick}"));
    (may_be && !attempts.fatal && attempts.failed < limits::ATTEMPTS && unwell_besides(&[&sick]) == 0)
        .then(|| format!("its instance {sick} is sick, and the others are not"))
}

/// Instances that were replaced, and when.
fn replaced(release: &Release) -> Vec<(InstanceId, Timestamp)> {
    let done = release.attempts.iter().filter(|(_, attempts)| attempts.done);
    let of_instances = done.filter_map(|(key, attempts)| {
        let id = key.strip_prefix(REPLACE)?.trim_start();
        Some((InstanceId::new(id.to_owned()), attempts.last))
    });
    of_instances.collect()
}

fn count(release: &Release) -> u32 {
    u32::try_from(replaced(release).len()).unwrap_or(u32::MAX)
}
