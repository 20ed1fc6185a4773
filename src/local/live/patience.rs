//! A client's connection that is given up when its client stops reading: whoever serves it would wait for ever.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection on which a write fails that has waited for so long, while nothing came from the other side either (source:
/// "Connection idle timeout" of Application Load Balancers: no data sent or received).
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    idle: Duration,
    /// Runs while a write waits.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, idle: Duration) -> Self {
        Self {
            stream,
            idle,
            limit: None,
        }
    }

    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.limit = None;
            return written;
        }
        let idle = self.idle;
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(limit.as_mut().poll(cx));
        let why = "the client stopped reading";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before
            && let Some(limit) = &mut this.limit
        {
            limit.as_mut().reset(Instant::now() + this.idle);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.bounded(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    use super::*;

    const IDLE: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_served_and_who_stops_is_not() {
        let (mut client, server) = duplex(4);
        let mut server = Patient::new(server, IDLE);
        let reading = async {
            let mut four = [0; 4];
            for _ in 0..4 {
                sleep(IDLE / 2).await;
                client.read_exact(&mut four).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&[1; 16]), reading);
        written.unwrap();
        server.write_all(&[1; 4]).await.unwrap();
        let stopped = timeout(IDLE * 50, server.write_all(&[1; 1])).await.unwrap();
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_on_has_not_stopped() {
        let (mut client, server) = duplex(4);
        let mut server = Patient::new(server, IDLE);
        server.write_all(&[1; 4]).await.unwrap();
        let begun = Instant::now();
        let sending = async {
            for _ in 0..6 {
                sleep(IDLE / 2).await;
                client.write_all(&[1; 1]).await.unwrap();
            }
        };
        let both = std::future::poll_fn(|cx| {
            let mut byte = [0; 1];
            let _read = Pin::new(&mut server).poll_read(cx, &mut ReadBuf::new(&mut byte));
            Pin::new(&mut server).poll_write(cx, &[1])
        });
        let (written, ()) = tokio::join!(timeout(IDLE * 50, both), sending);
        assert_eq!(written.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= IDLE * 4, "{:?}", begun.elapsed());
    }
}
