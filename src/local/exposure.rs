//! Who can reach the sockets of the local cloud: only programs of this machine, unless someone says otherwise.

use std::net::SocketAddr;

/// Who may reach a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// Programs on this machine.
    #[default]
    ThisMachine,
    /// Everyone on the network. The local cloud runs the programs that it is given and asks nobody for a password, so
    /// whoever reaches it can run programs here.
    EveryoneOnTheNetwork,
}

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is not a loopback address.
    #[error(
        "the local cloud does not listen on {address}: other machines could reach it there and run programs on this one; \
         use a loopback address such as 127.0.0.1, or allow it in so many words"
    )]
    Exposed {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The operating system refused it.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for any free one")]
    Io {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// Checks that an address may be listened on.
///
/// # Errors
///
/// [`BindError::Exposed`] for an address that is not loopback, unless everyone is allowed.
pub fn check_exposure(address: SocketAddr, exposure: Exposure) -> Result<(), BindError> {
    if exposure == Exposure::ThisMachine && !address.ip().to_canonical().is_loopback() {
        return Err(BindError::Exposed { address });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_used_unasked() {
        for (address, allowed) in [
            ("127.0.0.1:0", true),
            ("127.8.9.10:80", true),
            ("[::1]:0", true),
            ("[::ffff:127.0.0.1]:0", true),
            ("0.0.0.0:0", false),
            ("[::]:0", false),
            ("192.168.1.1:0", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                check_exposure(address, Exposure::ThisMachine).is_ok(),
                allowed,
                "{address}"
            );
            assert!(check_exposure(address, Exposure::EveryoneOnTheNetwork).is_ok());
        }
    }
}
