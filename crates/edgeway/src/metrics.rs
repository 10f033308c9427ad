//! What the composition itself counts; each part of the node counts its own.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// The composition's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    refused: IntCounterVec,
    rollouts: IntCounterVec,
    joins: IntCounterVec,
    joins_refused: IntCounterVec,
    /// The last revision that made this node crash; 0 when none has.
    pub(crate) bad_revision: IntGauge,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let refused = IntCounterVec::new(
            Opts::new(
                "edgeway_node_revisions_refused_total",
                "Revisions that this node did not apply, by reason",
            ),
            &["reason"],
        )?;
        let rollouts = IntCounterVec::new(
            Opts::new(
                "edgeway_node_rollout_steps_total",
                "Steps of rollouts that this node has taken as the leader",
            ),
            &["step"],
        )?;
        let joins = IntCounterVec::new(
            Opts::new(
                "edgeway_node_joins_total",
                "Nodes that this region node has let in, by what they showed",
            ),
            &["by"],
        )?;
        let joins_refused = IntCounterVec::new(
            Opts::new(
                "edgeway_node_joins_refused_total",
                "Nodes that this region node has not let in, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(joins.clone()))?;
        registry.register(Box::new(joins_refused.clone()))?;
        let bad_revision = IntGauge::new(
            "edgeway_node_bad_revision",
            "The last revision that made this node crash; 0 when none has",
        )?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(rollouts.clone()))?;
        registry.register(Box::new(bad_revision.clone()))?;
        if let Some(left_out) = crate::telemetry::left_out() {
            registry.register(Box::new(left_out))?;
        }
        Ok(Self {
            refused,
            rollouts,
            joins,
            joins_refused,
            bad_revision,
        })
    }

    /// A rollout went on, or ended.
    pub(crate) fn rollout(&self, step: &str) {
        self.rollouts.with_label_values(&[step]).inc();
    }

    /// A node was let in, by a token or a kind of proof.
    pub(crate) fn joined(&self, by: &str) {
        self.joins.with_label_values(&[by]).inc();
    }

    /// A node was not let in.
    pub(crate) fn join_refused(&self, reason: &str) {
        self.joins_refused.with_label_values(&[reason]).inc();
    }

    /// A revision was refused.
    pub(crate) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }
}
