//! The artifact: a source bundle of Elastic Beanstalk, inspected before it is uploaded, or made from a folder.
//!
//! A bad bundle is found out by the service minutes after green was launched, and the reason stands in a log on an
//! instance that is about to go. Here it is found at once, and with all that is wrong.

mod central;
mod extensions;
mod folder;
mod ignored;
mod inspect;
mod kind;
mod names;
mod pack;
mod platform;
mod problem;
#[cfg(test)]
mod tests;
mod text;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::model::text::hex;

pub use extensions::Store;
pub use inspect::{Bundle, inspect};
pub use pack::{ZipSummary, zip_directory};
pub use problem::{BundleError, BundleProblem};
pub use text::text;

/// The largest source bundle that the service takes, in bytes: 500 MB.
///
/// Source: "Create an Elastic Beanstalk application source bundle" of the Developer Guide.
pub const LARGEST_BUNDLE: u64 = 500 * 1024 * 1024;

/// SHA-256 of a file, in lower-case hexadecimal.
///
/// # Errors
///
/// When it cannot be read.
pub fn digest(path: &std::path::Path) -> std::io::Result<String> {
    sha256(&mut std::fs::File::open(path)?)
}

/// The checksum of what is read, in lower-case hexadecimal, read in pieces.
fn sha256(file: &mut impl std::io::Read) -> std::io::Result<String> {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    Ok(hex(&digest.finalize()))
}

/// Does long work on files off the threads that carry the network; on a runtime of one thread, whose time may be virtual, at once.
pub(crate) async fn off_thread<T>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, tokio::task::JoinError>
where
    T: Send + 'static,
{
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => tokio::task::spawn_blocking(work).await,
    }
}
