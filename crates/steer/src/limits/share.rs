//! One limit as a node that is not its home knows it: tokens granted ahead, the credit there is
//! while it has not been used lately, what was spent and not told, and what was last heard.

use super::{Ask, Bucket, Claim, Grant, Left, TOKEN, Terms, stock::Counts};

/// Demand that is asked for ahead, milliseconds.
const AHEAD_MS: u64 = 200;
/// Tokens asked for at least, where there is demand.
const WANT_MIN: u32 = 4;
/// After so long without use tokens go back, and what was last heard is no longer news.
pub(super) const IDLE_MS: u64 = 1_000;
/// Where nothing is left, it is asked again after so long at the latest.
const AGAIN_MS: u64 = 250;
/// Credit that any limit gives, requests.
const CREDIT_MIN: u32 = 3;
/// Credit of all nodes together, as a part of what a rate admits in `CREDIT_S` seconds or of what
/// a quota allows.
const CREDIT_PART: u64 = 10;
/// Seconds.
const CREDIT_S: u64 = 10;

#[derive(Debug)]
pub(super) struct Share {
    pub(super) claim: Claim,
    pub(super) held: u32,
    pub(super) credit: u32,
    pub(super) owed: u32,
    /// Owed as in an exchange whose answer is awaited.
    pub(super) sent: u32,
    /// Admitted and refused since the home was last asked, and when that was.
    pub(super) used: u32,
    pub(super) denied: u32,
    asked_ms: u64,
    /// Requests in 1,000 seconds.
    demand: u64,
    /// Whole tokens left at the home, and when it said so.
    pub(super) level: Option<(i64, u64)>,
    answered_ms: u64,
    pub(super) used_ms: u64,
    /// While cut off from the home.
    pub(super) alone: Option<Bucket>,
}

/// What a share has to know of its node.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) now_ms: u64,
    /// Region nodes of the cluster.
    pub(super) nodes: u32,
    pub(super) cut_off: bool,
    pub(super) own: u64,
    pub(super) counts: Counts<'a>,
}

impl Share {
    pub(super) fn new(around: &Around<'_>, claim: Claim) -> Self {
        let mut share = Self {
            claim,
            held: 0,
            credit: 0,
            owed: 0,
            sent: 0,
            used: 0,
            denied: 0,
            asked_ms: around.now_ms,
            demand: 0,
            level: None,
            answered_ms: around.now_ms,
            used_ms: around.now_ms,
            alone: None,
        };
        share.credit = share.fresh_credit(around);
        share
    }

    pub(super) fn alter(&mut self, around: &Around<'_>, claim: &Claim) {
        if self.claim == *claim {
            return;
        }
        if self.claim.terms != claim.terms {
            if let (Some(alone), Terms::Rate { .. }) = (&mut self.alone, claim.terms) {
                let (per_second, burst) = part(claim.terms, around.nodes);
                alone.alter(per_second, burst, around.now_ms);
            }
            // What was known is about other terms; nothing new is given before the home says so.
            self.credit = self.credit.min(credit(claim.terms, around.nodes));
            self.held = self.held.min(claim.terms.size());
        }
        self.claim = claim.clone();
    }

    pub(super) fn take(&mut self, around: &Around<'_>) -> bool {
        let now_ms = around.now_ms;
        let taken = if around.cut_off {
            self.take_alone(around)
        } else {
            self.rejoin(now_ms);
            self.take_granted(around)
        };
        if taken {
            self.used = self.used.saturating_add(1);
        } else {
            self.denied = self.denied.saturating_add(1);
        }
        self.used_ms = now_ms;
        taken
    }

    fn take_granted(&mut self, around: &Around<'_>) -> bool {
        if self.held > 0 {
            self.held -= 1;
            return true;
        }
        let silent = around.now_ms.saturating_sub(self.answered_ms) >= IDLE_MS;
        if silent && self.credit == 0 && self.owed + self.sent == 0 {
            self.credit = self.fresh_credit(around);
            self.answered_ms = around.now_ms;
        }
        if self.credit == 0 {
            return false;
        }
        self.credit -= 1;
        self.owed += 1;
        true
    }

    /// While cut off, a node has its part of the limit: what it holds is a part of that.
    fn take_alone(&mut self, around: &Around<'_>) -> bool {
        if self.alone.is_none() {
            let have = i64::from(self.held) + i64::from(self.credit);
            let (per_second, burst) = match self.claim.terms {
                terms @ Terms::Rate { .. } => part(terms, around.nodes),
                Terms::Quota { .. } => (0, self.fresh_credit(around)),
            };
            let full = Bucket::full(per_second, burst, around.now_ms);
            self.alone = Some(match self.claim.terms {
                Terms::Rate { .. } => full.with_level(have.saturating_mul(TOKEN)),
                Terms::Quota { .. } => full,
            });
            (self.held, self.credit) = (0, 0);
        }
        let taken = self.alone.as_mut().map(|alone| alone.take(around.now_ms));
        taken.unwrap_or(false)
    }

    /// There is a home again; it says what may be spent.
    pub(super) fn rejoin(&mut self, now_ms: u64) {
        if self.alone.take().is_some() {
            (self.used, self.denied) = (0, 0);
            (self.level, self.answered_ms) = (None, now_ms);
        }
    }

    /// What may be spent before the home has been asked.
    pub(super) fn fresh_credit(&self, around: &Around<'_>) -> u32 {
        let nodes = around.nodes.max(1);
        let whole = |level: i64| u32::try_from(level.max(0)).unwrap_or(u32::MAX);
        let most = credit(self.claim.terms, nodes);
        let level = match &self.claim.counted {
            Some((meter, window)) => {
                let counted: u64 = (around.counts)(meter, *window).values().sum();
                let counted = i64::try_from(counted).unwrap_or(i64::MAX);
                Some(i64::from(self.claim.terms.size()).saturating_sub(counted))
            }
            None => self.level_now(around.now_ms),
        };
        level.map_or(most, |level| most.min(whole(level).div_ceil(nodes)))
    }

    /// What is left at the home, going by what it last said and by the rate.
    pub(super) fn level_now(&self, now_ms: u64) -> Option<i64> {
        let (level, at_ms) = self.level?;
        let Terms::Rate { per_second, burst } = self.claim.terms else {
            return Some(level);
        };
        let come = u128::from(per_second) * u128::from(now_ms.saturating_sub(at_ms));
        let come = i64::try_from(come / 1_000_000_000).unwrap_or(i64::MAX);
        Some(level.saturating_add(come).min(burst.into()))
    }

    pub(super) fn left(&self, around: &Around<'_>) -> Left {
        let now_ms = around.now_ms;
        if let Some(alone) = &self.alone {
            let tokens = alone.tokens().max(0);
            return Left {
                remaining: u32::try_from(tokens).unwrap_or(u32::MAX),
                wait_ms: alone.wait_ms(),
            };
        }
        let home = match &self.claim.counted {
            Some(_) if self.level.is_none() => self.credit.into(),
            _ => self
                .level_now(now_ms)
                .map_or(i64::from(self.credit), |level| level.max(0)),
        };
        let home = u32::try_from(home).unwrap_or(u32::MAX);
        let remaining = self.held.saturating_add(home);
        let wait_ms = match self.claim.terms {
            _ if self.held + self.credit > 0 => Some(0),
            Terms::Rate { per_second, .. } if per_second > 0 => {
                let short = 1_i64
                    .saturating_sub(self.level_now(now_ms).unwrap_or(0))
                    .max(1);
                let short = u64::try_from(short).unwrap_or(1);
                Some(short.saturating_mul(1_000_000_000).div_ceil(per_second))
            }
            Terms::Rate { .. } | Terms::Quota { .. } => None,
        };
        Left { remaining, wait_ms }
    }

    /// Whether the home has said that there is nothing, so recently that asking again is useless.
    pub(super) fn waits(&self, now_ms: u64) -> bool {
        let Some((level, at_ms)) = self.level.filter(|_| self.owed == 0 && self.held == 0) else {
            return false;
        };
        let until = match self.claim.terms {
            Terms::Rate { per_second, .. } if per_second > 0 && level < 1 => {
                let short = u64::try_from(1_i64.saturating_sub(level)).unwrap_or(1);
                let ms = short.saturating_mul(1_000_000_000) / per_second;
                ms.min(AGAIN_MS)
            }
            _ if level < 1 => AGAIN_MS,
            Terms::Rate { .. } | Terms::Quota { .. } => 0,
        };
        now_ms < at_ms.saturating_add(until)
    }

    pub(super) fn ask(&mut self, around: &Around<'_>) -> Ask {
        let now_ms = around.now_ms;
        let idle = now_ms.saturating_sub(self.used_ms) >= IDLE_MS;
        let back = if idle {
            std::mem::take(&mut self.held)
        } else {
            0
        };
        let passed = now_ms.saturating_sub(self.asked_ms).max(1);
        let (used, denied) = (
            std::mem::take(&mut self.used),
            std::mem::take(&mut self.denied),
        );
        let seen = u64::from(used) + u64::from(denied);
        self.asked_ms = now_ms;
        self.demand = self.demand.midpoint(seen * 1_000_000 / passed);
        let ahead = u32::try_from(self.demand * AHEAD_MS / 1_000_000).unwrap_or(u32::MAX);
        let target = ahead.max(WANT_MIN).max(denied.min(self.claim.terms.size()));
        let want = if idle || seen == 0 {
            0
        } else {
            target.saturating_sub(self.held)
        };
        self.sent = self.sent.saturating_add(std::mem::take(&mut self.owed));
        let counted = self.claim.counted.as_ref().map(|(meter, window)| {
            let counts = (around.counts)(meter, *window);
            counts.get(&around.own).copied().unwrap_or(0)
        });
        let missing = match (self.claim.terms, self.level_now(now_ms)) {
            (Terms::Rate { burst, .. }, Some(level)) => i64::from(burst).saturating_sub(level),
            (Terms::Rate { .. } | Terms::Quota { .. }, _) => 0,
        };
        Ask {
            claim: self.claim.clone(),
            spent: self.sent,
            back,
            held: self.held,
            want,
            own: counted.unwrap_or(0),
            missing: u64::try_from(missing).unwrap_or(0),
        }
    }

    pub(super) fn answered(&mut self, now_ms: u64, grant: Grant) {
        self.sent = 0;
        self.held = self.held.saturating_add(grant.granted);
        self.level = Some((grant.level, now_ms));
        self.credit = 0;
        self.answered_ms = now_ms;
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_whole(&self, now_ms: u64, idle_ms: u64) -> bool {
        match self.claim.terms {
            Terms::Rate { burst, .. } => {
                let level = self.level_now(now_ms);
                level.is_none_or(|level| level >= burst.into()) && idle_ms >= 2 * IDLE_MS
            }
            Terms::Quota { .. } => idle_ms >= 10 * IDLE_MS,
        }
    }
}

/// A node's part of a rate.
fn part(terms: Terms, nodes: u32) -> (u64, u32) {
    let nodes = nodes.max(1);
    match terms {
        Terms::Rate { per_second, burst } => {
            let least = burst.min(1);
            (per_second / u64::from(nodes), (burst / nodes).max(least))
        }
        Terms::Quota { limit } => (0, limit / nodes),
    }
}

/// What each of `nodes` may spend of a limit that nobody has used lately, before it has asked.
fn credit(terms: Terms, nodes: u32) -> u32 {
    let size = terms.size();
    let others = u64::from(nodes.max(1)) - 1;
    if others == 0 {
        return size;
    }
    let allowed = match terms {
        Terms::Rate { per_second, burst } => {
            u64::from(burst) + per_second.saturating_mul(CREDIT_S) / 1_000_000
        }
        Terms::Quota { limit } => limit.into(),
    };
    let each = u32::try_from(allowed / CREDIT_PART / others).unwrap_or(u32::MAX);
    each.max(CREDIT_MIN).min(size)
}
