//! Changes to routing rules of custom domains, and what a domain may lead to.

use std::sync::Arc;

use super::{rest::concurrent, room_for};
use crate::{
    ApiKind, ApiMapping, Config, DomainId, Rejection, ResourceKind, limits,
    v2::{RoutingChange, RoutingRule},
};

impl Config {
    /// Puts or removes a rule, if it is still what its writer saw.
    pub(super) fn change_routing(
        &mut self,
        name: &DomainId,
        change: RoutingChange,
    ) -> Result<(), Rejection> {
        let RoutingChange { id, seen, put } = change;
        let now = self.domain_mut(name)?.routing.rules.get(&id).cloned();
        if !seen.holds(now.as_deref()) || (put.is_none() && now.is_none()) {
            return Err(concurrent());
        }
        let Some(new) = put else {
            self.domain_mut(name)?.routing.rules.remove(&id);
            return Ok(());
        };
        self.ruled_stage(&new)?;
        let rules = &mut self.domain_mut(name)?.routing.rules;
        let max = limits::ROUTING_RULES_PER_DOMAIN_MAX;
        room_for(rules, &id, ResourceKind::RoutingRule, max)?;
        let taken = |other: &Arc<RoutingRule>| other.priority == new.priority && other.id != id;
        if rules.values().any(taken) {
            return Err(Rejection::conflict(
                ResourceKind::RoutingRule,
                format!(
                    "A routing rule with priority {} already exists",
                    new.priority
                ),
            ));
        }
        rules.insert(id, Arc::new(new));
        Ok(())
    }

    /// Rules lead to REST APIs alone.
    fn ruled_stage(&self, rule: &RoutingRule) -> Result<(), Rejection> {
        self.mapped_stage(&rule.api, &rule.stage)?;
        let rest = self.rest_api(rule.api.as_str()).is_some();
        if rest && !rule.stage.as_str().is_empty() {
            return Ok(());
        }
        Err(Rejection::invalid(
            "actions",
            "Routing rules can only invoke a stage of a REST API",
        ))
    }

    /// A domain that leads to a WebSocket API leads to nothing else.
    pub(super) fn one_protocol(
        &self,
        name: &DomainId,
        mapping: &ApiMapping,
    ) -> Result<(), Rejection> {
        let socket = |id| {
            let api = self.apis.get(id);
            api.is_some_and(|api| matches!(api.kind, ApiKind::WebSocket(_)))
        };
        let wanted = socket(&mapping.api);
        let mappings = self
            .domains
            .get(name)
            .map(|domain| domain.mappings.values());
        let mut others = mappings
            .into_iter()
            .flatten()
            .filter(|one| one.id != mapping.id);
        if others.all(|other| socket(&other.api) == wanted) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "apiId",
            "Only WebSocket APIs can be mapped to a domain name that a WebSocket API is mapped to",
        ))
    }
}
