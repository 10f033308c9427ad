//! Changes to who may join, and nodes that join by what they can prove.

use std::sync::Arc;

use super::{Context, room, room_for};
use crate::{
    Admission, Config, JoinChange, JoinPolicy, JoinUse, Joining, NodeId, Rejection, ResourceKind,
    limits::{CLUSTER_THINGS_MAX, JOIN_POLICIES_MAX, JOIN_USES_MAX},
};

impl Config {
    pub(super) fn change_joining(
        &mut self,
        change: JoinChange,
        context: &Context,
    ) -> Result<Option<NodeId>, Rejection> {
        let joining = Arc::make_mut(&mut self.joining);
        match change {
            JoinChange::Put(policy) => joining.put(policy, context)?,
            JoinChange::Delete(name) => {
                let gone = joining.policies.remove(&name);
                gone.ok_or_else(|| Rejection::not_found(ResourceKind::JoinPolicy, &name))?;
            }
            JoinChange::Forget(subject) => {
                let gone = joining.uses.remove(&subject);
                gone.ok_or_else(|| Rejection::not_found(ResourceKind::JoinUse, &subject))?;
            }
            JoinChange::Admit(admission) => return self.admit(admission, context).map(Some),
        }
        Ok(None)
    }

    fn admit(&mut self, admission: Admission, context: &Context) -> Result<NodeId, Rejection> {
        let refused = |reason: String| Rejection::conflict(ResourceKind::JoinPolicy, reason);
        let policy = self.joining.policies.get(&admission.policy);
        let policy = policy
            .cloned()
            .ok_or_else(|| refused(format!("the join policy {} is not known", admission.policy)))?;
        if policy.stored != admission.stored {
            return Err(refused(format!(
                "the join policy {} has just been changed: ask again",
                policy.name
            )));
        }
        if let Some(used) = self.joining.uses.get(&admission.subject) {
            let is_same = used.request_sha256 == admission.request_sha256;
            let node = self.nodes.get(&used.node);
            if is_same && node.is_some_and(|node| node.role == policy.role) {
                // Its first answer was lost.
                return Ok(used.node);
            }
            let reason = format!(
                "{} has been used by node {}: an operator can have it forgotten",
                admission.subject, used.node
            );
            return Err(Rejection::conflict(ResourceKind::JoinUse, reason));
        }
        room(&self.nodes, ResourceKind::Node, CLUSTER_THINGS_MAX)?;
        self.forget_old_uses(context.at_ms);
        room(&self.joining.uses, ResourceKind::JoinUse, JOIN_USES_MAX)?;
        let id = self.add_node(admission.node, policy.role.clone(), context);
        let used = JoinUse {
            policy: admission.policy,
            node: id,
            request_sha256: admission.request_sha256,
            at_ms: context.at_ms,
            until_ms: admission.until_ms,
        };
        let joining = Arc::make_mut(&mut self.joining);
        joining.uses.insert(admission.subject, Arc::new(used));
        Ok(id)
    }

    /// Makes room where there is none: first goes what nobody could join by any more, and whose
    /// node has gone; if that is nothing, what nobody could join by any more.
    fn forget_old_uses(&mut self, now_ms: u64) {
        if self.joining.uses.len() < JOIN_USES_MAX {
            return;
        }
        let nodes = &self.nodes;
        let uses = &mut Arc::make_mut(&mut self.joining).uses;
        uses.retain(|_, used| used.until_ms > now_ms || nodes.contains_key(&used.node));
        if uses.len() >= JOIN_USES_MAX {
            uses.retain(|_, used| used.until_ms > now_ms);
        }
    }
}

impl Joining {
    fn put(&mut self, mut policy: JoinPolicy, context: &Context) -> Result<(), Rejection> {
        let (name, kind) = (policy.name.clone(), ResourceKind::JoinPolicy);
        room_for(&self.policies, &name, kind, JOIN_POLICIES_MAX)?;
        if let Some(known) = self.policies.get(&name) {
            policy.created_ms = known.created_ms;
        }
        policy.stored = context.revision;
        self.policies.insert(name, Arc::new(policy));
        Ok(())
    }
}
