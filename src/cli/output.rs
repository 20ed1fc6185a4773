//! Printing, and running a command to its end.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::pin::Pin;
use std::process::ExitCode;

use super::exit;
use crate::compose::NotBegun;
use crate::driver::{Driver, DriverError};
use crate::release::preflight::Problem;
use crate::release::{Notice, Outcome, Release, Source};
use crate::report::Format;
use crate::report::out::{lost, write_line};
use crate::spec::SpecError;

/// Runs a command on a small runtime: a release waits more than it works.
pub(super) fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            // A file that is still being read in the background must not hold the process.
            runtime.shutdown_timeout(std::time::Duration::from_millis(200));
            code
        }
        Err(error) => fail(
            exit::FAILED,
            format!("could not start the asynchronous runtime: {error}"),
        ),
    }
}

/// Shows what the local cloud warns of, on the standard error. Its S3 library takes every missing key for an error; that is
/// left out.
#[cfg(feature = "local")]
pub(super) fn show_warnings() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let ours = Targets::new().with_target("cutover", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    // Only a second call in the same process could fail, and there is none.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

/// Prints data. What is lost of it makes the command fail in the end: see [`whole`].
pub(super) fn print(text: impl Display) {
    write_line(text);
}

/// The exit code of a command; another one than it should be if it did well and some of its output was lost. An outcome of its own,
/// such as a rollback, says more.
pub(super) fn whole(code: ExitCode) -> ExitCode {
    match lost() {
        Some(why) => {
            let failed = fail(exit::FAILED, why);
            if code == ExitCode::SUCCESS { failed } else { code }
        }
        None => code,
    }
}

/// Prints a message for a person.
pub(super) fn tell(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints an error and gives its exit code.
pub(super) fn fail(code: u8, message: impl Display) -> ExitCode {
    tell(format_args!("cutover: {message}"));
    ExitCode::from(code)
}

/// Prints what is wrong with a `cutover.toml`.
pub(super) fn bad_spec(error: &SpecError) -> ExitCode {
    let width = terminal_width();
    tell(error.render(std::io::stderr().is_terminal(), width));
    ExitCode::from(exit::USAGE)
}

/// What the environment says, or else how wide the terminal is.
fn terminal_width() -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let seen = || {
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?.ws_col;
        (columns > 0).then_some(usize::from(columns))
    };
    told().or_else(seen).unwrap_or(100)
}

/// Prints everything that is in the way of a release.
pub(super) fn refuse(problems: &[Problem], format: Format) -> ExitCode {
    if format == Format::Json {
        print(serde_json::json!({ "outcome": Outcome::Refused.code(), "problems": problems }));
    } else {
        let count = crate::model::text::plural(problems.len() as u64, "problem");
        tell(format_args!(
            "cutover: the release was refused, nothing was changed; {count}:"
        ));
        for problem in problems {
            tell(format_args!("  - {}\n    {}", problem.message, problem.advice));
        }
    }
    ExitCode::from(exit::REFUSED)
}

/// Says why no release has begun, and gives the exit code.
pub(super) fn not_begun(why: NotBegun, format: Format) -> ExitCode {
    match why {
        NotBegun::Refused(problems) => refuse(&problems, format),
        NotBegun::Failed(error @ DriverError::Elsewhere { .. }) => fail(exit::REFUSED, error),
        NotBegun::Failed(error) => fail(exit::FAILED, error),
        NotBegun::Interrupted(message) => fail(exit::INTERRUPTED, message),
    }
}

/// Drives a release to its end, or until `stop` says so, or until a signal comes.
pub(super) async fn drive(
    driver: &mut Driver,
    stop: impl Fn(&Release) -> bool + Send,
) -> Result<Option<Outcome>, Ended> {
    drive_until(driver, stop, std::pin::pin!(interrupted())).await
}

/// The same, for whoever has listened for signals before.
pub(super) async fn drive_until(
    driver: &mut Driver,
    stop: impl Fn(&Release) -> bool + Send,
    interrupted: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<Outcome>, Ended> {
    let result = tokio::select! {
        result = driver.run(stop) => result.map_err(Ended::Failed),
        () = interrupted => Err(Ended::Interrupted),
    };
    match result {
        Ok(None) | Err(Ended::Interrupted) => driver.leave().await,
        Ok(Some(Outcome::RolledBack | Outcome::Aborted | Outcome::NeedsHuman)) => {
            if let Some(place) = &driver.release().saved {
                let message = format!("events and logs of green, from before it was removed: {place}");
                driver.seat().listener.notice(Notice::Remark { message: &message });
            }
        }
        _ => {}
    }
    result
}

/// Waits for Ctrl-C, SIGTERM, or SIGHUP, which is what a terminal leaves behind that is closed. From the first look on they do not end
/// the process by themselves.
pub(super) async fn interrupted() {
    use tokio::signal::unix::SignalKind;
    let hangup = (!survives_its_terminal()).then(SignalKind::hangup);
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = signalled(Some(SignalKind::terminate())) => {}
        () = signalled(hangup) => {}
    }
}

/// Waits for a signal; forever for none, or for one that cannot be listened to.
async fn signalled(kind: Option<tokio::signal::unix::SignalKind>) {
    match kind.and_then(|kind| tokio::signal::unix::signal(kind).ok()) {
        Some(mut signal) => signal.recv().await.unwrap_or(()),
        None => std::future::pending().await,
    }
}

/// Whether this process was started so that it outlives its terminal, as `nohup` does: then SIGHUP is ignored, and listening to it
/// would change that.
fn survives_its_terminal() -> bool {
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => ignores_hangup(&status),
        // Elsewhere: whoever is not on a terminal has none to lose.
        Err(_) => {
            let on_terminal =
                std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
            !on_terminal
        }
    }
}

/// Whether SIGHUP, the first signal, is among those that a process ignores, by its status in `/proc`.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}

/// Why driving has ended without the release being over.
pub(super) enum Ended {
    /// By a signal.
    Interrupted,
    /// By an error.
    Failed(DriverError),
}

/// Prints how it ended, and gives the exit code.
pub(super) fn ended(result: Result<Option<Outcome>, Ended>, release: &Release, format: Format) -> ExitCode {
    match result {
        Ok(Some(outcome)) => {
            let why = release.outcome.as_ref().map_or("", |(_, why)| why.as_str());
            if format == Format::Json {
                print(
                    serde_json::json!({ "release": release.plan.id.to_string(), "outcome": outcome.code(), "why": why }),
                );
            } else {
                print(format_args!("{outcome}: {why}"));
            }
            exit::of(outcome)
        }
        Ok(None) => {
            if format == Format::Json {
                print(
                    serde_json::json!({ "release": release.plan.id.to_string(), "outcome": Outcome::Promoted.code(), "phase": release.phase }),
                );
            } else {
                print(format_args!(
                    "promoted; blue still runs: `cutover resume` waits for its end, `cutover rollback` goes back to it"
                ));
            }
            ExitCode::SUCCESS
        }
        Err(Ended::Interrupted) => fail(exit::INTERRUPTED, interruption(release)),
        Err(Ended::Failed(error @ (DriverError::Busy { .. } | DriverError::Elsewhere { .. }))) => {
            fail(exit::REFUSED, error)
        }
        Err(Ended::Failed(error)) => fail(
            exit::FAILED,
            format!("{error}\nThe release is not lost: go on with `cutover resume`"),
        ),
    }
}

/// What a person is told whose release has lost its driver by a signal.
fn interruption(release: &Release) -> String {
    let phase = release.phase;
    let back = match release.plan.source {
        Source::Recorded { .. } => "or give it up by `cutover abort`",
        _ => "or take it back by `cutover rollback`",
    };
    if !release.handed_over && release.driver.process != std::process::id() {
        return format!(
            "interrupted in phase {phase}; {} drives the release, and goes on with it: `cutover status` shows how it stands, \
             `cutover resume` follows it again, {back}",
            release.driver
        );
    }
    match (&release.pause, &release.wishes.pause) {
        (Some(pause), None) => format!(
            "interrupted in phase {phase}; the release is not lost. It was paused until {}: `cutover resume --keep-pause` goes on \
             watching it and keeps the pause, `cutover resume` ends the pause and goes on; {back}",
            pause.until
        ),
        (_, Some(asked)) => format!(
            "interrupted in phase {phase}; the release is not lost: go on with `cutover resume`, by which the pause of {} begins that \
             {} asked for, {back}",
            asked.length, asked.by
        ),
        (None, None) => {
            format!("interrupted in phase {phase}; the release is not lost: go on with `cutover resume`, {back}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::release::tests::{plan, release};
    use crate::release::{Pause, Phase};

    #[test]
    fn who_was_started_to_outlive_its_terminal_is_known() {
        let of = |mask: &str| {
            ignores_hangup(&format!(
                "Name:\tcutover\nSigBlk:\t0000000000000001\n{mask}SigCgt:\t01\n"
            ))
        };
        assert!(of("SigIgn:\t0000000000001001\n"));
        assert!(!of("SigIgn:\t0000000000001000\n"), "only SIGPIPE is ignored");
        assert!(!of(""));
    }

    #[test]
    fn whoever_interrupts_a_paused_release_learns_how_the_pause_is_kept() {
        let mut release = release(plan());
        release.phase = Phase::Bake;
        let follows = interruption(&release);
        assert!(follows.contains("drives the release, and goes on with it"), "{follows}");
        // This process drove it, and has handed it over.
        release.handed_over = true;
        let said = interruption(&release);
        assert!(
            said.contains("in phase bake") && said.contains("`cutover resume`, or"),
            "{said}"
        );
        assert!(!said.contains("pause"), "{said}");
        release.pause = Some(Pause {
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(1_800_000_000_000),
            by: release.driver.clone(),
        });
        let said = interruption(&release);
        assert!(
            said.contains("`cutover resume --keep-pause`") && said.contains("ends the pause"),
            "{said}"
        );
    }
}
