//! Output on a thread of its own: a terminal that is stopped, or a pipe that nobody reads, must not stop a release.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

/// So much output may wait for its reader. What comes on top of that is left out; the journal has it.
const MOST: usize = 10_000;

/// How long the last output may take at the end.
const LAST: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce() + Send>;

/// Does what is posted, in order, elsewhere. Waits a moment for the rest when it is dropped.
#[derive(Debug)]
pub(super) struct Outbox {
    jobs: Option<SyncSender<Job>>,
    ended: Mutex<Receiver<()>>,
    /// Takes note that something was left out.
    left_out: fn(),
}

impl Default for Outbox {
    /// For words to a person, who misses nothing that the journal does not have.
    fn default() -> Self {
        Self::that_notes(|| ())
    }
}

impl Outbox {
    /// For data: whoever reads it must not take a part for the whole, so it is noted when something is left out.
    pub(super) fn that_notes(left_out: fn()) -> Self {
        let (jobs, inbox) = sync_channel::<Job>(MOST);
        let (done, ended) = channel();
        std::thread::spawn(move || {
            inbox.into_iter().for_each(|job| job());
            // Nobody waits if the output took too long.
            let _late = done.send(());
        });
        Self {
            jobs: Some(jobs),
            ended: Mutex::new(ended),
            left_out,
        }
    }

    /// Does it soon; never waits.
    pub(super) fn post(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            match jobs.try_send(Box::new(job)) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => (self.left_out)(),
            }
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.jobs = None;
        if let Ok(ended) = self.ended.get_mut()
            && ended.recv_timeout(LAST).is_err()
        {
            (self.left_out)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_is_posted_is_done_in_order_before_the_end() {
        let done = Arc::new(Mutex::new(Vec::new()));
        let outbox = Outbox::default();
        for number in 0..100 {
            let done = Arc::clone(&done);
            outbox.post(move || done.lock().unwrap().push(number));
        }
        drop(outbox);
        assert_eq!(*done.lock().unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_left_out_is_noted_when_there_is_too_much_and_when_nobody_reads_until_the_end() {
        static NOTED: AtomicUsize = AtomicUsize::new(0);
        let noted = || NOTED.load(Ordering::Relaxed);
        let outbox = Outbox::that_notes(|| {
            NOTED.fetch_add(1, Ordering::Relaxed);
        });
        let (open, gate) = channel::<()>();
        outbox.post(move || {
            let _closed = gate.recv();
        });
        outbox.post(|| ());
        assert_eq!(noted(), 0);
        for _ in 0..=MOST {
            outbox.post(|| ());
        }
        let too_many = noted();
        assert!(too_many >= 1);
        drop(outbox);
        assert_eq!(noted(), too_many + 1, "nobody has read to the end");
        drop(open);
    }

    #[test]
    fn output_that_is_stuck_keeps_nobody_waiting() {
        let outbox = Outbox::default();
        let (_open, gate) = channel::<()>();
        outbox.post(move || {
            let _closed = gate.recv();
        });
        let began = Instant::now();
        for _ in 0..2 * MOST {
            outbox.post(|| ());
        }
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
