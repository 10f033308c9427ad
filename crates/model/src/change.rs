//! The only ways to alter a configuration.
//!
//! Everything random is chosen by the proposer and travels inside, so that applying is the same
//! everywhere. Updates are patches (absent = unchanged), so two writers that touch different fields
//! of one resource both take effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    AccessKey, AccessKeyId, ApiId, ApiMapping, ApiPatch, Certificate, CertificateId, ChangeId,
    Cluster, CreateHttpApi, Deployment, DeploymentId, DomainId, DomainName, DomainPatch,
    HttpReplacement, Integration, IntegrationId, IntegrationPatch, JoinToken, KeyState, MappingId,
    MappingPatch, Node, NodeId, Pop, PopName, Prior, PrivateEndpoint, PrivateEndpointId, Region,
    RegionName, Revision, RolloutEnd, RolloutMode, RolloutPolicy, Route, RouteId, RoutePatch,
    Stage, StageName, StagePatch, TokenId, Zone, ZoneKey, ZoneKeyState, ZoneReplacement,
    codec::{Level, Only},
    rest::{Deploy, RestChange, SharedChange},
};

/// A proposed change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Proposing the same id again gives the first outcome and applies nothing.
    pub id: ChangeId,
    /// The proposer's clock, milliseconds since 1970.
    pub at_ms: u64,
    /// Who asked for it: an access key's id, or `node-N`.
    pub by: String,
    /// From where, and what for; kept in the audit trail.
    pub origin: crate::Origin,
    /// The id of the deployment to make if a stage with automatic deployment is affected.
    pub spare_deployment: DeploymentId,
    /// What to do.
    pub op: Op,
}

/// What an accepted change did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The configuration's revision from then on.
    pub revision: Revision,
    /// The number given to a node that joined.
    pub node: Option<NodeId>,
}

/// Kinds of change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Makes the cluster, its first region, node and access key; refused when there is one.
    Bootstrap {
        /// Facts of the cluster.
        cluster: Cluster,
        /// Its first region.
        region: Region,
        /// Its first node; must have number 1.
        node: Node,
        /// Its first access key.
        key: Box<AccessKey>,
    },
    /// Adds a region or moves it.
    PutRegion(Region),
    /// Removes a region without nodes.
    DeleteRegion(RegionName),
    /// Adds a POP or moves it.
    PutPop(Pop),
    /// Removes a POP without nodes.
    DeletePop(PopName),
    /// Adds a node by spending a token; `node.id` is ignored, the outcome tells the number.
    Join {
        /// The token's public half.
        token: TokenId,
        /// SHA-256 of the secret half that was presented.
        secret_sha256: [u8; 32],
        /// The node.
        node: Node,
    },
    /// Replaces what is known of a node (its addresses).
    UpdateNode(Node),
    /// Forgets a node.
    DeleteNode(NodeId),
    /// Tells a node to drain before it is removed.
    DrainNode(NodeId),
    /// Adds or replaces a private endpoint.
    PutPrivateEndpoint(PrivateEndpoint),
    /// Removes a private endpoint.
    DeletePrivateEndpoint(PrivateEndpointId),
    /// Adds or replaces a zone.
    PutZone(Zone),
    /// Removes a zone; never the base domain's.
    DeleteZone(String),
    /// Adds a key to a zone.
    AddZoneKey(String, ZoneKey),
    /// Moves a zone's key on; making one active retires those it takes over from.
    SetZoneKeyState(String, u16, ZoneKeyState),
    /// Forgets all keys of a zone, which is not signed any more.
    ClearZoneKeys(String),
    /// Forgets a zone's key.
    DeleteZoneKey(String, u16),
    /// Adds or replaces a prior.
    PutPrior(Prior),
    /// Removes a prior.
    DeletePrior(IpNet),
    /// Adds an access key.
    CreateAccessKey(AccessKey),
    /// Turns an access key on or off.
    SetAccessKeyState(AccessKeyId, KeyState),
    /// Removes an access key; never the last active one without a policy.
    DeleteAccessKey(AccessKeyId),
    /// Alters an access key.
    Access(crate::AccessChange),
    /// Makes an API what it was at a revision.
    RollBackApi(ApiId, Revision),
    /// Adds a join token.
    CreateJoinToken(JoinToken),
    /// Removes a join token.
    DeleteJoinToken(TokenId),
    /// Adds or renews a certificate.
    PutCertificate(Certificate),
    /// Certificates by ACME.
    Acme(Box<crate::AcmeChange>),
    /// Removes a certificate that no domain uses.
    DeleteCertificate(CertificateId),
    /// Makes an HTTP or WebSocket API.
    CreateHttpApi(Box<CreateHttpApi>),
    /// Alters an API.
    UpdateApi(ApiId, Box<ApiPatch>),
    /// Removes an API that no mapping uses, with everything in it.
    DeleteApi(ApiId),
    /// Removes an HTTP API's cross-origin rules.
    DeleteCors(ApiId),
    /// Adds an integration.
    CreateIntegration(ApiId, Integration),
    /// Alters an integration.
    UpdateIntegration(ApiId, IntegrationId, IntegrationPatch),
    /// Removes an integration that no route uses.
    DeleteIntegration(ApiId, IntegrationId),
    /// Adds a route.
    CreateRoute(ApiId, Route),
    /// Alters a route.
    UpdateRoute(ApiId, RouteId, RoutePatch),
    /// Removes a route.
    DeleteRoute(ApiId, RouteId),
    /// Adds a stage.
    CreateStage(ApiId, Stage),
    /// Alters a stage.
    UpdateStage(ApiId, StageName, StagePatch),
    /// Removes a stage that no mapping uses.
    DeleteStage(ApiId, StageName),
    /// Freezes the API, and points a stage to the copy when one is named.
    CreateDeployment {
        /// The API.
        api: ApiId,
        /// The copy's id.
        id: DeploymentId,
        /// Free text.
        description: Option<String>,
        /// The stage that is to serve it.
        stage: Option<StageName>,
    },
    /// Alters a deployment's description.
    UpdateDeployment(ApiId, DeploymentId, Option<String>),
    /// Removes a deployment that no stage serves.
    DeleteDeployment(ApiId, DeploymentId),
    /// Makes a REST API; it must have no stages and deployments.
    CreateRestApi(Box<crate::Api>),
    /// Alters a piece of a REST API.
    Rest(ApiId, Box<RestChange>),
    /// Freezes a REST API.
    DeployRest(ApiId, Box<Deploy>),
    /// Alters what stands beside APIs.
    Shared(Box<SharedChange>),
    /// Alters a piece of an HTTP or WebSocket API.
    V2(ApiId, Box<crate::v2::V2Change>),
    /// Alters a routing rule of a custom domain.
    Routing(DomainId, Box<crate::v2::RoutingChange>),
    /// Replaces what an HTTP API consists of.
    ReplaceHttpApi(ApiId, Box<HttpReplacement>),
    /// Bytes of an operation that is too long for one change; changes no configuration.
    Part {
        /// The change that is to come.
        of: ChangeId,
        /// Where in it the bytes begin.
        at: u64,
        /// Part of the encoded operation.
        bytes: Vec<u8>,
    },
    /// Does what the parts that were sent under this id say together.
    Assemble(ChangeId),
    /// Several operations of which all take effect or none, at one revision and with one entry in
    /// the history. Each sees what those before it did.
    Batch(Vec<Self>),
    /// Adds a custom domain.
    CreateDomain(Box<DomainName>),
    /// Alters a custom domain.
    UpdateDomain(DomainId, DomainPatch),
    /// Removes a custom domain with its mappings.
    DeleteDomain(DomainId),
    /// Adds a mapping.
    CreateMapping(DomainId, ApiMapping),
    /// Alters a mapping.
    UpdateMapping(DomainId, MappingId, MappingPatch),
    /// Removes a mapping.
    DeleteMapping(DomainId, MappingId),
    /// Sets or removes tags by ARN path.
    Tag {
        /// Whose tags, as the end of an ARN: `/apis/ID/stages/NAME`, `/usageplans/ID` and so on.
        target: String,
        /// Tags to set.
        set: BTreeMap<String, String>,
        /// Tag keys to remove.
        unset: Vec<String>,
    },
    /// Another operation, reaching the nodes as its proposer wants and not as the policy says.
    InMode(RolloutMode, Box<Self>),
    /// Sets how changes reach the nodes.
    SetRolloutPolicy(Box<RolloutPolicy>),
    /// Takes the API's rollout to its next stage.
    AdvanceRollout(ApiId, Revision),
    /// Ends the API's rollout.
    EndRollout {
        /// Whose rollout.
        api: ApiId,
        /// Which one: a rollout that has begun anew since is left alone.
        id: Revision,
        /// How; some ends put the old version back.
        end: RolloutEnd,
    },
    /// Raises the format at which all nodes write records; every one of them must know it.
    RaiseFormat(Level),
    /// Alters who may join by what they prove, or lets one in.
    Joining(Only<2, Box<crate::JoinChange>>),
    /// Adds or replaces a zone, if its records are what its writer saw.
    ReplaceZone(Box<Only<2, ZoneReplacement>>),
}

impl Op {
    /// Its name, such as `PutCertificate`.
    #[must_use]
    pub fn name(&self) -> String {
        let mut head = Head(String::new());
        // Stops at the first character behind the name, which is no failure here.
        let _ended_early = write!(head, "{self:?}");
        head.0
    }

    /// The API whose content it alters.
    #[must_use]
    pub const fn api(&self) -> Option<&ApiId> {
        match self {
            Self::UpdateApi(api, _)
            | Self::DeleteApi(api)
            | Self::RollBackApi(api, _)
            | Self::DeleteCors(api)
            | Self::CreateIntegration(api, _)
            | Self::UpdateIntegration(api, ..)
            | Self::DeleteIntegration(api, _)
            | Self::CreateRoute(api, _)
            | Self::UpdateRoute(api, ..)
            | Self::DeleteRoute(api, _)
            | Self::CreateStage(api, _)
            | Self::UpdateStage(api, ..)
            | Self::DeleteStage(api, _)
            | Self::CreateDeployment { api, .. }
            | Self::UpdateDeployment(api, ..)
            | Self::DeleteDeployment(api, _)
            | Self::ReplaceHttpApi(api, _)
            | Self::V2(api, _)
            | Self::Rest(api, _)
            | Self::DeployRest(api, _) => Some(api),
            _ => None,
        }
    }
}

impl Op {
    /// The APIs whose content it alters, each once.
    #[must_use]
    pub fn apis(&self) -> BTreeSet<&ApiId> {
        match self {
            Self::Batch(ops) => ops.iter().filter_map(Self::api).collect(),
            op => op.api().into_iter().collect(),
        }
    }
}

/// Takes the first word of a text.
struct Head(String);

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric());
        self.0
            .push_str(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
        if end.is_some() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

impl Deployment {
    /// A deployment of `content` made at `created_ms`.
    #[must_use]
    pub const fn of(id: DeploymentId, content: crate::Content, created_ms: u64) -> Self {
        Self {
            id,
            description: None,
            created_ms,
            auto: false,
            content,
        }
    }
}
