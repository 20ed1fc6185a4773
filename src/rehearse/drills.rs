//! Drills under load: one of each kind. Everything must be afterwards as it was before.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::error::RehearseError;
use super::play::Rehearsal;
use super::settings::NAME;
use super::stage::Stage;
use crate::aws::CallError;
use crate::compose::{Project, for_drill};
use crate::drill::{DrillRecord, DrillResult, Ran};
use crate::driver::Seat;
use crate::model::{Share, SystemClock};
use crate::release::{DrillKind, Release};
use crate::spec::{JournalPlace, Lever, Spec};

/// A drill that was played.
pub(super) struct Drilled {
    pub(super) release: Release,
    /// Whether it proved what it was for, and left everything as it was.
    pub(super) passed: bool,
    /// What it has shown, in a sentence.
    pub(super) said: String,
}

/// Plays a drill.
pub(super) async fn play(
    rehearsal: &Rehearsal,
    stage: &Stage,
    journal: &Path,
    spec: &Spec,
    kind: DrillKind,
) -> Result<Drilled, RehearseError> {
    let place = JournalPlace::Directory(journal.to_path_buf());
    let project = Project::new(spec.clone(), stage.folder.clone(), Some(&place));
    let share = (!spec.lever.is_gradual()).then_some(Share::WHOLE);
    let project = for_drill(&project, share).map_err(|said| RehearseError::undone("prepare the drill", said))?;
    let before = state(stage, spec).await?;
    let world = Arc::new(project.connect(&stage.reach, Vec::new()).await?);
    let journal = project.open_journal(&stage.reach).await;
    let clock = Arc::new(SystemClock);
    let seat = Seat::new(Arc::clone(&journal), world, clock, Arc::clone(&rehearsal.listener));
    let nobody = std::pin::pin!(std::future::pending::<()>());
    let ran = Box::pin(crate::drill::run(&project, seat, kind, nobody)).await;
    let Ran { release, ended } = ran.map_err(|why| RehearseError::undone("begin the drill", why))?;
    ended?;
    let record = crate::drill::read(journal.as_ref(), &release.plan.id).await;
    let record = record.map_err(crate::driver::DriverError::from)?;
    // Requests that are still under way belong to this drill too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let restored = state(stage, spec).await? == before;
    let passed = record
        .as_ref()
        .is_some_and(|record| record.result == DrillResult::Passed);
    Ok(Drilled {
        passed: passed && restored,
        said: said(record.as_ref(), restored),
        release,
    })
}

fn said(record: Option<&DrillRecord>, restored: bool) -> String {
    let record = record.map_or_else(
        || "it left no record".to_owned(),
        |record| crate::drill::record_text(record).trim_end().to_owned(),
    );
    let restored = if restored {
        "environments, records and rules are as they were before"
    } else {
        "SOMETHING IS NOT AS IT WAS BEFORE"
    };
    format!("{record}\n  after    {restored}")
}

/// Everything that a drill must leave as it was: environments, the records of the name, and the rules.
async fn state(stage: &Stage, spec: &Spec) -> Result<String, RehearseError> {
    let failed = |source: CallError| RehearseError::Setup {
        what: "look at the account",
        source,
    };
    let aws = &stage.aws;
    let environments = aws.environments(Some(&spec.application)).await.map_err(failed)?;
    let mut lines: Vec<String> = environments
        .iter()
        .map(|seen| {
            format!(
                "{} {} {:?} {:?} {:?}",
                seen.id, seen.name, seen.cname, seen.version, seen.status
            )
        })
        .collect();
    match spec.lever {
        Lever::CnameSwap => {}
        Lever::WeightedDns => {
            let zone = aws.hosted_zone(NAME).await.map_err(failed)?.unwrap_or_default();
            let mut records = aws.records(&zone, &format!("{NAME}.")).await.map_err(failed)?;
            // The text beside the name says who wrote last, which is another release each time.
            records.retain(|record| record.kind != "TXT");
            lines.push(format!("{records:?}"));
        }
        Lever::WeightedTargetGroups => {
            let rules = aws.rules(&spec.weighted_target_groups.rules).await.map_err(failed)?;
            lines.push(format!("{rules:?}"));
        }
    }
    lines.sort();
    Ok(lines.join("\n"))
}
