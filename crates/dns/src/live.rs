//! What is known of nodes' health. It comes from regions, which probe every node.
//!
//! A DNS node that starts from disk with every region down knows nothing, and must answer all the
//! same: a node of which nothing is known is taken to be up.

use std::collections::BTreeMap;

use model::NodeId;
use steer::place::Health;

/// Health by node. The default knows nothing, so that every node counts as up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live(BTreeMap<NodeId, Health>);

impl Live {
    /// How a node is.
    #[must_use]
    pub fn health(&self, node: NodeId) -> Health {
        self.0.get(&node).copied().unwrap_or(Health::Up)
    }
}

impl FromIterator<(NodeId, Health)> for Live {
    fn from_iter<I: IntoIterator<Item = (NodeId, Health)>>(known: I) -> Self {
        Self(known.into_iter().collect())
    }
}
