//! What one HTTP check saw.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Span;

/// What one HTTP check saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// The check's title.
    pub check: String,
    /// Whether everything that was expected held.
    pub passed: bool,
    /// Status code of the answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Time to the end of the answer, or to the failure.
    pub latency: Span,
    /// The address that was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Why the check failed, in words for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether it failed on the way: the name could not be looked up, or no way led to any of its addresses. Whoever refuses or
    /// closes a connection, or takes it and says nothing, was reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreached: bool,
}

/// So many failing checks are told in full.
const TOLD: usize = 3;

/// Which checks failed and why, in one sentence.
#[must_use]
pub fn faults(failures: &[ProbeResult]) -> Option<String> {
    let mut told: Vec<_> = failures.iter().take(TOLD).map(ProbeResult::fault).collect();
    match failures.len().saturating_sub(TOLD) {
        0 => {}
        more => told.push(format!("and {more} more")),
    }
    (!told.is_empty()).then(|| told.join("; "))
}

impl ProbeResult {
    /// Which check it was and why it failed, in one sentence.
    #[must_use]
    pub fn fault(&self) -> String {
        format!("{}: {}", self.check, self.failure.as_deref().unwrap_or("failed"))
    }
}
