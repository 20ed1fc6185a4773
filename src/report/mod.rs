//! Events as people and machines read them: lines, a progress bar, JSON lines. Knows events, not the driver.

mod ahead;
mod backtest;
mod json;
mod line;
mod list;
mod live;
pub mod out;
mod outbox;
mod rounds;
mod summary;

use std::sync::Arc;

pub use backtest::backtest;
pub use json::JsonLines;
pub use line::{given_back, line};
pub use list::{HEADING, Listed, unreadable};
pub use live::{Bar, Plain};
pub use summary::{plan, status};

use crate::release::Listener;

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a person: a bar on a terminal, else plain lines.
    Human,
    /// One JSON object a line on the standard output.
    Json,
}

/// A reporter for this process's output.
#[must_use]
pub fn reporter(format: Format) -> Arc<dyn Listener> {
    use std::io::IsTerminal;
    match format {
        Format::Json => Arc::new(JsonLines::default()),
        Format::Human if std::io::stderr().is_terminal() => Arc::new(Bar::new()),
        Format::Human => Arc::new(Plain::default()),
    }
}
