//! All limits that a node has a share of, and what of them the home is to be asked and told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Ask, Claim, Grant, Key, Left,
    share::{Around, IDLE_MS, Share},
};

/// Limits known at a time; beyond it requests under further ones are refused.
const SHARES_MAX: usize = 500_000;
/// Limits asked about at once.
const ASKS_MAX: usize = 2_000;

/// All shares of a node.
#[derive(Debug, Default)]
pub(super) struct Shares {
    shares: BTreeMap<Key, Share>,
    /// What the home is to be asked or told about.
    dirty: BTreeSet<Key>,
    /// What was granted is looked at again then: it goes back, or its time is made longer.
    held: VecDeque<(u64, Key)>,
}

/// How a share decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// A token was taken.
    Yes(Left),
    /// There is none here, but the home may have one.
    Ask(Left),
    /// None is left.
    No(Left),
    /// There is no room to know one more limit.
    Full,
}

impl Shares {
    pub(super) fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether the home is to be asked about anything.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes one token.
    pub(super) fn take(&mut self, around: &Around<'_>, claim: &Claim) -> Shared {
        if !self.shares.contains_key(&claim.key) {
            if self.shares.len() >= SHARES_MAX {
                return Shared::Full;
            }
            let share = Share::new(around, claim.clone());
            self.shares.insert(claim.key, share);
        }
        let Some(share) = self.shares.get_mut(&claim.key) else {
            return Shared::Full;
        };
        share.alter(around, claim);
        let taken = share.take(around);
        if share.owed > 0 || share.used + share.denied == 1 {
            self.dirty.insert(claim.key);
        }
        if taken {
            Shared::Yes(share.left(around))
        } else if share.may_ask(around) {
            Shared::Ask(share.left(around))
        } else {
            Shared::No(share.left(around))
        }
    }

    /// Puts back what the last `take` of that limit has taken.
    pub(super) fn put_back(&mut self, key: Key) {
        if let Some(share) = self.shares.get_mut(&key) {
            share.put_back();
        }
    }

    /// What to tell and ask the home now.
    pub(super) fn asks(&mut self, around: &Around<'_>) -> Vec<Ask> {
        while let Some((due_ms, key)) = self.held.pop_front() {
            if due_ms > around.now_ms {
                self.held.push_front((due_ms, key));
                break;
            }
            if self.shares.get(&key).is_some_and(|share| share.held > 0) {
                self.dirty.insert(key);
            }
        }
        let mut asks = Vec::new();
        let mut later = BTreeSet::new();
        while let Some(key) = self.dirty.pop_first() {
            let Some(share) = self.shares.get_mut(&key) else {
                continue;
            };
            if asks.len() >= ASKS_MAX || share.waits(around.now_ms) {
                later.insert(key);
            } else {
                asks.push(share.ask(around));
            }
        }
        self.dirty = later;
        asks
    }

    /// The home has answered `asks`, which were sent at `sent_ms`.
    pub(super) fn answered(&mut self, now_ms: u64, sent_ms: u64, asks: &[Ask], grants: &[Grant]) {
        for (ask, grant) in asks.iter().zip(grants) {
            let key = ask.claim.key;
            if let Some(share) = self.shares.get_mut(&key) {
                share.answered(now_ms, sent_ms, *grant);
                if share.held > 0 {
                    self.held.push_back((now_ms + IDLE_MS, key));
                }
            }
        }
        // An answer that is too short settles nothing of the rest.
        self.failed(asks.get(grants.len()..).unwrap_or_default());
    }

    /// Nobody knows whether the home has heard `asks`. They are told again: rather too few
    /// requests are admitted than too many.
    pub(super) fn failed(&mut self, asks: &[Ask]) {
        for ask in asks {
            let key = ask.claim.key;
            if let Some(share) = self.shares.get_mut(&key) {
                share.failed();
                self.dirty.insert(key);
            }
        }
    }

    /// The home is another: what the last one said is no longer so.
    pub(super) fn other_home(&mut self) {
        self.shares.values_mut().for_each(Share::other_home);
    }

    /// Forgets what is whole again, and tells the home what it does not know.
    pub(super) fn sweep(&mut self, around: &Around<'_>) {
        let dirty = &mut self.dirty;
        self.shares.retain(|key, share| {
            let idle = around.now_ms.saturating_sub(share.used_ms);
            if idle < IDLE_MS {
                return true;
            }
            if share.is_open() {
                dirty.insert(*key);
                return true;
            }
            !share.is_whole(around)
        });
    }
}
