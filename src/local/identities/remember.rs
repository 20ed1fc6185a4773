//! What IAM keeps when its cloud ends.

use super::{Identities, Profile, Role};
use crate::local::memory::{Kept, Notes, NotesError};

/// How many ids were made.
const COUNTER: &str = "identities";
const ROLES: &str = "role/";
const PROFILES: &str = "instance profile/";

impl Identities {
    /// Writes down all that is to be kept.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTER, &self.ids.made());
        for (name, role) in &self.roles {
            notes.put(format!("{ROLES}{name}"), role);
        }
        for (name, profile) in &self.profiles {
            notes.put(format!("{PROFILES}{name}"), profile);
        }
    }

    /// Goes on with what was kept.
    pub(in crate::local) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        self.ids.go_on_after(kept.one(COUNTER)?.unwrap_or_default());
        self.roles = kept.all::<Role>(ROLES)?.into_iter().collect();
        self.profiles = kept.all::<Profile>(PROFILES)?.into_iter().collect();
        Ok(())
    }
}
