//! Custom domains and the mappings that lead from a domain and base path to a stage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ApiId, CertificateId, DomainId, EndpointType, IpAddressType, MappingId, SecurityPolicy,
    StageName,
};

/// A custom domain. One object, whichever version of the management API looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainName {
    /// The name in lower case, `*.` in front for a wildcard.
    pub name: DomainId,
    /// The first label of its target name, `d-` and 10 alphanumerics.
    pub target: String,
    /// What a TLS handshake for the name is answered with.
    pub certificate: CertificateId,
    /// Where clients reach it.
    pub endpoint: EndpointType,
    /// Address families.
    pub ip_address_type: IpAddressType,
    /// Versions, ciphers and groups of TLS.
    pub security_policy: SecurityPolicy,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
    /// Mappings by id.
    pub mappings: BTreeMap<MappingId, ApiMapping>,
    /// Rules that stand before the mappings or in their place.
    pub routing: Box<crate::v2::Routing>,
    /// What only private domains have.
    pub private: Option<Box<PrivateDomain>>,
}

/// What a custom domain has that is reached by private endpoints alone. Policies are JSON texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDomain {
    /// 10 alphanumerics; behind a `+` in its ARN.
    pub id: String,
    /// Who may call it; nobody without one.
    pub policy: Option<String>,
    /// Who may associate private endpoints with it.
    pub management_policy: Option<String>,
    /// Private endpoints that may reach it, by id, with their owner's tags.
    pub associations: BTreeMap<String, BTreeMap<String, String>>,
}

/// Leads from a domain and a base path to a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiMapping {
    /// Within its domain.
    pub id: MappingId,
    /// The API.
    pub api: ApiId,
    /// Its stage.
    pub stage: StageName,
    /// Base path without outer slashes, may hold several segments; empty maps everything else.
    pub key: String,
}
