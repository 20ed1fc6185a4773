//! Turning a name's records into the weighted form, or back: read, decide, change once, read again.
//!
//! The change is a compare and swap, so nothing is lost when its answer is: what was not carried out can be sent again, and what
//! was carried out shows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Project;
use crate::aws::{Aws, CallError, Effect};
use crate::journal::{Journal, JournalError, newest};
use crate::traffic::{Adoption, Change, NotAdopted, Target, adopt, fence_name, unadopt};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a simple record to a weighted one.
    Adopt,
    /// Back.
    Unadopt,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The name, with a dot at the end.
    pub name: String,
    /// Its hosted zone.
    pub zone: String,
    /// What was changed, or would be; nothing if the records were in that form already.
    pub changes: Vec<Change>,
    /// Whether all servers of Route 53 have heard of it.
    pub in_sync: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// There is no name to work on.
    #[error(
        "no name was given, and public_url in cutover.toml names no host of your own; say which: `cutover adopt www.example.com`"
    )]
    NoName,
    /// A release would be disturbed.
    #[error(
        "release {release} of the slot is not over; records are not changed under it: wait for its end, or take it back"
    )]
    Running {
        /// The release.
        release: String,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No zone.
    #[error("no public hosted zone of this account holds {name}; check the account, or say which with --zone")]
    NoZone {
        /// The name.
        name: String,
    },
    /// There is no live environment.
    #[error("no environment of {application} holds {cname}, so nobody can tell whether the name leads to the live one")]
    NoLive {
        /// The application.
        application: String,
        /// The slot's name.
        cname: String,
    },
    /// The records do not allow it.
    #[error(transparent)]
    Not(#[from] NotAdopted),
    /// AWS did not answer as it should.
    #[error("{doing}: {error}")]
    Call {
        /// What was being done.
        doing: String,
        /// What AWS said.
        error: CallError,
    },
    /// Somebody else changes the same records.
    #[error("somebody else keeps changing the records of {name}; nothing was changed ({said})")]
    Contended {
        /// The name.
        name: String,
        /// What AWS said.
        said: String,
    },
}

/// How often a change that was not carried out is tried.
const TRIES: u32 = 6;

/// How long to wait until all servers have heard of it. "Generally within 60 seconds" (source: `GetChange`).
const HEARD: Duration = Duration::from_secs(300);

/// Turns the records of a name into the weighted form or back. With `dry`, it is only said what would be changed.
///
/// # Errors
///
/// When it could not be done; the message says whether anything was changed.
pub async fn adoption(
    project: &Project,
    aws: &Aws,
    journal: &dyn Journal,
    which: (Direction, Option<&str>, Option<&str>),
    dry: bool,
) -> Result<Adopted, AdoptionError> {
    let (direction, name, zone) = which;
    let name = name
        .map(str::to_owned)
        .or_else(|| public_host(project))
        .ok_or(AdoptionError::NoName)?;
    let name = format!("{}.", name.trim_end_matches('.').to_ascii_lowercase());
    if let Some(release) = newest(journal, &project.slot()).await?
        && release.outcome.is_none()
    {
        return Err(AdoptionError::Running {
            release: release.plan.id.to_string(),
        });
    }
    let zone = match zone {
        Some(zone) => zone.to_owned(),
        None => aws
            .hosted_zone(&name)
            .await
            .map_err(|error| failed(format!("could not look for the hosted zone of {name}"), error))?
            .ok_or_else(|| AdoptionError::NoZone { name: name.clone() })?,
    };
    let work = Work {
        aws,
        target: match direction {
            Direction::Adopt => Some(live(project, aws).await?),
            Direction::Unadopt => None,
        },
        slot: project.slot().to_string(),
        name,
        zone,
    };
    work.run(dry).await
}

struct Work<'a> {
    aws: &'a Aws,
    /// Where the name must lead; `None` on the way back.
    target: Option<Target>,
    slot: String,
    name: String,
    zone: String,
}

impl Work<'_> {
    async fn run(self, dry: bool) -> Result<Adopted, AdoptionError> {
        let mut sent = Vec::new();
        let mut pause = Duration::from_secs(1);
        let mut said = String::new();
        for _ in 0..TRIES {
            let changes = match self.decide().await? {
                // After a change whose answer was lost, that it is there is all that is known.
                Adoption::Already => {
                    let in_sync = sent.is_empty();
                    return Ok(self.adopted(sent, in_sync));
                }
                Adoption::Changes(changes) => changes,
            };
            if dry {
                return Ok(self.adopted(changes, false));
            }
            let comment = format!("cutover: {}", self.slot);
            match self.aws.change_records(&self.zone, &changes, &comment).await {
                Ok(change) => {
                    let in_sync = self.heard(&change).await;
                    return Ok(self.adopted(changes, in_sync));
                }
                Err(error) if error.effect == Effect::Refused && !error.has_code("InvalidChangeBatch") => {
                    return Err(failed(
                        format!("could not change the records of {}, nothing was changed", self.name),
                        error,
                    ));
                }
                // Somebody was faster, AWS is busy, or nobody knows: the records say.
                Err(error) => said = error.to_string(),
            }
            sent = changes;
            sleep(pause).await;
            pause *= 2;
        }
        Err(AdoptionError::Contended { name: self.name, said })
    }

    async fn decide(&self) -> Result<Adoption, AdoptionError> {
        let doing = |name: &str| format!("could not read the records of {name} in the hosted zone {}", self.zone);
        let mut records = self
            .aws
            .records(&self.zone, &self.name)
            .await
            .map_err(|error| failed(doing(&self.name), error))?;
        let beside = fence_name(&self.name);
        let companion = self.aws.records(&self.zone, &beside).await;
        records.extend(companion.map_err(|error| failed(doing(&beside), error))?);
        Ok(match &self.target {
            Some(target) => adopt(&self.name, &records, target)?,
            None => unadopt(&self.name, &records, &self.slot)?,
        })
    }

    /// Waits until all servers have heard of a change. Whether they have; that nobody can say so now is no failure of the change.
    async fn heard(&self, change: &str) -> bool {
        let until = Instant::now() + HEARD;
        let mut pause = Duration::from_secs(2);
        while Instant::now() < until {
            sleep(pause).await;
            if self.aws.is_in_sync(change).await == Ok(true) {
                return true;
            }
            // Others have to share five requests a second.
            pause = (pause * 2).min(Duration::from_secs(15));
        }
        false
    }

    fn adopted(&self, changes: Vec<Change>, in_sync: bool) -> Adopted {
        Adopted {
            name: self.name.clone(),
            zone: self.zone.clone(),
            changes,
            in_sync,
        }
    }
}

/// The host by which users reach the slot, if it is not a name of Elastic Beanstalk's.
fn public_host(project: &Project) -> Option<String> {
    let url = url::Url::parse(project.spec.public_url.as_ref()?).ok()?;
    let host = url.domain()?.to_owned();
    (!host.ends_with(".elasticbeanstalk.com")).then_some(host)
}

/// The slot's live environment.
async fn live(project: &Project, aws: &Aws) -> Result<Target, AdoptionError> {
    let application = &project.spec.application;
    let doing = || format!("could not list the environments of {application}");
    let cname = project.spec.slot_cname(aws.region());
    let all = aws
        .environments(Some(application))
        .await
        .map_err(|error| failed(doing(), error))?;
    let found = all.into_iter().find(|environment| environment.holds(&cname));
    let found = found.ok_or_else(|| AdoptionError::NoLive {
        application: application.to_string(),
        cname: cname.clone(),
    })?;
    Ok(Target {
        slot: project.slot().to_string(),
        environment: found.name.to_string(),
        hosts: found.cname.into_iter().chain(found.endpoint).collect(),
    })
}

fn failed(doing: String, error: CallError) -> AdoptionError {
    AdoptionError::Call { doing, error }
}
