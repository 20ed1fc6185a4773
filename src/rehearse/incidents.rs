//! Incidents: releases during which something happens that must not be taken for something else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::RehearseError;
use super::sample::Faults;
use super::stage::Stage;
use crate::compose::Project;
use crate::release::Outcome;
use crate::spec::Lever;

/// For how long what both versions depend on is down: several looks, and far less than a step takes.
const DOWN: Duration = Duration::from_secs(4);

/// For how long nobody can see how the environments are.
const UNSEEN: Duration = Duration::from_secs(8);

/// Requests per second where there are few.
pub(super) const FEW: f64 = 0.2;

/// How much later the slower version answers.
const LATER: Duration = Duration::from_millis(60);

/// Something that happens during a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incident {
    /// The new version answers rightly, and late.
    Slower,
    /// The database that both versions use is down for a while.
    Shared,
    /// One of green's instances falls sick, and the others do not.
    Sick,
    /// Nobody can see for a while how the environments are.
    Unseen,
    /// There are so few users that they show nothing.
    Quiet,
}

impl Incident {
    /// Those that a lever can be tried with: what both versions have in common can only be known while both have traffic.
    pub(super) fn of(lever: Lever) -> Vec<Self> {
        let all = [Self::Slower, Self::Shared, Self::Sick, Self::Unseen, Self::Quiet];
        all.into_iter()
            .filter(|incident| lever.is_gradual() || *incident != Self::Shared)
            .collect()
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Slower => "2",
            Self::Shared => "3",
            Self::Sick => "4",
            Self::Unseen => "5",
            Self::Quiet => "6",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Slower => "releasing version 2, which answers rightly, and 60 ms later",
            Self::Shared => "releasing version 3, which is good; meanwhile the database is down, for both versions",
            Self::Sick => "releasing version 4, which is good, and falls sick on one of its instances",
            Self::Unseen => {
                "releasing version 5, which is good; meanwhile the health of the environments cannot be read"
            }
            Self::Quiet => "releasing version 6, which is good, while there is a user every five seconds",
        }
    }

    /// How the release must end.
    pub(super) fn wanted(self) -> Outcome {
        match self {
            Self::Slower => Outcome::RolledBack,
            Self::Shared | Self::Sick | Self::Unseen | Self::Quiet => Outcome::Promoted,
        }
    }

    /// What is wrong with its version.
    pub(super) fn faults(self, folder: &Path) -> Faults {
        Faults {
            later_ms: match self {
                Self::Slower => u64::try_from(LATER.as_millis()).unwrap_or_default(),
                _ => 0,
            },
            sick_instance: (self == Self::Sick).then(|| folder.join("an-instance-is-sick")),
            ..live(folder)
        }
    }

    /// Whether users' requests fail although the release ends well.
    pub(super) fn hurts(self) -> bool {
        matches!(self, Self::Shared | Self::Sick)
    }

    /// Lets it happen, and be over.
    pub(super) async fn happen(self, stage: &Stage, project: &Project) -> Result<(), RehearseError> {
        match self {
            // They are what the version or its users are.
            Self::Slower | Self::Sick | Self::Quiet => {}
            Self::Shared => {
                let mark = mark(&stage.folder);
                let failed = |source| RehearseError::Folder {
                    path: mark.clone(),
                    source,
                };
                std::fs::write(&mark, "").map_err(failed)?;
                tokio::time::sleep(DOWN).await;
                std::fs::remove_file(&mark).map_err(failed)?;
            }
            Self::Unseen => {
                stage.blind(project)?;
                tokio::time::sleep(UNSEEN).await;
                stage.restrict(project)?;
            }
        }
        Ok(())
    }
}

/// What the live version has in common with all others: the database.
pub(super) fn live(folder: &Path) -> Faults {
    Faults {
        database_down: Some(mark(folder)),
        ..Faults::default()
    }
}

/// The file that is there as long as the database is down.
fn mark(folder: &Path) -> PathBuf {
    folder.join("database-is-down")
}
