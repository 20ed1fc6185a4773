//! `cutover cloud`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

mod others;
mod register;

use register::{Register, Running};

use super::{exit, output};
use crate::local::cloud::{CloudSettings, LocalCloud};
use crate::local::door::{Keys, KeysError};
use crate::local::permissions::Policy;
use crate::model::SystemClock;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    order: Option<others::Order>,
    /// Port for AWS clients.
    #[arg(long, value_name = "N", default_value_t = 4570)]
    port: u16,
    /// Port of the DNS server for environments' names.
    #[arg(long, value_name = "N", default_value_t = 4571)]
    dns_port: u16,
    /// Port of the environments' balancers. Each has a loopback address of its own.
    #[arg(long, value_name = "N", default_value_t = 8080)]
    http_port: u16,
    /// Port of an entrance that takes requests for all environments by their Host header.
    #[arg(long, value_name = "N", default_value_t = 4572)]
    edge_port: u16,
    /// How many times faster than AWS: 1 takes as long as AWS, 20 makes minutes of it seconds.
    #[arg(long, value_name = "X", default_value_t = 20.0)]
    pace: f64,
    /// Region it pretends to be.
    #[arg(long, value_name = "REGION", default_value = "eu-central-1", value_parser = super::region)]
    region: String,
    /// Hold calls to an IAM policy: those that are made with this access key id, or all that have none of their own.
    #[arg(long, value_name = "[KEY=]FILE")]
    policy: Vec<String>,
    /// Folder for its files and for what it remembers: a cloud that is started with it again goes on. Default: a temporary one,
    /// removed at the end with all that is in the cloud.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The variable with access keys. An option would show them to everybody on this machine.
const KEYS: &str = "CUTOVER_CLOUD_KEYS";

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    match arguments.order {
        Some(order) => others::run(order).await,
        None => start(arguments).await,
    }
}

async fn start(arguments: Arguments) -> ExitCode {
    if !(arguments.pace.is_finite() && arguments.pace > 0.0) {
        return output::fail(
            exit::USAGE,
            format!("--pace {} is not a positive number", arguments.pace),
        );
    }
    let policies = match policies(&arguments.policy) {
        Ok(policies) => policies,
        Err(message) => return output::fail(exit::USAGE, message),
    };
    let keys = match keys(std::env::var(KEYS)) {
        Ok(keys) => keys,
        Err(message) => return output::fail(exit::USAGE, format!("the variable {KEYS}: {message}")),
    };
    let first_key = keys.as_ref().and_then(|keys| keys.ids().next().map(str::to_owned));
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
    let temporary = match tempfile::Builder::new().prefix("cutover-cloud-").tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            return output::fail(
                exit::FAILED,
                format!("could not make a temporary folder: {error}; set TMPDIR"),
            );
        }
    };
    let register = match Register::of_user() {
        Ok(register) => register,
        Err(error) => return output::fail(exit::FAILED, format!("could not look for other clouds: {error}")),
    };
    if let Some(data) = &arguments.data {
        match register.user_of(data) {
            Ok(None) => {}
            Ok(Some(other)) => {
                let told = format!(
                    "the cloud at {} uses the folder {}; choose another one, or end it with `cutover cloud stop`",
                    other.endpoint,
                    data.display()
                );
                return output::fail(exit::FAILED, told);
            }
            Err(error) => return output::fail(exit::FAILED, format!("could not look for other clouds: {error}")),
        }
    }
    let settings = CloudSettings {
        port: arguments.port,
        dns_port: arguments.dns_port,
        http_port: arguments.http_port,
        edge_port: Some(arguments.edge_port),
        pace: arguments.pace,
        region: arguments.region,
        data: arguments.data.clone().unwrap_or_else(|| temporary.path().to_path_buf()),
        remembers: arguments.data.is_some(),
        program,
        keys,
        ..CloudSettings::default()
    };
    let cloud = match LocalCloud::start(settings, Arc::new(SystemClock)).await {
        Ok(cloud) => cloud,
        Err(error) => return output::fail(exit::FAILED, format!("could not start the local cloud: {error}")),
    };
    for (key, policy) in policies {
        cloud.permissions().hold(key.as_deref(), policy);
    }
    // The folder is there by now, so that it has one name.
    let entered = arguments
        .data
        .as_deref()
        .map(register::real)
        .transpose()
        .and_then(|data| {
            register.enter(&Running {
                pid: rustix::process::getpid().as_raw_nonzero().get(),
                endpoint: cloud.endpoint(),
                data,
            })
        });
    let _entry = match entered {
        Ok(entry) => entry,
        Err(error) => {
            cloud.shutdown().await;
            return output::fail(
                exit::FAILED,
                format!("could not enter the cloud among those that run: {error}"),
            );
        }
    };
    output::print(exports(&cloud, first_key));
    output::tell(format_args!(
        "\nThe cloud runs until Ctrl-C. Set these variables in another terminal, then use cutover, aws, eb or boto3."
    ));
    if let Some(edge) = cloud.edge() {
        output::tell(format_args!(
            "Environments answer at http://NAME:{} by the DNS server, or at http://{edge} with `Host: NAME`.",
            cloud.http_port()
        ));
    }
    wait_for_end().await;
    output::tell("ending, with all processes");
    cloud.shutdown().await;
    ExitCode::SUCCESS
}

/// The keys that the variable names, if there is one.
fn keys(variable: Result<String, std::env::VarError>) -> Result<Option<Keys>, String> {
    match variable {
        Ok(text) => text.parse().map(Some).map_err(|error: KeysError| error.to_string()),
        Err(std::env::VarError::NotPresent) => Ok(None),
        // Its text is not repeated, as it holds secrets. Without any keys the cloud would let in everybody.
        Err(std::env::VarError::NotUnicode(_)) => Err("its value is not text; write the keys as ID:SECRET".to_owned()),
    }
}

/// Reads policies, each with the access key that it is for.
fn policies(arguments: &[String]) -> Result<Vec<(Option<String>, Policy)>, String> {
    let read = |argument: &String| {
        let (key, file) = match argument.split_once('=') {
            Some((key, file)) if !key.is_empty() && !key.contains(['/', '.']) => (Some(key.to_owned()), file),
            _ => (None, argument.as_str()),
        };
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("the policy {file}: {error}; print one with `cutover iam-policy`"))?;
        let policy = Policy::parse(&text).map_err(|error| format!("the policy {file} cannot be enforced: {error}"))?;
        Ok((key, policy))
    };
    arguments.iter().map(read).collect()
}

/// Lines for a shell. The secret of a key that the user has chosen is theirs to set.
fn exports(cloud: &LocalCloud, key: Option<String>) -> String {
    let secret = key.is_none().then(|| ("AWS_SECRET_ACCESS_KEY", "local".to_owned()));
    let lines = [
        ("AWS_ENDPOINT_URL", cloud.endpoint()),
        ("AWS_REGION", cloud.region().to_owned()),
        ("AWS_DEFAULT_REGION", cloud.region().to_owned()),
        ("AWS_ACCESS_KEY_ID", key.unwrap_or_else(|| "local".to_owned())),
        ("CUTOVER_DNS_SERVER", cloud.dns_server().to_string()),
        ("CUTOVER_HTTP_PORT", cloud.http_port().to_string()),
    ];
    let lines = lines.into_iter().chain(secret);
    lines
        .map(|(name, value)| format!("export {name}={value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

async fn wait_for_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        // Ctrl-C is all there is then.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::env::VarError;

    use super::*;

    #[test]
    fn only_without_the_variable_there_are_no_keys() {
        assert!(keys(Err(VarError::NotPresent)).unwrap().is_none());
        assert_eq!(keys(Ok("ID:x".to_owned())).unwrap().unwrap().ids().count(), 1);
        assert!(keys(Ok(String::new())).is_err());
        let told = keys(Err(VarError::NotUnicode("secret".into()))).unwrap_err();
        assert!(!told.contains("secret"), "{told}");
    }
}
