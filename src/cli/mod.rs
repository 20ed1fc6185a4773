//! The command line: arguments in, exit code out. One file per command; no decisions.

mod adopt;
mod backtest;
mod check;
#[cfg(feature = "local")]
mod cloud;
mod completions;
mod drill;
mod exit;
mod iam_policy;
#[cfg(feature = "local")]
pub mod keep;
mod output;
mod project;
#[cfg(feature = "local")]
mod rehearse;
mod release;
mod resume;
mod rollback;
mod schema;
#[cfg(feature = "local")]
mod sim;
mod status;
mod verdict;
mod wish;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::compose::Direction;
use crate::model::text::is_region;

/// Releases a new version of a web application on AWS without losing a request, and takes it back by itself when it is bad.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, about, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Release a version: blue/green, watched, with a way back.
    Release(release::Arguments),
    /// Say where the slot's newest release stands, or how another one has ended, or list the newest ones.
    Status(status::Arguments),
    /// Go on with a release that is paused, or whose driver has ended.
    Resume(resume::Arguments),
    /// Let the release take no step forward for a while; it is still watched, and goes back if it must.
    Pause(wish::PauseArguments),
    /// Let the release through a gate.
    Promote(wish::PromoteArguments),
    /// Stop the release before the new version gets traffic; once it has some, the same as a rollback.
    Abort(wish::AbortArguments),
    /// Take the newest release back.
    Rollback(rollback::Arguments),
    /// Give a name that leads to the live environment weighted records in Route 53, without a gap, and a text beside it that
    /// says whose it is.
    Adopt(adopt::Arguments),
    /// Give a name that was adopted a simple record again, with the same answer.
    Unadopt(adopt::Arguments),
    /// Judge measurements of a release line by line: whether green is worse than blue, and why.
    Verdict(verdict::Arguments),
    /// Judge recorded releases anew: what `[verdict]` as it is now would have done, when, and how many users would have been hurt.
    Backtest(backtest::Arguments),
    /// Prove that going back works: release the version that is live, and take it back.
    Drill(drill::Arguments),
    /// Print the IAM policy that releases of this configuration need, and no more.
    IamPolicy(iam_policy::Arguments),
    /// Check cutover.toml for mistakes, without AWS. `cutover release --dry-run` also asks AWS whether a release could begin.
    Check(check::Arguments),
    /// Print the JSON Schema of cutover.toml.
    Schema,
    /// Print a script by which a shell completes cutover's commands and options.
    Completions(completions::Arguments),
    /// Rehearse releases of real processes on a cloud of this machine. Needs no AWS account.
    #[cfg(feature = "local")]
    Rehearse(rehearse::Arguments),
    /// Run a cloud of this machine that AWS clients can use.
    #[cfg(feature = "local")]
    Cloud(cloud::Arguments),
    /// Simulate releases in thousands of random worlds in which everything goes wrong, and check that none ends badly.
    #[cfg(feature = "local")]
    Sim(sim::Arguments),
    /// The sample application of the rehearsal.
    #[cfg(feature = "local")]
    #[command(hide = true)]
    SampleApp,
}

/// Reads the name of a region.
fn region(text: &str) -> Result<String, &'static str> {
    is_region(text)
        .then(|| text.to_owned())
        .ok_or("this is not the name of a region, such as eu-west-1")
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(feature = "local")]
    {
        // Before anything else: there is a keeper for every process of the local cloud, so it starts small.
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == crate::local::cloud::KEEP) {
            return keep::main(arguments);
        }
    }
    let cli = Cli::parse();
    output::whole(match cli.command {
        Command::Release(arguments) => output::block_on(release::run(arguments)),
        Command::Status(arguments) => output::block_on(status::run(arguments)),
        Command::Resume(arguments) => output::block_on(resume::run(arguments)),
        Command::Pause(arguments) => output::block_on(wish::pause(arguments)),
        Command::Promote(arguments) => output::block_on(wish::promote(arguments)),
        Command::Abort(arguments) => output::block_on(wish::abort(arguments)),
        Command::Rollback(arguments) => output::block_on(rollback::run(arguments)),
        Command::Adopt(arguments) => output::block_on(adopt::run(arguments, Direction::Adopt)),
        Command::Unadopt(arguments) => output::block_on(adopt::run(arguments, Direction::Unadopt)),
        Command::Verdict(arguments) => verdict::run(&arguments),
        Command::Backtest(arguments) => output::block_on(backtest::run(arguments)),
        Command::Drill(arguments) => output::block_on(drill::run(arguments)),
        Command::IamPolicy(arguments) => output::block_on(iam_policy::run(arguments)),
        Command::Check(arguments) => check::run(&arguments),
        Command::Schema => schema::run(),
        Command::Completions(arguments) => completions::run(&arguments),
        #[cfg(feature = "local")]
        Command::Rehearse(arguments) => output::block_on(rehearse::run(arguments)),
        #[cfg(feature = "local")]
        Command::Cloud(arguments) => output::block_on(cloud::run(arguments)),
        #[cfg(feature = "local")]
        Command::Sim(arguments) => sim::run(&arguments),
        #[cfg(feature = "local")]
        Command::SampleApp => output::block_on(rehearse::sample_app()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> Result<(), String> {
        let words = std::iter::once("cutover").chain(line.split_whitespace());
        match Cli::try_parse_from(words) {
            Ok(_) => Ok(()),
            Err(error) => {
                assert_eq!(error.exit_code(), i32::from(exit::USAGE), "{line}");
                Err(error.to_string())
            }
        }
    }

    #[cfg(feature = "local")]
    #[test]
    fn an_application_that_is_not_there_is_not_rehearsed() {
        assert!(taken("rehearse src").is_ok());
        let said = taken("rehearse nope").unwrap_err();
        assert!(
            said.contains("no such file or folder") && !said.contains("--artifact"),
            "{said}"
        );
    }

    #[test]
    fn less_than_nothing_is_told_what_is_meant_not_how_to_write_it() {
        for (line, words) in [
            ("drill --max-share -5%", "\"-5%\" is no share"),
            ("drill history --objective -5m", "\"-5m\" is not a length of time"),
            ("pause --for -5m", "\"-5m\" is not a length of time"),
            ("pause --for 400d", "a day is \"24h\""),
        ] {
            let said = taken(line).unwrap_err();
            assert!(
                said.contains(words) && !said.contains("unexpected argument"),
                "{line}: {said}"
            );
        }
    }

    #[test]
    fn a_policy_is_for_an_account_and_a_region_that_can_be() {
        assert!(taken("iam-policy --account 123456789012 --region eu-central-1").is_ok());
        for id in ["12", "1234-5678-9012", "12345678901x"] {
            let said = taken(&format!("iam-policy --account {id}")).unwrap_err();
            assert!(said.contains("twelve digits"), "{id}: {said}");
        }
        assert!(taken("iam-policy --region eu_central").is_err_and(|said| said.contains("eu-west-1")));
        #[cfg(feature = "local")]
        assert!(taken("cloud --region mars").is_err_and(|said| said.contains("eu-west-1")));
    }

    #[test]
    fn a_release_is_looked_at_or_several_are_listed() {
        assert!(taken("status 2").is_ok() && taken("rollback --release 2").is_ok());
        for line in ["status 0", "status two", "status 2 --last 3", "rollback --release 0"] {
            assert!(taken(line).is_err(), "{line}");
        }
    }

    #[test]
    fn nothing_of_something_is_a_mistake() {
        for command in ["drill history", "status"] {
            assert!(taken(&format!("{command} --last 1")).is_ok());
            assert!(taken(&format!("{command} --last 0")).is_err_and(|said| said.contains("0 is not in 1..")));
        }
        #[cfg(feature = "local")]
        for argument in ["--seeds", "--threads"] {
            assert!(taken(&format!("sim {argument} 1")).is_ok());
            assert!(taken(&format!("sim {argument} 0")).is_err_and(|said| said.contains(argument)));
        }
        #[cfg(feature = "local")]
        for number in ["0", "-1", "NaN", "inf", "many"] {
            let said = taken(&format!("rehearse --rate {number}")).unwrap_err();
            assert!(said.contains("a number above 0"), "{number}: {said}");
        }
    }
}
