//! A process that can be killed and frozen at any await.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// What can be done to a process from outside.
#[derive(Clone, Default)]
pub(super) struct Control(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    killed: bool,
    frozen_until: Option<Instant>,
    frozen_for: Duration,
    polls: u64,
    kill_at_poll: Option<u64>,
    freeze_at_poll: Option<(u64, Duration)>,
    waker: Option<Waker>,
}

impl Control {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the process where it stands: nothing of it runs any more.
    pub(super) fn kill(&self) {
        let waker = {
            let mut state = self.state();
            state.killed = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Stops the process for a while, as SIGSTOP does, or a laptop that is closed.
    #[cfg(test)]
    fn freeze(&self, length: Duration) {
        self.state().frozen_until = Some(Instant::now() + length);
    }

    /// For how long the process has been stopped in all.
    pub(super) fn frozen_for(&self) -> Duration {
        self.state().frozen_for
    }

    /// Kills the process when it has been polled so often.
    pub(super) fn kill_at_poll(&self, poll: u64) {
        self.state().kill_at_poll = Some(poll);
    }

    /// Kills the process when it has been polled so many times more.
    pub(super) fn kill_after_polls(&self, polls: u64) {
        let mut state = self.state();
        state.kill_at_poll = Some(state.polls + polls);
    }

    /// Freezes the process when it has been polled so many times more.
    pub(super) fn freeze_after_polls(&self, polls: u64, length: Duration) {
        let mut state = self.state();
        state.freeze_at_poll = Some((state.polls + polls, length));
    }

    /// Freezes the process when it has been polled so often.
    pub(super) fn freeze_at_poll(&self, poll: u64, length: Duration) {
        self.state().freeze_at_poll = Some((poll, length));
    }
}

/// How a process ended.
#[derive(Debug)]
pub(super) enum End<T> {
    /// By itself.
    Returned(T),
    /// It was killed.
    Killed,
}

/// Runs a future as a process.
pub(super) struct Process<F> {
    control: Control,
    inner: Option<Pin<Box<F>>>,
    thaw: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Process<F> {
    pub(super) fn new(control: Control, inner: F) -> Self {
        Self {
            control,
            inner: Some(Box::pin(inner)),
            thaw: None,
        }
    }
}

impl<F: Future> Future for Process<F> {
    type Output = End<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let frozen = {
            let mut state = this.control.state();
            state.polls += 1;
            state.waker = Some(context.waker().clone());
            if state.kill_at_poll.is_some_and(|poll| state.polls >= poll) {
                state.killed = true;
            }
            if let Some((poll, length)) = state.freeze_at_poll
                && state.polls >= poll
            {
                state.freeze_at_poll = None;
                state.frozen_until = Some(Instant::now() + length);
                state.frozen_for += length;
            }
            if state.killed {
                this.inner = None;
                return Poll::Ready(End::Killed);
            }
            state.frozen_until.filter(|until| *until > Instant::now())
        };
        if let Some(until) = frozen {
            let thaw = this.thaw.insert(Box::pin(tokio::time::sleep_until(until)));
            if thaw.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        this.thaw = None;
        let Some(inner) = this.inner.as_mut() else {
            return Poll::Ready(End::Killed);
        };
        match inner.as_mut().poll(context) {
            Poll::Ready(result) => {
                this.inner = None;
                Poll::Ready(End::Returned(result))
            }
            // It may have been killed or frozen by what it has just done.
            Poll::Pending => {
                let (killed, frozen) = {
                    let state = this.control.state();
                    (
                        state.killed,
                        state.frozen_until.is_some_and(|until| until > Instant::now()),
                    )
                };
                if killed {
                    this.inner = None;
                    return Poll::Ready(End::Killed);
                }
                if frozen {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn count(seen: Arc<Mutex<u32>>) {
        loop {
            *seen.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_process_does_nothing_any_more() {
        let (control, seen) = (Control::default(), Arc::new(Mutex::new(0)));
        let process = tokio::spawn(Process::new(control.clone(), count(Arc::clone(&seen))));
        tokio::time::sleep(Duration::from_millis(2500)).await;
        control.kill();
        assert!(matches!(process.await.unwrap(), End::Killed));
        assert_eq!(*seen.lock().unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_process_goes_on_where_it_was() {
        let (control, seen) = (Control::default(), Arc::new(Mutex::new(0)));
        let _process = tokio::spawn(Process::new(control.clone(), count(Arc::clone(&seen))));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        control.freeze(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(*seen.lock().unwrap(), 2);
        tokio::time::sleep(Duration::from_millis(2600)).await;
        assert_eq!(*seen.lock().unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn it_dies_at_the_poll_it_is_told() {
        let (control, seen) = (Control::default(), Arc::new(Mutex::new(0)));
        control.kill_at_poll(3);
        let end = Process::new(control, count(Arc::clone(&seen))).await;
        assert!(matches!(end, End::Killed));
        assert_eq!(*seen.lock().unwrap(), 2);
    }
}
