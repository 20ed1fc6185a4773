//! Calls of several parts. Before each further part that may change something, whoever drives the call hears what has happened to
//! the release meanwhile.

use tokio::sync::{mpsc, oneshot};

/// On the side of the call.
pub(super) struct Parts(mpsc::Sender<Begins>);

/// On the side of who drives it.
pub(super) struct Asking(mpsc::Receiver<Begins>);

/// A part that waits.
pub(super) struct Begins(oneshot::Sender<()>);

/// Both sides.
pub(super) fn parts() -> (Parts, Asking) {
    let (parts, asking) = mpsc::channel(1);
    (Parts(parts), Asking(asking))
}

impl Parts {
    /// Waits until the next part may begin: the release is still this driver's.
    pub(super) async fn next(&self) {
        let (begins, begun) = oneshot::channel();
        if self.0.send(Begins(begins)).await.is_err() || begun.await.is_err() {
            // Nobody drives it any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Asking {
    /// The next part that waits.
    pub(super) async fn next(&mut self) -> Option<Begins> {
        self.0.recv().await
    }
}

impl Begins {
    /// Lets it begin.
    pub(super) fn begin(self) {
        // It may have been given up.
        let _ = self.0.send(());
    }
}
