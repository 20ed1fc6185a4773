//! A cloud in this process, fast, with applications whose version 1 is live.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_elasticbeanstalk::Client;
use aws_sdk_elasticbeanstalk::config::{BehaviorVersion, Region};
use aws_sdk_elasticbeanstalk::types::EnvironmentDescription;
use bytes::Bytes;
use cutover::aws::{Aws, AwsSettings, FirstEnvironment, InTime};
use cutover::local::cloud::{CloudSettings, LocalCloud};
use cutover::model::{ApplicationName, EnvironmentId, EnvironmentName, HealthStatus, SystemClock, VersionLabel};
use cutover::rehearse::load::{Load, LoadSettings, Mark, Summary};
use cutover::release::{EnvironmentStatus, Processing};
use cutover::spec::OptionSetting;
use http::Request;
use http_body_util::Empty;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;

use super::{MOMENT, Project, until};

/// How many times faster than AWS. Green is up after three seconds, and names live for one, which is the least DNS can say.
const PACE: f64 = 100.0;

/// The built binary: keeper, sample application and command line in one.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cutover");

/// A cloud with its files.
pub(crate) struct Cloud {
    pub(crate) local: LocalCloud,
    pub(crate) home: tempfile::TempDir,
    /// As the program uses it, without the proxy.
    pub(crate) aws: Aws,
    /// The bare client, for what the program does not do.
    pub(crate) client: Client,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of its own.
    pub(crate) async fn with(change: impl FnOnce(&mut CloudSettings)) -> Self {
        let home = tempfile::Builder::new().prefix("cutover-test-").tempdir().unwrap();
        let mut settings = CloudSettings {
            pace: PACE,
            edge_port: Some(0),
            data: home.path().join("cloud"),
            program: PathBuf::from(BINARY),
            ..CloudSettings::default()
        };
        change(&mut settings);
        let local = LocalCloud::start(settings, Arc::new(SystemClock)).await.unwrap();
        let (aws, client) = clients(&local.endpoint()).await;
        Self {
            local,
            home,
            aws,
            client,
        }
    }

    /// Ends everything. A cloud that is only dropped ends too, but nobody waits for its processes.
    pub(crate) async fn end(self) {
        self.local.shutdown().await;
    }

    /// A project whose application has version 1 live.
    pub(crate) async fn project(&self, name: &str) -> Project {
        deploy(&self.aws, name, &super::bundles::good("1"), &[], self.home.path()).await;
        self.up(name).await;
        Project::new(self, name).await
    }

    /// Waits until an application's live environment is well.
    pub(crate) async fn up(&self, name: &str) {
        up(&self.aws, name).await;
    }

    /// What is there of an application's environments, but for what is gone or going.
    pub(crate) async fn environments(&self, name: &str) -> Vec<EnvironmentDescription> {
        let found = self.client.describe_environments().application_name(name).send().await;
        let there = |found: &EnvironmentDescription| {
            let status = found
                .status()
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default();
            !status.starts_with("Terminat")
        };
        found
            .unwrap()
            .environments
            .unwrap_or_default()
            .into_iter()
            .filter(there)
            .collect()
    }

    /// One environment is left; it holds the name and runs this version, and users get it.
    pub(crate) async fn settled(&self, name: &str, label: &str, version: &str) {
        let wrong = self.unsettled(name, label, version).await;
        assert!(wrong.is_none(), "{name}: {}", wrong.unwrap_or_default());
    }

    /// What is not as [`Cloud::settled`] has it, if anything.
    pub(crate) async fn unsettled(&self, name: &str, label: &str, version: &str) -> Option<String> {
        let left = self.environments(name).await;
        let told: Vec<_> = left
            .iter()
            .map(|found| (found.environment_name(), found.version_label(), found.cname()))
            .collect();
        let [only] = left.as_slice() else {
            return Some(format!("exactly one environment should be left: {told:?}"));
        };
        if only.version_label() != Some(label) || only.cname() != Some(self.local.fqdn(name).as_str()) {
            return Some(format!("version {label} should hold the name: {told:?}"));
        }
        let served = self.served(name).await;
        (served != version).then(|| format!("users should get {version}, and get {served}"))
    }

    /// The version that users get by the public name.
    pub(crate) async fn served(&self, name: &str) -> String {
        let client: HttpClient<_, Empty<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .uri(format!("http://{}/", self.local.edge().unwrap()))
            .header("host", self.local.fqdn(name))
            .body(Empty::new())
            .unwrap();
        let answer = client.request(request).await.unwrap();
        answer.headers()["x-app-version"].to_str().unwrap().to_owned()
    }

    /// A few steady users of an application.
    pub(crate) fn users(&self, name: &str, rate: f64) -> Users {
        let url = format!("http://{}:{}/api/orders", self.local.fqdn(name), self.local.http_port());
        let settings = LoadSettings {
            url: url.parse().unwrap(),
            rate,
            clients: 4,
            late: false,
            each_drawn: false,
            downloads: None,
            live: None,
            dns_server: Some(self.local.dns_server()),
            seed: 7,
        };
        Users {
            name: name.to_owned(),
            load: Load::start(settings, Arc::new(SystemClock)).unwrap(),
        }
    }
}

/// Users under way.
pub(crate) struct Users {
    name: String,
    load: Load,
}

impl Users {
    /// Remembers this moment.
    pub(crate) fn mark(&self) -> Mark {
        self.load.mark()
    }

    /// What has become of their requests since.
    pub(crate) fn since(&self, mark: &Mark) -> Summary {
        self.load.since(mark)
    }

    /// They go home; none of them has seen a failure.
    pub(crate) async fn content(self) {
        let name = self.name;
        let mark = self.load.mark();
        let outcomes = self.load.stop().await;
        let counts = outcomes.counts();
        let late = outcomes.since(&mark);
        assert_eq!(counts.failed, 0, "{name}: {counts:?}, at the end {late:?}");
        assert!(
            counts.requests > 20,
            "{name}: too few requests to say anything: {counts:?}"
        );
    }
}

/// Clients of an endpoint.
pub(crate) async fn clients(endpoint: &str) -> (Aws, Client) {
    let aws = Aws::connect(&AwsSettings {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        keys: Some(("test".to_owned(), "test".to_owned())),
        in_process: None,
    })
    .await;
    let settings = aws_sdk_elasticbeanstalk::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    (aws, Client::from_conf(settings))
}

/// Makes an application with version 1 in an environment that holds the name; does not wait until it is up.
pub(crate) async fn deploy(
    aws: &Aws,
    name: &str,
    bundle: &[u8],
    more: &[(&str, &str, &str)],
    folder: &std::path::Path,
) -> EnvironmentId {
    let application = ApplicationName::from(name);
    let label = VersionLabel::from("v1");
    aws.create_application(&application).await.unwrap();
    let bucket = aws.create_storage_location().await.unwrap();
    let file = folder.join(format!("{name}-1.zip"));
    std::fs::write(&file, bundle).unwrap();
    let key = format!("{name}/1.zip");
    aws.upload(&file, &bucket, &key, &|_, _| {}).await.unwrap();
    aws.create_version(&application, &label, (&bucket, &key), "version 1", &InTime::whenever())
        .await
        .unwrap();
    until("version 1 to be processed", MOMENT, async || {
        let seen = aws.version(&application, &label).await.unwrap()?;
        (seen.processing == Processing::Processed).then_some(())
    })
    .await;
    let stacks = aws.solution_stacks().await.unwrap();
    let settings: Vec<_> = [
        ("aws:autoscaling:asg", "MinSize", "1"),
        ("aws:autoscaling:asg", "MaxSize", "2"),
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        (
            "aws:elasticbeanstalk:environment:process:default",
            "HealthCheckPath",
            "/health",
        ),
        ("aws:elasticbeanstalk:application:environment", "CUTOVER_BIN", BINARY),
    ]
    .iter()
    .chain(more)
    .map(|(namespace, name, value)| OptionSetting {
        namespace: (*namespace).to_owned(),
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    })
    .collect();
    let new = FirstEnvironment {
        application: &application,
        name: &EnvironmentName::from(format!("{name}-first").as_str()),
        cname_prefix: name,
        version: &label,
        solution_stack: stacks.iter().find(|stack| stack.contains("Go")).unwrap(),
        settings: &settings,
    };
    aws.create_first_environment(&new).await.unwrap()
}

/// Waits until an application's environments are at rest and well.
pub(crate) async fn up(aws: &Aws, name: &str) {
    let application = ApplicationName::from(name);
    until(&format!("{name} to be up"), Duration::from_secs(60), async || {
        for found in aws.environments(Some(&application)).await.unwrap() {
            let health = aws.health(&found.id).await.unwrap();
            if found.status != EnvironmentStatus::Ready || health.status != Some(HealthStatus::Ok) {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return None;
            }
        }
        Some(())
    })
    .await;
}
