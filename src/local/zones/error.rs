//! What Route 53 answers when it does not do what it is asked.

use crate::local::shapes::NotTaken;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The request is not as it should be.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    /// The request does not fit the service's model.
    pub(super) fn not_taken(why: NotTaken) -> Self {
        match why {
            NotTaken::Root(message) => Self::new(400, "MalformedInput", message),
            NotTaken::Content(message) => Self::input(message),
        }
    }

    /// Something that Route 53 has and the local cloud has not.
    pub(super) fn absent(what: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("The local cloud does not implement {what} of Route 53."),
        )
    }

    /// Changes that cannot be made; none of them was.
    pub(super) fn batch(messages: &[String]) -> Self {
        Self::new(400, "InvalidChangeBatch", format!("[{}]", messages.join(", ")))
    }

    pub(super) fn no_zone(id: &str) -> Self {
        Self::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
    }

    pub(super) fn no_change(id: &str) -> Self {
        Self::new(404, "NoSuchChange", format!("Could not find resource with ID: {id}"))
    }

    pub(super) fn no_health_check(id: &str) -> Self {
        Self::new(
            404,
            "NoSuchHealthCheck",
            format!("No health check exists with the specified ID {id}"),
        )
    }

    pub(super) fn check_exists() -> Self {
        Self::new(
            409,
            "HealthCheckAlreadyExists",
            "The health check was made before with the same caller reference and other settings.",
        )
    }

    pub(super) fn not_a_name(error: &super::name::NotAName) -> Self {
        Self::new(400, "InvalidDomainName", error.to_string())
    }

    pub(super) fn zone_exists() -> Self {
        Self::new(
            409,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        )
    }

    pub(super) fn zone_in_use() -> Self {
        Self::new(
            400,
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        )
    }

    pub(super) fn throttled() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(super) fn not_implemented(method: &str, path: &str) -> Self {
        Self::absent(&format!("{method} {path}"))
    }
}
