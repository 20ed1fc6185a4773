//! What a platform does with a bundle before it is started: a virtual environment for Python, packages for Node.js.
//!
//! The commands are those of AWS's platforms, with the tools of this machine. What depends on lists of packages alone is kept
//! in a folder that all instances share, so that the same list is installed once; what depends on more of the bundle is
//! built on each instance.

mod cache;
mod node;
mod python;
mod tools;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use tokio::sync::watch;

use super::Tools;
use super::install::{self, Refused, Variables};
use super::keeper::{Errand, Stop, run};
use super::process::Site;
use super::procfile::Process;
use super::protocol::KeeperArguments;
use crate::local::plane::{DesiredEnvironment, Runtime};

pub(super) use cache::Cache;

/// What was built.
#[derive(Default)]
pub(super) struct Built {
    /// Variables by which processes find it.
    pub(super) variables: Variables,
}

/// Builds what the platform needs.
pub(super) async fn build(
    desired: &DesiredEnvironment,
    site: &Site,
    processes: &[Process],
    tools: &Tools,
) -> Result<Built, Refused> {
    let workshop = Workshop {
        site,
        tools,
        properties: &desired.properties,
    };
    match &desired.runtime {
        Runtime::Python(python) => python::build(&workshop, &python.version, processes).await,
        Runtime::Node(version) => node::build(&workshop, version).await,
        Runtime::Other => Ok(Built::default()),
    }
}

/// Where commands are run.
struct Workshop<'a> {
    site: &'a Site,
    tools: &'a Tools,
    /// Environment properties: builds see them, as on AWS.
    properties: &'a BTreeMap<String, String>,
}

/// How a command ended.
enum Ended {
    Well,
    /// For a person: how, and what its log says of it.
    Badly(String),
}

impl Workshop<'_> {
    fn has(&self, file: &str) -> bool {
        self.site.folder.join(file).is_file()
    }

    /// Runs a command of the shell in a folder. It is ended when nobody waits for it any more, or when the cloud dies.
    async fn run(&self, command: &str, folder: &Path) -> Ended {
        let log = self.site.logs.join(install::LOG);
        self.note(&format!("Running command: {command}"));
        let errand = Errand {
            keeper: &self.site.keeper,
            arguments: KeeperArguments {
                log: log.clone(),
                grace: self.site.grace,
                command: vec!["/bin/sh".into(), "-c".into(), command.into()],
            },
            folder,
        };
        let (_stop, mut stopping) = watch::channel(Stop::No);
        let ended = run(&errand, self.environment(), &mut stopping, |_| {}).await;
        if ended.succeeded {
            return Ended::Well;
        }
        let how = super::log::with_reason(&ended.how, &log);
        self.note(&format!("The command failed: {how}"));
        Ended::Badly(how)
    }

    /// Writes a line into the log of the deployment.
    fn note(&self, line: &str) {
        install::note(&self.site.logs, "INFO", line);
    }

    /// Builds find the package indexes that the user of this machine has configured, and the properties of the environment.
    /// Nothing else is passed on: credentials of the cloud's user are no business of a bundle's.
    fn environment(&self) -> BTreeMap<OsString, OsString> {
        let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(is_passed_on))
            .collect();
        for (name, value) in self.properties {
            environment.insert(name.into(), value.into());
        }
        environment.insert("TMPDIR".into(), self.site.temporary.clone().into());
        environment
    }
}

/// Whether a variable says where programs, packages or certificates are.
fn is_passed_on(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "PATH",
        "LANG",
        "HOME",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ];
    let lower = name.to_ascii_lowercase();
    NAMES.contains(&name) || lower.starts_with("pip_") || lower.starts_with("npm_config_") || lower.ends_with("_proxy")
}

/// A path as a word for the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_sees_indexes_and_no_credentials() {
        for name in [
            "PATH",
            "HOME",
            "PIP_INDEX_URL",
            "npm_config_registry",
            "HTTPS_PROXY",
            "no_proxy",
        ] {
            assert!(is_passed_on(name), "{name}");
        }
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "GITHUB_TOKEN",
            "LD_PRELOAD",
        ] {
            assert!(!is_passed_on(name), "{name}");
        }
    }

    #[test]
    fn paths_are_single_words() {
        assert_eq!(quoted(Path::new("/a b/c'd")), r"'/a b/c'\''d'");
    }
}
