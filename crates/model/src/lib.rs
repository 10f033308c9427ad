//! What can be configured, and how a configuration changes.
//!
//! `Config` is the ground state that regions replicate; a `Change` is the only way to alter it, and
//! `Machine::apply` is deterministic: everything random (ids, times, keys) is chosen before a
//! change is proposed and travels inside it. POPs and DNS nodes receive projections (`EdgeView`,
//! `ZoneView`) that hold no region secrets.
//!
//! This crate has no clock, no sockets and no randomness, knows nothing of JSON (the AWS wire
//! shapes live in `admin`), and never compiles a configuration into something executable (that is
//! `plan`).

mod access;
mod acme;
mod api;
mod apply;
mod backup;
mod change;
mod cluster;
pub mod codec;
mod config;
mod domain;
mod feed;
#[cfg(test)]
mod fixtures;
mod history;
mod id;
mod joining;
pub mod limits;
mod name_servers;
mod patch;
mod reject;
pub mod rest;
mod rollout;
mod security;
mod table;
pub mod v2;
mod view;

pub use access::{AccessChange, AccessKey, KeyState, Origin, PreviousSecret};
pub use acme::{
    Acme, AcmeAccount, AcmeChange, AcmeOrder, AcmeSettings, ChallengeAnswer, ChallengeKind,
};
pub use api::{
    Api, ApiKind, Content, Cors, Deployment, EndpointType, HttpApi, HttpContent, Integration,
    IntegrationKind, IpAddressType, Route, RouteKey, RouteKeyError, RoutePath, Segment, Stage,
};
pub use apply::Machine;
pub use backup::{Backup, BackupError};
pub use change::{Change, Op, Outcome};
pub use cluster::{
    Authority, Certificate, Cluster, JoinToken, Location, Node, NodeRole, Pop, Prior,
    PrivateEndpoint, Record, RecordValue, Region, Service, Zone, ZoneKey, ZoneKeyRole,
    ZoneKeyState, ZoneReplacement,
};
pub use config::Config;
pub use domain::{ApiMapping, DomainName, PrivateDomain};
pub use feed::{FeedFrame, FeedHello, LivePeer, MapDelta};
pub use history::{Difference, Entry, History, Item, ItemKey, ItemKind, NotKept};
pub use id::{
    AccessKeyId, ApiId, ApiKeyId, AuthorizerId, CertificateId, ChangeId, ClientCertificateId,
    ConnectorName, DeploymentId, DocumentationPartId, DomainId, IntegrationId,
    IntegrationResponseId, JoinPolicyName, MappingId, ModelId, NodeId, PopName, PrivateEndpointId,
    RegionName, ResourceId, Revision, RouteId, RouteResponseId, RoutingRuleId, StageName, TokenId,
    UsagePlanId, ValidatorId, VpcLinkId,
};
pub use joining::{
    Admission, AwsIid, AwsSigner, JoinChange, JoinPolicy, JoinProof, JoinUse, Joining, Oidc,
    OidcKeys,
};
pub use patch::{
    ApiPatch, AssociationPatch, CreateHttpApi, DomainPatch, HttpReplacement, IntegrationPatch,
    MappingPatch, QuickCreate, RoutePatch, StagePatch,
};
pub use reject::{Rejection, ResourceKind};
pub use rollout::{
    Evidence, Gates, Rollout, RolloutEnd, RolloutMode, RolloutPolicy, RolloutRecord, RolloutStage,
    Tally, Trial, Verdict,
};
pub use security::SecurityPolicy;
pub use table::{Sum, Table};
pub use view::{
    EdgeApi, EdgeCertificate, EdgeDelta, EdgeDomain, EdgeView, Place, PlaceNode, ZoneApi,
    ZoneDelta, ZoneDomain, ZoneView,
};
