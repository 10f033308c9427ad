//! Reading pieces of REST APIs and of what stands beside APIs, as they are now.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Account, Definition, DocumentationVersion, RestApi, RestKey, RestPart, Settings, SharedKey,
    SharedPart, StageSettings, UsagePlan,
};
use crate::{Api, ApiId, ApiKeyId, ApiKind, Config, Stage, StageName};

impl Api {
    /// A piece of a REST API as it is now.
    #[must_use]
    pub fn part(&self, key: &RestKey) -> Option<RestPart> {
        let ApiKind::Rest(rest) = &self.kind else {
            return None;
        };
        let content = &rest.content;
        let method = |id, verb| content.resources.get(id)?.methods.get(verb);
        Some(match key {
            RestKey::Settings => RestPart::Settings(Settings::of(self)?.into()),
            RestKey::Definition => RestPart::Definition(Box::new(Definition {
                settings: Settings::of(self)?,
                content: Arc::clone(content),
            })),
            RestKey::Resource(id) => {
                let resource = content.resources.get(id)?;
                RestPart::Resource(resource.parent.clone(), resource.part.clone())
            }
            RestKey::Method(id, verb) => {
                RestPart::Method(method(id, verb)?.settings.clone().into())
            }
            RestKey::MethodResponse(id, verb, status) => {
                let response = method(id, verb)?.responses.get(status)?;
                RestPart::MethodResponse(response.clone().into())
            }
            RestKey::Integration(id, verb) => {
                let integration = method(id, verb)?.integration.as_ref()?;
                RestPart::Integration(integration.settings.clone().into())
            }
            RestKey::IntegrationResponse(id, verb, status) => {
                let integration = method(id, verb)?.integration.as_ref()?;
                let response = integration.responses.get(status)?;
                RestPart::IntegrationResponse(response.clone().into())
            }
            RestKey::Model(name) => RestPart::Model(copy(content.models.get(name))?),
            RestKey::Validator(id) => RestPart::Validator(copy(content.validators.get(id))?),
            RestKey::Authorizer(id) => RestPart::Authorizer(copy(content.authorizers.get(id))?),
            RestKey::GatewayResponse(kind) => {
                RestPart::GatewayResponse(copy(content.gateway_responses.get(kind))?)
            }
            RestKey::DocumentationPart(id) => {
                RestPart::DocumentationPart(copy(content.documentation.get(id))?)
            }
            RestKey::DocumentationVersion(version) => {
                let found = rest.documentation_versions.get(version)?;
                RestPart::DocumentationVersion(Box::new(DocumentationVersion {
                    parts: BTreeMap::new(),
                    ..DocumentationVersion::clone(found)
                }))
            }
            RestKey::Stage(name) => RestPart::Stage(self.stages.get(name)?.clone().into()),
        })
    }
}

fn copy<T: Clone>(part: Option<&Arc<T>>) -> Option<Box<T>> {
    part.map(|part| Box::new(T::clone(part)))
}

impl Config {
    /// A piece beside APIs as it is now.
    #[must_use]
    pub fn shared_part(&self, key: &SharedKey) -> Option<SharedPart> {
        Some(match key {
            SharedKey::ApiKey(id) => SharedPart::ApiKey(copy(self.api_keys.get(id))?),
            SharedKey::UsagePlan(id) => {
                let mut plan = copy(self.usage_plans.get(id))?;
                plan.keys.clear();
                plan.extras.clear();
                SharedPart::UsagePlan(plan)
            }
            SharedKey::UsagePlanKey(plan, key) => {
                let plan = self.usage_plans.get(plan)?;
                plan.keys
                    .contains(key)
                    .then_some(SharedPart::UsagePlanKey)?
            }
            SharedKey::UsageExtra(plan, key) => {
                let plan = self.usage_plans.get(plan)?;
                SharedPart::UsageExtra(*plan.extras.get(key)?)
            }
            SharedKey::ClientCertificate(id) => {
                SharedPart::ClientCertificate(copy(self.client_certificates.get(id))?)
            }
            SharedKey::VpcLink(id) => SharedPart::VpcLink(copy(self.vpc_links.get(id))?),
            SharedKey::Account => SharedPart::Account(Account::clone(&self.account)),
        })
    }

    /// The REST API `id`; none for other kinds.
    #[must_use]
    pub fn rest_api(&self, id: &str) -> Option<(&Arc<Api>, &RestApi)> {
        let api = self.apis.get(id)?;
        match &api.kind {
            ApiKind::Rest(rest) => Some((api, rest)),
            ApiKind::Http(_) | ApiKind::WebSocket(_) => None,
        }
    }

    /// The tags of a REST API, its stage, or what stands beside APIs, by the end of its ARN.
    #[must_use]
    pub fn tags(&self, path: &str) -> Option<&BTreeMap<String, String>> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["restapis", id] => Some(&self.rest_api(id)?.0.tags),
            ["restapis", id, "stages", stage] => {
                Some(&self.rest_api(id)?.0.stages.get(*stage)?.tags)
            }
            [
                "domainnameaccessassociations",
                "domainname",
                name,
                "vpcesource",
                source,
            ] => {
                let private = self.domains.get(*name)?.private.as_ref()?;
                Some(private.associations.get(*source)?)
            }
            ["apikeys", id] => Some(&self.api_keys.get(*id)?.tags),
            ["usageplans", id] => Some(&self.usage_plans.get(*id)?.tags),
            ["clientcertificates", id] => Some(&self.client_certificates.get(*id)?.tags),
            ["vpclinks", id] => Some(&self.vpc_links.get(*id)?.tags),
            _ => None,
        }
    }

    /// Usage plans by which a key opens the stage of an API.
    pub fn plans_of<'c>(
        &'c self,
        key: &'c ApiKeyId,
        api: &'c ApiId,
        stage: &'c StageName,
    ) -> impl Iterator<Item = &'c Arc<UsagePlan>> {
        self.usage_plans
            .values()
            .filter(move |plan| plan.keys.contains(key) && plan.covers(api, stage))
    }
}

impl UsagePlan {
    /// Whether the stage of an API may be used by it.
    #[must_use]
    pub fn covers(&self, api: &ApiId, stage: &StageName) -> bool {
        self.stages
            .iter()
            .any(|covered| covered.api == *api && covered.stage == *stage)
    }
}

impl Stage {
    /// What it has as a REST API's stage.
    #[must_use]
    pub fn rest(&self) -> Option<&StageSettings> {
        self.rest.as_deref()
    }
}
