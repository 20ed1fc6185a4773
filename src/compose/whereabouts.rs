//! Where a release is: all that is needed of the settings to go on with one whose plan has everything else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Project;
use crate::aws::Aws;
use crate::journal::{DirectoryJournal, Journal, S3Journal};
use crate::model::{ApplicationName, SlotName};
use crate::release::Slot;
use crate::spec::JournalPlace;

/// Where the releases of a slot are. Whoever keeps this finds a release again although the settings have changed since, or cannot be
/// read any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The application.
    pub application: ApplicationName,
    /// The slot within it.
    pub slot: SlotName,
    /// Where its journal is.
    pub journal: JournalPlace,
    /// The region, if it is not the one of whoever reads this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Whereabouts {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot {
            application: self.application.clone(),
            name: self.slot.clone(),
        }
    }

    /// Whether both lead to the same releases, for somebody in this region.
    #[must_use]
    pub fn agrees(&self, other: &Self, home: Option<&str>) -> bool {
        let region = |at: &Self| at.region.as_deref().or(home).map(str::to_owned);
        self.slot() == other.slot() && self.journal == other.journal && region(self) == region(other)
    }

    /// The journal, reached by these clients if it is on S3.
    #[must_use]
    pub fn open_journal(&self, aws: Aws) -> Arc<dyn Journal> {
        match &self.journal {
            JournalPlace::Directory(folder) => Arc::new(DirectoryJournal::new(folder)),
            JournalPlace::S3 { bucket, prefix } => Arc::new(S3Journal::new(aws, bucket, prefix)),
        }
    }
}

impl std::fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.slot(), self.journal)?;
        match &self.region {
            Some(region) => write!(f, " and region {region}"),
            None => Ok(()),
        }
    }
}

impl Project {
    /// Where its releases are.
    #[must_use]
    pub fn whereabouts(&self) -> Whereabouts {
        Whereabouts {
            application: self.spec.application.clone(),
            slot: self.spec.slot.clone(),
            journal: self.journal.clone(),
            region: self.spec.region.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::spec::Spec;

    #[test]
    fn what_is_kept_of_the_settings_leads_to_the_same_releases() {
        let text = "application = \"shop\"\ncname = \"shop\"\njournal = \"s3://state/journal\"\n";
        let of = |more: &str| {
            let spec = Spec::parse("cutover.toml", &format!("{text}{more}")).unwrap();
            Project::new(spec, PathBuf::new(), None).whereabouts()
        };
        let at = of("");
        let kept = serde_json::to_string(&at).unwrap();
        assert_eq!(
            kept,
            r#"{"application":"shop","slot":"production","journal":"s3://state/journal"}"#
        );
        assert_eq!(serde_json::from_str::<Whereabouts>(&kept).unwrap(), at);
        let home = Some("eu-central-1");
        let named = of("region = \"eu-central-1\"\n");
        assert!(at.agrees(&at, None) && at.agrees(&named, home));
        assert!(!at.agrees(&named, Some("us-east-1")) && !at.agrees(&of("slot = \"staging\"\n"), home));
        assert_eq!(
            named.to_string(),
            "shop/production in s3://state/journal and region eu-central-1"
        );
    }
}
