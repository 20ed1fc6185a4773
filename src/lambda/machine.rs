//! The machine that a function runs on: a sandbox whose host name and process ids are those of every other sandbox.

use crate::driver::{Machine, ThisMachine};
use crate::release::Writer;

/// A sandbox of Lambda.
pub(super) struct Sandbox;

impl Machine for Sandbox {
    fn writer(&self) -> Writer {
        // No two sandboxes write to the same log stream (source: "Using environment variables", Lambda Developer Guide).
        let named = |variable: &str| std::env::var(variable).ok();
        let own = ThisMachine.writer();
        let function = named("AWS_LAMBDA_FUNCTION_NAME");
        let stream = named("AWS_LAMBDA_LOG_STREAM_NAME");
        match (function, stream) {
            (Some(function), Some(stream)) => Writer {
                host: format!("Lambda {function} {stream}"),
                // Nobody is logged in there.
                user: None,
                ..own
            },
            _ => own,
        }
    }

    /// What runs in other sandboxes cannot be seen from here: nobody is taken for dead because of that.
    fn runs(&self, _: u32) -> bool {
        true
    }
}
