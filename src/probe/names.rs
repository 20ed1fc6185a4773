//! Name lookups without a cache of our own: from a given DNS server, or as the system does them.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;

use super::ProbeError;

/// How long one question to the DNS server may take before it is sent again.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer of the system's resolver is taken to hold. It does not tell; Chromium takes a minute then.
const SYSTEM_TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// Looks names up, each time anew.
///
/// Equal questions that are on their way at the same moment share one answer, clones included. Who stands for several
/// independent clients makes one of these for each.
#[derive(Clone)]
pub struct Names(Source);

#[derive(Clone)]
enum Source {
    Server(Box<TokioResolver>),
    System,
}

/// The addresses of a name and how long they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAnswer {
    /// The addresses, IPv4 first, each family in the order of the answer. Empty when the name does not exist or has none.
    pub addresses: Vec<IpAddr>,
    /// Time to live: the shortest of all records on the way, aliases included. Zero when there are no addresses.
    pub valid_for: Duration,
}

impl Names {
    /// Lookups through the given DNS server, or else as the system does them.
    ///
    /// # Errors
    ///
    /// When the client for the DNS server cannot be set up.
    pub fn new(dns_server: Option<SocketAddr>) -> Result<Self, ProbeError> {
        let Some(server) = dns_server else {
            return Ok(Self(Source::System));
        };
        let mut datagrams = ConnectionConfig::udp();
        datagrams.port = server.port();
        let mut stream = ConnectionConfig::tcp();
        stream.port = server.port();
        let name_server = NameServerConfig::new(server.ip(), true, vec![datagrams, stream]);
        let mut builder = TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(vec![name_server]),
            TokioRuntimeProvider::default(),
        );
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = QUESTION_TIMEOUT;
        let resolver = builder.build().map_err(|error| ProbeError::Names {
            server,
            problem: error.to_string(),
        })?;
        Ok(Self(Source::Server(Box::new(resolver))))
    }

    /// The addresses to try for a host name or address. One family that cannot be looked up is no obstacle if the other can.
    ///
    /// # Errors
    ///
    /// A text for a person, when neither family could be looked up.
    pub async fn lookup(&self, host: &str) -> Result<NameAnswer, String> {
        if let Some(address) = literal(host) {
            return Ok(NameAnswer {
                addresses: vec![address],
                valid_for: Duration::MAX,
            });
        }
        let Source::Server(resolver) = &self.0 else {
            return system(host).await;
        };
        match both(resolver, host).await {
            (Ok(first), Ok(second)) => Ok(merge(first, second)),
            // A name without IPv4 whose IPv6 is not known is not a name without addresses.
            (Ok(some), Err(problem)) | (Err(problem), Ok(some)) if some.addresses.is_empty() => Err(problem),
            (Ok(some), Err(_)) | (Err(_), Ok(some)) => Ok(some),
            (Err(problem), Err(_)) => Err(problem),
        }
    }

    /// All addresses of a host name.
    ///
    /// # Errors
    ///
    /// A text for a person, when not all of them can be known.
    pub async fn all(&self, host: &str) -> Result<BTreeSet<IpAddr>, String> {
        let answer = match &self.0 {
            Source::Server(resolver) if literal(host).is_none() => {
                let (first, second) = both(resolver, host).await;
                merge(first?, second?)
            }
            _ => self.lookup(host).await?,
        };
        Ok(answer.addresses.into_iter().collect())
    }
}

/// The address that a host already is, with or without the brackets of a URL.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

async fn both(resolver: &TokioResolver, host: &str) -> (Result<NameAnswer, String>, Result<NameAnswer, String>) {
    // The dot at the end keeps the machine's search domains out of it.
    let name = format!("{}.", host.trim_end_matches('.'));
    tokio::join!(
        family(resolver, &name, RecordType::A),
        family(resolver, &name, RecordType::AAAA)
    )
}

async fn family(resolver: &TokioResolver, name: &str, record_type: RecordType) -> Result<NameAnswer, String> {
    match resolver.lookup(name, record_type).await {
        Ok(lookup) => {
            let addresses: Vec<IpAddr> = lookup
                .answers()
                .iter()
                .filter_map(|record| record.data.ip_addr())
                .collect();
            let shortest = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
            Ok(NameAnswer {
                valid_for: if addresses.is_empty() {
                    Duration::ZERO
                } else {
                    Duration::from_secs(u64::from(shortest))
                },
                addresses,
            })
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            Ok(NameAnswer {
                addresses: Vec::new(),
                valid_for: Duration::ZERO,
            })
        }
        Err(error) => Err(format!(
            "the {record_type} records of {} could not be looked up: {error}",
            name.trim_end_matches('.')
        )),
    }
}

fn merge(mut first: NameAnswer, second: NameAnswer) -> NameAnswer {
    first.valid_for = match (first.addresses.is_empty(), second.addresses.is_empty()) {
        (false, false) => first.valid_for.min(second.valid_for),
        (true, false) => second.valid_for,
        _ => first.valid_for,
    };
    first.addresses.extend(second.addresses);
    first
}

async fn system(host: &str) -> Result<NameAnswer, String> {
    let found = tokio::net::lookup_host((host, 0)).await;
    let found: io::Result<Vec<IpAddr>> = found.map(|list| list.map(|address| address.ip()).collect());
    let mut addresses = found.map_err(|error| format!("{host} could not be looked up: {error}"))?;
    addresses.sort_by_key(IpAddr::is_ipv6);
    Ok(NameAnswer {
        addresses,
        valid_for: SYSTEM_TIME_TO_LIVE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::NameServer;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_changed_record_is_seen_at_once_and_its_time_to_live_is_told() {
        let server = NameServer::start().await;
        server.set("shop.example.com", &["127.0.0.2"], 60);
        let names = Names::new(Some(server.address())).unwrap();
        let answer = names.lookup("shop.example.com").await.unwrap();
        assert_eq!(answer.addresses, addresses(&["127.0.0.2"]));
        assert_eq!(answer.valid_for, Duration::from_secs(60));

        server.set("shop.example.com", &["127.0.0.3", "127.0.0.4"], 1);
        let answer = names.lookup("shop.example.com").await.unwrap();
        assert_eq!(answer.addresses, addresses(&["127.0.0.3", "127.0.0.4"]));
        assert_eq!(answer.valid_for, Duration::from_secs(1));
    }

    #[tokio::test]
    async fn an_alias_is_followed_and_its_time_to_live_counts() {
        let server = NameServer::start().await;
        server.set("balancer.example.com", &["127.0.0.5"], 60);
        server.set_alias("www.example.com", "balancer.example.com", 7);
        let names = Names::new(Some(server.address())).unwrap();
        let answer = names.lookup("www.example.com").await.unwrap();
        assert_eq!(answer.addresses, addresses(&["127.0.0.5"]));
        assert_eq!(answer.valid_for, Duration::from_secs(7));
    }

    #[tokio::test]
    async fn a_missing_name_has_no_addresses_but_a_refused_question_is_unknown() {
        let server = NameServer::start().await;
        let names = Names::new(Some(server.address())).unwrap();
        assert_eq!(names.all("nobody.example.com").await, Ok(BTreeSet::new()));
        server.refuse();
        let problem = names.all("nobody.example.com").await.unwrap_err();
        assert!(problem.contains("nobody.example.com"), "{problem}");
    }

    #[tokio::test]
    async fn an_address_needs_no_lookup() {
        let names = Names::new(Some("127.0.0.1:1".parse().unwrap())).unwrap();
        let answer = names.lookup("[::1]").await.unwrap();
        assert_eq!(answer.addresses, addresses(&["::1"]));
        assert_eq!(
            names.all("127.0.0.9").await.unwrap(),
            BTreeSet::from(["127.0.0.9".parse().unwrap()])
        );
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let names = Names::new(None).unwrap();
        let answer = names.lookup("localhost").await.unwrap();
        assert!(answer.addresses.iter().all(IpAddr::is_loopback), "{answer:?}");
        assert!(!answer.addresses.is_empty());
    }
}
