//! Failures that may be a sick instance's, where nobody tells which ones are.

use serde::{Deserialize, Serialize};

use crate::verdict::window::{Instance, Window};

/// For how long after an instance was found sick, in seconds. By then it was replaced, or nobody replaces it: then users meet it, and
/// green is judged as it is.
const LONGEST_S: f64 = 600.0;

/// How late a source may be, in seconds: CloudWatch tells of a minute up to two minutes after it.
const LATE_S: f64 = 120.0;

/// What is known of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Excused {
    until_s: Option<f64>,
    seen_s: Option<f64>,
}

impl Excused {
    /// Whether green's failures in a window say nothing of the version. `is_new` is whether an instance was found sick in it, and `present`
    /// whether one is there.
    pub(super) fn takes(&mut self, window: &Window, begin_s: f64, is_new: bool, present: bool) -> bool {
        if is_new {
            self.until_s = Some(window.end_s + LONGEST_S);
        }
        if present {
            self.seen_s = Some(window.end_s);
        }
        let told = window
            .green
            .instances
            .iter()
            .any(|one: &Instance| one.errors().is_some());
        let lately = self.seen_s.is_some_and(|seen_s| begin_s <= seen_s + LATE_S);
        !told && lately && self.until_s.is_some_and(|until_s| window.end_s <= until_s)
    }
}
