//! What a region and its subscribers (POPs, DNS nodes) say to each other on a feed.
//!
//! The subscriber says hello with what it has; the region sends a snapshot, or a delta when the
//! subscriber is exactly one step behind, and a manifest each second that heals anything lost. The
//! subscriber acknowledges each revision it serves from. Views travel already encoded, so that one
//! encoding serves every subscriber.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{Revision, Table, codec};

/// The subscriber's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedHello {
    /// The revision it has on disk or in use; 0 when it has none.
    pub have: Revision,
    /// The digest of that view.
    pub digest: u64,
    /// True for a `ZoneView`, false for an `EdgeView`.
    pub zone: bool,
}

/// Frames of a feed in both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedFrame {
    /// Region to subscriber: a whole view, encoded.
    Snapshot {
        /// Of the configuration it was projected from.
        revision: Revision,
        /// Of `view`.
        digest: u64,
        /// An `EdgeView` or `ZoneView` record.
        view: Vec<u8>,
    },
    /// Region to subscriber: what changed since `from`, encoded.
    Delta {
        /// Only applies to this revision.
        from: Revision,
        /// And leads to this one.
        to: Revision,
        /// Of the whole view that results.
        digest: u64,
        /// An `EdgeDelta` or `ZoneDelta` record.
        delta: Vec<u8>,
    },
    /// Region to subscriber, each second: what it should have, and who lives.
    Manifest {
        /// The region's revision.
        revision: Revision,
        /// Of the whole view at that revision.
        digest: u64,
        /// Nodes with a link to this region.
        live: Vec<LivePeer>,
    },
    /// Subscriber to region: it serves from this revision.
    Ack {
        /// The revision.
        revision: Revision,
        /// From receiving to serving.
        apply_us: u64,
    },
    /// Subscriber to region: it could not take this revision and kept the one before.
    Refused {
        /// The revision.
        revision: Revision,
        /// Why.
        reason: String,
    },
    /// Subscriber to region: send a snapshot.
    Resync,
}

/// A node that has a link to the region that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePeer {
    /// Its number.
    pub node: u64,
    /// It is going away: no new clients for it.
    pub draining: bool,
    /// Where its packets come from.
    pub remote: SocketAddr,
}

/// The difference of two ordered maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapDelta<K: Ord, V> {
    /// Keys that are new or have another value.
    pub set: BTreeMap<K, V>,
    /// Keys that are gone.
    pub unset: Vec<K>,
}

impl FeedFrame {
    /// The frame as a record.
    ///
    /// # Errors
    /// As `codec::encode`.
    pub fn encode(&self) -> Result<Vec<u8>, codec::CodecError> {
        codec::encode(codec::Kind::Feed, self)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// As `codec::decode`.
    pub fn decode(bytes: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode(codec::Kind::Feed, bytes)
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> MapDelta<K, V> {
    /// What leads from `old` to `new`.
    #[must_use]
    pub fn between(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Self {
        let changed = new
            .iter()
            .filter(|(key, value)| old.get(key) != Some(value));
        Self {
            set: changed
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            unset: old
                .keys()
                .filter(|key| !new.contains_key(key))
                .cloned()
                .collect(),
        }
    }

    /// Turns the map that this was made from into the one it leads to.
    pub fn apply(self, map: &mut BTreeMap<K, V>) {
        for key in &self.unset {
            map.remove(key);
        }
        map.extend(self.set);
    }

    /// What leads from table `old` to `new`; only what they do not share is looked at.
    #[must_use]
    pub fn between_tables(old: &Table<K, V>, new: &Table<K, V>) -> Self {
        let (mut set, mut unset) = (BTreeMap::new(), Vec::new());
        new.changes(old, PartialEq::eq, |key, _, after| match after {
            Some(value) => drop(set.insert(key.clone(), value.clone())),
            None => unset.push(key.clone()),
        });
        Self { set, unset }
    }

    /// Turns the table that this was made from into the one it leads to.
    pub fn apply_to(self, table: &mut Table<K, V>) {
        for key in &self.unset {
            table.remove(key);
        }
        table.extend(self.set);
    }

    /// Whether there is no difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }
}
