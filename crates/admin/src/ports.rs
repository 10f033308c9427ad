//! What the management API needs from the rest of the node, as traits wired in `edgeway`.
//!
//! The ledger is the only store there is; the traits exist so that tests need no disk and no Raft.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use ipnet::IpNet;
use ledger::{Applied, Ledger, MemberError, ProposeError, Status};
use model::{
    ApiId, ApiKeyId, AuthorizerId, Change, Config, NodeId, ResourceId, Revision, TokenId,
    UsagePlanId, codec::Level, rest::Verb,
};
use serve::BoxFuture;

/// The replicated configuration.
pub trait Store: Send + Sync + 'static {
    /// The newest configuration that this node has applied.
    fn config(&self) -> Arc<Config>;

    /// Has `change` applied. Resolves only once [`Store::config`] of this node includes it, so that
    /// whoever wrote here reads what was written. The same change may be proposed again.
    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>>;
}

/// The regions' Raft group.
pub trait Members: Send + Sync + 'static {
    /// How the group looks from this node.
    fn status(&self) -> Arc<Status>;

    /// Lets a learner vote; waits until it has caught up.
    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>>;

    /// Takes a node out of the group, unless those of `live` that stay would be no majority.
    fn retire(&self, node: NodeId, live: Vec<NodeId>) -> BoxFuture<'_, Result<(), MemberError>>;
}

/// Which nodes live, and what they serve.
pub trait Fleet: Send + Sync + 'static {
    /// Nodes of every role that have been heard of lately. This node need not be among them.
    fn live(&self) -> Vec<LiveNode>;

    /// Connectors to private networks, once for each region node that they are connected to.
    fn connectors(&self) -> Vec<ConnectedConnector> {
        Vec::new()
    }
}

/// The POPs' caches.
pub trait Caches: Send + Sync + 'static {
    /// Takes answers out of use at every POP that can be reached, and resolves once each has
    /// said so, or has not in time. Safe to repeat.
    fn purge(&self, what: PurgeTarget) -> BoxFuture<'_, Vec<Purged>>;
}

/// What keys have used of usage plans.
pub trait UsageCounts: Send + Sync + 'static {
    /// Requests of a key under a plan, on each of some days since 1970-01-01, in all regions.
    /// What other nodes have counted in the last second may be missing.
    fn used(&self, plan: &UsagePlanId, key: &ApiKeyId, days: std::ops::Range<u32>) -> Vec<u64>;
}

/// Tries methods of REST APIs at this node.
pub trait Invoke: Send + Sync + 'static {
    /// Runs a method, deployed or not, and says what happened.
    fn method<'a>(
        &'a self,
        config: &'a Config,
        test: MethodTest,
    ) -> BoxFuture<'a, Result<MethodTested, String>>;

    /// Asks the function of an authorizer, and says what it decided.
    fn authorizer<'a>(
        &'a self,
        config: &'a Config,
        test: AuthorizerTest,
    ) -> BoxFuture<'a, Result<AuthorizerTested, String>>;
}

/// An authorizer to ask, and about what.
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

/// What an authorizer that was tried decided.
#[derive(Clone, Debug)]
pub struct AuthorizerTested {
    /// What a client would get; 0 where it decided.
    pub client_status: u16,
    /// Who asks.
    pub principal_id: Option<String>,
    /// JSON.
    pub policy: Option<String>,
    /// Its context.
    pub context: BTreeMap<String, String>,
    /// What the token claims, where one was judged.
    pub claims: BTreeMap<String, String>,
    /// Milliseconds.
    pub latency_ms: u64,
    /// One event a line.
    pub log: String,
}

/// A method to try.
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

/// What a method that was tried answered.
#[derive(Clone, Debug)]
pub struct MethodTested {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Milliseconds.
    pub latency_ms: u64,
    /// One event a line.
    pub log: String,
}

/// What to take out of the caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeTarget {
    /// One address with its query, in all its variants.
    Url(String),
    /// All addresses that begin so.
    Prefix(String),
    /// All answers of hosts that serve an API.
    Api(ApiId),
    /// All answers with a tag.
    Tag(String),
}

/// A POP that has purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Which.
    pub node: NodeId,
    /// Stored answers that were dropped.
    pub purged: u64,
    /// Milliseconds until it said so.
    pub ms: u64,
}

/// A node that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveNode {
    /// Which.
    pub node: NodeId,
    /// The revision that it serves.
    pub revision: Revision,
    /// It is about to stop.
    pub draining: bool,
    /// Age of its last sign of life, milliseconds.
    pub heard_ms: u64,
    /// The last revision that it could not take, and why.
    pub refused: Option<(Revision, String)>,
    /// Region nodes that it reaches only over HTTP/2, because UDP does not pass.
    pub over_h2: Vec<NodeId>,
    /// The newest format that it knows.
    pub format: Level,
    /// Its build, such as `0.1.0`.
    pub build: String,
}

/// A connector that is connected to a region node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedConnector {
    /// Which.
    pub node: NodeId,
    /// What VPC links name it by.
    pub name: String,
    /// The region node.
    pub by: NodeId,
    /// It is about to stop.
    pub draining: bool,
    /// Connections between the two.
    pub connections: u32,
    /// Calls that it says it has in progress.
    pub in_flight: u32,
    /// What it offers: name, health, and what the last check found.
    pub upstreams: Vec<(String, &'static str, String)>,
}

/// Makes join tokens, whose text holds facts that this crate does not know.
pub trait TokenMint: Send + Sync + 'static {
    /// Chooses an id and a secret, and writes the text that the new node is given.
    ///
    /// # Errors
    /// A sentence for the caller, when a token cannot be made now.
    fn mint(&self) -> Result<MintedToken, String>;
}

/// Says what DNS answers, and why.
pub trait Explain: Send + Sync + 'static {
    /// What a client in `from` is given for `name`.
    ///
    /// # Errors
    /// A sentence for the caller, when the name is not one that is steered.
    fn dns(&self, config: &Config, name: &str, from: IpNet) -> Result<DnsExplanation, String>;
}

/// What DNS answers, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsExplanation {
    /// What is chosen from: `pop` or `region`.
    pub kind: &'static str,
    /// The client.
    pub from: IpNet,
    /// What decided: `measured`, `coordinates` or `name`.
    pub because: &'static str,
    /// The place.
    pub chosen: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// A place that would have suited better, but has too many clients; and its share of them, in
    /// thousandths.
    pub spilled: Option<(String, u16)>,
    /// For whom else the answer holds, as a prefix length.
    pub scope: u8,
    /// Of the latency map; 0 without one.
    pub map_epoch: u64,
    /// The narrowest row of the map that holds the client.
    pub row: Option<ExplainRow>,
    /// All places there are.
    pub candidates: Vec<Candidate>,
}

/// A row of the latency map, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainRow {
    /// Its clients.
    pub prefix: IpNet,
    /// Where they are sent.
    pub home: String,
    /// Chosen by this prefix's own samples.
    pub own: bool,
    /// What some answers are to find out about.
    pub explore: Option<String>,
    /// Who has been better for how many epochs.
    pub challenger: Option<(String, u8)>,
}

/// A place that could be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The place.
    pub name: String,
    /// `up`, `draining`, `down`, or `no address`.
    pub health: &'static str,
    /// The map's estimate, microseconds.
    pub estimate_us: Option<u32>,
    /// The samples it rests on.
    pub samples: u32,
    /// What its distance says, microseconds.
    pub expected_us: Option<u32>,
    /// Which part of its clients it takes, in thousandths.
    pub share: u16,
}

/// A join token before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct MintedToken {
    /// The public half.
    pub id: TokenId,
    /// SHA-256 of the secret half.
    pub secret_sha256: [u8; 32],
    /// What the new node is given; shown once.
    pub text: String,
}

impl Store for Ledger {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&Self::config(self).borrow())
    }

    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>> {
        Box::pin(Self::propose(self, change))
    }
}

impl Members for Ledger {
    fn status(&self) -> Arc<Status> {
        Arc::clone(&Self::status(self).borrow())
    }

    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(Self::promote(self, node))
    }

    fn retire(&self, node: NodeId, live: Vec<NodeId>) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(Self::retire(self, node, live))
    }
}
