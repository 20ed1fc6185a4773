//! Free ports on loopback for applications.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that Linux and macOS use for outgoing connections, so that a port that was free a moment ago is not
/// taken by somebody's request.
const FIRST: u32 = 20_000;
const AMOUNT: u32 = 12_000;

/// Hands out ports in turn.
#[derive(Debug)]
pub(super) struct Ports {
    next: AtomicU32,
    avoided: u16,
}

/// A port that nobody else is given while this lives.
///
/// Between the choice of a port and the moment an application listens there it looks free to everybody. Two applications with
/// the same port are worse than a failed start: the health checks of the one that could not listen are answered by the
/// other. So the same port of UDP is held meanwhile, which no two clouds on this machine can do; no balancer speaks UDP.
#[derive(Debug)]
pub(super) struct Lease {
    port: u16,
    _held: UdpSocket,
}

impl Lease {
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Ports {
    /// `avoided` is never handed out: the balancers have it on other addresses of loopback, and an application that
    /// listens on all of them would collide.
    pub(super) fn new(avoided: u16) -> Self {
        // Two clouds on one machine begin at different places, to find a free port at once.
        Self {
            next: AtomicU32::new(std::process::id().wrapping_mul(97)),
            avoided,
        }
    }

    pub(super) fn take(&self) -> io::Result<Lease> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..AMOUNT {
            let turn = self.next.fetch_add(1, Ordering::Relaxed) % AMOUNT;
            let port = u16::try_from(FIRST + turn).unwrap_or(u16::MAX);
            if port == self.avoided {
                continue;
            }
            match lease(port) {
                Ok(lease) => return Ok(lease),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn lease(port: u16) -> io::Result<Lease> {
    let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
    // Only after that: now nobody else of our kind can come between.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(Lease { port, _held: held })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning_at(port: u16, avoided: u16) -> Ports {
        Ports {
            next: AtomicU32::new(u32::from(port) - FIRST),
            avoided,
        }
    }

    #[test]
    fn a_port_that_is_taken_leased_or_avoided_is_not_handed_out() {
        let lease = Ports::new(0).take().unwrap();
        let port = lease.port();
        assert_ne!(beginning_at(port, 0).take().unwrap().port(), port, "leased");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("an application can listen there");
        drop(lease);
        assert_ne!(beginning_at(port, 0).take().unwrap().port(), port, "listening");
        drop(listener);
        assert_ne!(beginning_at(port, port).take().unwrap().port(), port, "avoided");
    }
}
