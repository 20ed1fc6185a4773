//! JSON lines: one object for each entry and each new wait, on the standard output.

use std::sync::Mutex;

use serde_json::json;

use super::ahead::{AT_DEADLINE, ahead};
use super::out::{left_out, write_line};
use super::outbox::Outbox;
use crate::release::{Listener, Notice};

/// Writes JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    last_wait: Mutex<String>,
    outbox: Outbox,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self {
            last_wait: Mutex::default(),
            outbox: Outbox::that_notes(left_out),
        }
    }
}

impl Listener for JsonLines {
    fn notice(&self, notice: Notice<'_>) {
        let value = match notice {
            Notice::Entry { entry, release } => json!({
                "at": entry.at,
                "release": entry.release.to_string(),
                "sequence": entry.sequence,
                "phase": release.phase,
                "event": entry.event,
            }),
            Notice::Waiting {
                release,
                why,
                deadline,
                at_deadline,
                ..
            } => {
                let text = why.to_string();
                if let Ok(mut last) = self.last_wait.lock() {
                    if *last == text {
                        return;
                    }
                    last.clone_from(&text);
                }
                json!({
                    "release": release.plan.id.to_string(),
                    "phase": release.phase,
                    "waiting": text,
                    "deadline": deadline,
                    "at_deadline": at_deadline,
                })
            }
            Notice::Ahead { release, free, until } => json!({
                "ahead": {
                    "release": release.plan.id.to_string(),
                    "phase": release.phase,
                    "phase_since": release.phase_since,
                    "driver": release.driver,
                    "driven": free.is_none(),
                },
                "waiting": ahead(release, free, until),
                "deadline": until,
                "at_deadline": AT_DEADLINE,
            }),
            Notice::Progress { .. } | Notice::Plan { .. } => return,
            Notice::Remark { message } => json!({ "note": message }),
            Notice::Trouble { message } => json!({ "trouble": message }),
        };
        self.outbox.post(move || write_line(value));
    }
}
