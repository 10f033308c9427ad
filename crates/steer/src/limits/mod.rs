//! Rates and quotas that hold across nodes: what a node may admit without asking anybody, and what
//! nodes tell each other so that together they stay within a limit.
//!
//! One node, the home, keeps a bucket for every limit in use, as long as most nodes follow it.
//! Others admit requests with tokens that the home has granted ahead, or from a small bucket of
//! their own, and settle up in the background. A node that is cut off has its own bucket alone,
//! and the home gives up what that admits. `docs/operations/limits.md` states what all admit
//! together, whoever can talk to whom; `parts` has the numbers, `reign` and `bond` the argument.
//!
//! Pure: no clock and no network; [`Node`] is told the time and what has been heard.

mod bond;
mod bucket;
mod estate;
mod home;
mod message;
mod node;
mod parts;
mod reign;
mod share;
mod shares;
mod stock;
#[cfg(test)]
mod tests;
mod usage;
mod verdict;

pub use bucket::{Bucket, TOKEN};
pub use estate::Estate;
pub use message::{Answer, Ask, Exchange, Grant, Take};
pub use node::Node;
pub use reign::Echo;
pub use usage::{Count, DAYS_KEPT, Usage};
pub use verdict::{Gauges, Mode, Standing, Step, Verdict};

use model::{
    ApiKeyId, UsagePlanId,
    rest::{Millionths, Throttle, Window},
};
use serde::{Deserialize, Serialize};

/// Names a limit the same way on all nodes: a hash of what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(u128);

/// What a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Terms {
    /// A token bucket.
    Rate {
        /// Tokens that come in a second, in millionths.
        per_second: u64,
        /// Tokens it holds.
        burst: u32,
    },
    /// So many, once; a new period is a new limit.
    Quota {
        /// Requests.
        limit: u32,
    },
}

/// Whose requests are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Meter {
    /// By the plan they come under.
    pub plan: UsagePlanId,
    /// By the key they come with.
    pub key: ApiKeyId,
}

/// One limit that a request falls under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Which.
    pub key: Key,
    /// What it allows.
    pub terms: Terms,
    /// For quotas, what is counted and in which days.
    pub counted: Option<(Meter, Window)>,
}

/// What is left of a limit after a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Requests, as far as this node knows.
    pub remaining: u32,
    /// Milliseconds until there is one more to be had; none: not by waiting.
    pub wait_ms: Option<u64>,
}

// === impl Key ===

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl Key {
    /// The name of something that is made of `parts`.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        parts
            .iter()
            .fold(Self(FNV_OFFSET), |key, part| key.with(part))
    }

    /// The name with one part more. FNV-1a, because nodes of all versions must agree on it.
    #[must_use]
    pub fn with(self, part: &str) -> Self {
        let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME);
        let hash = part.bytes().fold(self.0, step);
        // Stands in no text, so that `a`, `bc` and `ab`, `c` differ.
        Self(step(hash, 0xff))
    }

    /// The name with a number more.
    #[must_use]
    pub fn with_number(self, number: u32) -> Self {
        let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME);
        let hash = number.to_le_bytes().into_iter().fold(self.0, step);
        Self(step(hash, 0xfe))
    }
}

// === impl Terms ===

impl Terms {
    /// What a throttle allows; none when it does not limit. Without a burst it holds what comes in
    /// a second; a rate of 0 stops everything.
    #[must_use]
    pub fn of_throttle(throttle: &Throttle) -> Option<Self> {
        let rate = throttle.rate?;
        Some(Self::rate(rate, throttle.burst))
    }

    /// A rate with a burst, or with the burst that goes with the rate.
    #[must_use]
    pub fn rate(rate: Millionths, burst: Option<u32>) -> Self {
        let second = u32::try_from(rate.0.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        let burst = burst.unwrap_or_else(|| second.max(1));
        Self::Rate {
            per_second: rate.0,
            burst: if rate.0 == 0 { 0 } else { burst },
        }
    }

    /// How many it allows at once.
    #[must_use]
    pub const fn size(self) -> u32 {
        match self {
            Self::Rate { burst, .. } => burst,
            Self::Quota { limit } => limit,
        }
    }

    /// Seconds in which a limit that is used up is whole again; 0 for quotas.
    #[must_use]
    pub fn refill_s(self) -> u64 {
        match self {
            Self::Rate { per_second, burst } if per_second > 0 => {
                (u64::from(burst) * 1_000_000).div_ceil(per_second).max(1)
            }
            Self::Rate { .. } | Self::Quota { .. } => 0,
        }
    }
}
