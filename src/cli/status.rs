//! `cutover status`.

use std::process::ExitCode;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::journal::{Journal, catch_up, newest};
use crate::model::text::plural;
use crate::model::{Clock, ReleaseNumber, SystemClock};
use crate::release::{ReleaseId, Slot};
use crate::report::{self, Listed};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// The number of the release. Default: the newest one.
    #[arg(value_name = "RELEASE", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "last")]
    release: Option<u32>,
    /// List so many of the newest releases instead, a line each.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read_partly() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let journal = project.open_journal(&reach).await;
    if let Some(most) = arguments.last {
        return list(journal.as_ref(), &project.slot(), most, arguments.project.json).await;
    }
    let (read, named) = match arguments.release {
        Some(number) => {
            let id = ReleaseId {
                slot: project.slot(),
                number: ReleaseNumber(number),
            };
            (catch_up(journal.as_ref(), &id, None).await, Some(id))
        }
        None => (newest(journal.as_ref(), &project.slot()).await, None),
    };
    match (read, named) {
        (Ok(None), Some(id)) => output::fail(
            exit::REFUSED,
            format!(
                "there is no release {id} in {}; `cutover status --last 10` lists the newest ones",
                journal.location()
            ),
        ),
        (Ok(Some(release)), _) => {
            if arguments.project.json {
                match serde_json::to_string(&release) {
                    Ok(text) => output::print(text),
                    Err(error) => {
                        return output::fail(exit::FAILED, format!("could not write the release as JSON: {error}"));
                    }
                }
            } else {
                let now = SystemClock.now();
                let free = crate::driver::is_certainly_free(&release, now);
                output::print(report::status(&release, now, free.as_deref(), &journal.location()).trim_end());
            }
            ExitCode::SUCCESS
        }
        (Ok(None), None) if arguments.project.json => {
            output::print("null");
            ExitCode::SUCCESS
        }
        (Ok(None), None) => {
            none_yet(journal.as_ref(), &project.slot());
            ExitCode::SUCCESS
        }
        (Err(error), _) => output::fail(exit::FAILED, error),
    }
}

fn none_yet(journal: &dyn Journal, slot: &Slot) {
    output::print(format_args!("no release of {slot} yet in {}", journal.location()));
}

/// Lists the newest releases, each as soon as it is read.
async fn list(journal: &dyn Journal, slot: &Slot, most: u32, json: bool) -> ExitCode {
    let newest = match journal.latest(slot).await {
        Ok(newest) => newest.map_or(0, |newest| newest.0),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if !json {
        match newest {
            0 => none_yet(journal, slot),
            _ => output::print(report::HEADING),
        }
    }
    let mut damaged = 0;
    for number in (1..=newest).rev().take(most as usize) {
        let id = ReleaseId {
            slot: slot.clone(),
            number: ReleaseNumber(number),
        };
        match catch_up(journal, &id, None).await {
            Ok(Some(release)) if json => output::print(serde_json::json!(Listed::of(&release))),
            Ok(Some(release)) => output::print(Listed::of(&release).line()),
            // Old ones may have been removed from it by hand.
            Ok(None) => {}
            // Whoever cannot reach the journal reaches no other release either.
            Err(error) if error.may_pass() || error.is_refused() => return output::fail(exit::FAILED, error),
            Err(error) => {
                damaged += 1;
                let why = error.to_string();
                if json {
                    output::print(serde_json::json!({ "release": id.to_string(), "number": number, "error": why }));
                } else {
                    output::print(report::unreadable(id.number, &why));
                }
            }
        }
    }
    match damaged {
        0 => ExitCode::SUCCESS,
        count => output::fail(exit::FAILED, format!("{} cannot be read", plural(count, "release"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Append, DirectoryJournal};
    use crate::release::tests::{first_entry, plan};

    #[tokio::test]
    async fn a_release_that_is_damaged_does_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let slot = plan().id.slot;
        let listed = async || format!("{:?}", list(&journal, &slot, 9, true).await);
        for number in [1, 2] {
            let mut plan = plan();
            plan.id.number = ReleaseNumber(number);
            assert_eq!(journal.append(&first_entry(plan)).await.unwrap(), Append::Written);
        }
        assert_eq!(listed().await, format!("{:?}", ExitCode::SUCCESS));
        let entries = folder.path().join("shop/production/2");
        let entry = std::fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
        std::fs::write(entry, "").unwrap();
        assert_eq!(listed().await, format!("{:?}", ExitCode::from(exit::FAILED)));
    }
}
