//! Drills: releases of the version that is live, whose purpose is to prove that going back works, and what they have shown.

mod history;
mod record;
mod run;
mod schedule;
#[cfg(test)]
mod tests;
mod text;

pub use history::{History, history, read};
pub use record::{DrillRecord, DrillResult};
pub use run::{Ran, crashes_now, run};
pub use schedule::{Schedule, schedule};
pub use text::{history as history_text, record as record_text};
