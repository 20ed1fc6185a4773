//! A user's project: a folder with a `cutover.toml`, and the variables of a shell that `cutover cloud` would have set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::child::{Child, Ended};
use super::cloud::{BINARY, Cloud};
use super::proxy::Proxy;
use super::{RELEASE, until};

/// A project. Its folder goes with it.
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) folder: tempfile::TempDir,
    /// Stands between the project's commands and the cloud.
    pub(crate) proxy: Proxy,
    /// All that a command gets of an environment.
    pub(crate) variables: BTreeMap<&'static str, String>,
}

impl Project {
    /// A project of an application, whether that is there or not.
    pub(crate) async fn new(cloud: &Cloud, name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("cutover-project-").tempdir().unwrap();
        let proxy = Proxy::start(&cloud.local.endpoint()).await;
        let variables = BTreeMap::from([
            ("AWS_ENDPOINT_URL", proxy.endpoint()),
            ("AWS_REGION", cloud.local.region().to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test-secret".to_owned()),
            // There is nobody to ask on this machine, and asking takes long.
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("CUTOVER_DNS_SERVER", cloud.local.dns_server().to_string()),
            ("CUTOVER_HTTP_PORT", cloud.local.http_port().to_string()),
            ("HOME", folder.path().display().to_string()),
            ("TMPDIR", folder.path().display().to_string()),
        ]);
        let project = Self {
            name: name.to_owned(),
            folder,
            proxy,
            variables,
        };
        project.settings(&[]);
        project
    }

    /// The same project on another machine: another folder and a proxy of its own. It has the settings, and the journal is
    /// the same one.
    pub(crate) async fn elsewhere(&self, cloud: &Cloud) -> Self {
        let other = Self::new(cloud, &self.name).await;
        let here = format!("journal = \"{}\"", self.path("journal").display());
        let settings = fs::read_to_string(self.path("cutover.toml")).unwrap();
        // One on S3 is the same from everywhere.
        other.write("cutover.toml", settings.replace(JOURNAL, &here));
        other
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        name.to_owned()
    }

    /// Writes `cutover.toml`: what suits the cloud's pace, with some lines in the place of others.
    pub(crate) fn settings(&self, changes: &[(&str, &str)]) {
        let mut text = format!("application = \"{0}\"\ncname = \"{0}\"\n{SETTINGS}", self.name);
        for (line, other) in changes {
            assert!(text.contains(line), "the settings have no line {line}");
            text = text.replace(line, other);
        }
        self.write("cutover.toml", text);
    }

    /// A command in the project's folder, with nothing of the tests' own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.variables);
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let what = format!("cutover {} (project {})", arguments.join(" "), self.name);
        Child::start(&mut self.command(arguments), &what)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end(RELEASE).await
    }

    /// Begins the release of a bundle as the version of this label.
    pub(crate) fn release(&self, label: &str, bundle: &[u8], more: &[&str]) -> Child {
        let file = self.write(&format!("{label}.zip"), bundle);
        let mut arguments = vec!["release", "--json", "--artifact", &file, "--version-label", label];
        arguments.extend(more);
        self.start(&arguments)
    }

    /// The events of a release in the journal, in order.
    pub(crate) fn events(&self, release: u32) -> Vec<Value> {
        events(&self.journal(release))
    }

    /// Where the entries of a release lie.
    pub(crate) fn journal(&self, release: u32) -> PathBuf {
        self.path(&format!("journal/{}/production/{release}", self.name))
    }

    /// Waits until an event is in the journal.
    pub(crate) async fn event(&self, release: u32, wanted: &str, child: &mut Child) {
        let end = tokio::time::Instant::now() + RELEASE;
        while !self.events(release).iter().any(|event| is(event, wanted)) {
            assert!(tokio::time::Instant::now() < end, "no {wanted}: {}", child.said());
            assert!(child.runs(), "it ended before {wanted}: {}", child.said());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What `cutover status --json` says.
    pub(crate) async fn status(&self) -> Value {
        let ended = self.run(&["status", "--json"]).await.with(0);
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

/// The events of the release whose entries lie in a folder, in order.
pub(crate) fn events(folder: &Path) -> Vec<Value> {
    (1..)
        .map_while(|sequence| fs::read(folder.join(format!("{sequence:06}.json"))).ok())
        .map(|text| serde_json::from_slice::<Value>(&text).unwrap()["event"].clone())
        .collect()
}

/// Whether an event is the one that is meant: its name, or for intents `intended` and the action's name.
pub(crate) fn is(event: &Value, wanted: &str) -> bool {
    match wanted.strip_prefix("intended ") {
        Some(action) => event["event"] == "intended" && event["action"]["action"] == action,
        None => event["event"] == wanted,
    }
}

/// Waits until no process has anything open in a folder: its working directory there, or its path in its arguments.
#[cfg(target_os = "linux")]
pub(crate) async fn nobody_in(folder: &Path, deadline: Duration) {
    until(
        &format!("all processes in {} to be gone", folder.display()),
        deadline,
        async || processes_in(folder).is_empty().then_some(()),
    )
    .await;
}

/// The processes that have something to do with a folder.
#[cfg(target_os = "linux")]
pub(crate) fn processes_in(folder: &Path) -> Vec<String> {
    let text = folder.display().to_string();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let path = process.path();
        let here = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let arguments = fs::read(path.join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if here || arguments.contains(&text) {
            found.push(format!("{} {arguments}", process.file_name().display()));
        }
    }
    found
}

/// The line of the settings that says where the journal is.
pub(crate) const JOURNAL: &str = "journal = \"journal\"";

/// What suits the pace of the tests' clouds.
pub(crate) const SETTINGS: &str = r#"journal = "journal"

[provision]
deadline = "180s"
stable = "200ms"
max_age = "10s"
interval = "100ms"

[smoke]
interval = "100ms"
successes = 2
deadline = "20s"

[[smoke.checks]]
path = "/"

[[smoke.checks]]
path = "/health"

[bake]
duration = "1500ms"
interval = "150ms"
fail = 2
recover = 2
deadline = "30s"

[drain]
dns_ttl = "1s"
factor = 2
quiet = "500ms"
deadline = "20s"

[retire]
warm = "100ms"

[rollback]
keep_green = "100ms"

[drill]
"#;
