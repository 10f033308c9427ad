//! One limit as a node that is not its home knows it: tokens granted ahead, what it may spend of
//! its own, what was spent and not told, and what was last heard.

use super::{
    Ask, Bucket, Claim, Grant, Left, Terms,
    parts::{self, TOKENS_MS},
    stock::Counts,
};

/// Demand that is asked for ahead, milliseconds.
const AHEAD_MS: u64 = 200;
/// Tokens asked for at least, where there is demand.
const WANT_MIN: u32 = 4;
/// After so long without use tokens go back.
pub(super) const IDLE_MS: u64 = 300;
/// Where nothing is left, it is asked again after so long at the latest.
const AGAIN_MS: u64 = 250;
/// What the home last said is forgotten after so long without use.
const FORGET_MS: u64 = 2_000;

#[derive(Debug)]
pub(super) struct Share {
    pub(super) claim: Claim,
    /// Granted, and until when that is good.
    pub(super) held: u32,
    held_until_ms: u64,
    /// Its own part of a rate, by the node's own time.
    own: Bucket,
    /// Of a quota: what it has spent of its own and the home has not heard.
    unsettled: u32,
    /// As in an exchange whose answer is awaited.
    settling: u32,
    /// Spent of its own and to be told, and told in an exchange whose answer is awaited.
    pub(super) owed: u32,
    pub(super) sent: u32,
    /// Admitted and refused since the home was last asked, and when that was.
    pub(super) used: u32,
    pub(super) denied: u32,
    asked_ms: u64,
    /// Single requests that the home was asked about since its last answer.
    asked_for: u32,
    /// Requests in 1,000 seconds.
    demand: u64,
    /// Whole tokens left at the home, and when it said so.
    pub(super) level: Option<(i64, u64)>,
    pub(super) used_ms: u64,
    /// What the last token was taken from.
    last: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Granted,
    Own,
}

/// What a share has to know of its node.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) now_ms: u64,
    /// In which its own part has come in.
    pub(super) own_ms: u64,
    /// Region nodes of the cluster.
    pub(super) nodes: u32,
    pub(super) cut_off: bool,
    pub(super) own: u64,
    pub(super) counts: Counts<'a>,
}

impl Share {
    pub(super) fn new(around: &Around<'_>, claim: Claim) -> Self {
        let (per_second, burst) = parts::own_part(claim.terms, around.nodes);
        Self {
            // Its own part was empty when the node began.
            own: Bucket::full(per_second, burst, 0).with_level(0),
            claim,
            held: 0,
            held_until_ms: 0,
            unsettled: 0,
            settling: 0,
            owed: 0,
            sent: 0,
            used: 0,
            denied: 0,
            asked_ms: around.now_ms,
            asked_for: 0,
            demand: 0,
            level: None,
            used_ms: around.now_ms,
            last: Source::Granted,
        }
    }

    pub(super) fn alter(&mut self, around: &Around<'_>, claim: &Claim) {
        let (per_second, burst) = parts::own_part(claim.terms, around.nodes);
        self.own.alter(per_second, burst, around.own_ms);
        if self.claim != *claim {
            if self.claim.terms != claim.terms {
                // What was known is about other terms.
                self.level = None;
                self.held = self.held.min(claim.terms.size());
            }
            self.claim = claim.clone();
        }
    }

    /// Tokens that are void are no more: nobody else counts on them.
    fn expire(&mut self, now_ms: u64) {
        if now_ms >= self.held_until_ms {
            self.held = 0;
        }
    }

    pub(super) fn take(&mut self, around: &Around<'_>) -> bool {
        self.expire(around.now_ms);
        let taken = if self.held > 0 {
            self.held -= 1;
            self.last = Source::Granted;
            true
        } else {
            self.take_own(around)
        };
        if taken {
            self.used = self.used.saturating_add(1);
        } else {
            self.denied = self.denied.saturating_add(1);
        }
        self.used_ms = around.now_ms;
        taken
    }

    fn take_own(&mut self, around: &Around<'_>) -> bool {
        let beside = parts::beside(self.claim.terms, around.nodes);
        let taken = match self.claim.terms {
            Terms::Rate { .. } if around.cut_off => self.own.take(around.own_ms),
            Terms::Rate { .. } => beside > 0 && self.own.take(around.own_ms),
            Terms::Quota { .. } => self.unsettled < beside && self.is_left(around),
        };
        if taken {
            self.last = Source::Own;
            match self.claim.terms {
                // What a node that is cut off spends the home has given up already.
                Terms::Rate { .. } => self.owed += u32::from(!around.cut_off),
                Terms::Quota { .. } => self.unsettled += 1,
            }
        }
        taken
    }

    /// Whether anything is left of a quota, as far as known.
    fn is_left(&self, around: &Around<'_>) -> bool {
        let told = around.cut_off || self.level.is_none_or(|(level, _)| level > 0);
        let counted = self.claim.counted.as_ref().map_or(0, |(meter, window)| {
            (around.counts)(meter, *window).values().sum()
        });
        told && counted < u64::from(self.claim.terms.size())
    }

    /// Puts back what was taken last.
    pub(super) fn put_back(&mut self) {
        self.used = self.used.saturating_sub(1);
        match (self.last, self.claim.terms) {
            (Source::Granted, _) => self.held += 1,
            (Source::Own, Terms::Rate { .. }) => {
                self.own.put_back(1);
                self.owed = self.owed.saturating_sub(1);
            }
            (Source::Own, Terms::Quota { .. }) => {
                self.unsettled = self.unsettled.saturating_sub(1);
            }
        }
    }

    /// Whether the home may have what this node lacks. Counts as having asked it.
    pub(super) fn may_ask(&mut self, around: &Around<'_>) -> bool {
        let level = self.level_now(around.now_ms);
        let level = level.unwrap_or_else(|| self.claim.terms.size().into());
        let may = !around.cut_off && i64::from(self.asked_for) < level;
        self.asked_for += u32::from(may);
        may
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

    /// What it may spend of its own now.
    fn own_left(&self, around: &Around<'_>) -> u32 {
        let beside = parts::beside(self.claim.terms, around.nodes);
        match self.claim.terms {
            Terms::Rate { .. } if around.cut_off || beside > 0 => {
                u32::try_from(self.own.tokens().max(0)).unwrap_or(u32::MAX)
            }
            Terms::Rate { .. } => 0,
            Terms::Quota { .. } if self.is_left(around) => beside.saturating_sub(self.unsettled),
            Terms::Quota { .. } => 0,
        }
    }

    pub(super) fn left(&self, around: &Around<'_>) -> Left {
        let own = self.own_left(around);
        if around.cut_off {
            return Left {
                remaining: self.held.saturating_add(own),
                wait_ms: match self.claim.terms {
                    Terms::Rate { .. } => self.own.wait_ms(),
                    Terms::Quota { .. } => (own > 0).then_some(0),
                },
            };
        }
        let level = self.level_now(around.now_ms);
        let home = level.map_or(own, |level| u32::try_from(level.max(0)).unwrap_or(u32::MAX));
        let wait_ms = match self.claim.terms {
            _ if self.held > 0 || own > 0 => Some(0),
            Terms::Rate { per_second, .. } if per_second > 0 => {
                let short = 1_i64.saturating_sub(level.unwrap_or(0)).max(1);
                let short = u64::try_from(short).unwrap_or(1);
                Some(short.saturating_mul(1_000_000_000).div_ceil(per_second))
            }
            Terms::Rate { .. } | Terms::Quota { .. } => None,
        };
        Left {
            remaining: self.held.saturating_add(home),
            wait_ms,
        }
    }

    /// Whether the home has said that there is nothing, so recently that asking again is useless.
    pub(super) fn waits(&self, now_ms: u64) -> bool {
        let nothing = self.owed == 0 && self.held == 0 && self.unsettled == 0;
        let Some((level, at_ms)) = self.level.filter(|_| nothing) else {
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
        self.expire(now_ms);
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
        self.settling = self.unsettled;
        let counted = self.claim.counted.as_ref().map(|(meter, window)| {
            let counts = (around.counts)(meter, *window);
            counts.get(&around.own).copied().unwrap_or(0)
        });
        Ask {
            claim: self.claim.clone(),
            spent: self.sent,
            back,
            held: self.held,
            want,
            own: counted.unwrap_or(0),
        }
    }

    /// The home has answered what was asked at `sent_ms`.
    pub(super) fn answered(&mut self, now_ms: u64, sent_ms: u64, grant: Grant) {
        self.expire(now_ms);
        self.sent = 0;
        self.unsettled = self
            .unsettled
            .saturating_sub(std::mem::take(&mut self.settling));
        self.held = self.held.saturating_add(grant.granted);
        self.held_until_ms = sent_ms.saturating_add(TOKENS_MS);
        self.expire(now_ms);
        self.level = Some((grant.level, now_ms));
        self.asked_for = 0;
    }

    /// Nobody knows whether the home has heard what it was asked and told.
    pub(super) fn failed(&mut self) {
        self.owed = self.owed.saturating_add(std::mem::take(&mut self.sent));
        self.settling = 0;
    }

    /// The home is another, which has to hear all and is asked anew.
    pub(super) fn other_home(&mut self) {
        self.failed();
        (self.level, self.asked_for) = (None, 0);
    }

    /// Whether there is anything to tell the home.
    pub(super) const fn is_open(&self) -> bool {
        self.held > 0 || self.owed > 0 || self.sent > 0 || self.unsettled > 0
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_whole(&mut self, around: &Around<'_>) -> bool {
        let idle = around.now_ms.saturating_sub(self.used_ms);
        self.own.refill(around.own_ms, 0);
        match self.claim.terms {
            Terms::Rate { .. } => self.own.is_full() && idle >= FORGET_MS,
            Terms::Quota { .. } => idle >= 5 * FORGET_MS,
        }
    }
}
