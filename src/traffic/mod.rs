//! What carries traffic by weights: shares and splits, and DNS records, and how these are changed so that nobody finds nothing.
//!
//! Pure: no I/O, no clock. A change of records is a list of exact deletions and creations, of which Route 53 carries out all or
//! none. A record that somebody else has changed in the meantime does not match, and nothing happens: compare and swap.

mod adoption;
mod fence;
mod forward;
mod members;
mod record;
mod split;
#[cfg(test)]
mod tests;
mod weights;

pub use adoption::{Adoption, NotAdopted, Target, adopt, unadopt};
pub use fence::{Fence, fence_name};
pub use forward::{
    Forward, GreenGroup, Group, NotReweighed, Rule, Stickiness, forwarded, meant, names, place, reweighed,
};
pub use members::{Hosts, NotWeighed, Weigh, members, weigh};
pub use record::{Change, Content, Record, Routing};
pub use split::{Member, Originals, OwnRecord, OwnRecords, Split, Weighting};
pub use weights::weights;

/// The first 16 hexadecimal digits of a text's SHA-256.
fn short_digest(text: &str) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    crate::model::text::hex(&digest[..8])
}
