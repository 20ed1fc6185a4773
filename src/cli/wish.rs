//! `cutover pause`, `cutover promote` and `cutover abort`: wishes that are written into the journal from any machine, whoever
//! drives the release. They return when the driver has taken note, or after a short while.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::project::{Found, ProjectArguments};
use super::{exit, output};
use crate::driver::{Driver, Seat, is_certainly_free};
use crate::model::{Clock, Span, SystemClock, Timestamp};
use crate::release::{Phase, Release, Silent, Wish};
use crate::report::Format;

/// How long the driver is waited for. A wish that was not noted by then is not lost: it is in the journal.
const NOTE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct PauseArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// How long, up to 366 days (8784h). After that the release goes on by itself.
    #[arg(long = "for", value_name = "TIME", default_value = "12h", allow_hyphen_values = true)]
    length: Span,
}

#[derive(Debug, Args)]
pub(super) struct PromoteArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Id of the gate, as `cutover status` tells it.
    #[arg(value_name = "GATE")]
    gate: String,
}

#[derive(Debug, Args)]
pub(super) struct AbortArguments {
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) async fn pause(arguments: PauseArguments) -> ExitCode {
    let length = arguments.length;
    if length == Span::default() || length.get() > Duration::from_secs(366 * 24 * 3600) {
        return output::fail(
            exit::USAGE,
            format!("--for {length} is no pause: write a length of time such as 30m or 2h, up to 366 days (8784h)"),
        );
    }
    let fits = |release: &Release| match release.phase {
        Phase::RollBack => Err("it is on its way back, and nothing holds that".to_owned()),
        _ => Ok(()),
    };
    Box::pin(wish(&arguments.project, Wish::Pause { length }, fits)).await
}

pub(super) async fn promote(arguments: PromoteArguments) -> ExitCode {
    let gate = arguments.gate;
    let wanted = gate.clone();
    let fits = move |release: &Release| fits_gate(release, &wanted);
    Box::pin(wish(&arguments.project, Wish::Promote { gate }, fits)).await
}

pub(super) async fn abort(arguments: AbortArguments) -> ExitCode {
    Box::pin(wish(&arguments.project, Wish::Abort, |_| Ok(()))).await
}

/// Whether a gate is the one that is open.
fn fits_gate(release: &Release, wanted: &str) -> Result<(), String> {
    match &release.gate {
        Some(open) if open.id == wanted => Ok(()),
        Some(open) => Err(format!(
            "{wanted} is not the gate that is open: that is {}, before {}; if you mean it, run `cutover promote {}`",
            open.id, open.before, open.id
        )),
        None if release.gates_passed.iter().any(|passed| passed.id == wanted) => {
            Err(format!("the release has gone through gate {wanted} already"))
        }
        None => Err(format!(
            "{wanted} is not open, nor is any other gate; see `cutover status`"
        )),
    }
}

async fn wish(project: &ProjectArguments, wish: Wish, fits: impl Fn(&Release) -> Result<(), String>) -> ExitCode {
    let format = project.format();
    let Found {
        project,
        reach,
        journal,
        release,
    } = match project.newest().await {
        Ok(found) => found,
        Err(code) => return code,
    };
    let id = release.plan.id.clone();
    if let Some((outcome, _)) = release.outcome {
        return output::fail(exit::REFUSED, format!("release {id} is over already: {outcome}"));
    }
    if let Err(why) = fits(&release) {
        return output::fail(exit::REFUSED, format!("release {id}: {why}"));
    }
    let world = match project.connect(&reach, Vec::new()).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let mut operator = Driver::join(
        Seat::new(journal, world, Arc::new(SystemClock), Arc::new(Silent)),
        release,
    );
    match operator.ask(wish.clone()).await {
        Ok(true) => {}
        Ok(false) => return output::fail(exit::REFUSED, format!("release {id} was over in the meantime")),
        Err(error) => return output::fail(exit::FAILED, error),
    }
    let asked = operator.release().sequence;
    // What was the right gate a moment ago may have closed before the wish was written.
    let stale = matches!(&wish, Wish::Promote { .. } if operator.release().gate.as_ref().is_none_or(|gate| gate.promoted_by.is_none()));
    let noted = match noted(&mut operator, asked).await {
        Ok(noted) => noted,
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if stale {
        let why = "the gate had closed before this was written, and it opens nothing else";
        return output::fail(exit::REFUSED, format!("release {id}: {why}; see `cutover status`"));
    }
    tell(operator.release(), &wish, noted, format);
    ExitCode::SUCCESS
}

/// Waits until the driver has written something since. Whether it has.
async fn noted(operator: &mut Driver, asked: u64) -> Result<bool, crate::driver::DriverError> {
    let clock = SystemClock;
    let until = clock.since_boot() + NOTE;
    loop {
        operator.follow().await?;
        let release = operator.release();
        if release.heard > asked {
            return Ok(true);
        }
        let free = is_certainly_free(release, clock.now()).is_some();
        if free || clock.since_boot() >= until {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Says what happens next, and who drives.
fn tell(release: &Release, wish: &Wish, noted: bool, format: Format) {
    let clock = SystemClock.now();
    let free = is_certainly_free(release, clock);
    let driver = &release.driver;
    let next = next(release, noted, free.as_deref(), clock);
    let id = &release.plan.id;
    if format == Format::Json {
        output::print(json!({
            "release": id.to_string(),
            "wish": wish,
            "noted": noted,
            "driven": free.is_none(),
            "driver": driver,
            "phase": release.phase,
            "next": next,
        }));
    } else {
        output::print(format_args!("asked release {id} to {wish}; {next}"));
    }
}

/// What becomes of a wish. `free` says why nobody drives the release, if that is certain.
fn next(release: &Release, noted: bool, free: Option<&str>, clock: Timestamp) -> String {
    let driver = &release.driver;
    match (&release.outcome, noted, free) {
        (Some((outcome, why)), _, _) => format!("the release is over: {outcome}: {why}"),
        (None, true, _) => format!("{driver} has taken note: {}", now(release)),
        (None, false, Some(free)) => {
            format!("nobody drives the release ({free}): run `cutover resume`, and it takes effect")
        }
        (None, false, None) if clock >= release.owned_until => format!(
            "{driver} drives the release and takes note with its next look; but it has not been heard of since {}, by this machine's clock: \
             if it does not run any more, run `cutover resume`, and it takes effect",
            release.heard_at
        ),
        (None, false, None) => format!("{driver} drives the release and takes note with its next look"),
    }
}

/// What a release does now.
fn now(release: &Release) -> String {
    if let Some(back) = &release.rollback {
        return format!("rolling back: {}", back.why);
    }
    if let Some(pause) = &release.pause {
        return format!(
            "no step forward until {}, then it goes on by itself; `cutover resume` ends the pause",
            pause.until
        );
    }
    if let Some(gate) = release.gate.as_ref().filter(|gate| gate.promoted_by.is_some()) {
        return format!("it goes through gate {}", gate.id);
    }
    match &release.waiting {
        Some(why) => format!("phase {}: {why}", release.phase),
        None => format!("phase {}", release.phase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn only_who_is_certainly_gone_is_said_to_be_gone() {
        let release = release(plan());
        let until = release.owned_until;
        let said = next(&release, false, None, until - Duration::from_secs(1));
        assert!(said.ends_with("takes note with its next look"), "{said}");
        let said = next(&release, false, None, until);
        for word in ["drives the release", "by this machine's clock", "cutover resume"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let said = next(&release, false, Some("its machine has burnt down"), until);
        assert!(
            said.contains("nobody drives the release (its machine has burnt down)"),
            "{said}"
        );
        assert!(next(&release, true, None, until).contains("has taken note"));
    }

    #[test]
    fn whoever_has_opened_a_gate_is_not_told_to_open_it() {
        use crate::release::{OpenGate, Why};

        let mut release = release(plan());
        release.waiting = Some(Why::Working {
            what: "somebody".to_owned(),
        });
        let mut gate = OpenGate {
            id: "7-shift-3".to_owned(),
            before: crate::spec::GatePlace::Shift,
            since: release.started_at,
            until: release.owned_until,
            promoted_by: None,
        };
        release.gate = Some(gate.clone());
        assert!(now(&release).contains("somebody"));
        gate.promoted_by = Some(release.driver.clone());
        release.gate = Some(gate);
        assert_eq!(now(&release), "it goes through gate 7-shift-3");
    }
}
