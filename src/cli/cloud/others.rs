//! `cutover cloud status`, `stop` and `reset`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};

use super::super::{exit, output};
use super::register::{Register, Running};
use crate::local::folder;

/// A cloud ends all its processes first.
const PATIENCE: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// List the clouds that run on this machine. Ends with 1 when there is none.
    Status {
        /// A line of JSON for each, on standard output.
        #[arg(long)]
        json: bool,
    },
    /// End clouds, with all their processes.
    Stop(Which),
    /// End the cloud of a folder, and remove what it has left there.
    Reset {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The one at that endpoint. Default: the only one.
    #[arg(long, value_name = "URL", conflicts_with = "all")]
    endpoint: Option<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(order: Order) -> ExitCode {
    match carry_out(order).await {
        Ok(code) => code,
        Err(error) => output::fail(
            exit::FAILED,
            format!("the clouds of this machine cannot be looked at: {error}"),
        ),
    }
}

async fn carry_out(order: Order) -> std::io::Result<ExitCode> {
    let register = Register::of_user()?;
    match order {
        Order::Status { json } => {
            let all = register.running()?;
            for running in &all {
                if json {
                    output::print(serde_json::json!(running));
                } else {
                    output::print(line(running));
                }
            }
            if all.is_empty() {
                return Ok(output::fail(
                    exit::FAILED,
                    "no cloud runs; start one with `cutover cloud`",
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        Order::Stop(which) => {
            let all = register.running()?;
            let meant = match (&which.endpoint, all.as_slice()) {
                (Some(endpoint), _) => {
                    let wanted = endpoint.trim_end_matches('/');
                    all.iter()
                        .filter(|running| running.endpoint == wanted)
                        .cloned()
                        .collect()
                }
                (None, [_] | []) => all.clone(),
                (None, _) if which.all => all.clone(),
                (None, _) => {
                    let told = format!("{} clouds run; say which with --endpoint, or --all", all.len());
                    return Ok(output::fail(exit::USAGE, told));
                }
            };
            if meant.is_empty() {
                return Ok(output::fail(
                    exit::FAILED,
                    "no such cloud runs; `cutover cloud status` lists those that do",
                ));
            }
            stop(&register, &meant).await
        }
        Order::Reset { data } => {
            if let Err(error) = folder::check(&data) {
                return Ok(output::fail(exit::FAILED, error));
            }
            if let Some(running) = register.user_of(&data)? {
                let code = stop(&register, &[running]).await?;
                if code != ExitCode::SUCCESS {
                    return Ok(code);
                }
            }
            if let Err(error) = folder::clear(&data) {
                return Ok(output::fail(exit::FAILED, error));
            }
            output::tell(format_args!("{} is as before the first cloud", data.display()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn stop(register: &Register, meant: &[Running]) -> std::io::Result<ExitCode> {
    for running in meant {
        running.end()?;
    }
    let begun = Instant::now();
    loop {
        let left = register.running()?;
        let left = meant.iter().filter(|running| left.contains(running)).count();
        if left == 0 {
            for running in meant {
                output::tell(format_args!("{} has ended", running.endpoint));
            }
            return Ok(ExitCode::SUCCESS);
        }
        if begun.elapsed() > PATIENCE {
            let told = format!("{left} clouds do not end; look for their processes with `cutover cloud status`");
            return Ok(output::fail(exit::FAILED, told));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn line(running: &Running) -> String {
    let data = running
        .data
        .as_ref()
        .map_or_else(|| "no folder of its own".to_owned(), |data| data.display().to_string());
    format!("{}  process {}  {data}", running.endpoint, running.pid)
}
