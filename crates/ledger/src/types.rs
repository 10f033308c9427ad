//! The types openraft is instantiated with.
//!
//! A log entry carries a batch of changes, because openraft 0.9 syncs the log once per entry: many
//! writers share one sync by sharing an entry. Each change inside is an encoded record of its own,
//! so that the log, the store and the network never need to understand it.

use std::{
    fmt,
    io::Cursor,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use model::{Outcome, Rejection};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

openraft::declare_raft_types!(
    /// Raft as this crate uses it.
    pub(crate) Types:
        D = Batch,
        R = Vec<Result<Outcome, Rejection>>,
        NodeId = u64,
        Node = Member,
        Entry = openraft::Entry<Types>,
        SnapshotData = Cursor<Vec<u8>>,
        AsyncRuntime = openraft::TokioRuntime,
);

pub(crate) type Raft = openraft::Raft<Types>;
pub(crate) type Entry = openraft::Entry<Types>;
pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type Membership = openraft::StoredMembership<u64, Member>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<u64, Member>;
pub(crate) type RaftMetrics = openraft::RaftMetrics<u64, Member>;
pub(crate) type StorageError = openraft::StorageError<u64>;
pub(crate) type IoError = openraft::StorageIOError<u64>;

/// A raft member's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Where it listens for links.
    pub(crate) link: SocketAddr,
}

/// openraft fills gaps with this; nobody listens there.
impl Default for Member {
    fn default() -> Self {
        Self {
            link: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.fmt(out)
    }
}

/// Changes that share a log entry, in the order in which they are applied.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch(pub(crate) Vec<Blob>);

/// A change holds secrets, so only the number of changes is shown.
impl fmt::Debug for Batch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Batch({} changes)", self.0.len())
    }
}

/// Bytes that serialise as one string of bytes instead of byte by byte. Copies share them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Arc<[u8]>);

impl fmt::Debug for Blob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Blob({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BlobVisitor)
    }
}

struct BlobVisitor;

impl de::Visitor<'_> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob(bytes.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(bytes.into())
    }
}
