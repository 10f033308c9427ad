//! What only APIs of API Gateway v2 have beside routes and integrations: WebSocket APIs,
//! authorizers, models, responses, settings of stages, routing rules of custom domains.
//!
//! Expressions, templates and schemas are text, as their owners gave them; nothing here knows what
//! a region can run of it. `part` names the pieces that are replaced as one.

mod part;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::part::{V2Change, V2Key, V2Part};
use crate::{
    ApiId, AuthorizerId, ClientCertificateId, HttpContent, IntegrationResponseId, RouteResponseId,
    RoutingRuleId, StageName,
    rest::{
        AccessLog, AuthorizationType, AuthorizerType, ContentHandling, IntegrationType, LogLevel,
        Millionths, Passthrough, word::words,
    },
};

/// The editable part of a WebSocket API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSocketApi {
    /// What a deployment freezes; its routes have keys of messages.
    pub content: HttpContent,
    /// Which part of a message says its route.
    pub route_selection_expression: String,
    /// Where the key of a connection is found; `$request.header.x-api-key` unless set.
    pub api_key_selection_expression: Option<String>,
    /// Messages are not checked against models.
    pub disable_schema_validation: bool,
}

/// Who may use a route, and what is checked and answered there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRules {
    /// How callers are judged.
    pub authorization: AuthorizationType,
    /// By whom, for kinds that need one.
    pub authorizer: Option<AuthorizerId>,
    /// A token must have one of them.
    pub scopes: Vec<String>,
    /// WebSocket only: the connection needs a key.
    pub api_key_required: bool,
    /// WebSocket only: which part of a message says its model.
    pub model_selection: Option<String>,
    /// WebSocket only: by what that expression gives, the name of a model.
    pub request_models: BTreeMap<String, String>,
    /// WebSocket only: parameters of the request, and whether they are required.
    pub request_parameters: BTreeMap<String, bool>,
    /// WebSocket only: `$default` when clients are answered.
    pub response_selection: Option<String>,
    /// WebSocket only: how clients are answered.
    pub responses: BTreeMap<RouteResponseId, Arc<RouteResponse>>,
}

/// How a client of a WebSocket API is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteResponse {
    /// Within its route.
    pub id: RouteResponseId,
    /// `$default`; unique within its route.
    pub key: String,
    /// Which part of the answer says its model.
    pub model_selection: Option<String>,
    /// By what that expression gives, the name of a model.
    pub models: BTreeMap<String, String>,
    /// Parameters of the answer, and whether they are required.
    pub parameters: BTreeMap<String, bool>,
}

/// An integration that is no HTTP backend at a public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherIntegration {
    /// The kind.
    pub kind: IntegrationType,
    /// A function, a listener, an action of an AWS service, or an HTTP backend.
    pub uri: Option<String>,
    /// The method used towards the backend, if it was said.
    pub method: Option<String>,
    /// As an HTTP backend's.
    pub server_name: Option<String>,
}

/// How requests are made fit for a backend, how it is reached, and how its answers are made fit for
/// clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The VPC link; none for the public network.
    pub connection: Option<String>,
    /// A role to call the backend with.
    pub credentials: Option<String>,
    /// The action of an AWS service, such as `SQS-SendMessage`.
    pub subtype: Option<String>,
    /// What is done to bodies.
    pub content_handling: Option<ContentHandling>,
    /// What happens to bodies without a template.
    pub passthrough: Option<Passthrough>,
    /// Parameters of the request to the backend.
    pub request_parameters: BTreeMap<String, String>,
    /// Bodies of the request to the backend, by what the expression gives.
    pub request_templates: BTreeMap<String, String>,
    /// Which part of a message says its template.
    pub template_selection: Option<String>,
    /// HTTP APIs only: by status of the backend, what is altered in its answer.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// WebSocket only: what is made of the backend's answers.
    pub responses: BTreeMap<IntegrationResponseId, Arc<IntegrationResponse>>,
}

/// What is made of an answer of a WebSocket API's backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationResponse {
    /// Within its integration.
    pub id: IntegrationResponseId,
    /// `$default` or `/EXPRESSION/`; unique within its integration.
    pub key: String,
    /// What is done to bodies.
    pub content_handling: Option<ContentHandling>,
    /// Parameters of the answer.
    pub parameters: BTreeMap<String, String>,
    /// Bodies, by what the expression gives.
    pub templates: BTreeMap<String, String>,
    /// Which part of the answer says its template.
    pub template_selection: Option<String>,
}

/// Decides who may use a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorizer {
    /// Within its API.
    pub id: AuthorizerId,
    /// Unique within its API.
    pub name: String,
    /// `REQUEST` or `JWT`.
    pub kind: AuthorizerType,
    /// The function.
    pub uri: Option<String>,
    /// A role to call the function with.
    pub credentials: Option<String>,
    /// Where in a request the identity stands.
    pub identity_source: Vec<String>,
    /// A regular expression that identities must match.
    pub identity_validation: Option<String>,
    /// Of what the function gets and answers.
    pub payload_format_version: Option<String>,
    /// Seconds for which a decision is kept.
    pub ttl_s: Option<u32>,
    /// The function answers yes or no instead of a policy.
    pub simple_responses: Option<bool>,
    /// Which tokens are accepted.
    pub jwt: Option<Jwt>,
}

/// Which tokens an authorizer of an HTTP API accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwt {
    /// The claim `iss`; its keys are discovered below it.
    pub issuer: Option<String>,
    /// One of them must be in `aud` or be `client_id`.
    pub audience: Vec<String>,
}

/// What only stages of v2 have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSettings {
    /// Where requests are recorded.
    pub access_log: Option<AccessLog>,
    /// Shown to backends.
    pub client_certificate: Option<ClientCertificateId>,
    /// For routes without settings of their own.
    pub default_route: RouteSettings,
    /// By route key.
    pub routes: BTreeMap<String, RouteSettings>,
    /// How often its authorizers' decisions have been forgotten.
    pub authorizer_resets: u64,
}

/// Settings of a route, or of all routes, at a stage; what was never said is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSettings {
    /// WebSocket only: whole messages are logged.
    pub data_trace: Option<bool>,
    /// Detailed metrics.
    pub metrics: Option<bool>,
    /// WebSocket only: how much is logged.
    pub log_level: Option<LogLevel>,
    /// Requests at once.
    pub burst: Option<u32>,
    /// Requests a second.
    pub rate: Option<Millionths>,
}

words! {
    /// What decides where a custom domain leads.
    RoutingMode {
        /// Mappings.
        Mappings = "API_MAPPING_ONLY",
        /// Rules.
        Rules = "ROUTING_RULE_ONLY",
        /// Rules, and mappings when none fits.
        Both = "ROUTING_RULE_THEN_API_MAPPING",
    }
}

/// How a custom domain decides where a request leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// What decides.
    pub mode: RoutingMode,
    /// The rules, by id.
    pub rules: BTreeMap<RoutingRuleId, Arc<RoutingRule>>,
}

/// Leads requests that fit to a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingRule {
    /// Within its domain.
    pub id: RoutingRuleId,
    /// Lower ones are tried first; unique within its domain.
    pub priority: u32,
    /// All of them must fit.
    pub conditions: Vec<RoutingCondition>,
    /// The API.
    pub api: ApiId,
    /// Its stage.
    pub stage: StageName,
    /// The base path that fitted is taken off, if it was said.
    pub strip_base_path: Option<bool>,
}

/// What a request must be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoutingCondition {
    /// Its path begins with one of these.
    BasePaths(Vec<String>),
    /// It has one of these headers, with a value that fits the pattern beside.
    Headers(Vec<(String, String)>),
}

/// Puts a routing rule, or removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingChange {
    /// Which rule.
    pub id: RoutingRuleId,
    /// What its writer saw of it.
    pub seen: crate::rest::Seen,
    /// What it is to be; none removes it.
    pub put: Option<RoutingRule>,
}

impl Default for RouteRules {
    fn default() -> Self {
        Self {
            authorization: AuthorizationType::None,
            authorizer: None,
            scopes: Vec::new(),
            api_key_required: false,
            model_selection: None,
            request_models: BTreeMap::new(),
            request_parameters: BTreeMap::new(),
            response_selection: None,
            responses: BTreeMap::new(),
        }
    }
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            mode: RoutingMode::Mappings,
            rules: BTreeMap::new(),
        }
    }
}
