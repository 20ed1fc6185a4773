//! One HTTP/1.1 connection of a client.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::SET_COOKIE;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The header in which applications name their version.
pub(super) const VERSION_HEADER: &str = "x-app-version";

/// An open connection.
pub(super) struct Connection {
    address: SocketAddr,
    sender: SendRequest<Empty<Bytes>>,
    received: Arc<AtomicU64>,
    /// Whether an answer has come over it.
    used: bool,
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: Option<String>,
    /// Cookies that the client is to send from now on, each as `name=value`.
    pub(super) cookies: Vec<String>,
}

/// Why there is no whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// In few words, the same for all failures of one kind.
    pub(super) kind: String,
    /// Whether the connection had carried an answer before, and gave not one byte for this request: the server closed it
    /// while the request was on its way, and has most likely not seen the request.
    pub(super) was_stale: bool,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| kind_of_io(&error))?;
        // Only a matter of speed; a socket without this option still works.
        let _ = stream.set_nodelay(true);
        let received = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            stream,
            received: Arc::clone(&received),
        };
        let (sender, driver) = http1::handshake(TokioIo::new(counted))
            .await
            .map_err(|error| kind_of(&error))?;
        // Ends with the sender. What goes wrong in it is told to the request that is under way.
        tokio::spawn(driver);
        Ok(Self {
            address,
            sender,
            received,
            used: false,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the server has closed it, as far as is known here.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether it can carry another request; waits for the end of the last one's bookkeeping.
    pub(super) async fn is_reusable(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn ask(&mut self, request: Request<Empty<Bytes>>) -> Result<Answer, Broken> {
        let before = self.received.load(Ordering::Relaxed);
        let mut response = match self.sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => {
                let silent = self.received.load(Ordering::Relaxed) == before;
                return Err(Broken {
                    kind: kind_of(&error),
                    was_stale: self.used && silent && !error.is_parse(),
                });
            }
        };
        let version = response
            .headers()
            .get(VERSION_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.trim().to_owned()));
        let cookies = cookies.collect();
        while let Some(frame) = response.body_mut().frame().await {
            if frame.is_err() {
                return Err(Broken {
                    kind: "answer cut short".to_owned(),
                    was_stale: false,
                });
            }
        }
        self.used = true;
        Ok(Answer {
            status: response.status().as_u16(),
            version,
            cookies,
        })
    }
}

fn kind_of(error: &hyper::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return kind_of_io(error);
        }
        source = inner.source();
    }
    if error.is_parse() {
        "not an HTTP answer".to_owned()
    } else {
        "connection closed before the answer".to_owned()
    }
}

pub(super) fn kind_of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed before the answer".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        kind => kind.to_string(),
    }
}

/// A stream that counts the bytes that came in.
struct Counted {
    stream: TcpStream,
    received: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let more = buffer.filled().len().saturating_sub(before);
        self.received
            .fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
