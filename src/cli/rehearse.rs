//! `cutover rehearse`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};

use super::{exit, output};
use crate::rehearse::{Rehearsal, RehearseError, RehearseSettings, rehearse, sample};
use crate::release::{Listener, Silent};
use crate::report::{self, Format};
use crate::spec::Lever;

/// How many times faster than AWS a rehearsal goes.
const PACE: f64 = 30.0;
/// The same for a comparison: what an application takes to finish its requests is not paced, and must stay shorter than DNS
/// answers live, as it is on AWS.
const COMPARED: f64 = 10.0;

/// The same for incidents: an instance that falls sick must show in windows in which it has some requests.
const INCIDENTS: f64 = 20.0;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Your own application: a folder or a zip. Default: a built-in sample, once good and once bad.
    #[arg(value_name = "DIR|ZIP", value_parser = PathBufValueParser::new().try_map(there))]
    application: Option<PathBuf>,
    /// What moves the traffic.
    #[arg(long, value_name = "LEVER", default_value = "cname-swap", value_parser = lever)]
    lever: Lever,
    /// Requests per second from clients meanwhile.
    #[arg(long, value_name = "RPS", default_value_t = 500.0, value_parser = above_zero, allow_hyphen_values = true)]
    rate: f64,
    /// Release the same application by cutover, the careless way (swap and terminate at once), and in place (as `eb deploy` does), to
    /// see what each loses.
    #[arg(long)]
    compare: bool,
    /// Instead of releases, run a drill of each kind under the same load.
    #[arg(long, conflicts_with = "compare")]
    drills: bool,
    /// Instead of a good and a bad version, release under incidents: a slower version, a database that is down for both versions, one
    /// sick instance, health that cannot be read, and hardly any users.
    #[arg(long, conflicts_with_all = ["compare", "drills", "application"])]
    incidents: bool,
    /// How many times faster than AWS the local cloud works.
    #[arg(long, value_name = "X", hide = true, value_parser = above_zero, allow_hyphen_values = true)]
    pace: Option<f64>,
    /// Print the result as one line of JSON, and nothing else on the standard output.
    #[arg(long)]
    json: bool,
}

/// The name of a lever, as `cutover.toml` has it.
fn lever(text: &str) -> Result<Lever, String> {
    let all = [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups];
    let known = all.iter().find(|lever| lever.as_str() == text).copied();
    known.ok_or_else(|| format!("known are {}", all.map(Lever::as_str).join(", ")))
}

/// A number above zero, which is what can be asked for a second and gone faster by.
fn above_zero(text: &str) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "write a number above 0".to_owned())
}

/// An application that is there. Whether it can be released is seen when it is made a bundle.
fn there(path: PathBuf) -> Result<PathBuf, &'static str> {
    if path.exists() {
        Ok(path)
    } else {
        Err("there is no such file or folder; name the application's folder, or a zip of it")
    }
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    output::show_warnings();
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            return output::fail(
                exit::FAILED,
                format!("could not find out where this program lies: {error}"),
            );
        }
    };
    let listener: Arc<dyn Listener> = if arguments.json {
        Arc::new(Silent)
    } else {
        report::reporter(Format::Human)
    };
    let json = arguments.json;
    let rehearsal = Rehearsal {
        settings: RehearseSettings {
            application: arguments.application,
            lever: arguments.lever,
            rate: arguments.rate,
            pace: arguments
                .pace
                .unwrap_or(match (arguments.compare, arguments.incidents) {
                    (true, _) => COMPARED,
                    (_, true) => INCIDENTS,
                    _ => PACE,
                }),
            compare: arguments.compare,
            drills: arguments.drills,
            incidents: arguments.incidents,
            program,
        },
        listener,
        tell: Box::new(move |text| {
            if !json {
                output::tell(format_args!("\n{text}"));
            }
        }),
    };
    let played = Box::pin(rehearse(&rehearsal, output::interrupted())).await;
    // Ends the moving line below the others.
    drop(rehearsal);
    match played {
        Ok(report) => {
            let passed = report.passed();
            if json {
                match serde_json::to_string(&report) {
                    Ok(line) => output::print(line),
                    Err(error) => {
                        return output::fail(exit::FAILED, format!("could not write the report as JSON: {error}"));
                    }
                }
            } else {
                output::tell("");
                output::print(report.table());
            }
            if passed {
                ExitCode::SUCCESS
            } else {
                output::fail(exit::FAILED, "the rehearsal did not go as it should")
            }
        }
        Err(error @ RehearseError::Interrupted) => output::fail(exit::INTERRUPTED, error),
        Err(error) => output::fail(exit::FAILED, error),
    }
}

/// Runs the sample application as an instance does: in its folder, on the port in `PORT`.
pub(super) async fn sample_app() -> ExitCode {
    let Some(port) = std::env::var("PORT").ok().and_then(|text| text.parse().ok()) else {
        return output::fail(exit::USAGE, "PORT is not set to a port");
    };
    match sample::serve(port, std::path::Path::new(".")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(exit::FAILED, format!("the sample application on port {port}: {error}")),
    }
}
