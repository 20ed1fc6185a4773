//! What Elastic Load Balancing keeps when its cloud ends.

use super::Balancers;
use super::group::TargetGroup;
use super::state::LoadBalancer;
use crate::local::memory::{Kept, Notes, NotesError};

/// How many ids were made, and load balancers and groups.
const COUNTERS: &str = "balancing";
const LOAD_BALANCERS: &str = "load balancer/";
const TARGET_GROUPS: &str = "target group/";

impl Balancers {
    /// Writes down all that is to be kept.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTERS, &(self.ids.made(), self.made));
        for load_balancer in &self.load_balancers {
            notes.put(format!("{LOAD_BALANCERS}{}", load_balancer.arn), load_balancer);
        }
        for group in &self.target_groups {
            notes.put(format!("{TARGET_GROUPS}{}", group.arn), group);
        }
    }

    /// Goes on with what was kept.
    pub(in crate::local) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        let (ids, made) = kept.one(COUNTERS)?.unwrap_or_default();
        self.ids.go_on_after(ids);
        self.made = made;
        let load_balancers = kept.all::<LoadBalancer>(LOAD_BALANCERS)?;
        self.load_balancers = load_balancers.into_iter().map(|(_, known)| known).collect();
        self.load_balancers.sort_by_key(|known| known.number);
        let groups = kept.all::<TargetGroup>(TARGET_GROUPS)?;
        self.target_groups = groups.into_iter().map(|(_, known)| known).collect();
        self.target_groups.sort_by_key(|known| known.number);
        Ok(())
    }
}
