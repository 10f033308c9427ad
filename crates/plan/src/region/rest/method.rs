//! A method of a REST API as far as it is the same at every stage that serves the deployment.
//!
//! Whatever can be read once is read here: requests find templates, expressions and patterns
//! ready. What depends on a stage's variables is in `backend`.

use std::sync::Arc;

use model::{
    ResourceId,
    rest::{AuthorizationType, Content, Method, Resource, Verb},
};

use super::{
    mapping::{RequestPlan, ResponsePlan},
    validation::{Models, Validation},
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
    /// How requests become the integration's, and its answers the client's; why not, where that
    /// cannot be read.
    pub mapping: Result<MappingPlan, Arc<str>>,
    /// What its requests must have.
    pub validation: Validation,
    /// Why it cannot run at any stage, if it cannot.
    pub broken: Option<Arc<str>>,
}

/// Both directions between client and integration.
#[derive(Debug)]
pub struct MappingPlan {
    /// Towards the integration.
    pub request: RequestPlan,
    /// Back, in the order in which they are tried.
    pub responses: Vec<ResponsePlan>,
}

impl MappingPlan {
    fn compile(source: &Method, path: &str) -> Result<Self, String> {
        let integration = source.integration.as_ref();
        let integration = integration.ok_or("method has no integration")?;
        let responses = integration.responses.iter();
        let responses = responses.map(|(status, one)| ResponsePlan::compile(*status, one));
        Ok(Self {
            request: RequestPlan::compile(integration, path)?,
            responses: responses.collect::<Result<_, _>>()?,
        })
    }

    /// The answer for what the integration said: the first whose pattern matches all of it, else
    /// the one without a pattern.
    #[must_use]
    pub fn response(&self, selector: &str) -> Option<&ResponsePlan> {
        let fits = |one: &&ResponsePlan| {
            let pattern = one.pattern.as_ref();
            pattern.is_some_and(|pattern| pattern.is_full_match(selector))
        };
        let default = || self.responses.iter().find(|one| one.pattern.is_none());
        self.responses.iter().find(fits).or_else(default)
    }
}

impl MethodPlan {
    pub(super) fn compile(
        models: &mut Models<'_>,
        (content, resource): (&Content, &Resource),
        verb: Verb,
        source: &Arc<Method>,
    ) -> Self {
        let path: Arc<str> = content.path(&resource.id).into();
        let settings = &source.settings;
        let is_guarded = settings.api_key_required
            || settings.authorization != AuthorizationType::None
            || content.policy.is_some();
        let mapping = MappingPlan::compile(source, &path).map_err(Arc::from);
        let validation = Validation::compile(settings, models);
        let broken = validation.as_ref().err().cloned().map(Arc::from);
        Self {
            mapping,
            resource: resource.id.clone(),
            key: format!("{verb} {path}").into(),
            path,
            verb,
            source: Arc::clone(source),
            is_guarded,
            validation: validation.unwrap_or_default(),
            broken,
        }
    }
}
