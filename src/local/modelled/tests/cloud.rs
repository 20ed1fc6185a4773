//! An account with a modelled plane and a clock that is turned by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::local::account::fixture::FakeStorage;
use crate::local::account::{Account, AccountSettings, Quotas, Timing};
use crate::local::backstage::Backstage;
use crate::local::door::QueryService as _;
use crate::local::modelled::{LedgerRow, ModelledPlane};
use crate::model::{Clock, EnvironmentId, HealthStatus, Timestamp};

/// The name of the slot.
pub(super) const SHOP: &str = "shop.eu-central-1.elasticbeanstalk.com";

const STACK: &str = "64bit Amazon Linux 2023 v4.7.2 running Python 3.13";

struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn since_boot(&self) -> Duration {
        self.now().since(Timestamp::default())
    }
}

/// A cloud without sockets.
pub(super) struct Cloud {
    pub(super) plane: Arc<ModelledPlane>,
    pub(super) backstage: Backstage,
    storage: Arc<FakeStorage>,
    clock: Arc<Turned>,
}

impl Cloud {
    /// With an application `shop`.
    pub(super) fn new(seed: u64) -> Self {
        let storage = Arc::new(FakeStorage::default());
        let settings = AccountSettings {
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            timing: Timing::aws(),
            seed,
            endpoint: "http://127.0.0.1:9000".to_owned(),
            quotas: Quotas::default(),
        };
        let account = Account::new(settings, storage.clone());
        let clock = Arc::new(Turned(AtomicI64::new(1_795_000_000_000)));
        let plane = Arc::new(ModelledPlane::new(seed));
        let cloud = Self {
            backstage: Backstage::new(account, plane.clone(), clock.clone()),
            plane,
            storage,
            clock,
        };
        cloud.ok("CreateApplication", &[("ApplicationName", "shop")]);
        cloud
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Turns the clock, and nothing else.
    pub(super) fn turn(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Turns the clock and looks.
    pub(super) fn pass(&self, seconds: i64) {
        self.turn(seconds * 1000);
        self.backstage.catch_up(self.now());
    }

    pub(super) fn call(&self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let mut all = vec![("Action".to_owned(), action.to_owned())];
        let given = parameters.iter();
        all.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = self.backstage.call(all);
        (answer.status, answer.body)
    }

    pub(super) fn ok(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let (status, body) = self.call(action, parameters);
        assert_eq!(status, 200, "{action} {parameters:?}: {body}");
        body
    }

    pub(super) fn version(&self, label: &str) {
        let key = format!("{label}.zip");
        self.storage.put_zip("bundles", &key);
        let parameters = [
            ("ApplicationName", "shop"),
            ("VersionLabel", label),
            ("SourceBundle.S3Bucket", "bundles"),
            ("SourceBundle.S3Key", &key),
        ];
        // It may be there already.
        self.call("CreateApplicationVersion", &parameters);
    }

    /// Begins to make an environment with two instances.
    pub(super) fn create(&self, name: &str, prefix: &str, version: &str) {
        self.version(version);
        self.ok(
            "CreateEnvironment",
            &[
                ("ApplicationName", "shop"),
                ("EnvironmentName", name),
                ("CNAMEPrefix", prefix),
                ("SolutionStackName", STACK),
                ("VersionLabel", version),
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MinSize"),
                ("OptionSettings.member.1.Value", "2"),
                (
                    "OptionSettings.member.2.Namespace",
                    "aws:elasticbeanstalk:healthreporting:system",
                ),
                ("OptionSettings.member.2.OptionName", "SystemType"),
                ("OptionSettings.member.2.Value", "enhanced"),
            ],
        );
    }

    /// Makes an environment and waits for it.
    pub(super) fn launch(&self, name: &str, prefix: &str, version: &str) -> EnvironmentId {
        self.create(name, prefix, version);
        self.pass(600);
        let id = self.id(name);
        let view = self.backstage.account().environment_view(&id).unwrap();
        assert_eq!(view.status, "Ready", "{view:?}");
        id
    }

    /// Begins to swap blue and green.
    pub(super) fn swap(&self) {
        self.ok(
            "SwapEnvironmentCNAMEs",
            &[
                ("SourceEnvironmentName", "blue"),
                ("DestinationEnvironmentName", "green"),
            ],
        );
    }

    /// The newest environment of a name.
    pub(super) fn id(&self, name: &str) -> EnvironmentId {
        let all = self.backstage.account().environments();
        all.into_iter()
            .rfind(|environment| environment.name.as_str() == name)
            .unwrap()
            .id
    }

    pub(super) fn health(&self, id: &EnvironmentId) -> HealthStatus {
        self.backstage.account().environment_view(id).unwrap().health
    }

    pub(super) fn users(&self, rate: f64) {
        self.plane.set_users(SHOP, rate, self.now());
    }

    pub(super) fn users_on(&self, id: &EnvironmentId) -> f64 {
        self.plane.users_on(id, self.now())
    }

    pub(super) fn ledger(&self) -> Vec<LedgerRow> {
        self.plane.ledger(self.now())
    }

    /// Texts of all elements of a name.
    pub(super) fn all(body: &str, name: &str) -> Vec<String> {
        crate::local::account::fixture::World::all(body, name)
    }
}
