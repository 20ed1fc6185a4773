//! Turning a name's records into the weighted form, or back: read, decide, change once, read again.
//!
//! The change is a compare and swap, so nothing is lost when its answer is: what was not carried out can be sent again, and what
//! was carried out shows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Project;
use crate::aws::{Aws, CallError, Effect};
use crate::journal::{Journal, JournalError, newest};
use crate::model::region::without_domain;
use crate::release::EnvironmentSeen;
use crate::spec::{Lever, Spec};
use crate::traffic::{
    Adoption, Change, Content, Hosts, NotAdopted, Record, Routing, Target, adopt, fence_name, unadopt,
};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a simple record to a weighted one.
    Adopt,
    /// Back.
    Unadopt,
}

impl Direction {
    /// The command's name.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::Unadopt => "unadopt",
        }
    }
}

/// What is to be done.
pub struct Wanted<'a> {
    /// Which way.
    pub direction: Direction,
    /// The name; `None` for that of the settings.
    pub name: Option<&'a str>,
    /// The hosted zone's id; `None` to look for it.
    pub zone: Option<&'a str>,
    /// Only say what would be changed.
    pub dry: bool,
    /// Told what has been done while something is waited for.
    pub tell: &'a (dyn Fn(&str) + Sync),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The name, without a dot at the end.
    pub name: String,
    /// Its hosted zone.
    pub zone: String,
    /// What was changed, or would be; nothing if the records were in that form already.
    pub changes: Vec<Change>,
    /// Whether all servers of Route 53 have heard of it; `None` where that was not seen.
    pub in_sync: Option<bool>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// There is no name to work on.
    #[error(
        "no name was given, and cutover.toml has neither weighted_dns.name nor a public_url with a host of your own; say which: `cutover {command} www.example.com`"
    )]
    NoName {
        /// The command.
        command: &'static str,
    },
    /// The name is none.
    #[error(
        "{name:?} is no name that can have records of its own: it takes letters, digits, `-` and `_` between dots, as in www.example.com"
    )]
    BadName {
        /// What was given.
        name: String,
    },
    /// Nobody says where the environments are.
    #[error("no region is set; set AWS_REGION, or region in cutover.toml")]
    NoRegion,
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
    #[error(
        "no environment of {application} holds {cname}, so nobody can tell whether the name leads to the live one; check application, \
         cname and region in cutover.toml, and that the live environment is there"
    )]
    NoLive {
        /// The application.
        application: String,
        /// The slot's name.
        cname: String,
    },
    /// The name, which is to say who is live, leads nowhere.
    #[error(
        "{name} has no CNAME, A or AAAA record in the hosted zone {zone}; make one that leads to the live environment first"
    )]
    NoRecord {
        /// The name.
        name: String,
        /// The hosted zone.
        zone: String,
    },
    /// The name, which is to say who is live, leads elsewhere.
    #[error(
        "{name} leads to {target}, and that is no environment of {application}; let it lead to the live environment first, or check \
         application and region in cutover.toml"
    )]
    Elsewhere {
        /// The name.
        name: String,
        /// What its records say.
        target: String,
        /// The application.
        application: String,
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
    /// Route 53 takes no more requests for now.
    #[error("Route 53 did not take the change of {name} ({said}); nothing was changed: try again in a while")]
    Busy {
        /// The name.
        name: String,
        /// What AWS said.
        said: String,
    },
    /// Somebody else changes the same records.
    #[error(
        "somebody else keeps changing the records of {name} ({said}); nothing was changed by this command: find out who does, and run it \
         once more when they have done"
    )]
    Contended {
        /// The name.
        name: String,
        /// What AWS said.
        said: String,
    },
    /// A change was sent, and nobody knows what became of it.
    #[error(
        "a change of the records of {name} was sent and may have been made, all of it or nothing ({said}); run the command once more, it looks before it changes anything"
    )]
    InDoubt {
        /// The name.
        name: String,
        /// What went wrong.
        said: String,
    },
}

impl AdoptionError {
    /// Whether it is certain that nothing was changed, and why is known.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Call { error, .. } => error.effect == Effect::Refused,
            Self::Journal(_) | Self::Busy { .. } | Self::InDoubt { .. } => false,
            _ => true,
        }
    }
}

/// How often a change that was not carried out is tried.
const TRIES: u32 = 4;

/// How long to wait until all servers have heard of it. "Generally within 60 seconds" (source: `GetChange`).
const HEARD: Duration = Duration::from_secs(300);

/// Turns the records of a name into the weighted form or back.
///
/// # Errors
///
/// When it could not be done; the message says whether anything may have been changed.
pub async fn adoption(
    project: &Project,
    aws: &Aws,
    journal: &dyn Journal,
    wanted: &Wanted<'_>,
) -> Result<Adopted, AdoptionError> {
    let command = wanted.direction.command();
    let name = wanted.name.map(str::to_owned).or_else(|| settled(project));
    let name = absolute(&name.ok_or(AdoptionError::NoName { command })?)?;
    if aws.region().is_none() {
        return Err(AdoptionError::NoRegion);
    }
    if let Some(release) = newest(journal, &project.slot()).await?
        && release.outcome.is_none()
    {
        return Err(AdoptionError::Running {
            release: release.plan.id.to_string(),
        });
    }
    // The settings say where their own name is.
    let theirs = wanted.name.is_none() || is_own(project, aws.region(), &name);
    let own = project.spec.weighted_dns.zone.as_deref().filter(|_| theirs);
    let zone = match wanted.zone.or(own) {
        Some(zone) => zone.to_owned(),
        None => aws
            .hosted_zone(&name)
            .await
            .map_err(|error| failed(format!("could not look for the hosted zone of {}", bare(&name)), error))?
            .ok_or_else(|| AdoptionError::NoZone {
                name: bare(&name).to_owned(),
            })?,
    };
    let work = Work {
        aws,
        target: match wanted.direction {
            Direction::Adopt => Some(live(project, aws, &zone, &name).await?),
            Direction::Unadopt => None,
        },
        slot: project.slot().to_string(),
        name,
        zone,
    };
    work.run(wanted).await
}

struct Work<'a> {
    aws: &'a Aws,
    /// Where the name must lead; `None` on the way back.
    target: Option<Target>,
    slot: String,
    name: String,
    zone: String,
}

/// What is known of the changes that were sent so far.
#[derive(Default)]
struct Sent {
    /// One that may have been made.
    doubtful: Option<Vec<Change>>,
    /// One that did not fit the records any more.
    outdated: Option<Vec<Change>>,
    /// What was said last.
    said: String,
}

impl Work<'_> {
    async fn run(self, wanted: &Wanted<'_>) -> Result<Adopted, AdoptionError> {
        let mut sent = Sent::default();
        let mut pause = Duration::from_secs(1);
        for attempt in 0..=TRIES {
            if attempt > 0 {
                sleep(pause).await;
                pause *= 2;
            }
            let changes = match self.decide().await {
                // Whoever made it: that it is so is all that is known.
                Ok(Adoption::Already) => return Ok(self.adopted(sent.doubtful.unwrap_or_default(), None)),
                Ok(Adoption::Changes(changes)) => changes,
                Err(error) if sent.doubtful.is_none() => return Err(error),
                Err(error) => {
                    sent.said = error.to_string();
                    continue;
                }
            };
            if wanted.dry {
                return Ok(self.adopted(changes, None));
            }
            // The last look was only to see what has become of the last change.
            if attempt == TRIES {
                break;
            }
            let comment = format!("cutover: {}", self.slot);
            let error = match self.aws.change_records(&self.zone, &changes, &comment).await {
                Ok(change) => {
                    (wanted.tell)("the records are changed; waiting until all servers of Route 53 know it");
                    let in_sync = self.heard(&change).await;
                    return Ok(self.adopted(changes, in_sync));
                }
                Err(error) => error,
            };
            // A change that does not fit although nothing else has changed will never fit.
            let hopeless = sent.outdated.as_ref() == Some(&changes);
            match error.effect {
                Effect::Unknown => sent.doubtful = Some(changes),
                Effect::NotNow => {}
                Effect::Refused if error.has_code("InvalidChangeBatch") && !hopeless => sent.outdated = Some(changes),
                // What was sent before may still arrive; this refusal says nothing of it.
                Effect::Refused if sent.doubtful.is_some() => {}
                Effect::Refused => {
                    let doing = format!("could not change the records of {}", bare(&self.name));
                    return Err(failed(doing, error));
                }
            }
            sent.said = error.to_string();
        }
        let (name, said) = (bare(&self.name).to_owned(), sent.said);
        Err(match (sent.doubtful, sent.outdated) {
            (Some(_), _) => AdoptionError::InDoubt { name, said },
            (None, Some(_)) => AdoptionError::Contended { name, said },
            (None, None) => AdoptionError::Busy { name, said },
        })
    }

    async fn decide(&self) -> Result<Adoption, AdoptionError> {
        let read = |name: String| async move {
            let records = self.aws.records(&self.zone, &name).await;
            records.map_err(|error| {
                let doing = format!(
                    "could not read the records of {} in the hosted zone {}",
                    bare(&name),
                    self.zone
                );
                failed(doing, error)
            })
        };
        let mut records = read(self.name.clone()).await?;
        records.extend(read(fence_name(&self.name)).await?);
        Ok(match &self.target {
            Some(target) => adopt(&self.name, &records, target)?,
            None => unadopt(&self.name, &records, &self.slot)?,
        })
    }

    /// Waits until all servers have heard of a change. That nobody can say so now is no failure of the change.
    async fn heard(&self, change: &str) -> Option<bool> {
        let until = Instant::now() + HEARD;
        let mut pause = Duration::from_secs(1);
        loop {
            match self.aws.is_in_sync(change).await {
                Ok(true) => return Some(true),
                Err(error) if error.effect == Effect::Refused => return None,
                Ok(false) | Err(_) => {}
            }
            if Instant::now() > until {
                return Some(false);
            }
            sleep(pause).await;
            // Others have to share five requests a second.
            pause = (pause * 2).min(Duration::from_secs(15));
        }
    }

    fn adopted(&self, changes: Vec<Change>, in_sync: Option<bool>) -> Adopted {
        Adopted {
            name: bare(&self.name).to_owned(),
            zone: self.zone.clone(),
            changes,
            in_sync,
        }
    }
}

/// A name as Route 53 lists it, with a dot at the end.
fn absolute(name: &str) -> Result<String, AdoptionError> {
    let plain = bare(name).to_ascii_lowercase();
    let fits = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    if plain.len() > 240 || !plain.contains('.') || !plain.split('.').all(fits) {
        return Err(AdoptionError::BadName { name: name.to_owned() });
    }
    Ok(format!("{plain}."))
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether the slot's traffic comes by a name: that is the one whose hosted zone the settings may name.
fn is_own(project: &Project, region: Option<&str>, name: &str) -> bool {
    project.spec.traffic_name(region) == bare(name)
}

/// The name in the settings: the one that is to have weighted records, or the host by which users reach the slot, if that is not
/// a name of Elastic Beanstalk's.
fn settled(project: &Project) -> Option<String> {
    if let Some(name) = &project.spec.weighted_dns.name {
        return Some(name.clone());
    }
    let url = url::Url::parse(project.spec.public_url.as_ref()?).ok()?;
    let host = url.domain()?.to_owned();
    without_domain(&host).is_none().then_some(host)
}

/// The slot's live environment: the one that holds its CNAME where that moves the traffic, or else the one that the name leads to.
async fn live(project: &Project, aws: &Aws, zone: &str, name: &str) -> Result<Target, AdoptionError> {
    let application = &project.spec.application;
    let doing = || format!("could not list the environments of {application}");
    let mut all = aws
        .environments(Some(application))
        .await
        .map_err(|error| failed(doing(), error))?;
    let place = if by_name(&project.spec) {
        let doing = || format!("could not read the records of {}", bare(name));
        let records = aws.records(zone, name).await.map_err(|error| failed(doing(), error))?;
        led_to(&all, &records).ok_or_else(|| astray(name, zone, application.as_str(), &records))?
    } else {
        let cname = project.spec.slot_cname(aws.region());
        let place = all.iter().position(|environment| environment.holds(&cname));
        place.ok_or_else(|| AdoptionError::NoLive {
            application: application.to_string(),
            cname,
        })?
    };
    let found = all.swap_remove(place);
    let hosts = |seen: EnvironmentSeen| seen.cname.into_iter().chain(seen.endpoint);
    Ok(Target {
        slot: project.slot().to_string(),
        environment: found.name.to_string(),
        hosts: hosts(found).collect(),
        others: all.into_iter().flat_map(hosts).collect(),
    })
}

/// Whether records say who is live. A CNAME in the settings does so only as long as it is what moves the traffic: releases by weights
/// leave it where it was.
fn by_name(spec: &Spec) -> bool {
    spec.lever != Lever::CnameSwap || spec.cname.is_empty()
}

/// The place of the environment that these records lead to: of several the one with the greatest weight.
fn led_to(environments: &[EnvironmentSeen], records: &[Record]) -> Option<usize> {
    let weight = |environment: &EnvironmentSeen| {
        let hosts = Hosts::from(environment);
        let leading = records.iter().filter(|record| hosts.are_met_by(record));
        leading
            .map(|record| match &record.routing {
                Routing::Weighted { weight, .. } => u32::from(*weight),
                // It has all the traffic of its kind.
                Routing::Simple | Routing::Other { .. } => u32::from(u8::MAX),
            })
            .max()
    };
    let weights = environments.iter().enumerate();
    weights
        .filter_map(|(place, environment)| Some((weight(environment)?, std::cmp::Reverse(place))))
        .max()
        .map(|(_, std::cmp::Reverse(place))| place)
}

/// Why these records of a name say of no environment that it is live.
fn astray(name: &str, zone: &str, application: &str, records: &[Record]) -> AdoptionError {
    let mut targets: Vec<_> = records
        .iter()
        .filter(|record| ["CNAME", "A", "AAAA"].contains(&record.kind.as_str()))
        .map(|record| match (record.target(), &record.content) {
            (None, Content::Values { values, .. }) => values.join(", "),
            (target, _) => target.unwrap_or_default().to_owned(),
        })
        .collect();
    targets.dedup();
    let name = bare(name).to_owned();
    if targets.is_empty() {
        let zone = zone.to_owned();
        return AdoptionError::NoRecord { name, zone };
    }
    AdoptionError::Elsewhere {
        name,
        target: targets.join(" and "),
        application: application.to_owned(),
    }
}

fn failed(doing: String, error: CallError) -> AdoptionError {
    AdoptionError::Call { doing, error }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::release::EnvironmentStatus;

    #[test]
    fn whoever_is_refused_learns_what_to_do_next() {
        let name = "www.shop.example".to_owned();
        let nobody = AdoptionError::NoLive {
            application: "shop".to_owned(),
            cname: "shop.eu-west-1.elasticbeanstalk.com".to_owned(),
        };
        let said = "it was changed meanwhile".to_owned();
        let contended = AdoptionError::Contended { name, said };
        assert!(
            nobody
                .to_string()
                .contains("; check application, cname and region in cutover.toml")
        );
        assert!(
            contended
                .to_string()
                .contains(": find out who does, and run it once more")
        );
    }

    #[test]
    fn a_name_that_leads_nowhere_or_elsewhere_is_told_from_a_wrong_application() {
        let of = |kind: &str, value: &str| Record {
            name: "www.shop.example.".to_owned(),
            kind: kind.to_owned(),
            routing: Routing::Simple,
            content: Content::Values {
                ttl: 60,
                values: vec![value.to_owned()],
            },
            health_check: None,
        };
        let said = |records: &[Record]| astray("www.shop.example.", "Z1", "shop", records).to_string();
        for records in [vec![], vec![of("TXT", "\"hello\"")]] {
            let said = said(&records);
            assert!(
                said.starts_with("www.shop.example has no CNAME, A or AAAA record in the hosted zone Z1; make one"),
                "{said}"
            );
        }
        for (kind, value) in [("CNAME", "old.example.com"), ("A", "192.0.2.7")] {
            let said = said(&[of(kind, value)]);
            assert!(
                said.starts_with(&format!(
                    "www.shop.example leads to {value}, and that is no environment of shop; let it"
                )),
                "{said}"
            );
        }
    }

    #[test]
    fn of_several_environments_with_members_the_one_with_weight_is_live() {
        let environment = |id: &str| EnvironmentSeen {
            id: id.into(),
            name: id.into(),
            status: EnvironmentStatus::Ready,
            cname: Some(format!("{id}.elasticbeanstalk.com")),
            endpoint: None,
            version: None,
            color: crate::model::HealthColor::Green,
            release_tag: None,
            operations_role: None,
        };
        let member = |id: &str, routing: Routing| Record {
            name: "www.shop.example.".to_owned(),
            kind: "CNAME".to_owned(),
            routing,
            content: Content::Values {
                ttl: 60,
                values: vec![format!("{id}.elasticbeanstalk.com")],
            },
            health_check: None,
        };
        let weighted = |id: &str, weight| {
            let routing = Routing::Weighted {
                id: id.to_owned(),
                weight,
            };
            member(id, routing)
        };
        let all = ["e-old", "e-blue", "e-green"].map(environment);
        let live = |records: &[Record]| led_to(&all, records).map(|place| all[place].id.to_string());
        let both = [weighted("e-blue", 0), weighted("e-green", 200)];
        assert_eq!(live(&both).as_deref(), Some("e-green"));
        assert_eq!(live(&[member("e-blue", Routing::Simple)]).as_deref(), Some("e-blue"));
        assert_eq!(live(&[weighted("e-else", 9)]), None);
    }

    #[test]
    fn a_cname_says_who_is_live_only_as_long_as_it_moves_the_traffic() {
        let spec = |lines: &str| Spec::parse("cutover.toml", &format!("application = \"shop\"\n{lines}")).unwrap();
        assert!(!by_name(&spec("cname = \"shop\"\n")));
        let weighted = "cname = \"shop\"\nlever = \"weighted-dns\"\nweighted_dns.name = \"www.shop.example\"\n";
        assert!(by_name(&spec(weighted)));
    }

    #[test]
    fn the_name_of_the_settings_goes_before_the_host_of_their_url() {
        for (text, name) in [
            (
                "weighted_dns.name = \"www.shop.example\"\npublic_url = \"https://api.shop.example\"\n",
                Some("www.shop.example"),
            ),
            ("public_url = \"https://api.shop.example\"\n", Some("api.shop.example")),
            ("public_url = \"http://shop.eu-west-1.elasticbeanstalk.com\"\n", None),
        ] {
            let lever = if text.starts_with("weighted") {
                "lever = \"weighted-dns\"\n"
            } else {
                "cname = \"shop\"\n"
            };
            let text = format!("application = \"shop\"\n{lever}{text}");
            let project = Project::new(Spec::parse("cutover.toml", &text).unwrap(), PathBuf::new(), None);
            assert_eq!(settled(&project).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn the_zone_of_the_settings_is_for_their_own_name_although_that_is_given() {
        let text = "application = \"shop\"\nlever = \"weighted-dns\"\nweighted_dns.name = \"www.Shop.example\"\n";
        let project = Project::new(Spec::parse("cutover.toml", text).unwrap(), PathBuf::new(), None);
        for (given, own) in [
            ("www.shop.example", true),
            ("WWW.shop.example.", true),
            ("api.shop.example", false),
        ] {
            let name = absolute(given).unwrap();
            assert_eq!(is_own(&project, Some("eu-west-1"), &name), own, "{given}");
        }
    }
}
