//! How changes begin, restart and end rollouts.

use std::sync::Arc;

use super::Context;
use crate::{
    Api, ApiId, Config, EndpointType, Op, Rejection, ResourceKind, Revision, Rollout, RolloutEnd,
    RolloutMode, RolloutRecord, RolloutStage, limits,
};

impl Config {
    pub(super) fn perform_rollout(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::SetRolloutPolicy(policy) => {
                self.rollout_policy = *policy;
                Ok(())
            }
            Op::AdvanceRollout(api, id) => {
                let rollout = Arc::make_mut(self.rollout_mut(&api, id)?);
                if rollout.stage == RolloutStage::Region {
                    return Err(Rejection::conflict(
                        ResourceKind::Rollout,
                        format!("the rollout of {api} is at its last stage; release it"),
                    ));
                }
                rollout.stage = RolloutStage::Region;
                Ok(())
            }
            Op::EndRollout { api, id, end } => {
                self.rollout_mut(&api, id)?;
                self.end_rollout(&api, end, context);
                Ok(())
            }
            // `perform` sends nothing else here, and takes a mode off its operation before.
            _ => Err(Rejection::invalid("rollout", "a mode cannot hold another")),
        }
    }

    /// After a change of `api`: begins, restarts or ends a rollout.
    pub(super) fn roll_out(
        &mut self,
        old: &Self,
        api: &ApiId,
        mode: Option<RolloutMode>,
        context: &Context,
    ) -> Result<(), Rejection> {
        let Some(before) = old.apis.get(api) else {
            return Ok(());
        };
        let Some(after) = self.apis.get(api) else {
            self.end_rollout(api, RolloutEnd::Deleted, context);
            return Ok(());
        };
        if before.served == after.served {
            return Ok(());
        }
        let by_policy = || self.rollout_policy.staged;
        if !mode.map_or_else(by_policy, |mode| mode == RolloutMode::Staged) {
            self.end_rollout(api, RolloutEnd::Overtaken, context);
            return Ok(());
        }
        let running = self.rollouts.get(api);
        if running.is_none() && self.rollouts.len() >= limits::ROLLOUTS_MAX {
            return Err(Rejection::Limit {
                kind: ResourceKind::Rollout,
                max: limits::ROLLOUTS_MAX,
            });
        }
        // What everyone else serves stays, however often the new version is altered.
        let kept = running.map_or(before, |running| &running.before);
        let rollout = self.begin(Arc::clone(kept), context);
        self.rollouts.insert(api.clone(), Arc::new(rollout));
        Ok(())
    }

    fn begin(&self, before: Arc<Api>, context: &Context) -> Rollout {
        let policy = &self.rollout_policy;
        let pop = policy.pop.clone().or_else(|| self.first_pop());
        let pop = pop.filter(|_| before.endpoint == EndpointType::Edge);
        let home = || before.home.clone();
        Rollout {
            id: context.revision,
            stage: match pop {
                Some(_) => RolloutStage::Pop,
                None => RolloutStage::Region,
            },
            pop,
            region: policy.region.clone().unwrap_or_else(home),
            before,
            by: context.by.clone(),
            began_ms: context.at_ms,
        }
    }

    /// The rollout, if it is still the one that the proposer knew.
    fn rollout_mut(&mut self, api: &ApiId, id: Revision) -> Result<&mut Arc<Rollout>, Rejection> {
        let found = self.rollouts.get_mut(api);
        let found = found.ok_or_else(|| Rejection::not_found(ResourceKind::Rollout, api))?;
        if found.id == id {
            return Ok(found);
        }
        let reason = format!(
            "the rollout of {api} has begun anew at revision {}",
            found.id
        );
        Err(Rejection::conflict(ResourceKind::Rollout, reason))
    }

    fn end_rollout(&mut self, api: &ApiId, end: RolloutEnd, context: &Context) {
        let Some(rollout) = self.rollouts.remove(api) else {
            return;
        };
        if end.restores() {
            let mut restored = Api::clone(&rollout.before);
            // A new number, so that no cache answers with what the new version said.
            restored.served = context.revision;
            self.apis.insert(api.clone(), Arc::new(restored));
        }
        if self.rollout_records.len() >= limits::ROLLOUT_RECORDS_KEPT {
            self.rollout_records.pop_front();
        }
        self.rollout_records.push_back(RolloutRecord {
            id: rollout.id,
            api: api.clone(),
            stage: rollout.stage,
            by: rollout.by.clone(),
            began_ms: rollout.began_ms,
            ended_ms: context.at_ms,
            ended: context.revision,
            end,
        });
    }
}
