//! Whether the home may act as such, and how much of the limits is its to give: who follows it.
//!
//! A node follows by returning a stamp that the home has put into an answer. From then until
//! `FOLLOWS_MS` after the stamp was made the home counts it; the node, which received the stamp
//! later than it was made, follows no other home and does not spend its part alone for longer than
//! that. So no two homes ever act at once, whatever messages are lost or late, and nobody compares
//! clocks. Only a home that most nodes follow acts.

use std::collections::BTreeMap;

use super::parts::{self, FOLLOWS_MS, WHOLE};

/// A clock of a home that has nothing to make up for: all that ever comes has come.
const FOREVER: u64 = 1 << 56;

/// A home that a node followed in an earlier life.
pub(super) const UNKNOWN: (u64, u64) = (0, 0);

/// A home's time of office.
#[derive(Debug)]
pub(super) struct Reign {
    /// Tells it from other homes, earlier and later; 0 is none.
    pub(super) number: u64,
    /// Tells it from an earlier life of the same home.
    pub(super) boot: u64,
    nodes: u32,
    /// Asks nobody, as in the mode `local`.
    alone: bool,
    followers: BTreeMap<u64, Follower>,
    /// From when on it follows itself.
    own_from_ms: u64,
    /// The home that it has followed before.
    followed: Option<(u64, u64)>,
    /// The last home that acted before it, if that is known and it has not told what it left.
    pub(super) heir_of: Option<(u64, u64)>,
    /// The pool's time in millionths of a second: it stands still while the home may not act, and
    /// runs slower while nodes may be cut off.
    clock: Option<u64>,
    at_ms: u64,
    /// When it last acted, if it did.
    acted_ms: Option<u64>,
    /// How often a node that was silent has come back, and when the last one did, by the pool's
    /// time.
    pub(super) returns: u64,
    pub(super) returned_ms: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Follower {
    boot: u64,
    seq: u64,
    heard_ms: u64,
    /// Until then it follows no other home.
    until_ms: u64,
    /// Until then it does not spend its part alone.
    pooled_until_ms: u64,
    /// The home that it has followed before.
    followed: Option<(u64, u64)>,
}

/// What a node returns of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Echo {
    /// The life of the home that made it.
    pub boot: u64,
    /// When the home made it, by its clock.
    pub stamp: u64,
    /// Whether the home acted then.
    pub acted: bool,
    /// The home that the node has followed before, by its reign and its life.
    pub followed: Option<(u64, u64)>,
}

/// How a node introduces itself in an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) node: u64,
    pub(super) boot: u64,
    pub(super) seq: u64,
    pub(super) echo: Option<Echo>,
}

impl Reign {
    pub(super) fn new(
        (number, boot): (u64, u64),
        now_ms: u64,
        (own_from_ms, followed): (u64, Option<(u64, u64)>),
    ) -> Self {
        Self {
            number,
            boot,
            nodes: 1,
            alone: false,
            followers: BTreeMap::new(),
            own_from_ms,
            followed,
            heir_of: None,
            clock: None,
            at_ms: now_ms,
            acted_ms: None,
            returns: 0,
            returned_ms: 0,
        }
    }

    /// That of a node which has limits for itself, and asks nobody.
    pub(super) fn alone() -> Self {
        let mut reign = Self::new((1, 0), 0, (0, None));
        reign.alone = true;
        reign
    }

    /// How many region nodes there are.
    pub(super) fn set_nodes(&mut self, nodes: u32) {
        self.nodes = nodes.max(1);
    }

    /// Takes note of a message; false when one that was sent later has come already.
    pub(super) fn heard(&mut self, now_ms: u64, sender: &Sender) -> bool {
        let known = self.followers.entry(sender.node).or_default();
        let silent = now_ms.saturating_sub(known.heard_ms) >= 10 * FOLLOWS_MS;
        let newer = (sender.boot, sender.seq) > (known.boot, known.seq);
        // Its clock was set back while it was away.
        let other = silent && sender.boot != known.boot;
        if !(newer || other) {
            return false;
        }
        (known.boot, known.seq, known.heard_ms) = (sender.boot, sender.seq, now_ms);
        let Some(echo) = sender.echo.filter(|echo| echo.boot == self.boot) else {
            return true;
        };
        let until = echo.stamp.min(now_ms).saturating_add(FOLLOWS_MS);
        known.until_ms = known.until_ms.max(until);
        known.followed = echo.followed;
        if echo.acted {
            if known.pooled_until_ms <= now_ms {
                self.returns += 1;
                self.returned_ms = self.clock.unwrap_or(0) / WHOLE;
            }
            known.pooled_until_ms = known.pooled_until_ms.max(until);
        }
        true
    }

    /// Until when most nodes follow.
    fn until_ms(&self) -> u64 {
        let needed = self.nodes as usize / 2;
        if self.alone || needed == 0 {
            return u64::MAX;
        }
        let mut until: Vec<u64> = self.followers.values().map(|one| one.until_ms).collect();
        until.sort_unstable_by(|one, other| other.cmp(one));
        until.get(needed - 1).copied().unwrap_or(0)
    }

    fn acts_at(&self, at_ms: u64) -> bool {
        let own = self.alone || self.nodes == 1 || at_ms >= self.own_from_ms;
        self.number > 0 && own && at_ms < self.until_ms()
    }

    /// Nodes that may be spending their part alone.
    fn silent_at(&self, at_ms: u64) -> u32 {
        if self.alone {
            return 0;
        }
        let pooled = |one: &&Follower| one.pooled_until_ms > at_ms;
        let pooled = self.followers.values().filter(pooled).count();
        let others = self.nodes - 1;
        others.saturating_sub(u32::try_from(pooled).unwrap_or(u32::MAX))
    }

    /// Lets the pool's time pass. To be called before anything is heard or decided.
    pub(super) fn advance(&mut self, now_ms: u64) {
        while self.at_ms < now_ms {
            let at = self.at_ms;
            let each = self.followers.values();
            let turns = each.flat_map(|one| [one.until_ms, one.pooled_until_ms]);
            let turns = turns.chain([self.own_from_ms]);
            let next = turns.filter(|turn| *turn > at).min();
            let next = next.unwrap_or(now_ms).min(now_ms);
            if self.acts_at(at) {
                let speed = self.speed_at(at);
                let clock = self.clock.get_or_insert(0);
                *clock = clock.saturating_add((next - at) * speed);
                self.acted_ms = Some(next);
            }
            self.at_ms = next;
        }
        self.begin(now_ms);
    }

    /// When it may act for the first time. If nobody has acted before it, as far as those know who
    /// follow, then limits start full.
    fn begin(&mut self, now_ms: u64) {
        if self.clock.is_some() || !self.acts_at(now_ms) {
            return;
        }
        let follow = self.followers.values().filter(|one| one.until_ms > now_ms);
        let before = follow.map(|one| one.followed).chain([self.followed]);
        let before: Vec<(u64, u64)> = before.flatten().collect();
        let first = self.alone || before.is_empty();
        self.clock = Some(if first { FOREVER } else { 0 });
        let last = before.iter().copied().max();
        self.heir_of = last.filter(|_| !before.contains(&UNKNOWN));
        self.acted_ms = Some(now_ms);
    }

    fn speed_at(&self, at_ms: u64) -> u64 {
        if self.alone {
            WHOLE
        } else {
            parts::pool_speed(self.nodes, self.silent_at(at_ms))
        }
    }

    /// Time in which nothing happened to the home does not count, when it is the home again.
    pub(super) const fn skip_to(&mut self, now_ms: u64) {
        self.at_ms = now_ms;
    }

    /// Whether it may act now; `advance` has been called.
    pub(super) fn acts(&self) -> bool {
        self.acts_at(self.at_ms)
    }

    /// When it last acted, if it did.
    pub(super) const fn acted_ms(&self) -> Option<u64> {
        self.acted_ms
    }

    /// Milliseconds that the pool has had to fill.
    pub(super) fn pool_ms(&self) -> u64 {
        self.clock.unwrap_or(0) / WHOLE
    }

    /// How much of a burst the pool may have now, tokens that are out included.
    pub(super) fn size(&self, burst: u32) -> u32 {
        self.size_with(burst, self.silent_at(self.at_ms))
    }

    /// How much of it the pool had at least while nodes were silent.
    pub(super) fn least_size(&self, burst: u32) -> u32 {
        self.size_with(burst, (self.nodes - 1) / 2)
    }

    fn size_with(&self, burst: u32, silent: u32) -> u32 {
        if self.alone {
            burst
        } else {
            parts::pool_size(burst, self.nodes, silent)
        }
    }
}
