//! What changes of APIs and custom domains carry: new things, and fields to alter.
//!
//! Absent means unchanged. How a patch is applied, and when it is refused, is in `apply`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ApiId, CertificateId, Cors, DeploymentId, EndpointType, HttpContent, Integration,
    IntegrationId, IpAddressType, Route, RouteKey, SecurityPolicy, Stage, StageName, rest::Seen,
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
}

/// Fields of an integration to alter; an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationPatch {
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
