//! What a cluster consists of: regions, POPs, nodes, zones, keys, tokens and certificates.
//!
//! Secrets live here too (the authority's key, access keys, certificates' keys); they stay in
//! regions, since only projections of `Config` ever leave one.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    CertificateId, ConnectorName, NodeId, PopName, PrivateEndpointId, RegionName, Revision,
    TokenId, codec::Level, rest::Seen,
};

/// Facts chosen when the cluster was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Stands in node identities; nodes of another cluster are refused.
    pub name: String,
    /// Such as `edgeway.test`.
    pub base_domain: String,
    /// Twelve digits; appears in ARNs.
    pub account_id: String,
    /// Signs nodes' certificates.
    pub authority: Authority,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// At which nodes write records.
    pub format: Level,
}

/// The cluster's certificate authority.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its private key, PKCS#8 DER. Never leaves the regions.
    pub key_der: Vec<u8>,
}

/// A place on Earth, in millionths of a degree, so that it compares and serialises exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// -90,000,000 to 90,000,000, north positive.
    pub latitude_micro: i32,
    /// -180,000,000 to 180,000,000, east positive.
    pub longitude_micro: i32,
}

/// A region: where APIs run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Such as `us-east-1`.
    pub name: RegionName,
    /// For distances, when known.
    pub location: Option<Location>,
}

/// A point of presence: where clients of edge APIs arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pop {
    /// Such as `pop-1`.
    pub name: PopName,
    /// For distances, when known.
    pub location: Option<Location>,
}

/// What a node is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeRole {
    /// Runs APIs of this region and may vote.
    Region(RegionName),
    /// Serves clients at this POP.
    Pop(PopName),
    /// Answers DNS queries.
    Dns,
    /// Reaches backends in a private network for regions.
    Connector(ConnectorName),
}

/// A process that is part of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Never reused.
    pub id: NodeId,
    /// What it is for.
    pub role: NodeRole,
    /// Where other nodes reach it over QUIC.
    pub link: SocketAddr,
    /// Addresses that clients are sent to by DNS.
    pub public: Vec<IpAddr>,
    /// Where its management API listens, when it has one, such as `http://127.0.0.1:7001`.
    pub management: Option<String>,
    /// Milliseconds since 1970.
    pub joined_ms: u64,
}

/// A private listener's identity, as a VPC endpoint has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateEndpoint {
    /// Such as `vpce-0123456789abcdef0`.
    pub id: PrivateEndpointId,
    /// Where it enters.
    pub region: RegionName,
    /// What its resolver view answers with.
    pub addresses: Vec<IpAddr>,
    /// The private network that it is in, such as `vpc-0123456789abcdef0`.
    pub vpc: Option<String>,
    /// What may be called by way of it, a JSON text; everything without one.
    pub policy: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

/// A DNS zone this cluster is authoritative for, with its fixed records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Lower case, no final dot.
    pub name: String,
    /// Fixed records; names below the base domain that the cluster answers itself cannot be set.
    pub records: Vec<Record>,
    /// Keys that sign it; none: it is not signed. Only operations on keys change these.
    pub keys: Vec<ZoneKey>,
}

/// A zone as its writer wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneReplacement {
    /// What it is to be.
    pub zone: Zone,
    /// What its writer saw of its records.
    pub seen: Seen,
}

/// A key that signs a zone (ECDSA P-256 with SHA-256, algorithm 13 of RFC 6605).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneKey {
    /// The key tag of RFC 4034 (appendix B); differs among the keys of a zone.
    pub tag: u16,
    /// What it signs.
    pub role: ZoneKeyRole,
    /// Where it is in its life.
    pub state: ZoneKeyState,
    /// 64 bytes: the coordinates of its point.
    pub public: Vec<u8>,
    /// The private key, PKCS#8 DER. Goes to regions and DNS nodes only.
    pub key_der: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZoneKeyRole {
    /// Everything; the parent zone names it.
    Combined,
    /// The set of keys only; the parent zone names it.
    KeySigning,
    /// Everything but the set of keys.
    ZoneSigning,
}

/// Where a key is in its life. Every key of a zone is in its set of keys, whatever its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZoneKeyState {
    /// Shown ahead of time, so that every resolver knows it when it becomes active.
    Published,
    /// Signs.
    Active,
    /// Signs no more, but its signatures may still be remembered.
    Retired,
}

impl ZoneKeyRole {
    /// Whether the parent zone names it, and it signs the set of keys.
    #[must_use]
    pub const fn is_entry(self) -> bool {
        matches!(self, Self::Combined | Self::KeySigning)
    }

    /// Whether it signs everything else.
    #[must_use]
    pub const fn signs_records(self) -> bool {
        matches!(self, Self::Combined | Self::ZoneSigning)
    }
}

impl fmt::Debug for ZoneKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZoneKey")
            .field("tag", &self.tag)
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A fixed record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Full name, lower case, no final dot.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// Its type and content.
    pub value: RecordValue,
}

/// Types of fixed record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordValue {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name.
    Cname(String),
    /// A name server.
    Ns(String),
    /// Where mail goes.
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The mail server; `.` says that there is none.
        exchange: String,
    },
    /// Strings of at most 255 bytes each.
    Txt(Vec<Vec<u8>>),
    /// Where a service is.
    Srv {
        /// Lower is tried first.
        priority: u16,
        /// Share among those of one priority.
        weight: u16,
        /// TCP or UDP port.
        port: u16,
        /// The host; `.` says that there is no such service.
        target: String,
    },
    /// Who may issue certificates (RFC 8659).
    Caa {
        /// 128: issuers that do not know the tag must refuse.
        flags: u8,
        /// Such as `issue`.
        tag: String,
        /// Such as `ca.example.net`.
        value: Vec<u8>,
    },
    /// The key that signs a delegated zone (RFC 4034, section 5).
    Ds {
        /// Of the key.
        tag: u16,
        /// Of the key.
        algorithm: u8,
        /// Of the digest.
        digest_type: u8,
        /// Of the key.
        digest: Vec<u8>,
    },
    /// How to reach a service by HTTP (RFC 9460).
    Https(Service),
    /// How to reach a service (RFC 9460).
    Svcb(Service),
}

/// The content of an HTTPS or SVCB record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// 0 makes it an alias.
    pub priority: u16,
    /// Where the service is; `.` is the record's own name.
    pub target: String,
    /// Parameters in wire form, by number.
    pub params: std::collections::BTreeMap<u16, Vec<u8>>,
}

/// Where clients of an address prefix are taken to be until measurements say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prior {
    /// The clients.
    pub prefix: IpNet,
    /// Where they are taken to be.
    pub location: Location,
}

/// Lets nodes join: one, unless it says more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// The public half.
    pub id: TokenId,
    /// SHA-256 of the secret half.
    pub secret_sha256: [u8; 32],
    /// What the node will be.
    pub role: NodeRole,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970; refused from then on.
    pub expires_ms: u64,
    /// Nodes that it admits in all.
    pub uses_max: u32,
    /// The nodes that used it.
    pub used_by: Vec<NodeId>,
}

/// A certificate for clients' TLS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The last part of its ARN.
    pub id: CertificateId,
    /// The region in its ARN.
    pub region: RegionName,
    /// Names it is good for, lower case, may start with `*.`.
    pub names: Vec<String>,
    /// Leaf first, DER.
    pub chain_der: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key_der: Vec<u8>,
    /// Milliseconds since 1970.
    pub not_after_ms: u64,
    /// Issued by the cluster's own authority, which renews it.
    pub own: bool,
    /// Issued and renewed by ACME; its chain is empty until the first order succeeds.
    pub acme: Option<crate::AcmeOrder>,
    /// The revision that stored it last.
    pub stored: Revision,
}

// === impl JoinToken ===

impl JoinToken {
    /// It has admitted as many nodes as it may.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.used_by.len() >= usize::try_from(self.uses_max).unwrap_or(usize::MAX)
    }
}

// === redacted Debug: a secret must not reach a log by way of `{:?}` ===

impl fmt::Debug for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JoinToken")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("used_by", &self.used_by)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Certificate")
            .field("id", &self.id)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
