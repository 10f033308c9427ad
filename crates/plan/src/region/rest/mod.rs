//! A REST API's stage ready to run: a tree of resources and what each method does.
//!
//! Two layers. `Frozen` is what all stages that serve the same frozen content share, compiled once
//! for each content and kept for as long as the content stays the same object. `RestDeployment`
//! adds what a stage's variables change. A stage has one deployment and perhaps a second one, its
//! canary.
//!
//! A method that cannot be compiled is broken by itself: it answers 500 and leaves a `Diagnostic`.

mod aggregate;
mod authorizer;
mod aws;
mod backend;
mod gateway;
mod mapping;
mod media;
mod method;
mod policy;
#[cfg(test)]
mod tests;
mod tree;
mod validation;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use lang::{gateway_text::Text, policy::Policy};
use model::{
    Api, AuthorizerId, Content, DeploymentId, ResourceId, Stage,
    rest::{self, StageSettings, Verb},
};

pub(super) use self::policy::expanded;
use self::{tree::Tree, validation::Models};
use super::vpc_links::Links;
use crate::Diagnostic;

pub use self::{
    aggregate::{AggregatePlan, Given, PartPlan},
    authorizer::{AuthorizerPlan, FunctionAuthorizer, IdentitySource},
    aws::AwsBackend,
    backend::{Backend, HttpBackend},
    gateway::{GatewayPlan, GatewayResponses, Wording},
    mapping::{Mapping, RequestPlan, ResponsePlan},
    media::Media,
    method::{MappingPlan, MethodPlan},
    tree::Captured,
    validation::{BodyModel, Place, Required, Validation},
};

/// What a stage of a REST API serves.
#[derive(Debug)]
pub struct RestStage {
    /// As the stage's owner set them.
    pub settings: Arc<StageSettings>,
    /// The format of its access log.
    pub access_log: Option<Text>,
    /// Origins whose scripts may read what the gateway itself answers.
    pub error_origins: Option<Origins>,
    /// Some of its methods have an execution log.
    pub logs: bool,
    /// Its cache keeps errors of integrations, too.
    pub caches_errors: bool,
    base: RestDeployment,
    canary: Option<CanaryPlan>,
}

/// Origins of scripts.
#[derive(Debug)]
pub enum Origins {
    /// All of them.
    All,
    /// These, such as `https://a.test`.
    Listed(Vec<Box<str>>),
}

/// The tag of a stage that adds cross-origin headers to gateway responses: `*`, or origins
/// separated by spaces.
pub const ERROR_ORIGINS_TAG: &str = "edgeway:cors-errors";

/// The tag of a stage whose cache is to keep errors of integrations, too: `true`.
pub const CACHE_ERRORS_TAG: &str = "edgeway:cache-errors";

#[derive(Debug)]
struct CanaryPlan {
    /// Out of `DICE`.
    share: u64,
    serves: RestDeployment,
}

/// A deployment as a stage serves it.
#[derive(Debug)]
pub struct RestDeployment {
    /// Its id.
    pub id: DeploymentId,
    /// The stage's variables, those of the canary put over them where it is one.
    pub variables: BTreeMap<String, String>,
    frozen: Arc<Frozen>,
    /// By number of method.
    backends: Vec<Backend>,
    /// Those that cannot run say why; methods that need them answer 500.
    authorizers: BTreeMap<AuthorizerId, Result<AuthorizerPlan, String>>,
}

/// Frozen content, compiled.
#[derive(Debug)]
pub(super) struct Frozen {
    source: Arc<rest::Content>,
    media: Media,
    tree: Tree,
    methods: Vec<Arc<MethodPlan>>,
    gateway_responses: GatewayResponses,
    /// Why the policy cannot be read; nobody is let in then.
    policy: Result<Option<Policy>, String>,
    /// What its parts that belong to no method are complained about.
    complaints: Vec<String>,
}

/// The frozen contents that an API's stages share.
#[derive(Debug)]
pub(super) struct Contents {
    /// The account that ARNs name.
    account: Box<str>,
    frozen: HashMap<DeploymentId, Arc<Frozen>>,
}

/// Where a method and path lead.
#[derive(Debug)]
pub struct Matched<'p, 'r> {
    /// The method.
    pub method: &'p Arc<MethodPlan>,
    /// What it calls.
    pub backend: &'p Backend,
    /// The variables of its path.
    pub captured: Vec<Captured<'p, 'r>>,
}

/// A number below this, at random, chooses between a stage and its canary.
pub const DICE: u64 = 100_000_000;

// === impl RestStage ===

impl RestStage {
    /// Compiles a stage; what it shares with others comes from `contents` or goes there.
    pub(super) fn compile(
        api: &Api,
        stage: &Stage,
        (contents, links): (&mut Contents, &Links<'_>),
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let settings = stage.rest.as_deref().cloned().unwrap_or_default();
        let at = format!("apis/{}/stages/{}", api.id, stage.name);
        let id = stage.deployment.as_ref()?;
        let certificate = settings.client_certificate.as_ref();
        let certificate = certificate.map(|id| id.as_str());
        let terms = (stage.variables.clone(), certificate);
        let known = (&mut *contents, links);
        let base = RestDeployment::compile(api, id, terms, known, (&at, diagnostics))?;
        let canary = settings.canary.as_ref().and_then(|canary| {
            let mut variables = stage.variables.clone();
            variables.extend(canary.variables.clone());
            let id = canary.deployment.as_ref().unwrap_or(id);
            let at = format!("{at}/canary");
            let place = (at.as_str(), diagnostics);
            Some(CanaryPlan {
                share: canary.percent.0,
                serves: RestDeployment::compile(
                    api,
                    id,
                    (variables, certificate),
                    (contents, links),
                    place,
                )?,
            })
        });
        let log = settings.access_log.as_ref();
        let format = log.and_then(|log| log.format.as_deref());
        Some(Self {
            access_log: format.filter(|format| !format.is_empty()).map(Text::parse),
            error_origins: stage
                .tags
                .get(ERROR_ORIGINS_TAG)
                .map(|tag| Origins::read(tag)),
            caches_errors: stage
                .tags
                .get(CACHE_ERRORS_TAG)
                .is_some_and(|tag| tag.trim().eq_ignore_ascii_case("true")),
            logs: settings.method_settings.values().any(|one| {
                one.log_level
                    .is_some_and(|level| level != rest::LogLevel::Off)
            }),
            settings: Arc::new(settings),
            base,
            canary,
        })
    }

    /// What a request gets, and whether that is the canary. `dice` is a random number below
    /// [`DICE`]; asked for only where there is a canary.
    pub fn choose(&self, dice: impl FnOnce() -> u64) -> (&RestDeployment, bool) {
        match &self.canary {
            Some(canary) if dice() < canary.share => (&canary.serves, true),
            _ => (&self.base, false),
        }
    }
}

impl Origins {
    fn read(tag: &str) -> Self {
        let origins: Vec<Box<str>> = tag.split_whitespace().map(Box::from).collect();
        if origins.iter().any(|origin| **origin == *"*") {
            Self::All
        } else {
            Self::Listed(origins)
        }
    }
}

// === impl RestDeployment ===

impl RestDeployment {
    fn compile(
        api: &Api,
        id: &DeploymentId,
        (variables, certificate): (BTreeMap<String, String>, Option<&str>),
        (contents, links): (&mut Contents, &Links<'_>),
        (at, diagnostics): (&str, &mut Vec<Diagnostic>),
    ) -> Option<Self> {
        let mut complain = |at: String, message: String| {
            diagnostics.push(Diagnostic { at, message });
        };
        let Some(deployment) = api.deployments.get(id) else {
            complain(at.to_owned(), format!("deployment {id} does not exist"));
            return None;
        };
        let Content::Rest(source) = &deployment.content else {
            let message = format!("deployment {id} is not of a REST API");
            complain(at.to_owned(), message);
            return None;
        };
        let frozen = contents.frozen(api, id, source);
        for complaint in &frozen.complaints {
            complain(at.to_owned(), complaint.clone());
        }
        let compile =
            |method: &Arc<MethodPlan>| Backend::compile(method, &variables, certificate, links);
        let backends: Vec<Backend> = frozen.methods.iter().map(compile).collect();
        for (method, backend) in frozen.methods.iter().zip(&backends) {
            if let Backend::Broken(reason) = backend {
                complain(format!("{at}/{}", method.key), (**reason).to_owned());
            }
        }
        let authorizers = frozen.source.authorizers.values();
        let authorizers: BTreeMap<_, _> = authorizers
            .map(|one| (one.id.clone(), AuthorizerPlan::compile(one, &variables)))
            .collect();
        for (id, authorizer) in &authorizers {
            if let Err(reason) = authorizer {
                complain(format!("{at}/authorizers/{id}"), reason.clone());
            }
        }
        Some(Self {
            id: id.clone(),
            variables,
            frozen,
            backends,
            authorizers,
        })
    }

    /// An authorizer of its methods; none where there is none of that id.
    #[must_use]
    pub fn authorizer(&self, id: &AuthorizerId) -> Option<Result<&AuthorizerPlan, &str>> {
        let known = self.authorizers.get(id)?;
        Some(known.as_ref().map_err(String::as_str))
    }

    /// Where a method and a path (without its first slash) lead; none where nothing answers.
    #[must_use]
    pub fn find<'p, 'r>(&'p self, method: &str, path: &'r str) -> Option<Matched<'p, 'r>> {
        let leaf = self.frozen.tree.find(path)?;
        let index = leaf.node.method(method)?;
        Some(Matched {
            method: self.frozen.methods.get(index)?,
            backend: self.backends.get(index)?,
            captured: leaf.captured,
        })
    }

    /// The content as its owner wrote it.
    #[must_use]
    pub fn source(&self) -> &rest::Content {
        &self.frozen.source
    }

    /// How bodies travel.
    #[must_use]
    pub fn media(&self) -> &Media {
        &self.frozen.media
    }

    /// What its owner wants to be said instead of the gateway's own words.
    #[must_use]
    pub fn gateway_responses(&self) -> &GatewayResponses {
        &self.frozen.gateway_responses
    }

    /// Its resource policy.
    ///
    /// # Errors
    /// Says why it cannot be read; nobody may be let in then.
    pub fn policy(&self) -> Result<Option<&Policy>, &str> {
        let policy = self.frozen.policy.as_ref();
        policy.map(Option::as_ref).map_err(String::as_str)
    }
}

// === impl Contents ===

impl Contents {
    /// None; those of `last` that may still be of use.
    pub(super) fn new(account: &str, last: Option<&Self>) -> Self {
        let last = last.filter(|last| *last.account == *account);
        Self {
            account: account.into(),
            frozen: last.map(|last| last.frozen.clone()).unwrap_or_default(),
        }
    }

    /// Forgets what no deployment of the API holds any more.
    pub(super) fn retain(&mut self, api: &Api) {
        self.frozen.retain(|id, _| api.deployments.contains_key(id));
    }

    fn frozen(&mut self, api: &Api, id: &DeploymentId, source: &Arc<rest::Content>) -> Arc<Frozen> {
        if let Some(known) = self.frozen.get(id)
            && Arc::ptr_eq(&known.source, source)
        {
            return Arc::clone(known);
        }
        let frozen = Arc::new(Frozen::compile(api, &self.account, source));
        self.frozen.insert(id.clone(), Arc::clone(&frozen));
        frozen
    }
}

impl Frozen {
    fn compile(api: &Api, account: &str, source: &Arc<rest::Content>) -> Self {
        let mut numbers: HashMap<(ResourceId, Verb), usize> = HashMap::new();
        let mut methods = Vec::new();
        let mut models = Models::new(source);
        for (resource, verb, method) in source.methods() {
            numbers.insert((resource.id.clone(), verb), methods.len());
            let plan = MethodPlan::compile(&mut models, (source, resource), verb, method);
            methods.push(Arc::new(plan));
        }
        let index_of = |id: &ResourceId, verb: Verb| numbers.get(&(id.clone(), verb)).copied();
        let mut complaints = Vec::new();
        let mut complain = |complaint: String| complaints.push(complaint);
        let gateway_responses = GatewayResponses::compile(source, &mut complain);
        let policy = source
            .policy
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        let policy = policy.map(|text| policy::compile(text, api, account));
        let policy = policy.transpose();
        if let Err(complaint) = &policy {
            complain(complaint.clone());
        }
        Self {
            tree: Tree::compile(source, &index_of),
            source: Arc::clone(source),
            media: Media::compile(source),
            methods,
            gateway_responses,
            policy,
            complaints,
        }
    }
}
