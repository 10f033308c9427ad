//! What stands beside APIs: keys, usage plans, client certificates, VPC links.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Millionths, word::words};
use crate::{ApiId, ApiKeyId, ClientCertificateId, StageName, UsagePlanId, VpcLinkId};

/// A key that clients of APIs send.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// 10 alphanumerics.
    pub id: ApiKeyId,
    /// What clients send; unique.
    pub value: String,
    /// Owner's name.
    pub name: Option<String>,
    /// The customer's id at a marketplace.
    pub customer_id: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Whether it opens anything.
    pub enabled: bool,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub updated_ms: u64,
    /// `API/STAGE`, which only old clients set.
    pub stage_keys: Vec<String>,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
}

/// What the bearers of some keys may use, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePlan {
    /// 6 alphanumerics.
    pub id: UsagePlanId,
    /// Owner's name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// What may be used.
    pub stages: Vec<PlanStage>,
    /// How fast.
    pub throttle: Option<Throttle>,
    /// How much.
    pub quota: Option<Quota>,
    /// The product at a marketplace.
    pub product_code: Option<String>,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
    /// By whom.
    pub keys: BTreeSet<ApiKeyId>,
    /// What some of those keys may use more, or less, in one period.
    pub extras: BTreeMap<ApiKeyId, Extra>,
}

/// A change of what remains of a quota to one key, for one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The period's first day, counted from 1970-01-01.
    pub start_day: u32,
    /// Requests on top of the quota; negative takes some away.
    pub requests: i64,
}

/// A stage that a usage plan covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStage {
    /// The API.
    pub api: ApiId,
    /// Its stage.
    pub stage: StageName,
    /// By `PATH/VERB`.
    pub throttle: BTreeMap<String, Throttle>,
}

/// How fast something may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Requests at once.
    pub burst: Option<u32>,
    /// Requests a second.
    pub rate: Option<Millionths>,
}

words! {
    /// What a quota counts by.
    Period {
        /// A day.
        Day = "DAY",
        /// A week.
        Week = "WEEK",
        /// A month.
        Month = "MONTH",
    }
}

/// How much may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Requests in a period.
    pub limit: u32,
    /// Requests less in the first period.
    pub offset: u32,
    /// The period.
    pub period: Period,
}

/// A certificate that the gateway shows to backends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// 6 alphanumerics.
    pub id: ClientCertificateId,
    /// Free text.
    pub description: Option<String>,
    /// PEM.
    pub certificate_pem: String,
    /// PKCS#8 DER.
    pub key_der: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Milliseconds since 1970.
    pub expires_ms: u64,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
}

/// A way into a private network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcLink {
    /// 6 alphanumerics.
    pub id: VpcLinkId,
    /// Owner's name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Owner's tags.
    pub tags: BTreeMap<String, String>,
    /// Which version of the management API made it, and where it leads.
    pub kind: VpcLinkKind,
}

/// Kinds of VPC link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VpcLinkKind {
    /// Of API Gateway v1: leads to a load balancer.
    V1 {
        /// ARNs of load balancers.
        targets: Vec<String>,
    },
    /// Of API Gateway v2: leads into subnets.
    V2 {
        /// Subnet ids.
        subnets: Vec<String>,
        /// Security group ids.
        security_groups: Vec<String>,
    },
}

// === impl ApiKey and ClientCertificate ===

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ClientCertificate")
            .field("id", &self.id)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}
