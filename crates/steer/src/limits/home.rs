//! The home of limits: the one node that knows how much of each is left.
//!
//! Tokens that it has granted and that nobody has spent yet count as if they were still in the
//! bucket, so granting ahead does not make a limit larger. What it knows is not stored: a new home
//! takes rates for used up when it begins, until the last one tells what it left, and quotas for
//! what has been counted of them.

use std::collections::BTreeMap;

use super::{
    Ask, Claim, Estate, Grant, Key, Left, Terms,
    estate::RATES_MAX,
    message::Taken,
    reign::Reign,
    stock::{Counts, Limit, Stock},
};

/// Limits in use at a time; beyond it requests under further ones are refused.
const LIMITS_MAX: usize = 500_000;
/// A rate that is whole and that nobody has asked about for so long is forgotten.
const RATE_IDLE_MS: u64 = 2_000;
/// A quota that nobody has asked about for so long is forgotten; counts are kept elsewhere.
const QUOTA_IDLE_MS: u64 = 600_000;

/// The home's knowledge of limits in use.
#[derive(Debug, Default)]
pub(super) struct Home {
    limits: BTreeMap<Key, Limit>,
    /// What the last home left.
    inherited: Option<Estate>,
}

impl Home {
    /// Limits in use.
    pub(super) fn len(&self) -> usize {
        self.limits.len()
    }

    /// Takes a request of each limit, or of none, on behalf of this node itself.
    pub(super) fn take(
        &mut self,
        (now_ms, own): (u64, u64),
        reign: &Reign,
        claims: &[Claim],
        counts: Counts<'_>,
    ) -> Taken {
        for (index, claim) in claims.iter().enumerate() {
            let Some(limit) = self.limit(now_ms, reign, claim, counts) else {
                return Err((index, Left::default()));
            };
            if limit.level() < 1 {
                return Err((index, limit.left()));
            }
        }
        let mut left = Vec::with_capacity(claims.len());
        for claim in claims {
            if let Some(limit) = self.limits.get_mut(&claim.key) {
                limit.spend(own, 1);
                left.push(limit.left());
            }
        }
        Ok(left)
    }

    /// Answers what another node asks about a limit.
    pub(super) fn grant(
        &mut self,
        (now_ms, from): (u64, u64),
        reign: &Reign,
        ask: &Ask,
        counts: Counts<'_>,
    ) -> Grant {
        let Some(limit) = self.limit(now_ms, reign, &ask.claim, counts) else {
            return Grant {
                granted: 0,
                level: 0,
            };
        };
        limit.hear(now_ms, from, ask);
        limit.advance(now_ms, reign);
        let granted = limit.fair(now_ms, limit.level()).min(ask.want);
        if granted > 0 {
            limit.lend(from, granted);
        }
        Grant {
            granted,
            level: limit.level(),
        }
    }

    /// The limit of that name with those terms, as it is now.
    fn limit(
        &mut self,
        now_ms: u64,
        reign: &Reign,
        claim: &Claim,
        counts: Counts<'_>,
    ) -> Option<&mut Limit> {
        if !self.limits.contains_key(&claim.key) {
            if self.limits.len() >= LIMITS_MAX {
                return None;
            }
            let inherited = self.inherited.as_ref();
            let left = inherited.map(|estate| estate.level(claim.key, claim.terms));
            let limit = Limit::new(now_ms, claim, left, counts)?;
            self.limits.insert(claim.key, limit);
        }
        let limit = self.limits.get_mut(&claim.key)?;
        limit.asked_ms = now_ms;
        limit.alter(reign.pool_ms(), claim.terms);
        limit.advance(now_ms, reign);
        Some(limit)
    }

    /// What it leaves to the next home.
    pub(super) fn leave(&self, home: (u64, u64), reign: &Reign) -> Estate {
        let inherited = self.inherited.as_ref();
        let named = inherited.into_iter().flat_map(|estate| &estate.levels);
        let mut levels: BTreeMap<Key, i64> = named.copied().collect();
        for (key, limit) in &self.limits {
            if let Stock::Rate(bucket, _) = &limit.stock {
                levels.insert(*key, bucket.level());
            }
        }
        if levels.len() > RATES_MAX {
            return Estate {
                home,
                ..Estate::default()
            };
        }
        let come_ms = inherited.map_or(0, |estate| estate.come_ms);
        Estate {
            home,
            levels: levels.into_iter().collect(),
            come_ms: come_ms.saturating_add(reign.pool_ms()),
        }
    }

    /// Takes over what the last home left. Rates in use are as if they had begun with
    /// it.
    pub(super) fn inherit(&mut self, estate: Estate) {
        for (key, limit) in &mut self.limits {
            limit.inherit(&estate, *key);
        }
        self.inherited = Some(estate);
    }

    /// Forgets limits that are whole again; to be called about once a second.
    pub(super) fn sweep(&mut self, now_ms: u64, reign: &Reign, counts: Counts<'_>) {
        self.limits.retain(|_, limit| {
            limit.advance(now_ms, reign);
            let idle = now_ms.saturating_sub(limit.asked_ms);
            match &mut limit.stock {
                Stock::Rate(bucket, Terms::Rate { burst, .. }) => {
                    let whole = i64::from(reign.size(*burst));
                    // As a new one would be: that has had since the home began.
                    let forgettable = bucket.tokens() >= whole && limit.holders.is_empty();
                    !forgettable || idle < RATE_IDLE_MS || !reign.acts()
                }
                Stock::Rate(_, Terms::Quota { .. }) => false,
                Stock::Quota {
                    counted: (meter, window),
                    counts: known,
                    ..
                } => {
                    for (node, count) in counts(meter, *window) {
                        let known = known.entry(node).or_insert(0);
                        *known = count.max(*known);
                    }
                    idle < QUOTA_IDLE_MS
                }
            }
        });
    }
}
