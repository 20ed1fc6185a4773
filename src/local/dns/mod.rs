//! A DNS server for the names of the local cloud, over UDP and TCP.
//!
//! It has authority over the names that AWS gives to environments and balancers, and over whatever else [`Names`] knows.
//! It asks nobody else: other questions are refused, so that a resolver which is pointed here by mistake says so.

mod answer;
mod server;

pub use server::{DnsServer, StartError};

/// What names lead to.
pub trait Names: Send + Sync {
    /// What a name leads to; `None` when there is no such name. Names are in small letters, without a dot at the end.
    fn resolve(&self, name: &str) -> Option<NameAnswer>;

    /// The texts (`TXT`) that a name has, in the form of a zone file, and for how many seconds they may be kept.
    fn texts(&self, _name: &str) -> Option<(Vec<String>, u32)> {
        None
    }

    /// The hosted zone that a name lies in. A name in one exists only if [`Names`] knows it.
    fn zone(&self, _name: &str) -> Option<String> {
        None
    }
}

/// What a name leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameAnswer {
    /// Aliases on the way, first the asked name: each the name that is an alias and the name it stands for.
    pub chain: Vec<(String, String)>,
    /// The addresses at the end; none for a name that has none.
    pub addresses: Vec<std::net::Ipv4Addr>,
    /// How long resolvers may keep the answer. DNS knows whole seconds only, and with 0 some resolvers ask again for every
    /// part of one lookup: 0 is sent as 1.
    pub ttl_seconds: u32,
}
