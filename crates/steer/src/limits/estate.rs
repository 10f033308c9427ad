//! What a home leaves to the next one, when it lives to tell: without it a new home has to take
//! all rates for used up.
//!
//! It is taken over only from the very last home that acted. Who that was the new home's followers
//! know: most nodes followed the last one, so one of them does follow the new one.

use serde::{Deserialize, Serialize};

use super::{Key, Terms};

/// Rates named at most; of more than that nothing is left.
pub(super) const RATES_MAX: usize = 20_000;

/// What was left of rates when a home ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estate {
    /// Whose it was: the reign, and the life of the home.
    pub home: (u64, u64),
    /// What was left, in billionths of a token, in the order of the keys.
    pub levels: Vec<(Key, i64)>,
    /// Rates that are not named have what comes in so many milliseconds.
    pub come_ms: u64,
}

impl Estate {
    /// What was left of a rate.
    pub(super) fn level(&self, key: Key, terms: Terms) -> i64 {
        let named = self.levels.binary_search_by_key(&key, |(key, _)| *key);
        if let Some((_, level)) = named.ok().and_then(|at| self.levels.get(at)) {
            return *level;
        }
        match terms {
            Terms::Rate { per_second, .. } => {
                let come = u128::from(per_second) * u128::from(self.come_ms);
                i64::try_from(come).unwrap_or(i64::MAX)
            }
            Terms::Quota { .. } => 0,
        }
    }
}
