//! The pieces of REST APIs, and of what stands beside APIs, that are read and replaced as one.
//!
//! A writer says what it saw of a piece, as a digest; the change is refused when the piece differs
//! by then. So two writers that touch different pieces both take effect, and no update is lost.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    ApiKey, ApiKeySource, Authorizer, Canary, ClientCertificate, Content, DocumentationPart,
    DocumentationVersion, GatewayResponse, GatewayResponseType, IntegrationResponse,
    IntegrationSettings, MethodResponse, MethodSettings, Model, RequestValidator, UsagePlan, Verb,
    VpcLink,
};
use crate::{
    Api, ApiKeyId, ApiKind, AuthorizerId, ClientCertificateId, DeploymentId, DocumentationPartId,
    EndpointType, IpAddressType, ResourceId, Stage, StageName, UsagePlanId, VpcLinkId, codec,
};

/// Names a piece of a REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestKey {
    /// What the API says of itself.
    Settings,
    /// Settings and content: what an import replaces.
    Definition,
    /// A path.
    Resource(ResourceId),
    /// A method request.
    Method(ResourceId, Verb),
    /// A method response.
    MethodResponse(ResourceId, Verb, u16),
    /// An integration request.
    Integration(ResourceId, Verb),
    /// An integration response.
    IntegrationResponse(ResourceId, Verb, u16),
    /// A model, by name.
    Model(String),
    /// A request validator.
    Validator(crate::ValidatorId),
    /// An authorizer.
    Authorizer(AuthorizerId),
    /// A gateway response.
    GatewayResponse(GatewayResponseType),
    /// A documentation part.
    DocumentationPart(DocumentationPartId),
    /// A documentation version.
    DocumentationVersion(String),
    /// A stage.
    Stage(StageName),
}

/// A piece of a REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestPart {
    /// What the API says of itself.
    Settings(Box<Settings>),
    /// Settings and content.
    Definition(Box<Definition>),
    /// A path: the resource above and the last segment.
    Resource(Option<ResourceId>, String),
    /// A method request.
    Method(Box<MethodSettings>),
    /// A method response.
    MethodResponse(Box<MethodResponse>),
    /// An integration request.
    Integration(Box<IntegrationSettings>),
    /// An integration response.
    IntegrationResponse(Box<IntegrationResponse>),
    /// A model.
    Model(Box<Model>),
    /// A request validator.
    Validator(Box<RequestValidator>),
    /// An authorizer.
    Authorizer(Box<Authorizer>),
    /// A gateway response.
    GatewayResponse(Box<GatewayResponse>),
    /// A documentation part.
    DocumentationPart(Box<DocumentationPart>),
    /// A documentation version, here without its copy of the parts.
    DocumentationVersion(Box<DocumentationVersion>),
    /// A stage.
    Stage(Box<Stage>),
}

/// What a REST API says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What its owner calls it.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The owner's version text.
    pub version: Option<String>,
    /// Where clients reach it.
    pub endpoint: EndpointType,
    /// Address families of its endpoint.
    pub ip_address_type: IpAddressType,
    /// True when only custom domains may reach it.
    pub disable_execute_api_endpoint: bool,
    /// As `RestApi`'s.
    pub security_policy: String,
    /// As `RestApi`'s.
    pub endpoint_access_mode: Option<String>,
    /// As `RestApi`'s.
    pub vpc_endpoints: Vec<String>,
    /// As `Content`'s.
    pub binary_media_types: Vec<String>,
    /// As `Content`'s.
    pub minimum_compression_size: Option<u32>,
    /// As `Content`'s.
    pub api_key_source: ApiKeySource,
    /// As `Content`'s.
    pub policy: Option<String>,
}

/// Settings and content of a REST API: what an import replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// What it says of itself; what the content holds too is taken from here.
    pub settings: Settings,
    /// Everything that is deployed.
    pub content: Arc<Content>,
}

/// What a writer saw of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// It does not matter what is there: it is replaced with all that belongs to it.
    Anything,
    /// Nothing: the piece is new.
    Nothing,
    /// A piece with this digest.
    This(u64),
}

/// A change of a piece of a REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestChange {
    /// Which piece.
    pub key: RestKey,
    /// What its writer saw of it.
    pub seen: Seen,
    /// What it is to be; none removes it.
    pub put: Option<RestPart>,
}

/// Freezes a REST API, and points a stage to the copy when one is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploy {
    /// The copy's id.
    pub id: DeploymentId,
    /// Free text.
    pub description: Option<String>,
    /// The stage that is to serve it; made if it is not there.
    pub stage: Option<DeployStage>,
}

/// What a deployment does to its stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployStage {
    /// The stage.
    pub name: StageName,
    /// Free text.
    pub description: Option<String>,
    /// Variables to set.
    pub variables: Option<BTreeMap<String, String>>,
    /// Whether it has a cache.
    pub cache_cluster: Option<bool>,
    /// The cache's size.
    pub cache_size: Option<String>,
    /// Requests are traced.
    pub tracing: Option<bool>,
    /// The deployment is served as a canary beside the stage's own.
    pub canary: Option<Canary>,
}

/// Names a piece beside APIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SharedKey {
    /// A key of clients.
    ApiKey(ApiKeyId),
    /// A usage plan.
    UsagePlan(UsagePlanId),
    /// A key in a usage plan.
    UsagePlanKey(UsagePlanId, ApiKeyId),
    /// What a key may use more of a plan's quota in one period.
    UsageExtra(UsagePlanId, ApiKeyId),
    /// A client certificate.
    ClientCertificate(ClientCertificateId),
    /// A VPC link.
    VpcLink(VpcLinkId),
    /// The account.
    Account,
}

/// A piece beside APIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SharedPart {
    /// A key of clients.
    ApiKey(Box<ApiKey>),
    /// A usage plan, here without its keys and what they may use more.
    UsagePlan(Box<UsagePlan>),
    /// A key in a usage plan.
    UsagePlanKey,
    /// What a key may use more of a plan's quota in one period.
    UsageExtra(super::Extra),
    /// A client certificate.
    ClientCertificate(Box<ClientCertificate>),
    /// A VPC link.
    VpcLink(Box<VpcLink>),
    /// The account.
    Account(Account),
}

/// Settings of the whole cluster's REST APIs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The role by which logs are written.
    pub cloudwatch_role: Option<String>,
}

/// A change of a piece beside APIs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedChange {
    /// Which piece.
    pub key: SharedKey,
    /// What its writer saw of it.
    pub seen: Seen,
    /// What it is to be; none removes it.
    pub put: Option<SharedPart>,
}

// === impl Seen ===

impl Seen {
    /// What somebody saw who was shown `part`.
    #[must_use]
    pub fn of<T: Serialize>(part: Option<&T>) -> Self {
        // A part that does not encode does not reach a log either.
        part.map_or(Self::Nothing, |part| {
            let bytes = codec::content(part).unwrap_or_default();
            Self::This(codec::digest(&bytes))
        })
    }

    /// Whether what is there now is what was seen.
    pub(crate) fn holds<T: Serialize>(self, now: Option<&T>) -> bool {
        self == Self::Anything || self == Self::of(now)
    }
}

// === impl Settings ===

impl Settings {
    /// What `api` says of itself; none for other kinds of API.
    #[must_use]
    pub fn of(api: &Api) -> Option<Self> {
        let ApiKind::Rest(rest) = &api.kind else {
            return None;
        };
        Some(Self {
            name: api.name.clone(),
            description: api.description.clone(),
            version: api.version.clone(),
            endpoint: api.endpoint,
            ip_address_type: api.ip_address_type,
            disable_execute_api_endpoint: api.disable_execute_api_endpoint,
            security_policy: rest.security_policy.clone(),
            endpoint_access_mode: rest.endpoint_access_mode.clone(),
            vpc_endpoints: rest.vpc_endpoints.clone(),
            binary_media_types: rest.content.binary_media_types.clone(),
            minimum_compression_size: rest.content.minimum_compression_size,
            api_key_source: rest.content.api_key_source,
            policy: rest.content.policy.clone(),
        })
    }

    /// Makes `api` say so of itself; other kinds of API stay as they are.
    pub fn put_into(self, api: &mut Api) {
        let ApiKind::Rest(rest) = &mut api.kind else {
            return;
        };
        rest.security_policy = self.security_policy;
        rest.endpoint_access_mode = self.endpoint_access_mode;
        rest.vpc_endpoints = self.vpc_endpoints;
        let content = Arc::make_mut(&mut rest.content);
        content.binary_media_types = self.binary_media_types;
        content.minimum_compression_size = self.minimum_compression_size;
        content.api_key_source = self.api_key_source;
        content.policy = self.policy;
        api.name = self.name;
        api.description = self.description;
        api.version = self.version;
        api.endpoint = self.endpoint;
        api.ip_address_type = self.ip_address_type;
        api.disable_execute_api_endpoint = self.disable_execute_api_endpoint;
    }
}
