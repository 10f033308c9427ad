//! Changes to what stands beside APIs: keys, usage plans, client certificates, VPC links.

use std::{collections::BTreeMap, sync::Arc};

use super::{rest::concurrent, rest_content::missing, room, room_for};
use crate::{
    ApiKeyId, ClientCertificateId, Config, Rejection, ResourceKind, UsagePlanId, VpcLinkId, limits,
    rest::{Account, ApiKey, Seen, SharedChange, SharedKey, SharedPart, UsagePlan},
};

impl Config {
    pub(super) fn change_shared(&mut self, change: SharedChange) -> Result<(), Rejection> {
        let SharedChange { key, seen, put } = change;
        let now = self.shared_part(&key);
        if !seen.holds(now.as_ref()) {
            return Err(match (seen, &key) {
                (Seen::Nothing, SharedKey::UsagePlanKey(..)) => Rejection::conflict(
                    ResourceKind::Part,
                    "Usage Plan Key already exists for this Usage Plan",
                ),
                _ => concurrent(),
            });
        }
        if put.is_none() && now.is_none() {
            return Err(concurrent());
        }
        match (key, put) {
            (SharedKey::ApiKey(id), put) => self.put_api_key(id, put),
            (SharedKey::UsagePlan(id), put) => self.put_usage_plan(id, put),
            (SharedKey::UsagePlanKey(plan, key), Some(_)) => self.add_plan_key(&plan, key),
            (SharedKey::UsagePlanKey(plan, key), None) => {
                let plan = self.plan_mut(&plan)?;
                plan.keys.remove(&key);
                plan.extras.remove(&key);
                Ok(())
            }
            (SharedKey::UsageExtra(plan, key), put) => self.put_usage_extra(&plan, key, put),
            (SharedKey::ClientCertificate(id), put) => self.put_client_certificate(id, put),
            (SharedKey::VpcLink(id), put) => self.put_vpc_link(id, put),
            (SharedKey::Account, put) => {
                self.account = match put {
                    Some(SharedPart::Account(account)) => Arc::new(account),
                    _ => Arc::new(Account::default()),
                };
                Ok(())
            }
        }
    }

    fn put_api_key(&mut self, id: ApiKeyId, put: Option<SharedPart>) -> Result<(), Rejection> {
        let Some(SharedPart::ApiKey(new)) = put else {
            self.api_keys.remove(&id);
            for plan in self.usage_plans.values_mut() {
                if plan.keys.contains(&id) {
                    let plan = Arc::make_mut(plan);
                    plan.keys.remove(&id);
                    plan.extras.remove(&id);
                }
            }
            return Ok(());
        };
        if !self.api_keys.contains_key(&id) {
            room(&self.api_keys, ResourceKind::Part, limits::API_KEYS_MAX)?;
        }
        let taken = |other: &Arc<ApiKey>| other.value == new.value && other.id != id;
        if self.api_keys.values().any(taken) {
            return Err(Rejection::conflict(
                ResourceKind::Part,
                "API Key already exists",
            ));
        }
        self.api_keys.insert(id, (*new).into());
        Ok(())
    }

    fn put_usage_plan(
        &mut self,
        id: UsagePlanId,
        put: Option<SharedPart>,
    ) -> Result<(), Rejection> {
        let Some(SharedPart::UsagePlan(mut new)) = put else {
            let known = self.usage_plans.get(&id);
            if known.is_some_and(|plan| !plan.stages.is_empty()) {
                return Err(Rejection::invalid(
                    "usageplanId",
                    "Cannot delete Usage Plan as API Stages are still associated with it",
                ));
            }
            self.usage_plans.remove(&id);
            return Ok(());
        };
        room_for(
            &self.usage_plans,
            &id,
            ResourceKind::Part,
            limits::CLUSTER_THINGS_MAX,
        )?;
        if let Some(known) = self.usage_plans.get(&id) {
            new.keys.clone_from(&known.keys);
            new.extras.clone_from(&known.extras);
        }
        for stage in &new.stages {
            let api = self.apis.get(&stage.api);
            if api.is_none_or(|api| !api.stages.contains_key(&stage.stage)) {
                return Err(Rejection::Missing(format!(
                    "Invalid API Stage {{api: {}, stage: {}}} specified for usageplan {id}",
                    stage.api, stage.stage
                )));
            }
        }
        for key in &new.keys {
            self.one_plan(&new, key)?;
        }
        self.usage_plans.insert(id, (*new).into());
        Ok(())
    }

    fn add_plan_key(&mut self, plan: &UsagePlanId, key: ApiKeyId) -> Result<(), Rejection> {
        if !self.api_keys.contains_key(&key) {
            return Err(missing("Invalid API Key identifier specified"));
        }
        let plans = self.usage_plans.values();
        if plans.filter(|plan| plan.keys.contains(&key)).count() >= limits::PLANS_PER_KEY_MAX {
            let max = limits::PLANS_PER_KEY_MAX;
            let kind = ResourceKind::Part;
            return Err(Rejection::Limit { kind, max });
        }
        let known = self.usage_plans.get(plan);
        let known = known.ok_or_else(|| missing("Invalid Usage Plan ID specified"))?;
        self.one_plan(known, &key)?;
        self.plan_mut(plan)?.keys.insert(key);
        Ok(())
    }

    fn put_usage_extra(
        &mut self,
        plan: &UsagePlanId,
        key: ApiKeyId,
        put: Option<SharedPart>,
    ) -> Result<(), Rejection> {
        let plan = self.plan_mut(plan)?;
        if !plan.keys.contains(&key) {
            return Err(missing("Invalid API Key identifier specified"));
        }
        if let Some(SharedPart::UsageExtra(extra)) = put {
            plan.extras.insert(key, extra);
        } else {
            plan.extras.remove(&key);
        }
        Ok(())
    }

    /// Which plan counts a request must be clear: one for each key and stage.
    fn one_plan(&self, plan: &UsagePlan, key: &ApiKeyId) -> Result<(), Rejection> {
        for stage in &plan.stages {
            let mut others = self.plans_of(key, &stage.api, &stage.stage);
            if others.any(|other| other.id != plan.id) {
                return Err(Rejection::conflict(
                    ResourceKind::Part,
                    format!(
                        "Usage Plan {} cannot be added because API Key {key} cannot reference \
                         multiple Usage Plans with the same API stage: {}:{}",
                        plan.id, stage.api, stage.stage
                    ),
                ));
            }
        }
        Ok(())
    }

    fn plan_mut(&mut self, id: &UsagePlanId) -> Result<&mut UsagePlan, Rejection> {
        let plan = self.usage_plans.get_mut(id).map(Arc::make_mut);
        plan.ok_or_else(|| missing("Invalid Usage Plan ID specified"))
    }

    fn put_client_certificate(
        &mut self,
        id: ClientCertificateId,
        put: Option<SharedPart>,
    ) -> Result<(), Rejection> {
        if let Some(SharedPart::ClientCertificate(new)) = put {
            let max = limits::CLUSTER_THINGS_MAX;
            room_for(&self.client_certificates, &id, ResourceKind::Part, max)?;
            self.client_certificates.insert(id, (*new).into());
            return Ok(());
        }
        let user = self.apis.values().find(|api| {
            api.stages.values().any(|stage| {
                let rest = stage
                    .rest()
                    .and_then(|rest| rest.client_certificate.as_ref());
                let v2 = stage.v2().and_then(|v2| v2.client_certificate.as_ref());
                rest.or(v2) == Some(&id)
            })
        });
        if let Some(api) = user {
            return Err(Rejection::invalid(
                "clientCertificateId",
                format!(
                    "Cannot delete client certificate {id}, a stage of API {} uses it",
                    api.id
                ),
            ));
        }
        self.client_certificates.remove(&id);
        Ok(())
    }

    fn put_vpc_link(&mut self, id: VpcLinkId, put: Option<SharedPart>) -> Result<(), Rejection> {
        if let Some(SharedPart::VpcLink(new)) = put {
            room_for(
                &self.vpc_links,
                &id,
                ResourceKind::Part,
                limits::CLUSTER_THINGS_MAX,
            )?;
            self.vpc_links.insert(id, (*new).into());
            return Ok(());
        }
        if let Some((api, user)) = self.link_user(id.as_str()) {
            return Err(Rejection::invalid(
                "vpcLinkId",
                format!(
                    "Cannot delete vpc link. Vpc link '{id}' is referenced by Integration '{}' of \
                     API '{}'",
                    user.id, api.id
                ),
            ));
        }
        for api in self.apis.keys() {
            let Some((_, rest)) = self.rest_api(api.as_str()) else {
                continue;
            };
            let mut methods = rest.content.methods();
            let user = methods.find(|(_, _, method)| {
                let integration = method.integration.as_ref();
                let used = integration.and_then(|one| one.settings.connection_id.as_deref());
                used == Some(id.as_str())
            });
            if let Some((resource, verb, _)) = user {
                return Err(Rejection::invalid(
                    "vpcLinkId",
                    format!(
                        "Cannot delete vpc link. Vpc link '{id}', is referenced in \
                         [{verb}:{}:{api}] in format of [Method:Resource:API].",
                        resource.id
                    ),
                ));
            }
        }
        self.vpc_links.remove(&id);
        Ok(())
    }

    /// The tags of something beside APIs, by the end of its ARN.
    pub(super) fn shared_tags(
        &mut self,
        kind: &str,
        id: &str,
    ) -> Option<&mut BTreeMap<String, String>> {
        match kind {
            "apikeys" => Some(&mut Arc::make_mut(self.api_keys.get_mut(id)?).tags),
            "usageplans" => Some(&mut Arc::make_mut(self.usage_plans.get_mut(id)?).tags),
            "clientcertificates" => {
                Some(&mut Arc::make_mut(self.client_certificates.get_mut(id)?).tags)
            }
            "vpclinks" => Some(&mut Arc::make_mut(self.vpc_links.get_mut(id)?).tags),
            _ => None,
        }
    }
}
