//! Who may become a node without a token: by what a cloud or an issuer says of the machine.
//!
//! Policies are written by operators; uses are remembered so that a proof admits one node. Whether
//! a proof is genuine is judged before a change is proposed (`plan`), since that needs keys and a
//! clock; what must hold among all regions at once is checked where the change is applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{JoinPolicyName, Node, NodeId, NodeRole, Revision};

/// Policies, and what has been used of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// Policies by name.
    pub policies: BTreeMap<JoinPolicyName, Arc<JoinPolicy>>,
    /// Who has joined by which proof: `aws:i-0123456789abcdef0`, for example.
    pub uses: BTreeMap<String, Arc<JoinUse>>,
}

/// Lets machines that can prove something become nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinPolicy {
    /// Nodes name it.
    pub name: JoinPolicyName,
    /// What a node will be.
    pub role: NodeRole,
    /// What it must prove.
    pub proof: JoinProof,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// The revision that stored it last; set when it is applied.
    pub stored: Revision,
}

/// Kinds of proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinProof {
    /// The identity document of an EC2 instance, signed by AWS.
    AwsIid(AwsIid),
    /// A token of an issuer: of Google's or Azure's metadata, or of a Kubernetes service account.
    Oidc(Oidc),
}

/// What is wanted of an instance's document. Empty sets ask for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsIid {
    /// Whose signatures count.
    pub signers: Vec<AwsSigner>,
    /// Accounts, twelve digits; never empty.
    pub accounts: BTreeSet<String>,
    /// Regions of AWS.
    pub regions: BTreeSet<String>,
    /// Availability zones.
    pub zones: BTreeSet<String>,
    /// Images.
    pub images: BTreeSet<String>,
    /// Instance types.
    pub instance_types: BTreeSet<String>,
    /// Seconds since the instance was started.
    pub age_s_max: u32,
}

/// A certificate of AWS, as the operator gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSigner {
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its key, as PKCS#1 has it.
    pub rsa_key_der: Vec<u8>,
    /// Milliseconds since 1970; signatures count no more from then on.
    pub not_after_ms: u64,
}

/// What is wanted of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oidc {
    /// Its `iss`.
    pub issuer: String,
    /// One of these must be in its `aud`; never empty.
    pub audiences: BTreeSet<String>,
    /// Claims with the values that each may have; never empty. A name that begins with `/` is a
    /// JSON pointer.
    pub claims: BTreeMap<String, BTreeSet<String>>,
    /// Where the issuer's keys are.
    pub keys: OidcKeys,
    /// The claim of which each value admits one node; without it, each token does.
    pub once_by: Option<String>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OidcKeys {
    /// Where its discovery document says.
    Discovered,
    /// At a URL.
    Document(String),
    /// Here, a document of keys (RFC 7517).
    Given(String),
}

/// A proof that admitted a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinUse {
    /// By which policy.
    pub policy: JoinPolicyName,
    /// The node.
    pub node: NodeId,
    /// SHA-256 of the node's request for its first certificate: the same machine may ask again
    /// when the answer was lost.
    pub request_sha256: [u8; 32],
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Milliseconds since 1970, from when on the policy refuses the proof anyhow.
    pub until_ms: u64,
}

/// A machine whose proof was found good under a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The policy.
    pub policy: JoinPolicyName,
    /// As it was when the proof was judged.
    pub stored: Revision,
    /// What is remembered of the proof.
    pub subject: String,
    /// See [`JoinUse::until_ms`].
    pub until_ms: u64,
    /// See [`JoinUse::request_sha256`].
    pub request_sha256: [u8; 32],
    /// The node; its number and role are ignored.
    pub node: Node,
}

/// Changes to who may join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinChange {
    /// Adds or replaces a policy.
    Put(JoinPolicy),
    /// Removes a policy. Nodes that joined by it stay, and what they joined by stays used.
    Delete(JoinPolicyName),
    /// Adds a node.
    Admit(Admission),
    /// Forgets that a proof was used.
    Forget(String),
}

impl JoinProof {
    /// As the management API says it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AwsIid(_) => "aws_iid",
            Self::Oidc(_) => "oidc",
        }
    }
}
