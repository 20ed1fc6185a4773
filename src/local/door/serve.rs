//! The door over a socket.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::task::JoinSet;

use super::{Door, Listener};

/// How long requests in flight may take once the door closes.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How long to wait after the operating system gave no connection, for example because all file handles are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests over a socket until `shutdown` is done; then lets those in flight finish, for 5 s at most.
pub async fn serve(listener: Listener, door: Arc<Door>, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => {
                    // Answers are small and waited for.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "could not turn off delays of a connection");
                    }
                    let door = Arc::clone(&door);
                    let service = service_fn(move |request: Request<Incoming>| {
                        let door = Arc::clone(&door);
                        let request = request.map(|body| body.map_err(Into::into).boxed());
                        async move { Ok::<_, Infallible>(door.handle(request).await) }
                    });
                    // Clients may close their sending side after a request and still read the answer.
                    let connection = http1::Builder::new()
                        .half_close(true)
                        .serve_connection(TokioIo::new(stream), service);
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection to the local cloud ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the local cloud could not accept a connection; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(CLOSING_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests to the local cloud were cut off because they took too long");
    }
    connections.shutdown().await;
}
