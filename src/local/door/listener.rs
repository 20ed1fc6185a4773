//! Sockets that a door listens on.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::local::exposure::{BindError, Exposure, check_exposure};

/// A socket that accepts connections for a door.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on an address; with port 0, on any free port.
    ///
    /// # Errors
    ///
    /// When the address may not be used or is taken.
    pub async fn bind(address: SocketAddr, exposure: Exposure) -> Result<Self, BindError> {
        check_exposure(address, exposure)?;
        let failed = |source| BindError::Io { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: socket.local_addr().map_err(failed)?,
            socket,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), Exposure::ThisMachine)
            .await
            .unwrap();
        let error = Listener::bind(first.address(), Exposure::ThisMachine)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(&first.address().to_string()), "{error}");
    }
}
