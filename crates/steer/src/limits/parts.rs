//! How a limit is divided: what the home may grant of it, what a node may spend without the home,
//! and the times after which each may be sure of the other.
//!
//! With N region nodes, a rate r and a burst b, all that may be spent at any time comes from the
//! home's pool and from one small bucket at each node. Their sizes add up to at most 1.1 b, and
//! what comes into them to at most 1.1 r, whoever can talk to whom. `docs/operations/limits.md`
//! states what follows.

use super::Terms;

/// The home counts a node as its follower for so long after the stamp that the node has returned:
/// two ways there and back between the farthest regions, twice what passes between exchanges, and
/// as much again for machines that stall.
pub(super) const FOLLOWS_MS: u64 = 1_500;
/// A node spends granted tokens for so long after it asked for them: two ways there and back.
pub(super) const TOKENS_MS: u64 = 900;
/// After so long without an answer of its home a node is sure that no home counts it as its
/// follower, and that tokens granted by then are spent or void. One eighth more than the sum of
/// the two, which is by how much clocks may differ in speed.
pub(super) const CUT_OFF_MS: u64 = (FOLLOWS_MS + TOKENS_MS) / 8 * 9;
/// The home counts what a node holds as still to be spent for so long after it was granted.
pub(super) const HOLDS_MS: u64 = TOKENS_MS / 8 * 9;

/// What of a rate nodes have for themselves while they follow, all together, in thousandths.
const BESIDE: u64 = 50;
/// What of a rate all nodes have for themselves when all are cut off, in thousandths.
const ALONE: u64 = 500;
/// Home and nodes together have at most that much of a rate, in thousandths.
const MOST: u64 = 1_100;

/// A speed of a clock: as fast as time.
pub(super) const WHOLE: u64 = 1_000;

/// How fast the home's pool fills while `silent` of `nodes` may be cut off, in thousandths of the
/// rate.
pub(super) fn pool_speed(nodes: u32, silent: u32) -> u64 {
    let nodes = u64::from(nodes.max(1));
    let silent = u64::from(silent).min(nodes);
    let others = silent * ALONE + (nodes - silent) * BESIDE;
    // Rounded up, so that all together stay below.
    MOST.saturating_sub(others.div_ceil(nodes)).min(WHOLE)
}

/// How fast a node's own bucket fills, against one that is cut off.
pub(super) const fn own_speed(cut_off: bool) -> u64 {
    if cut_off {
        WHOLE
    } else {
        WHOLE * BESIDE / ALONE
    }
}

/// A cut-off node's part of a rate: what comes in a second, and what its bucket holds.
pub(super) fn own_part(terms: Terms, nodes: u32) -> (u64, u32) {
    let nodes = nodes.max(1);
    let least = u32::from(terms.size() >= nodes);
    let size = beside(terms, nodes).max(least);
    match terms {
        Terms::Rate { per_second, .. } => (per_second * ALONE / 1_000 / u64::from(nodes), size),
        Terms::Quota { .. } => (0, size),
    }
}

/// What a node may have spent that the home does not know of, while they can talk. Of a small
/// burst or quota that is nothing: then the home is asked.
pub(super) fn beside(terms: Terms, nodes: u32) -> u32 {
    (u64::from(terms.size()) / (10 * u64::from(nodes.max(1))))
        .try_into()
        .unwrap_or(u32::MAX)
}

/// What the home's pool and the tokens it has granted may be together, while `silent` of `nodes`
/// may be cut off.
pub(super) fn pool_size(burst: u32, nodes: u32, silent: u32) -> u32 {
    let terms = Terms::Rate {
        per_second: 0,
        burst,
    };
    let each = own_part(terms, nodes).1 - beside(terms, nodes);
    let most = u64::from(burst) + u64::from(burst) / 10;
    let cost = u64::from(each) * u64::from(silent);
    let size = most.saturating_sub(cost).min(burst.into());
    u32::try_from(size).unwrap_or(u32::MAX)
}
