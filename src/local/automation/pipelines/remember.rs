//! What CodePipeline keeps when its cloud ends.

use super::Pipelines;
use super::job::Jobs;
use super::state::Pipeline;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

const PIPELINES: &str = "pipeline/";
const JOBS: &str = "jobs";

impl Pipelines {
    /// Writes down all that is to be kept.
    pub(in super::super) fn remember(&self, notes: &mut Notes) {
        for (name, pipeline) in &self.pipelines {
            notes.put(format!("{PIPELINES}{name}"), pipeline);
        }
        notes.put(JOBS, &self.jobs);
    }

    /// Goes on with what was kept.
    pub(in super::super) fn recall(&mut self, kept: &Kept, now: Timestamp) -> Result<(), NotesError> {
        for (name, mut pipeline) in kept.all::<Pipeline>(PIPELINES)? {
            pipeline.next_poll = now;
            self.pipelines.insert(name, pipeline);
        }
        self.jobs = kept.one::<Jobs>(JOBS)?.unwrap_or_default();
        Ok(())
    }
}
