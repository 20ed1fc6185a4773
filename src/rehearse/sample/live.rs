//! Long-lived connections of the sample application: a WebSocket that sends back what it is sent, and says goodbye when the
//! application ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// Between two looks at whether all have gone.
const STEP: Duration = Duration::from_millis(10);

/// The open ones.
#[derive(Clone, Debug)]
pub(super) struct Lives {
    stop: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
}

impl Lives {
    pub(super) fn new() -> Self {
        Self {
            stop: watch::Sender::new(false),
            open: Arc::default(),
        }
    }

    /// Answers the request for one, and carries it from then on.
    pub(super) fn accept(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
        let (Some(key), Some(_)) = (key, request.headers().get(SEC_WEBSOCKET_VERSION)) else {
            let mut response = Response::new(Full::from("This is for WebSockets.\n"));
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            return response;
        };
        let upgrade = hyper::upgrade::on(&mut request);
        let lives = self.clone();
        lives.open.fetch_add(1, Ordering::AcqRel);
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                lives.carry(upgraded).await;
            }
            lives.open.fetch_sub(1, Ordering::AcqRel);
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        response
    }

    /// Sends back what comes. A client that breaks off is no concern of the application.
    async fn carry(&self, upgraded: Upgraded) {
        let mut stopped = self.stop.subscribe();
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        if socket.send(message).await.is_err() {
                            return;
                        }
                    }
                    // A close is answered by the library, which then ends the stream.
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                () = async { drop(stopped.wait_for(|stop| *stop).await) } => break,
            }
        }
        let goodbye = CloseFrame {
            code: CloseCode::Away,
            reason: "the application ends".into(),
        };
        if socket.close(Some(goodbye)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    }

    /// Says goodbye to all, and waits until they have gone.
    pub(super) async fn end(&self) {
        self.stop.send_replace(true);
        while self.open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(STEP).await;
        }
    }
}
