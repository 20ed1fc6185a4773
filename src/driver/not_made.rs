//! Calls that were not made, or were refused: what the journal says of them.

use crate::aws::CallError;
use crate::release::CallResult;

/// Another try would end like this one.
pub(super) fn refused(message: impl Into<String>) -> CallResult {
    CallResult::Refused {
        message: message.into(),
        retryable: false,
    }
}

/// Another try may do better.
pub(super) fn not_now(message: impl Into<String>) -> CallResult {
    CallResult::Refused {
        message: message.into(),
        retryable: true,
    }
}

/// A read that failed says nothing, so the call is not made.
pub(super) fn unread(error: CallError) -> CallResult {
    not_now(format!("not made, because a read before it failed: {error}"))
}
