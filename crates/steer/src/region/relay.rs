//! Whether calls to a region's node go straight, or by way of another POP.
//!
//! Another POP is taken when the two legs are clearly shorter than the straight way, or when the
//! straight way is gone and the other POP still has one. What other POPs see is told from outside;
//! they tell only what they reach straight, so a way has at most one POP on it.

use std::collections::BTreeMap;

use model::NodeId;

use super::{
    node::{Node, Standing},
    window::LeastWindow,
};

/// Seconds over which the smallest round trip to another POP is taken.
const WINDOW_S: usize = 10;
/// Two legs must be shorter by this part of the straight way...
const MARGIN_PERCENT: u64 = 15;
/// ...and by at least this much...
const MARGIN_US_MIN: u64 = 10_000;
/// ...for this long.
const SWITCH_AFTER_MS: u64 = 3_000;
/// A node must have been lost for this long before another POP is believed to reach it: that one
/// may only not have noticed yet.
const LOST_FOR_MS: u64 = 3_000;
/// A POP that has not answered a probe for this long is not relayed through.
const SILENCE_MS: u64 = 1_500;
/// What a POP said is believed for this long.
const TOLD_FOR_MS: u64 = 5_000;
/// A POP that failed a call is left alone for this long.
const SHUNNED_MS: u64 = 5_000;

/// What is known of the other POPs, and which nodes are reached through them.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays {
    pops: BTreeMap<NodeId, Relay>,
    ways: BTreeMap<NodeId, Way>,
}

/// Another POP.
#[derive(Clone, Debug, Default)]
struct Relay {
    path: LeastWindow<WINDOW_S>,
    heard_ms: Option<u64>,
    /// Its own round trips, in microseconds, to nodes it reaches straight.
    told: BTreeMap<NodeId, u64>,
    told_ms: u64,
    shunned_until_ms: u64,
}

/// How a node is reached.
#[derive(Clone, Debug, Default)]
struct Way {
    via: Option<NodeId>,
    better_since_ms: Option<u64>,
    lost_since_ms: Option<u64>,
}

impl Relays {
    pub(super) fn set(&mut self, pops: &[NodeId]) {
        self.pops.retain(|pop, _| pops.contains(pop));
        for pop in pops {
            self.pops.entry(*pop).or_default();
        }
    }

    /// Takes a round trip to a POP; a lost probe is silence.
    pub(super) fn heard(&mut self, pop: NodeId, rtt_us: u64, now_ms: u64) {
        if let Some(relay) = self.pops.get_mut(&pop) {
            relay.path.add(rtt_us, now_ms);
            relay.heard_ms = Some(now_ms);
        }
    }

    pub(super) fn told(&mut self, pop: NodeId, ways: &[(NodeId, u64)], now_ms: u64) {
        if let Some(relay) = self.pops.get_mut(&pop) {
            relay.told = ways.iter().copied().collect();
            relay.told_ms = now_ms;
        }
    }

    pub(super) fn failed(&mut self, pop: NodeId, now_ms: u64) {
        if let Some(relay) = self.pops.get_mut(&pop) {
            relay.shunned_until_ms = now_ms.saturating_add(SHUNNED_MS);
        }
    }

    /// Decides the way to each node.
    pub(super) fn settle(&mut self, nodes: &mut BTreeMap<NodeId, Node>, now_ms: u64) {
        self.ways.retain(|id, _| nodes.contains_key(id));
        for (id, node) in nodes {
            let direct = match node.standing {
                Standing::Live => node.path_us(),
                Standing::Lost => None,
                // It refuses or fails by itself: another way does not help.
                Standing::Unknown | Standing::Ejected | Standing::Draining => {
                    node.via = None;
                    self.ways.remove(id);
                    continue;
                }
            };
            let way = self.ways.entry(*id).or_default();
            node.via = way.decide(&self.pops, (*id, direct), now_ms);
        }
    }
}

impl Relay {
    /// Both legs to a node, in microseconds.
    fn legs_us(&self, node: NodeId, now_ms: u64) -> Option<u64> {
        let first_us = self.path.least()?;
        let silent_ms = now_ms.saturating_sub(self.heard_ms?);
        let usable = silent_ms <= SILENCE_MS + first_us / 1_000
            && now_ms.saturating_sub(self.told_ms) <= TOLD_FOR_MS
            && now_ms >= self.shunned_until_ms;
        let second_us = self.told.get(&node).filter(|_| usable)?;
        Some(first_us.saturating_add(*second_us))
    }
}

impl Way {
    /// The POP to go by and the length of both legs; none for the straight way.
    fn decide(
        &mut self,
        pops: &BTreeMap<NodeId, Relay>,
        (node, direct): (NodeId, Option<u64>),
        now_ms: u64,
    ) -> Option<(NodeId, u64)> {
        let legs = |pop: NodeId| Some((pops.get(&pop)?.legs_us(node, now_ms)?, pop));
        let best = pops.keys().filter_map(|pop| legs(*pop)).min();
        let current = self.via.and_then(legs);
        // Another POP must be clearly better too.
        let wanted = match (current, best) {
            (Some(current), Some(best)) if best.0 + margin_us(current.0) >= current.0 => {
                Some(current)
            }
            (_, best) => best,
        };
        let lost_since_ms = match direct {
            Some(_) => None,
            None => self.lost_since_ms.or(Some(now_ms)),
        };
        self.lost_since_ms = lost_since_ms;
        let Some((legs_us, pop)) = wanted else {
            self.via = None;
            self.better_since_ms = None;
            return None;
        };
        let taken = match direct {
            None => self.via.is_some() || long(lost_since_ms, LOST_FOR_MS, now_ms),
            Some(direct) => self.beats(legs_us, direct, now_ms),
        };
        self.via = taken.then_some(pop);
        self.via.map(|pop| (pop, legs_us))
    }

    fn beats(&mut self, legs_us: u64, direct_us: u64, now_ms: u64) -> bool {
        let margin_us = margin_us(direct_us);
        if self.via.is_some() {
            // Half the margin is kept, so that it does not go to and fro at the edge.
            let stays = legs_us.saturating_add(margin_us / 2) < direct_us;
            if !stays {
                self.better_since_ms = None;
            }
            return stays;
        }
        if legs_us.saturating_add(margin_us) >= direct_us {
            self.better_since_ms = None;
            return false;
        }
        self.better_since_ms = self.better_since_ms.or(Some(now_ms));
        long(self.better_since_ms, SWITCH_AFTER_MS, now_ms)
    }
}

fn margin_us(of_us: u64) -> u64 {
    (of_us.saturating_mul(MARGIN_PERCENT) / 100).max(MARGIN_US_MIN)
}

fn long(since_ms: Option<u64>, at_least_ms: u64, now_ms: u64) -> bool {
    since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) >= at_least_ms)
}

#[cfg(test)]
mod tests;
