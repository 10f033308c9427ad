//! REST APIs (API Gateway v1): what they consist of, what a deployment freezes, how they change.
//!
//! Definitions are kept as their owners gave them: templates, schemas, policies and mapping
//! expressions are text, and `plan` gives them a meaning. Nothing here knows JSON.
//!
//! `part` names the pieces that are read and replaced as one, which is what makes a write
//! conditional on what its writer saw.

mod aggregate;
mod method;
mod part;
mod parts;
mod read;
mod shared;
mod stage;
mod window;
pub(crate) mod word;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::{
    aggregate::{AGGREGATE_PARTS_MAX, Aggregate, AggregatePart, Merge, OnFailure},
    method::{
        AuthorizationType, ConnectionType, ContentHandling, Integration, IntegrationResponse,
        IntegrationSettings, IntegrationType, Method, MethodResponse, MethodSettings, Passthrough,
        ResponseTransfer, Verb,
    },
    part::{
        Account, Definition, Deploy, DeployStage, RestChange, RestKey, RestPart, Seen, Settings,
        SharedChange, SharedKey, SharedPart,
    },
    parts::{
        Authorizer, AuthorizerType, DocumentationKind, DocumentationLocation, DocumentationPart,
        DocumentationVersion, GatewayResponse, GatewayResponseType, JwtClaim, JwtConfiguration,
        JwtIssuer, Model, RequestValidator,
    },
    shared::{
        ApiKey, ClientCertificate, Extra, Period, PlanStage, Quota, Throttle, UsagePlan, VpcLink,
        VpcLinkKind,
    },
    stage::{
        AccessLog, CacheControlStrategy, Canary, LogLevel, MethodSetting, Millionths, StageSettings,
    },
    window::{Window, day_of, day_start_ms},
};
use crate::{AuthorizerId, DocumentationPartId, ResourceId, ValidatorId};

/// The editable part of a REST API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestApi {
    /// What a deployment freezes. Copies share whatever has not changed since.
    pub content: Arc<Content>,
    /// TLS policy of the default endpoint, by Amazon's name.
    pub security_policy: String,
    /// `STRICT` or `BASIC`, if it was ever said.
    pub endpoint_access_mode: Option<String>,
    /// Private endpoints by which a private API is reached.
    pub vpc_endpoints: Vec<String>,
    /// Frozen copies of the documentation, by version.
    pub documentation_versions: BTreeMap<String, Arc<DocumentationVersion>>,
}

/// What of a REST API is served: the part that a deployment freezes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The resource `/`.
    pub root: ResourceId,
    /// The tree of paths, by id; always holds the root.
    pub resources: BTreeMap<ResourceId, Arc<Resource>>,
    /// By name.
    pub models: BTreeMap<String, Arc<Model>>,
    /// By id.
    pub validators: BTreeMap<ValidatorId, Arc<RequestValidator>>,
    /// By id.
    pub authorizers: BTreeMap<AuthorizerId, Arc<Authorizer>>,
    /// Those that differ from the gateway's own.
    pub gateway_responses: BTreeMap<GatewayResponseType, Arc<GatewayResponse>>,
    /// Documentation parts by id.
    pub documentation: BTreeMap<DocumentationPartId, Arc<DocumentationPart>>,
    /// Media types whose bodies are binary, in the order given.
    pub binary_media_types: Vec<String>,
    /// Answers of so many bytes are compressed, if ever.
    pub minimum_compression_size: Option<u32>,
    /// Where the key of a request is found.
    pub api_key_source: ApiKeySource,
    /// The resource policy, a JSON text.
    pub policy: Option<String>,
}

word::words! {
    /// Where the key of a request is found.
    ApiKeySource {
        /// In the header `x-api-key`.
        Header = "HEADER",
        /// In what the authorizer answers.
        Authorizer = "AUTHORIZER",
    }
}

/// One path of a REST API, as a node of the tree of path parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Within its API.
    pub id: ResourceId,
    /// None for the root alone.
    pub parent: Option<ResourceId>,
    /// The last segment of its path: plain text, `{name}` or `{name+}`; empty for the root.
    pub part: String,
    /// By HTTP method.
    pub methods: BTreeMap<Verb, Arc<Method>>,
}

// === impl Content ===

impl Content {
    /// An API with nothing but its root.
    #[must_use]
    pub fn empty(root: ResourceId) -> Self {
        let resource = Resource {
            id: root.clone(),
            parent: None,
            part: String::new(),
            methods: BTreeMap::new(),
        };
        Self {
            resources: [(root.clone(), Arc::new(resource))].into(),
            root,
            models: BTreeMap::new(),
            validators: BTreeMap::new(),
            authorizers: BTreeMap::new(),
            gateway_responses: BTreeMap::new(),
            documentation: BTreeMap::new(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            api_key_source: ApiKeySource::Header,
            policy: None,
        }
    }

    /// The path of a resource, such as `/pets/{id}`; `/` for the root and for what is not there.
    #[must_use]
    pub fn path(&self, id: &ResourceId) -> String {
        let mut parts = Vec::new();
        let mut at = self.resources.get(id);
        // A tree has no circles, but a walk that cannot end is not left to that.
        while let Some(resource) = at.filter(|_| parts.len() <= self.resources.len()) {
            let Some(parent) = &resource.parent else {
                break;
            };
            parts.push(resource.part.as_str());
            at = self.resources.get(parent);
        }
        let mut path = String::new();
        for part in parts.iter().rev() {
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            "/".to_owned()
        } else {
            path
        }
    }

    /// Resources right below another.
    pub fn children(&self, id: &ResourceId) -> impl Iterator<Item = &Arc<Resource>> {
        let below = move |resource: &&Arc<Resource>| resource.parent.as_ref() == Some(id);
        self.resources.values().filter(below)
    }

    /// Every method with its resource, in the order of resource ids and verbs.
    pub fn methods(&self) -> impl Iterator<Item = (&Arc<Resource>, Verb, &Arc<Method>)> {
        self.resources.values().flat_map(|resource| {
            let methods = resource.methods.iter();
            methods.map(move |(verb, method)| (resource, *verb, method))
        })
    }
}

impl RestApi {
    /// An API with nothing but its root.
    #[must_use]
    pub fn empty(root: ResourceId) -> Self {
        Self {
            content: Arc::new(Content::empty(root)),
            security_policy: "TLS_1_0".to_owned(),
            endpoint_access_mode: None,
            vpc_endpoints: Vec::new(),
            documentation_versions: BTreeMap::new(),
        }
    }
}
