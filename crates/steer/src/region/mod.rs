//! Which region a POP forwards to: the lowest-latency healthy one, without flapping.
//!
//! Probes and failed calls go in, an [`Order`] comes out. The order is immutable and made anew by
//! each observation, so that the request path only reads one. Times are milliseconds since any
//! fixed start, the same for all calls. Sending probes, closing connections and retrying are the
//! caller's business.

mod budget;
mod node;
mod order;
mod pace;
mod relay;
mod settings;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::{collections::BTreeMap, sync::Arc};

use model::{NodeId, RegionName};

pub use self::{
    budget::{BudgetSettings, RetryBudget},
    node::{Answer, Called, Probe, Standing},
    order::{Candidate, Order},
    pace::{Pace, PaceSettings},
    settings::RegionSettings,
};
use self::{node::Node, order::Group, relay::Relays};

/// What is known of all region nodes, and the region in use.
#[derive(Clone, Debug)]
pub struct Regions {
    settings: RegionSettings,
    nodes: BTreeMap<NodeId, Node>,
    current: Option<RegionName>,
    /// When the current region was taken for being better (not because another failed).
    moved_ms: Option<u64>,
    /// Since when each region has been clearly better than the current one.
    better_since_ms: BTreeMap<RegionName, u64>,
    order: Arc<Order>,
    relays: Relays,
}

/// A region with live nodes.
struct LiveRegion {
    name: RegionName,
    score_us: u64,
}

impl Regions {
    /// No nodes yet.
    #[must_use]
    pub fn new(settings: RegionSettings) -> Self {
        Self {
            settings,
            nodes: BTreeMap::new(),
            current: None,
            moved_ms: None,
            better_since_ms: BTreeMap::new(),
            order: Arc::default(),
            relays: Relays::default(),
        }
    }

    /// The nodes there are from now on. What is known of those that stay is kept, unless they
    /// moved to another region.
    pub fn set_nodes(&mut self, nodes: &[(NodeId, RegionName)], now_ms: u64) {
        let mut old = std::mem::take(&mut self.nodes);
        for (id, region) in nodes {
            let known = old.remove(id).filter(|node| node.region == *region);
            let node = known.unwrap_or_else(|| Node::new(region.clone()));
            self.nodes.insert(*id, node);
        }
        self.refresh(now_ms);
    }

    /// Takes the outcome of one probe. Answers which nodes have stopped being reachable while
    /// others are: connections to them should be given up.
    #[must_use = "connections to these nodes should be given up"]
    pub fn probed(&mut self, id: NodeId, probe: Probe, now_ms: u64) -> Vec<NodeId> {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.probed(probe, now_ms);
        }
        self.refresh(now_ms)
    }

    /// Takes the outcome of one call. Answers to successful calls only matter after a failure.
    pub fn called(&mut self, id: NodeId, called: Called, now_ms: u64) {
        let ejected = self
            .nodes
            .values()
            .filter(|node| node.is_ejected(now_ms))
            .count();
        let may_eject = (ejected + 1) * 2 <= self.nodes.len();
        if let Some(node) = self.nodes.get_mut(&id) {
            node.called(called, may_eject, &self.settings, now_ms);
        }
        self.refresh(now_ms);
    }

    /// Takes how many calls to each node ended since the last time, and how many of them by a
    /// failure of the node or the way to it. Ejects those that fail clearly more than the others,
    /// but never more than half.
    pub fn tallied(&mut self, tallies: &[(NodeId, u64, u64)], now_ms: u64) {
        for (id, calls, failures) in tallies {
            if let Some(node) = self.nodes.get_mut(id) {
                node.tally.add(*calls, *failures, now_ms);
            }
        }
        let sums = self.nodes.values().map(|node| node.tally.sum(now_ms));
        let all = sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let nodes = self.nodes.len();
        let ejected = self.nodes.values().filter(|node| node.is_ejected(now_ms));
        let mut ejected = ejected.count();
        for node in self.nodes.values_mut() {
            let own = node.tally.sum(now_ms);
            let others = (all.0 - own.0, all.1 - own.1);
            let may_eject = (ejected + 1) * 2 <= nodes && !node.is_ejected(now_ms);
            if may_eject && tally::is_outlier(own, others) {
                node.eject(&self.settings, now_ms);
                ejected += 1;
            }
        }
    }

    /// Lets time pass: silence, the end of ejections, switches that are due. Once per 100 ms is
    /// enough. Answers as [`probed`](Self::probed) does.
    #[must_use = "connections to these nodes should be given up"]
    pub fn tick(&mut self, now_ms: u64) -> Vec<NodeId> {
        self.refresh(now_ms)
    }

    /// The other POPs there are from now on, through which nodes may be reached.
    pub fn set_relays(&mut self, pops: &[NodeId], now_ms: u64) {
        self.relays.set(pops);
        self.refresh(now_ms);
    }

    /// Takes the round trip of an answered probe of another POP.
    pub fn relay_heard(&mut self, pop: NodeId, rtt_us: u64, now_ms: u64) {
        self.relays.heard(pop, rtt_us, now_ms);
    }

    /// Takes another POP's own round trips in microseconds: what its [`direct`](Self::direct) says.
    pub fn relay_told(&mut self, pop: NodeId, ways: &[(NodeId, u64)], now_ms: u64) {
        self.relays.told(pop, ways, now_ms);
        self.refresh(now_ms);
    }

    /// A call through another POP failed: no other goes that way for a while.
    pub fn relay_failed(&mut self, pop: NodeId, now_ms: u64) {
        self.relays.failed(pop, now_ms);
        self.refresh(now_ms);
    }

    /// Nodes that are reached without another POP, with the round trip in microseconds.
    #[must_use]
    pub fn direct(&self) -> Vec<(NodeId, u64)> {
        let live = self.nodes.iter();
        let live = live.filter(|(_, node)| node.standing == Standing::Live);
        live.filter_map(|(id, node)| Some((*id, node.path_us()?)))
            .collect()
    }

    /// The order in force.
    #[must_use]
    pub fn order(&self) -> Arc<Order> {
        Arc::clone(&self.order)
    }

    /// The region in use; none before any node was live.
    #[must_use]
    pub fn current(&self) -> Option<&RegionName> {
        self.current.as_ref()
    }

    fn refresh(&mut self, now_ms: u64) -> Vec<NodeId> {
        for node in self.nodes.values_mut() {
            node.settle(&self.settings, now_ms);
        }
        self.relays.settle(&mut self.nodes, now_ms);
        let fallen = self.take_fallen();
        let assumed_us = self.assumed_service_us();
        let live = self.live_regions(assumed_us);
        self.choose_current(&live, now_ms);
        self.order = Arc::new(self.make_order(&live, assumed_us, now_ms));
        fallen
    }

    /// Nodes whose connections should be given up. None while no node is reached: calls that fail
    /// have nowhere else to go, and a node that only stood still answers them yet. One that is dead
    /// is found to be so by the link.
    fn take_fallen(&mut self) -> Vec<NodeId> {
        if !self.nodes.values().any(Node::is_reached) {
            return Vec::new();
        }
        let nodes = self.nodes.iter_mut();
        let fallen = nodes.filter_map(|(id, node)| node.take_fall().then_some(*id));
        fallen.collect()
    }

    /// The service time taken for nodes that have not reported one: without it a region without
    /// traffic would look better than it is, get the traffic, look worse, and so on.
    fn assumed_service_us(&self) -> u64 {
        let known = self.nodes.values().filter_map(|node| node.service_us);
        let mut known: Vec<u64> = known.collect();
        known.sort_unstable();
        known.get(known.len() / 2).copied().unwrap_or(0)
    }

    /// Regions with live nodes, best first.
    fn live_regions(&self, assumed_us: u64) -> Vec<LiveRegion> {
        let mut best: BTreeMap<&RegionName, u64> = BTreeMap::new();
        for node in self.nodes.values().filter(|node| node.is_reached()) {
            let score_us = node.score_us(assumed_us);
            let entry = best.entry(&node.region).or_insert(score_us);
            *entry = score_us.min(*entry);
        }
        let regions = best.into_iter();
        let mut regions: Vec<LiveRegion> = regions
            .map(|(name, score_us)| LiveRegion {
                name: name.clone(),
                score_us,
            })
            .collect();
        regions.sort_by_key(|region| region.score_us);
        regions
    }

    fn choose_current(&mut self, live: &[LiveRegion], now_ms: u64) {
        let Some(best) = live.first() else {
            // Nothing is live: the current one stays, so that a hiccup of everything moves nobody.
            self.better_since_ms.clear();
            return;
        };
        let in_use = live
            .iter()
            .find(|region| Some(&region.name) == self.current.as_ref());
        let Some(in_use) = in_use else {
            self.current = Some(best.name.clone());
            self.moved_ms = None;
            self.better_since_ms.clear();
            return;
        };
        let margin_us = self.settings.margin_us(in_use.score_us);
        let is_better = |region: &&LiveRegion| region.score_us + margin_us < in_use.score_us;
        let better: Vec<&LiveRegion> = live.iter().filter(is_better).collect();
        self.better_since_ms
            .retain(|name, _| better.iter().any(|region| region.name == *name));
        for region in &better {
            self.better_since_ms
                .entry(region.name.clone())
                .or_insert(now_ms);
        }
        let long_enough = |region: &&&LiveRegion| {
            let since_ms = self
                .better_since_ms
                .get(&region.name)
                .copied()
                .unwrap_or(now_ms);
            now_ms.saturating_sub(since_ms) >= self.settings.switch_after_ms
        };
        if let Some(next) = better.iter().find(long_enough) {
            self.current = Some(next.name.clone());
            self.moved_ms = Some(now_ms);
            self.better_since_ms.clear();
        }
    }

    fn make_order(&mut self, live: &[LiveRegion], assumed_us: u64, now_ms: u64) -> Order {
        let current = self.current.clone();
        let is_current = |region: &RegionName| Some(region) == current.as_ref();
        let mut names: Vec<&RegionName> = live.iter().map(|region| &region.name).collect();
        names.sort_by_key(|name| !is_current(name));
        let moved_ms = self.moved_ms;
        let settings = &self.settings;
        let mut candidates = |wanted: &dyn Fn(&Node) -> bool| -> Vec<Candidate> {
            let nodes = self.nodes.iter_mut().filter(|(_, node)| wanted(node));
            let candidates = nodes.map(|(id, node)| {
                let moved_ms = moved_ms.filter(|_| is_current(&node.region));
                let ramp_from_ms = node.ramp_from(moved_ms, settings, now_ms);
                Candidate::of(*id, node, node.score_us(assumed_us), ramp_from_ms)
            });
            candidates.collect()
        };
        let groups = names
            .iter()
            .map(|name| {
                Group(candidates(&|node| {
                    node.is_reached() && node.region == **name
                }))
            })
            .collect();
        let mut rest = candidates(&|node| !node.is_reached());
        rest.sort_by_key(|one| (one.standing, one.score_us, one.node));
        Order::new(groups, rest, self.settings.clone())
    }
}
