//! Tries a method that need not be deployed: what its API says now, through the pipeline of
//! clients' requests, with a log of what happened (docs/aws-behaviour.md, trying a method).
//!
//! The method is frozen into a plan of its own, at a stage that no client can name, without
//! authorizer, API key and policy: whoever may call the management API may try it. Nothing of it
//! is kept, and nothing is counted as a client's request.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use model::{
    Api, ApiId, ApiKind, AuthorizerId, Config, Content, Deployment, DeploymentId, EndpointType,
    ResourceId, Stage, StageName,
    rest::{self, AuthorizationType, Method, MethodSettings, Resource, Verb},
};
use plan::region::{Entrance, RegionPlan};
use serve::{Body, Request};

use super::{Exchange, body::BODY_BYTES_MAX, phases::authorize, pipeline, trace};
use crate::{
    answer,
    exchange::{Exchange as Outer, Facts},
    forwarded::By,
    pipeline::Outcome,
    region::Region,
    request_id,
    upstream::Upstreams,
};

const STAGE: &str = "test-invoke-stage";
const DEPLOYMENT: &str = "test-invoke";
/// As long as an integration may take, and a little.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Tries methods, with connections to backends of its own.
pub struct Tester {
    region: Arc<Region>,
    upstreams: Upstreams,
}

/// What to try.
#[derive(Clone, Debug)]
pub struct MethodTest {
    /// The REST API.
    pub api: ApiId,
    /// The resource.
    pub resource: ResourceId,
    /// Its method.
    pub verb: Verb,
    /// Path and query; the resource's own path when there is none.
    pub path_and_query: Option<String>,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Bytes,
    /// The stage's variables.
    pub variables: BTreeMap<String, String>,
}

/// Which authorizer to ask, and about what.
#[derive(Clone, Debug)]
pub struct AuthorizerTest {
    /// The REST API.
    pub api: ApiId,
    /// Its authorizer.
    pub authorizer: AuthorizerId,
    /// Path and query; the root when there is none.
    pub path_and_query: Option<String>,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Bytes,
    /// The stage's variables.
    pub variables: BTreeMap<String, String>,
}

/// What an authorizer decided.
#[derive(Clone, Debug, Default)]
pub struct AuthorizerTested {
    /// What a client would get; 0 where the function decided.
    pub client_status: u16,
    /// Who asks.
    pub principal_id: Option<String>,
    /// As the function gave it, JSON.
    pub policy: Option<String>,
    /// Its context, all as texts.
    pub context: BTreeMap<String, String>,
    /// What the token claims, where one was judged.
    pub claims: BTreeMap<String, String>,
    /// Milliseconds that it took.
    pub latency_ms: u64,
    /// One event a line.
    pub log: String,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct MethodTested {
    /// The answer's status.
    pub status: u16,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The answer's body.
    pub body: Bytes,
    /// Milliseconds that it took.
    pub latency_ms: u64,
    /// One event a line.
    pub log: String,
}

impl Tester {
    /// Call it inside the runtime that tests are to run in.
    #[must_use]
    pub fn new(region: &Arc<Region>) -> Self {
        Self {
            region: Arc::clone(region),
            upstreams: region.make_upstreams(),
        }
    }

    /// Asks an authorizer's function. If dropped, the function's call is dropped too.
    ///
    /// # Errors
    /// A sentence for the caller: there is no such authorizer, or the path cannot be asked for.
    pub async fn authorizer(
        &self,
        config: &Config,
        test: AuthorizerTest,
    ) -> Result<AuthorizerTested, String> {
        let began = Instant::now();
        let frozen = guarded(config, &test).ok_or("Invalid Authorizer identifier specified")?;
        let place = Place::of(frozen, &test.api, test.path_and_query.as_deref())?;
        let mut request = Request::new(Body::full(test.body));
        *request.headers_mut() = test.headers;
        let facts = facts();
        let mut outer = self.outer(&place, &facts, request);
        let mut own = place.exchange(&mut outer)?;
        let (id, number) = (own.ids.request.clone(), &test.authorizer);
        own.say(|| format!("Starting authorizer: {number} for request: {id}"));
        let asked = match pipeline::matched(&mut own) {
            Ok(()) => authorize::consult(&mut own, &self.upstreams, number).await,
            Err(fault) => Err(fault),
        };
        let mut tested = AuthorizerTested::default();
        match asked {
            Ok(authorize::Consulted::Token(claims)) => {
                own.say(|| "Successfully completed authorizer execution".to_owned());
                tested.claims = claims;
            }
            Ok(authorize::Consulted::Function(decision, payload)) => {
                let who = &decision.principal_id;
                own.say(|| format!("Using valid authorizer policy for principal: {who}"));
                own.say(|| "Successfully completed authorizer execution".to_owned());
                let answer: Option<serde_json::Value> = serde_json::from_slice(&payload).ok();
                let policy = answer.as_ref().and_then(|it| it.get("policyDocument"));
                tested.policy = policy.map(ToString::to_string);
                tested.principal_id = Some(decision.principal_id);
                tested.context = decision.context;
            }
            Err(fault) => {
                trace::fails(&mut own, &fault);
                let answer = answer::rest(&fault, &mut own);
                tested.client_status = answer.status().as_u16();
            }
        }
        tested.latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tested.log = own
            .trace
            .take()
            .map(|trace| trace.into_text())
            .unwrap_or_default();
        Ok(tested)
    }

    /// Tries a method as `config` has it. If dropped, the backend's call is dropped too.
    ///
    /// # Errors
    /// A sentence for the caller: there is no such method, or the path cannot be asked for.
    pub async fn method(&self, config: &Config, test: MethodTest) -> Result<MethodTested, String> {
        let began = Instant::now();
        let (frozen, path) = frozen(config, &test).ok_or("Invalid Method identifier specified")?;
        let asked = test.path_and_query.as_deref().unwrap_or(&path);
        let place = Place::of(frozen, &test.api, Some(asked))?;
        let mut request = Request::new(Body::full(test.body));
        *request.method_mut() = method(test.verb);
        *request.headers_mut() = test.headers;
        // Whatever the caller says, as at Amazon.
        let kind = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        let facts = facts();
        let mut outer = self.outer(&place, &facts, request);
        let mut own = place.exchange(&mut outer)?;
        let id = own.ids.request.clone();
        own.say(|| format!("Starting execution for request: {id}"));
        let Outcome { response, fault } = pipeline::run(&mut own, &self.upstreams).await;
        let (parts, body) = response.into_parts();
        let body = body.into_bytes(BODY_BYTES_MAX).await;
        let body = body.map_err(|_| "the answer was cut off or is too large".to_owned())?;
        let response = serve::Response::from_parts(parts, Body::empty());
        trace::ends(&mut own, &response, &body, fault.as_ref());
        let log = own.trace.take().map(|trace| trace.into_text());
        Ok(MethodTested {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
            latency_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            log: log.unwrap_or_default(),
        })
    }

    fn outer<'a>(&'a self, place: &'a Place, facts: &'a Facts, mut request: Request) -> Outer<'a> {
        *request.uri_mut() = place.uri.clone();
        if let Ok(host) = HeaderValue::from_str(&place.host) {
            request.headers_mut().insert(header::HOST, host);
        }
        Outer::new(
            &place.plan,
            (facts, self.region.limits()),
            &place.uri,
            request,
        )
    }
}

/// Where a request of a test goes.
struct Place {
    plan: RegionPlan,
    host: String,
    uri: http::Uri,
}

impl Place {
    fn of(frozen: Config, api: &ApiId, path_and_query: Option<&str>) -> Result<Self, String> {
        let region = frozen.regions.keys().next();
        let region = region.map_or("", |region| region.as_str());
        let host = format!("{api}.execute-api.{region}.{}", frozen.base_domain());
        let uri = format!("/{STAGE}{}", path_and_query.unwrap_or("/"));
        let uri = uri
            .parse()
            .map_err(|_| "Invalid path specified".to_owned())?;
        let plan = RegionPlan::compile(&frozen).0;
        Ok(Self { plan, host, uri })
    }

    /// Begins the log.
    fn exchange<'a>(&'a self, outer: &mut Outer<'a>) -> Result<Exchange<'a>, String> {
        let found = self
            .plan
            .find(Entrance::Regional, &self.host, self.uri.path());
        let found = found.map_err(|_| "Invalid path specified".to_owned())?;
        let stage = found.stage.rest().ok_or("the API cannot be served")?;
        let mut own = Exchange::new(outer, found, stage);
        own.trace = Some(Box::new(trace::Trace::of(&own.ids.request)));
        Ok(own)
    }
}

fn facts() -> Facts {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Facts {
        entrance: Entrance::Regional,
        endpoint: None,
        client: address,
        by: By::Address(address),
        https: true,
        request_id: request_id::fresh(),
        deadline: Some(TIME_MAX),
    }
}

/// What a client sends for a method; `ANY` is asked for by the most usual one.
fn method(verb: Verb) -> http::Method {
    let name = verb.to_string();
    http::Method::from_bytes(name.as_bytes())
        .ok()
        .filter(|_| verb != Verb::Any)
        .unwrap_or(http::Method::GET)
}

/// A configuration of that one method, open to all, and the resource's path.
fn frozen(config: &Config, test: &MethodTest) -> Option<(Config, String)> {
    let source = config.apis.get(&test.api)?;
    let ApiKind::Rest(rest) = &source.kind else {
        return None;
    };
    let mut content = rest::Content::clone(&rest.content);
    let path = content.path(&test.resource);
    let found = content.resources.get(&test.resource)?;
    let mut open = Method::clone(found.methods.get(&test.verb)?);
    open.settings.authorization = AuthorizationType::None;
    open.settings.api_key_required = false;
    content.policy = None;
    for (id, resource) in &mut content.resources {
        let own = *id == test.resource;
        let methods = own.then(|| (test.verb, Arc::new(open.clone())));
        *resource = Arc::new(Resource {
            methods: methods.into_iter().collect(),
            ..Resource::clone(resource)
        });
    }
    let frozen = staged((config, source), content, &test.variables);
    Some((frozen, path))
}

/// A configuration with all paths of the authorizer's API, and nothing behind them.
fn guarded(config: &Config, test: &AuthorizerTest) -> Option<Config> {
    let source = config.apis.get(&test.api)?;
    let ApiKind::Rest(rest) = &source.kind else {
        return None;
    };
    let mut content = rest::Content::clone(&rest.content);
    if !content.authorizers.contains_key(&test.authorizer) {
        return None;
    }
    for resource in content.resources.values_mut() {
        let any = Arc::new(any());
        *resource = Arc::new(Resource {
            methods: [(Verb::Any, any)].into(),
            ..Resource::clone(resource)
        });
    }
    Some(staged((config, source), content, &test.variables))
}

/// A method that calls nothing: it is only matched.
const fn any() -> Method {
    Method {
        settings: MethodSettings {
            authorization: AuthorizationType::None,
            authorizer: None,
            scopes: Vec::new(),
            api_key_required: false,
            operation_name: None,
            validator: None,
            request_parameters: BTreeMap::new(),
            request_models: BTreeMap::new(),
        },
        responses: BTreeMap::new(),
        integration: None,
        aggregate: None,
    }
}

/// That content alone, at a stage.
fn staged(
    (config, source): (&Config, &Api),
    content: rest::Content,
    variables: &BTreeMap<String, String>,
) -> Config {
    let (id, stage) = (DeploymentId::from(DEPLOYMENT), StageName::from(STAGE));
    let deployment = Deployment::of(id.clone(), Content::Rest(Arc::new(content)), 0);
    let api = Api {
        endpoint: EndpointType::Regional,
        disable_execute_api_endpoint: false,
        stages: BTreeMap::from([(
            stage.clone(),
            Stage {
                name: stage,
                description: None,
                deployment: Some(id.clone()),
                auto_deploy: false,
                variables: variables.clone(),
                tags: BTreeMap::new(),
                created_ms: 0,
                updated_ms: 0,
                managed: false,
                last_deployment_status: None,
                rest: None,
                v2: None,
            },
        )]),
        deployments: BTreeMap::from([(id, Arc::new(deployment))]),
        ..Api::clone(source)
    };
    Config {
        revision: config.revision,
        cluster: config.cluster.clone(),
        regions: config.regions.clone(),
        apis: [(api.id.clone(), Arc::new(api))].into(),
        ..Config::default()
    }
}
