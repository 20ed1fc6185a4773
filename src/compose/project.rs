//! A project: a `cutover.toml`, where its journal lies, and how AWS and the application are reached.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aws::{Aws, AwsSettings};
use crate::driver::{Overrides, World};
use crate::journal::{DirectoryJournal, Journal};
use crate::probe::{HttpProber, ProbeError, ProbeSettings, Prober};
use crate::release::Slot;
use crate::spec::{Spec, SpecError};

/// Where the journal lies if nothing else is said, below the folder of `cutover.toml`.
const JOURNAL: &str = ".cutover/journal";

/// A `cutover.toml` and what belongs to it.
#[derive(Clone, Debug)]
pub struct Project {
    /// What it says.
    pub spec: Spec,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Folder of the journal.
    pub journal: PathBuf,
}

impl Project {
    /// Reads a `cutover.toml`. `journal` takes the place of what the file says.
    ///
    /// # Errors
    ///
    /// When it cannot be read or holds mistakes.
    pub fn read(config: &Path, journal: Option<&Path>) -> Result<Self, SpecError> {
        let spec = Spec::read(config)?;
        let folder = config.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok(Self::new(spec, folder, journal))
    }

    /// A project whose settings were made in this process.
    #[must_use]
    pub fn new(spec: Spec, folder: PathBuf, journal: Option<&Path>) -> Self {
        let journal = match (journal, &spec.journal) {
            (Some(journal), _) => journal.to_path_buf(),
            (None, Some(journal)) => folder.join(journal),
            (None, None) => folder.join(JOURNAL),
        };
        Self { spec, folder, journal }
    }

    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot {
            application: self.spec.application.clone(),
            name: self.spec.slot.clone(),
        }
    }

    /// The journal.
    #[must_use]
    pub fn open_journal(&self) -> Arc<dyn Journal> {
        Arc::new(DirectoryJournal::new(&self.journal))
    }

    /// Connects to everything outside.
    ///
    /// # Errors
    ///
    /// When the clients for names or TLS cannot be set up.
    pub async fn connect(&self, reach: &Reach, bundle_problems: Vec<String>) -> Result<World, ProbeError> {
        let mut settings = reach.aws.clone();
        settings.region = settings.region.or_else(|| self.spec.region.clone());
        let aws = Aws::connect(&settings).await;
        let prober: Arc<dyn Prober> = Arc::new(HttpProber::new(ProbeSettings {
            dns_server: reach.dns_server,
            port: reach.http_port,
        })?);
        Ok(World::new(
            aws,
            prober,
            Overrides::new(&self.spec.green),
            bundle_problems,
        ))
    }
}

/// How AWS and applications are reached, where that is not the usual way.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// AWS.
    pub aws: AwsSettings,
    /// DNS server for the names of environments, instead of the system's resolver.
    pub dns_server: Option<SocketAddr>,
    /// Port of `http://` addresses that name none, instead of 80.
    pub http_port: Option<u16>,
}

impl Reach {
    /// As the environment says: `CUTOVER_DNS_SERVER` and `CUTOVER_HTTP_PORT`, which `cutover cloud` prints. The AWS clients
    /// read their own variables.
    ///
    /// # Errors
    ///
    /// When a variable is set to something that cannot be meant.
    pub fn from_environment() -> Result<Self, String> {
        fn read<T: std::str::FromStr>(name: &str, meant: &str) -> Result<Option<T>, String> {
            match std::env::var(name) {
                Ok(text) => text
                    .parse()
                    .map(Some)
                    .map_err(|_| format!("{name} is set to {text:?}, which is not {meant}; mend or unset it")),
                Err(_) => Ok(None),
            }
        }
        Ok(Self {
            aws: AwsSettings::default(),
            dns_server: read("CUTOVER_DNS_SERVER", "an address such as 127.0.0.1:5353")?,
            http_port: read("CUTOVER_HTTP_PORT", "a port such as 8080")?,
        })
    }
}
