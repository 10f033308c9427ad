//! Join policies: who may become a node by what it proves, and who has.
//!
//! What is read of a policy is in `wanted`. Whoever may write these may make nodes of the cluster,
//! as whoever may make tokens.

mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use model::{
    AwsIid, AwsSigner, Config, JoinChange, JoinPolicy, JoinProof, NodeRole, Oidc, OidcKeys, Op,
    ResourceKind, Revision, codec::Only,
};
use serde::Serialize;

use super::{
    list as list_of,
    nodes::{place, role},
    place_name,
    tokens::wanted_role,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyShape<'a> {
    name: &'a str,
    role: &'static str,
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_iid: Option<AwsShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcShape<'a>>,
    created_date: String,
    /// What nodes' settings need besides: whom to believe, and whom to ask.
    ca_sha256: String,
    regions: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AwsShape<'a> {
    certificates: String,
    account_ids: &'a BTreeSet<String>,
    regions: &'a BTreeSet<String>,
    availability_zones: &'a BTreeSet<String>,
    image_ids: &'a BTreeSet<String>,
    instance_types: &'a BTreeSet<String>,
    max_age_seconds: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OidcShape<'a> {
    issuer: &'a str,
    audiences: &'a BTreeSet<String>,
    claims: &'a BTreeMap<String, BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    once_by: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UseShape<'a> {
    subject: &'a str,
    policy: &'a str,
    node: u64,
    /// The node is still a member.
    is_member: bool,
    joined_date: String,
}

fn shape<'a>(config: &'a Config, policy: &'a JoinPolicy) -> PolicyShape<'a> {
    let (aws_iid, oidc) = match &policy.proof {
        JoinProof::AwsIid(wanted) => (Some(aws_shape(wanted)), None),
        JoinProof::Oidc(wanted) => (None, Some(oidc_shape(wanted))),
    };
    let cluster = config.cluster.as_ref();
    let authority = cluster.map_or(&[][..], |it| &it.authority.certificate_der);
    let hash = digest(&SHA256, authority);
    let nodes = config.nodes.values();
    let regions = nodes.filter(|node| matches!(node.role, NodeRole::Region(_)));
    PolicyShape {
        name: policy.name.as_str(),
        role: role(&policy.role),
        place: place(&policy.role),
        aws_iid,
        oidc,
        created_date: clock::iso(policy.created_ms),
        ca_sha256: hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        regions: regions.map(|node| node.link.to_string()).collect(),
    }
}

fn aws_shape(wanted: &AwsIid) -> AwsShape<'_> {
    let signers = wanted.signers.iter();
    AwsShape {
        certificates: signers.map(pem).collect(),
        account_ids: &wanted.accounts,
        regions: &wanted.regions,
        availability_zones: &wanted.zones,
        image_ids: &wanted.images,
        instance_types: &wanted.instance_types,
        max_age_seconds: wanted.age_s_max,
    }
}

fn oidc_shape(wanted: &Oidc) -> OidcShape<'_> {
    let (jwks_uri, jwks) = match &wanted.keys {
        OidcKeys::Discovered => (None, None),
        OidcKeys::Document(url) => (Some(url.as_str()), None),
        OidcKeys::Given(document) => (None, Some(document.as_str())),
    };
    OidcShape {
        issuer: &wanted.issuer,
        audiences: &wanted.audiences,
        claims: &wanted.claims,
        jwks_uri,
        jwks,
        once_by: wanted.once_by.as_deref(),
    }
}

/// A certificate as text (RFC 7468): lines of 64 characters.
fn pem(signer: &AwsSigner) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(&signer.certificate_der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let policies = call.config.joining.policies.values();
    list_of(policies.map(|policy| shape(call.config, policy)))
}

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    find(call.config, call.argument(0))
}

fn find(config: &Config, name: &str) -> Result<Answer, Refusal> {
    let found = config.joining.policies.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::JoinPolicy, name))?;
    Answer::ok(&shape(config, found))
}

pub(super) fn put(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = call.argument(0).to_owned();
    place_name(&name)?;
    let policy = JoinPolicy {
        name: name.as_str().into(),
        role: wanted_role(&call.document)?,
        proof: wanted::proof(call)?,
        created_ms: call.now_ms,
        // Set where it is applied.
        stored: Revision(0),
    };
    let op = Op::Joining(Only(Box::new(JoinChange::Put(policy))));
    Ok(Write::showing(op, move |config: &Config| {
        find(config, &name)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let change = JoinChange::Delete(call.argument(0).into());
    Ok(Write::silent(Op::Joining(Only(Box::new(change)))))
}

pub(super) fn list_uses(call: &Call<'_>) -> Result<Answer, Refusal> {
    let config = call.config;
    list_of(config.joining.uses.iter().map(|(subject, used)| UseShape {
        subject,
        policy: used.policy.as_str(),
        node: used.node.0,
        is_member: config.nodes.contains_key(&used.node),
        joined_date: clock::iso(used.at_ms),
    }))
}

pub(super) fn forget(call: &Call<'_>) -> Result<Write, Refusal> {
    let change = JoinChange::Forget(call.argument(0).to_owned());
    Ok(Write::silent(Op::Joining(Only(Box::new(change)))))
}
