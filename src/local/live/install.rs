//! Installing a version on an instance: the bundle is unpacked, what its platform needs is built, and what to run is found.

use std::ffi::OsString;
use std::path::Path;

use super::Tools;
use super::build::{self, Built};
use super::instance::Order;
use super::process::Site;
use super::procfile::{self, Process};
use super::unpack::unpack;
use crate::local::plane::Runtime;

/// The log of what is done here, by its name on AWS's instances.
pub(super) const LOG: &str = "eb-engine.log";

/// A version that is ready to be started.
pub(super) struct Installed {
    pub(super) site: Site,
    pub(super) processes: Vec<Process>,
}

/// Why a version cannot be installed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For a person.
    pub(super) why: String,
    /// What the platform of AWS tells in an event of its own, if it does.
    pub(super) event: Option<String>,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self { why, event: None }
    }
}

/// Installs what is ordered. Dropping the future ends what is being built.
pub(super) async fn install(order: &Order, mut site: Site, tools: &Tools) -> Result<Installed, Refused> {
    let deployment = &order.desired.deployment;
    let label = &deployment.version_label;
    let failed = |refused: Refused| Refused {
        why: format!("version {label} could not be installed: {}", refused.why),
        ..refused
    };
    let Some(bundle) = deployment.bundle.clone() else {
        return Err(failed(
            "it has no bundle; create the version with one".to_owned().into(),
        ));
    };
    let folders = [site.folder.clone(), site.logs.clone(), site.temporary.clone()];
    let unpacked = tokio::task::spawn_blocking(move || {
        for folder in &folders {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
        }
        let [folder, ..] = folders;
        unpack(&bundle, &folder).map_err(|error| error.to_string())
    });
    match unpacked.await {
        Ok(result) => result.map_err(|why| failed(why.into()))?,
        Err(error) => return Err(failed(error.to_string().into())),
    }
    let runtime = &order.desired.runtime;
    let processes = find_processes(&site.folder, runtime).map_err(failed)?;
    let Built { variables } = build::build(&order.desired, &site, &processes, tools)
        .await
        .map_err(failed)?;
    site.variables = variables;
    Ok(Installed { site, processes })
}

/// The processes to run, with what the platform would have chosen where the bundle does not say.
fn find_processes(folder: &Path, runtime: &Runtime) -> Result<Vec<Process>, Refused> {
    procfile::processes(folder, runtime).map_err(|why| {
        let event = match runtime {
            Runtime::Python(_) => Some("Python"),
            Runtime::Node(_) => Some("Node.js"),
            Runtime::Other => None,
        };
        Refused {
            why,
            event: event.map(|platform| {
                format!("Instance deployment failed to generate a 'Procfile' for {platform}. Provide one in your source bundle.")
            }),
        }
    })
}

/// Variables of a process.
pub(super) type Variables = Vec<(OsString, OsString)>;
