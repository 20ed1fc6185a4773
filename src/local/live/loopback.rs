//! Addresses of their own for balancers, all on loopback.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::{TcpListener, TcpSocket};

/// How many addresses are tried before giving up: more than clouds that run at the same time have environments.
const ATTEMPTS: u32 = 512;
const BACKLOG: u32 = 4096;

/// Hands out listeners, one address after the other.
#[derive(Debug)]
pub(super) struct Addresses {
    next: AtomicU16,
    /// The port that all share; `None` where only 127.0.0.1 can be bound (macOS), and each has a port of its own.
    port: Option<u16>,
}

impl Addresses {
    /// Finds out what this machine allows. With port 0, one that is free is chosen.
    pub(super) fn new(port: u16) -> io::Result<Self> {
        let addresses = Self {
            next: AtomicU16::new(0),
            port: Some(port),
        };
        match addresses.bind() {
            Ok(listener) => Ok(Self {
                next: AtomicU16::new(0),
                port: Some(listener.local_addr()?.port()),
            }),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(Self {
                next: AtomicU16::new(0),
                port: None,
            }),
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("cannot listen on port {port} of 127.77.0.1: {error}; choose another port or 0 for any"),
            )),
        }
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// A listener on an address that none has had before, until all have been used.
    pub(super) fn bind(&self) -> io::Result<TcpListener> {
        let Some(port) = self.port else {
            return listen((Ipv4Addr::LOCALHOST, 0).into());
        };
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            // Not used again soon: somebody may still remember it for the environment that had it.
            let [high, low] = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            if low > 250 {
                continue;
            }
            let address = IpAddr::from([127, 77, high, low + 1]);
            match listen((address, port).into()) {
                Ok(listener) => return Ok(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_has_an_address_of_its_own() {
        let addresses = Addresses::new(0).unwrap();
        let (one, two) = (addresses.bind().unwrap(), addresses.bind().unwrap());
        let (one, two) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        assert_ne!(one, two);
        assert!(one.ip().is_loopback() && two.ip().is_loopback());
        if let Some(port) = addresses.port() {
            assert_eq!((one.port(), two.port()), (port, port));
            assert_ne!(one.ip(), two.ip());
            // A second cloud with the same port finds addresses between those of the first.
            let others = Addresses::new(port).unwrap().bind().unwrap();
            assert!(![one, two].contains(&others.local_addr().unwrap()));
        }
    }
}
