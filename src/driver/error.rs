//! Why a driver cannot go on.

use super::Busy;
use crate::aws::CallError;
use crate::journal::JournalError;
use crate::release::{IllegalEvent, ReleaseId};

/// Why a driver cannot go on. The release is not lost: whoever runs `cutover resume` goes on where it stands.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another release of the slot is not over.
    #[error("{0}; {advice}", advice = .0.advice())]
    Busy(Box<Busy>),
    /// It could not be found out where the credentials lead.
    #[error(
        "could not find out which account the release would go on in: {source}; check AWS_PROFILE or the keys, and AWS_REGION"
    )]
    Account {
        /// What was wrong.
        source: CallError,
    },
    /// AWS does not answer just now, and this driver is not one to wait for that.
    #[error(
        "nobody drives release {id}, and AWS does not say which account it would go on in: {source}; try again when AWS answers"
    )]
    Unanswered {
        /// Which release.
        id: Box<ReleaseId>,
        /// What was wrong.
        source: CallError,
    },
    /// The credentials lead elsewhere than those that the release began with.
    #[error(
        "release {id} is about {wanted}, and these credentials and settings lead to {found}; \
         go on with it by the profile and region that it began with"
    )]
    Elsewhere {
        /// Which release.
        id: Box<ReleaseId>,
        /// Where it is.
        wanted: String,
        /// Where we are.
        found: String,
    },
    /// A decision could not be put on record: a fault of this program.
    #[error("release {id}: a decision could not be put on record, which is a fault of cutover: {source}")]
    Illegal {
        /// Which release.
        id: ReleaseId,
        /// What was wrong.
        source: Box<IllegalEvent>,
    },
}
