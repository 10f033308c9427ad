//! The home of limits: the one node that knows how much of each is left.
//!
//! Tokens that it has granted and that nobody has spent yet count as if they were still in the
//! bucket, so granting ahead does not make a limit larger. What it knows is not stored: a new home
//! starts from what others have last heard of rates, and from what has been counted for quotas.

use std::collections::BTreeMap;

use super::{
    Answer, Ask, Claim, Grant, Key, Left, News, Terms,
    message::{Exchange, Taken},
    stock::{Counts, HINTS_MS, Holder, Limit, Stock},
};

/// Limits in use at a time; beyond it requests under further ones are refused.
const LIMITS_MAX: usize = 500_000;
/// Changed rates told in one answer.
const NEWS_MAX: usize = 1_000;
/// Between two times that the same rate is news, milliseconds.
const NEWS_EVERY_MS: u64 = 200;
/// A node that has not asked for so long has dropped what it held.
const HOLDS_MS: u64 = 5_000;
/// A quota that nobody has asked about for so long is forgotten; counts are kept elsewhere.
const QUOTA_IDLE_MS: u64 = 600_000;

/// The home's knowledge.
#[derive(Debug)]
pub struct Home {
    own: u64,
    reign: u64,
    limits: BTreeMap<Key, Limit>,
    /// What changed, by when it did.
    news: BTreeMap<u64, Key>,
    last_news: u64,
}

impl Home {
    /// A home that knows nothing yet. `reign` tells it from other homes, earlier and later.
    #[must_use]
    pub const fn new(own: u64, reign: u64) -> Self {
        Self {
            own,
            reign,
            limits: BTreeMap::new(),
            news: BTreeMap::new(),
            last_news: 0,
        }
    }

    /// Tells it from other homes.
    #[must_use]
    pub const fn reign(&self) -> u64 {
        self.reign
    }

    /// Limits in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.limits.len()
    }

    /// Whether none is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Takes a request of each limit, or of none.
    pub(crate) fn take(&mut self, now_ms: u64, claims: &[Claim], counts: Counts<'_>) -> Taken {
        for (index, claim) in claims.iter().enumerate() {
            let Some(limit) = self.limit(now_ms, claim, 0, counts) else {
                return Err((index, Left::default()));
            };
            if limit.level(now_ms) < 1 {
                return Err((index, limit.left(now_ms)));
            }
        }
        let mut left = Vec::with_capacity(claims.len());
        for claim in claims {
            let own = self.own;
            if let Some(limit) = self.limits.get_mut(&claim.key) {
                limit.spend(own, 1);
                left.push(limit.left(now_ms));
            }
            self.announce(now_ms, claim.key);
        }
        Ok(left)
    }

    /// Answers what another node asks.
    pub(crate) fn exchange(
        &mut self,
        now_ms: u64,
        from: u64,
        told: &Exchange,
        counts: Counts<'_>,
    ) -> Answer {
        let asks = told.asks.iter();
        let grants = asks.map(|ask| self.grant(now_ms, from, ask, counts));
        let grants = grants.collect();
        let (news, heard) = self.news_for(from, told.heard);
        Answer {
            grants,
            news,
            heard,
        }
    }

    /// What has changed since `heard` and the node has not asked about itself.
    fn news_for(&self, node: u64, mut heard: u64) -> (Vec<News>, u64) {
        let mut news = Vec::new();
        for (number, key) in self.news.range(heard.saturating_add(1)..) {
            if news.len() >= NEWS_MAX {
                break;
            }
            heard = *number;
            let limit = self.limits.get(key);
            let limit = limit.filter(|limit| limit.holders.iter().all(|one| one.node != node));
            let Some(limit) = limit else { continue };
            if let Stock::Rate(_, terms) = &limit.stock {
                news.push(News {
                    key: *key,
                    terms: *terms,
                    level: limit.level_known(),
                });
            }
        }
        (news, heard)
    }

    fn grant(&mut self, now_ms: u64, from: u64, ask: &Ask, counts: Counts<'_>) -> Grant {
        let Some(limit) = self.limit(now_ms, &ask.claim, ask.missing, counts) else {
            return Grant {
                granted: 0,
                level: 0,
            };
        };
        limit.hear(now_ms, from, ask);
        let level = limit.level(now_ms);
        let granted = limit.fair(now_ms, level).min(ask.want);
        if granted > 0 {
            limit.lend(from, granted);
        }
        let level = limit.level_known();
        self.announce(now_ms, ask.claim.key);
        Grant { granted, level }
    }

    /// The limit of that name with those terms; a new one starts with what is known to be left.
    fn limit(
        &mut self,
        now_ms: u64,
        claim: &Claim,
        missing: u64,
        counts: Counts<'_>,
    ) -> Option<&mut Limit> {
        if !self.limits.contains_key(&claim.key) {
            if self.limits.len() >= LIMITS_MAX {
                return None;
            }
            let limit = Limit::new(now_ms, claim, missing, counts)?;
            self.limits.insert(claim.key, limit);
        }
        let limit = self.limits.get_mut(&claim.key)?;
        limit.asked_ms = now_ms;
        limit.stock.alter(now_ms, claim.terms);
        Some(limit)
    }

    /// A rate that was used is news to nodes that have not asked about it.
    fn announce(&mut self, now_ms: u64, key: Key) {
        let Some(limit) = self.limits.get_mut(&key) else {
            return;
        };
        let fresh = limit.news > 0 && now_ms.saturating_sub(limit.told_ms) < NEWS_EVERY_MS;
        if fresh || matches!(limit.stock, Stock::Quota { .. }) {
            return;
        }
        self.news.remove(&limit.news);
        self.last_news += 1;
        (limit.news, limit.told_ms) = (self.last_news, now_ms);
        self.news.insert(self.last_news, key);
    }

    /// Takes over what is known to be left of a rate, on becoming the home.
    pub(crate) fn inherit(&mut self, now_ms: u64, key: Key, terms: Terms, level: i64) {
        let missing = i64::from(terms.size()).saturating_sub(level);
        let missing = u64::try_from(missing).unwrap_or(0);
        if matches!(terms, Terms::Rate { .. }) && missing > 0 {
            let claim = Claim {
                key,
                terms,
                counted: None,
            };
            let _ = self.limit(now_ms, &claim, missing, &|_, _| BTreeMap::new());
        }
    }

    /// What is left of each rate, for when this node is no longer the home.
    pub(crate) fn bequest(&self) -> impl Iterator<Item = (Key, Terms, i64)> + '_ {
        self.limits.iter().filter_map(|(key, limit)| {
            let Stock::Rate(_, terms) = &limit.stock else {
                return None;
            };
            Some((*key, *terms, limit.level_known()))
        })
    }

    /// Forgets limits that are whole again, and what silent nodes held; to be called about once a
    /// second.
    pub(crate) fn sweep(&mut self, now_ms: u64, counts: Counts<'_>) {
        let news = &mut self.news;
        self.limits.retain(|_, limit| {
            let silent = |one: &Holder| now_ms.saturating_sub(one.asked_ms) >= HOLDS_MS;
            limit.holders.retain(|one| !silent(one));
            let idle = now_ms.saturating_sub(limit.asked_ms);
            let out = limit.out();
            let done = match &mut limit.stock {
                Stock::Rate(bucket, _) => {
                    bucket.refill(now_ms, out);
                    bucket.is_full() && limit.holders.is_empty() && idle >= HINTS_MS
                }
                Stock::Quota {
                    counted: (meter, window),
                    counts: known,
                    ..
                } => {
                    for (node, count) in counts(meter, *window) {
                        let known = known.entry(node).or_insert(0);
                        *known = count.max(*known);
                    }
                    idle >= QUOTA_IDLE_MS
                }
            };
            if done {
                news.remove(&limit.news);
            }
            !done
        });
    }
}
