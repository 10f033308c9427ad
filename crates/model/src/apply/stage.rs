//! Changes to what an API says of itself and to stages of HTTP and WebSocket APIs; stages of REST
//! APIs are pieces (see `rest`).

use super::{Context, room, text};
use crate::{
    Api, ApiKind, ApiPatch, Rejection, ResourceKind, Stage, StageName, StagePatch, limits, v2,
};

impl Api {
    pub(super) fn patch(&mut self, patch: ApiPatch) -> Result<(), Rejection> {
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
        let expression = patch.api_key_selection_expression;
        match &mut self.kind {
            ApiKind::Http(http) => {
                if let Some(expression) = expression {
                    http.api_key_selection_expression = text(expression);
                }
            }
            ApiKind::WebSocket(socket) => {
                if let Some(expression) = expression {
                    socket.api_key_selection_expression = text(expression);
                }
                if let Some(expression) = patch.route_selection_expression {
                    socket.route_selection_expression = expression;
                }
                if let Some(disable) = patch.disable_schema_validation {
                    socket.disable_schema_validation = disable;
                }
            }
            ApiKind::Rest(_) => {}
        }
        let content = self.content_mut()?;
        if let Some(cors) = patch.cors {
            content.cors = Some(cors);
        }
        if let Some(credentials) = patch.quick_credentials {
            content.patch_quick_credentials(credentials)?;
        }
        content.patch_quick(patch.quick_target, patch.quick_route_key)
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

    pub(super) fn patch_stage(
        &mut self,
        name: &StageName,
        patch: StagePatch,
        context: &Context,
    ) -> Result<(), Rejection> {
        if let Some(id) = &patch.deployment {
            self.has_deployment(id)?;
        }
        // Stages of REST APIs do not exist for these operations.
        self.content_mut()?;
        let stage = self.stages.get_mut(name);
        let stage = stage.ok_or_else(|| Rejection::not_found(ResourceKind::Stage, name))?;
        stage.patch(patch, context)
    }
}

impl Stage {
    fn patch(&mut self, patch: StagePatch, context: &Context) -> Result<(), Rejection> {
        self.auto_deploy = patch.auto_deploy.unwrap_or(self.auto_deploy);
        if let Some(id) = patch.deployment {
            if self.auto_deploy {
                return Err(Rejection::invalid(
                    "deploymentId",
                    "the stage deploys automatically; set autoDeploy to false first",
                ));
            }
            self.deployment = Some(id);
        }
        if let Some(description) = patch.description {
            self.description = text(description);
        }
        if let Some(variables) = patch.variables {
            self.variables = variables;
        }
        let mut settings = self.v2().cloned().unwrap_or_default();
        settings.access_log = patch.access_log.unwrap_or(settings.access_log);
        if let Some(certificate) = patch.client_certificate {
            settings.client_certificate = text(certificate).map(Into::into);
        }
        settings.default_route = patch.default_route.unwrap_or(settings.default_route);
        for (key, wanted) in patch.route_settings {
            match wanted {
                Some(wanted) => {
                    settings.routes.insert(key, wanted);
                }
                None if settings.routes.remove(&key).is_none() => {
                    return Err(Rejection::Missing(format!(
                        "Invalid route settings key specified {key}"
                    )));
                }
                None => {}
            }
        }
        if settings.routes.len() > limits::ROUTES_PER_API_MAX {
            let max = limits::ROUTES_PER_API_MAX;
            let kind = ResourceKind::Route;
            return Err(Rejection::Limit { kind, max });
        }
        settings.authorizer_resets += u64::from(patch.reset_authorizers);
        self.v2 = (settings != v2::StageSettings::default()).then(|| Box::new(settings));
        self.updated_ms = context.at_ms;
        Ok(())
    }

    /// What it has as an HTTP or WebSocket API's stage, if it was ever set.
    #[must_use]
    pub fn v2(&self) -> Option<&v2::StageSettings> {
        self.v2.as_deref()
    }
}
