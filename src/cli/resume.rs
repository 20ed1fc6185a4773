//! `cutover resume`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::project::{Found, ProjectArguments};
use super::{exit, output};
use crate::compose::Until;
use crate::driver::{Driver, Seat};
use crate::model::SystemClock;
use crate::release::{Notice, Release, Wish};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Go on with a release that is paused, and leave it paused: it is watched, and goes back if it must, until the pause ends.
    #[arg(long)]
    keep_pause: bool,
    /// Go on as things are, where the release asks about what somebody else has changed. A release that nobody drives asks on without it.
    #[arg(long)]
    accept: bool,
    /// Do not keep blue, or a green that was taken back, any longer.
    #[arg(long)]
    end_wait: bool,
    /// Take the release over from whoever drives it, even if that process may be alive: it makes no new call from then on.
    #[arg(long)]
    take_over: bool,
    /// When to end.
    #[arg(long, value_enum, default_value_t = Until::Over)]
    until: Until,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let format = arguments.project.format();
    let Found {
        project,
        reach,
        journal,
        release,
    } = match arguments.project.newest().await {
        Ok(found) => found,
        Err(code) => return code,
    };
    if let Some((outcome, _)) = release.outcome {
        project.let_go(&release);
        return output::ended(Ok(Some(outcome)), &release, format);
    }
    let world = match project.connect(&reach, Vec::new()).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let seat = Seat::new(journal, world, Arc::new(SystemClock), report::reporter(format));
    let mut driver = Driver::join(seat, release);
    if arguments.take_over
        && let Err(error) = driver.take_over().await
    {
        return output::ended(Err(output::Ended::Failed(error)), driver.release(), format);
    }
    if arguments.end_wait
        && let Err(error) = driver.ask(Wish::EndWait).await
    {
        return output::fail(exit::FAILED, error);
    }
    // A pause that was asked for and is not noted yet is the driver's, if there is one, and a question has been asked by that; the time of
    // day does not tell whether there is one.
    let held = driver.release().wishes.pause.is_some() || driver.release().question.is_some();
    let drives = if held { driver.comes_to_drive().await } else { Ok(false) };
    let drives = match drives {
        Ok(drives) => drives,
        Err(error) => return output::ended(Err(output::Ended::Failed(error)), driver.release(), format),
    };
    let (asks, said) = holds(driver.release(), drives, arguments.keep_pause, arguments.accept);
    if let Some(message) = said {
        driver.seat().listener.notice(Notice::Remark { message: &message });
    }
    if asks && let Err(error) = driver.ask(Wish::Resume).await {
        return output::fail(exit::FAILED, error);
    }
    let until = arguments.until;
    let result = output::drive(&mut driver, move |release| until.reached(release)).await;
    let release = driver.release().clone();
    drop(driver);
    project.let_go(&release);
    output::ended(result, &release, format)
}

/// What becomes of what holds the release: whether it is asked to go on, and what its person is told. `drives` says whether this
/// process is going to drive it.
fn holds(release: &Release, drives: bool, keep_pause: bool, accept: bool) -> (bool, Option<String>) {
    let pause = (&release.wishes.pause, &release.pause);
    if let (Some(question), (None, None)) = (&release.question, pause) {
        if !drives || accept {
            return (
                true,
                Some(format!("this is the answer to a question: {}", question.what)),
            );
        }
        let said = format!(
            "a question is open until {}: {}; `cutover resume --accept` goes on as things are, and `cutover abort` turns back, also from another \
             terminal",
            question.until, question.what
        );
        return (false, Some(said));
    }
    match pause {
        // It was asked for while nobody drove, and has held nothing yet: it is what this release is to do first.
        (Some(asked), _) if drives => {
            let (by, length) = (&asked.by, asked.length);
            let said = format!(
                "{by} has asked for a pause of {length}, which begins now; `cutover resume` at another terminal ends it"
            );
            (false, Some(said))
        }
        (None, Some(pause)) if keep_pause => {
            let (by, until) = (&pause.by, pause.until);
            (
                false,
                Some(format!("the release stays paused, as {by} wants it, until {until}")),
            )
        }
        (Some(_), _) if keep_pause => (false, None),
        (Some(_), _) => (
            true,
            Some("the pause that was asked for ends before it has begun".to_owned()),
        ),
        (None, Some(pause)) => {
            let (by, until) = (&pause.by, pause.until);
            let said = format!("this ends the pause that {by} wanted until {until}; `--keep-pause` would leave it");
            (true, Some(said))
        }
        (None, None) => (false, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Span, Timestamp};
    use crate::release::tests::{plan, release};
    use crate::release::{Pause, PauseAsked, Question, Writer};

    fn by() -> Writer {
        release(plan()).driver
    }

    fn asked() -> Release {
        let mut release = release(plan());
        release.wishes.pause = Some(PauseAsked {
            length: Span::from_secs(7200),
            by: by(),
        });
        release
    }

    fn paused() -> Release {
        let mut release = release(plan());
        release.pause = Some(Pause {
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(1_800_000_000_000),
            by: by(),
        });
        release
    }

    #[test]
    fn a_pause_that_nobody_has_noted_takes_effect_when_somebody_drives() {
        for keep_pause in [false, true] {
            let (asks, said) = holds(&asked(), true, keep_pause, false);
            let said = said.expect("the person is told");
            assert!(
                !asks && said.contains("a pause of 2h") && said.contains("begins now"),
                "{said}"
            );
        }
        // Of a release that was paused before, it is the newer wish.
        let mut again = paused();
        again.wishes.pause = asked().wishes.pause;
        assert!(!holds(&again, true, false, false).0);
        // Somebody drives it, and has not looked yet: to resume is to take it back.
        assert!(holds(&asked(), false, false, false).0);
        assert!(!holds(&asked(), false, true, false).0);
    }

    #[test]
    fn a_pause_ends_by_resume_unless_it_is_kept_and_both_are_said() {
        let (asks, said) = holds(&paused(), true, false, false);
        let said = said.expect("the person is told");
        assert!(
            asks && said.contains("this ends the pause") && said.contains("--keep-pause"),
            "{said}"
        );
        let (asks, said) = holds(&paused(), true, true, false);
        assert!(!asks && said.is_some_and(|said| said.contains("stays paused")));
    }

    #[test]
    fn a_question_is_answered_and_nothing_else_is_asked_for() {
        assert_eq!(holds(&release(plan()), true, false, false), (false, None));
        let mut asking = release(plan());
        asking.question = Some(Question {
            what: "blue has another version".to_owned(),
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(1),
        });
        let (asks, said) = holds(&asking, false, false, false);
        assert!(asks && said.is_some_and(|said| said.contains("blue has another version")));
        assert!(holds(&asking, true, false, true).0, "it is meant");
        // Who wants to see it driven has not been shown the question yet.
        let (asks, said) = holds(&asking, true, true, false);
        assert!(!asks && said.is_some_and(|said| said.contains("blue has another version")));
    }
}
