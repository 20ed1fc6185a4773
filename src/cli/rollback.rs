//! `cutover rollback`: one call while blue is warm; after that a release of what was recorded.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::project::{Found, ProjectArguments};
use super::release::begin;
use super::{exit, output};
use crate::compose::{Patience, Planner, Project, Reach, Until, ask_to_turn_back, to_take_back};
use crate::driver::{Driver, Seat, World, is_certainly_free};
use crate::model::{Clock, ReleaseNumber, SystemClock};
use crate::release::{Notice, Outcome, Release, ReleaseId, Source, Wish, Writer};
use crate::report::{self, Format};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Take back the newest release also where that was itself a way back, so that what it took back is live again.
    #[arg(long)]
    undo: bool,
    /// Take back this release and no other: refused where a rollback would mean another one.
    #[arg(long, value_name = "RELEASE", value_parser = clap::value_parser!(u32).range(1..))]
    release: Option<u32>,
}

/// What is to be taken back, and which way.
#[derive(Clone, Copy)]
struct Wanted {
    /// A way back, too.
    undo: bool,
    /// This release alone.
    release: Option<ReleaseNumber>,
}

impl Wanted {
    /// Whether a rollback that means this release is wanted.
    fn check(self, meant: &ReleaseId) -> Result<(), ExitCode> {
        match self.release {
            Some(wanted) if wanted != meant.number => Err(output::fail(
                exit::REFUSED,
                format!(
                    "a rollback would now take back release {meant}, not release {wanted}, so nothing was changed; `cutover status --last \
                     10` shows how each has ended"
                ),
            )),
            _ => Ok(()),
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let format = arguments.project.format();
    let Found {
        project,
        reach,
        release,
        ..
    } = match arguments.project.newest().await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let world = match project.connect(&reach, Vec::new()).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let wanted = Wanted {
        undo: arguments.undo,
        release: arguments.release.map(ReleaseNumber),
    };
    if release.outcome.is_none() {
        Box::pin(running(&project, &reach, world, release, wanted, format)).await
    } else {
        ended(&project, &reach, world, release, wanted, format).await
    }
}

/// The release is not over: it is told to turn back, and seen through.
async fn running(
    project: &Project,
    reach: &Reach,
    world: Arc<World>,
    release: Release,
    wanted: Wanted,
    format: Format,
) -> ExitCode {
    let seat = Seat::new(
        project.open_journal(reach).await,
        Arc::clone(&world),
        Arc::new(SystemClock),
        report::reporter(format),
    );
    let mut driver = Driver::join(seat, release);
    let id = driver.release().plan.id.clone();
    if let (Source::Recorded { release: before, .. }, false) = (&driver.release().plan.source, wanted.undo) {
        let before = *before;
        if let Err(code) = wanted.check(&ReleaseId { number: before, ..id }) {
            return code;
        }
        return Box::pin(returning(project, driver, before, format)).await;
    }
    if driver.release().plan.drill.is_some() {
        return Box::pin(drilling(project, reach, world, driver, wanted, format)).await;
    }
    if let Err(code) = wanted.check(&id) {
        return code;
    }
    if let Err(error) = driver.ask(Wish::RollBack).await {
        return output::fail(exit::FAILED, error);
    }
    let (me, asked) = (driver.writer().clone(), driver.release().sequence);
    let (result, release) = Box::pin(seen_through(project, driver, move |release| {
        is_seen_to(release, &me, asked)
    }))
    .await;
    match &result {
        Ok(None) => taken_back(
            &release,
            format,
            "the process that drives the release goes on and removes green",
        ),
        // It says what could not be removed, if that is so.
        Ok(Some(Outcome::RolledBack | Outcome::Aborted)) => {
            let why = release.outcome.as_ref().map_or("", |(_, why)| why.as_str());
            taken_back(&release, format, why)
        }
        // The wish came when blue was on its way out already: what was recorded of it is left.
        Ok(Some(Outcome::Promoted)) => ended(project, reach, world, release, wanted, format).await,
        _ => output::ended(result, &release, format),
    }
}

/// A way back is under way already: taking that back would leave what was to be taken back. It is seen through, and its end is what
/// counts.
async fn returning(project: &Project, driver: Driver, before: ReleaseNumber, format: Format) -> ExitCode {
    let message = format!(
        "release {} takes release {before} back already, and is followed; `cutover abort` gives that up",
        driver.release().plan.id
    );
    driver.seat().listener.notice(Notice::Remark { message: &message });
    let (me, joined) = (driver.writer().clone(), driver.release().sequence);
    // What is wanted is live then. If another process drives the release, and lives, it also sees to the rest.
    let is_so = move |release: &Release| release.promoted() && release.another_lives(&me, joined);
    let (result, release) = Box::pin(seen_through(project, driver, is_so)).await;
    match &result {
        Ok(None) => {
            let why = format!(
                "{} has version {} again; the process that drives the release goes on and removes what is not needed any more",
                release.plan.slot_cname, release.plan.version_label
            );
            done(&release, Outcome::Promoted, &why, &why, format)
        }
        _ => output::ended(result, &release, format),
    }
}

/// Drives or follows a release until it is over, or until what was asked for is so and somebody who certainly lives sees to the rest.
async fn seen_through(
    project: &Project,
    mut driver: Driver,
    is_so: impl Fn(&Release) -> bool + Send,
) -> (Result<Option<Outcome>, output::Ended>, Release) {
    let result = output::drive(&mut driver, move |release| {
        is_so(release) && is_certainly_free(release, SystemClock.now()).is_none()
    })
    .await;
    let release = driver.release().clone();
    drop(driver);
    project.let_go(&release);
    (result, release)
}

/// Whether traffic is on blue, which is what was asked for, and another process sees to green.
fn is_seen_to(release: &Release, me: &Writer, asked: u64) -> bool {
    let restored = release.rollback.as_ref().is_some_and(|back| back.restored_at.is_some());
    restored && release.another_lives(me, asked)
}

/// A drill is under way, whose blue is what is live: taking the drill back changes nothing for users. Meant is the release
/// before it, and that can be taken back when the slot is free.
async fn drilling(
    project: &Project,
    reach: &Reach,
    world: Arc<World>,
    mut driver: Driver,
    wanted: Wanted,
    format: Format,
) -> ExitCode {
    let message = format!(
        "release {} is a drill and is asked to turn back; when it is over, the release before it is taken back",
        driver.release().plan.id
    );
    driver.seat().listener.notice(Notice::Remark { message: &message });
    if let Err(error) = ask_to_turn_back(&mut driver).await {
        return output::fail(exit::FAILED, error);
    }
    let result = output::drive(&mut driver, |_| false).await;
    let release = driver.release().clone();
    drop(driver);
    match result {
        Ok(Some(_)) => {
            let wanted = Wanted { undo: false, ..wanted };
            ended(project, reach, world, release, wanted, format).await
        }
        _ => output::ended(result, &release, format),
    }
}

fn taken_back(release: &Release, format: Format, rest: &str) -> ExitCode {
    let text = format!("{}; {rest}", report::given_back(release));
    done(release, Outcome::RolledBack, &text, rest, format)
}

/// Says that what was asked for is so: to a person in this text, to a program with this reason.
fn done(release: &Release, outcome: Outcome, text: &str, why: &str, format: Format) -> ExitCode {
    if format == Format::Json {
        let id = release.plan.id.to_string();
        output::print(serde_json::json!({ "release": id, "outcome": outcome.code(), "why": why }));
    } else {
        output::print(format_args!("{outcome}: {text}"));
    }
    ExitCode::SUCCESS
}

/// That another release than the newest one is taken back.
fn passed(meant: &ReleaseId, count: usize, newest: &ReleaseId) -> String {
    let since = match count {
        1 => format!("release {newest} has changed nothing"),
        _ => format!("the {count} releases since, up to {newest}, have changed nothing"),
    };
    format!("what release {meant} made live is taken back; {since}")
}

/// The release is over: what it recorded of blue is released again.
async fn ended(
    project: &Project,
    reach: &Reach,
    world: Arc<World>,
    release: Release,
    wanted: Wanted,
    format: Format,
) -> ExitCode {
    let journal = project.open_journal(reach).await;
    let meant = match Box::pin(to_take_back(journal.as_ref(), release)).await {
        Ok(meant) => meant,
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let id = &meant.release.plan.id;
    if let (Source::Recorded { release: before, .. }, Some((Outcome::Promoted, _)), false) =
        (&meant.release.plan.source, &meant.release.outcome, wanted.undo)
    {
        return output::fail(
            exit::REFUSED,
            format!(
                "release {id} has taken release {before} back already, and is live; what it has taken back would be live again by \
                 `cutover rollback --undo`"
            ),
        );
    }
    let (source, version) = match meant.way_back() {
        Ok(way_back) => way_back,
        Err(why) => return output::fail(exit::REFUSED, format!("there is nothing to take back: {why}")),
    };
    if let Err(code) = wanted.check(id) {
        return code;
    }
    if let (Some(newest), None) = (meant.had_already(), wanted.release) {
        return output::fail(
            exit::REFUSED,
            format!(
                "release {} was taken back already, as an operator asked for, so nothing was changed; what release {id} made live, which \
                 is live again, is taken back by `cutover rollback --release {}`",
                newest.plan.id, id.number
            ),
        );
    }
    if let Some(newest) = meant.passed.first() {
        output::tell(passed(id, meant.passed.len(), &newest.plan.id));
    }
    let mut planner = Planner::recorded(project, world.aws.region(), source, version);
    if wanted.release.is_none() {
        planner = planner.takes_back(&meant.release);
    }
    // Whoever has begun a release since then has changed what there is to take back: a person should look again.
    let patience = Patience::Refuse;
    Box::pin(begin(project, reach, world, &planner, patience, Until::Over, format)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};
    use crate::release::{Phase, RollbackState};

    #[test]
    fn green_is_left_to_a_driver_that_has_been_heard_of_since() {
        let mut release = release(plan());
        let other = release.driver.clone();
        let me = Writer {
            run: "mine".to_owned(),
            ..other.clone()
        };
        release.rollback = Some(RollbackState {
            since: release.started_at,
            why: "asked".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: None,
            watched_from: None,
            again: 0,
        });
        (release.heard, release.sequence) = (11, 11);
        assert!(!is_seen_to(&release, &me, 10), "users are not on blue yet");
        release.rollback.as_mut().unwrap().restored_at = Some(release.started_at);
        assert!(is_seen_to(&release, &me, 10));
        assert!(!is_seen_to(&release, &me, 11), "nobody has answered");
        assert!(!is_seen_to(&release, &other, 10), "nobody else sees to green");
    }
}
