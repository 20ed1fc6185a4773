//! Checks and name lookups in the simulated world.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::scenario::{Fate, Moment, Service};
use super::scene::Scene;
use super::stage::METRICS;
use crate::model::{Known, ProbeResult, Span};
use crate::probe::{Prober, Target};
use crate::spec::Check;

/// Asks the modelled applications.
pub(super) struct SimProber {
    scene: Arc<Scene>,
    process: usize,
}

impl SimProber {
    pub(super) fn new(scene: Arc<Scene>, process: usize) -> Self {
        Self { scene, process }
    }

    async fn fate(&self, operation: &str, service: Service) -> Option<Fate> {
        let (number, fate) = self.scene.fate(operation, &[service]);
        self.scene.survive(self.process, Moment::BeforeCall(number)).await;
        let latency = match fate {
            Some(Fate::Slow(length)) => length.min(crate::spec::Check::default().timeout.get()),
            Some(Fate::Hangs) => crate::spec::Check::default().timeout.get(),
            _ => self.scene.latency() / 2,
        };
        tokio::time::sleep(latency).await;
        self.scene.survive(self.process, Moment::AfterCall(number)).await;
        fate.filter(|fate| !matches!(fate, Fate::Slow(_) | Fate::Stale(_)))
    }
}

#[async_trait]
impl Prober for SimProber {
    async fn check(&self, target: &Target, check: &Check) -> ProbeResult {
        let result = |status: Option<u16>, failure: Option<String>, latency: Span| ProbeResult {
            check: check.title(),
            passed: failure.is_none(),
            status,
            latency,
            address: None,
            failure,
            unreached: false,
        };
        let unreached = |why: String| ProbeResult {
            unreached: true,
            ..result(None, Some(why), check.timeout)
        };
        if let Some(fate) = self.fate("probe", Service::Probes).await {
            // Something on the way answers instead; when there is no way at all, nothing does.
            let on_the_way = match fate {
                Fate::ErrorBefore | Fate::ErrorAfter => Some(500),
                Fate::Throttled => Some(503),
                _ => None,
            };
            if let Some(status) = on_the_way.filter(|_| !self.scene.is_out(Service::Probes)) {
                return result(
                    Some(status),
                    Some(format!("it answered {status}")),
                    Span::from_millis(1),
                );
            }
            return unreached(format!("no answer: simulated {fate:?}"));
        }
        let host = target.url().host_str().unwrap_or_default();
        let Some(address) = self.scene.stage.led_to(host) else {
            return unreached(format!("{host} leads nowhere"));
        };
        let answer = self.scene.stage.ask(address, host, &check.path);
        let latency = Span::from_millis(u64::try_from(answer.latency.as_millis()).unwrap_or(u64::MAX));
        if answer.status.is_some_and(|status| (200..300).contains(&status)) {
            self.scene.smoked();
        }
        match answer.status {
            Some(status) if (200..300).contains(&status) => result(Some(status), None, latency),
            Some(status) => result(Some(status), Some(format!("it answered {status}")), latency),
            None => result(None, Some("the connection was refused".to_owned()), latency),
        }
    }

    async fn addresses(&self, host: &str) -> Known<BTreeSet<IpAddr>> {
        match self.fate("lookup", Service::Names).await {
            Some(fate) => Known::Unknown(format!("no answer from the name server: simulated {fate:?}")),
            None => Known::Known(self.scene.stage.address(host).into_iter().collect()),
        }
    }

    async fn fetch(&self, url: &Url, _: &BTreeMap<String, String>, _: Duration) -> Result<String, String> {
        if url.host_str() == Some(METRICS) {
            if let Some(fate) = self.fate("fetch", Service::Monitoring).await {
                return Err(format!("no answer: simulated {fate:?}"));
            }
            let (blue, green) = url.path().trim_start_matches('/').split_once('/').unwrap_or_default();
            let told = self.scene.stage.told(blue, green);
            return told.ok_or_else(|| "it knows no such environments".to_owned());
        }
        match self.fate("fetch", Service::Storage).await {
            Some(fate) => Err(format!("no answer: simulated {fate:?}")),
            None => Ok("a line of a log\n".to_owned()),
        }
    }
}
