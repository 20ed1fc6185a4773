//! What Lambda keeps when its cloud ends.

use std::path::Path;
use std::sync::Arc;

use super::Functions;
use super::function::{Deployed, Function};
use super::invoke::Invocation;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

/// How many deployments and runs there were.
const COUNTERS: &str = "functions";
const FUNCTIONS: &str = "function/";
const INVOCATIONS: &str = "invocation/";

impl Functions {
    /// Writes down all that is to be kept.
    pub(in super::super) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTERS, &(self.deployments, self.runs));
        for (name, function) in &self.functions {
            notes.put(format!("{FUNCTIONS}{name}"), function);
        }
        let under_way = self.running.values().filter_map(|running| running.invocation.as_ref());
        for invocation in self.waiting.iter().chain(under_way) {
            notes.put(format!("{INVOCATIONS}{}", invocation.request_id), invocation);
        }
    }

    /// Goes on with what was kept.
    pub(in super::super) fn recall(&mut self, kept: &Kept, files: &Path, now: Timestamp) -> Result<(), NotesError> {
        (self.deployments, self.runs) = kept.one(COUNTERS)?.unwrap_or_default();
        for (name, mut function) in kept.all::<Function>(FUNCTIONS)? {
            function.wanted = found(&function.wanted, files);
            function.serving = found(&function.serving, files);
            self.functions.insert(name, function);
        }
        for (_, mut invocation) in kept.all::<Invocation>(INVOCATIONS)? {
            invocation.wake(now);
            self.waiting.push(invocation);
        }
        Ok(())
    }

    pub(in super::super) fn files(&self) -> impl Iterator<Item = &Path> {
        let functions = self.functions.values();
        functions.flat_map(|function| [function.wanted.package.as_path(), function.serving.package.as_path()])
    }
}

fn found(deployed: &Deployed, files: &Path) -> Arc<Deployed> {
    let mut deployed = deployed.clone();
    deployed.package = files.join(&deployed.package);
    Arc::new(deployed)
}
