//! Changes that are longer than one log entry may be: they come in parts, ahead of the change that
//! puts them together.
//!
//! Parts are replicated, but are no configuration: they count no revision and reach no node but the
//! regions. A proposer that dies half-way leaves parts behind, which later ones push out.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{ChangeId, Op, Rejection, ResourceKind, codec, limits};

/// Parts that wait for their change, by its id, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts(VecDeque<(ChangeId, Vec<u8>)>);

impl Parts {
    /// Keeps the bytes that begin at `at` of what `change` will be.
    pub(super) fn add(&mut self, change: ChangeId, at: u64, bytes: &[u8]) -> Result<(), Rejection> {
        let known = self.0.iter().position(|(id, _)| *id == change);
        if known.is_none() {
            if self.0.len() >= limits::CHANGES_IN_PARTS_MAX {
                self.0.pop_front();
            }
            self.0.push_back((change, Vec::new()));
        }
        let last = self.0.len().saturating_sub(1);
        let Some((_, kept)) = self.0.get_mut(known.unwrap_or(last)) else {
            return Err(incomplete());
        };
        if kept.len() as u64 != at {
            return Err(incomplete());
        }
        if kept.len() + bytes.len() > limits::CHANGE_IN_PARTS_BYTES_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Cluster,
                max: limits::CHANGE_IN_PARTS_BYTES_MAX,
            });
        }
        kept.extend_from_slice(bytes);
        Ok(())
    }

    /// What the parts of `change` are together.
    pub(super) fn take(&mut self, change: ChangeId) -> Result<Op, Rejection> {
        let known = self.0.iter().position(|(id, _)| *id == change);
        let (_, bytes) = known
            .and_then(|at| self.0.remove(at))
            .ok_or_else(incomplete)?;
        match codec::decode(codec::Kind::Other, &bytes) {
            Ok(Op::Part { .. } | Op::Assemble(_)) | Err(_) => Err(incomplete()),
            Ok(op) => Ok(op),
        }
    }
}

fn incomplete() -> Rejection {
    Rejection::invalid("change", "its parts did not all arrive; send it again")
}
