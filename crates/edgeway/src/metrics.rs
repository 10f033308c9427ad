//! What the composition itself counts; each part of the node counts its own.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// The composition's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    refused: IntCounterVec,
    rollouts: IntCounterVec,
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
            bad_revision,
        })
    }

    /// A rollout went on, or ended.
    pub(crate) fn rollout(&self, step: &str) {
        self.rollouts.with_label_values(&[step]).inc();
    }

    /// A revision was refused.
    pub(crate) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }
}
