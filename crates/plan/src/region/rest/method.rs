//! A method of a REST API as far as it is the same at every stage that serves the deployment.
//!
//! Whatever can be read once is read here: requests find templates, expressions and patterns
//! ready. What depends on a stage's variables is in `backend`.

use std::sync::Arc;

use model::{
    ResourceId,
    rest::{AuthorizationType, Content, Method, Resource, Verb},
};

/// A compiled method.
#[derive(Debug)]
pub struct MethodPlan {
    /// The resource it belongs to.
    pub resource: ResourceId,
    /// The resource's path, such as `/pets/{id}`.
    pub path: Arc<str>,
    /// The HTTP method it is for; `ANY` for all that have none of their own.
    pub verb: Verb,
    /// Verb and path, such as `GET /pets/{id}`: its name in logs.
    pub key: Arc<str>,
    /// As its owner wrote it.
    pub source: Arc<Method>,
    /// Who may call it, or how often, is checked for each request: no answer may be given to
    /// anybody but the one who asked.
    pub is_guarded: bool,
}

impl MethodPlan {
    pub(super) fn compile(
        content: &Content,
        resource: &Resource,
        verb: Verb,
        source: &Arc<Method>,
    ) -> Self {
        let path: Arc<str> = content.path(&resource.id).into();
        let settings = &source.settings;
        let is_guarded = settings.api_key_required
            || settings.authorization != AuthorizationType::None
            || content.policy.is_some();
        Self {
            resource: resource.id.clone(),
            key: format!("{verb} {path}").into(),
            path,
            verb,
            source: Arc::clone(source),
            is_guarded,
        }
    }
}
