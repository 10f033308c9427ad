//! The immutable order in which nodes are tried; read by every request.
//!
//! Choosing is deterministic: what would be chance is the request's number.

use model::{NodeId, RegionName};

use super::{
    RegionSettings,
    node::{Node, Standing},
};

/// By how much a node's load must be lower to be preferred within its region.
const LOAD_DIFFERENCE_PERCENT: u64 = 20;

/// Nodes in the order in which they are to be tried.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Live nodes: the current region's first, then the other regions', best first.
    groups: Vec<Group>,
    /// All others, best first: for when nothing is live.
    rest: Vec<Candidate>,
    settings: RegionSettings,
}

/// The live nodes of one region; never empty.
#[derive(Clone, Debug)]
pub(super) struct Group(pub(super) Vec<Candidate>);

/// A node that a request may be forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Its region.
    pub region: RegionName,
    /// How good it was when the order was made.
    pub standing: Standing,
    /// Expected time of a call in microseconds.
    pub score_us: u64,
    /// Calls in flight in percent of the node's limit.
    pub load_percent: u64,
    /// The configuration revision it serves.
    pub revision: u64,
    /// The POP by which it is reached; none for the straight way.
    pub via: Option<NodeId>,
    ramp_from_ms: Option<u64>,
}

impl Candidate {
    pub(super) fn of(id: NodeId, node: &Node, score_us: u64, ramp_from_ms: Option<u64>) -> Self {
        Self {
            node: id,
            region: node.region.clone(),
            standing: node.standing,
            score_us,
            load_percent: node.load_percent(),
            revision: node.revision(),
            via: node.via.map(|(pop, _)| pop),
            ramp_from_ms,
        }
    }

    /// The percentage of its requests that it takes at `now_ms`.
    fn share_percent(&self, settings: &RegionSettings, now_ms: u64) -> u64 {
        let Some(from_ms) = self.ramp_from_ms else {
            return 100;
        };
        let gone_ms = now_ms.saturating_sub(from_ms).min(settings.ramp_ms);
        let least = settings.ramp_percent_min.min(100);
        least + (100 - least) * gone_ms / settings.ramp_ms.max(1)
    }

    fn takes(&self, settings: &RegionSettings, now_ms: u64, chance: u64) -> bool {
        let spills = self.load_percent > settings.hot_percent && chance.is_multiple_of(2);
        !spills && (chance >> 8) % 100 < self.share_percent(settings, now_ms)
    }
}

impl Order {
    pub(super) fn new(groups: Vec<Group>, rest: Vec<Candidate>, settings: RegionSettings) -> Self {
        Self {
            groups,
            rest,
            settings,
        }
    }

    /// The node to forward request `number` to, leaving out `exclude` (those already tried).
    ///
    /// A live node if any is left; else any node that is left, since trying a bad one is better
    /// than refusing; none only when all are excluded or there are none.
    #[must_use]
    pub fn choose(&self, now_ms: u64, number: u64, exclude: &[NodeId]) -> Option<&Candidate> {
        let chance = scatter(number);
        let mut passed_over = None;
        for group in &self.groups {
            let Some(pair) = group.pair(chance, exclude) else {
                continue;
            };
            let takes = |one: &&Candidate| one.takes(&self.settings, now_ms, chance);
            if let Some(candidate) = pair.into_iter().find(takes) {
                return Some(candidate);
            }
            passed_over = passed_over.or(Some(pair[0]));
        }
        let left = |candidate: &&Candidate| !exclude.contains(&candidate.node);
        passed_over.or_else(|| self.rest.iter().find(left))
    }

    /// The best live node of another region than `region`, leaving out `exclude`: where to go with
    /// what `region` has no room for, or is late with.
    #[must_use]
    pub fn besides(&self, region: &RegionName, exclude: &[NodeId]) -> Option<&Candidate> {
        let others = self.groups.iter().flat_map(|group| &group.0);
        others
            .filter(|one| one.region != *region)
            .find(|one| !exclude.contains(&one.node))
    }

    /// The POP by which a node is reached; none for the straight way.
    #[must_use]
    pub fn via(&self, node: NodeId) -> Option<NodeId> {
        let mut candidates = self.candidates();
        candidates.find(|one| one.node == node)?.via
    }

    /// Whether any node was live when the order was made.
    #[must_use]
    pub fn any_live(&self) -> bool {
        !self.groups.is_empty()
    }

    /// All nodes, in the order in which they would be tried.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.groups
            .iter()
            .flat_map(|group| &group.0)
            .chain(&self.rest)
    }
}

impl Group {
    /// Two nodes taken by chance, the one to prefer first; twice the same if only one is left.
    /// Loads are as old as the last probe, so that only a clear difference counts: otherwise all
    /// requests would run to the node that looked best a moment ago.
    fn pair(&self, chance: u64, exclude: &[NodeId]) -> Option<[&Candidate; 2]> {
        let left = || self.0.iter().filter(|one| !exclude.contains(&one.node));
        let count = left().count() as u64;
        if count <= 1 {
            return left().next().map(|only| [only, only]);
        }
        let first = (chance >> 16) % count;
        let second = (first + 1 + (chance >> 32) % (count - 1)) % count;
        let at = |index: u64| left().nth(usize::try_from(index).unwrap_or(0));
        let (first, second) = (at(first)?, at(second)?);
        let clearly_less = second.load_percent + LOAD_DIFFERENCE_PERCENT < first.load_percent;
        Some(if clearly_less {
            [second, first]
        } else {
            [first, second]
        })
    }
}

/// SplitMix64: neighbouring numbers give unrelated results.
fn scatter(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
