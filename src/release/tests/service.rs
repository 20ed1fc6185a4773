//! Calls to the model world: what the driver checks right before, what becomes of the call on its way, and what the service
//! makes of it.

use std::time::Duration;

use super::faults::Fate;
use super::plan::SLOT;
use super::world::{BLUE, Effect, Environment, World, seconds};
use crate::model::{EnvironmentId, EnvironmentName};
use crate::release::{Action, CallResult, EnvironmentSeen, EnvironmentStatus, Limits, Release, Role};

fn accepted() -> CallResult {
    CallResult::Accepted { detail: None }
}

pub(super) fn not_now(message: &str) -> CallResult {
    CallResult::Refused {
        message: message.to_owned(),
        retryable: true,
    }
}

pub(super) fn refused(message: &str) -> CallResult {
    CallResult::Refused {
        message: message.to_owned(),
        retryable: false,
    }
}

fn unknown() -> CallResult {
    CallResult::Unknown {
        message: "no answer".to_owned(),
    }
}

impl World {
    /// Makes a call as the driver does.
    pub(super) fn perform(&mut self, release: &Release, intent: u64, action: &Action) -> CallResult {
        if let Err(not_made) = self.fit(release, action) {
            self.held_back += 1;
            self.pass(Duration::from_millis(200));
            return not_made;
        }
        match self.faults.fate(action, &mut self.random) {
            Fate::Fine => {
                let result = self.arrive(release, intent, action);
                self.pass(Duration::from_millis(300));
                result
            }
            Fate::LostBefore => {
                self.pass(seconds(20));
                unknown()
            }
            Fate::AppliedThenLost => {
                let _ = self.arrive(release, intent, action);
                self.pass(seconds(1));
                unknown()
            }
            Fate::Late(delay) => {
                self.later(
                    delay,
                    Effect::Arrives(Box::new(release.clone()), intent, action.clone()),
                );
                self.pass(seconds(1));
                unknown()
            }
            Fate::NotNow => {
                self.pass(Duration::from_millis(300));
                not_now("Rate exceeded")
            }
            Fate::Refused => {
                self.pass(Duration::from_millis(300));
                refused("AccessDenied: no")
            }
        }
    }

    /// The driver's look right before a dangerous call.
    fn fit(&mut self, release: &Release, action: &Action) -> Result<(), CallResult> {
        let find = |list: &[EnvironmentSeen], id: &EnvironmentId| list.iter().find(|one| one.id == *id).cloned();
        match action {
            Action::Swap { from, to, other_cname } => {
                let list = self.read_list();
                let (Some(from), Some(to)) = (find(&list, from), find(&list, to)) else {
                    return Err(not_now("not made: one is gone"));
                };
                if !from.holds(SLOT) || !to.holds(other_cname) || !from.ready() || !to.ready() {
                    return Err(not_now("not made: not as it was a moment ago"));
                }
                Ok(())
            }
            Action::Terminate { environment, role } => {
                let list = self.read_list();
                let Some(found) = find(&list, environment) else {
                    return Ok(());
                };
                let ours = match role {
                    Role::Blue => release.blue.as_ref().is_some_and(|blue| blue.id == *environment),
                    Role::Green => self.get(environment).is_none_or(|one| one.is_green),
                };
                let member = self.shares.as_ref().is_some_and(|shares| shares.names(&found.id));
                if found.holds(SLOT) && self.shares.is_none() || member || !ours {
                    return Err(refused("not made: it holds the slot, or is not ours"));
                }
                Ok(())
            }
            Action::Weigh { before, .. } => match self.split() {
                Some(split) if split.token == *before => Ok(()),
                _ => Err(not_now("not made: not as it was a moment ago")),
            },
            Action::RestoreCapacity {
                environment,
                min_instances,
                max_instances,
            } => {
                let wanted = Limits {
                    min_instances: *min_instances,
                    max_instances: *max_instances,
                };
                let found = self.get(environment);
                found.map_or(Ok(()), |one| {
                    release.fit_to_resize(environment, wanted, &one.capacity())
                })
            }
            _ => Ok(()),
        }
    }

    /// What the service does with a call that arrives.
    pub(super) fn arrive(&mut self, release: &Release, intent: u64, action: &Action) -> CallResult {
        let result = self.serve(release, intent, action);
        self.changed();
        result
    }

    fn serve(&mut self, release: &Release, intent: u64, action: &Action) -> CallResult {
        let from = self.seen_from();
        match action {
            Action::Upload { .. } => {
                if !self.swallows {
                    self.artifact.get_or_insert(from);
                }
                accepted()
            }
            Action::CreateVersion { .. } => {
                self.version.get_or_insert(from);
                accepted()
            }
            Action::SaveConfiguration { template, .. } => {
                if self.templates.contains_key(template) {
                    return not_now("Configuration Template already exists.");
                }
                self.templates.insert(template.clone(), from);
                accepted()
            }
            Action::CreateEnvironment {
                name,
                version,
                min_instances,
                max_instances,
                ..
            } => self.create(name, version.clone(), *min_instances, *max_instances),
            Action::Swap { from, to, other_cname } => self.swap(intent, from, to, other_cname),
            Action::Weigh { .. } => self.weigh(release, action),
            Action::RestoreCapacity {
                environment,
                min_instances,
                max_instances,
            } => {
                if min_instances > max_instances {
                    return refused("MinSize is larger than MaxSize");
                }
                if !self.ready(environment) {
                    return not_now("Must be Ready.");
                }
                self.resize(environment, *min_instances, *max_instances);
                accepted()
            }
            // None of its instances is ever sick by itself.
            Action::ReplaceInstance { .. } => refused("no managed instance found"),
            Action::SaveEvidence { .. } => {
                self.evidence = true;
                accepted()
            }
            Action::Terminate { environment, .. } => self.terminate(environment),
            Action::Prune { .. } => {
                self.pruned = true;
                accepted()
            }
        }
    }

    fn create(
        &mut self,
        name: &EnvironmentName,
        version: crate::model::VersionLabel,
        min_instances: u32,
        max_instances: u32,
    ) -> CallResult {
        if self.environments.iter().any(|one| one.name == *name) {
            return refused("Environment already exists.");
        }
        if min_instances > max_instances {
            return refused("MinSize is larger than MaxSize");
        }
        let id = EnvironmentId::from("e-green");
        self.environments.push(Environment {
            id: id.clone(),
            name: name.clone(),
            tag: self.plan.tag(),
            status: EnvironmentStatus::Launching,
            cname: None,
            endpoint: None,
            address: [10, 0, 0, 2],
            version,
            min_instances,
            max_instances,
            scheduled: None,
            running: min_instances,
            up_at: None,
            busy_until: self.now,
            is_green: true,
        });
        self.later(seconds(15), Effect::Named(id.clone()));
        self.later(self.launch, Effect::Launched(id));
        accepted()
    }

    fn swap(&mut self, intent: u64, from: &EnvironmentId, to: &EnvironmentId, other: &str) -> CallResult {
        if !self.ready(from) || !self.ready(to) {
            return not_now("Must be Ready.");
        }
        let holds = |world: &Self, id, cname| world.get(id).is_some_and(|one| one.cname.as_deref() == Some(cname));
        // Only somebody else can change the names between the look before the call and the call itself.
        if !self.disturbed && (!holds(self, from, SLOT) || !holds(self, to, other)) {
            self.wrongs
                .push(format!("swap {intent} arrived in another state than it was meant for"));
        }
        if self.swaps.contains(&intent) {
            self.wrongs.push(format!("swap {intent} arrived twice"));
        }
        self.swaps.push(intent);
        self.begin_swap(from, to);
        accepted()
    }

    fn terminate(&mut self, id: &EnvironmentId) -> CallResult {
        let Some(one) = self.get(id).cloned() else {
            return refused("No Environment found.");
        };
        if matches!(one.status, EnvironmentStatus::Launching | EnvironmentStatus::Updating) {
            return not_now("Must be Ready.");
        }
        // Nothing can keep somebody from giving it the name while the call is on its way.
        if self.served_at(self.now).contains(id) && !self.disturbed {
            self.wrongs
                .push(format!("{id} was removed while it held the slot's name"));
        }
        if one.id.as_str() != BLUE && !one.is_green {
            self.wrongs.push(format!("{id} was removed and is nobody's"));
        }
        let kept = self.plan.drain.at_deadline == crate::spec::AtDrainDeadline::Keep;
        if kept && self.requests(id, self.now) > 0 && !self.disturbed {
            self.wrongs.push(format!("{id} was removed while it had traffic"));
        }
        self.end(id);
        accepted()
    }
}
