//! What has been changed, by whom, and what it was like before.
//!
//! Two rings are part of the configuration, so they are the same in every region, survive restarts
//! with it, and are bounded: the audit trail (`Entry`: who, when, from where, what) and the past
//! (`Past`: the resources that a revision changed, as they were before). From the past and the
//! present, any resource can be had as it was at a revision that is not older than the past.
//!
//! An API's deployments are kept only when a change drops or alters them: each is a whole copy of
//! the API, and nearly all of them outlive the change.

mod item;
mod ring;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::item::{Item, ItemKey, ItemKind};
use self::ring::Ring;
use crate::{Api, ApiId, Config, Deployment, DeploymentId, Origin, Revision, codec, limits};

/// The audit trail and the past of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    entries: Ring<Entry>,
    past: Ring<Past>,
    /// Of all that `past` holds, encoded.
    past_bytes: u64,
}

/// One accepted change, for auditors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The revision that it made.
    pub revision: Revision,
    /// The proposer's clock, milliseconds since 1970.
    pub at_ms: u64,
    /// An access key's id, or what of a node did it.
    pub by: String,
    /// From where, and what. The operation is never empty.
    pub origin: Origin,
    /// The resources that it altered, the first few where there are many.
    pub touched: Vec<ItemKey>,
}

/// What a revision changed, as it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    revision: Revision,
    bytes: u64,
    before: Vec<Before>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    key: ItemKey,
    /// An API is without its deployments here.
    item: Option<Item>,
    /// Of an API: those that it had.
    deployments: Vec<DeploymentId>,
    /// Of an API: those that it has not any more, or not like this.
    dropped: Vec<Arc<Deployment>>,
}

/// A resource that differs between two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub key: ItemKey,
    /// At the earlier revision.
    pub before: Option<Item>,
    /// At the later one.
    pub after: Option<Item>,
}

/// The revision asked for is not known any more, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {asked} is not within what is kept: {oldest} to {newest}")]
pub struct NotKept {
    /// What was asked for.
    pub asked: Revision,
    /// The oldest that can be shown.
    pub oldest: Revision,
    /// The newest there is.
    pub newest: Revision,
}

impl History {
    /// Accepted changes, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().map(Arc::as_ref)
    }

    /// Bytes that the past takes in a snapshot.
    #[must_use]
    pub const fn past_bytes(&self) -> u64 {
        self.past_bytes
    }

    fn remember(&mut self, entry: Entry, before: Vec<Before>) {
        let encoded = codec::content(&before);
        let bytes = encoded.map_or(0, |bytes| bytes.len() as u64);
        self.past_bytes += bytes;
        self.past.push(Past {
            revision: entry.revision,
            bytes,
            before,
        });
        self.entries.push(entry);
        while self.entries.len() > limits::AUDIT_ENTRIES_KEPT {
            self.entries.pop();
        }
        while self.past.len() > limits::PAST_REVISIONS_KEPT
            || self.past_bytes > limits::PAST_BYTES_MAX
        {
            let Some(gone) = self.past.pop() else {
                return;
            };
            self.past_bytes -= gone.bytes;
        }
    }

    /// Revisions after `at`, oldest first, with what was before each.
    fn since(&self, at: Revision) -> impl Iterator<Item = &Past> {
        let after = move |past: &&Past| past.revision > at;
        self.past.iter().map(Arc::as_ref).filter(after)
    }
}

impl Config {
    /// The oldest revision that can be shown and gone back to.
    #[must_use]
    pub fn oldest_kept(&self) -> Revision {
        let first = self.history.past.first();
        first.map_or(self.revision, |past| {
            Revision(past.revision.0.saturating_sub(1))
        })
    }

    /// What differs between two revisions, by kind and identifier. Changes that were undone in
    /// between are no difference.
    ///
    /// # Errors
    /// One of the revisions is not kept.
    pub fn differences(&self, from: Revision, to: Revision) -> Result<Vec<Difference>, NotKept> {
        self.kept(from)?;
        self.kept(to)?;
        let (early, late) = (from.min(to), from.max(to));
        let between = self
            .history
            .since(early)
            .filter(|past| past.revision <= late);
        let keys: BTreeSet<&ItemKey> = between
            .flat_map(|past| past.before.iter().map(|before| &before.key))
            .collect();
        let differences = keys.into_iter().map(|key| Difference {
            key: key.clone(),
            before: self.item_at(key, from),
            after: self.item_at(key, to),
        });
        Ok(differences.filter(|one| one.before != one.after).collect())
    }

    /// An API as it was at a revision.
    ///
    /// # Errors
    /// The revision is not kept.
    pub fn api_at(&self, api: &ApiId, at: Revision) -> Result<Option<Arc<Api>>, NotKept> {
        self.kept(at)?;
        let key = ItemKey {
            kind: ItemKind::Api,
            id: api.to_string(),
        };
        Ok(match self.item_at(&key, at) {
            Some(Item::Api(api)) => Some(api),
            _ => None,
        })
    }

    fn kept(&self, asked: Revision) -> Result<(), NotKept> {
        let (oldest, newest) = (self.oldest_kept(), self.revision);
        if (oldest..=newest).contains(&asked) {
            return Ok(());
        }
        Err(NotKept {
            asked,
            oldest,
            newest,
        })
    }

    /// The first change after `at` knows what was before it; without one, nothing has changed.
    fn item_at(&self, key: &ItemKey, at: Revision) -> Option<Item> {
        let mut since = self.history.since(at);
        let found = since.find_map(|past| {
            let before = past.before.iter().find(|before| before.key == *key)?;
            Some((past.revision, before))
        });
        let Some((revision, before)) = found else {
            return item::current(self, key);
        };
        match &before.item {
            Some(Item::Api(api)) => Some(Item::Api(self.whole(api, before, revision))),
            other => other.clone(),
        }
    }

    /// An API with its deployments, which later changes have dropped or which it still has.
    fn whole(&self, bare: &Api, before: &Before, revision: Revision) -> Arc<Api> {
        let mut kept: BTreeMap<&DeploymentId, &Arc<Deployment>> = BTreeMap::new();
        for past in self.history.since(Revision(revision.0.saturating_sub(1))) {
            let same = past.before.iter().filter(|later| later.key == before.key);
            for deployment in same.flat_map(|later| &later.dropped) {
                kept.entry(&deployment.id).or_insert(deployment);
            }
        }
        let present = self.apis.get(bare.id.as_str());
        let deployments = before.deployments.iter().filter_map(|id| {
            let current = || present.and_then(|api| api.deployments.get(id));
            let found = kept.get(id).copied().or_else(current)?;
            Some((id.clone(), Arc::clone(found)))
        });
        let mut api = bare.clone();
        api.deployments = deployments.collect();
        Arc::new(api)
    }

    /// Notes an accepted change: `self` is the configuration after it.
    pub(crate) fn remember(&mut self, old: &Self, mut entry: Entry) {
        let changed = item::changed(old, self);
        let touched = changed.iter().take(limits::AUDIT_RESOURCES_MAX);
        entry.touched = touched.map(|(key, _)| key.clone()).collect();
        let before = changed.into_iter();
        let before = before.map(|(key, item)| self.before(key, item)).collect();
        self.history.remember(entry, before);
    }

    fn before(&self, key: ItemKey, item: Option<Item>) -> Before {
        let Some(Item::Api(old)) = item else {
            return Before {
                key,
                item,
                deployments: Vec::new(),
                dropped: Vec::new(),
            };
        };
        let new = self.apis.get(&old.id);
        let lives = |deployment: &&Arc<Deployment>| {
            let now = new.and_then(|api| api.deployments.get(&deployment.id));
            now.is_some_and(|now| now == *deployment)
        };
        let dropped = old.deployments.values().filter(|one| !lives(one)).cloned();
        let mut bare = Api::clone(&old);
        bare.deployments = BTreeMap::new();
        Before {
            key,
            deployments: old.deployments.keys().cloned().collect(),
            dropped: dropped.collect(),
            item: Some(Item::Api(Arc::new(bare))),
        }
    }
}
