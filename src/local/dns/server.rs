//! The server: sockets in, answers out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_server::proto::rr::DNSClass;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use super::Names;
use super::answer::{Answer, answer};
use crate::local::exposure::{BindError, Exposure, check_exposure};

/// After which an idle TCP connection is closed.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Answers that may wait to be sent on one TCP connection.
const WAITING_ANSWERS: usize = 32;
/// Answers over UDP are no longer, whatever a client says that it takes: what RFC 6891 (section 6.2.5) recommends, and less than
/// loopback carries in one piece.
const LONGEST_UDP: u16 = 4096;
/// A port that is free for UDP may be taken for TCP; so many are tried when any will do.
const PORT_TRIES: usize = 16;
/// How long questions in flight may take once the server stops.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// The DNS server could not start.
#[derive(Debug, thiserror::Error)]
#[error("the DNS server of the local cloud could not start: {0}")]
pub struct StartError(#[from] BindError);

/// A running DNS server. It stops when it is dropped.
pub struct DnsServer {
    server: Server<Handler>,
    address: SocketAddr,
}

impl DnsServer {
    /// Starts to answer on an address, over UDP and TCP; with port 0, on any port that is free for both.
    ///
    /// # Errors
    ///
    /// When the address may not be used or is taken.
    pub async fn start(address: SocketAddr, names: Arc<dyn Names>, exposure: Exposure) -> Result<Self, StartError> {
        check_exposure(address, exposure)?;
        let (udp, tcp, address) = sockets(address).await?;
        let mut server = Server::new(Handler { names });
        server.register_socket(udp);
        server.register_listener(tcp, IDLE_TIME, WAITING_ANSWERS);
        Ok(Self { server, address })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops and waits until the sockets are closed, for 2 s at most.
    pub async fn stop(mut self) {
        match tokio::time::timeout(CLOSING_TIME, self.server.shutdown_gracefully()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the DNS server of the local cloud ended with an error"),
            Err(_) => tracing::warn!("the DNS server of the local cloud was cut off because it took too long to stop"),
        }
    }
}

impl std::fmt::Debug for DnsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DnsServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn sockets(address: SocketAddr) -> Result<(UdpSocket, TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError::Io { address, source };
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        // TCP first: its ports are the scarcer ones, as old connections hold them for a while.
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let bound = tcp.local_addr().map_err(failed)?;
        match UdpSocket::bind(bound).await {
            Ok(udp) => return Ok((udp, tcp, bound)),
            Err(error) if tries == 0 => return Err(failed(error)),
            Err(_) => {}
        }
    }
}

struct Handler {
    names: Arc<dyn Names>,
}

impl Handler {
    fn answer(&self, request: &Request) -> Answer {
        let refuse = |code| Answer {
            code,
            records: Vec::new(),
            authority: None,
        };
        // There is one version of EDNS (RFC 6891, section 6.1.3).
        if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return refuse(ResponseCode::BADVERS);
        }
        if request.metadata.op_code != OpCode::Query {
            return refuse(ResponseCode::NotImp);
        }
        let Ok(information) = request.request_info() else {
            return refuse(ResponseCode::FormErr);
        };
        let query = information.query;
        if !matches!(query.query_class(), DNSClass::IN | DNSClass::ANY) {
            return refuse(ResponseCode::Refused);
        }
        let name = query.name().to_string();
        let name = name.strip_suffix('.').unwrap_or(&name);
        answer(self.names.as_ref(), name, query.query_type()).unwrap_or_else(|error| {
            tracing::warn!(name, %error, "a name of the local cloud cannot be written in DNS");
            refuse(ResponseCode::ServFail)
        })
    }
}

/// What answers the extension of a request (RFC 6891): without it, answers over UDP end after 512 bytes.
fn extended(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(asked.max_payload().min(LONGEST_UDP));
    edns
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut handle: R) -> ResponseInfo {
        let answer = self.answer(request);
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = answer.code;
        metadata.authoritative = matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain);
        let edns = request.edns.as_ref().map(extended);
        let response = MessageResponseBuilder::new(&request.queries, edns.as_ref()).build(
            metadata,
            &answer.records,
            [],
            &answer.authority,
            [],
        );
        match handle.send_response(response).await {
            Ok(information) => information,
            Err(error) => {
                tracing::debug!(%error, "an answer of the DNS server could not be sent");
                metadata.response_code = ResponseCode::ServFail;
                ResponseInfo::from(Header {
                    metadata,
                    counts: HeaderCounts::default(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;

    use hickory_resolver::TokioResolver;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use hickory_server::proto::op::{Message, Query};
    use hickory_server::proto::rr::RecordType;

    use super::*;
    use crate::local::dns::NameAnswer;

    const NAME: &str = "shop.eu-central-1.elasticbeanstalk.com";
    const BALANCER: &str = "awseb-1.eu-central-1.elb.amazonaws.com";

    /// One name that leads to an address that can be changed.
    struct Moving(Mutex<Option<Ipv4Addr>>);

    impl Names for Moving {
        fn resolve(&self, name: &str) -> Option<NameAnswer> {
            let address = *self.0.lock().unwrap();
            (name == NAME && address.is_some()).then(|| NameAnswer {
                chain: vec![(NAME.to_owned(), BALANCER.to_owned())],
                addresses: address.into_iter().collect(),
                ttl_seconds: 1,
            })
        }
    }

    /// A name with more texts than 512 bytes hold.
    struct Wordy;

    impl Names for Wordy {
        fn resolve(&self, _: &str) -> Option<NameAnswer> {
            None
        }

        fn texts(&self, _: &str) -> Option<(Vec<String>, u32)> {
            Some((vec![format!("\"{}\"", "a".repeat(200)); 10], 60))
        }

        fn zone(&self, _: &str) -> Option<String> {
            Some("example.com".to_owned())
        }
    }

    #[tokio::test]
    async fn answers_over_udp_are_as_long_as_the_client_takes() {
        let server = DnsServer::start("127.0.0.1:0".parse().unwrap(), Arc::new(Wordy), Exposure::ThisMachine)
            .await
            .unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server.address()).await.unwrap();
        let ask = async |edns: Option<(u16, u8)>| {
            let mut message = Message::query();
            message.add_query(Query::query("a.example.com.".parse().unwrap(), RecordType::TXT));
            message.edns = edns.map(|(payload, version)| {
                let mut edns = Edns::new();
                edns.set_max_payload(payload).set_version(version);
                edns
            });
            socket.send(&message.to_vec().unwrap()).await.unwrap();
            let mut buffer = [0; 8192];
            let length = socket.recv(&mut buffer).await.unwrap();
            (Message::from_vec(&buffer[..length]).unwrap(), length)
        };
        let (answer, length) = ask(None).await;
        assert!(
            answer.metadata.truncation && length <= 512 && answer.edns.is_none(),
            "{answer:?}"
        );
        let (answer, length) = ask(Some((1232, 0))).await;
        assert!(
            answer.metadata.truncation && (513..=1232).contains(&length),
            "{answer:?}"
        );
        for payload in [4096, u16::MAX] {
            let (answer, _) = ask(Some((payload, 0))).await;
            assert!(!answer.metadata.truncation && answer.answers.len() == 10, "{answer:?}");
            assert_eq!(answer.edns.map(|edns| edns.max_payload()), Some(LONGEST_UDP));
        }
        let (answer, _) = ask(Some((4096, 1))).await;
        let edns = answer.edns.unwrap();
        assert_eq!((edns.rcode_high(), edns.version()), (ResponseCode::BADVERS.high(), 0));
        assert!(answer.answers.is_empty());
    }

    fn resolver(server: SocketAddr, mut connection: ConnectionConfig) -> TokioResolver {
        connection.port = server.port();
        let name_server = NameServerConfig::new(server.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, vec![], vec![name_server]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .build()
            .unwrap()
    }

    async fn resolve(resolver: &TokioResolver, name: &str) -> Option<IpAddr> {
        let found = resolver.lookup_ip(format!("{name}.")).await.ok()?;
        found.iter().next()
    }

    #[tokio::test]
    async fn resolvers_follow_a_name_when_its_time_is_over() {
        let first = Ipv4Addr::new(127, 0, 0, 2);
        let second = Ipv4Addr::new(127, 0, 0, 3);
        let names = Arc::new(Moving(Mutex::new(None)));
        let server = DnsServer::start("127.0.0.1:0".parse().unwrap(), names.clone(), Exposure::ThisMachine)
            .await
            .unwrap();
        let caching = resolver(server.address(), ConnectionConfig::udp());
        assert_eq!(resolve(&caching, NAME).await, None);
        *names.0.lock().unwrap() = Some(first);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(resolve(&caching, NAME).await, Some(first.into()));
        *names.0.lock().unwrap() = Some(second);
        // Still remembered: this is what a swap has to wait out.
        assert_eq!(resolve(&caching, NAME).await, Some(first.into()));
        let fresh = resolver(server.address(), ConnectionConfig::tcp());
        assert_eq!(resolve(&fresh, &NAME.to_uppercase()).await, Some(second.into()));
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(resolve(&caching, NAME).await, Some(second.into()));

        let address = server.address();
        server.stop().await;
        assert!(UdpSocket::bind(address).await.is_ok());
    }

    #[tokio::test]
    async fn other_machines_are_not_served_unasked() {
        let names = Arc::new(Moving(Mutex::new(None)));
        let error = DnsServer::start("0.0.0.0:0".parse().unwrap(), names, Exposure::ThisMachine)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("0.0.0.0:0"), "{error}");
    }
}
