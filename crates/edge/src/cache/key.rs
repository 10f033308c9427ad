//! What a stored answer is found by.
//!
//! The table is keyed by a 64-bit hash with a secret seed, so that looking something up builds no
//! text. The full key stands in the entry and is compared: two keys with one hash replace each
//! other, they are never mixed up.

use std::hash::{BuildHasher, RandomState};

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderName};

use super::accept::normal;

/// Longest variant (request header values an answer depends on); beyond it nothing is stored.
const VARIANT_BYTES_MAX: usize = 4 * 1024;
/// End a header's values, or one value. Neither occurs in a header.
const END_OF_HEADER: u8 = 0;
const END_OF_VALUE: u8 = 1;

/// The key of a request, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    /// Of the API or domain; see `plan::edge::EdgeHost::generation`.
    pub(crate) generation: u64,
    pub(crate) https: bool,
    /// The `Host` header as received: an origin may tell ports and spellings apart.
    pub(crate) host: &'a str,
    pub(crate) path_and_query: &'a str,
}

/// A key that stands in an entry.
#[derive(Clone, Debug)]
pub(crate) struct OwnedKey {
    generation: u64,
    https: bool,
    host: Box<str>,
    path_and_query: Box<str>,
}

impl Key<'_> {
    pub(crate) fn to_owned(self) -> OwnedKey {
        OwnedKey {
            generation: self.generation,
            https: self.https,
            host: self.host.into(),
            path_and_query: self.path_and_query.into(),
        }
    }

    pub(crate) fn hash(&self, seed: &RandomState) -> u64 {
        seed.hash_one(self)
    }
}

impl OwnedKey {
    pub(crate) fn borrow(&self) -> Key<'_> {
        Key {
            generation: self.generation,
            https: self.https,
            host: &self.host,
            path_and_query: &self.path_and_query,
        }
    }

    /// The host in lower case without a port, and the path with its query.
    pub(crate) fn url(&self) -> (String, &str) {
        (super::purge::plain_host(&self.host), &self.path_and_query)
    }

    pub(crate) fn len(&self) -> usize {
        self.host.len() + self.path_and_query.len()
    }
}

/// The values of the headers `names`, such that different values give different bytes
/// (RFC 9111, section 4.1). None if they are too long.
pub(crate) fn variant(names: &[HeaderName], headers: &HeaderMap) -> Option<Box<[u8]>> {
    let mut bytes = Vec::with_capacity(64);
    for name in names {
        if *name == ACCEPT_ENCODING
            && let Some(codings) = normal(headers)
        {
            bytes.extend_from_slice(&codings);
            bytes.extend_from_slice(&[END_OF_VALUE, END_OF_HEADER]);
            continue;
        }
        for value in headers.get_all(name) {
            bytes.extend_from_slice(value.as_bytes().trim_ascii());
            bytes.push(END_OF_VALUE);
        }
        bytes.push(END_OF_HEADER);
    }
    (bytes.len() <= VARIANT_BYTES_MAX).then(|| bytes.into_boxed_slice())
}
