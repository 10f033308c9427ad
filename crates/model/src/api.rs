//! APIs: what every kind has in common, and what an HTTP API consists of.
//!
//! What a REST API consists of is in `rest`, what only API Gateway v2 has beside routes and
//! integrations in `v2`. Stages and deployments are shared by all kinds, since a deployment is a
//! frozen copy of whatever the kind consists of.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    ApiId, AuthorizerId, DeploymentId, IntegrationId, ModelId, RegionName, Revision, RouteId,
    StageName,
};

/// An API of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// Unique in the cluster, in every region.
    pub id: ApiId,
    /// What its owner calls it; not unique.
    pub name: String,
    /// Free text; never empty when present.
    pub description: Option<String>,
    /// The owner's version text.
    pub version: Option<String>,
    /// The region at whose management endpoint it was made; names its default endpoint.
    pub home: RegionName,
    /// Where clients reach it.
    pub endpoint: EndpointType,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// The last revision that changed what its stages serve; part of cache keys.
    pub served: Revision,
    /// True when only custom domains may reach it.
    pub disable_execute_api_endpoint: bool,
    /// Address families of its endpoint.
    pub ip_address_type: IpAddressType,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
    /// The working copy that is edited; requests are served from deployments.
    pub kind: ApiKind,
    /// Named (or `$default`) places where a deployment is served.
    pub stages: BTreeMap<StageName, Stage>,
    /// Frozen copies of `kind`.
    pub deployments: BTreeMap<DeploymentId, Arc<Deployment>>,
}

/// Kinds of API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKind {
    /// An API Gateway v2 HTTP API.
    Http(HttpApi),
    /// An API Gateway v1 REST API.
    Rest(crate::rest::RestApi),
    /// An API Gateway v2 WebSocket API.
    WebSocket(Box<crate::v2::WebSocketApi>),
}

/// Where clients reach an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointType {
    /// Through POPs.
    Edge,
    /// At regions' own listeners (and not through POPs).
    Regional,
    /// Only through private endpoints.
    Private,
}

/// Address families of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpAddressType {
    /// IPv4 alone.
    Ipv4,
    /// IPv4 and IPv6.
    Dualstack,
}

/// The editable part of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpApi {
    /// What a deployment freezes.
    pub content: HttpContent,
    /// Kept for clients: `$request.header.x-api-key` unless set.
    pub api_key_selection_expression: Option<String>,
    /// Kept for clients; HTTP APIs always use `$request.method $request.path`.
    pub route_selection_expression: Option<String>,
}

/// What of an HTTP API is served: the part that a deployment freezes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpContent {
    /// Routes by id.
    pub routes: BTreeMap<RouteId, Arc<Route>>,
    /// Integrations by id.
    pub integrations: BTreeMap<IntegrationId, Arc<Integration>>,
    /// Cross-origin rules; the gateway answers preflight requests itself when present.
    pub cors: Option<Cors>,
    /// Authorizers by id.
    pub authorizers: BTreeMap<AuthorizerId, Arc<crate::v2::Authorizer>>,
    /// Models by id; only WebSocket APIs use them.
    pub models: BTreeMap<ModelId, Arc<crate::rest::Model>>,
}

/// Cross-origin configuration, as `corsConfiguration` of API Gateway v2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// `Access-Control-Allow-Credentials: true` is sent.
    pub allow_credentials: bool,
    /// Header names, or `*`.
    pub allow_headers: Vec<String>,
    /// Method names, or `*`.
    pub allow_methods: Vec<String>,
    /// Origins, `https://*`, `http://*` or `*`.
    pub allow_origins: Vec<String>,
    /// Header names, or `*`.
    pub expose_headers: Vec<String>,
    /// Seconds a preflight answer may be cached; -1 turns caching off.
    pub max_age: Option<i32>,
}

/// A route of an HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Within its API.
    pub id: RouteId,
    /// What it matches; unique within its API.
    pub key: RouteKey,
    /// The integration it calls; a route without one answers 500.
    pub target: Option<IntegrationId>,
    /// Owner's name of the operation.
    pub operation_name: Option<String>,
    /// Made by quick create; cannot be edited freely.
    pub managed: bool,
    /// Who may use it, and what is checked there.
    pub rules: Box<crate::v2::RouteRules>,
}

/// What a route matches. `Display` gives the text that clients use, such as `GET /pets/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RouteKey {
    /// `$default`: whatever no other route matches.
    Default,
    /// `METHOD /path`; no method means `ANY`.
    Path {
        /// Upper case, or none for `ANY`.
        method: Option<String>,
        /// The path pattern.
        path: RoutePath,
    },
    /// Messages of a WebSocket API that are for this key, or `$connect` or `$disconnect`.
    Message(String),
}

/// A path pattern: `/`-separated segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoutePath(pub Vec<Segment>);

/// One segment of a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Segment {
    /// This text; empty for the segment behind a trailing slash.
    Literal(String),
    /// `{name}`: any one segment that is not empty.
    Variable(String),
    /// `{name+}`: the rest of the path, at least one segment; always last.
    Greedy(String),
}

/// Why a text is not a route key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteKeyError {
    /// The method is not one that API Gateway routes.
    #[error("method {0:?} is none of ANY, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")]
    Method(String),
    /// No `METHOD /path` shape.
    #[error("a route key is '$default' or 'METHOD /path'")]
    Shape,
    /// A brace is misplaced, a name is empty or has a character other than letters, digits, `.-_`.
    #[error("segment {0:?} is neither plain text, '{{name}}' nor '{{name+}}'")]
    Segment(String),
    /// `{name+}` before the end.
    #[error("a greedy variable may only be the last segment")]
    GreedyNotLast,
    /// The same variable twice.
    #[error("variable {0:?} is used twice")]
    Repeated(String),
}

/// What a route calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Within its API.
    pub id: IntegrationId,
    /// The kind and what only this kind needs.
    pub kind: IntegrationKind,
    /// Free text.
    pub description: Option<String>,
    /// How long the backend may take to begin its answer: 50 to 30,000.
    pub timeout_ms: u32,
    /// `1.0` for HTTP_PROXY.
    pub payload_format_version: String,
    /// Made by quick create; cannot be edited freely.
    pub managed: bool,
    /// How it is reached, and what is altered on the way.
    pub mapping: Box<crate::v2::Mapping>,
}

/// Kinds of integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// Passes the request to an HTTP backend and its answer back.
    HttpProxy {
        /// `http://` or `https://`, may hold `{name}` and `${stageVariables.name}`.
        uri: String,
        /// The method used towards the backend; none means the client's (`ANY`).
        method: Option<String>,
        /// Verified instead of the URI's host, when set (`tlsConfig.serverNameToVerify`).
        server_name: Option<String>,
    },
    /// Any other kind, or an HTTP backend in a private network.
    Other(Box<crate::v2::OtherIntegration>),
}

/// A place where a deployment is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Also the first path segment, unless `$default`.
    pub name: StageName,
    /// Free text.
    pub description: Option<String>,
    /// What it serves; a stage without one answers 404.
    pub deployment: Option<DeploymentId>,
    /// Each change of the API makes a deployment and points here to it.
    pub auto_deploy: bool,
    /// `${stageVariables.name}` in integrations.
    pub variables: BTreeMap<String, String>,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub updated_ms: u64,
    /// Made by quick create; cannot be edited freely.
    pub managed: bool,
    /// What the last automatic deployment said.
    pub last_deployment_status: Option<String>,
    /// What only stages of REST APIs have.
    pub rest: Option<Box<crate::rest::StageSettings>>,
    /// What only stages of HTTP and WebSocket APIs have.
    pub v2: Option<Box<crate::v2::StageSettings>>,
}

/// A frozen copy of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Within its API.
    pub id: DeploymentId,
    /// Free text.
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Made by a stage with `auto_deploy`.
    pub auto: bool,
    /// The copy.
    pub content: Content,
}

/// What a deployment holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Of an HTTP API.
    Http(HttpContent),
    /// Of a REST API.
    Rest(Arc<crate::rest::Content>),
    /// Of a WebSocket API.
    WebSocket(HttpContent),
}

// === impl RouteKey ===

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

impl RouteKey {
    /// Reads `$default`, `ANY /path` or `METHOD /path`.
    ///
    /// # Errors
    /// Says which part is not of that shape.
    pub fn parse(text: &str) -> Result<Self, RouteKeyError> {
        if text == "$default" {
            return Ok(Self::Default);
        }
        let (method, path) = text.split_once(' ').ok_or(RouteKeyError::Shape)?;
        let method = match method {
            "ANY" => None,
            known if METHODS.contains(&known) => Some(known.to_owned()),
            other => return Err(RouteKeyError::Method(other.to_owned())),
        };
        Ok(Self::Path {
            method,
            path: RoutePath::parse(path)?,
        })
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("$default"),
            Self::Path { method, path } => {
                write!(out, "{} {path}", method.as_deref().unwrap_or("ANY"))
            }
            Self::Message(key) => out.write_str(key),
        }
    }
}

// === impl RoutePath ===

impl RoutePath {
    /// Reads `/a/{b}/{c+}`. The root is one empty literal segment.
    ///
    /// # Errors
    /// Says which segment is malformed.
    pub fn parse(text: &str) -> Result<Self, RouteKeyError> {
        let rest = text.strip_prefix('/').ok_or(RouteKeyError::Shape)?;
        let segments: Vec<Segment> = rest
            .split('/')
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        let mut names: Vec<&str> = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            if matches!(segment, Segment::Greedy(_)) && at + 1 < segments.len() {
                return Err(RouteKeyError::GreedyNotLast);
            }
            if let Segment::Variable(name) | Segment::Greedy(name) = segment {
                if names.contains(&name.as_str()) {
                    return Err(RouteKeyError::Repeated(name.clone()));
                }
                names.push(name);
            }
        }
        Ok(Self(segments))
    }
}

impl Api {
    /// Whether a private endpoint is one of those that the API names for itself.
    #[must_use]
    pub fn is_associated(&self, endpoint: &str) -> bool {
        match &self.kind {
            ApiKind::Rest(rest) => rest.vpc_endpoints.iter().any(|known| known == endpoint),
            ApiKind::Http(_) | ApiKind::WebSocket(_) => false,
        }
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(out, "/{text}"),
            Segment::Variable(name) => write!(out, "/{{{name}}}"),
            Segment::Greedy(name) => write!(out, "/{{{name}+}}"),
        })
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, RouteKeyError> {
        let bad = || RouteKeyError::Segment(text.to_owned());
        if let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            let (name, greedy) = inner
                .strip_suffix('+')
                .map_or((inner, false), |n| (n, true));
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty() || !name.chars().all(plain) {
                return Err(bad());
            }
            let name = name.to_owned();
            return Ok(if greedy {
                Self::Greedy(name)
            } else {
                Self::Variable(name)
            });
        }
        // A path holds visible ASCII only; anything else arrives percent-encoded.
        if text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'{' | b'}' | b'?' | b'#'))
        {
            Ok(Self::Literal(text.to_owned()))
        } else {
            Err(bad())
        }
    }
}
