//! Changes to custom domains, their mappings, and tags.

use std::{collections::BTreeMap, sync::Arc};

use super::{private_domain::PrivatePatch, room};
use crate::{
    ApiId, ApiMapping, Config, DomainId, DomainName, DomainPatch, MappingId, MappingPatch, Op,
    Rejection, ResourceKind, StageName, limits,
};

impl Config {
    pub(super) fn perform_domain(&mut self, op: Op) -> Result<(), Rejection> {
        match op {
            Op::CreateDomain(domain) => self.create_domain(*domain),
            Op::UpdateDomain(name, patch) => self.update_domain(&name, patch),
            Op::DeleteDomain(name) => match self.domains.remove(&name) {
                Some(_) => Ok(()),
                None => Err(Rejection::not_found(ResourceKind::DomainName, name)),
            },
            Op::CreateMapping(name, mapping) => self.create_mapping(&name, mapping),
            Op::UpdateMapping(name, id, patch) => self.update_mapping(&name, &id, patch),
            Op::DeleteMapping(name, id) => match self.domain_mut(&name)?.mappings.remove(&id) {
                Some(_) => Ok(()),
                None => Err(Rejection::not_found(ResourceKind::ApiMapping, id)),
            },
            Op::Routing(name, change) => self.change_routing(&name, *change),
            Op::Tag { target, set, unset } => self.tag(&target, set, &unset),
            // `perform` sends nothing else here.
            _ => Ok(()),
        }
    }

    fn create_domain(&mut self, domain: DomainName) -> Result<(), Rejection> {
        room(&self.domains, ResourceKind::DomainName, limits::DOMAINS_MAX)?;
        if self.domains.contains_key(&domain.name) {
            return Err(Rejection::conflict(
                ResourceKind::DomainName,
                "The domain name you provided already exists.",
            ));
        }
        self.certificate_covers(&domain)?;
        self.domains.insert(domain.name.clone(), Arc::new(domain));
        Ok(())
    }

    fn update_domain(&mut self, name: &DomainId, patch: DomainPatch) -> Result<(), Rejection> {
        if let Some(certificate) = &patch.certificate {
            self.not_a_step_back(name, certificate)?;
        }
        let domain = self.domain_mut(name)?;
        if let Some(certificate) = patch.certificate {
            domain.certificate = certificate;
        }
        if let Some(endpoint) = patch.endpoint {
            domain.endpoint = endpoint;
        }
        if let Some(ip_address_type) = patch.ip_address_type {
            domain.ip_address_type = ip_address_type;
        }
        if let Some(security_policy) = patch.security_policy {
            domain.security_policy = security_policy;
        }
        if let Some(mode) = patch.routing_mode {
            domain.routing.mode = mode;
        }
        let private = PrivatePatch {
            policy: patch.policy,
            management_policy: patch.management_policy,
            association: patch.association,
        };
        private.apply_to(domain)?;
        let domain = domain.clone();
        self.certificate_covers(&domain)
    }

    /// A domain that has a certificate is not left without one.
    fn not_a_step_back(
        &self,
        name: &DomainId,
        next: &crate::CertificateId,
    ) -> Result<(), Rejection> {
        let issued = |id| {
            self.certificates
                .get(id)
                .is_some_and(|known| known.is_issued())
        };
        let domain = self.domains.get(name);
        let served = domain.is_some_and(|domain| issued(&domain.certificate));
        if !served || issued(next) || !self.certificates.contains_key(next) {
            return Ok(());
        }
        Err(Rejection::conflict(
            ResourceKind::Certificate,
            "the certificate has not been issued yet, and the domain has one; it is ordered all \
             the same, so point the domain to it once its status is ISSUED",
        ))
    }

    fn certificate_covers(&self, domain: &DomainName) -> Result<(), Rejection> {
        let certificate = self
            .certificates
            .get(&domain.certificate)
            .ok_or_else(|| Rejection::not_found(ResourceKind::Certificate, &domain.certificate))?;
        let name = domain.name.as_str();
        // A wildcard stands for exactly one label (RFC 6125, section 6.4.3).
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let covers = |given: &String| {
            given == name
                || given
                    .strip_prefix("*.")
                    .is_some_and(|rest| Some(rest) == parent)
        };
        if certificate.names.iter().any(covers) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "certificateArn",
            format!(
                "the certificate is not valid for {name}; its names are {:?}",
                { &certificate.names }
            ),
        ))
    }

    fn create_mapping(&mut self, name: &DomainId, mapping: ApiMapping) -> Result<(), Rejection> {
        self.mapped_stage(&mapping.api, &mapping.stage)?;
        self.one_protocol(name, &mapping)?;
        let domain = self.domain_mut(name)?;
        let max = limits::MAPPINGS_PER_DOMAIN_MAX;
        room(&domain.mappings, ResourceKind::ApiMapping, max)?;
        free_key(domain, &mapping)?;
        domain.mappings.insert(mapping.id.clone(), mapping);
        Ok(())
    }

    fn update_mapping(
        &mut self,
        name: &DomainId,
        id: &MappingId,
        patch: MappingPatch,
    ) -> Result<(), Rejection> {
        let domain = self.domain_mut(name)?;
        let mut mapping = domain
            .mappings
            .get(id)
            .cloned()
            .ok_or_else(|| Rejection::not_found(ResourceKind::ApiMapping, id))?;
        mapping.api = patch.api.unwrap_or(mapping.api);
        mapping.stage = patch.stage.unwrap_or(mapping.stage);
        mapping.key = patch.key.unwrap_or(mapping.key);
        free_key(domain, &mapping)?;
        self.mapped_stage(&mapping.api, &mapping.stage)?;
        self.one_protocol(name, &mapping)?;
        self.domain_mut(name)?.mappings.insert(id.clone(), mapping);
        Ok(())
    }

    pub(super) fn mapped_stage(&self, api: &ApiId, stage: &StageName) -> Result<(), Rejection> {
        let found = self
            .apis
            .get(api)
            .ok_or_else(|| Rejection::not_found(ResourceKind::Api, api))?;
        // A stage that only a rollout has may be gone again soon.
        let settled = self.rollouts.get(api);
        let settled = settled.is_none_or(|rollout| rollout.before.stages.contains_key(stage));
        // A REST API's stage may be left to the path of each request.
        let open = stage.as_str().is_empty() && matches!(found.kind, crate::ApiKind::Rest(_));
        if open || settled && found.stages.contains_key(stage) {
            return Ok(());
        }
        Err(Rejection::not_found(ResourceKind::Stage, stage))
    }

    pub(super) fn domain_mut(&mut self, name: &DomainId) -> Result<&mut DomainName, Rejection> {
        let domain = self.domains.get_mut(name);
        domain
            .map(Arc::make_mut)
            .ok_or_else(|| Rejection::not_found(ResourceKind::DomainName, name))
    }

    fn tag(
        &mut self,
        target: &str,
        set: BTreeMap<String, String>,
        unset: &[String],
    ) -> Result<(), Rejection> {
        let parts: Vec<&str> = target.trim_matches('/').split('/').collect();
        let tags = match parts.as_slice() {
            ["apis" | "restapis", api] => &mut self.api_mut(&ApiId::from(*api))?.tags,
            ["apis" | "restapis", api, "stages", stage] => {
                let missing = Rejection::not_found(ResourceKind::Stage, stage);
                let api = self.api_mut(&ApiId::from(*api))?;
                &mut api.stages.get_mut(*stage).ok_or(missing)?.tags
            }
            ["domainnames", name] => &mut self.domain_mut(&DomainId::from(*name))?.tags,
            [
                "domainnameaccessassociations",
                "domainname",
                name,
                "vpcesource",
                source,
            ] => {
                let missing = Rejection::not_found(ResourceKind::Part, target);
                let private = self.domain_mut(&DomainId::from(*name))?.private.as_mut();
                let found = private.and_then(|private| private.associations.get_mut(*source));
                found.ok_or(missing)?
            }
            [kind, id] => {
                let missing = Rejection::not_found(ResourceKind::Part, target);
                self.shared_tags(kind, id).ok_or(missing)?
            }
            _ => {
                return Err(Rejection::invalid(
                    "resource-arn",
                    format!("{target} is not something that can be tagged"),
                ));
            }
        };
        tags.retain(|key, _| !unset.contains(key));
        tags.extend(set);
        if tags.len() <= limits::TAGS_MAX {
            return Ok(());
        }
        Err(Rejection::invalid(
            "tags",
            format!("at most {} tags are allowed", limits::TAGS_MAX),
        ))
    }
}

fn free_key(domain: &DomainName, mapping: &ApiMapping) -> Result<(), Rejection> {
    let taken = |other: &ApiMapping| other.key == mapping.key && other.id != mapping.id;
    if domain.mappings.values().any(taken) {
        return Err(Rejection::conflict(
            ResourceKind::ApiMapping,
            "ApiMapping key already exists for this domain name",
        ));
    }
    Ok(())
}
