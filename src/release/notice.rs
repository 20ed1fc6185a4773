//! What is told of a release while it goes on: entries as they are written, and waits.

use super::event::Entry;
use super::plan::Plan;
use super::preflight::Findings;
use super::state::Release;
use super::why::Why;
use crate::model::Timestamp;

/// One thing told.
#[derive(Debug)]
pub enum Notice<'a> {
    /// Another release of the slot is under way, and its end is waited for.
    Ahead {
        /// That release.
        release: &'a Release,
        /// Why nobody drives it any more; `None` if somebody does, as far as can be told.
        free: Option<&'a str>,
        /// Until when it is waited for. Then the newer one is refused.
        until: Timestamp,
    },
    /// Nothing is in the way of a release, and this is what it is going to do.
    Plan {
        /// Its plan. If somebody else is faster, it has a higher number in the end.
        plan: &'a Plan,
        /// What preflight found.
        found: &'a Findings,
    },
    /// An entry was written, or another's was read.
    Entry {
        /// The entry.
        entry: &'a Entry,
        /// The release with it.
        release: &'a Release,
    },
    /// The driver waits.
    Waiting {
        /// The release.
        release: &'a Release,
        /// For what.
        why: &'a Why,
        /// The time it is.
        now: Timestamp,
        /// When the wait ends whatever is seen.
        deadline: Timestamp,
        /// What happens then.
        at_deadline: &'static str,
    },
    /// A transfer goes on.
    Progress {
        /// Bytes that are through.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Something that the person who watches should know.
    Remark {
        /// What.
        message: &'a str,
    },
    /// Something goes wrong that may pass.
    Trouble {
        /// What.
        message: &'a str,
    },
}

/// Listens to a driver.
pub trait Listener: Send + Sync {
    /// Is told something. Must not take long.
    fn notice(&self, notice: Notice<'_>);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn notice(&self, _: Notice<'_>) {}
}
