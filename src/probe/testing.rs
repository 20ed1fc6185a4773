//! Servers for tests: a small HTTP server and a DNS server whose records change while it runs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UdpSocket};

pub(crate) type Reply = Response<Full<Bytes>>;

pub(crate) fn reply(status: StatusCode, body: &str) -> Reply {
    let mut reply = Response::new(Full::from(body.to_owned()));
    *reply.status_mut() = status;
    reply
}

/// Serves on a free port of 127.0.0.1 until the test's runtime ends.
pub(crate) async fn serve(handle: impl Fn(&Request<Incoming>) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handle = Arc::clone(&handle);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let reply = handle(&request);
                    async move { Ok::<_, Infallible>(reply) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// A DNS server on UDP.
pub(crate) struct NameServer {
    address: SocketAddr,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    by_name: BTreeMap<String, Vec<Record>>,
    refusing: bool,
    questions: u64,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let records = Arc::new(Mutex::new(Records::default()));
        let shared = Arc::clone(&records);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let answer = shared.lock().unwrap().answer(&question);
                let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
            }
        });
        Self { address, records }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives a name these addresses from now on, with a time to live in seconds.
    pub(crate) fn set(&self, name: &str, addresses: &[&str], time_to_live: u32) {
        let records = addresses
            .iter()
            .map(|address| Record::from_rdata(full(name), time_to_live, address.parse::<IpAddr>().unwrap().into()))
            .collect();
        self.records.lock().unwrap().by_name.insert(name.to_owned(), records);
    }

    pub(crate) fn set_alias(&self, name: &str, target: &str, time_to_live: u32) {
        let record = Record::from_rdata(full(name), time_to_live, RData::CNAME(CNAME(full(target))));
        self.records
            .lock()
            .unwrap()
            .by_name
            .insert(name.to_owned(), vec![record]);
    }

    /// From now on refuses every question.
    pub(crate) fn refuse(&self) {
        self.records.lock().unwrap().refusing = true;
    }

    /// How many questions for IPv4 addresses were asked.
    pub(crate) fn questions(&self) -> u64 {
        self.records.lock().unwrap().questions
    }
}

fn full(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

impl Records {
    fn answer(&mut self, question: &Message) -> Message {
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        let query = question.queries[0].clone();
        let wanted = query.query_type();
        let mut name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        answer.add_query(query);
        answer.metadata.recursion_available = true;
        self.questions += u64::from(wanted == RecordType::A);
        if self.refusing {
            answer.metadata.response_code = ResponseCode::Refused;
            return answer;
        }
        if !self.by_name.contains_key(&name) {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        while let Some(records) = self.by_name.get(&name) {
            let mut alias = None;
            for record in records {
                if let RData::CNAME(target) = &record.data {
                    alias = Some(target.to_ascii().trim_end_matches('.').to_owned());
                    answer.add_answer(record.clone());
                } else if record.record_type() == wanted {
                    answer.add_answer(record.clone());
                }
            }
            match alias {
                Some(target) => name = target,
                None => break,
            }
        }
        answer
    }
}
