//! The clock as an input: nothing below the driver reads the time by itself.

use std::time::Duration;

use super::Timestamp;

/// Tells the time. Real in production, turned by hand in tests.
pub trait Clock: Send + Sync {
    /// Time of day, for records and for comparison with what AWS reports. It may jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment on a clock that never jumps and that counts the time the machine slept,
    /// so that a driver that was frozen notices it.
    fn since_boot(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place where the time of day is read"
        )]
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn since_boot(&self) -> Duration {
        // CLOCK_MONOTONIC stops while a Linux machine is suspended, CLOCK_BOOTTIME does not; on macOS the monotonic clock
        // that rustix offers counts sleep.
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(id);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }
}
