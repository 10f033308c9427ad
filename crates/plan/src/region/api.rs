//! An API with its stages ready to run.
//!
//! The unit of reuse: a compiled API stays valid for as long as the configuration holds the same
//! `Arc<Api>`, so a change to one API among many compiles that one alone.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use model::{
    Api, ApiId, ApiKind, Content, Cors, EndpointType, RegionName, RouteKey, Stage, StageName,
};

use super::{
    rest::{Contents, RestStage},
    route::RoutePlan,
    router::{Router, decoded},
    vpc_links::Links,
};
use crate::Diagnostic;

/// A compiled API.
#[derive(Debug)]
pub struct ApiPlan {
    source: Arc<Api>,
    stages: HashMap<Box<[u8]>, StagePlan>,
    contents: Contents,
    diagnostics: Vec<Diagnostic>,
}

/// A compiled stage.
#[derive(Debug)]
pub struct StagePlan {
    name: StageName,
    /// None when it serves no deployment: every path is unknown.
    serves: Option<Deployed>,
}

/// What a stage serves.
#[derive(Debug)]
enum Deployed {
    Http(Box<HttpStage>),
    Rest(Box<RestStage>),
}

/// A deployment of an HTTP API at a stage.
#[derive(Debug)]
struct HttpStage {
    router: Router,
    cors: Option<CorsPlan>,
}

/// Cross-origin rules with the header values ready to send.
#[derive(Debug)]
pub struct CorsPlan {
    /// The rules.
    pub rules: Cors,
    /// `Access-Control-Allow-Methods`; empty when there are none.
    pub allow_methods: String,
    /// `Access-Control-Allow-Headers`; empty when there are none.
    pub allow_headers: String,
    /// `Access-Control-Expose-Headers`; empty when there are none.
    pub expose_headers: String,
    /// `Access-Control-Max-Age`; empty when there is none.
    pub max_age: String,
}

pub(super) const DEFAULT_STAGE: &str = "$default";

// === impl ApiPlan ===

impl ApiPlan {
    /// Compiles an API; `last` is what was compiled of an earlier state of it.
    pub(super) fn compile(
        source: &Arc<Api>,
        (account, links): (&str, &Links<'_>),
        last: Option<&Self>,
    ) -> Self {
        let mut diagnostics = Vec::new();
        let mut contents = Contents::new(account, last.map(|last| &last.contents));
        let stages = source.stages.values().map(|stage| {
            let name = stage.name.as_str().as_bytes().into();
            let known = (&mut contents, links);
            let plan = StagePlan::compile(source, stage, known, &mut diagnostics);
            (name, plan)
        });
        let stages = stages.collect();
        contents.retain(source);
        Self {
            source: Arc::clone(source),
            stages,
            contents,
            diagnostics,
        }
    }

    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ApiId {
        &self.source.id
    }

    /// Whether it is a REST API.
    #[must_use]
    pub fn is_rest(&self) -> bool {
        matches!(self.source.kind, ApiKind::Rest(_))
    }

    /// The region that its ARNs name.
    #[must_use]
    pub fn home(&self) -> &RegionName {
        &self.source.home
    }

    /// Where clients reach it.
    #[must_use]
    pub fn endpoint(&self) -> EndpointType {
        self.source.endpoint
    }

    /// Whether only custom domains may reach it.
    #[must_use]
    pub fn default_endpoint_disabled(&self) -> bool {
        self.source.disable_execute_api_endpoint
    }

    pub(super) fn stage(&self, name: &str) -> Option<&StagePlan> {
        self.stages.get(name.as_bytes())
    }

    /// The stage that a path (without its first slash) names by its first segment, and what is
    /// left of the path; else `$default` and the whole path.
    pub(super) fn stage_of<'r>(&self, path: &'r str) -> Option<(&StagePlan, &'r str)> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        // `$default` has no path segment of its own.
        let named = if first == DEFAULT_STAGE {
            None
        } else {
            self.stages.get(&*decoded(first))
        };
        match named {
            Some(stage) if stage.name.as_str() != DEFAULT_STAGE => Some((stage, rest)),
            _ => self.stage(DEFAULT_STAGE).map(|stage| (stage, path)),
        }
    }
}

// === impl StagePlan ===

impl StagePlan {
    fn compile(
        api: &Api,
        stage: &Stage,
        (contents, links): (&mut Contents, &Links<'_>),
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let serves = if matches!(api.kind, ApiKind::Rest(_)) {
            let compiled = RestStage::compile(api, stage, (contents, links), diagnostics);
            compiled.map(|rest| Deployed::Rest(Box::new(rest)))
        } else {
            let compiled = HttpStage::compile(api, stage, links, diagnostics);
            compiled.map(|http| Deployed::Http(Box::new(http)))
        };
        Self {
            name: stage.name.clone(),
            serves,
        }
    }

    /// Its name; `$default` included.
    #[must_use]
    pub const fn name(&self) -> &StageName {
        &self.name
    }

    /// Its cross-origin rules.
    #[must_use]
    pub fn cors(&self) -> Option<&CorsPlan> {
        self.http()?.cors.as_ref()
    }

    /// What it serves, if it is a REST API's.
    #[must_use]
    pub fn rest(&self) -> Option<&RestStage> {
        match self.serves.as_ref()? {
            Deployed::Rest(rest) => Some(rest),
            Deployed::Http(_) => None,
        }
    }

    /// The route for a method and a path without its first slash.
    #[must_use]
    pub fn route(&self, method: &str, path: &str) -> Option<&Arc<RoutePlan>> {
        self.http()?.router.find(method, path)
    }

    fn http(&self) -> Option<&HttpStage> {
        match self.serves.as_ref()? {
            Deployed::Http(http) => Some(http),
            Deployed::Rest(_) => None,
        }
    }
}

// === impl HttpStage ===

impl HttpStage {
    fn compile(
        api: &Api,
        stage: &Stage,
        links: &Links<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let at = format!("apis/{}/stages/{}", api.id, stage.name);
        let id = stage.deployment.as_ref()?;
        let deployment = api.deployments.get(id);
        let content = match deployment.map(|deployment| &deployment.content) {
            Some(Content::Http(content)) => content,
            Some(Content::WebSocket(_)) => {
                let message = RoutePlan::NO_WEB_SOCKET.to_owned();
                diagnostics.push(Diagnostic { at, message });
                let mut router = Router::default();
                router.insert(&RouteKey::Default, Arc::new(RoutePlan::web_socket()));
                return Some(Self { router, cors: None });
            }
            Some(Content::Rest(_)) => {
                let message = format!("deployment {id} is not of an HTTP API");
                diagnostics.push(Diagnostic { at, message });
                return None;
            }
            None => {
                let message = format!("deployment {id} does not exist");
                diagnostics.push(Diagnostic { at, message });
                return None;
            }
        };
        let mut router = Router::default();
        for route in content.routes.values() {
            let at = || format!("{at}/routes/{}", route.key);
            let (plan, broken) = RoutePlan::compile(route, content, (stage, links));
            if let Some(reason) = broken {
                diagnostics.push(Diagnostic {
                    at: at(),
                    message: (*reason).to_owned(),
                });
            }
            if !router.insert(&route.key, Arc::new(plan)) {
                let message = "another route has the same method and pattern".to_owned();
                diagnostics.push(Diagnostic { at: at(), message });
            }
        }
        Some(Self {
            router,
            cors: content.cors.as_ref().map(CorsPlan::compile),
        })
    }
}

// === impl CorsPlan ===

impl CorsPlan {
    fn compile(rules: &Cors) -> Self {
        let mut max_age = String::new();
        if let Some(seconds) = rules.max_age {
            // Writing to a String cannot fail.
            let _ = write!(max_age, "{seconds}");
        }
        Self {
            allow_methods: rules.allow_methods.join(","),
            allow_headers: rules.allow_headers.join(","),
            expose_headers: rules.expose_headers.join(","),
            max_age,
            rules: rules.clone(),
        }
    }

    /// Whether `origin` may see answers. Schemes and hosts compare without case.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        let scheme = origin.split_once("://").map_or("", |(scheme, _)| scheme);
        self.rules
            .allow_origins
            .iter()
            .any(|allowed| match allowed.as_str() {
                "*" => true,
                "https://*" => scheme.eq_ignore_ascii_case("https"),
                "http://*" => scheme.eq_ignore_ascii_case("http"),
                exact => exact.eq_ignore_ascii_case(origin),
            })
    }

    /// Whether every origin is answered the same, so that the origin need not be echoed.
    #[must_use]
    pub fn allows_any(&self) -> bool {
        self.rules
            .allow_origins
            .iter()
            .any(|allowed| allowed == "*")
    }
}
