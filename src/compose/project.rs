//! A project: a `cutover.toml`, where its journal lies, and how AWS and the application are reached.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;
use url::Url;

use crate::aws::{Aws, AwsSettings};
use crate::driver::{Overrides, World};
use crate::journal::{DirectoryJournal, Journal, S3Journal};
use crate::model::text::is_region;
use crate::probe::{HttpProber, ProbeError, ProbeSettings, Prober};
use crate::release::{Phase, Release, Slot};
use crate::spec::{JournalPlace, Spec, SpecError};

/// Where the journal lies if nothing else is said, below the folder of `cutover.toml`.
const JOURNAL: &str = ".cutover/journal";

/// Where bundles made of folders are kept when the journal is on S3, below the folder of `cutover.toml`.
const BUNDLES: &str = ".cutover/bundles";

/// A `cutover.toml` and what belongs to it.
#[derive(Clone, Debug)]
pub struct Project {
    /// What it says.
    pub spec: Spec,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Where the journal is.
    pub journal: JournalPlace,
    /// What is wrong in the file, where only the place of its releases was wanted: nothing begins by such settings.
    pub mistakes: Option<Arc<SpecError>>,
    /// Made once: credentials are fetched for each set of clients.
    aws: Arc<OnceCell<Aws>>,
}

impl Project {
    /// Reads a `cutover.toml`. `journal` takes the place of what the file says.
    ///
    /// # Errors
    ///
    /// When it cannot be read or holds mistakes.
    pub fn read(config: &Path, journal: Option<&JournalPlace>) -> Result<Self, SpecError> {
        Ok(Self::beside(config, Spec::read(config)?, journal))
    }

    /// Reads a `cutover.toml` for where its releases are, whatever else is wrong in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or does not say for certain where releases are.
    pub fn read_partly(config: &Path, journal: Option<&JournalPlace>) -> Result<Self, SpecError> {
        let (spec, mistakes) = Spec::read_partly(config)?;
        Ok(Self {
            mistakes: mistakes.map(Arc::new),
            ..Self::beside(config, spec, journal)
        })
    }

    fn beside(config: &Path, spec: Spec, journal: Option<&JournalPlace>) -> Self {
        let folder = config.parent().unwrap_or(Path::new("")).to_path_buf();
        Self::new(spec, folder, journal)
    }

    /// A project whose settings were made in this process.
    #[must_use]
    pub fn new(spec: Spec, folder: PathBuf, journal: Option<&JournalPlace>) -> Self {
        let journal = match (journal, &spec.journal) {
            (Some(journal), _) => journal.clone(),
            (None, Some(JournalPlace::Directory(journal))) => JournalPlace::Directory(folder.join(journal)),
            (None, Some(on_s3)) => on_s3.clone(),
            (None, None) => JournalPlace::Directory(folder.join(JOURNAL)),
        };
        Self {
            spec,
            folder,
            journal,
            mistakes: None,
            aws: Arc::default(),
        }
    }

    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot {
            application: self.spec.application.clone(),
            name: self.spec.slot.clone(),
        }
    }

    /// Where bundles are kept that were made of folders: beside a journal in a folder, else beside `cutover.toml`.
    #[must_use]
    pub fn bundles(&self) -> PathBuf {
        match &self.journal {
            JournalPlace::Directory(journal) => journal.parent().unwrap_or(journal).join("bundles"),
            JournalPlace::S3 { .. } => self.folder.join(BUNDLES),
        }
    }

    /// Removes a bundle that was made of a folder for a release which does not begin. A zip of the user's own is left alone.
    pub fn discard(&self, bundle: &Path) {
        super::artifact::discard(bundle, &self.bundles());
    }

    /// Removes the bundle that was made of a folder for a release, once that does not need it any more: it is uploaded, or the release
    /// is over.
    pub fn let_go(&self, release: &Release) {
        let needed = release.outcome.is_none() && release.phase <= Phase::Publish;
        if let Some(bundle) = release.plan.source.file().filter(|_| !needed) {
            self.discard(bundle);
        }
    }

    /// The journal. One on S3 is reached like everything else on AWS; for one in a folder nothing is asked of AWS.
    pub async fn open_journal(&self, reach: &Reach) -> Arc<dyn Journal> {
        match &self.journal {
            JournalPlace::Directory(folder) => Arc::new(DirectoryJournal::new(folder)),
            JournalPlace::S3 { bucket, prefix } => {
                Arc::new(S3Journal::new(Box::pin(self.aws(reach)).await, bucket, prefix))
            }
        }
    }

    /// The clients for AWS. They are made when they are first needed, by what `reach` says then.
    pub(super) async fn aws(&self, reach: &Reach) -> Aws {
        let connect = || reach.connect(self.spec.region.as_deref());
        self.aws.get_or_init(connect).await.clone()
    }

    /// Connects to everything outside.
    ///
    /// # Errors
    ///
    /// When the clients for names or TLS cannot be set up.
    pub async fn connect(&self, reach: &Reach, bundle_problems: Vec<String>) -> Result<World, ProbeError> {
        let aws = Box::pin(self.aws(reach)).await;
        reach.world(aws, Overrides::new(&self.spec.green), bundle_problems)
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
    /// Clients for AWS, in this region unless the environment names one.
    pub async fn connect(&self, region: Option<&str>) -> Aws {
        let mut settings = self.aws.clone();
        settings.region = settings.region.or_else(|| region.map(str::to_owned));
        Aws::connect(&settings).await
    }

    /// Everything outside, reached by clients that are there already.
    ///
    /// # Errors
    ///
    /// When the clients for names or TLS cannot be set up.
    pub fn world(&self, aws: Aws, overrides: Overrides, bundle_problems: Vec<String>) -> Result<World, ProbeError> {
        let prober: Arc<dyn Prober> = Arc::new(HttpProber::new(ProbeSettings {
            dns_server: self.dns_server,
            port: self.http_port,
        })?);
        Ok(World::new(aws, prober, overrides, bundle_problems))
    }

    /// As the environment says: `CUTOVER_DNS_SERVER` and `CUTOVER_HTTP_PORT`, which `cutover cloud` prints. The AWS clients
    /// read their own variables; of theirs only those are looked at that they would stumble over with each call.
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
        endpoints(std::env::vars_os().filter_map(|(name, value)| {
            let value = value.to_string_lossy().into_owned();
            Some((name.into_string().ok()?, value))
        }))?;
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            region(
                name,
                std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
            )?;
        }
        Ok(Self {
            aws: AwsSettings::default(),
            dns_server: read("CUTOVER_DNS_SERVER", "an address such as 127.0.0.1:4571")?,
            http_port: read("CUTOVER_HTTP_PORT", "a port such as 8080")?,
        })
    }
}

/// Whether a variable names a region, if it is set. One that is empty counts as unset.
fn region(name: &str, value: Option<String>) -> Result<(), String> {
    match value {
        Some(value) if !value.is_empty() && !is_region(&value) => Err(format!(
            "{name} is set to {value:?}, which is not the name of a region such as eu-west-1; mend or unset it"
        )),
        _ => Ok(()),
    }
}

/// Whether the endpoints that an environment names for AWS are addresses.
fn endpoints(variables: impl Iterator<Item = (String, String)>) -> Result<(), String> {
    let mut variables: Vec<_> = variables.collect();
    variables.sort();
    let ignored = |(name, value): &(String, String)| {
        name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" && value.eq_ignore_ascii_case("true")
    };
    if variables.iter().any(ignored) {
        return Ok(());
    }
    for (name, value) in &variables {
        let names_one = name == "AWS_ENDPOINT_URL" || name.starts_with("AWS_ENDPOINT_URL_");
        let is_one = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if names_one && !Url::parse(value).is_ok_and(is_one) {
            // It may hold a password.
            let shown = if value.contains('@') {
                "a text".to_owned()
            } else {
                format!("{value:?}")
            };
            return Err(format!(
                "{name} is set to {shown}, which is not an address such as http://127.0.0.1:4570; mend or unset it"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};
    use crate::release::{Outcome, Source};

    #[test]
    fn a_region_that_is_none_is_told_before_any_call() {
        let of = |value: &str| region("AWS_REGION", Some(value.to_owned()));
        for fine in ["", "eu-central-1"] {
            assert_eq!(of(fine), Ok(()));
        }
        assert_eq!(region("AWS_REGION", None), Ok(()));
        for none in ["eu_central_1", "eu-central-1 ", "mars"] {
            let said = of(none).unwrap_err();
            assert!(
                said.contains("AWS_REGION") && said.contains(&format!("{none:?}")),
                "{said}"
            );
        }
    }

    #[test]
    fn a_bundle_stays_until_it_is_uploaded_or_its_release_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::parse("cutover.toml", "application = \"shop\"\ncname = \"shop\"\n").unwrap();
        let on_s3 = "s3://state/releases".parse().unwrap();
        let project = Project::new(spec, folder.path().to_path_buf(), Some(&on_s3));
        assert_eq!(project.bundles(), folder.path().join(".cutover/bundles"));
        std::fs::create_dir_all(project.bundles()).unwrap();
        let bundle = project.bundles().join(".bundle-1.zip");
        let stays = |phase, outcome: Option<Outcome>| {
            std::fs::write(&bundle, "a bundle").unwrap();
            let mut release = release(plan());
            let Source::Bundle { file, .. } = &mut release.plan.source else {
                panic!("a release of a bundle: {:?}", release.plan.source);
            };
            *file = bundle.display().to_string();
            release.phase = phase;
            release.outcome = outcome.map(|outcome| (outcome, "for a test".to_owned()));
            project.let_go(&release);
            bundle.exists()
        };
        assert!(stays(Phase::Preflight, None) && stays(Phase::Publish, None));
        assert!(!stays(Phase::Provision, None) && !stays(Phase::RollBack, None));
        assert!(!stays(Phase::Publish, Some(Outcome::Refused)));
    }

    #[test]
    fn an_endpoint_that_is_no_address_is_told_by_its_name() {
        let told = |list: &[(&str, &str)]| {
            let pairs = list
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            endpoints(pairs)
        };
        assert_eq!(
            told(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"), ("AWS_REGION", "foo")]),
            Ok(())
        );
        assert_eq!(told(&[("AWS_ENDPOINT_URL_S3", "https://minio.example.com/")]), Ok(()));
        for (name, value) in [
            ("AWS_ENDPOINT_URL", "foo"),
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_ENDPOINT_URL", "localhost:4566"),
            ("AWS_ENDPOINT_URL_ELASTIC_BEANSTALK", "ftp://127.0.0.1"),
        ] {
            let said = told(&[(name, value)]).unwrap_err();
            assert!(said.contains(name) && said.contains(&format!("{value:?}")), "{said}");
            assert_eq!(
                told(&[(name, value), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]),
                Ok(())
            );
        }
        let said = told(&[("AWS_ENDPOINT_URL", "me:hunter2@host")]).unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
    }
}
