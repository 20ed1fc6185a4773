//! What carries traffic by weights: DNS records, and how they are changed so that nobody finds nothing.
//!
//! Pure: no I/O, no clock. A change of records is a list of exact deletions and creations, of which Route 53 carries out all or
//! none. A record that somebody else has changed in the meantime does not match, and nothing happens: compare and swap.

mod adoption;
mod fence;
mod record;
#[cfg(test)]
mod tests;

pub use adoption::{Adoption, NotAdopted, Target, adopt, unadopt};
pub use fence::{Fence, fence_name};
pub use record::{Change, Content, Record, Routing};
