//! Free ports on loopback for applications.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that Linux and macOS use for outgoing connections, so that a port that was free a moment ago is not
/// taken by somebody's request.
const FIRST: u32 = 20_000;
const AMOUNT: u32 = 12_000;

/// Hands out ports in turn, so that two applications that start at the same time never get the same one.
#[derive(Debug)]
pub(super) struct Ports {
    next: AtomicU32,
    avoided: u16,
}

impl Ports {
    /// `avoided` is never handed out: the balancers have it on other addresses of loopback, and an application that
    /// listens on all of them would collide.
    pub(super) fn new(avoided: u16) -> Self {
        // Two clouds on one machine begin at different places.
        Self {
            next: AtomicU32::new(std::process::id().wrapping_mul(97)),
            avoided,
        }
    }

    pub(super) fn take(&self) -> io::Result<u16> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..AMOUNT {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % AMOUNT;
            let port = u16::try_from(FIRST + turn).unwrap_or(u16::MAX);
            if port == self.avoided {
                continue;
            }
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => return Ok(port),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let ports = Ports::new(0);
        let one = ports.take().unwrap();
        let ports = Ports {
            next: AtomicU32::new(u32::from(one) - FIRST),
            avoided: one,
        };
        let two = ports.take().unwrap();
        assert_ne!(one, two);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, two)).unwrap();
        let ports = Ports {
            next: AtomicU32::new(u32::from(two) - FIRST),
            avoided: 0,
        };
        assert_ne!(ports.take().unwrap(), two);
    }
}
