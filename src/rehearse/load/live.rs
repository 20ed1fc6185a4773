//! Clients with long-lived connections: WebSockets that are open for seconds, and say something all the time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use url::Url;

use super::client::Client;
use super::connection::kind_of_io;
use super::outcomes::Outcome;

/// How often it says something: more often than any idle timeout of a rehearsal.
const EVERY: Duration = Duration::from_millis(250);
/// How long an answer may take, and opening one.
const PATIENCE: Duration = Duration::from_secs(5);

impl Client {
    /// Opens a WebSocket, talks over it for a while, and closes it. One that is ended by the other side without a goodbye counts
    /// as failed.
    pub(super) async fn converse(self: Arc<Self>, url: Url, length: Duration) {
        let began = Instant::now();
        let failure = self.talk(&url, began + length).await.err();
        self.outcomes().record(Outcome {
            latency: began.elapsed(),
            failure,
            version: None,
            retried: false,
            drawn: false,
        });
    }

    async fn talk(&self, url: &Url, until: Instant) -> Result<(), String> {
        let mut socket = timeout(PATIENCE, self.open(url))
            .await
            .map_err(|_| "not opened in time".to_owned())??;
        let mut next = Instant::now();
        while next < until {
            sleep_until(next).await;
            next += EVERY;
            let sent = socket.send(Message::text("ping")).await;
            let answered = timeout_at(Instant::now() + PATIENCE, socket.next()).await;
            match answered {
                // The other side goes away, and says so.
                Ok(Some(Ok(Message::Close(Some(goodbye))))) if goodbye.code == CloseCode::Away => return Ok(()),
                Ok(Some(Ok(Message::Close(_)))) => return Err("closed without a reason".to_owned()),
                Ok(Some(Ok(_))) if sent.is_ok() => {}
                Ok(Some(Ok(_))) => return Err("not sent".to_owned()),
                Ok(Some(Err(error))) => return Err(kind(&error)),
                Ok(None) => return Err("closed without a goodbye".to_owned()),
                Err(_) => return Err("no answer in time".to_owned()),
            }
        }
        // That it was closed by this side is not for the other one to refuse.
        let _ = socket.close(None).await;
        Ok(())
    }

    async fn open(&self, url: &Url) -> Result<WebSocketStream<TcpStream>, String> {
        let mut problem = "no address".to_owned();
        for address in self.addresses().await? {
            let address = SocketAddr::new(address, url.port_or_known_default().unwrap_or(80));
            let stream = match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(error) => {
                    problem = kind_of_io(&error);
                    continue;
                }
            };
            return match client_async(url.as_str(), stream).await {
                Ok((socket, _)) => Ok(socket),
                Err(error) => Err(kind(&error)),
            };
        }
        Err(problem)
    }
}

/// In few words, the same for all failures of one kind.
fn kind(error: &Error) -> String {
    match error {
        Error::Http(response) => format!("status {}", response.status().as_u16()),
        Error::Io(_) | Error::Protocol(_) => "connection broke".to_owned(),
        Error::ConnectionClosed | Error::AlreadyClosed => "closed without a goodbye".to_owned(),
        _ => "not a WebSocket".to_owned(),
    }
}
