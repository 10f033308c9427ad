//! Staged rollout: a change of what an API serves goes to one POP, then to one region, then to all.
//!
//! The API in the configuration is the new one from the start, so whoever writes reads what was
//! written; a `Rollout` keeps the API as it was, and nodes outside the stage go on with that.
//! Releasing forgets the old one; rolling back puts it back as an ordinary change, so the ground
//! state and what is served agree again. `judge` decides from evidence; it has no clock and counts
//! nothing itself.
//!
//! Only changes of what an existing API serves are staged (deployments, stage variables, switches):
//! a new API harms nobody, and the cluster's own resources are shared by all nodes.

mod judge;
mod tally;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::{
    judge::{Evidence, Verdict},
    tally::{Tally, Trial},
};
use crate::{Api, ApiId, Config, NodeRole, PopName, RegionName, Revision};

/// How a change reaches the nodes when it does not say so itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPolicy {
    /// Off by default: a change is everywhere within a second.
    pub staged: bool,
    /// Milliseconds that each stage lasts at least.
    pub soak_ms: u32,
    /// What ends a rollout early.
    pub gates: Gates,
    /// Where a rollout begins; the first POP with a node by name unless given.
    pub pop: Option<PopName>,
    /// Where it goes next; the API's home unless given.
    pub region: Option<RegionName>,
}

/// What the new version may cost before it is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// Of a thousand answers, how many more may be 5xx than with the old version.
    pub errors_rise_permille: u16,
    /// Milliseconds by which p99 may be above the old version's.
    pub p99_rise_ms: u32,
    /// With fewer requests a version is not judged.
    pub requests_min: u32,
}

/// What one change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutMode {
    /// Everywhere at once; also ends a rollout of the same API.
    Now,
    /// In stages.
    Staged,
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStage {
    /// Requests that enter at one POP.
    Pop,
    /// Those, and all that run in one region.
    Region,
}

/// A new version of an API on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The revision that began it, or the last one that altered the API since.
    pub id: Revision,
    /// Where the new version is served.
    pub stage: RolloutStage,
    /// The POP of the first stage.
    pub pop: Option<PopName>,
    /// The region of the second.
    pub region: RegionName,
    /// The API as everyone else serves it.
    pub before: Arc<Api>,
    /// Who asked for the change.
    pub by: String,
    /// Milliseconds since 1970.
    pub began_ms: u64,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutEnd {
    /// Everyone serves the new version.
    Released,
    /// A later change of the API was made at once, and took this one along.
    Overtaken,
    /// A gate failed; everyone serves the old version.
    RolledBack(String),
    /// Someone took it back.
    Aborted,
    /// The API was deleted.
    Deleted,
}

/// A rollout that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// As the rollout's.
    pub id: Revision,
    /// Of which API.
    pub api: ApiId,
    /// How far it had come.
    pub stage: RolloutStage,
    /// Who asked for the change.
    pub by: String,
    /// Milliseconds since 1970.
    pub began_ms: u64,
    /// Milliseconds since 1970.
    pub ended_ms: u64,
    /// The revision that ended it.
    pub ended: Revision,
    /// How it ended.
    pub end: RolloutEnd,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            staged: false,
            soak_ms: 60_000,
            gates: Gates {
                errors_rise_permille: 20,
                p99_rise_ms: 250,
                requests_min: 20,
            },
            pop: None,
            region: None,
        }
    }
}

impl Rollout {
    /// Whether the new version runs for a request that entered at `pop` (none: at the region's own
    /// listener) and runs in `region`.
    #[must_use]
    pub fn covers(&self, pop: Option<&str>, region: &str) -> bool {
        let at_pop = pop.is_some() && self.pop.as_ref().map(PopName::as_str) == pop;
        at_pop || (self.stage == RolloutStage::Region && self.region.as_str() == region)
    }
}

impl RolloutEnd {
    /// Whether everyone serves the version from before the rollout again.
    #[must_use]
    pub const fn restores(&self) -> bool {
        match self {
            Self::RolledBack(_) | Self::Aborted => true,
            Self::Released | Self::Overtaken | Self::Deleted => false,
        }
    }

    /// A word for metrics, logs and answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Overtaken => "overtaken",
            Self::RolledBack(_) => "rolled_back",
            Self::Aborted => "aborted",
            Self::Deleted => "deleted",
        }
    }
}

impl RolloutStage {
    /// A word for metrics, logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pop => "pop",
            Self::Region => "region",
        }
    }
}

impl Config {
    /// The configuration without the new versions that are still on their way.
    #[must_use]
    pub fn released(&self) -> Self {
        self.with_old(|_| true)
    }

    /// The configuration as `pop` is to see it.
    #[must_use]
    pub fn seen_by_pop(&self, pop: &PopName) -> Self {
        self.with_old(|rollout| rollout.pop.as_ref() != Some(pop))
    }

    /// POPs that see something else than the rest.
    #[must_use]
    pub fn trial_pops(&self) -> Vec<PopName> {
        let pops = self.rollouts.values();
        let mut pops: Vec<PopName> = pops.filter_map(|rollout| rollout.pop.clone()).collect();
        pops.sort();
        pops.dedup();
        pops
    }

    fn with_old(&self, old: impl Fn(&Rollout) -> bool) -> Self {
        let mut config = self.clone();
        for (id, rollout) in &self.rollouts {
            if old(rollout) {
                config.apis.insert(id.clone(), Arc::clone(&rollout.before));
            }
        }
        config
    }

    /// The first POP that has a node.
    pub(crate) fn first_pop(&self) -> Option<PopName> {
        let manned = |pop: &PopName| {
            let role = NodeRole::Pop(pop.clone());
            self.nodes.values().any(|node| node.role == role)
        };
        self.pops.keys().find(|pop| manned(pop)).cloned()
    }
}

#[cfg(test)]
mod tests;
