//! A token bucket whose rate and size may change while it is in use.
//!
//! Whole-number arithmetic: a level is in billionths of a token, which is what a millionth of a
//! token a second yields in a millisecond, so nothing is ever rounded away.

/// One token, as levels count.
pub const TOKEN: i64 = 1_000_000_000;

/// A token bucket. Its level may be negative: what others have spent on credit is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    per_second: u64,
    burst: u32,
    level: i64,
    at_ms: u64,
}

impl Bucket {
    /// A full one. The rate is in millionths of a token a second.
    #[must_use]
    pub fn full(per_second: u64, burst: u32, now_ms: u64) -> Self {
        Self {
            per_second,
            burst,
            level: i64::from(burst) * TOKEN,
            at_ms: now_ms,
        }
    }

    /// With another level, at most full.
    #[must_use]
    pub fn with_level(mut self, level: i64) -> Self {
        self.level = level.min(self.capacity());
        self
    }

    fn capacity(&self) -> i64 {
        i64::from(self.burst) * TOKEN
    }

    /// Adds what has come since; `out` tokens are elsewhere and count as if they were still in.
    /// Time that goes backwards changes nothing.
    pub fn refill(&mut self, now_ms: u64, out: u64) {
        let passed = now_ms.saturating_sub(self.at_ms);
        if passed == 0 {
            return;
        }
        let gain = u128::from(self.per_second) * u128::from(passed);
        let gain = i64::try_from(gain).unwrap_or(i64::MAX);
        let out = i64::try_from(out).unwrap_or(i64::MAX).saturating_mul(TOKEN);
        let most = self.capacity().saturating_sub(out);
        // What is in beyond that stays in.
        let filled = self.level.saturating_add(gain).min(most);
        self.level = self.level.max(filled);
        self.at_ms = now_ms;
    }

    /// Changes rate and size. What has been spent stays spent.
    pub fn alter(&mut self, per_second: u64, burst: u32, now_ms: u64) {
        if (per_second, burst) == (self.per_second, self.burst) {
            return;
        }
        self.refill(now_ms, 0);
        let grown = (i64::from(burst) - i64::from(self.burst)) * TOKEN;
        (self.per_second, self.burst) = (per_second, burst);
        self.level = self.level.saturating_add(grown).min(self.capacity());
    }

    /// Lowers the level, if it is higher, to that of a bucket that held so many tokens some time
    /// ago, `out` of which are elsewhere.
    pub fn clip(&mut self, tokens: u32, out: u64, ago_ms: u64) {
        let room = u64::from(tokens).saturating_sub(out);
        let room = i64::try_from(room)
            .unwrap_or(i64::MAX)
            .saturating_mul(TOKEN);
        let come = u128::from(self.per_second) * u128::from(ago_ms);
        let most = room.saturating_add(i64::try_from(come).unwrap_or(i64::MAX));
        self.level = self.level.min(most);
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now_ms: u64) -> bool {
        self.refill(now_ms, 0);
        let there = self.level >= TOKEN;
        if there {
            self.level -= TOKEN;
        }
        there
    }

    /// Takes what has been spent already, even if that is more than there is.
    pub fn charge(&mut self, tokens: u32) {
        let cost = i64::from(tokens) * TOKEN;
        self.level = self.level.saturating_sub(cost);
    }

    /// Puts tokens back.
    pub fn put_back(&mut self, tokens: u32) {
        let back = i64::from(tokens) * TOKEN;
        self.level = self.level.saturating_add(back).min(self.capacity());
    }

    /// In billionths of a token, as of the last refill.
    #[must_use]
    pub const fn level(&self) -> i64 {
        self.level
    }

    /// Whole tokens in it; negative when more is owed.
    #[must_use]
    pub const fn tokens(&self) -> i64 {
        self.level.div_euclid(TOKEN)
    }

    /// Whether it holds all it can.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.level >= self.capacity()
    }

    /// Milliseconds until there is a whole token; none when there never will be.
    #[must_use]
    pub fn wait_ms(&self) -> Option<u64> {
        let missing = u64::try_from(TOKEN.saturating_sub(self.level)).unwrap_or(0);
        match missing {
            0 => Some(0),
            _ if self.per_second == 0 || self.burst == 0 => None,
            _ => Some(missing.div_ceil(self.per_second)),
        }
    }
}
