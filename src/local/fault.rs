//! A refusal of a service that speaks JSON, before it has the form that its clients read.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status.
    pub status: u16,
    /// The code that clients look at.
    pub code: &'static str,
    /// A text for a person.
    pub message: String,
}
