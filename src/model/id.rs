//! Names and ids as types of their own, so that an environment's id is never taken for its name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a text as it stands; whether it is a valid one is for the service to say.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// Name of an Elastic Beanstalk application.
    ApplicationName
}
text_id! {
    /// Id of an Elastic Beanstalk environment (`e-` and ten characters): the only handle that a swap does not move and a
    /// successor of the same name does not share.
    EnvironmentId
}
text_id! {
    /// Name of an Elastic Beanstalk environment. Not an identity: terminated twins keep it for about an hour.
    EnvironmentName
}
text_id! {
    /// Id of an instance (`i-…`).
    InstanceId
}
text_id! {
    /// Name of a slot: one production entrance of an application.
    SlotName
}
text_id! {
    /// Label of an Elastic Beanstalk application version, unique within its application.
    VersionLabel
}

/// Number of a release within its slot, from 1, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ReleaseNumber(pub u32);

impl ReleaseNumber {
    /// The number of the release after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
