//! Changes to access keys, and going back to an earlier revision of an API.
//!
//! There is always an active key without a policy: a cluster whose keys are all restricted could
//! never lift a restriction again.

use std::sync::Arc;

use super::{Context, room};
use crate::{
    AccessChange, AccessKey, AccessKeyId, Api, ApiId, Config, KeyState, PreviousSecret, Rejection,
    ResourceKind, Revision, limits,
};

impl Config {
    pub(super) fn perform_access(&mut self, change: AccessChange) -> Result<(), Rejection> {
        match change {
            AccessChange::SetPolicy(id, policy) => {
                if policy.is_some() {
                    self.another_master_key(id.as_str())?;
                }
                self.access_key_mut(&id)?.policy = policy;
            }
            AccessChange::Rotate {
                id,
                secret,
                previous_until_ms,
            } => {
                let key = self.access_key_mut(&id)?;
                let previous = std::mem::replace(&mut key.secret, secret);
                key.previous = Some(PreviousSecret {
                    secret: previous,
                    until_ms: previous_until_ms,
                });
            }
        }
        Ok(())
    }

    fn access_key_mut(&mut self, id: &AccessKeyId) -> Result<&mut AccessKey, Rejection> {
        let key = self.access_keys.get_mut(id).map(Arc::make_mut);
        key.ok_or_else(|| Rejection::not_found(ResourceKind::AccessKey, id))
    }

    /// Refuses when key `id` is the last that works and may do everything.
    pub(super) fn another_master_key(&self, id: &str) -> Result<(), Rejection> {
        let master = |key: &AccessKey| key.state == KeyState::Active && key.policy.is_none();
        let needed = self.access_keys.get(id).is_some_and(|key| master(key));
        let mut others = self.access_keys.values();
        if !needed || others.any(|key| master(key) && key.id.as_str() != id) {
            return Ok(());
        }
        Err(Rejection::conflict(
            ResourceKind::AccessKey,
            "it is the last active access key without a policy; create another first",
        ))
    }

    /// Makes an API what it was at revision `to`, deleted ones included, as a change like any
    /// other: what depends on it by now must still fit.
    pub(super) fn roll_back(
        &mut self,
        id: &ApiId,
        to: Revision,
        context: &Context,
    ) -> Result<(), Rejection> {
        let then = self.api_at(id, to);
        let then = then.map_err(|gone| Rejection::invalid("revision", gone.to_string()))?;
        let Some(then) = then else {
            return Err(Rejection::not_found(ResourceKind::Api, id));
        };
        let mut restored = Api::clone(&then);
        match self.apis.get(id) {
            None => room(&self.apis, ResourceKind::Api, limits::APIS_MAX)?,
            Some(now) => restored.served = now.served,
        }
        self.still_mapped(&restored)?;
        self.still_planned(&restored)?;
        if let Some(content) = restored.v2_content() {
            self.links_exist(content)?;
        }
        let mut stages = restored.stages.values();
        stages.try_for_each(|stage| self.stage_references(stage.v2()))?;
        let same = self.apis.get(id).is_some_and(|now| **now == restored);
        if !same {
            // A new number, so that no cache answers with what was served in between.
            restored.served = context.revision;
            self.apis.insert(id.clone(), Arc::new(restored));
        }
        Ok(())
    }

    /// Stages that custom domains lead to must be there.
    fn still_mapped(&self, api: &Api) -> Result<(), Rejection> {
        for domain in self.domains.values() {
            let mut mappings = domain.mappings.values();
            let lost = mappings.find(|mapping| {
                // Without a name, each request names the stage.
                let named = !mapping.stage.as_str().is_empty();
                named && mapping.api == api.id && !api.stages.contains_key(&mapping.stage)
            });
            if let Some(lost) = lost {
                let (stage, name) = (&lost.stage, &domain.name);
                let reason = format!(
                    "stage {stage} did not exist then, and domain {name} has a mapping to it"
                );
                return Err(Rejection::conflict(ResourceKind::Stage, reason));
            }
            let mut rules = domain.routing.rules.values();
            let lost =
                rules.find(|rule| rule.api == api.id && !api.stages.contains_key(&rule.stage));
            if let Some(lost) = lost {
                let (stage, name) = (&lost.stage, &domain.name);
                let reason = format!(
                    "stage {stage} did not exist then, and a rule of domain {name} leads to it"
                );
                return Err(Rejection::conflict(ResourceKind::Stage, reason));
            }
        }
        Ok(())
    }

    /// Stages that usage plans list must be there, and so must what stages themselves refer to.
    fn still_planned(&self, api: &Api) -> Result<(), Rejection> {
        for plan in self.usage_plans.values() {
            let mut listed = plan.stages.iter().filter(|listed| listed.api == api.id);
            if let Some(lost) = listed.find(|listed| !api.stages.contains_key(&listed.stage)) {
                let (stage, name) = (&lost.stage, &plan.name);
                let reason =
                    format!("stage {stage} did not exist then, and usage plan {name} lists it");
                return Err(Rejection::conflict(ResourceKind::Stage, reason));
            }
        }
        for stage in api.stages.values() {
            let rest = stage.rest();
            let wanted = rest.and_then(|rest| rest.client_certificate.as_ref());
            if let Some(gone) = wanted.filter(|id| !self.client_certificates.contains_key(*id)) {
                let reason = format!(
                    "stage {} used client certificate {gone} then, which is gone",
                    stage.name
                );
                return Err(Rejection::conflict(ResourceKind::Stage, reason));
            }
        }
        Ok(())
    }
}
