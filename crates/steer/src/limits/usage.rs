//! What keys have used of plans: a counter per plan, key, day and node that only ever grows.
//!
//! Every node counts what it has admitted itself and takes over what others say of theirs, so that
//! counts can be told in any order and as often as one likes. The sum is what was used.

use std::collections::{BTreeMap, BTreeSet};

use model::rest::Window;
use serde::{Deserialize, Serialize};

use super::Meter;

/// Days that are kept: more than one may ask for, and more than a month.
pub const DAYS_KEPT: u32 = 100;
/// Counters kept at most; beyond it new ones are not begun.
const COUNTERS_MAX: usize = 4_000_000;

/// What one node has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Of what.
    pub meter: Meter,
    /// On which day.
    pub day: u32,
    /// By whom.
    pub node: u64,
    /// How many.
    pub count: u64,
}

/// All that is known of what was used.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// By meter and day.
    counts: BTreeMap<Meter, BTreeMap<u32, Day>>,
    counters: usize,
    /// Own counts that nobody has been told of.
    untold: Vec<(Meter, u32)>,
    /// Days of which something changed since they were last stored.
    unstored: BTreeSet<u32>,
}

/// What is known of one meter's day.
#[derive(Clone, Debug, Default)]
struct Day {
    nodes: BTreeMap<u64, u64>,
    /// Stands among what nobody has been told of.
    untold: bool,
}

impl Usage {
    /// One request more, counted by `own`. False when there is no room to count.
    pub fn add(&mut self, meter: &Meter, day: u32, own: u64) -> bool {
        let Some(counted) = self.day_mut(meter, day, own) else {
            return false;
        };
        *counted.nodes.entry(own).or_insert(0) += 1;
        if !std::mem::replace(&mut counted.untold, true) {
            self.untold.push((meter.clone(), day));
        }
        self.unstored.insert(day);
        true
    }

    /// Where `node` counts, if there is room.
    fn day_mut(&mut self, meter: &Meter, day: u32, node: u64) -> Option<&mut Day> {
        let full = self.counters >= COUNTERS_MAX;
        // Looked up twice, so that a meter that is known costs no copy.
        if !self.counts.contains_key(meter) {
            if full {
                return None;
            }
            self.counts.insert(meter.clone(), BTreeMap::new());
        }
        let day = self.counts.get_mut(meter)?.entry(day).or_default();
        if !day.nodes.contains_key(&node) {
            if full {
                return None;
            }
            self.counters += 1;
        }
        Some(day)
    }

    /// Takes over what a node has counted; the higher count holds. Days long past and days to come
    /// are passed over.
    pub fn merge(&mut self, count: &Count, today: u32) {
        let past = count.day.saturating_add(DAYS_KEPT) < today;
        if past || count.day > today.saturating_add(1) {
            return;
        }
        let Some(day) = self.day_mut(&count.meter, count.day, count.node) else {
            return;
        };
        let known = day.nodes.entry(count.node).or_insert(0);
        if *known < count.count {
            *known = count.count;
            self.unstored.insert(count.day);
        }
    }

    /// What each node has counted in a window.
    #[must_use]
    pub fn within(&self, meter: &Meter, window: Window) -> BTreeMap<u64, u64> {
        let mut counts = BTreeMap::new();
        let days = self.counts.get(meter).into_iter();
        for (_, day) in days.flat_map(|days| days.range(window.start..window.end)) {
            for (node, count) in &day.nodes {
                *counts.entry(*node).or_insert(0) += count;
            }
        }
        counts
    }

    /// What all nodes have counted on a day.
    #[must_use]
    pub fn on(&self, meter: &Meter, day: u32) -> u64 {
        let day = self.counts.get(meter).and_then(|days| days.get(&day));
        day.map_or(0, |day| day.nodes.values().sum())
    }

    /// Own counts that have changed since they were last told, at most `most`; they are told
    /// again.
    #[must_use]
    pub fn peek_untold(&self, own: u64, most: usize) -> Vec<Count> {
        let untold = self.untold.iter().take(most);
        let counts = untold.filter_map(|(meter, day)| {
            let count = self.counts.get(meter)?.get(day)?.nodes.get(&own)?;
            Some(Count {
                meter: meter.clone(),
                day: *day,
                node: own,
                count: *count,
            })
        });
        counts.collect()
    }

    /// Own counts that have changed since they were last told, at most `most`.
    pub fn untold(&mut self, own: u64, most: usize) -> Vec<Count> {
        let rest = self.untold.split_off(self.untold.len().min(most));
        let now = std::mem::replace(&mut self.untold, rest);
        let counts = now.into_iter().filter_map(|(meter, day)| {
            let known = self.counts.get_mut(&meter)?.get_mut(&day)?;
            known.untold = false;
            let count = known.nodes.get(&own).copied()?;
            Some(Count {
                meter,
                day,
                node: own,
                count,
            })
        });
        counts.collect()
    }

    /// Up to about `most` counts of all nodes, from behind the meter and day `after` on. A day is
    /// not torn apart: the next page begins behind it.
    #[must_use]
    pub fn page(&self, after: Option<&(Meter, u32)>, most: usize) -> Vec<Count> {
        use std::ops::Bound::{Included, Unbounded};
        let from = after.map_or(Unbounded, |(meter, _)| Included(meter));
        let mut page = Vec::new();
        for (meter, days) in self.counts.range::<Meter, _>((from, Unbounded)) {
            for (day, known) in days {
                let told = after.is_some_and(|(last, until)| last == meter && day <= until);
                if told {
                    continue;
                }
                if page.len() >= most {
                    return page;
                }
                page.extend(counts_of(meter, *day, known));
            }
        }
        page
    }

    /// All counts of a day, of all nodes.
    #[must_use]
    pub fn of_day(&self, day: u32) -> Vec<Count> {
        let meters = self.counts.iter();
        let known = meters.filter_map(|(meter, days)| Some((meter, days.get(&day)?)));
        known
            .flat_map(|(meter, known)| counts_of(meter, day, known))
            .collect()
    }

    /// Days of which something changed since the last call.
    pub fn unstored(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.unstored)
    }

    /// A day that could not be stored is tried again.
    pub fn store_again(&mut self, day: u32) {
        self.unstored.insert(day);
    }

    /// Forgets days long past.
    pub fn forget(&mut self, today: u32) {
        let first = today.saturating_sub(DAYS_KEPT);
        let mut counters = 0;
        self.counts.retain(|_, days| {
            days.retain(|day, _| *day >= first);
            counters += days.values().map(|day| day.nodes.len()).sum::<usize>();
            !days.is_empty()
        });
        self.counters = counters;
    }

    /// Counters that are kept.
    #[must_use]
    pub const fn counters(&self) -> usize {
        self.counters
    }
}

fn counts_of(meter: &Meter, day: u32, known: &Day) -> impl Iterator<Item = Count> {
    known.nodes.iter().map(move |(node, count)| Count {
        meter: meter.clone(),
        day,
        node: *node,
        count: *count,
    })
}
