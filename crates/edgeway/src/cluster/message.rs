//! What nodes say to each other besides Raft, calls and feeds: joining, renewal and reports.
//!
//! Encoded by `model::codec` as records of kind `Other`, so each carries its format version.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use link::RpcRefusal;
use model::{
    Location, NodeId, NodeRole, Revision, Trial,
    codec::{self, Level, Since},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use steer::{
    caps::Shares,
    latency::{Batch, LatencyMap},
};

/// A node without an identity asks for one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JoinRequest {
    /// The token's public half.
    pub(crate) token: String,
    /// The token's secret half.
    pub(crate) secret: [u8; 32],
    /// Holds the node's public key.
    pub(crate) csr_der: Vec<u8>,
    /// Where other nodes reach it.
    pub(crate) link: SocketAddr,
    /// Addresses that DNS answers.
    pub(crate) public: Vec<IpAddr>,
    /// Its management API, if it has one.
    pub(crate) management: Option<String>,
    /// Where it is.
    pub(crate) location: Option<Location>,
    /// The newest format that it knows.
    pub(crate) format: Level,
    /// What it proves instead of showing a token.
    pub(crate) offered: Since<2, Option<OfferedProof>>,
}

/// A proof, and under which policy it is to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfferedProof {
    /// The policy.
    pub(crate) policy: String,
    /// What the sender's settings are for: a policy for something else is a mistake.
    pub(crate) role: String,
    /// The place that the sender wants to be of, if it says.
    pub(crate) place: Option<String>,
    /// The proof.
    pub(crate) proof: Proof,
}

/// What a machine can show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Proof {
    /// An EC2 instance's identity document with its signature, as the metadata service gives it.
    AwsDocument(String),
    /// A token of an issuer.
    Token(String),
}

/// A proof must not reach a log: until it expires, it may be good for more than joining.
impl std::fmt::Debug for Proof {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::AwsDocument(_) => "AwsDocument",
            Self::Token(_) => "Token",
        })
    }
}

/// The identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JoinAnswer {
    /// Its number.
    pub(crate) node: NodeId,
    /// What it is, as its token said.
    pub(crate) role: NodeRole,
    /// Its certificate, leaf first, DER.
    pub(crate) chain_der: Vec<Vec<u8>>,
    /// The cluster's authority, DER.
    pub(crate) ca_der: Vec<u8>,
    /// Where to find regions.
    pub(crate) regions: Vec<Seed>,
}

/// A region node's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seed {
    /// Its number.
    pub(crate) node: NodeId,
    /// Its region.
    pub(crate) region: String,
    /// Where it is reached.
    pub(crate) link: SocketAddr,
}

/// What a node tells a region node, on the `Cluster` service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ClusterRequest {
    /// How the sender is.
    Report(NodeReport),
    /// What clients' handshakes took at the sender, a POP.
    Samples(Batch),
    /// Asks for what is newer than the sender has; the answer is [`News`].
    NewsAfter {
        /// The latency map's epoch.
        map: u64,
        /// The number of the shares.
        shares: u64,
    },
    /// A latency map that the sender, a region, has built.
    InstallMap(LatencyMap),
    /// Shares of places that the sender, a region, has decided on.
    InstallShares(Shares),
    /// Asks where region nodes are; the answer is a list of [`Seed`].
    Regions,
}

/// What steers DNS, as far as it is newer than what was asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct News {
    /// Which POP is quickest for whom.
    pub(crate) map: Option<LatencyMap>,
    /// Which part of its clients each place takes.
    pub(crate) shares: Option<Shares>,
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeReport {
    /// What it serves from.
    pub(crate) revision: Revision,
    /// It is going away.
    pub(crate) draining: bool,
    /// Where others reach it now.
    pub(crate) link: SocketAddr,
    /// The last revision that it could not take, and why; none once it serves a newer one.
    pub(crate) refused: Option<(Revision, String)>,
    /// What a region node has counted of rollouts.
    pub(crate) trials: Vec<Trial>,
    /// Region nodes that it reaches only over HTTP/2.
    pub(crate) over_h2: Vec<NodeId>,
    /// How full it is, in thousandths of its own cap; 0 without one.
    pub(crate) load_per_mille: u32,
    /// The connectors that are connected to a region node.
    pub(crate) connectors: Vec<region::ConnectorSight>,
    /// The newest format that it knows.
    pub(crate) format: Level,
    /// Its build.
    pub(crate) build: String,
}

/// What a region node answers to a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReportAnswer {
    /// The sender is to drain: it will be removed.
    pub(crate) leave: bool,
}

/// A new certificate for the sender's own identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RenewRequest {
    /// Holds the fresh public key.
    pub(crate) csr_der: Vec<u8>,
}

/// The certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RenewAnswer {
    /// Leaf first, DER.
    pub(crate) chain_der: Vec<Vec<u8>>,
    /// The cluster's authority, DER.
    pub(crate) ca_der: Vec<u8>,
}

/// Encodes a message; the types above always encode.
pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Bytes, codec::CodecError> {
    codec::encode(codec::Kind::Other, message).map(Bytes::from)
}

/// Encodes a request that holds a proof, which builds of format 1 do not understand.
pub(crate) fn encode_proof(request: &JoinRequest) -> Result<Bytes, codec::CodecError> {
    codec::encode_at(Level::numbered(2), codec::Kind::Other, request).map(Bytes::from)
}

/// Reads a message from a peer.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, codec::CodecError> {
    codec::decode(codec::Kind::Other, bytes)
}

/// Reasons a region gives for not doing what a node asks.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub(crate) enum Refusal {
    /// The message does not decode.
    Malformed = 1,
    /// The cluster refused the change.
    Rejected = 2,
    /// No leader at the moment: ask again.
    Unavailable = 3,
    /// Something is wrong on the region's side.
    Internal = 4,
}

impl Refusal {
    /// As the link carries it.
    pub(crate) fn because(self, reason: impl std::fmt::Display) -> RpcRefusal {
        RpcRefusal::new(self as u16, reason.to_string())
    }
}
