//! Changes to what an HTTP API consists of: integrations and routes, and the rules between them.

use std::sync::Arc;

use super::{rest::concurrent, room, text, v2::quick_kind};
use crate::{
    Api, HttpContent, HttpReplacement, Integration, IntegrationId, IntegrationPatch, Rejection,
    ResourceKind, Route, RouteId, RouteKey, RoutePatch, limits,
};

/// Whether `put_route` may replace a route of the same id.
pub(super) enum Existing {
    No,
    Replace,
}

impl HttpContent {
    pub(super) fn add_integration(&mut self, new: Integration) -> Result<(), Rejection> {
        let max = limits::INTEGRATIONS_PER_API_MAX;
        room(&self.integrations, ResourceKind::Integration, max)?;
        if self.integrations.contains_key(&new.id) {
            let reason = format!("{} exists", new.id);
            return Err(Rejection::conflict(ResourceKind::Integration, reason));
        }
        self.integrations.insert(new.id.clone(), Arc::new(new));
        Ok(())
    }

    pub(super) fn patch_integration(
        &mut self,
        id: &IntegrationId,
        patch: IntegrationPatch,
    ) -> Result<(), Rejection> {
        let found = self.integrations.get_mut(id);
        let found = found.ok_or_else(|| Rejection::not_found(ResourceKind::Integration, id))?;
        Arc::make_mut(found).patch(patch)
    }

    pub(super) fn delete_integration(&mut self, id: &IntegrationId) -> Result<(), Rejection> {
        if let Some(user) = self
            .routes
            .values()
            .find(|route| route.target.as_ref() == Some(id))
        {
            return Err(Rejection::conflict(
                ResourceKind::Integration,
                format!(
                    "Cannot delete Integration '{id}' because it is referenced by Route '{}'",
                    user.id
                ),
            ));
        }
        let gone = self.integrations.remove(id);
        gone.map(|_| ())
            .ok_or_else(|| Rejection::not_found(ResourceKind::Integration, id))
    }

    pub(super) fn put_route(&mut self, route: Route, existing: Existing) -> Result<(), Rejection> {
        if matches!(existing, Existing::No) {
            room(
                &self.routes,
                ResourceKind::Route,
                limits::ROUTES_PER_API_MAX,
            )?;
            if self.routes.contains_key(&route.id) {
                let reason = format!("{} exists", route.id);
                return Err(Rejection::conflict(ResourceKind::Route, reason));
            }
        }
        if self
            .routes
            .values()
            .any(|other| other.key == route.key && other.id != route.id)
        {
            return Err(Rejection::conflict(
                ResourceKind::Route,
                format!("Route with key {} already exists for this API", route.key),
            ));
        }
        if let Some(id) = route
            .target
            .as_ref()
            .filter(|id| !self.integrations.contains_key(*id))
        {
            return Err(Rejection::invalid(
                "target",
                format!("Invalid integration identifier specified: {id}"),
            ));
        }
        self.route_references(&route)?;
        self.routes.insert(route.id.clone(), Arc::new(route));
        Ok(())
    }

    pub(super) fn patch_route(&mut self, id: &RouteId, patch: RoutePatch) -> Result<(), Rejection> {
        let found = self.routes.get(id);
        let found = found.ok_or_else(|| Rejection::not_found(ResourceKind::Route, id))?;
        let mut route = Route::clone(found);
        if let Some(key) = patch.key.clone() {
            if route.managed && key != route.key {
                return Err(Rejection::invalid(
                    "routeKey",
                    "the route is managed by API Gateway; use UpdateApi with routeKey",
                ));
            }
            route.key = key;
        }
        route.target = patch.target.clone().unwrap_or(route.target);
        if let Some(name) = patch.operation_name.clone() {
            route.operation_name = text(name);
        }
        route.rules.patch(patch);
        self.put_route(route, Existing::Replace)
    }

    pub(super) fn delete_route(&mut self, id: &RouteId) -> Result<(), Rejection> {
        let gone = self.routes.remove(id);
        gone.map(|_| ())
            .ok_or_else(|| Rejection::not_found(ResourceKind::Route, id))
    }

    /// `UpdateApi` with `target` or `routeKey` alters what quick create made.
    pub(super) fn patch_quick(
        &mut self,
        target: Option<String>,
        key: Option<RouteKey>,
    ) -> Result<(), Rejection> {
        let none =
            |field: &str| Rejection::invalid(field, "only APIs made by quick create have it");
        if let Some(uri) = target {
            let managed = self.integrations.values_mut().find(|i| i.managed);
            let managed = Arc::make_mut(managed.ok_or_else(|| none("target"))?);
            managed.kind = quick_kind(uri);
        }
        if let Some(key) = key {
            let managed = self.routes.values().find(|route| route.managed);
            let mut route = Route::clone(managed.ok_or_else(|| none("routeKey"))?);
            route.key = key;
            self.put_route(route, Existing::Replace)?;
        }
        Ok(())
    }
}

impl Api {
    /// Puts other content in the place of this; nothing is left of what was.
    pub(super) fn replace_http(&mut self, new: HttpReplacement) -> Result<(), Rejection> {
        let content = self.content_mut()?;
        if !new.seen.holds(Some(content)) {
            return Err(concurrent());
        }
        let mut next = HttpContent {
            cors: new.content.cors,
            ..HttpContent::default()
        };
        for authorizer in new.content.authorizers.into_values() {
            next.put_authorizer(Arc::unwrap_or_clone(authorizer))?;
        }
        // A file does not speak of them.
        next.models.clone_from(&content.models);
        for integration in new.content.integrations.into_values() {
            next.add_integration(Arc::unwrap_or_clone(integration))?;
        }
        for route in new.content.routes.into_values() {
            next.put_route(Arc::unwrap_or_clone(route), Existing::No)?;
        }
        *content = next;
        self.name = new.name;
        self.description = new.description;
        self.version = new.version;
        self.disable_execute_api_endpoint = new.disable_execute_api_endpoint;
        Ok(())
    }
}
