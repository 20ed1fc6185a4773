//! The account of a simulated world, with what runs behind it, and a look at how it really is.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;

use super::pipeline::Line;
use super::scenario::{Manner, Quality, Scenario, Trouble};
use super::scene::SimClock;
use super::shares::Place;
use crate::aws::InProcess;
use crate::compose::{Artifact, InProcessCloud, Planner, Project};
use crate::local::account::{Account, AccountSettings, EnvironmentView, Quotas, Timing};
use crate::local::backstage::Backstage;
use crate::local::door::{DocumentService, Door, QueryAnswer, QueryService};
use crate::local::metrics::Document;
use crate::local::modelled::{Answer, ModelledPlane};
use crate::local::objects::{ObjectStore, S3Front};
use crate::local::permissions::{Permissions, Place as Home};
use crate::local::storage::Storage;
use crate::model::{Clock, EnvironmentId, Share, Span, Timestamp, VersionLabel};
use crate::release::{Slot, Source};
use crate::spec::{EndpointSpec, GateSpec, Lever, MetricsSource, Spec, StepSpec, Steps};

/// Where everything is.
pub(super) const REGION: &str = "eu-central-1";
/// Where a journal on S3 lies.
pub(super) const BUCKET: &str = "releases";
/// The version that is live.
pub(super) const OLD: &str = "v1";
/// A version that an earlier release has made and nobody needs any more.
const OUTDATED: &str = "v0";
/// The version that is released.
pub(super) const NEW: &str = "v2";
pub(super) const ACCOUNT: &str = "123456789012";
const STACK: &str = "64bit Amazon Linux 2023 v4.7.2 running Python 3.13";

/// Who tells what environments serve, in worlds that ask for it.
pub(super) const METRICS: &str = "metrics.example";
/// The alarm of worlds that have one. It never goes on.
const ALARM: &str = "shop-5xx";

/// The slot of all worlds.
pub(super) fn slot() -> Slot {
    Slot {
        application: "shop".into(),
        name: "production".into(),
    }
}

/// The slot's name.
pub(super) fn slot_cname() -> String {
    format!("shop.{REGION}.elasticbeanstalk.com")
}

/// The account and its plane.
pub(super) struct Stage {
    pub(super) clock: SimClock,
    backstage: Arc<Backstage>,
    plane: Arc<ModelledPlane>,
    door: Arc<InProcessCloud>,
    blue: Mutex<EnvironmentId>,
    pub(super) lever: Lever,
    pub(super) zone: OnceLock<String>,
    pub(super) rules: OnceLock<Vec<String>>,
    original: OnceLock<Vec<Place>>,
    began: OnceLock<Instant>,
    pub(super) permissions: Arc<Permissions>,
    /// An action that drivers lack in this world on purpose.
    pub(super) lacks: OnceLock<String>,
    /// What pipelines run on, in worlds that have one.
    pub(super) line: Option<Arc<Line>>,
    _objects: tempfile::TempDir,
}

impl Stage {
    /// An account in which version 1 has been live for a while.
    pub(super) async fn new(scenario: &Scenario) -> Self {
        let clock = SimClock::truth(Instant::now());
        let terms = scenario.terms;
        let objects = tempfile::tempdir().expect("a temporary folder");
        let store = ObjectStore::new(objects.path(), REGION, ACCOUNT, Arc::new(clock.clone()));
        let store = Arc::new(store.expect("a folder that was just made can be used"));
        let account = Account::new(
            AccountSettings {
                region: REGION.to_owned(),
                account_id: ACCOUNT.to_owned(),
                timing: Timing::scaled(terms.pace),
                seed: scenario.seed,
                endpoint: "http://127.0.0.1:1".to_owned(),
                quotas: Quotas::default(),
            },
            store.clone(),
        );
        let plane = Arc::new(ModelledPlane::new(scenario.seed));
        let backstage = Arc::new(Backstage::new(account, plane.clone(), Arc::new(clock.clone())));
        let door =
            Door::new(backstage.clone(), S3Front::new(store.clone()), Arc::new(clock.clone())).with_pace(terms.pace);
        let home = Home {
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
        };
        let permissions = Arc::new(Permissions::new(home, backstage.clone()));
        let mut door = door
            .with_zones(backstage.clone())
            .with_metrics(backstage.clone())
            .with_permissions(Arc::clone(&permissions));
        let mut line = None;
        if let Manner::Jobs(length) = scenario.manner {
            let timing = Timing::scaled(terms.pace);
            let made = Arc::new(Line::new(store.clone(), clock.clone(), timing, scenario.seed));
            for bucket in ["source", "artifacts"] {
                store.ensure_bucket(bucket);
            }
            store.put("source", "shop.zip", &bundle().1);
            made.prepare(length).await;
            door = door.with_automation(made.services.clone());
            line = Some(made);
        }
        let mut stage = Self {
            clock,
            backstage,
            plane,
            door: Arc::new(InProcessCloud::new(Arc::new(door))),
            blue: Mutex::new(EnvironmentId::new(String::new())),
            lever: terms.lever,
            zone: OnceLock::new(),
            rules: OnceLock::new(),
            original: OnceLock::new(),
            began: OnceLock::new(),
            permissions,
            lacks: OnceLock::new(),
            line,
            _objects: objects,
        };
        stage.make_blue(scenario, &store).await;
        stage
    }

    async fn make_blue(&mut self, scenario: &Scenario, store: &ObjectStore) {
        let bucket = format!("elasticbeanstalk-{REGION}-{ACCOUNT}");
        store.ensure_bucket(&bucket);
        store.ensure_bucket(BUCKET);
        store.put(&bucket, "v1.zip", &bundle().1);
        self.must(&[("Action", "CreateApplication"), ("ApplicationName", "shop")]);
        for (label, description) in [(OUTDATED, "made by cutover, release shop/production/0"), (OLD, "")] {
            self.must(&[
                ("Action", "CreateApplicationVersion"),
                ("ApplicationName", "shop"),
                ("VersionLabel", label),
                ("Description", description),
                ("SourceBundle.S3Bucket", &bucket),
                ("SourceBundle.S3Key", "v1.zip"),
            ]);
        }
        if scenario.terms.alarm {
            let alarm = serde_json::json!({
                "AlarmName": ALARM, "Namespace": "Shop", "MetricName": "FailedOrders", "Statistic": "Sum", "Period": 60,
                "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
            });
            let alarm = Document::from_json(alarm.to_string().as_bytes()).expect("it was just written");
            let made = DocumentService::call(self.backstage.as_ref(), "PutMetricAlarm", &alarm);
            made.expect("an alarm can be made");
        }
        let shared = match scenario.terms.lever {
            Lever::WeightedTargetGroups => {
                let aws = self.founder().await;
                let made = aws
                    .create_balancer("shared")
                    .await
                    .expect("a load balancer can be made");
                self.lay_name(&aws, &made.dns_name, false).await;
                Some(made)
            }
            Lever::CnameSwap | Lever::WeightedDns => None,
        };
        let instances = scenario.terms.instances.to_string();
        let system = if scenario.terms.basic { "basic" } else { "enhanced" };
        let mut parameters = vec![
            ("Action", "CreateEnvironment"),
            ("ApplicationName", "shop"),
            ("EnvironmentName", "shop-blue"),
            ("CNAMEPrefix", "shop"),
            ("VersionLabel", OLD),
            ("SolutionStackName", STACK),
            ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
            ("OptionSettings.member.1.OptionName", "MinSize"),
            ("OptionSettings.member.1.Value", &instances),
            ("OptionSettings.member.2.Namespace", "aws:autoscaling:asg"),
            ("OptionSettings.member.2.OptionName", "MaxSize"),
            ("OptionSettings.member.2.Value", "4"),
            (
                "OptionSettings.member.3.Namespace",
                "aws:elasticbeanstalk:healthreporting:system",
            ),
            ("OptionSettings.member.3.OptionName", "SystemType"),
            ("OptionSettings.member.3.Value", system),
        ];
        if let Some(shared) = &shared {
            parameters.extend([
                ("OptionSettings.member.4.Namespace", "aws:elasticbeanstalk:environment"),
                ("OptionSettings.member.4.OptionName", "LoadBalancerType"),
                ("OptionSettings.member.4.Value", "application"),
                ("OptionSettings.member.5.Namespace", "aws:elasticbeanstalk:environment"),
                ("OptionSettings.member.5.OptionName", "LoadBalancerIsShared"),
                ("OptionSettings.member.5.Value", "true"),
                ("OptionSettings.member.6.Namespace", "aws:elbv2:loadbalancer"),
                ("OptionSettings.member.6.OptionName", "SharedLoadBalancer"),
                ("OptionSettings.member.6.Value", shared.arn.as_str()),
            ]);
        }
        self.must(&parameters);
        if let Some(view) = self.environments().first() {
            *self.blue.lock().unwrap_or_else(PoisonError::into_inner) = view.id.clone();
        }
        if scenario.terms.lever == Lever::WeightedDns {
            let aws = self.founder().await;
            self.lay_name(&aws, &slot_cname(), true).await;
        }
        // Long enough for the slowest launch, and for all servers to know a name.
        tokio::time::sleep(Duration::from_secs(900)).await;
        self.backstage.catch_up(self.clock.now());
        if let Some(shared) = &shared {
            let aws = self.founder().await;
            let rules = self.lay_rules(&aws, &shared.listener, &self.blue()).await;
            let _ = self.rules.set(rules);
        }
        if scenario.terms.scaling.is_some() {
            self.lower_minimum();
            tokio::time::sleep(Duration::from_secs(300)).await;
        }
        self.plane.set_users(&self.name(), scenario.users, self.clock.now());
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.backstage.catch_up(self.clock.now());
        let _ = self.original.set(self.places());
        let _ = self.began.set(Instant::now());
        self.plane.set_version(NEW, quality(scenario));
    }

    fn must(&self, parameters: &[(&str, &str)]) {
        let answer = self.call(parameters);
        assert!(
            answer.status == 200,
            "setting up a world: {parameters:?}: {}",
            answer.body
        );
    }

    /// A call of somebody who is there: never lost.
    pub(super) fn call(&self, parameters: &[(&str, &str)]) -> QueryAnswer {
        self.call_of("2010-12-01", parameters)
    }

    /// The same of another service, told by the version of its API.
    pub(super) fn call_of(&self, version: &str, parameters: &[(&str, &str)]) -> QueryAnswer {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut parameters: Vec<(String, String)> = parameters.iter().map(owned).collect();
        parameters.push(("Version".to_owned(), version.to_owned()));
        QueryService::call(self.backstage.as_ref(), parameters)
    }

    /// Somebody who is there makes an environment that has the name which green is to have.
    pub(super) fn take_name(&self) -> QueryAnswer {
        let name = base().environment_name(crate::model::ReleaseNumber(1));
        self.call(&[
            ("Action", "CreateEnvironment"),
            ("ApplicationName", "shop"),
            ("EnvironmentName", name.as_str()),
            ("VersionLabel", OLD),
            ("SolutionStackName", STACK),
        ])
    }

    /// What [`METRICS`] tells of two environments: the newest window that Elastic Beanstalk has of both.
    pub(super) fn told(&self, blue: &str, green: &str) -> Option<String> {
        let of = |id: &str| {
            let answer = self.call(&[
                ("Action", "DescribeEnvironmentHealth"),
                ("EnvironmentId", id),
                ("AttributeNames.member.1", "All"),
            ]);
            let text = |tag: &str| {
                let (_, rest) = answer.body.split_once(&format!("<{tag}>"))?;
                Some(rest.split_once('<')?.0.to_owned())
            };
            let at: Timestamp = serde_json::from_value(text("RefreshedAt")?.into()).ok()?;
            let count = |tag: &str| text(tag).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            Some((at, count("RequestCount"), count("Status5xx")))
        };
        let ((at, blue, blue_failed), (_, green, green_failed)) = (of(blue)?, of(green)?);
        let window = serde_json::json!({
            "t": at.as_millis() / 1000,
            "blue": { "requests": blue, "errors": blue_failed },
            "green": { "requests": green, "errors": green_failed },
        });
        Some(window.to_string())
    }

    /// Answers a request that has arrived.
    pub(super) async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.door.answer(request).await.unwrap_or_else(|message| {
            let mut response = Response::new(Bytes::from(message));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }

    /// All environments as they are now.
    pub(super) fn environments(&self) -> Vec<EnvironmentView> {
        self.backstage.catch_up(self.clock.now());
        self.backstage.account().environments()
    }

    /// Blue.
    pub(super) fn blue(&self) -> EnvironmentId {
        self.blue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another release begins: who holds the slot now is its blue.
    pub(super) fn turn_blue(&self) {
        if let Some(holder) = self.holder() {
            *self.blue.lock().unwrap_or_else(PoisonError::into_inner) = holder;
        }
    }

    /// The environment beside blue that is not terminated.
    pub(super) fn green(&self) -> Option<EnvironmentId> {
        let blue = self.blue();
        let all = self.environments();
        all.into_iter()
            .rfind(|view| view.id != blue && !view.is_terminated())
            .map(|view| view.id)
    }

    /// Whether an environment is being removed, or is gone.
    pub(super) fn is_going(&self, id: &EnvironmentId) -> bool {
        let all = self.environments();
        let view = all.iter().find(|view| view.id == *id);
        view.is_none_or(|view| view.is_terminated() || view.status == "Terminating")
    }

    /// The account's entrance, for AWS clients in this process.
    pub(super) fn door(&self) -> Arc<InProcessCloud> {
        Arc::clone(&self.door)
    }

    /// The account, caught up with the clock.
    pub(super) fn backstage(&self) -> &Backstage {
        self.backstage.catch_up(self.clock.now());
        &self.backstage
    }

    /// The name that users ask for.
    pub(super) fn name(&self) -> String {
        match self.lever {
            Lever::CnameSwap => slot_cname(),
            _ => super::shares::NAME.to_owned(),
        }
    }

    /// For how many seconds answers of DNS may be kept.
    pub(super) fn dns_ttl_seconds(&self) -> u32 {
        let ttl = self.backstage.account().timing().dns_ttl;
        u32::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// The weights as they were when the release began.
    pub(super) fn original(&self) -> &[Place] {
        self.original.get().map_or(&[], Vec::as_slice)
    }

    /// Who holds the slot's name, or has most of its traffic.
    pub(super) fn holder(&self) -> Option<EnvironmentId> {
        if self.lever.is_gradual() {
            return self.most();
        }
        let slot = slot_cname();
        self.environments()
            .into_iter()
            .find(|view| view.is_reachable && view.cname.eq_ignore_ascii_case(&slot))
            .map(|view| view.id)
    }

    /// How many of an environment's instances serve.
    pub(super) fn in_service(&self, id: &EnvironmentId) -> usize {
        self.backstage.catch_up(self.clock.now());
        self.plane.in_service(id, self.clock.now())
    }

    /// Requests of users that reach an environment each second.
    pub(super) fn users(&self, id: &EnvironmentId) -> f64 {
        self.backstage.catch_up(self.clock.now());
        self.plane.users_on(id, self.clock.now())
    }

    /// The share of the new version's requests that failed so long before a moment that has passed.
    pub(super) fn failing(&self, quality: Quality, at: Timestamp, ago: Duration) -> f64 {
        self.backstage.catch_up(self.clock.now());
        let now = self.clock.now();
        let ledger = self.plane.ledger(now);
        let mut rows = ledger.iter().filter(|row| row.version == Some(NEW.into()));
        let met = rows.find_map(|row| Some(row.met_users?.0));
        let Some(since) = met.and_then(|met| at.min(now).since(met).checked_sub(ago)) else {
            return 0.0;
        };
        match quality {
            Quality::Bad(rate) => rate,
            Quality::Breaks(after, rate) if since >= after => rate,
            Quality::SlowBurn(over, rate) => rate * (since.as_secs_f64() / over.as_secs_f64()).min(1.0),
            _ => 0.0,
        }
    }

    /// Requests of users that nobody could have answered where their name led them, since the release began.
    pub(super) fn lost(&self) -> f64 {
        self.backstage.catch_up(self.clock.now());
        let rows = self.plane.ledger(self.clock.now());
        rows.iter().map(|row| row.failed.lost_by_moving()).sum()
    }

    /// Makes a version so bad that so many of its requests fail.
    #[cfg(test)]
    pub(super) fn spoil(&self, version: &str, rate: f64) {
        let bad = crate::local::modelled::VersionModel {
            error_rate: rate,
            ..Default::default()
        };
        self.plane.set_version(version, bad);
    }

    /// Lets blue fail by itself, in times since the release began.
    pub(super) fn blue_fails(&self, from: Duration, length: Duration, rate: f64) {
        let began = self.began.get().copied().unwrap_or_else(Instant::now);
        let now = self.clock.now();
        let start = now + from.saturating_sub(began.elapsed());
        self.plane.break_environment(&self.blue(), start, start + length, rate);
    }

    /// Where a name or address leads.
    pub(super) fn led_to(&self, host: &str) -> Option<SocketAddr> {
        match host.parse() {
            Ok(address) => Some(SocketAddr::new(address, 80)),
            Err(_) => self.backstage.look_up(host)?.address,
        }
    }

    /// The address that a name has.
    pub(super) fn address(&self, host: &str) -> Option<IpAddr> {
        if let Ok(address) = host.parse() {
            return Some(address);
        }
        Some(self.backstage.look_up(host)?.address?.ip())
    }

    /// One request as a prober makes it.
    pub(super) fn ask(&self, address: SocketAddr, host: &str, path: &str) -> Answer {
        self.plane.ask_at(address, host, path, self.clock.now())
    }

    /// Makes the plans of a scenario.
    pub(super) fn planner(&self, scenario: &Scenario) -> Planner {
        let project = Project::new(self.spec(scenario), PathBuf::new(), None);
        let planner = Planner::bundle(&project, Some(REGION), artifact(), Some(NEW));
        match scenario.terms.drill {
            Some(kind) => planner.as_drill(kind),
            None => planner,
        }
    }

    /// Makes the plans of a way back.
    pub(super) fn way_back(&self, scenario: &Scenario, source: Source, label: VersionLabel) -> Planner {
        let project = Project::new(self.spec(scenario), PathBuf::new(), None);
        Planner::recorded(&project, Some(REGION), source, label)
    }

    /// The settings of a scenario.
    pub(super) fn spec(&self, scenario: &Scenario) -> Spec {
        let terms = scenario.terms;
        let mut spec = base().clone();
        let span = |length: Duration| Span::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        let ttl = self.backstage.account().timing().dns_ttl;
        spec.lever = terms.lever;
        if terms.lever.is_gradual() {
            spec.cname.clear();
            spec.public_url = Some(format!("http://{}", self.name()));
            spec.weighted_dns.zone = self.zone.get().cloned();
            spec.weighted_target_groups.rules = self.rules.get().cloned().unwrap_or_default();
            spec.steps = Some(Steps::List(vec![StepSpec {
                share: Share::percent(10),
                ..StepSpec::whole()
            }]));
        }
        spec.provision.interval = span(terms.interval);
        spec.bake.interval = span(terms.interval);
        spec.bake.duration = span(terms.bake);
        // Every probe is a step of the world; in some worlds they are as many as in real ones. Where one of the looks' is meant to
        // fail, there are no others.
        let meant = |trouble: &Trouble| matches!(trouble, Trouble::Call { on: Some("probe"), .. });
        spec.bake.probes_per_second = match scenario.seed % 8 {
            _ if scenario.troubles.iter().any(meant) => 0.0,
            0 => 2.0,
            _ => 0.05,
        };
        // One more step is a third more of the world, so few have it; and few releases are let through early.
        if scenario.seed % 4 != 1 {
            spec.bake.holdback = None;
        }
        if scenario.seed % 8 == 5 {
            spec.verdict.promote.minimum_bake = Some(span(terms.interval * 2));
        }
        spec.verdict.source = terms.counted_by;
        if terms.counted_by == Some(MetricsSource::Endpoint) {
            spec.verdict.endpoint = Some(EndpointSpec {
                url: format!("http://{METRICS}/{{blue}}/{{green}}"),
                headers: BTreeMap::new(),
                timeout: Span::from_secs(5),
            });
        }
        if terms.alarm {
            spec.verdict.alarms = vec![ALARM.to_owned()];
        }
        // As many as the looks of the shortest bake make by themselves.
        spec.bake.min_requests = 3;
        spec.smoke.interval = span(terms.interval / 2);
        spec.retire.warm = span(terms.keep);
        spec.retire.keep_versions = 0;
        spec.rollback.keep_green = span(terms.keep);
        spec.drain.dns_ttl = span(ttl).max(Span::from_secs(u64::from(self.dns_ttl_seconds())));
        spec.foreign.answer = terms.foreign;
        spec.foreign.deadline = Span::from_secs(600);
        spec.gates = terms
            .gate
            .map(|(before, at_deadline)| GateSpec {
                before,
                deadline: Span::from_secs(900),
                at_deadline,
            })
            .into_iter()
            .collect();
        spec
    }
}

/// How the new version behaves.
fn quality(scenario: &Scenario) -> crate::local::modelled::VersionModel {
    use crate::local::modelled::{Break, Shape, Start, VersionModel};
    let good = VersionModel::default();
    match scenario.quality {
        Quality::Good => good,
        Quality::NeverReady => VersionModel {
            start: Start::Never,
            ..good
        },
        Quality::Fails => VersionModel {
            start: Start::Fails("the application exited with status 1".to_owned()),
            ..good
        },
        Quality::Unhealthy => VersionModel {
            health_check_fails: true,
            ..good
        },
        Quality::Bad(rate) => VersionModel {
            error_rate: rate,
            ..good
        },
        Quality::Breaks(after, rate) => VersionModel {
            breaks: Some(Break::sudden(after, rate)),
            ..good
        },
        Quality::SlowBurn(over, rate) => VersionModel {
            breaks: Some(Break {
                shape: Shape::Grows(over),
                ..Break::sudden(Duration::ZERO, rate)
            }),
            ..good
        },
        Quality::SickInstance(rate) => VersionModel {
            bad_instance: Some(rate),
            ..good
        },
        Quality::Dying(mean) => VersionModel {
            crash_loops: Some(mean),
            ..good
        },
    }
}

/// Settings that all worlds share.
fn base() -> &'static Spec {
    static BASE: OnceLock<Spec> = OnceLock::new();
    BASE.get_or_init(|| {
        Spec::parse("cutover.toml", "application = \"shop\"\ncname = \"shop\"\n").expect("two names are enough")
    })
}

/// A bundle that all worlds share: its file, for as long as the program runs, and its bytes.
pub(super) fn bundle() -> &'static (PathBuf, Vec<u8>) {
    static BUNDLE: OnceLock<(tempfile::TempDir, (PathBuf, Vec<u8>))> = OnceLock::new();
    &BUNDLE
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let file = folder.path().join("bundle.zip");
            let bytes = zipped("Procfile", b"web: ./serve\n");
            std::fs::write(&file, &bytes).expect("a small file can be written to a temporary folder");
            (folder, (file, bytes))
        })
        .1
}

/// The folder that the bundle is in, which is another one in every process.
pub(super) fn bundle_folder() -> &'static Path {
    bundle().0.parent().expect("a file is in a folder")
}

/// A zip with one program or text.
pub(super) fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let write = || -> std::io::Result<Vec<u8>> {
        let mut archive = zip::write::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        archive.start_file(name, options)?;
        archive.write_all(content)?;
        Ok(archive.finish()?.into_inner())
    };
    write().expect("a small zip needs nothing but memory")
}

fn artifact() -> &'static Artifact {
    static ARTIFACT: OnceLock<Artifact> = OnceLock::new();
    ARTIFACT.get_or_init(|| {
        let (file, bytes) = bundle();
        Artifact {
            file: file.clone(),
            folder: None,
            size: bytes.len() as u64,
            sha256: crate::bundle::digest(file).expect("a file that was just written can be read"),
            stores: Vec::new(),
            unread: Vec::new(),
        }
    })
}
