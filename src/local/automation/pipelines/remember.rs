//! What CodePipeline keeps when its cloud ends.

use super::Pipelines;
use super::job::Jobs;
use super::state::Pipeline;
use crate::local::memory::{Kept, Notes, NotesError};

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
    pub(in super::super) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        self.pipelines = kept.all::<Pipeline>(PIPELINES)?.into_iter().collect();
        self.jobs = kept.one::<Jobs>(JOBS)?.unwrap_or_default();
        Ok(())
    }
}
