//! What changes of APIs and custom domains carry: new things, and fields to alter.
//!
//! Absent means unchanged. How a patch is applied, and when it is refused, is in `apply`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ApiId, CertificateId, Cors, DeploymentId, EndpointType, HttpContent, Integration,
    IntegrationId, IpAddressType, Route, RouteKey, SecurityPolicy, Stage, StageName,
    rest::{AccessLog, AuthorizationType, ContentHandling, IntegrationType, Passthrough, Seen},
    v2::{RouteSettings, RoutingMode},
};

/// What an HTTP API is to consist of, and to say of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpReplacement {
    /// What its writer saw of the content.
    pub seen: Seen,
    /// As the API's.
    pub name: String,
    /// As the API's.
    pub description: Option<String>,
    /// As the API's.
    pub version: Option<String>,
    /// As the API's.
    pub disable_execute_api_endpoint: bool,
    /// Routes, integrations, cross-origin rules.
    pub content: HttpContent,
}

/// A new HTTP API, and what quick create adds to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateHttpApi {
    /// The API; its content, stages and deployments must be empty but for `cors`.
    pub api: crate::Api,
    /// Given when `target` was.
    pub quick: Option<QuickCreate>,
}

/// What quick create adds: an integration, a catch-all route and a `$default` stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuickCreate {
    /// The integration.
    pub integration: Integration,
    /// The route; its target must be the integration.
    pub route: Route,
    /// The stage; deploys automatically.
    pub stage: Stage,
}

/// Fields of an API to alter; an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiPatch {
    /// `name`
    pub name: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `version`
    pub version: Option<String>,
    /// `disableExecuteApiEndpoint`
    pub disable_execute_api_endpoint: Option<bool>,
    /// `ipAddressType`
    pub ip_address_type: Option<IpAddressType>,
    /// `corsConfiguration`
    pub cors: Option<Cors>,
    /// `apiKeySelectionExpression`
    pub api_key_selection_expression: Option<String>,
    /// Where clients reach it (tag `edgeway:endpointType`).
    pub endpoint: Option<EndpointType>,
    /// The URI of the quick-created integration (`target`).
    pub quick_target: Option<String>,
    /// The key of the quick-created route (`routeKey`).
    pub quick_route_key: Option<RouteKey>,
    /// `routeSelectionExpression` of a WebSocket API.
    pub route_selection_expression: Option<String>,
    /// `disableSchemaValidation` of a WebSocket API.
    pub disable_schema_validation: Option<bool>,
    /// `credentialsArn` of the quick-created integration.
    pub quick_credentials: Option<String>,
}

/// Fields of an integration to alter; an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationPatch {
    /// `integrationType`
    pub kind: Option<IntegrationType>,
    /// `connectionId`, with `connectionType`; empty for the public network.
    pub connection: Option<String>,
    /// `credentialsArn`
    pub credentials: Option<String>,
    /// `integrationSubtype`
    pub subtype: Option<String>,
    /// `contentHandlingStrategy`; `Some(None)` takes it away.
    pub content_handling: Option<Option<ContentHandling>>,
    /// `passthroughBehavior`
    pub passthrough: Option<Passthrough>,
    /// `requestParameters`: one with an empty value is removed, others stay.
    pub request_parameters: BTreeMap<String, String>,
    /// `requestTemplates`: replaces all of them.
    pub request_templates: Option<BTreeMap<String, String>>,
    /// `templateSelectionExpression`
    pub template_selection: Option<String>,
    /// `responseParameters`: a status with nothing is removed, others stay.
    pub response_parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// `integrationUri`
    pub uri: Option<String>,
    /// `integrationMethod`; `ANY` means the client's.
    pub method: Option<String>,
    /// `tlsConfig.serverNameToVerify`
    pub server_name: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// `timeoutInMillis`
    pub timeout_ms: Option<u32>,
    /// `payloadFormatVersion`
    pub payload_format_version: Option<String>,
}

/// Fields of a route to alter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutePatch {
    /// `routeKey`
    pub key: Option<RouteKey>,
    /// `target`; `Some(None)` takes it away.
    pub target: Option<Option<IntegrationId>>,
    /// `operationName`
    pub operation_name: Option<String>,
    /// `authorizationType`
    pub authorization: Option<AuthorizationType>,
    /// `authorizerId`; an empty text takes it away.
    pub authorizer: Option<String>,
    /// `authorizationScopes`: replaces all of them.
    pub scopes: Option<Vec<String>>,
    /// `apiKeyRequired`
    pub api_key_required: Option<bool>,
    /// `modelSelectionExpression`
    pub model_selection: Option<String>,
    /// `requestModels`: replaces all of them.
    pub request_models: Option<BTreeMap<String, String>>,
    /// `requestParameters`: one without a value is removed, others stay.
    pub request_parameters: BTreeMap<String, Option<bool>>,
    /// `routeResponseSelectionExpression`
    pub response_selection: Option<String>,
}

/// Fields of a stage to alter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePatch {
    /// `description`
    pub description: Option<String>,
    /// `deploymentId`
    pub deployment: Option<DeploymentId>,
    /// `autoDeploy`
    pub auto_deploy: Option<bool>,
    /// `stageVariables`: replaces all of them, as Amazon's does.
    pub variables: Option<BTreeMap<String, String>>,
    /// `accessLogSettings`; `Some(None)` takes them away.
    pub access_log: Option<Option<AccessLog>>,
    /// `clientCertificateId`; an empty text takes it away.
    pub client_certificate: Option<String>,
    /// `defaultRouteSettings`
    pub default_route: Option<RouteSettings>,
    /// `routeSettings`: one without a value is removed, others stay.
    pub route_settings: BTreeMap<String, Option<RouteSettings>>,
    /// Its authorizers' decisions are forgotten.
    pub reset_authorizers: bool,
}

/// Fields of a custom domain to alter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainPatch {
    /// `certificateArn`
    pub certificate: Option<CertificateId>,
    /// `endpointType`
    pub endpoint: Option<EndpointType>,
    /// `ipAddressType`
    pub ip_address_type: Option<IpAddressType>,
    /// `securityPolicy`
    pub security_policy: Option<SecurityPolicy>,
    /// `routingMode`
    pub routing_mode: Option<RoutingMode>,
    /// `policy` of a private domain; an empty text takes it away.
    pub policy: Option<String>,
    /// `managementPolicy` of a private domain; an empty text takes it away.
    pub management_policy: Option<String>,
    /// A private endpoint that may reach a private domain from now on, or no more.
    pub association: Option<AssociationPatch>,
}

/// An access association to make, with its tags, or to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociationPatch {
    /// The private endpoint.
    pub source: String,
    /// Owner's tags; none ends it.
    pub tags: Option<BTreeMap<String, String>>,
}

/// Fields of a mapping to alter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingPatch {
    /// `apiId`
    pub api: Option<ApiId>,
    /// `stage`
    pub stage: Option<StageName>,
    /// `apiMappingKey`
    pub key: Option<String>,
}
