//! Tries a method that need not be deployed: what its API says now, through the pipeline of clients'
//! requests, with a log of what happened (docs/aws-behaviour.md, trying a method).
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
    Api, ApiId, ApiKind, Config, Content, Deployment, DeploymentId, EndpointType, ResourceId,
    Stage, StageName,
    rest::{self, AuthorizationType, Method, Resource, Verb},
};
use plan::region::{Entrance, RegionPlan};
use serve::{Body, Request};

use super::{Exchange, body::BODY_BYTES_MAX, pipeline, trace};
use crate::{
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

    /// Tries a method as `config` has it. If dropped, the backend's call is dropped too.
    ///
    /// # Errors
    /// A sentence for the caller: there is no such method, or the path cannot be asked for.
    pub async fn method(&self, config: &Config, test: MethodTest) -> Result<MethodTested, String> {
        let began = Instant::now();
        let (frozen, path) = frozen(config, &test).ok_or("Invalid Method identifier specified")?;
        let plan = RegionPlan::compile(&frozen).0;
        let region = frozen
            .regions
            .keys()
            .next()
            .map_or("", |region| region.as_str());
        let host = format!("{}.execute-api.{region}.{}", test.api, frozen.base_domain());
        let asked = test.path_and_query.as_deref().unwrap_or(&path);
        let uri = format!("/{STAGE}{asked}").parse::<http::Uri>();
        let uri = uri.map_err(|_| "Invalid path specified".to_owned())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let facts = Facts {
            entrance: Entrance::Regional,
            client: address,
            by: By::Address(address),
            https: true,
            request_id: request_id::fresh(),
            deadline: Some(TIME_MAX),
        };
        let mut request = Request::new(Body::full(test.body));
        *request.uri_mut() = uri.clone();
        *request.method_mut() = method(test.verb);
        *request.headers_mut() = test.headers;
        let headers = request.headers_mut();
        // Whatever the caller says, as at Amazon.
        let kind = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Ok(host) = HeaderValue::from_str(&host) {
            headers.insert(header::HOST, host);
        }
        let mut outer = Outer::new(&plan, (&facts, self.region.limits()), &uri, request);
        let found = plan.find(Entrance::Regional, &host, uri.path());
        let found = found.map_err(|_| "Invalid path specified".to_owned())?;
        let stage = found.stage.rest().ok_or("the API cannot be served")?;
        let mut own = Exchange::new(&mut outer, found, stage);
        own.trace = Some(Box::new(trace::Trace::of(&own.ids.request)));
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
                variables: test.variables.clone(),
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
    let frozen = Config {
        revision: config.revision,
        cluster: config.cluster.clone(),
        regions: config.regions.clone(),
        apis: [(test.api.clone(), Arc::new(api))].into(),
        ..Config::default()
    };
    Some((frozen, path))
}
