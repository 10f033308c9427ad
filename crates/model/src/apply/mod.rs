//! Applies changes: checks every rule that must hold under concurrent writers, then alters a copy.
//!
//! `Machine` is the replicated state machine: the configuration and the outcomes of recent changes,
//! so that a change which its proposer had to send again (a leader died before answering) takes
//! effect once and gets its first outcome. Shapes and ranges of single fields are checked where a
//! request is read (`admin`); here are the rules that need the rest of the configuration.

mod access;
mod acme;
mod batch;
#[cfg(test)]
mod batch_tests;
mod cluster;
mod domain;
mod http_api;
mod http_content;
mod integration;
mod joining;
mod parts;
#[cfg(test)]
mod parts_tests;
mod private_domain;
mod rest;
mod rest_content;
mod rest_methods;
#[cfg(test)]
mod rest_tests;
mod rest_tree;
mod rollout;
mod routing;
mod shared;
mod stage;
#[cfg(test)]
mod tests;
mod v2;
mod zone_keys;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Change, ChangeId, Config, DeploymentId, Entry, NodeId, Op, Outcome, Rejection, ResourceKind,
    Revision, limits,
};

/// The replicated state machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    config: Arc<Config>,
    recent: VecDeque<(ChangeId, Result<Outcome, Rejection>)>,
    parts: parts::Parts,
}

/// What the parts of `apply` need to know of the change.
pub(crate) struct Context {
    pub(crate) at_ms: u64,
    /// The revision if the change is accepted.
    pub(crate) revision: Revision,
    pub(crate) spare_deployment: DeploymentId,
    pub(crate) by: String,
}

impl Machine {
    /// The configuration as of the last accepted change.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Applies `change`, or says why not; a rejected change alters nothing but is remembered.
    ///
    /// # Errors
    /// A `Rejection` is a normal result, the same on every replica.
    pub fn apply(&mut self, change: Change) -> Result<Outcome, Rejection> {
        // Newest first: a retry follows its first try closely.
        if let Some((_, first)) = self.recent.iter().rev().find(|(id, _)| *id == change.id) {
            return first.clone();
        }
        let id = change.id;
        let result = self.apply_new(change);
        if self.recent.len() >= limits::REMEMBERED_OUTCOMES {
            self.recent.pop_front();
        }
        self.recent.push_back((id, result.clone()));
        result
    }

    fn apply_new(&mut self, change: Change) -> Result<Outcome, Rejection> {
        let context = Context {
            at_ms: change.at_ms,
            revision: Revision(self.config.revision.0 + 1),
            spare_deployment: change.spare_deployment,
            by: change.by,
        };
        let op = match change.op {
            Op::Part { of, at, bytes } => {
                self.parts.add(of, at, &bytes)?;
                return Ok(Outcome {
                    revision: self.config.revision,
                    node: None,
                });
            }
            Op::Assemble(of) => self.parts.take(of)?,
            op => op,
        };
        let (mode, op) = match op {
            Op::InMode(mode, op) => (Some(mode), *op),
            op => (None, op),
        };
        let apis: Vec<_> = op.apis().into_iter().cloned().collect();
        let mut origin = change.origin;
        if origin.operation.is_empty() {
            origin.operation = op.name();
        }
        // A copy shares every resource, and a refusal half-way leaves no trace.
        let mut next = Config::clone(&self.config);
        if next.cluster.is_none() && !matches!(op, Op::Bootstrap { .. }) {
            return Err(Rejection::not_found(ResourceKind::Cluster, "(none)"));
        }
        let node = next.perform(op, &context)?;
        for api in &apis {
            next.roll_out(&self.config, api, mode, &context)?;
        }
        next.revision = context.revision;
        let entry = Entry {
            revision: context.revision,
            at_ms: context.at_ms,
            by: context.by,
            origin,
            touched: Vec::new(),
        };
        next.remember(&self.config, entry);
        self.config = Arc::new(next);
        Ok(Outcome {
            revision: context.revision,
            node,
        })
    }
}

impl Config {
    /// One line per operation; the answer is the number given to a node that joins. Parts have
    /// been put together by `apply_new`.
    #[expect(
        clippy::too_many_lines,
        reason = "a table: splitting it would hide which operations there are"
    )]
    fn perform(&mut self, op: Op, context: &Context) -> Result<Option<NodeId>, Rejection> {
        match op {
            Op::Bootstrap { .. }
            | Op::PutRegion(_)
            | Op::DeleteRegion(_)
            | Op::PutPop(_)
            | Op::DeletePop(_)
            | Op::Join { .. }
            | Op::UpdateNode(_)
            | Op::DeleteNode(_)
            | Op::DrainNode(_)
            | Op::RaiseFormat(_)
            | Op::Joining(_)
            | Op::PutPrivateEndpoint(_)
            | Op::DeletePrivateEndpoint(_)
            | Op::PutZone(_)
            | Op::ReplaceZone(_)
            | Op::DeleteZone(_)
            | Op::AddZoneKey(..)
            | Op::SetZoneKeyState(..)
            | Op::DeleteZoneKey(..)
            | Op::ClearZoneKeys(_)
            | Op::PutPrior(_)
            | Op::DeletePrior(_)
            | Op::CreateAccessKey(_)
            | Op::SetAccessKeyState(..)
            | Op::DeleteAccessKey(_)
            | Op::Access(_)
            | Op::CreateJoinToken(_)
            | Op::DeleteJoinToken(_)
            | Op::PutCertificate(_)
            | Op::Acme(_)
            | Op::DeleteCertificate(_) => return self.perform_cluster(op, context),
            Op::CreateDomain(_)
            | Op::UpdateDomain(..)
            | Op::DeleteDomain(_)
            | Op::CreateMapping(..)
            | Op::UpdateMapping(..)
            | Op::DeleteMapping(..)
            | Op::Routing(..)
            | Op::Tag { .. } => self.perform_domain(op)?,
            Op::InMode(..)
            | Op::SetRolloutPolicy(_)
            | Op::AdvanceRollout(..)
            | Op::EndRollout { .. } => self.perform_rollout(op, context)?,
            Op::CreateHttpApi(_)
            | Op::ReplaceHttpApi(..)
            | Op::UpdateApi(..)
            | Op::DeleteApi(_)
            | Op::RollBackApi(..)
            | Op::DeleteCors(_)
            | Op::CreateIntegration(..)
            | Op::UpdateIntegration(..)
            | Op::DeleteIntegration(..)
            | Op::CreateRoute(..)
            | Op::UpdateRoute(..)
            | Op::DeleteRoute(..)
            | Op::CreateStage(..)
            | Op::UpdateStage(..)
            | Op::DeleteStage(..)
            | Op::CreateDeployment { .. }
            | Op::UpdateDeployment(..)
            | Op::DeleteDeployment(..)
            | Op::V2(..) => self.perform_api(op, context)?,
            Op::CreateRestApi(_) | Op::Rest(..) | Op::DeployRest(..) => {
                self.perform_rest(op, context)?;
            }
            Op::Shared(change) => self.change_shared(*change)?,
            Op::Batch(ops) => self.perform_all(ops, context)?,
            Op::Part { .. } | Op::Assemble(_) => {}
        }
        Ok(None)
    }
}

/// Refuses another entry once `map` holds `max`.
pub(crate) fn room(map: &impl Keyed, kind: ResourceKind, max: usize) -> Result<(), Rejection> {
    if map.len() < max {
        Ok(())
    } else {
        Err(Rejection::Limit { kind, max })
    }
}

/// Maps of either kind.
pub(crate) trait Keyed {
    fn len(&self) -> usize;
}

impl<K, V> Keyed for BTreeMap<K, V> {
    fn len(&self) -> usize {
        self.len()
    }
}

impl<K, V> Keyed for crate::Table<K, V> {
    fn len(&self) -> usize {
        self.len()
    }
}

/// The same for a key that may be there already, in which case nothing is added.
pub(crate) fn room_for<K: Ord, V>(
    map: &BTreeMap<K, V>,
    key: &K,
    kind: ResourceKind,
    max: usize,
) -> Result<(), Rejection> {
    if map.contains_key(key) {
        return Ok(());
    }
    room(map, kind, max)
}

/// An empty text clears the field it is given for.
pub(crate) fn text(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

impl Machine {
    /// A machine that holds `config` and remembers no outcomes: for restoring.
    #[must_use]
    pub fn of(config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..Self::default()
        }
    }
}
