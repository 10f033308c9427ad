//! What nodes say to the home of limits, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Claim, Key, Left, Meter, Terms};

/// What a node tells the home, all limits at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The reign of the home it means; another home refuses it.
    pub reign: u64,
    /// News up to here are known.
    pub heard: u64,
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
    /// Of a rate: what its bucket lacks, as last heard.
    pub missing: u64,
}

/// What the home answers, in the order of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// One for each ask.
    pub grants: Vec<Grant>,
    /// Rates that others have begun to use.
    pub news: Vec<News>,
    /// News are known up to here from now on.
    pub heard: u64,
}

/// What the home answers about one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Tokens to spend.
    pub granted: u32,
    /// What is left in whole tokens; negative when more has been spent than there was.
    pub level: i64,
}

/// A rate that is in use elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Which.
    pub key: Key,
    /// What it allows.
    pub terms: Terms,
    /// What is left in whole tokens.
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
