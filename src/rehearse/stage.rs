//! The stage: a local cloud with an application whose version 1 is live.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::error::RehearseError;
use super::settings::{CNAME, RehearseSettings};
use crate::aws::{Aws, AwsSettings, Balancer, FirstEnvironment, InTime};
use crate::compose::{Project, Reach};
use crate::local::cloud::{CloudSettings, LocalCloud};
use crate::local::permissions::Policy;
use crate::model::{EnvironmentId, EnvironmentName, HealthStatus, SystemClock, VersionLabel};
use crate::roles::{Duty, Form, Home, Scope, policy};
use crate::spec::{OptionSetting, Spec};

/// How long version 1 may take to be up. The user's application may have to install what it needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The access key that releases are made with.
const RELEASES: &str = "cutover";

/// How the environments are is read by these actions.
const HEALTH: [&str; 2] = [
    "elasticbeanstalk:DescribeEnvironmentHealth",
    "elasticbeanstalk:DescribeInstancesHealth",
];

/// A local cloud with a live version 1.
pub(super) struct Stage {
    pub(super) cloud: LocalCloud,
    pub(super) reach: Reach,
    pub(super) aws: Aws,
    /// Where the rehearsal keeps its files.
    pub(super) folder: PathBuf,
}

impl Stage {
    /// Starts the cloud.
    pub(super) async fn build(settings: &RehearseSettings, folder: &Path) -> Result<Self, RehearseError> {
        let cloud = LocalCloud::start(
            CloudSettings {
                pace: settings.pace,
                data: folder.join("cloud"),
                program: settings.program.clone(),
                ..CloudSettings::default()
            },
            Arc::new(SystemClock),
        )
        .await
        .map_err(|source| RehearseError::Cloud { source })?;
        let aws = |key: &str| AwsSettings {
            region: Some(cloud.region().to_owned()),
            endpoint: Some(cloud.endpoint()),
            keys: Some((key.to_owned(), "rehearsal".to_owned())),
            ..AwsSettings::default()
        };
        let reach = Reach {
            aws: aws(RELEASES),
            dns_server: Some(cloud.dns_server()),
            http_port: Some(cloud.http_port()),
        };
        let aws = Aws::connect(&aws("stage")).await;
        Ok(Self {
            cloud,
            reach,
            aws,
            folder: folder.to_path_buf(),
        })
    }

    /// Holds the releases to the permissions that `cutover iam-policy` prints for the project. Who sets the stage is not held to any.
    pub(super) fn restrict(&self, project: &Project) -> Result<(), RehearseError> {
        self.hold(project, &[])
    }

    /// The same, and nobody can read how the environments are.
    pub(super) fn blind(&self, project: &Project) -> Result<(), RehearseError> {
        self.hold(project, &HEALTH)
    }

    fn hold(&self, project: &Project, forbidden: &[&str]) -> Result<(), RehearseError> {
        let home = Home {
            account: Some(self.cloud.account_id().to_owned()),
            region: Some(self.cloud.region().to_owned()),
            zone: None,
        };
        let scope = Scope::new(&project.spec, &project.journal, &home, Form::Plain);
        let published = serde_json::to_value(policy(&scope, &Duty::ALL)).map_err(|error| error.to_string());
        let policy = published
            .and_then(|mut document| {
                if !forbidden.is_empty() {
                    let deny = json!({ "Effect": "Deny", "Action": forbidden, "Resource": "*" });
                    let statements = document["Statement"].as_array_mut();
                    statements.ok_or("it has no statements")?.push(deny);
                }
                Policy::parse(&document.to_string()).map_err(|error| error.to_string())
            })
            .map_err(|said| RehearseError::Permissions { said })?;
        self.cloud.permissions().hold(Some(RELEASES), policy);
        Ok(())
    }

    /// Deploys version 1 and waits until it is up.
    pub(super) async fn make_live(
        &self,
        spec: &Spec,
        settings: &RehearseSettings,
        bundle: &Path,
        shared: Option<&Balancer>,
    ) -> Result<EnvironmentId, RehearseError> {
        let doing = |what: &'static str| move |source| RehearseError::Setup { what, source };
        let aws = &self.aws;
        aws.create_application(&spec.application)
            .await
            .map_err(doing("make the application"))?;
        let version = VersionLabel::from("version-1");
        self.make_version(spec, &version, bundle).await?;
        let stacks = aws.solution_stacks().await.map_err(doing("list the platforms"))?;
        let stack = platform(&stacks, settings.application.as_deref());
        let options = options(settings, spec, shared);
        let new = FirstEnvironment {
            application: &spec.application,
            name: &EnvironmentName::from("rehearsal-production-r0"),
            cname_prefix: CNAME,
            version: &version,
            solution_stack: &stack,
            settings: &options,
        };
        let id = aws
            .create_first_environment(&new)
            .await
            .map_err(doing("make the live environment"))?;
        let began = Instant::now();
        loop {
            let found = aws
                .environment(&id)
                .await
                .map_err(doing("look at the live environment"))?;
            let ready = found.as_ref().is_some_and(crate::release::EnvironmentSeen::ready);
            let health = aws.health(&id).await.map_err(doing("look at the live environment"))?;
            if ready && health.status == Some(HealthStatus::Ok) {
                return Ok(id);
            }
            let failed = ready && matches!(health.status, Some(HealthStatus::Severe | HealthStatus::Degraded));
            if failed || found.is_none() || began.elapsed() > PATIENCE {
                let events = aws.recent_events(&id).await.unwrap_or_default();
                let mut said: Vec<_> = health.causes;
                said.extend(
                    events
                        .into_iter()
                        .filter(|(_, severity, _)| severity == "ERROR")
                        .map(|(_, _, message)| message)
                        .take(3),
                );
                return Err(RehearseError::NotLive { said: said.join("; ") });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Uploads a bundle and makes an application version of it.
    pub(super) async fn make_version(
        &self,
        spec: &Spec,
        version: &VersionLabel,
        bundle: &Path,
    ) -> Result<(), RehearseError> {
        let doing = |what: &'static str| move |source| RehearseError::Setup { what, source };
        let bucket = self.aws.create_storage_location();
        let bucket = bucket.await.map_err(doing("make the bucket"))?;
        let key = format!("rehearsal/{version}.zip");
        let upload = self.aws.upload(bundle, &bucket, &key, &|_, _| {});
        upload.await.map_err(doing("upload a version"))?;
        let said = format!("{version} of the rehearsal");
        let whenever = InTime::whenever();
        let make = self
            .aws
            .create_version(&spec.application, version, (&bucket, &key), &said, &whenever);
        make.await.map_err(doing("make a version"))?;
        self.processed(spec, version).await
    }

    async fn processed(&self, spec: &Spec, version: &VersionLabel) -> Result<(), RehearseError> {
        let doing = |source| RehearseError::Setup {
            what: "look at a version",
            source,
        };
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let seen = self.aws.version(&spec.application, version).await.map_err(doing)?;
            match seen.map(|seen| seen.processing) {
                Some(crate::release::Processing::Processed) => return Ok(()),
                Some(crate::release::Processing::Failed) => break,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        let said = "the local cloud did not process it; see that Elastic Beanstalk could unpack it";
        Err(RehearseError::undone(format!("make {version} of its bundle"), said))
    }
}

/// The platform that fits the application's files.
fn platform(stacks: &[String], application: Option<&Path>) -> String {
    let has = |name: &str| application.is_some_and(|path| path.join(name).exists());
    let wanted = if has("package.json") || has("server.js") {
        "Node.js"
    } else if has("application.py") || has("requirements.txt") {
        "Python"
    } else {
        "Go"
    };
    stacks
        .iter()
        .find(|stack| stack.contains(wanted))
        .or(stacks.first())
        .cloned()
        .unwrap_or_default()
}

/// Two instances, or three where one of them is to stand out; the user's properties; and for the sample, where its program is.
fn options(settings: &RehearseSettings, spec: &Spec, shared: Option<&Balancer>) -> Vec<OptionSetting> {
    let option = |namespace: &str, name: &str, value: String| OptionSetting {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        value,
    };
    let property = |name: &str, value: String| option("aws:elasticbeanstalk:application:environment", name, value);
    let instances = if settings.incidents { "3" } else { "2" };
    let mut options = vec![
        option("aws:autoscaling:asg", "MinSize", instances.to_owned()),
        option("aws:autoscaling:asg", "MaxSize", "4".to_owned()),
        option(
            "aws:elasticbeanstalk:environment",
            "LoadBalancerType",
            "application".to_owned(),
        ),
    ];
    if let Some(shared) = shared {
        options.push(option(
            "aws:elasticbeanstalk:environment",
            "LoadBalancerIsShared",
            "true".to_owned(),
        ));
        options.push(option(
            "aws:elbv2:loadbalancer",
            "SharedLoadBalancer",
            shared.arn.clone(),
        ));
    }
    options.extend(
        spec.green
            .properties
            .iter()
            .map(|(name, value)| property(name, value.clone())),
    );
    if settings.application.is_none() {
        options.push(property("CUTOVER_BIN", settings.program.display().to_string()));
        options.push(option(
            "aws:elasticbeanstalk:environment:process:default",
            "HealthCheckPath",
            "/health".to_owned(),
        ));
    }
    options
}
