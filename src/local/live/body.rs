//! Bodies on their way through the proxy: passed on piece by piece, never gathered.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::activity::Activity;

/// Something that is kept until a body has passed, such as a [`super::rotation::Seat`].
pub(super) trait Held: Send + Sync {}
impl<T: Send + Sync> Held for T {}

/// The body of a request on its way to the application.
pub(super) enum Upload {
    /// There is none.
    Empty,
    /// It is passed on as it comes.
    Streamed(Incoming, Arc<Activity>),
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Streamed(incoming, activity) => {
                let frame = Pin::new(incoming).poll_frame(cx);
                activity.note_client(frame.is_pending());
                let frame = ready!(frame);
                activity.touch();
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed(incoming, _) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed(incoming, _) => incoming.size_hint(),
        }
    }
}

/// The body of an answer on its way to the client.
pub(super) enum Download {
    /// A text of the proxy's own.
    Own(Option<Bytes>),
    /// The application's, as it comes.
    Streamed(Box<Stream>),
}

/// An answer's body as it comes from the application.
pub(super) struct Stream {
    incoming: Incoming,
    idle: Duration,
    limit: Option<Pin<Box<Sleep>>>,
    _hold: Box<dyn Held>,
}

impl Download {
    pub(super) fn own(text: impl Into<Bytes>) -> Self {
        Self::Own(Some(text.into()))
    }

    /// A body that breaks off when the application sends nothing for `idle`, and that keeps `hold` until it has passed.
    pub(super) fn streamed(incoming: Incoming, idle: Duration, hold: Box<dyn Held>) -> Self {
        Self::Streamed(Box::new(Stream {
            incoming,
            idle,
            limit: None,
            _hold: hold,
        }))
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.limit = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        let idle = self.idle;
        let limit = self
            .limit
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + idle)));
        ready!(limit.as_mut().poll(cx));
        Poll::Ready(Some(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the application stopped in the middle of its answer",
        ))))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Own(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Streamed(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(text) => text.is_none(),
            Self::Streamed(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Self::Streamed(stream) => stream.incoming.size_hint(),
        }
    }
}
