//! What a node is to limits, and how it decides: the words that its users need.

use serde::{Deserialize, Serialize};

use super::{Left, Take};

/// How limits are kept across nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every node allows the whole limit.
    Local,
    /// Nodes spend what the home has granted ahead.
    #[default]
    Leased,
    /// The home decides on every request.
    Exact,
}

impl Mode {
    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "local" => Some(Self::Local),
            "leased" => Some(Self::Leased),
            "exact" => Some(Self::Exact),
            _ => None,
        }
    }
}

/// What a node is to limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the home.
    Home {
        /// Tells it from other homes.
        reign: u64,
    },
    /// Another node is.
    Follows {
        /// Which.
        home: u64,
        /// Tells it from other homes.
        reign: u64,
    },
    /// Nobody is known to be.
    Alone,
}

/// How a request is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Here and now.
    Done(Verdict),
    /// By the home, because this node cannot.
    Ask {
        /// Which node that is.
        home: u64,
        /// What to ask it.
        take: Take,
    },
}

/// Whether a request is within its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is; what is left of each.
    Granted(Vec<Left>),
    /// One limit is used up.
    Over {
        /// Which, by its place among the claims.
        claim: usize,
        /// When to come again.
        left: Left,
    },
    /// Nobody can say.
    Unknown,
}

/// Sizes, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Limits that this node keeps as their home.
    pub home: usize,
    /// Limits that it has a share of.
    pub shares: usize,
    /// Counters of usage.
    pub counters: usize,
    /// It is the home, or hears from it.
    pub connected: bool,
}
