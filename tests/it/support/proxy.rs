//! A proxy before the cloud's endpoint that writes down every request, and on demand does to them what networks and services do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use super::wire::mutates;
use super::wire::operation;
use super::{MOMENT, until};

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The cloud does it, and the answer is lost with the connection.
    LoseAnswer,
    /// The cloud does it, and the answer is a 500.
    FailAfter,
    /// The cloud does not get it, and the answer is a 500.
    FailBefore,
    /// The cloud does not get it: too many requests.
    Throttle,
    /// The cloud does not get it: no permission.
    Deny,
    /// It is on its way for so long, whatever becomes of its sender.
    Delay(Duration),
    /// It waits until the gate opens.
    Hold(Gate),
    /// The answer has one text in the place of another.
    Rewrite(String, String),
}

/// Something to wait at.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    open: Arc<watch::Sender<bool>>,
    came: Arc<watch::Sender<usize>>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self {
            open: Arc::new(watch::Sender::new(false)),
            came: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many requests have come to it so far.
    pub(crate) fn came(&self) -> usize {
        *self.came.borrow()
    }

    async fn pass(&self) {
        self.came.send_modify(|came| *came += 1);
        // The gate itself is held, so its sender is there.
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
    }
}

/// Whether the time for a fault has come.
type When = Box<dyn Fn() -> bool + Send>;

/// A fault for the next requests of one operation.
struct Rule {
    operation: &'static str,
    fault: Fault,
    left: usize,
    when: When,
}

#[derive(Default)]
struct State {
    wire: Vec<String>,
    done: Vec<String>,
    rules: Vec<Rule>,
}

/// The proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts one before an endpoint such as `http://127.0.0.1:4570`.
    pub(crate) async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let way = Way {
            endpoint: endpoint.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            state: Arc::clone(&state),
        };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = way.clone();
                let service = service_fn(move |request| {
                    let way = way.clone();
                    // On its own, so that a request goes on when its client has died.
                    let passed = tokio::spawn(async move { way.pass(request).await });
                    async move { passed.await.unwrap() }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next so many requests of an operation meet a fault. Earlier orders come first.
    pub(crate) fn order(&self, operation: &'static str, fault: Fault, times: usize) {
        self.order_when(operation, fault, times, || true);
    }

    /// The same, for requests that come when the time has come.
    pub(crate) fn order_when(
        &self,
        operation: &'static str,
        fault: Fault,
        times: usize,
        when: impl Fn() -> bool + Send + 'static,
    ) {
        let rule = Rule {
            operation,
            fault,
            left: times,
            when: Box::new(when),
        };
        self.state.lock().unwrap().rules.push(rule);
    }

    /// Forgets all faults that have not happened yet.
    pub(crate) fn behave(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    /// The operations that were asked for so far, in order.
    pub(crate) fn wire(&self) -> Vec<String> {
        self.state.lock().unwrap().wire.clone()
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.count_of(|seen| seen == operation)
    }

    /// How many operations of a kind were asked for.
    pub(crate) fn count_of(&self, kind: impl Fn(&str) -> bool) -> usize {
        let state = self.state.lock().unwrap();
        state.wire.iter().filter(|seen| kind(seen)).count()
    }

    /// How often the cloud has done an operation, whether or not anybody heard of it.
    pub(crate) fn done(&self, operation: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.done.iter().filter(|done| *done == operation).count()
    }

    /// What was asked for that may change something, and how often.
    pub(crate) fn changes(&self) -> BTreeMap<String, usize> {
        let mut changes = BTreeMap::new();
        for operation in self.wire().into_iter().filter(|operation| mutates(operation)) {
            *changes.entry(operation).or_default() += 1;
        }
        changes
    }

    /// Waits until an operation was asked for.
    pub(crate) async fn arrived(&self, operation: &str) {
        let what = format!("{operation} on the wire");
        until(&what, MOMENT, async || (self.count(operation) > 0).then_some(())).await;
    }
}

#[derive(Clone)]
struct Way {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Arc<Mutex<State>>,
}

/// The answer was lost: hyper then closes the connection without one.
#[derive(Debug, thiserror::Error)]
#[error("the answer was lost on purpose")]
struct Lost;

type Answer = Response<Full<Bytes>>;

impl Way {
    async fn pass(&self, request: Request<Incoming>) -> Result<Answer, Lost> {
        let (head, body) = request.into_parts();
        // A client that died while it sent has asked for nothing.
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        let operation = operation(&head, &body);
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.wire.push(operation.clone());
            let rule = state
                .rules
                .iter_mut()
                .find(|rule| rule.operation == operation && rule.left > 0 && (rule.when)());
            rule.map(|rule| {
                rule.left -= 1;
                rule.fault.clone()
            })
        };
        let request = Request::from_parts(head, body);
        match fault {
            None => self.forward(&operation, request).await,
            Some(Fault::LoseAnswer) => {
                self.forward(&operation, request).await?;
                Err(Lost)
            }
            Some(Fault::FailAfter) => {
                self.forward(&operation, request).await?;
                Ok(failed())
            }
            Some(Fault::FailBefore) => Ok(failed()),
            Some(Fault::Throttle) => Ok(refused(StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded")),
            Some(Fault::Deny) => {
                let message =
                    format!("User: arn:aws:iam::123456789012:user/test is not authorized to perform: {operation}");
                Ok(refused(StatusCode::FORBIDDEN, "AccessDenied", &message))
            }
            Some(Fault::Delay(length)) => {
                tokio::time::sleep(length).await;
                self.forward(&operation, request).await
            }
            Some(Fault::Hold(gate)) => {
                gate.pass().await;
                self.forward(&operation, request).await
            }
            Some(Fault::Rewrite(from, to)) => {
                let (mut head, body) = self.forward(&operation, request).await?.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let text = String::from_utf8(body.to_vec()).unwrap().replace(&from, &to);
                head.headers.remove(CONTENT_LENGTH);
                Ok(Response::from_parts(head, text.into()))
            }
        }
    }

    async fn forward(&self, operation: &str, request: Request<Bytes>) -> Result<Answer, Lost> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{}{path}", self.endpoint).parse::<Uri>().unwrap();
        for own in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
            head.headers.remove(own);
        }
        let request = Request::from_parts(head, Full::new(body));
        let answer = self.client.request(request).await.map_err(|_| Lost)?;
        let (mut head, body) = answer.into_parts();
        head.headers.remove(CONNECTION);
        head.headers.remove(TRANSFER_ENCODING);
        let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
        if head.status.is_success() {
            self.state.lock().unwrap().done.push(operation.to_owned());
        }
        Ok(Response::from_parts(head, body.into()))
    }
}

fn failed() -> Answer {
    refused(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalFailure",
        "We encountered an internal error.",
    )
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    let text = format!(
        "<ErrorResponse xmlns=\"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    );
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    answer
}
