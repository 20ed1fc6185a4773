//! The way back to before a release that is over.

use crate::journal::{Journal, JournalError, catch_up};
use crate::model::{ReleaseNumber, VersionLabel};
use crate::release::{Outcome, Plan, Release, ReleaseId, Source};

/// What a rollback takes back when no release is under way.
#[derive(Clone, Debug)]
pub struct Meant {
    /// The release that is to be taken back.
    pub release: Release,
    /// The releases after it, newest first: they have changed nothing, so what it made live is live still.
    pub passed: Vec<Release>,
}

/// The release that is to be taken back when the newest one is this: itself, unless it was a drill, or has changed nothing. Then what
/// was live before it is live still, and is meant.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn to_take_back(journal: &dyn Journal, newest: Release) -> Result<Meant, JournalError> {
    let mut meant = Meant {
        release: newest,
        passed: Vec::new(),
    };
    while meant.passed.len() < FAR_BACK && (meant.release.plan.drill.is_some() || has_changed_nothing(&meant.release)) {
        let id = &meant.release.plan.id;
        let Some(before) = id.number.0.checked_sub(1).filter(|number| *number > 0) else {
            break;
        };
        let before = ReleaseId {
            number: ReleaseNumber(before),
            ..id.clone()
        };
        let Some(earlier) = catch_up(journal, &before, None).await? else {
            break;
        };
        meant.passed.push(std::mem::replace(&mut meant.release, earlier));
    }
    Ok(meant)
}

/// Whether what was live before a release was live after it.
fn has_changed_nothing(release: &Release) -> bool {
    matches!(
        release.outcome,
        Some((Outcome::RolledBack | Outcome::Aborted | Outcome::Refused, _))
    )
}

impl Meant {
    /// What the release has recorded for going back to before it.
    ///
    /// # Errors
    ///
    /// When there is nothing to go back to, with the reason.
    pub fn way_back(&self) -> Result<(Source, VersionLabel), String> {
        let way_back = way_back(&self.release)?;
        let promoted = matches!(self.release.outcome, Some((Outcome::Promoted, _)));
        let found = self.passed.iter().find_map(|release| release.blue.as_ref());
        match (found, &self.release.green) {
            (Some(found), Some(green)) if promoted && found.id != green.id => Err(format!(
                "release {} made {} ({}) live, and a release after it found {} ({}) live: somebody has changed that in between, so what \
                 was before it need not be what you want; release the version that is to be live by `cutover release`",
                self.release.plan.id, green.name, green.id, found.name, found.id
            )),
            _ => Ok(way_back),
        }
    }

    /// The newest release, if it was taken back because an operator asked for that. To ask again is then no wish to go back further.
    #[must_use]
    pub fn had_already(&self) -> Option<&Release> {
        let newest = self.passed.iter().find(|release| release.plan.drill.is_none())?;
        let forward = !matches!(newest.plan.source, Source::Recorded { .. });
        (forward && newest.wishes.roll_back).then_some(newest)
    }
}

/// The newest release that says what is live when the newest one of all is this: itself, unless it was a drill, or a way back that
/// came to nothing.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn that_counts(journal: &dyn Journal, newest: Release) -> Result<Release, JournalError> {
    let mut release = newest;
    while let Some(before) = came_to_nothing(&release) {
        match catch_up(journal, &before, None).await? {
            Some(earlier) => release = earlier,
            None => break,
        }
    }
    Ok(release)
}

/// The release before, if this one was a drill, or was to take that one back and did not.
fn came_to_nothing(release: &Release) -> Option<ReleaseId> {
    let before = |number| ReleaseId {
        number,
        ..release.plan.id.clone()
    };
    if release.plan.drill.is_some() {
        let number = release.plan.id.number.0.checked_sub(1)?;
        return (number > 0).then(|| before(ReleaseNumber(number)));
    }
    let Source::Recorded { release: number, .. } = release.plan.source else {
        return None;
    };
    // Whatever a journal says, this comes to an end.
    (has_changed_nothing(release) && number < release.plan.id.number).then(|| before(number))
}

/// As many releases are looked at for the one that made what is live.
const FAR_BACK: usize = 200;

/// Whether the newest release has left a plan's version live, with the same settings for green: it has promoted it, or was taken
/// back to it, and the release that had promoted it before had the same settings. Where that one is not known, it had none.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn has_left(journal: &dyn Journal, newest: &Release, wanted: &Plan) -> Result<bool, JournalError> {
    if let Some(same) = newest.has_promoted(wanted) {
        return Ok(same);
    }
    if !newest.was_taken_back_to(&wanted.version_label) {
        return Ok(false);
    }
    let newest = &newest.plan.id;
    for number in (1..newest.number.0).rev().take(FAR_BACK) {
        let id = ReleaseId {
            number: ReleaseNumber(number),
            ..newest.clone()
        };
        match catch_up(journal, &id, None).await? {
            // Who knows what a person has left then?
            Some(Release {
                outcome: Some((Outcome::NeedsHuman, _)),
                ..
            }) => break,
            Some(earlier) => {
                if let Some(same) = earlier.has_promoted(wanted) {
                    return Ok(same);
                }
            }
            None => break,
        }
    }
    Ok(wanted.overrides_digest.is_none())
}

/// What an ended release has recorded for going back to before it.
fn way_back(release: &Release) -> Result<(Source, VersionLabel), String> {
    let id = &release.plan.id;
    if let (true, Some((outcome, _))) = (has_changed_nothing(release), &release.outcome) {
        return Err(format!(
            "release {id} was {outcome}: what was live before it is live still, and the journal has no release before it that changed \
             that; another version is made live by `cutover release`"
        ));
    }
    let (Some(_), Some(blue)) = (&release.outcome, &release.blue) else {
        return Err(format!(
            "release {id} has recorded nothing to go back to; another version is made live by `cutover release`"
        ));
    };
    let Some(version) = &blue.version else {
        return Err(format!(
            "release {id} found no version on blue ({}), so there is none to go back to",
            blue.id
        ));
    };
    let source = Source::Recorded {
        release: id.number,
        template: release.plan.blue_template(),
        environment: Some(blue.id.clone()),
        cname: if release.plan.lever.is_gradual() {
            blue.cname.clone()
        } else {
            // The swap gave it green's.
            release.green.as_ref().and_then(|green| green.cname.clone())
        },
    };
    Ok((source, version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Append, DirectoryJournal};
    use crate::model::{EnvironmentId, EnvironmentName};
    use crate::release::tests::{first_entry, plan};
    use crate::release::{Blue, Entry, Event, Green, Outcome};

    /// Writes a release that only began and ended so.
    async fn written(journal: &DirectoryJournal, number: u32, source: Option<Source>, outcome: Outcome) -> Release {
        let mut plan = plan();
        plan.id.number = ReleaseNumber(number);
        plan.source = source.unwrap_or(plan.source);
        let id = plan.id.clone();
        let first = first_entry(plan);
        let last = Entry {
            sequence: 2,
            nonce: format!("the end of {number}"),
            event: Event::Finished {
                outcome,
                why: "the test says so".to_owned(),
                left: None,
            },
            ..first.clone()
        };
        for entry in [first, last] {
            assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
        }
        catch_up(journal, &id, None).await.unwrap().unwrap()
    }

    fn back_to_before(number: u32) -> Option<Source> {
        Some(Source::Recorded {
            release: ReleaseNumber(number),
            template: "a template".to_owned(),
            environment: None,
            cname: None,
        })
    }

    #[tokio::test]
    async fn a_way_back_that_came_to_nothing_is_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let _bad = written(&journal, 1, None, Outcome::NeedsHuman).await;
        let _first_try = written(&journal, 2, back_to_before(1), Outcome::Aborted).await;
        let newest = written(&journal, 3, back_to_before(1), Outcome::Refused).await;
        let meant = Box::pin(to_take_back(&journal, newest)).await.unwrap();
        assert_eq!(meant.release.plan.id.number, ReleaseNumber(1));
    }

    #[tokio::test]
    async fn what_was_taken_back_to_is_live_with_the_settings_that_it_was_promoted_with() {
        use crate::release::tests::blue;

        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let old = blue().version.expect("blue runs a version");
        let with = |digest: Option<&str>| Plan {
            version_label: old.clone(),
            overrides_digest: digest.map(str::to_owned),
            ..plan()
        };
        let mut newest = crate::release::tests::release(plan());
        newest.plan.id.number = ReleaseNumber(3);
        newest.blue = Some(blue());
        newest.outcome = Some((Outcome::RolledBack, "bad".to_owned()));
        let left = async |wanted: Plan| Box::pin(has_left(&journal, &newest, &wanted)).await.unwrap();
        assert!(
            left(with(None)).await,
            "who made it is not known, and nothing is wanted of it"
        );
        assert!(!left(with(Some("more memory"))).await);
        let mut made = with(Some("more memory"));
        made.id.number = ReleaseNumber(1);
        let entry = first_entry(made);
        let end = |number, sequence| Entry {
            sequence,
            release: ReleaseId {
                number: ReleaseNumber(number),
                ..entry.release.clone()
            },
            nonce: format!("the end of {number}"),
            event: Event::Finished {
                outcome: Outcome::Promoted,
                why: "good".to_owned(),
                left: None,
            },
            ..entry.clone()
        };
        for entry in [entry.clone(), end(1, 2)] {
            assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
        }
        let _between = written(&journal, 2, None, Outcome::Aborted).await;
        assert!(left(with(Some("more memory"))).await);
        assert!(
            !left(with(Some("less memory"))).await,
            "somebody has changed the settings since"
        );
        assert!(!left(with(None)).await);
    }

    #[tokio::test]
    async fn releases_that_changed_nothing_do_not_hide_the_one_that_made_what_is_live() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let _before = written(&journal, 1, None, Outcome::RolledBack).await;
        let _good = written(&journal, 2, None, Outcome::Promoted).await;
        for (number, outcome) in [(3, Outcome::RolledBack), (4, Outcome::Aborted), (5, Outcome::Refused)] {
            let newest = written(&journal, number, None, outcome).await;
            let meant = Box::pin(to_take_back(&journal, newest)).await.unwrap();
            assert_eq!(meant.release.plan.id.number, ReleaseNumber(2), "{outcome}");
            let passed: Vec<_> = meant.passed.iter().map(|release| release.plan.id.number.0).collect();
            assert_eq!(passed, (3..=number).rev().collect::<Vec<_>>());
        }
        // Who knows what a person has left then?
        let _stuck = written(&journal, 6, None, Outcome::NeedsHuman).await;
        let newest = written(&journal, 7, None, Outcome::Aborted).await;
        let meant = Box::pin(to_take_back(&journal, newest)).await.unwrap();
        assert_eq!(meant.release.plan.id.number, ReleaseNumber(6));
    }

    #[tokio::test]
    async fn where_no_release_changed_anything_there_is_nothing_to_take_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let _first = written(&journal, 1, None, Outcome::RolledBack).await;
        let newest = written(&journal, 2, None, Outcome::Aborted).await;
        let meant = Box::pin(to_take_back(&journal, newest)).await.unwrap();
        let said = meant.way_back().unwrap_err();
        for part in ["/1 was rolled back", "is live still", "`cutover release`"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn who_asks_twice_for_a_rollback_does_not_go_back_twice() {
        let of = |change: &dyn Fn(&mut Release)| {
            let mut newest = crate::release::tests::release(plan());
            newest.wishes.roll_back = true;
            change(&mut newest);
            let meant = Meant {
                release: crate::release::tests::release(plan()),
                passed: vec![newest],
            };
            meant.had_already().is_some()
        };
        assert!(of(&|_| {}));
        assert!(!of(&|newest| newest.wishes.roll_back = false), "it went back by itself");
        assert!(!of(
            &|newest| newest.plan.drill = Some(crate::release::DrillKind::Rollback)
        ));
        assert!(!of(&|newest| newest.plan.source = back_to_before(1).unwrap()));
    }

    #[test]
    fn what_somebody_else_made_live_is_not_taken_back_unasked() {
        use crate::release::tests::{blue, release};

        let mut promoted = release(plan());
        promoted.outcome = Some((Outcome::Promoted, "good".to_owned()));
        promoted.blue = Some(blue());
        let green = Green {
            id: EnvironmentId::new("e-green"),
            name: EnvironmentName::new("shop-green"),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        };
        promoted.green = Some(green.clone());
        let meant = |found: Option<Blue>| {
            let mut bad = release(plan());
            bad.blue = found;
            Meant {
                release: promoted.clone(),
                passed: vec![bad],
            }
        };
        assert!(meant(None).way_back().is_ok(), "nothing is known of it");
        let still = Blue { id: green.id, ..blue() };
        assert!(meant(Some(still)).way_back().is_ok());
        let said = meant(Some(blue())).way_back().unwrap_err();
        assert!(
            said.contains("somebody has changed that") && said.contains(blue().id.as_str()),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_way_back_that_was_taken_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let _bad = written(&journal, 1, None, Outcome::NeedsHuman).await;
        let newest = written(&journal, 2, back_to_before(1), Outcome::NeedsHuman).await;
        let meant = Box::pin(to_take_back(&journal, newest)).await.unwrap();
        assert_eq!(meant.release.plan.id.number, ReleaseNumber(2));
    }
}
