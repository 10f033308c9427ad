//! Changes to REST APIs: conditional replacement of pieces, stages, deployments.

use std::sync::Arc;

use super::{Context, room};
use crate::{
    Api, ApiId, ApiKind, Config, Content, Deployment, DeploymentId, Op, Rejection, ResourceKind,
    Stage, StageName, limits,
    rest::{
        Definition, Deploy, DeployStage, RestApi, RestChange, RestKey, RestPart, Seen, Settings,
        StageSettings,
    },
};

/// What Amazon says when somebody else was faster; its clients try again.
pub(super) const CONCURRENT: &str =
    "Unable to complete operation due to concurrent modification. Please try again later.";

impl Config {
    pub(super) fn perform_rest(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::CreateRestApi(api) => self.create_rest_api(*api, context),
            Op::Rest(id, change) => {
                self.references(&change)?;
                self.edit(&id, context, |api| api.change(*change, context))
            }
            Op::DeployRest(id, deploy) => {
                self.edit(&id, context, |api| api.deploy_rest(*deploy, context))
            }
            // `perform` sends nothing else here.
            _ => Ok(()),
        }
    }

    fn create_rest_api(&mut self, mut api: Api, context: &Context) -> Result<(), Rejection> {
        room(&self.apis, ResourceKind::Api, limits::APIS_MAX)?;
        if self.apis.contains_key(&api.id) {
            return Err(concurrent());
        }
        api.served = context.revision;
        api.rest_mut()?.content.check()?;
        self.rest_links_exist(&api.rest_mut()?.content)?;
        self.apis.insert(api.id.clone(), Arc::new(api));
        Ok(())
    }

    /// What a piece refers to outside its API.
    fn references(&self, change: &RestChange) -> Result<(), Rejection> {
        match &change.put {
            Some(RestPart::Stage(stage)) => {
                let wanted = stage
                    .rest()
                    .and_then(|rest| rest.client_certificate.as_ref());
                if wanted.is_some_and(|id| !self.client_certificates.contains_key(id)) {
                    return Err(Rejection::invalid(
                        "clientCertificateId",
                        "Invalid client certificate identifier specified",
                    ));
                }
            }
            Some(RestPart::Integration(integration)) => {
                self.rest_link_exists(integration.connection_id.as_deref())?;
            }
            Some(RestPart::Definition(definition)) => self.rest_links_exist(&definition.content)?,
            _ => {}
        }
        Ok(())
    }

    fn rest_links_exist(&self, content: &crate::rest::Content) -> Result<(), Rejection> {
        let mut methods = content.methods();
        methods.try_for_each(|(_, _, method)| match &method.integration {
            Some(one) => self.rest_link_exists(one.settings.connection_id.as_deref()),
            None => Ok(()),
        })
    }

    /// A stage variable is known only when a request comes.
    fn rest_link_exists(&self, id: Option<&str>) -> Result<(), Rejection> {
        let wanted = id.filter(|id| !id.contains("${"));
        if wanted.is_none_or(|id| self.vpc_links.contains_key(id)) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "connectionId",
            format!(
                "Invalid Vpc Link identifier specified: {}",
                wanted.unwrap_or_default()
            ),
        ))
    }
}

impl Api {
    fn rest_mut(&mut self) -> Result<&mut RestApi, Rejection> {
        match &mut self.kind {
            ApiKind::Rest(rest) => Ok(rest),
            ApiKind::Http(_) | ApiKind::WebSocket(_) => {
                Err(Rejection::not_found(ResourceKind::Api, &self.id))
            }
        }
    }

    /// Puts or removes a piece, if it is still what its writer saw.
    fn change(&mut self, change: RestChange, context: &Context) -> Result<(), Rejection> {
        let RestChange { key, seen, put } = change;
        let now = self.part(&key);
        if !seen.holds(now.as_ref()) {
            return Err(match (seen, exists(&key)) {
                (Seen::Nothing, Some(text)) => Rejection::conflict(ResourceKind::Part, text),
                _ => concurrent(),
            });
        }
        let new = now.is_none();
        if put.is_none() && new {
            return Err(concurrent());
        }
        match (key, put) {
            (RestKey::Settings, Some(RestPart::Settings(settings))) => {
                settings.put_into(self);
                Ok(())
            }
            (RestKey::Definition, Some(RestPart::Definition(definition))) => {
                self.redefine(*definition)
            }
            (RestKey::Stage(_), Some(RestPart::Stage(stage))) => {
                self.put_stage(*stage, new, context)
            }
            (RestKey::DocumentationVersion(version), put) => self.put_version(version, put),
            (key, put) => {
                let content = Arc::make_mut(&mut self.rest_mut()?.content);
                content.change(key, put, seen)
            }
        }
    }

    fn redefine(&mut self, definition: Definition) -> Result<(), Rejection> {
        definition.content.check()?;
        let settings: Settings = definition.settings;
        self.rest_mut()?.content = definition.content;
        settings.put_into(self);
        Ok(())
    }

    fn put_stage(&mut self, stage: Stage, new: bool, context: &Context) -> Result<(), Rejection> {
        let rest = stage.rest().cloned().unwrap_or_default();
        let canary = rest.canary.and_then(|canary| canary.deployment);
        for id in stage.deployment.iter().chain(&canary) {
            if !self.deployments.contains_key(id) {
                return Err(Rejection::invalid(
                    "deploymentId",
                    "Deployment id does not exist",
                ));
            }
        }
        if let Some(version) = rest.documentation_version {
            let known = &self.rest_mut()?.documentation_versions;
            if !known.contains_key(&version) {
                return Err(Rejection::Missing(
                    "Invalid Documentation version specified".to_owned(),
                ));
            }
        }
        if new {
            return self.create_stage(stage, context);
        }
        let name = stage.name.clone();
        let stage = Stage {
            updated_ms: context.at_ms,
            ..stage
        };
        self.stages.insert(name, stage);
        Ok(())
    }

    fn put_version(&mut self, version: String, put: Option<RestPart>) -> Result<(), Rejection> {
        let used = |stage: &Stage| {
            let used = stage
                .rest()
                .and_then(|rest| rest.documentation_version.as_ref());
            used == Some(&version)
        };
        if put.is_none() && self.stages.values().any(used) {
            return Err(Rejection::conflict(
                ResourceKind::Part,
                "Cannot delete a documentation version that is associated with a stage",
            ));
        }
        let rest = self.rest_mut()?;
        let Some(RestPart::DocumentationVersion(mut new)) = put else {
            rest.documentation_versions.remove(&version);
            return Ok(());
        };
        let known = &rest.documentation_versions;
        new.parts = match known.get(&version) {
            Some(known) => known.parts.clone(),
            None => {
                let max = limits::DOCUMENTATION_VERSIONS_MAX;
                room(known, ResourceKind::Part, max)?;
                rest.content.documentation.clone()
            }
        };
        rest.documentation_versions.insert(version, (*new).into());
        Ok(())
    }

    fn deploy_rest(&mut self, deploy: Deploy, context: &Context) -> Result<(), Rejection> {
        self.room_to_deploy()?;
        if self.deployments.contains_key(&deploy.id) {
            return Err(concurrent());
        }
        let content = Arc::clone(&self.rest_mut()?.content);
        content.deployable()?;
        let frozen = Content::Rest(content);
        let mut deployment = Deployment::of(deploy.id.clone(), frozen, context.at_ms);
        deployment.description = deploy.description;
        self.deployments
            .insert(deploy.id.clone(), Arc::new(deployment));
        match deploy.stage {
            Some(stage) => self.deploy_to(stage, deploy.id, context),
            None => Ok(()),
        }
    }

    fn deploy_to(
        &mut self,
        wanted: DeployStage,
        id: DeploymentId,
        context: &Context,
    ) -> Result<(), Rejection> {
        let known = self.stages.get(&wanted.name).cloned();
        let new = known.is_none();
        if wanted.canary.is_some() && new {
            let name = &wanted.name;
            return Err(Rejection::invalid(
                "stageName",
                format!(
                    "Invalid deployment content specified.Stage {name} must already be created \
                     before making a canary release deployment"
                ),
            ));
        }
        let mut stage = known.unwrap_or_else(|| Stage::of_rest(wanted.name.clone()));
        let mut rest = stage.rest().cloned().unwrap_or_default();
        match wanted.canary {
            Some(mut canary) => {
                canary.deployment = Some(id);
                rest.canary = Some(canary);
            }
            None => stage.deployment = Some(id),
        }
        stage.description = wanted.description.or(stage.description);
        stage.variables = wanted.variables.unwrap_or(stage.variables);
        rest.cache_cluster = wanted.cache_cluster.unwrap_or(rest.cache_cluster);
        rest.cache_size = wanted.cache_size.or(rest.cache_size);
        rest.tracing = wanted.tracing.unwrap_or(rest.tracing);
        stage.rest = Some(Box::new(rest));
        self.put_stage(stage, new, context)
    }
}

impl Stage {
    /// A REST API's stage with nothing but a name.
    #[must_use]
    pub fn of_rest(name: StageName) -> Self {
        Self {
            name,
            description: None,
            deployment: None,
            auto_deploy: false,
            variables: std::collections::BTreeMap::new(),
            tags: std::collections::BTreeMap::new(),
            created_ms: 0,
            updated_ms: 0,
            managed: false,
            last_deployment_status: None,
            rest: Some(Box::new(StageSettings::default())),
            v2: None,
        }
    }

    /// Whether a deployment must stay because of it.
    pub(super) fn serves(&self, id: &DeploymentId) -> bool {
        let canary = self.rest().and_then(|rest| rest.canary.as_ref());
        let canary = canary.and_then(|canary| canary.deployment.as_ref());
        self.deployment.as_ref() == Some(id) || canary == Some(id)
    }
}

pub(super) fn concurrent() -> Rejection {
    Rejection::conflict(ResourceKind::Part, CONCURRENT)
}

/// What Amazon says of a piece that is new but is there already; ids are chosen at random.
const fn exists(key: &RestKey) -> Option<&'static str> {
    match key {
        RestKey::Method(..) => Some("Method already exists for this resource"),
        RestKey::MethodResponse(..) => Some("Response already exists for this resource"),
        RestKey::Model(_) => Some("Model name already exists for this REST API"),
        RestKey::Stage(_) => Some("Stage already exists"),
        RestKey::DocumentationVersion(_) => {
            Some("Documentation version already exists for this REST API")
        }
        RestKey::Settings
        | RestKey::Definition
        | RestKey::Resource(_)
        | RestKey::Integration(..)
        | RestKey::IntegrationResponse(..)
        | RestKey::Validator(_)
        | RestKey::Authorizer(_)
        | RestKey::GatewayResponse(_)
        | RestKey::DocumentationPart(_) => None,
    }
}

impl Config {
    pub(super) fn not_planned(
        &self,
        api: &ApiId,
        stage: Option<&StageName>,
    ) -> Result<(), Rejection> {
        let user = self.usage_plans.values().find(|plan| {
            let used = |covered: &crate::rest::PlanStage| {
                covered.api == *api && stage.is_none_or(|stage| covered.stage == *stage)
            };
            plan.stages.iter().any(used)
        });
        let Some(plan) = user else { return Ok(()) };
        Err(Rejection::invalid(
            "restApiId",
            format!(
                "Deleting this is not allowed: usage plan {} has an API stage of it",
                plan.id
            ),
        ))
    }
}
