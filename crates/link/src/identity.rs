//! Who a node is: cluster, role, place and node number, carried in its certificate.
//!
//! The identity is the URI subject alternative name `edgeway://{cluster}/{role}/{place}/{node}`.
//! Both ends read it from the certificate that TLS has already verified. It deliberately says
//! nothing about addresses: a node may move, its identity stays.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;

/// The longest cluster or place name, in bytes (one DNS label).
pub(crate) const NAME_BYTES_MAX: usize = 63;

const SCHEME: &str = "edgeway://";

/// What a node does in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PeerRole {
    /// Holds the configuration and runs APIs.
    Region,
    /// Terminates clients and caches.
    Pop,
    /// Answers DNS.
    Dns,
    /// Dials out from a private network.
    Connector,
}

impl PeerRole {
    /// The word used in identities, labels and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Pop => "pop",
            Self::Dns => "dns",
            Self::Connector => "connector",
        }
    }
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PeerRole {
    type Err = IdentityError;

    fn from_str(word: &str) -> Result<Self, IdentityError> {
        match word {
            "region" => Ok(Self::Region),
            "pop" => Ok(Self::Pop),
            "dns" => Ok(Self::Dns),
            "connector" => Ok(Self::Connector),
            _ => Err(IdentityError::Role),
        }
    }
}

/// Why an identity could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A name is empty, too long or has characters other than `a-z`, `0-9` and `-`.
    #[error("identity has a name that is not 1 to 63 of a-z, 0-9 and -")]
    Name,
    /// The role is none of the four.
    #[error("identity has an unknown role")]
    Role,
    /// The node number is not a canonical decimal u64.
    #[error("identity has a node number that is not a decimal number")]
    Node,
    /// The URI does not have the four parts.
    #[error("identity is not of the form edgeway://cluster/role/place/node")]
    Form,
    /// The certificate cannot be parsed.
    #[error("certificate cannot be parsed")]
    Certificate,
    /// The certificate has no identity, or more than one.
    #[error("certificate does not carry exactly one edgeway identity")]
    NotOne,
}

/// The identity of one node, as vouched for by the cluster's CA.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// The cluster's name.
    pub cluster: String,
    /// What the node does.
    pub role: PeerRole,
    /// The region's or POP's name.
    pub place: String,
    /// The node's number, unique in the cluster.
    pub node: u64,
}

impl NodeIdentity {
    /// An identity with checked names: 1 to 63 of `a-z`, `0-9` and `-` each.
    pub fn new(
        cluster: impl Into<String>,
        role: PeerRole,
        place: impl Into<String>,
        node: u64,
    ) -> Result<Self, IdentityError> {
        let (cluster, place) = (cluster.into(), place.into());
        check_name(&cluster)?;
        check_name(&place)?;
        Ok(Self {
            cluster,
            role,
            place,
            node,
        })
    }

    /// The URI that goes into the certificate.
    pub fn to_uri(&self) -> String {
        self.to_string()
    }

    /// Reads what [`to_uri`](Self::to_uri) wrote; exactly that form and no other is accepted.
    pub fn parse_uri(uri: &str) -> Result<Self, IdentityError> {
        let rest = uri.strip_prefix(SCHEME).ok_or(IdentityError::Form)?;
        let mut parts = rest.split('/');
        let (Some(cluster), Some(role), Some(place), Some(node), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(IdentityError::Form);
        };
        let number: u64 = node.parse().map_err(|_| IdentityError::Node)?;
        if number.to_string() != node {
            return Err(IdentityError::Node);
        }
        Self::new(cluster, role.parse()?, place, number)
    }

    /// The identity in a DER certificate. The caller has verified the certificate.
    pub fn from_certificate(der: &[u8]) -> Result<Self, IdentityError> {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| IdentityError::Certificate)?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| IdentityError::Certificate)?
            .ok_or(IdentityError::NotOne)?;
        let mut found = names
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) if uri.starts_with(SCHEME) => Some(*uri),
                _ => None,
            });
        match (found.next(), found.next()) {
            (Some(uri), None) => Self::parse_uri(uri),
            _ => Err(IdentityError::NotOne),
        }
    }
}

impl fmt::Display for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{SCHEME}{}/{}/{}/{}",
            self.cluster, self.role, self.place, self.node
        )
    }
}

/// Whom a client expects at the other end. The cluster's name is always checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The role it must have, when given.
    pub role: Option<PeerRole>,
    /// The place it must be in, when given.
    pub place: Option<String>,
    /// The node number it must have, when given.
    pub node: Option<u64>,
}

impl Expected {
    /// Any node of the cluster.
    pub fn any() -> Self {
        Self::default()
    }

    /// Any node with this role.
    pub fn role(role: PeerRole) -> Self {
        Self {
            role: Some(role),
            ..Self::default()
        }
    }

    /// Any node with this role in this place.
    pub fn place(role: PeerRole, place: impl Into<String>) -> Self {
        Self {
            role: Some(role),
            place: Some(place.into()),
            node: None,
        }
    }

    /// Exactly this node.
    pub fn node(role: PeerRole, place: impl Into<String>, node: u64) -> Self {
        Self {
            role: Some(role),
            place: Some(place.into()),
            node: Some(node),
        }
    }

    /// Whether `identity` is what was expected.
    pub fn admits(&self, identity: &NodeIdentity) -> bool {
        self.role.is_none_or(|role| role == identity.role)
            && self
                .place
                .as_ref()
                .is_none_or(|place| *place == identity.place)
            && self.node.is_none_or(|node| node == identity.node)
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), IdentityError> {
    let fits = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        Ok(())
    } else {
        Err(IdentityError::Name)
    }
}

#[cfg(test)]
mod tests;
