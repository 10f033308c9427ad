//! What nodes say to the home of limits, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Claim, Count, Estate, Left, Meter, reign::Echo};

/// What a node tells the home, all limits at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The reign of the home it means; another home refuses it.
    pub reign: u64,
    /// The life of the node, and which of its messages this is: one that comes late is passed over.
    pub boot: u64,
    /// Counts up in one life.
    pub seq: u64,
    /// When it was sent, by the node's clock.
    pub sent_ms: u64,
    /// What it returns of the home's last answer, if it follows it.
    pub echo: Option<Echo>,
    /// What it has counted itself and told nobody yet; only said until the home has answered once.
    pub counts: Vec<Count>,
    /// What it left as the home, if it is asked for that.
    pub estate: Option<Estate>,
    /// What it asks for.
    pub asks: Vec<Ask>,
}

/// About one limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Which, and what it allows as the node's configuration has it.
    pub claim: Claim,
    /// Spent on credit and not told before.
    pub spent: u32,
    /// Granted before and given back now.
    pub back: u32,
    /// Granted before and kept.
    pub held: u32,
    /// How many more it would like.
    pub want: u32,
    /// Of a quota: what this node has counted itself, ever.
    pub own: u64,
}

/// What the home answers, in the order of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The life of the home.
    pub boot: u64,
    /// When it was made, by the home's clock.
    pub stamp: u64,
    /// Whether the home may act: most nodes follow it.
    pub acts: bool,
    /// The home whose estate it would like to have, by its reign and its life.
    pub heir_of: Option<(u64, u64)>,
    /// One for each ask; none at all when the home may not act, or has heard a later exchange.
    pub grants: Vec<Grant>,
}

/// What the home answers about one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Tokens to spend.
    pub granted: u32,
    /// What is left in whole tokens; negative when more has been spent than there was.
    pub level: i64,
}

/// A request whose limits the home is to decide on, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The reign of the home it means.
    pub reign: u64,
    /// Its limits.
    pub claims: Vec<Claim>,
    /// Where it is counted.
    pub meter: Option<Meter>,
}

/// What is left of each limit, or which refuses.
pub(crate) type Taken = Result<Vec<Left>, (usize, Left)>;
