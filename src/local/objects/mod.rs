//! The object store behind S3, and its S3 front.
//!
//! [`ObjectStore`] keeps buckets and objects: metadata and tiny bodies in memory, others in files of a data folder.
//! [`S3Front`] speaks the S3 REST protocol for it. The list of operations is closed: what the AWS CLI, the `eb` CLI and
//! cutover need to store bundles and journals. Everything else is answered with `NotImplemented`, never with a guess.
//!
//! Signatures are not checked: any credentials are good in an account that exists on one machine only. Digests and
//! checksums are, as they find real mistakes.

mod blob;
mod chunked;
mod condition;
mod digest;
mod document;
mod errors;
mod front;
mod host;
mod listing;
mod object;
mod offered;
mod place;
mod receive;
mod remember;
mod service;
mod store;
mod uploads;
mod values;
mod words;

pub(in crate::local) use digest::hexadecimal;
pub(in crate::local) use front::Kept;
pub(in crate::local) use place::Place;
pub use service::S3Front;
pub use store::{ObjectStore, OpenError};
pub use words::RequestId;
