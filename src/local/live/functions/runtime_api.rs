//! The Runtime API (2018-06-01): what the process of a function asks for invocations, and where it answers them.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The longest answer of a function (source: quotas of Lambda: 6 MB, and some for its wrapping).
pub(super) const MOST_ANSWER: usize = 6_291_556;

/// An invocation as the process is told of it. Not to be printed: events may hold credentials.
pub(super) struct Told {
    pub(super) request_id: String,
    pub(super) deadline_ms: i64,
    pub(super) arn: String,
    pub(super) client_context: Option<String>,
    pub(super) payload: Bytes,
}

/// What the process does. Not to be printed: answers may hold credentials.
#[derive(PartialEq, Eq)]
pub(super) enum Event {
    /// It asks for its next invocation.
    Ready,
    /// It answers the invocation with that id.
    Answered(String, Vec<u8>),
    /// Its answer, of so many bytes at least, is too long.
    TooLong(String, usize),
    /// It could not carry out the invocation with that id.
    Failed(String, Vec<u8>),
    /// It could not start.
    InitFailed(Vec<u8>),
}

/// A Runtime API of one process. Dropping it closes it.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    serving: AbortHandle,
    shared: Arc<Shared>,
    invocations: mpsc::Sender<Told>,
}

struct Shared {
    events: mpsc::UnboundedSender<Event>,
    invocations: tokio::sync::Mutex<mpsc::Receiver<Told>>,
    /// The id of the invocation that the process has been given and not answered.
    current: Mutex<Option<String>>,
}

impl RuntimeApi {
    /// Opens it at a free port; what the process does comes out of the receiver.
    pub(super) async fn open() -> io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, happened) = mpsc::unbounded_channel();
        let (invocations, receiver) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            events,
            invocations: tokio::sync::Mutex::new(receiver),
            current: Mutex::new(None),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared))).abort_handle();
        let api = Self {
            address,
            serving,
            shared,
            invocations,
        };
        Ok((api, happened))
    }

    /// Host and port, as the process is told.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Gives the process an invocation.
    pub(super) fn tell(&self, invocation: Told) {
        let mut current = self.shared.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some(invocation.request_id.clone());
        // There is room: the one before was answered.
        let _full = self.invocations.try_send(invocation);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the API.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let shared = Arc::clone(&shared);
                    async move { Ok::<_, Infallible>(shared.answer(request).await) }
                });
                connections.spawn(async move {
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of a function to its Runtime API ended early");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

type Answer = Response<Full<Bytes>>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let Some(path) = head.uri.path().strip_prefix("/2018-06-01/runtime/") else {
            return refused(
                StatusCode::NOT_FOUND,
                "NotFound",
                "There is no such path in the Runtime API.",
            );
        };
        let parts: Vec<&str> = path.split('/').collect();
        match (head.method, parts.as_slice()) {
            (Method::GET, ["invocation", "next"]) => self.next().await,
            (Method::POST, ["invocation", id, "response"]) => match read(body).await {
                Ok(answer) => self.settle(id, |id| Event::Answered(id, answer)),
                Err(length) => {
                    // The process is told that its answer was refused, and the caller that there is none.
                    let _told = self.settle(id, |id| Event::TooLong(id, length));
                    refused(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "Function.ResponseSizeTooLarge",
                        "The answer is too long.",
                    )
                }
            },
            (Method::POST, ["invocation", id, "error"]) => {
                let document = read(body).await.unwrap_or_default();
                self.settle(id, |id| Event::Failed(id, document))
            }
            (Method::POST, ["init", "error"]) => {
                let document = read(body).await.unwrap_or_default();
                self.tell(Event::InitFailed(document));
                accepted()
            }
            (method, _) => refused(
                StatusCode::NOT_FOUND,
                "NotFound",
                &format!("There is no {method} {path} in the Runtime API."),
            ),
        }
    }

    async fn next(&self) -> Answer {
        self.tell(Event::Ready);
        // Whoever asks again while it waits gets in line.
        let invocation = self.invocations.lock().await.recv().await;
        let Some(invocation) = invocation else {
            return refused(StatusCode::GONE, "Gone", "There are no more invocations.");
        };
        let mut response = Response::new(Full::new(invocation.payload));
        let headers = response.headers_mut();
        let deadline = invocation.deadline_ms.to_string();
        let trace = trace_id(&invocation.request_id);
        let context = invocation.client_context.as_deref();
        let values = [
            ("content-type", Some("application/json")),
            ("lambda-runtime-aws-request-id", Some(invocation.request_id.as_str())),
            ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
            ("lambda-runtime-invoked-function-arn", Some(invocation.arn.as_str())),
            ("lambda-runtime-trace-id", Some(trace.as_str())),
            ("lambda-runtime-client-context", context),
        ];
        for (name, value) in values {
            // Names may have letters that are no ASCII.
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// Takes what the process says of its invocation, which it may do once.
    fn settle(&self, id: &str, event: impl FnOnce(String) -> Event) -> Answer {
        let known = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|current| current == id)
        };
        match known {
            Some(id) => {
                self.tell(event(id));
                accepted()
            }
            None => refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens once the worker has ended.
        let _late = self.events.send(event);
    }
}

/// Reads a body, or tells how long it is at least when it is too long.
async fn read(body: Incoming) -> Result<Vec<u8>, usize> {
    match Limited::new(body, MOST_ANSWER).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(_) => Err(MOST_ANSWER + 1),
    }
}

/// The trace that an invocation belongs to. Nothing is traced here.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (first, rest) = hex.split_at_checked(8).unwrap_or((&hex, ""));
    format!("Root=1-{first}-{};Sampled=0", rest.get(..24).unwrap_or(rest))
}

fn accepted() -> Answer {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status":"OK"}"#)));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Answer {
    let document = serde_json::json!({ "errorType": kind, "errorMessage": message });
    let mut response = Response::new(Full::new(document.to_string().into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
}
