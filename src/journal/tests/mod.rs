//! What every journal promises. Each promise is put to a directory and to S3: the real client against the store of the local
//! cloud.

mod directory;
#[cfg(feature = "local")]
mod faults;
mod folders;
mod promises;
#[cfg(feature = "local")]
mod s3;

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::release::Event;

/// Where a journal lies in a test, with a way around it.
#[async_trait]
trait Place: Send + Sync {
    /// The journal, as one more program opens it.
    fn journal(&self) -> Arc<dyn Journal>;

    /// Puts something there as no journal would. The name is what comes after the root.
    async fn put(&self, name: &str, content: &[u8]);

    /// All that is there: what comes after the root, in order.
    async fn names(&self) -> Vec<String>;

    /// What is there under a name.
    async fn content(&self, name: &str) -> Vec<u8>;
}

/// The entry after another one, by somebody.
fn next(entry: &Entry, nonce: &str, event: Event) -> Entry {
    Entry {
        sequence: entry.sequence + 1,
        nonce: nonce.to_owned(),
        event,
        ..entry.clone()
    }
}
