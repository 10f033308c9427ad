//! A node's side of following a home: which one it is bound to, and since when it is cut off.

use super::{
    parts::{self, CUT_OFF_MS, WHOLE},
    reign::{Echo, UNKNOWN},
};

/// Whom a node follows. What it may spend alone comes by a clock of its own, which runs slower
/// while it follows.
#[derive(Debug, Default)]
pub(super) struct Bond {
    /// When its life began, which also tells its messages from those of an earlier life. It may
    /// have followed a home in that one, so it begins as if it just had.
    born_ms: Option<u64>,
    seq: u64,
    /// The home it follows, by its reign and its life, and when it last had an answer.
    bound: Option<(u64, u64)>,
    heard_ms: u64,
    /// When it last heard that its home acts.
    pooled_ms: u64,
    echo: Option<Echo>,
    /// The home that it followed before, if there was one.
    followed: Option<(u64, u64)>,
    /// In millionths of a second.
    clock: u64,
    at_ms: u64,
}

impl Bond {
    /// Time passes.
    pub(super) fn advance(&mut self, now_ms: u64) {
        if self.born_ms.is_none() {
            self.born_ms = Some(now_ms);
            (self.heard_ms, self.pooled_ms, self.at_ms) = (now_ms, now_ms, now_ms);
        }
        let cut_off = self.pooled_ms.saturating_add(CUT_OFF_MS);
        let turn = cut_off.clamp(self.at_ms, now_ms.max(self.at_ms));
        self.clock += (turn - self.at_ms) * parts::own_speed(false);
        self.clock += now_ms.saturating_sub(turn) * parts::own_speed(true);
        self.at_ms = now_ms.max(self.at_ms);
    }

    /// It may have followed a home in an earlier life.
    pub(super) const fn has_lived(&mut self) {
        self.followed = Some(UNKNOWN);
    }

    /// No home counts it as its follower, for sure: it may spend its part.
    pub(super) const fn is_cut_off(&self, now_ms: u64) -> bool {
        now_ms >= self.pooled_ms.saturating_add(CUT_OFF_MS)
    }

    /// Milliseconds in which its own part has come in.
    pub(super) const fn own_ms(&self) -> u64 {
        self.clock / WHOLE
    }

    /// Which message of which life comes next.
    pub(super) fn next_message(&mut self) -> (u64, u64) {
        self.seq += 1;
        (self.born_ms(), self.seq)
    }

    /// When this life began.
    pub(super) fn born_ms(&self) -> u64 {
        self.born_ms.unwrap_or(0)
    }

    /// What it returns to a home: nothing to one that it does not follow.
    pub(super) fn echo(&self, reign: u64) -> Option<Echo> {
        self.echo
            .filter(|_| self.bound.is_some_and(|bound| bound.0 == reign))
    }

    /// From when on it may follow a home.
    pub(super) fn free_from(&self, home: (u64, u64)) -> u64 {
        if self.bound == Some(home) {
            0
        } else {
            self.heard_ms.saturating_add(CUT_OFF_MS)
        }
    }

    /// The last home that it has followed, other than that one.
    pub(super) fn followed(&self, home: (u64, u64)) -> Option<(u64, u64)> {
        let other = self.bound.filter(|bound| *bound != home);
        other.or(self.followed)
    }

    /// A home has answered, with a stamp, and has said whether it acts.
    pub(super) fn answered(&mut self, now_ms: u64, home: (u64, u64), (stamp, acts): (u64, bool)) {
        if now_ms < self.free_from(home) {
            return;
        }
        self.bind(home);
        self.heard_ms = now_ms;
        if acts {
            self.pooled_ms = now_ms;
        }
        self.echo = Some(Echo {
            boot: home.1,
            stamp,
            acted: acts,
            followed: self.followed,
        });
    }

    /// It has been the home itself, and acted, until `at_ms`.
    pub(super) fn acted(&mut self, at_ms: u64, home: (u64, u64)) {
        self.bind(home);
        self.heard_ms = at_ms.max(self.heard_ms);
        self.pooled_ms = at_ms.max(self.pooled_ms);
    }

    fn bind(&mut self, home: (u64, u64)) {
        if self.bound != Some(home) {
            self.followed = self.bound.or(self.followed);
            (self.bound, self.echo) = (Some(home), None);
        }
    }
}
