//! What an account keeps when its cloud ends, and how it goes on with it.
//!
//! Not kept is what windows of health tell anew, and what CloudWatch has measured; its alarms are. Instances are others afterwards, so an
//! operation that waits for them begins to wait anew.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Account;
use super::state::{Application, ApplicationVersion, Environment, Event, Plan, Work};
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

/// Counters.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counters {
    ids: u64,
    made: u64,
    said: u64,
}

const COUNTERS: &str = "account";
const APPLICATIONS: &str = "application/";
const VERSIONS: &str = "version/";
const ENVIRONMENTS: &str = "environment/";
const EVENTS: &str = "event/";

impl Account {
    /// Grows whenever something may have changed that is remembered.
    pub(in crate::local) fn changes(&self) -> u64 {
        self.changes + self.course.revision() + self.events.said() + self.metrics.changes()
    }

    /// Events so far.
    pub(in crate::local) fn events_said(&self) -> u64 {
        self.events.said()
    }

    /// Writes down all that is to be kept, and the events that came after so many others.
    pub(in crate::local) fn remember(&self, events_after: u64, notes: &mut Notes) {
        let counters = Counters {
            ids: self.ids.made(),
            made: self.made,
            said: self.events.said(),
        };
        notes.put(COUNTERS, &counters);
        for (name, application) in &self.applications {
            notes.put(format!("{APPLICATIONS}{name}"), &(name, application));
            for version in &application.versions {
                notes.put(format!("{VERSIONS}{name}\0{}", version.label), &(name, version));
            }
        }
        for (id, environment) in &self.environments {
            notes.put(format!("{ENVIRONMENTS}{id}"), environment);
        }
        for event in self.events.after(events_after) {
            notes.add(format!("{EVENTS}{:012}", event.number), event);
        }
        self.balancers.remember(notes);
        self.identities.remember(notes);
        self.metrics.remember(notes);
    }

    /// Goes on with what was kept. `files` is the folder of the object store's files.
    pub(in crate::local) fn recall(&mut self, kept: &Kept, files: &Path, now: Timestamp) -> Result<(), NotesError> {
        let counters: Counters = kept.one(COUNTERS)?.unwrap_or_default();
        self.ids.go_on_after(counters.ids);
        self.made = counters.made;
        for (_, (name, application)) in kept.all::<(String, Application)>(APPLICATIONS)? {
            self.applications.insert(name, application);
        }
        for (_, (owner, mut version)) in kept.all::<(String, ApplicationVersion)>(VERSIONS)? {
            version.file = version.file.map(|name| files.join(name));
            if let Some(application) = self.applications.get_mut(&owner) {
                application.versions.push(version);
            }
        }
        for application in self.applications.values_mut() {
            application.versions.sort_by_key(|version| version.number);
        }
        for (_, mut environment) in kept.all::<Environment>(ENVIRONMENTS)? {
            environment.expected.find_bundle(files);
            environment.wanted.find_bundle(files);
            environment.wait_anew(now);
            // Whatever was to go went with the cloud.
            environment.dismissed.clear();
            self.environments.insert(environment.id.clone(), environment);
        }
        let events = kept.all::<Event>(EVENTS)?.into_iter().map(|(_, event)| event);
        self.events.go_on_after(events, counters.said);
        self.balancers.recall(kept)?;
        self.identities.recall(kept)?;
        self.metrics.recall(kept, now)?;
        self.course.changed();
        Ok(())
    }

    /// Names of the object store's files that somebody may still want.
    pub(in crate::local) fn files(&self) -> impl Iterator<Item = &Path> {
        let versions = self.applications.values().flat_map(|application| &application.versions);
        let plans = self
            .environments
            .values()
            .flat_map(|environment| [&environment.expected, &environment.wanted]);
        let of_versions = versions.filter_map(|version| version.file.as_deref());
        of_versions.chain(plans.filter_map(|plan| plan.deployment.bundle.as_deref()))
    }
}

impl Plan {
    fn find_bundle(&mut self, files: &Path) {
        let bundle = self.deployment.bundle.take();
        self.deployment.bundle = bundle.map(|name| files.join(name));
    }
}

impl Environment {
    /// Its instances are started again. Whatever waits for them is given its time from now on.
    fn wait_anew(&mut self, now: Timestamp) {
        if matches!(self.work, Some(Work::Launch | Work::Update(_) | Work::Abort)) {
            self.work_since = self.work_since.max(now);
            self.deployed_at = self.deployed_at.max(now);
        }
    }
}

#[cfg(test)]
mod tests;
