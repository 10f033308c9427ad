//! Changes to what HTTP and WebSocket APIs consist of, and the rules between the pieces: an
//! authorizer in use, a model in use, a VPC link that is not there.

use std::{collections::BTreeMap, sync::Arc};

use super::{Context, http_content::Existing, rest::concurrent, room_for, text};
use crate::{
    Api, ApiKind, AuthorizerId, Config, HttpContent, Integration, IntegrationKind, Op, Rejection,
    ResourceKind, Route, RouteKey, RoutePatch, limits,
    rest::{AuthorizationType, AuthorizerType, IntegrationType, Model},
    v2::{
        Authorizer, IntegrationResponse, OtherIntegration, RouteResponse, RouteRules,
        StageSettings, V2Change, V2Key, V2Part,
    },
};

impl Config {
    pub(super) fn perform_content(&mut self, op: Op, context: &Context) -> Result<(), Rejection> {
        match op {
            Op::CreateIntegration(api, new) => {
                self.link_exists(new.mapping.connection.as_deref())?;
                self.edit(&api, context, |api| api.content_mut()?.add_integration(new))
            }
            Op::UpdateIntegration(api, id, patch) => {
                self.link_exists(patch.connection.as_deref())?;
                self.edit(&api, context, |api| {
                    api.content_mut()?.patch_integration(&id, patch)
                })
            }
            Op::DeleteIntegration(api, id) => self.edit(&api, context, |api| {
                api.content_mut()?.delete_integration(&id)
            }),
            Op::CreateRoute(api, route) => self.edit(&api, context, |api| {
                api.takes_key(&route.key)?;
                api.content_mut()?.put_route(route, Existing::No)
            }),
            Op::UpdateRoute(api, id, patch) => self.edit(&api, context, |api| {
                if let Some(key) = &patch.key {
                    api.takes_key(key)?;
                }
                api.content_mut()?.patch_route(&id, patch)
            }),
            Op::DeleteRoute(api, id) => {
                self.edit(&api, context, |api| api.content_mut()?.delete_route(&id))
            }
            Op::V2(api, change) => {
                self.edit(&api, context, |api| api.content_mut()?.change(*change))
            }
            // `perform_api` sends nothing else here.
            _ => Ok(()),
        }
    }

    /// A VPC link that an integration names must be there; stage variables are known only when a
    /// request comes.
    fn link_exists(&self, id: Option<&str>) -> Result<(), Rejection> {
        let named = id.filter(|id| !id.is_empty() && !id.contains("${"));
        if named.is_none_or(|id| self.vpc_links.contains_key(id)) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "connectionId",
            format!(
                "Invalid Vpc Link identifier specified {}",
                named.unwrap_or_default()
            ),
        ))
    }

    pub(super) fn links_exist(&self, content: &HttpContent) -> Result<(), Rejection> {
        let mut all = content.integrations.values();
        all.try_for_each(|one| self.link_exists(one.mapping.connection.as_deref()))
    }

    pub(super) fn certificate_exists(&self, id: Option<&str>) -> Result<(), Rejection> {
        let named = id.filter(|id| !id.is_empty());
        if named.is_none_or(|id| self.client_certificates.contains_key(id)) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "clientCertificateId",
            "Invalid client certificate identifier specified",
        ))
    }

    pub(super) fn stage_references(
        &self,
        settings: Option<&StageSettings>,
    ) -> Result<(), Rejection> {
        let named = settings.and_then(|settings| settings.client_certificate.as_ref());
        self.certificate_exists(named.map(|id| id.as_str()))
    }

    /// The integration of an HTTP or WebSocket API that uses a VPC link.
    pub(super) fn link_user(&self, link: &str) -> Option<(&Api, &Integration)> {
        self.apis.values().find_map(|api| {
            let mut all = api.v2_content()?.integrations.values();
            let user = all.find(|one| one.mapping.connection.as_deref() == Some(link))?;
            Some((&**api, &**user))
        })
    }
}

impl Api {
    /// HTTP APIs route by method and path, WebSocket APIs by a word of the message.
    fn takes_key(&self, key: &RouteKey) -> Result<(), Rejection> {
        match (&self.kind, key) {
            (ApiKind::Http(_), RouteKey::Message(_))
            | (ApiKind::WebSocket(_), RouteKey::Path { .. }) => Err(Rejection::invalid(
                "routeKey",
                "The provided route key is not formatted properly for the API's protocol",
            )),
            _ => Ok(()),
        }
    }
}

impl HttpContent {
    /// Puts or removes a piece, if it is still what its writer saw.
    fn change(&mut self, change: V2Change) -> Result<(), Rejection> {
        let V2Change { key, seen, put } = change;
        let now = self.part(&key);
        if !seen.holds(now.as_ref()) || (put.is_none() && now.is_none()) {
            return Err(concurrent());
        }
        match (key, put) {
            (V2Key::Authorizer(_), Some(V2Part::Authorizer(new))) => self.put_authorizer(*new),
            (V2Key::Authorizer(id), _) => self.delete_authorizer(&id),
            (V2Key::Model(_), Some(V2Part::Model(new))) => self.put_model(*new),
            (V2Key::Model(id), _) => self.delete_model(&id),
            (V2Key::IntegrationResponse(integration, id), put) => {
                let all = self.integrations.get_mut(&integration);
                let missing = Rejection::not_found(ResourceKind::Integration, &integration);
                let all = &mut Arc::make_mut(all.ok_or(missing)?).mapping.responses;
                match put {
                    Some(V2Part::IntegrationResponse(new)) => add_response(all, *new),
                    _ => {
                        all.remove(&id);
                        Ok(())
                    }
                }
            }
            (V2Key::RouteResponse(route, id), put) => {
                let Some(V2Part::RouteResponse(new)) = put else {
                    let route = self.routes.get_mut(&route);
                    route.map(|found| Arc::make_mut(found).rules.responses.remove(&id));
                    return Ok(());
                };
                self.models_exist(&new.models)?;
                let missing = Rejection::not_found(ResourceKind::Route, &route);
                let route = self.routes.get_mut(&route).ok_or(missing)?;
                add_response(&mut Arc::make_mut(route).rules.responses, *new)
            }
        }
    }

    pub(super) fn put_authorizer(&mut self, new: Authorizer) -> Result<(), Rejection> {
        let max = limits::PARTS_PER_API_MAX;
        room_for(&self.authorizers, &new.id, ResourceKind::Authorizer, max)?;
        let mut all = self.authorizers.values();
        if all.any(|other| other.name == new.name && other.id != new.id) {
            return Err(Rejection::conflict(
                ResourceKind::Authorizer,
                format!(
                    "Authorizer name must be unique. Authorizer {} already exists in this API",
                    new.name
                ),
            ));
        }
        let mut users = self.routes.values();
        let misfit = |route: &&Arc<Route>| {
            route.rules.authorizer.as_ref() == Some(&new.id) && !fits(&route.rules, new.kind)
        };
        if let Some(user) = users.find(misfit) {
            return Err(Rejection::conflict(
                ResourceKind::Authorizer,
                format!(
                    "Cannot change the type of Authorizer '{}': Route '{}' uses it",
                    new.id, user.id
                ),
            ));
        }
        self.authorizers.insert(new.id.clone(), Arc::new(new));
        Ok(())
    }

    fn delete_authorizer(&mut self, id: &AuthorizerId) -> Result<(), Rejection> {
        let mut routes = self.routes.values();
        if let Some(user) = routes.find(|route| route.rules.authorizer.as_ref() == Some(id)) {
            return Err(Rejection::conflict(
                ResourceKind::Authorizer,
                format!(
                    "Cannot delete Authorizer '{id}' because it is referenced by Route '{}'",
                    user.id
                ),
            ));
        }
        self.authorizers.remove(id);
        Ok(())
    }

    fn put_model(&mut self, new: Model) -> Result<(), Rejection> {
        let max = limits::PARTS_PER_API_MAX;
        room_for(&self.models, &new.id, ResourceKind::Model, max)?;
        let mut all = self.models.values();
        if all.any(|other| other.name == new.name && other.id != new.id) {
            return Err(Rejection::conflict(
                ResourceKind::Model,
                format!("Model name {} already exists for this API", new.name),
            ));
        }
        // Routes refer to models by name.
        if let Some(old) = self.models.get(&new.id).filter(|old| old.name != new.name) {
            self.unused_model(&old.name, "rename")?;
        }
        self.models.insert(new.id.clone(), Arc::new(new));
        Ok(())
    }

    fn delete_model(&mut self, id: &crate::ModelId) -> Result<(), Rejection> {
        if let Some(old) = self.models.get(id) {
            self.unused_model(&old.name, "delete")?;
        }
        self.models.remove(id);
        Ok(())
    }

    fn unused_model(&self, name: &str, what: &str) -> Result<(), Rejection> {
        let used = |models: &BTreeMap<String, String>| models.values().any(|one| one == name);
        let mut routes = self.routes.values();
        let user = routes.find(|route| {
            let rules = &route.rules;
            used(&rules.request_models) || rules.responses.values().any(|one| used(&one.models))
        });
        match user {
            None => Ok(()),
            Some(user) => Err(Rejection::conflict(
                ResourceKind::Model,
                format!(
                    "Cannot {what} Model '{name}' because it is referenced by Route '{}'",
                    user.id
                ),
            )),
        }
    }

    fn models_exist(&self, wanted: &BTreeMap<String, String>) -> Result<(), Rejection> {
        let known = |name: &String| self.models.values().any(|model| model.name == *name);
        match wanted.values().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(Rejection::invalid(
                "requestModels",
                format!("Invalid model identifier specified: {name}"),
            )),
        }
    }

    /// What a route refers to must be there, and be of the right kind.
    pub(super) fn route_references(&self, route: &Route) -> Result<(), Rejection> {
        let rules = &route.rules;
        self.models_exist(&rules.request_models)?;
        let wanted = match rules.authorization {
            AuthorizationType::Custom => "CUSTOM",
            AuthorizationType::Jwt => "JWT",
            _ => return Ok(()),
        };
        let found = rules.authorizer.as_ref();
        let found = found.and_then(|id| self.authorizers.get(id));
        if found.is_some_and(|found| fits(rules, found.kind)) {
            return Ok(());
        }
        Err(Rejection::invalid(
            "authorizerId",
            format!(
                "Invalid authorizer ID specified. Setting the authorization type to {wanted} \
                 requires a valid authorizer."
            ),
        ))
    }

    /// `UpdateApi` with `credentialsArn` alters what quick create made.
    pub(super) fn patch_quick_credentials(&mut self, role: String) -> Result<(), Rejection> {
        let managed = self.integrations.values_mut().find(|one| one.managed);
        let managed = managed.ok_or_else(|| {
            Rejection::invalid("credentialsArn", "only APIs made by quick create have it")
        })?;
        Arc::make_mut(managed).mapping.credentials = text(role);
        Ok(())
    }
}

/// What both kinds of response have.
trait Response {
    type Id: Ord + Clone;
    const KIND: ResourceKind;
    fn id(&self) -> &Self::Id;
    fn key(&self) -> &str;
}

impl Response for IntegrationResponse {
    type Id = crate::IntegrationResponseId;
    const KIND: ResourceKind = ResourceKind::IntegrationResponse;
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn key(&self) -> &str {
        &self.key
    }
}

impl Response for RouteResponse {
    type Id = crate::RouteResponseId;
    const KIND: ResourceKind = ResourceKind::RouteResponse;
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn key(&self) -> &str {
        &self.key
    }
}

fn add_response<R: Response>(all: &mut BTreeMap<R::Id, Arc<R>>, new: R) -> Result<(), Rejection> {
    room_for(all, new.id(), R::KIND, limits::RESPONSES_MAX)?;
    let taken = |other: &Arc<R>| other.key() == new.key() && other.id() != new.id();
    if all.values().any(taken) {
        let (kind, key) = (R::KIND, new.key());
        return Err(Rejection::conflict(
            kind,
            format!("{kind} with key {key} already exists"),
        ));
    }
    all.insert(new.id().clone(), Arc::new(new));
    Ok(())
}

/// Whether routes authorized so can use an authorizer of a kind.
fn fits(rules: &RouteRules, kind: AuthorizerType) -> bool {
    match rules.authorization {
        AuthorizationType::Jwt => kind == AuthorizerType::Jwt,
        AuthorizationType::Custom => kind == AuthorizerType::Request,
        _ => true,
    }
}

/// What a quick-created integration calls.
pub(super) fn quick_kind(uri: String) -> IntegrationKind {
    if !uri.starts_with("arn:") {
        return IntegrationKind::HttpProxy {
            uri,
            method: None,
            server_name: None,
        };
    }
    IntegrationKind::Other(Box::new(OtherIntegration {
        kind: IntegrationType::AwsProxy,
        uri: Some(uri),
        method: None,
        server_name: None,
    }))
}

impl RouteRules {
    pub(super) fn patch(&mut self, patch: RoutePatch) {
        self.authorization = patch.authorization.unwrap_or(self.authorization);
        if let Some(authorizer) = patch.authorizer {
            self.authorizer = text(authorizer).map(Into::into);
        }
        self.scopes = patch
            .scopes
            .unwrap_or_else(|| std::mem::take(&mut self.scopes));
        // Nobody else looks at an authorizer, and one that nobody looks at may be deleted.
        if matches!(
            self.authorization,
            AuthorizationType::None | AuthorizationType::Iam
        ) {
            self.authorizer = None;
            self.scopes.clear();
        }
        self.api_key_required = patch.api_key_required.unwrap_or(self.api_key_required);
        if let Some(expression) = patch.model_selection {
            self.model_selection = text(expression);
        }
        if let Some(models) = patch.request_models {
            self.request_models = models;
        }
        for (name, required) in patch.request_parameters {
            match required {
                Some(required) => self.request_parameters.insert(name, required),
                None => self.request_parameters.remove(&name),
            };
        }
        if let Some(expression) = patch.response_selection {
            self.response_selection = text(expression);
        }
    }
}
