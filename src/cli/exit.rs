//! Exit codes. Each outcome has its own, so that a pipeline never takes a rollback for a success.

use std::process::ExitCode;

use crate::release::Outcome;

/// Something went wrong that is not an outcome: the journal cannot be read, a file cannot be written.
pub(super) const FAILED: u8 = 1;
/// The command line, the environment or `cutover.toml` are wrong. clap uses the same code.
pub(super) const USAGE: u8 = 2;
/// Preflight found problems; nothing was changed.
pub(super) const REFUSED: u8 = 3;
/// Green was taken back.
pub(super) const ROLLED_BACK: u8 = 4;
/// Stopped before green had traffic, and not because it was bad: someone's wish, a gate that nobody promoted, a drill that gave up,
/// somebody else's change.
pub(super) const ABORTED: u8 = 5;
/// The release cannot go on by itself.
pub(super) const NEEDS_HUMAN: u8 = 6;
/// The driver was stopped by a signal; the release goes on with `cutover resume`.
pub(super) const INTERRUPTED: u8 = 130;

/// The table for the help text.
pub(super) const HELP: &str = "\
Exit codes:
  0    promoted, or done
  1    failed: the journal or another file could not be used
  2    usage: arguments, environment or cutover.toml are wrong
  3    refused: problems were found before anything was changed
  4    rolled back: the new version was taken back
  5    aborted: stopped before the new version had traffic, and not because it was
       bad (someone's wish, a gate nobody promoted, a drill that gave up, somebody
       else's change)
  6    needs a human
  130  interrupted: go on with `cutover resume`";

/// The code of an outcome.
pub(super) fn of(outcome: Outcome) -> ExitCode {
    ExitCode::from(match outcome {
        Outcome::Promoted => 0,
        Outcome::Refused => REFUSED,
        Outcome::RolledBack => ROLLED_BACK,
        Outcome::Aborted => ABORTED,
        Outcome::NeedsHuman => NEEDS_HUMAN,
    })
}
