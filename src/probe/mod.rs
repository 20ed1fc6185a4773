//! HTTP smoke checks and synthetic probes: questions asked from the outside, as a user would.

mod expect;
mod http;
mod names;
mod secret;
mod target;
#[cfg(test)]
pub(crate) mod testing;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use url::Url;

use crate::model::Known;
pub use crate::model::ProbeResult;
use crate::spec::{CHECKS_AT_ONCE, Check};

pub use http::{HttpProber, ProbeSettings};
pub use names::{NameAnswer, Names};
pub use secret::variables;
pub use target::Target;

/// Asks applications from the outside.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Runs one check. Never fails: what went wrong is in the result.
    async fn check(&self, target: &Target, check: &Check) -> ProbeResult;

    /// The addresses a host name has now, without any cache. A name that does not exist has none; a question that got no
    /// whole answer is unknown, and so is a name that does not exist where the system's resolver is asked, which does not tell
    /// the one from the other.
    async fn addresses(&self, host: &str) -> Known<BTreeSet<IpAddr>>;

    /// Reads a text from an address, such as a log that AWS has given out. `${NAME}` in the headers' values stands for environment
    /// variables. The error never holds the address, which may be signed, nor a header's value.
    async fn fetch(&self, url: &Url, headers: &BTreeMap<String, String>, patience: Duration) -> Result<String, String>;
}

/// Why a prober cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The client for the DNS server could not be set up.
    #[error("setting up name lookups through the DNS server {server}: {problem}")]
    Names {
        /// The server.
        server: SocketAddr,
        /// What was wrong.
        problem: String,
    },
    /// TLS could not be set up.
    #[error("setting up TLS for probes: {0}; this is a fault of this build of cutover, please report it")]
    Tls(String),
}

/// Runs all checks of one round, several at once. The results stand in the order of the checks.
pub async fn round(prober: &dyn Prober, target: &Target, checks: &[Check]) -> Vec<ProbeResult> {
    let questions: Vec<_> = checks.iter().map(|check| prober.check(target, check)).collect();
    futures_util::stream::iter(questions)
        .buffered(CHECKS_AT_ONCE)
        .collect()
        .await
}

#[cfg(test)]
mod tests {
    use crate::model::Span;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how many checks are under way.
    #[derive(Default)]
    struct Counting {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait]
    impl Prober for Counting {
        async fn check(&self, _: &Target, check: &Check) -> ProbeResult {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            ProbeResult {
                check: check.title(),
                passed: true,
                status: Some(200),
                latency: Span::from_millis(5),
                address: None,
                failure: None,
                unreached: false,
            }
        }

        async fn fetch(&self, _: &Url, _: &BTreeMap<String, String>, _: Duration) -> Result<String, String> {
            Err("not asked for here".to_owned())
        }

        async fn addresses(&self, _: &str) -> Known<BTreeSet<IpAddr>> {
            Known::Known(BTreeSet::new())
        }
    }

    #[tokio::test]
    async fn a_round_is_parallel_bounded_and_in_order() {
        let checks: Vec<Check> = (0..40)
            .map(|number| Check {
                name: Some(format!("check {number}")),
                ..Check::default()
            })
            .collect();
        let prober = Counting::default();
        let target = Target::public("http://127.0.0.1/").unwrap();
        let results = round(&prober, &target, &checks).await;
        let names: Vec<String> = results.into_iter().map(|result| result.check).collect();
        let expected: Vec<String> = checks.iter().map(Check::title).collect();
        assert_eq!(names, expected);
        assert_eq!(prober.most.load(Ordering::SeqCst), CHECKS_AT_ONCE);
    }

    #[test]
    fn the_examples_have_spec_files_that_can_be_read() {
        for text in [
            include_str!("../../examples/python/cutover.toml"),
            include_str!("../../examples/node/cutover.toml"),
        ] {
            let spec: crate::spec::Spec = toml::from_str(text).expect("the example's cutover.toml");
            assert_eq!(spec.smoke.checks.len(), 2, "{}", spec.application);
            assert!(spec.smoke.checks.iter().any(|check| !check.expect.json.is_empty()));
        }
    }
}
