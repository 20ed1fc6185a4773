//! The parts of a cloud that its memory looks through as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::automation::AutomationService;
use super::backstage::Backstage;
use super::memory::{Look, Notes, Subject};

/// Under which the region and the account are kept.
pub(super) const PLACE: &str = "cloud";

/// Where a cloud pretends to be: region and account.
pub(super) struct Place(pub(super) String, pub(super) String);

impl Subject for Place {
    fn revision(&self) -> u64 {
        0
    }

    fn look(&self, _whole: bool) -> Look {
        let mut notes = Notes::default();
        notes.put(PLACE, &(&self.0, &self.1));
        Look { revision: 0, notes }
    }
}

/// The account.
pub(super) struct OfAccount {
    backstage: Arc<Backstage>,
    /// Events that were written down.
    events: AtomicU64,
}

impl OfAccount {
    pub(super) fn new(backstage: Arc<Backstage>) -> Self {
        Self {
            backstage,
            events: AtomicU64::new(0),
        }
    }
}

impl Subject for OfAccount {
    fn revision(&self) -> u64 {
        self.backstage.account().changes()
    }

    fn look(&self, whole: bool) -> Look {
        let account = self.backstage.account();
        let known = self.events.swap(account.events_said(), Ordering::Relaxed);
        let mut notes = Notes::default();
        account.remember(if whole { 0 } else { known }, &mut notes);
        Look {
            revision: account.changes(),
            notes,
        }
    }
}

/// Route 53.
pub(super) struct OfZones(pub(super) Arc<Backstage>);

impl Subject for OfZones {
    fn revision(&self) -> u64 {
        self.0.zones().changes()
    }

    fn look(&self, _whole: bool) -> Look {
        let zones = self.0.zones();
        let mut notes = Notes::default();
        zones.remember(&mut notes);
        Look {
            revision: zones.changes(),
            notes,
        }
    }
}

/// Lambda, CodePipeline and EventBridge Scheduler.
pub(super) struct OfAutomation(pub(super) Arc<AutomationService>);

impl Subject for OfAutomation {
    fn revision(&self) -> u64 {
        self.0.with(|automation| automation.changes())
    }

    fn look(&self, _whole: bool) -> Look {
        self.0.with(|automation| {
            let mut notes = Notes::default();
            automation.remember(&mut notes);
            Look {
                revision: automation.changes(),
                notes,
            }
        })
    }
}
