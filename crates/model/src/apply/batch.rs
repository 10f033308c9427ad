//! Several operations as one change: all take effect, or none.
//!
//! `apply` works on a copy that is dropped when an operation is refused, so all that is left to do
//! here is to say what may be in a batch: not what sets a cluster up, gives out numbers, steers
//! rollouts, or holds other operations itself.

use super::Context;
use crate::{Config, Op, Rejection, ResourceKind, limits};

impl Config {
    /// Performs `ops` in order, each on what those before it left.
    pub(super) fn perform_all(&mut self, ops: Vec<Op>, context: &Context) -> Result<(), Rejection> {
        if ops.len() > limits::BATCH_OPS_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Part,
                max: limits::BATCH_OPS_MAX,
            });
        }
        for op in ops {
            if !may_be_in_a_batch(&op) {
                let reason = format!("{} cannot be one of several", op.name());
                return Err(Rejection::invalid("change", reason));
            }
            self.perform(op, context)?;
        }
        Ok(())
    }
}

const fn may_be_in_a_batch(op: &Op) -> bool {
    !matches!(
        op,
        Op::Bootstrap { .. }
            | Op::Join { .. }
            | Op::Part { .. }
            | Op::Assemble(_)
            | Op::Batch(_)
            | Op::InMode(..)
            | Op::SetRolloutPolicy(_)
            | Op::AdvanceRollout(..)
            | Op::EndRollout { .. }
    )
}
