//! All limits that a node has a share of, and what of them the home is to be asked and told.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ask, Claim, Grant, Key, Left, News, Terms,
    share::{Around, IDLE_MS, Share},
};

/// Limits known at a time; beyond it requests under further ones are refused.
const SHARES_MAX: usize = 500_000;
/// Limits asked about at once.
const ASKS_MAX: usize = 2_000;

/// All shares of a node.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    shares: BTreeMap<Key, Share>,
    /// What the home is to be asked or told about.
    dirty: BTreeSet<Key>,
}

/// How a share decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// A token was taken.
    Yes(Left),
    /// None is left.
    No(Left),
    /// There is no room to know one more limit.
    Full,
}

impl Shares {
    pub(crate) fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether the home is to be asked about anything.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes one token.
    pub(crate) fn take(&mut self, around: &Around<'_>, claim: &Claim) -> Shared {
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
        if !around.cut_off && (share.owed > 0 || share.used + share.denied == 1) {
            self.dirty.insert(claim.key);
        }
        if taken {
            Shared::Yes(share.left(around))
        } else {
            Shared::No(share.left(around))
        }
    }

    /// Puts back what the last `take` of that limit has taken.
    pub(crate) fn put_back(&mut self, key: Key) {
        if let Some(share) = self.shares.get_mut(&key) {
            share.used = share.used.saturating_sub(1);
            match &mut share.alone {
                Some(alone) => alone.put_back(1),
                None => share.held += 1,
            }
        }
    }

    /// What to tell and ask the home now.
    pub(crate) fn asks(&mut self, around: &Around<'_>) -> Vec<Ask> {
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

    /// The home has answered `asks`.
    pub(crate) fn answered(&mut self, now_ms: u64, asks: &[Ask], grants: &[Grant]) {
        for (ask, grant) in asks.iter().zip(grants) {
            if let Some(share) = self.shares.get_mut(&ask.claim.key) {
                share.answered(now_ms, *grant);
            }
        }
        // An answer that is too short settles nothing of the rest.
        self.failed(asks.get(grants.len()..).unwrap_or_default());
    }

    /// Nobody knows whether the home has heard `asks`. They are told again: rather too few
    /// requests are admitted than too many.
    pub(crate) fn failed(&mut self, asks: &[Ask]) {
        for ask in asks {
            let key = ask.claim.key;
            if let Some(share) = self.shares.get_mut(&key) {
                share.owed = share.owed.saturating_add(std::mem::take(&mut share.sent));
                self.dirty.insert(key);
            }
        }
    }

    /// Others have begun to use a rate.
    pub(crate) fn hear(&mut self, around: &Around<'_>, news: &News) {
        if let Some(share) = self.shares.get_mut(&news.key) {
            share.level = Some((news.level, around.now_ms));
            share.credit = share.credit.min(share.fresh_credit(around));
        } else if self.shares.len() < SHARES_MAX {
            let claim = Claim {
                key: news.key,
                terms: news.terms,
                counted: None,
            };
            self.know(around, claim, news.level);
        }
    }

    /// Takes over what is known of a rate.
    pub(crate) fn know(&mut self, around: &Around<'_>, claim: Claim, level: i64) {
        let key = claim.key;
        let mut share = Share::new(around, claim);
        share.level = Some((level, around.now_ms));
        share.credit = share.fresh_credit(around);
        self.shares.insert(key, share);
    }

    /// What is known of the level of each rate, for when this node becomes the home.
    pub(crate) fn known(&self, now_ms: u64) -> impl Iterator<Item = (Key, Terms, i64)> + '_ {
        self.shares.iter().filter_map(move |(key, share)| {
            let level = share.level_now(now_ms)?;
            Some((*key, share.claim.terms, level - i64::from(share.owed)))
        })
    }

    /// The home is another: what was promised by the last one is no more, and what is owed is told
    /// to the next.
    pub(crate) fn other_home(&mut self) {
        for share in self.shares.values_mut() {
            share.owed = share.owed.saturating_add(std::mem::take(&mut share.sent));
        }
    }

    /// Gives back what is not used and forgets what is whole again.
    pub(crate) fn sweep(&mut self, around: &Around<'_>) {
        let dirty = &mut self.dirty;
        self.shares.retain(|key, share| {
            if !around.cut_off {
                share.rejoin(around.now_ms);
            }
            let idle = around.now_ms.saturating_sub(share.used_ms);
            if idle < IDLE_MS {
                return true;
            }
            if share.held > 0 || share.owed > 0 || share.sent > 0 {
                dirty.insert(*key);
                return true;
            }
            share.alone.is_some() || !share.is_whole(around.now_ms, idle)
        });
    }
}
