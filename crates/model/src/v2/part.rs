//! The pieces of HTTP and WebSocket APIs that are read and replaced as one, on the condition that
//! they still are what their writer saw. Routes, integrations and stages are patched instead.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Authorizer, IntegrationResponse, RouteResponse};
use crate::{
    Api, ApiKind, AuthorizerId, HttpContent, IntegrationId, IntegrationResponseId, ModelId,
    RouteId, RouteResponseId,
    rest::{Model, Seen},
};

/// Names a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum V2Key {
    /// An authorizer.
    Authorizer(AuthorizerId),
    /// A model.
    Model(ModelId),
    /// What is made of a backend's answers.
    IntegrationResponse(IntegrationId, IntegrationResponseId),
    /// How clients are answered.
    RouteResponse(RouteId, RouteResponseId),
}

/// A piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum V2Part {
    /// An authorizer.
    Authorizer(Box<Authorizer>),
    /// A model.
    Model(Box<Model>),
    /// What is made of a backend's answers.
    IntegrationResponse(Box<IntegrationResponse>),
    /// How clients are answered.
    RouteResponse(Box<RouteResponse>),
}

/// A change of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Change {
    /// Which piece.
    pub key: V2Key,
    /// What its writer saw of it.
    pub seen: Seen,
    /// What it is to be; none removes it.
    pub put: Option<V2Part>,
}

impl Api {
    /// The editable content of an HTTP or WebSocket API.
    #[must_use]
    pub const fn v2_content(&self) -> Option<&HttpContent> {
        match &self.kind {
            ApiKind::Http(http) => Some(&http.content),
            ApiKind::WebSocket(socket) => Some(&socket.content),
            ApiKind::Rest(_) => None,
        }
    }
}

impl HttpContent {
    /// A piece as it is now.
    #[must_use]
    pub fn part(&self, key: &V2Key) -> Option<V2Part> {
        Some(match key {
            V2Key::Authorizer(id) => V2Part::Authorizer(copy(self.authorizers.get(id)?)),
            V2Key::Model(id) => V2Part::Model(copy(self.models.get(id)?)),
            V2Key::IntegrationResponse(integration, id) => {
                let integration = self.integrations.get(integration)?;
                V2Part::IntegrationResponse(copy(integration.mapping.responses.get(id)?))
            }
            V2Key::RouteResponse(route, id) => {
                let route = self.routes.get(route)?;
                V2Part::RouteResponse(copy(route.rules.responses.get(id)?))
            }
        })
    }
}

fn copy<T: Clone>(part: &Arc<T>) -> Box<T> {
    Box::new(T::clone(part))
}
