//! `cutover adopt` and `cutover unadopt`.

use std::process::ExitCode;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::aws::Effect;
use crate::compose::{Adopted, AdoptionError, Direction, adoption};
use crate::report::Format;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The name, such as www.example.com. Default: the host of `public_url`.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The hosted zone's id. Default: the zone of this account that holds the name.
    #[arg(long, value_name = "ID")]
    zone: Option<String>,
    /// Only print what would be changed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) async fn run(arguments: Arguments, direction: Direction) -> ExitCode {
    let format = arguments.project.format();
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let journal = project.open_journal(&reach).await;
    let world = match project.connect(&reach, Vec::new()).await {
        Ok(world) => world,
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let which = (direction, arguments.name.as_deref(), arguments.zone.as_deref());
    let work = adoption(&project, &world.aws, journal.as_ref(), which, arguments.dry_run);
    match Box::pin(work).await {
        Ok(adopted) => {
            tell(&adopted, direction, arguments.dry_run, format);
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(code(&error), error),
    }
}

fn code(error: &AdoptionError) -> u8 {
    match error {
        AdoptionError::NoName => exit::USAGE,
        AdoptionError::Journal(_) => exit::FAILED,
        AdoptionError::Call { error, .. } if error.effect != Effect::Refused => exit::FAILED,
        _ => exit::REFUSED,
    }
}

fn tell(adopted: &Adopted, direction: Direction, dry: bool, format: Format) {
    let Adopted {
        name,
        zone,
        changes,
        in_sync,
    } = adopted;
    let form = match direction {
        Direction::Adopt => "weighted",
        Direction::Unadopt => "simple",
    };
    if format == Format::Json {
        let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
        output::print(serde_json::json!({
            "name": name, "zone": zone, "form": form, "changes": changes, "dry_run": dry, "in_sync": in_sync,
        }));
        return;
    }
    for change in changes {
        output::print(change);
    }
    let bare = name.trim_end_matches('.');
    output::print(match (changes.is_empty(), dry, in_sync) {
        (true, ..) => format!("{bare} has {form} records already; nothing was changed"),
        (_, true, _) => format!("this would give {bare} {form} records; nothing was changed"),
        (_, _, true) => format!("{bare} has {form} records, and all servers of Route 53 know them"),
        (_, _, false) => format!(
            "{bare} has {form} records; that all servers of Route 53 know them could not be confirmed, which usually takes a minute"
        ),
    });
}
