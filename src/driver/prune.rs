//! Cleaning up after a release: application versions and templates that cutover has made and nobody needs any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::parts::Parts;
use super::{Seat, World};
use crate::aws::InTime;
use crate::journal::Journal;
use crate::model::{ReleaseNumber, VersionLabel};
use crate::release::{CallResult, Entry, Event, Outcome, Plan, Release, ReleaseId, limits};

/// Description of what a release makes on AWS. What does not carry it is not ours to remove.
pub(super) fn description(id: &ReleaseId) -> String {
    format!("{MARK}{id}")
}

const MARK: &str = "made by cutover, release ";

/// Removes what is no longer needed. Says how much that was. It may take long, so each removal goes out soon after it was begun, or not
/// at all: by then somebody else may need what was not needed when this began.
pub(super) async fn prune(seat: &Seat, release: &Release, keep: u32, parts: &Parts) -> Result<String, CallResult> {
    let Seat {
        world, journal, clock, ..
    } = seat;
    let soon = || InTime::until(Arc::clone(clock), clock.since_boot() + limits::CALL_TIMEOUT);
    let versions = prune_versions(world, release, keep, (&soon, parts)).await?;
    let templates = prune_templates(world, journal.as_ref(), release, (&soon, parts)).await?;
    Ok(format!(
        "{versions} versions and {templates} saved configurations removed"
    ))
}

async fn prune_versions(
    world: &World,
    release: &Release,
    keep: u32,
    (soon, parts): (&(impl Fn() -> InTime + Sync), &Parts),
) -> Result<usize, CallResult> {
    // After a rollback the way back is what it was before, and which version that leads to is in another release's journal.
    if !promoted(release) {
        return Ok(0);
    }
    let application = &release.plan.id.slot.application;
    let (environments, versions) = tokio::join!(
        world.aws.environments(Some(application)),
        world.aws.versions(Some(application))
    );
    let (environments, versions) = (
        environments.map_err(CallResult::from)?,
        versions.map_err(CallResult::from)?,
    );
    let mut needed: BTreeSet<VersionLabel> = environments.into_iter().filter_map(|seen| seen.version).collect();
    // The way back: what blue ran, and what this release is about.
    needed.extend(release.blue.as_ref().and_then(|blue| blue.version.clone()));
    needed.insert(release.plan.version_label.clone());
    let versions = versions.into_iter().map(|(label, _, description)| (label, description));
    let mut removed = 0;
    for label in surplus(versions, release, keep).filter(|label| !needed.contains(label)) {
        parts.next().await;
        match world.aws.delete_version(application, &label, &soon()).await {
            Ok(()) => removed += 1,
            // Somebody else may have removed it, or deploys it just now.
            Err(error) if error.effect == crate::aws::Effect::Refused && !error.is_denied() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}

/// The versions of this slot that are not among the newest so many, of all of the application's from the newest on. Those of other
/// slots may be their ways back.
fn surplus(
    versions: impl Iterator<Item = (VersionLabel, String)>,
    release: &Release,
    keep: u32,
) -> impl Iterator<Item = VersionLabel> {
    let ours = format!("{MARK}{}/", release.plan.id.slot);
    let ours = versions.filter(move |(_, description)| description.starts_with(&ours));
    ours.skip(keep as usize).map(|(label, _)| label)
}

async fn prune_templates(
    world: &World,
    journal: &dyn Journal,
    release: &Release,
    (soon, parts): (&(impl Fn() -> InTime + Sync), &Parts),
) -> Result<usize, CallResult> {
    let plan = &release.plan;
    let application = &plan.id.slot.application;
    let templates = world
        .aws
        .templates(application)
        .await
        .map_err(CallResult::from)?
        .unwrap_or_default();
    let mut removed = 0;
    for template in &templates {
        let Some(made_by) = outdated(template, release) else {
            continue;
        };
        if !is_ours(journal, release, &made_by).await {
            continue;
        }
        parts.next().await;
        match world.aws.delete_template(application, template, &soon()).await {
            Ok(()) => removed += 1,
            Err(error) if error.effect == crate::aws::Effect::Refused && !error.is_denied() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}

/// The release of this slot, by its number and mark, whose template this is by its name, if it leads nowhere any more. After a
/// promotion the way back is this release's blue; after a rollback it is what it was before, and only this release's own templates
/// go.
fn outdated<'a>(template: &'a str, release: &Release) -> Option<MadeBy<'a>> {
    let plan = &release.plan;
    let (made_by, kind) = parse(template, plan)?;
    let own = made_by.number == plan.id.number;
    let outdated = match (promoted(release), own, kind) {
        (true, true, "blue") => false,
        (true, _, _) => made_by.number <= plan.id.number,
        (false, _, _) => own,
    };
    outdated.then_some(made_by)
}

/// Whether the journal knows that release. Another slot, or another journal, may give its releases the same names, and this may be
/// its way back. One without a mark is of a time when names were all there was.
async fn is_ours(journal: &dyn Journal, release: &Release, made_by: &MadeBy<'_>) -> bool {
    let plan = &release.plan;
    let Some(mark) = made_by.mark else { return true };
    if made_by.number == plan.id.number {
        return mark == plan.mark;
    }
    let id = ReleaseId {
        number: made_by.number,
        ..plan.id.clone()
    };
    match journal.entry(&id, 1).await {
        Ok(Some(Entry {
            event: Event::Started { plan },
            ..
        })) => plan.mark == mark,
        _ => false,
    }
}

/// Who has made a template, by its name.
#[derive(Debug, PartialEq, Eq)]
struct MadeBy<'a> {
    number: ReleaseNumber,
    mark: Option<&'a str>,
}

/// Whether green is what serves.
fn promoted(release: &Release) -> bool {
    let back = release.rollback.as_ref();
    back.is_none_or(|back| back.outcome == Outcome::Promoted)
}

/// Release and kind of a template's name, if it is one of this slot.
fn parse<'a>(template: &'a str, plan: &Plan) -> Option<(MadeBy<'a>, &'a str)> {
    let prefix = plan
        .green_name
        .as_str()
        .strip_suffix(&format!("-r{}", plan.id.number))?;
    let rest = template.strip_prefix(prefix)?.strip_prefix("-r")?;
    let (number, rest) = rest.split_once('-')?;
    // Between them may stand what tells it from one of another journal.
    let (mark, kind) = match rest.split_once('-') {
        Some((mark, kind)) if is_mark(mark) => (Some(mark), kind),
        _ => (None, rest),
    };
    matches!(kind, "blue" | "green").then_some(())?;
    let number = ReleaseNumber(number.parse().ok()?);
    Some((MadeBy { number, mark }, kind))
}

fn is_mark(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{first_entry, plan, release};

    #[test]
    fn versions_of_other_slots_are_left_alone_and_the_newest_are_kept() {
        let versions = [
            ("v5", "made by cutover, release shop/production/6"),
            ("v4", "made by cutover, release shop/staging/40"),
            ("v3", "made by cutover, release shop/production/5"),
            ("mine", "by hand"),
            ("v2", "made by cutover, release shop/production-2/1"),
            ("v1", "made by cutover, release shop/production/1"),
        ];
        let surplus = |keep| {
            let all = versions.map(|(label, description)| (VersionLabel::new(label), description.to_owned()));
            let release = release(plan());
            let surplus = surplus(all.into_iter(), &release, keep);
            surplus.map(|label| label.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(surplus(1), ["v3", "v1"]);
        assert_eq!(surplus(0), ["v5", "v3", "v1"]);
        assert!(surplus(3).is_empty());
    }

    #[test]
    fn a_promotion_keeps_its_own_way_back_alone() {
        let release = release(plan());
        for (template, gone) in [
            ("shop-r7-blue", false),
            ("shop-r7-green", true),
            ("shop-r6-blue", true),
            ("shop-r6-green", true),
            ("shop-r6-0a1b2c3d-blue", true),
            // A later release's, another slot's, and what cutover did not make.
            ("shop-r8-blue", false),
            ("shop2-r6-blue", false),
            ("shop-r6-mine", false),
            ("shop-r6-mine-blue", false),
            ("shop-rx-blue", false),
            ("my-template", false),
        ] {
            assert_eq!(outdated(template, &release).is_some(), gone, "{template}");
        }
    }

    #[tokio::test]
    async fn what_another_journal_has_made_by_the_same_name_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = crate::journal::DirectoryJournal::new(folder.path());
        let mut earlier = plan();
        (earlier.id.number, earlier.mark) = (ReleaseNumber(6), "0a1b2c3d".to_owned());
        let written = journal.append(&first_entry(earlier)).await.unwrap();
        assert_eq!(written, crate::journal::Append::Written);
        let mut release = release(plan());
        release.plan.mark = "99999999".to_owned();
        for (template, ours) in [
            ("shop-r6-0a1b2c3d-blue", true),
            ("shop-r6-ffffffff-blue", false),
            ("shop-r5-0a1b2c3d-blue", false),
            ("shop-r7-99999999-green", true),
            ("shop-r7-0a1b2c3d-green", false),
            ("shop-r6-blue", true),
        ] {
            let made_by = outdated(template, &release).expect(template);
            assert_eq!(is_ours(&journal, &release, &made_by).await, ours, "{template}");
        }
    }

    #[test]
    fn a_rollback_removes_its_own_and_leaves_the_way_back_from_before() {
        let mut release = release(plan());
        release.rollback = Some(crate::release::RollbackState {
            since: release.started_at,
            why: "bad".to_owned(),
            outcome: Outcome::RolledBack,
            from: crate::release::Phase::Bake,
            restored_at: None,
            watched_from: None,
            again: 0,
        });
        for (template, gone) in [("shop-r7-blue", true), ("shop-r7-green", true), ("shop-r6-blue", false)] {
            assert_eq!(outdated(template, &release).is_some(), gone, "{template}");
        }
    }
}
