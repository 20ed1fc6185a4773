//! Saving what a green that is taken back says of itself, for a post-mortem: its events and the tail of its logs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use url::Url;

use super::World;
use super::parts::Parts;
use crate::journal::Journal;
use crate::model::EnvironmentId;
use crate::release::{CallResult, Release};

/// How long instances may take to send the tail of their logs. Worth a wait, not worth a stuck rollback.
const LOGS: Duration = Duration::from_secs(30);

/// How long one log may take to be read.
const LOG: Duration = Duration::from_secs(20);

/// How long all of it may take. Traffic is back by then, but it may leave again, and nobody looks meanwhile.
const ALL: Duration = Duration::from_secs(60);

/// Saves events and logs beside the journal. Says where. What cannot be had is left out and named.
pub(super) async fn save(
    world: &World,
    release: &Release,
    environment: &EnvironmentId,
    (journal, parts): (&dyn Journal, &Parts),
) -> Result<String, CallResult> {
    match tokio::time::timeout(ALL, collect(world, release, environment, (journal, parts))).await {
        Ok(saved) => saved,
        Err(_) => Err(CallResult::Refused {
            message: format!("it took longer than {} s", ALL.as_secs()),
            retryable: true,
        }),
    }
}

async fn collect(
    world: &World,
    release: &Release,
    environment: &EnvironmentId,
    (journal, parts): (&dyn Journal, &Parts),
) -> Result<String, CallResult> {
    // Said in the journal too, as nobody looks into a file for what is not there.
    let mut missing = Vec::new();
    let mut text = match world.aws.recent_events(environment).await {
        Ok(events) => {
            let mut text = format!("Events of {environment}, newest first\n\n");
            for (at, severity, message) in events {
                let _ = writeln!(text, "{at}  {severity:<5}  {message}");
            }
            text
        }
        Err(error) => {
            missing.push(format!("without its events: {error}"));
            format!("The events of {environment} could not be read: {error}\n")
        }
    };
    parts.next().await;
    match tokio::time::timeout(LOGS, logs(world, environment, release)).await {
        Ok(Ok(logs)) => text.push_str(&logs),
        Ok(Err(why)) => {
            let _ = writeln!(text, "\nThe logs could not be had: {why}");
            missing.push(format!("without its logs: {why}"));
        }
        Err(_) => text.push_str("\nThe logs did not come in time.\n"),
    }
    parts.next().await;
    let name = format!("{environment}.txt");
    let kept = journal
        .keep(&release.plan.id, &name, text.as_bytes())
        .await
        .map_err(|error| CallResult::Refused {
            message: error.to_string(),
            retryable: true,
        })?;
    Ok(std::iter::once(kept).chain(missing).collect::<Vec<_>>().join("; "))
}

async fn logs(world: &World, environment: &EnvironmentId, release: &Release) -> Result<String, String> {
    world
        .aws
        .request_logs(environment)
        .await
        .map_err(|error| error.to_string())?;
    let pause = release.plan.provision.interval.get().min(Duration::from_secs(3));
    loop {
        tokio::time::sleep(pause).await;
        let addresses = world
            .aws
            .log_addresses(environment)
            .await
            .map_err(|error| error.to_string())?;
        if addresses.is_empty() {
            continue;
        }
        let mut text = String::new();
        for (instance, address) in addresses {
            // The address is signed and must not be kept; only what lies there is.
            let log = match Url::parse(&address) {
                Ok(url) => world
                    .prober
                    .fetch(&url, &BTreeMap::new(), LOG)
                    .await
                    .unwrap_or_else(|why| format!("(could not be read: {why})")),
                Err(_) => "(the address of the log is not one)".to_owned(),
            };
            let _ = write!(text, "\nLogs of {instance}\n\n{log}\n");
        }
        return Ok(text);
    }
}
