//! `cutover adopt` and `cutover unadopt`.

use std::process::ExitCode;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::compose::{Adopted, AdoptionError, Direction, Wanted, adoption};
use crate::report::Format;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The name, such as www.example.com. Default: `weighted_dns.name`, or the host of `public_url`.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The hosted zone's id. Default: the zone of this account that holds the name.
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
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
    let wanted = Wanted {
        direction,
        name: arguments.name.as_deref(),
        zone: arguments.zone.as_deref(),
        dry: arguments.dry_run,
        tell: &|text| {
            if format == Format::Human {
                output::tell(text);
            }
        },
    };
    match Box::pin(adoption(&project, &world.aws, journal.as_ref(), &wanted)).await {
        Ok(adopted) => {
            tell(&adopted, &wanted, format);
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(code(&error), error),
    }
}

fn code(error: &AdoptionError) -> u8 {
    match error {
        AdoptionError::NoName { .. } | AdoptionError::BadName { .. } | AdoptionError::NoRegion => exit::USAGE,
        error if error.is_refusal() => exit::REFUSED,
        _ => exit::FAILED,
    }
}

fn tell(adopted: &Adopted, wanted: &Wanted<'_>, format: Format) {
    let Adopted {
        name,
        zone,
        changes,
        in_sync,
    } = adopted;
    let form = match wanted.direction {
        Direction::Adopt => "weighted",
        Direction::Unadopt => "simple",
    };
    if format == Format::Json {
        output::print(serde_json::json!({
            "name": name, "zone": zone, "form": form, "changes": changes, "dry_run": wanted.dry, "in_sync": in_sync,
        }));
        return;
    }
    for change in changes {
        output::print(change);
    }
    output::print(match (changes.is_empty(), wanted.dry, in_sync) {
        (true, ..) => format!("{name} has {form} records already; nothing was changed"),
        (_, true, _) => format!("this would give {name} {form} records; nothing was changed"),
        (_, _, Some(true)) => format!("{name} has {form} records, and all servers of Route 53 know them"),
        _ => format!(
            "{name} has {form} records; all servers of Route 53 know them in a minute or so, which was not confirmed"
        ),
    });
}
