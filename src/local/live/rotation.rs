//! Which instances get traffic, and how much of it they are working on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use http::uri::Authority;
use tokio::sync::Notify;

use super::forward::Upstream;
use super::meter::Meter;

/// One running web process of an instance, as the balancer sees it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) authority: Authority,
    /// Its own pool of connections: it ends with the target, so no connection is ever reused for a successor on the same port.
    pub(super) upstream: Upstream,
    pub(super) meter: Arc<Meter>,
    in_flight: AtomicUsize,
    freed: Notify,
}

impl Target {
    pub(super) fn new(address: SocketAddr, meter: Arc<Meter>) -> Self {
        Self {
            authority: super::forward::authority_of(address),
            upstream: Upstream::new(),
            meter,
            in_flight: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    /// Waits until no request is in flight.
    pub(super) async fn quiet(&self) {
        loop {
            let freed = self.freed.notified();
            if self.in_flight.load(Ordering::Acquire) == 0 {
                return;
            }
            freed.await;
        }
    }
}

/// A request's claim on a target: while it lives, the target is not stopped before the deregistration delay is over.
#[derive(Debug)]
pub(super) struct Seat(pub(super) Arc<Target>);

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.freed.notify_waiters();
        }
    }
}

/// The targets in service, taken in turn.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    targets: RwLock<Vec<Arc<Target>>>,
    next: AtomicUsize,
}

impl Rotation {
    pub(super) fn add(&self, target: &Arc<Target>) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        if !targets.iter().any(|other| Arc::ptr_eq(other, target)) {
            targets.push(Arc::clone(target));
        }
    }

    pub(super) fn remove(&self, target: &Arc<Target>) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        targets.retain(|other| !Arc::ptr_eq(other, target));
    }

    /// A seat at the next target; `None` when none is in service.
    pub(super) fn take_seat(&self) -> Option<Seat> {
        // The seat is taken under the lock: once `remove` returns, every request that chose the target is counted there.
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let target = targets.get(turn.checked_rem(targets.len())?)?;
        target.in_flight.fetch_add(1, Ordering::AcqRel);
        Some(Seat(Arc::clone(target)))
    }

    /// Requests in flight at the targets in service.
    pub(super) fn in_flight(&self) -> usize {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets
            .iter()
            .map(|target| target.in_flight.load(Ordering::Acquire))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn target(port: u16) -> Arc<Target> {
        Arc::new(Target::new(([127, 0, 0, 1], port).into(), Arc::default()))
    }

    #[tokio::test]
    async fn targets_take_turns_and_leave() {
        let rotation = Rotation::default();
        assert!(rotation.take_seat().is_none());
        let (one, two) = (target(1), target(2));
        rotation.add(&one);
        rotation.add(&two);
        rotation.add(&two);
        let ports: Vec<_> = (0..4)
            .filter_map(|_| rotation.take_seat()?.0.authority.port_u16())
            .collect();
        assert!(ports == [1, 2, 1, 2] || ports == [2, 1, 2, 1], "{ports:?}");
        rotation.remove(&one);
        assert_eq!(rotation.take_seat().unwrap().0.authority.port_u16(), Some(2));
    }

    #[tokio::test]
    async fn a_target_is_quiet_when_the_last_seat_is_free() {
        let rotation = Rotation::default();
        let one = target(1);
        rotation.add(&one);
        let seats = [rotation.take_seat().unwrap(), rotation.take_seat().unwrap()];
        assert_eq!(rotation.in_flight(), 2);
        let waiting = tokio::spawn({
            let one = Arc::clone(&one);
            async move { one.quiet().await }
        });
        let [first, second] = seats;
        drop(first);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!waiting.is_finished());
        drop(second);
        tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .unwrap()
            .unwrap();
    }
}
