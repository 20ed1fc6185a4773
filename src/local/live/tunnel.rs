//! Connections that changed their protocol (WebSocket): bytes go both ways until one side ends.

use std::io;
use std::sync::Arc;

use futures_util::future::{try_join, try_select};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::activity::Activity;
use super::body::Held;
use super::door::Entrance;

const BUFFER: usize = 16 * 1024;

/// Carries bytes until both sides have ended, nothing has moved for the idle timeout, or the entrance is cut.
pub(super) async fn run(client: OnUpgrade, server: OnUpgrade, entrance: Arc<Entrance>, hold: Box<dyn Held>) {
    let carried = async {
        let (client, server) = try_join(client, server).await?;
        let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
        let (from_server, to_server) = tokio::io::split(TokioIo::new(server));
        let activity = Activity::now();
        // A side that fails ends both; a side that says it is done only ends its own direction.
        let up = Box::pin(pump(from_client, to_server, &activity));
        let down = Box::pin(pump(from_server, to_client, &activity));
        let both = async {
            match try_select(up, down).await {
                Ok(either) => match either {
                    futures_util::future::Either::Left(((), rest)) => rest.await,
                    futures_util::future::Either::Right(((), rest)) => rest.await,
                },
                Err(either) => Err(either.factor_first().0),
            }
        };
        if let Some(ended) = activity.limit(entrance.idle_timeout, both).await {
            ended?;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    tokio::select! {
        ended = Box::pin(carried) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a tunnel broke");
            }
        }
        () = entrance.cut() => {}
    }
    drop(hold);
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        activity.touch();
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}
