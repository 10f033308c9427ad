//! One limit as its home knows it: what is left, and who holds how much of it.

use std::collections::BTreeMap;

use model::rest::Window;

use super::{Ask, Bucket, Claim, Estate, Key, Left, Meter, Terms, parts::HOLDS_MS, reign::Reign};

/// A node that has not asked for so long does not compete for tokens.
const COMPETES_MS: u64 = 1_000;

#[derive(Debug)]
pub(super) struct Limit {
    pub(super) stock: Stock,
    pub(super) holders: Vec<Holder>,
    pub(super) asked_ms: u64,
    /// Nodes that had come back when it was last looked at.
    returns: u64,
    /// Until it is known what the last home left: how the bucket would be if that was all.
    rich: Option<Bucket>,
}

#[derive(Debug)]
pub(super) enum Stock {
    Rate(Bucket, Terms),
    /// A quota: its size, what is counted, and what each node has counted.
    Quota {
        limit: u32,
        counted: (Meter, Window),
        counts: BTreeMap<u64, u64>,
    },
}

/// What each node has counted of something within some days.
pub(super) type Counts<'a> = &'a dyn Fn(&Meter, Window) -> BTreeMap<u64, u64>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) node: u64,
    pub(super) held: u32,
    pub(super) asked_ms: u64,
}

impl Limit {
    /// With what was left when the home began, and has come since. None for a quota of which nobody
    /// says what is counted.
    pub(super) fn new(
        now_ms: u64,
        claim: &Claim,
        left: Option<i64>,
        counts: Counts<'_>,
    ) -> Option<Self> {
        let stock = match claim.terms {
            Terms::Rate { per_second, burst } => {
                let full = Bucket::full(per_second, burst, 0);
                Stock::Rate(full.with_level(left.unwrap_or(0)), claim.terms)
            }
            Terms::Quota { limit } => {
                let (meter, window) = claim.counted.as_ref()?;
                Stock::Quota {
                    limit,
                    counted: (meter.clone(), *window),
                    counts: counts(meter, *window),
                }
            }
        };
        let rich = match &stock {
            Stock::Rate(bucket, _) if left.is_none() => Some(bucket.with_level(i64::MAX)),
            Stock::Rate(..) | Stock::Quota { .. } => None,
        };
        Some(Self {
            stock,
            holders: Vec::new(),
            asked_ms: now_ms,
            returns: 0,
            rich,
        })
    }

    /// Tokens that have been granted and not been spent, as far as known.
    pub(super) fn out(&self) -> u64 {
        self.holders.iter().map(|one| u64::from(one.held)).sum()
    }

    /// Lets the pool's time pass: fills the bucket, and empties it of what nodes that may be cut
    /// off could spend.
    pub(super) fn advance(&mut self, now_ms: u64, reign: &Reign) {
        // Of quotas, what a silent node holds counts as spent until it says otherwise.
        if let Stock::Rate(..) = self.stock {
            self.holders
                .retain(|one| now_ms.saturating_sub(one.asked_ms) < HOLDS_MS);
        }
        let out = self.out();
        let Stock::Rate(bucket, Terms::Rate { burst, .. }) = &mut self.stock else {
            return;
        };
        for bucket in std::iter::once(bucket).chain(&mut self.rich) {
            bucket.refill(reign.pool_ms(), out);
            bucket.clip(reign.size(*burst), out, 0);
            if self.returns != reign.returns {
                // It was smaller when a node came back that was silent, and has grown since.
                let since = reign.pool_ms().saturating_sub(reign.returned_ms);
                bucket.clip(reign.least_size(*burst), out, since);
            }
        }
        self.returns = reign.returns;
    }

    /// Every bucket of a rate.
    fn buckets(&mut self) -> impl Iterator<Item = &mut Bucket> {
        let real = match &mut self.stock {
            Stock::Rate(bucket, _) => Some(bucket),
            Stock::Quota { .. } => None,
        };
        real.into_iter().chain(&mut self.rich)
    }

    /// Takes over what the last home left: the bucket is as if it had begun with that.
    pub(super) fn inherit(&mut self, estate: &Estate, key: Key) {
        let Stock::Rate(bucket, terms) = &mut self.stock else {
            return;
        };
        if let Some(rich) = self.rich.take() {
            let left = estate.level(key, *terms).max(0);
            let level = bucket.level().saturating_add(left).min(rich.level());
            *bucket = bucket.with_level(level.max(bucket.level()));
        }
    }

    /// Its terms may have changed.
    pub(super) fn alter(&mut self, pool_ms: u64, terms: Terms) {
        if let Terms::Rate { per_second, burst } = terms {
            self.buckets()
                .for_each(|bucket| bucket.alter(per_second, burst, pool_ms));
        }
        self.stock.alter(terms);
    }

    /// Whole tokens left when it was last looked at.
    pub(super) fn level(&self) -> i64 {
        match &self.stock {
            Stock::Rate(bucket, _) => bucket.tokens(),
            Stock::Quota { limit, counts, .. } => {
                let counted: u64 = counts.values().sum();
                let gone = i64::try_from(counted + self.out()).unwrap_or(i64::MAX);
                i64::from(*limit).saturating_sub(gone)
            }
        }
    }

    pub(super) fn left(&self) -> Left {
        let level = self.level();
        Left {
            remaining: u32::try_from(level.max(0)).unwrap_or(u32::MAX),
            wait_ms: match &self.stock {
                Stock::Rate(bucket, _) => bucket.wait_ms(),
                Stock::Quota { .. } => (level > 0).then_some(0),
            },
        }
    }

    /// Takes over what a node says of its own.
    pub(super) fn hear(&mut self, now_ms: u64, from: u64, ask: &Ask) {
        let known = self.holders.iter().find(|one| one.node == from);
        let out = known.map_or(0, |one| one.held);
        for bucket in self.buckets() {
            bucket.charge(ask.spent);
            // What counts as spent already does not come back.
            bucket.put_back(ask.back.min(out));
        }
        if let Stock::Quota { counts, .. } = &mut self.stock {
            let count = counts.entry(from).or_insert(0);
            *count = ask.own.max(*count);
        }
        let (held, asked_ms) = (ask.held, now_ms);
        match self.holders.iter_mut().find(|one| one.node == from) {
            Some(known) => (known.held, known.asked_ms) = (held, asked_ms),
            None => self.holders.push(Holder {
                node: from,
                held,
                asked_ms,
            }),
        }
    }

    /// What one node may have of the level, when others want some, too.
    pub(super) fn fair(&self, now_ms: u64, level: i64) -> u32 {
        let asks = |one: &&Holder| now_ms.saturating_sub(one.asked_ms) < COMPETES_MS;
        let competing = self.holders.iter().filter(asks).count().max(1);
        let level = u64::try_from(level.max(0)).unwrap_or(0);
        let part = (level / competing as u64).max(level.min(1));
        u32::try_from(part).unwrap_or(u32::MAX)
    }

    pub(super) fn lend(&mut self, to: u64, tokens: u32) {
        self.buckets().for_each(|bucket| bucket.charge(tokens));
        if let Some(holder) = self.holders.iter_mut().find(|one| one.node == to) {
            holder.held = holder.held.saturating_add(tokens);
        }
    }

    /// The home itself admits.
    pub(super) fn spend(&mut self, own: u64, tokens: u32) {
        self.buckets().for_each(|bucket| bucket.charge(tokens));
        if let Stock::Quota { counts, .. } = &mut self.stock {
            *counts.entry(own).or_insert(0) += u64::from(tokens);
        }
    }
}

impl Stock {
    const fn alter(&mut self, terms: Terms) {
        match (self, terms) {
            (Self::Rate(_, known), Terms::Rate { .. }) => *known = terms,
            (Self::Quota { limit: known, .. }, Terms::Quota { limit }) => *known = limit,
            // Names of rates and quotas never meet.
            (Self::Rate(..), Terms::Quota { .. }) | (Self::Quota { .. }, Terms::Rate { .. }) => {}
        }
    }
}
