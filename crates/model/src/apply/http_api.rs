//! Changes to APIs, their stages and deployments; what an HTTP API consists of is next door.

use std::sync::Arc;

use super::{Context, http_content::Existing, room, text};
use crate::{
    Api, ApiId, ApiKind, ApiPatch, Config, Content, CreateHttpApi, Deployment, DeploymentId,
    HttpContent, Op, Rejection, ResourceKind, Stage, StageName, StagePatch, limits,
};

impl Config {
    pub(super) fn perform_api(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::CreateHttpApi(new) => self.create_http_api(*new, context),
            Op::DeleteApi(id) => self.delete_api(&id),
            Op::RollBackApi(id, to) => self.roll_back(&id, to, context),
            Op::DeleteStage(api, name) => self.delete_stage(&api, &name, context),
            Op::ReplaceHttpApi(id, new) => self.edit(&id, context, |api| api.replace_http(*new)),
            Op::UpdateApi(id, patch) => self.edit(&id, context, |api| api.patch(*patch)),
            Op::DeleteCors(id) => self.edit(&id, context, |api| {
                api.http_mut()?.cors = None;
                Ok(())
            }),
            Op::CreateIntegration(api, new) => {
                self.edit(&api, context, |api| api.http_mut()?.add_integration(new))
            }
            Op::UpdateIntegration(api, id, patch) => self.edit(&api, context, |api| {
                api.http_mut()?.patch_integration(&id, patch)
            }),
            Op::DeleteIntegration(api, id) => {
                self.edit(&api, context, |api| api.http_mut()?.delete_integration(&id))
            }
            Op::CreateRoute(api, route) => self.edit(&api, context, |api| {
                api.http_mut()?.put_route(route, Existing::No)
            }),
            Op::UpdateRoute(api, id, patch) => {
                self.edit(&api, context, |api| api.http_mut()?.patch_route(&id, patch))
            }
            Op::DeleteRoute(api, id) => {
                self.edit(&api, context, |api| api.http_mut()?.delete_route(&id))
            }
            Op::CreateStage(api, stage) => {
                self.edit(&api, context, |api| api.create_stage(stage, context))
            }
            Op::UpdateStage(api, name, patch) => {
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
        if let Some(quick) = new.quick {
            let content = api.http_mut()?;
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
            domain.mappings.values().any(|mapping| {
                mapping.api == *api && stage.is_none_or(|stage| mapping.stage == *stage)
            })
        });
        let Some(domain) = user else { return Ok(()) };
        Err(Rejection::invalid(
            "apiId",
            format!(
                "Deleting this is not allowed: domain {} has a mapping to it",
                domain.name
            ),
        ))
    }
}

impl Api {
    /// The editable content of an HTTP API; other kinds do not exist for these operations.
    pub(super) fn http_mut(&mut self) -> Result<&mut HttpContent, Rejection> {
        match &mut self.kind {
            ApiKind::Http(http) => Ok(&mut http.content),
            ApiKind::Rest(_) => Err(Rejection::not_found(ResourceKind::Api, &self.id)),
        }
    }

    /// What decides what clients get: deployments in use, variables and switches.
    fn served_parts(&self) -> Vec<(StageName, Option<DeploymentId>, u64)> {
        let switch = u64::from(self.disable_execute_api_endpoint);
        let stages = self.stages.values().map(|stage| {
            let rest = &stage.rest;
            let text = format!("{:?}{switch}{:?}{rest:?}", stage.variables, self.endpoint);
            (
                stage.name.clone(),
                stage.deployment.clone(),
                crate::codec::digest(text.as_bytes()),
            )
        });
        stages.collect()
    }

    fn patch(&mut self, patch: ApiPatch) -> Result<(), Rejection> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        if let Some(description) = patch.description {
            self.description = text(description);
        }
        if let Some(version) = patch.version {
            self.version = text(version);
        }
        if let Some(disable) = patch.disable_execute_api_endpoint {
            self.disable_execute_api_endpoint = disable;
        }
        if let Some(ip_address_type) = patch.ip_address_type {
            self.ip_address_type = ip_address_type;
        }
        if let Some(endpoint) = patch.endpoint {
            self.endpoint = endpoint;
        }
        let ApiKind::Http(http) = &mut self.kind else {
            return Err(Rejection::not_found(ResourceKind::Api, &self.id));
        };
        if let Some(expression) = patch.api_key_selection_expression {
            http.api_key_selection_expression = text(expression);
        }
        if let Some(cors) = patch.cors {
            http.content.cors = Some(cors);
        }
        http.content
            .patch_quick(patch.quick_target, patch.quick_route_key)
    }

    pub(super) fn create_stage(
        &mut self,
        mut stage: Stage,
        context: &Context,
    ) -> Result<(), Rejection> {
        room(
            &self.stages,
            ResourceKind::Stage,
            limits::STAGES_PER_API_MAX,
        )?;
        if self.stages.contains_key(&stage.name) {
            return Err(Rejection::conflict(
                ResourceKind::Stage,
                "Stage already exists",
            ));
        }
        if let Some(id) = &stage.deployment {
            self.has_deployment(id)?;
        }
        stage.created_ms = context.at_ms;
        stage.updated_ms = context.at_ms;
        self.stages.insert(stage.name.clone(), stage);
        Ok(())
    }

    fn patch_stage(
        &mut self,
        name: &StageName,
        patch: StagePatch,
        context: &Context,
    ) -> Result<(), Rejection> {
        if let Some(id) = &patch.deployment {
            self.has_deployment(id)?;
        }
        let stage = self.stages.get_mut(name);
        let stage = stage.ok_or_else(|| Rejection::not_found(ResourceKind::Stage, name))?;
        stage.auto_deploy = patch.auto_deploy.unwrap_or(stage.auto_deploy);
        if let Some(id) = patch.deployment {
            if stage.auto_deploy {
                return Err(Rejection::invalid(
                    "deploymentId",
                    "the stage deploys automatically; set autoDeploy to false first",
                ));
            }
            stage.deployment = Some(id);
        }
        if let Some(description) = patch.description {
            stage.description = text(description);
        }
        if let Some(variables) = patch.variables {
            stage.variables = variables;
        }
        stage.updated_ms = context.at_ms;
        Ok(())
    }

    fn has_deployment(&self, id: &DeploymentId) -> Result<(), Rejection> {
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
        if self.http_mut()?.routes.is_empty() {
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
        let content = Content::Http(self.http_mut()?.clone());
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
        let ApiKind::Http(http) = &self.kind else {
            return Ok(());
        };
        let content = Content::Http(http.content.clone());
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
