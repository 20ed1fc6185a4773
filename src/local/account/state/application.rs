//! Applications, their versions and their templates.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{OptionSettings, Platform};
use crate::local::storage::kept_file;
use crate::model::{Timestamp, VersionLabel};

/// Tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// An application.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Application {
    /// Free text.
    pub(crate) description: Option<String>,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// When it was changed last.
    pub(crate) updated: Timestamp,
    /// Its versions, oldest first. Each is kept by itself.
    #[serde(skip)]
    pub(crate) versions: Vec<ApplicationVersion>,
    /// Its templates.
    pub(crate) templates: BTreeMap<String, Template>,
    /// Its tags.
    pub(crate) tags: Tags,
    /// The request that deletes it, which waits for its environments.
    pub(crate) deleted_by: Option<String>,
}

impl Application {
    /// A new one.
    pub(crate) fn new(description: Option<String>, tags: Tags, now: Timestamp) -> Self {
        Self {
            description,
            created: now,
            updated: now,
            versions: Vec::new(),
            templates: BTreeMap::new(),
            tags,
            deleted_by: None,
        }
    }

    /// A version.
    pub(crate) fn version(&self, label: &str) -> Option<&ApplicationVersion> {
        self.versions.iter().find(|version| version.label.as_str() == label)
    }
}

/// How far a version is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum VersionStatus {
    /// Nobody asked to look into it.
    Unprocessed,
    /// It is being looked into.
    Processing {
        /// Until when.
        until: Timestamp,
        /// What will be found wrong, for a person.
        fault: Option<String>,
    },
    /// It is fine.
    Processed,
    /// It cannot be deployed.
    Failed,
}

impl VersionStatus {
    /// The text of the wire: in upper case, unlike in the service's model.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Unprocessed => "UNPROCESSED",
            Self::Processing { .. } => "PROCESSING",
            Self::Processed => "PROCESSED",
            Self::Failed => "FAILED",
        }
    }
}

/// An application version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ApplicationVersion {
    /// Its label.
    pub(crate) label: VersionLabel,
    /// Counts the account's versions, for pages.
    pub(crate) number: u64,
    /// Free text.
    pub(crate) description: Option<String>,
    /// Where its bundle is: bucket and key.
    pub(crate) bundle: Option<(String, String)>,
    /// The bundle as a file.
    #[serde(with = "kept_file::maybe")]
    pub(crate) file: Option<PathBuf>,
    /// How far it is.
    pub(crate) status: VersionStatus,
    /// The request that made it.
    pub(crate) request_id: String,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// When it was changed last.
    pub(crate) updated: Timestamp,
    /// Its tags.
    pub(crate) tags: Tags,
}

/// A configuration template.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Template {
    /// Free text.
    pub(crate) description: Option<String>,
    /// The platform its environments run on, unless that is left to them.
    pub(crate) platform: Option<Platform>,
    /// Its settings.
    pub(crate) settings: OptionSettings,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// Its tags.
    pub(crate) tags: Tags,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("platform", &self.platform)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
