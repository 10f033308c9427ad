//! Changes to APIs and their deployments; what an HTTP or WebSocket API consists of is next door,
//! and so are stages.

use std::sync::Arc;

use super::{Context, http_content::Existing, room, text};
use crate::{
    Api, ApiId, ApiKind, Config, Content, CreateHttpApi, Deployment, DeploymentId, HttpContent, Op,
    Rejection, ResourceKind, Stage, StageName, limits,
};

impl Config {
    pub(super) fn perform_api(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::CreateHttpApi(new) => self.create_http_api(*new, context),
            Op::DeleteApi(id) => self.delete_api(&id),
            Op::RollBackApi(id, to) => self.roll_back(&id, to, context),
            Op::DeleteStage(api, name) => self.delete_stage(&api, &name, context),
            Op::ReplaceHttpApi(id, new) => {
                self.links_exist(&new.content)?;
                self.edit(&id, context, |api| api.replace_http(*new))
            }
            Op::UpdateApi(id, patch) => self.edit(&id, context, |api| api.patch(*patch)),
            Op::DeleteCors(id) => self.edit(&id, context, |api| {
                api.content_mut()?.cors = None;
                Ok(())
            }),
            Op::CreateIntegration(..)
            | Op::UpdateIntegration(..)
            | Op::DeleteIntegration(..)
            | Op::CreateRoute(..)
            | Op::UpdateRoute(..)
            | Op::DeleteRoute(..)
            | Op::V2(..) => self.perform_content(op, context),
            Op::CreateStage(api, stage) => {
                self.stage_references(stage.v2())?;
                self.edit(&api, context, |api| api.create_stage(stage, context))
            }
            Op::UpdateStage(api, name, patch) => {
                self.certificate_exists(patch.client_certificate.as_deref())?;
                self.edit(&api, context, |api| api.patch_stage(&name, patch, context))
            }
            Op::CreateDeployment {
                api,
                id,
                description,
                stage,
            } => self.edit(&api, context, |a| {
                a.deploy(id, description, stage.as_ref(), context)
            }),
            Op::UpdateDeployment(api, id, description) => self.edit(&api, context, |api| {
                let deployment = api.deployments.get_mut(&id);
                let deployment = deployment
                    .ok_or_else(|| Rejection::not_found(ResourceKind::Deployment, &id))?;
                Arc::make_mut(deployment).description = description.and_then(text);
                Ok(())
            }),
            Op::DeleteDeployment(api, id) => {
                self.edit(&api, context, |api| api.delete_deployment(&id))
            }
            // `perform` sends nothing else here.
            _ => Ok(()),
        }
    }

    pub(super) fn api_mut(&mut self, id: &ApiId) -> Result<&mut Api, Rejection> {
        let api = self.apis.get_mut(id).map(Arc::make_mut);
        api.ok_or_else(|| Rejection::not_found(ResourceKind::Api, id))
    }

    /// Alters an API, then deploys it to its automatic stages if what is served has changed.
    pub(super) fn edit(
        &mut self,
        id: &ApiId,
        context: &Context,
        alter: impl FnOnce(&mut Api) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let api = self.api_mut(id)?;
        let before = api.served_parts();
        alter(api)?;
        api.deploy_automatically(context)?;
        if api.served_parts() != before {
            api.served = context.revision;
        }
        Ok(())
    }

    fn create_http_api(&mut self, new: CreateHttpApi, context: &Context) -> Result<(), Rejection> {
        room(&self.apis, ResourceKind::Api, limits::APIS_MAX)?;
        let mut api = new.api;
        if self.apis.contains_key(&api.id) {
            return Err(Rejection::conflict(
                ResourceKind::Api,
                format!("{} exists", api.id),
            ));
        }
        api.served = context.revision;
        self.links_exist(api.content_mut()?)?;
        if let Some(quick) = new.quick {
            let content = api.content_mut()?;
            content.add_integration(quick.integration)?;
            content.put_route(quick.route, Existing::No)?;
            api.create_stage(quick.stage, context)?;
            api.deploy_automatically(context)?;
        }
        self.apis.insert(api.id.clone(), Arc::new(api));
        Ok(())
    }

    fn delete_api(&mut self, id: &ApiId) -> Result<(), Rejection> {
        if !self.apis.contains_key(id) {
            return Err(Rejection::not_found(ResourceKind::Api, id));
        }
        self.not_mapped(id, None)?;
        self.not_planned(id, None)?;
        self.apis.remove(id);
        Ok(())
    }

    fn delete_stage(
        &mut self,
        id: &ApiId,
        name: &StageName,
        context: &Context,
    ) -> Result<(), Rejection> {
        self.not_mapped(id, Some(name))?;
        self.not_planned(id, Some(name))?;
        self.edit(id, context, |api| match api.stages.remove(name) {
            Some(_) => Ok(()),
            None => Err(Rejection::not_found(ResourceKind::Stage, name)),
        })
    }

    fn not_mapped(&self, api: &ApiId, stage: Option<&StageName>) -> Result<(), Rejection> {
        let user = self.domains.values().find(|domain| {
            let used =
                |by: (&ApiId, &StageName)| by.0 == api && stage.is_none_or(|stage| by.1 == stage);
            let mut mappings = domain.mappings.values();
            let mut rules = domain.routing.rules.values();
            mappings.any(|one| used((&one.api, &one.stage)))
                || rules.any(|one| used((&one.api, &one.stage)))
        });
        let Some(domain) = user else { return Ok(()) };
        Err(Rejection::invalid(
            "apiId",
            format!(
                "Deleting this is not allowed: domain {} has a mapping or rule that leads to it",
                domain.name
            ),
        ))
    }
}

impl Api {
    /// The editable content of an HTTP or WebSocket API; REST APIs do not exist for v2.
    pub(super) fn content_mut(&mut self) -> Result<&mut HttpContent, Rejection> {
        match &mut self.kind {
            ApiKind::Http(http) => Ok(&mut http.content),
            ApiKind::WebSocket(socket) => Ok(&mut socket.content),
            ApiKind::Rest(_) => Err(Rejection::not_found(ResourceKind::Api, &self.id)),
        }
    }

    /// A copy of what a deployment freezes; those of REST APIs are made elsewhere.
    fn frozen(&self) -> Option<Content> {
        match &self.kind {
            ApiKind::Http(http) => Some(Content::Http(http.content.clone())),
            ApiKind::WebSocket(socket) => Some(Content::WebSocket(socket.content.clone())),
            ApiKind::Rest(_) => None,
        }
    }

    /// What decides what clients get: deployments in use, variables and switches.
    fn served_parts(&self) -> Vec<(StageName, Option<DeploymentId>, u64)> {
        let switch = u64::from(self.disable_execute_api_endpoint);
        let stages = self.stages.values().map(|stage| {
            let rest = &stage.rest;
            let (v2, variables) = (&stage.v2, &stage.variables);
            let text = format!("{variables:?}{switch}{:?}{rest:?}{v2:?}", self.endpoint);
            (
                stage.name.clone(),
                stage.deployment.clone(),
                crate::codec::digest(text.as_bytes()),
            )
        });
        stages.collect()
    }

    pub(super) fn has_deployment(&self, id: &DeploymentId) -> Result<(), Rejection> {
        if self.deployments.contains_key(id) {
            return Ok(());
        }
        Err(Rejection::not_found(ResourceKind::Deployment, id))
    }

    fn deploy(
        &mut self,
        id: DeploymentId,
        description: Option<String>,
        stage: Option<&StageName>,
        context: &Context,
    ) -> Result<(), Rejection> {
        self.room_to_deploy()?;
        if self.content_mut()?.routes.is_empty() {
            return Err(Rejection::invalid(
                "apiId",
                "At least one route is required before deploying the Api.",
            ));
        }
        if let Some(name) = stage {
            let stage = self.stages.get_mut(name);
            let stage = stage.ok_or_else(|| Rejection::not_found(ResourceKind::Stage, name))?;
            if stage.auto_deploy {
                return Err(Rejection::invalid(
                    "stageName",
                    "Deployment cannot be created: the stage has auto deploy enabled",
                ));
            }
            stage.deployment = Some(id.clone());
            stage.updated_ms = context.at_ms;
        }
        let missing = || Rejection::not_found(ResourceKind::Api, &self.id);
        let content = self.frozen().ok_or_else(missing)?;
        let mut deployment = Deployment::of(id.clone(), content, context.at_ms);
        deployment.description = description;
        self.deployments.insert(id, Arc::new(deployment));
        Ok(())
    }

    pub(super) fn room_to_deploy(&self) -> Result<(), Rejection> {
        let made = self
            .deployments
            .values()
            .filter(|deployment| !deployment.auto);
        let max = limits::DEPLOYMENTS_PER_API_MAX;
        if made.count() < max {
            return Ok(());
        }
        let kind = ResourceKind::Deployment;
        Err(Rejection::Limit { kind, max })
    }

    /// Points every automatic stage to a fresh copy, unless it has an equal one already.
    fn deploy_automatically(&mut self, context: &Context) -> Result<(), Rejection> {
        // Stages of other kinds never deploy automatically.
        let Some(content) = self.frozen() else {
            return Ok(());
        };
        let current = |stage: &Stage| {
            let serving = stage
                .deployment
                .as_ref()
                .and_then(|id| self.deployments.get(id));
            serving.is_some_and(|deployment| deployment.content == content)
        };
        if self
            .stages
            .values()
            .all(|stage| !stage.auto_deploy || current(stage))
        {
            return Ok(());
        }
        let id = context.spare_deployment.clone();
        if self.deployments.contains_key(&id) {
            return Err(Rejection::conflict(
                ResourceKind::Deployment,
                format!("{id} exists"),
            ));
        }
        for stage in self.stages.values_mut().filter(|stage| stage.auto_deploy) {
            stage.deployment = Some(id.clone());
            stage.updated_ms = context.at_ms;
            let status = format!("Successfully deployed stage with deployment ID '{id}'");
            stage.last_deployment_status = Some(status);
        }
        let mut deployment = Deployment::of(id.clone(), content, context.at_ms);
        deployment.auto = true;
        deployment.description = Some(
            "Automatic deployment triggered by changes to the Api \
                                       configuration"
                .to_owned(),
        );
        self.deployments.insert(id, Arc::new(deployment));
        self.forget_old_automatic();
        Ok(())
    }

    fn forget_old_automatic(&mut self) {
        let in_use = |id: &DeploymentId| {
            self.stages
                .values()
                .any(|stage| stage.deployment.as_ref() == Some(id))
        };
        let idle = self
            .deployments
            .values()
            .filter(|old| old.auto && !in_use(&old.id));
        let mut idle: Vec<_> = idle.map(|old| (old.created_ms, old.id.clone())).collect();
        idle.sort();
        let surplus = idle.len().saturating_sub(limits::AUTO_DEPLOYMENTS_KEPT);
        for (_, id) in idle.into_iter().take(surplus) {
            self.deployments.remove(&id);
        }
    }

    fn delete_deployment(&mut self, id: &DeploymentId) -> Result<(), Rejection> {
        self.has_deployment(id)?;
        if self.stages.values().any(|stage| stage.serves(id)) {
            return Err(Rejection::invalid(
                "deploymentId",
                "Active stages pointing to this deployment must be moved or deleted",
            ));
        }
        self.deployments.remove(id);
        Ok(())
    }
}
