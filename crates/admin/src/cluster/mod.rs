//! Cluster operations under `/edgeway/v1/`: what Amazon's API has no words for.
//!
//! Same signatures, same error shape, lower camel case. Lists are small and come whole.

mod acme;
mod backup;
mod certificates;
mod connectors;
mod differ;
mod explain;
mod format;
mod history;
mod join_policies;
mod keys;
mod network;
mod nodes;
mod places;
mod purge;
mod rdata;
mod rollouts;
mod status;
mod tokens;
mod wait;
mod zone_keys;
mod zones;

use serde::Serialize;

use crate::{
    answer::Answer,
    operation::{Operation, read, wait as waiting, write},
    refusal::Refusal,
};

/// Cluster operations.
pub(crate) const OPERATIONS: &[Operation] = &[
    read("GetStatus", "/edgeway/v1/status", status::show),
    read("TakeBackup", "/edgeway/v1/backup", backup::take),
    read("GetFormat", "/edgeway/v1/format", format::show),
    write("RaiseFormat", "POST", "/edgeway/v1/format", format::raise),
    read("ExplainDns", "/edgeway/v1/explain/dns", explain::dns),
    waiting(
        "WaitForRevision",
        "GET",
        "/edgeway/v1/revisions/{revision}/wait",
        wait::run,
    ),
    waiting("PurgeCache", "POST", "/edgeway/v1/purge", purge::run),
    read(
        "GetRegion",
        "/edgeway/v1/regions/{name}",
        places::get_region,
    ),
    read("GetPop", "/edgeway/v1/pops/{name}", places::get_pop),
    write(
        "DrainNode",
        "POST",
        "/edgeway/v1/nodes/{id}/drain",
        nodes::drain,
    ),
    read("GetToken", "/edgeway/v1/tokens/{id}", tokens::get),
    read("ListRegions", "/edgeway/v1/regions", places::list_regions),
    write(
        "PutRegion",
        "PUT",
        "/edgeway/v1/regions/{name}",
        places::put_region,
    ),
    write(
        "DeleteRegion",
        "DELETE",
        "/edgeway/v1/regions/{name}",
        places::delete_region,
    ),
    read("ListPops", "/edgeway/v1/pops", places::list_pops),
    write("PutPop", "PUT", "/edgeway/v1/pops/{name}", places::put_pop),
    write(
        "DeletePop",
        "DELETE",
        "/edgeway/v1/pops/{name}",
        places::delete_pop,
    ),
    read("ListConnectors", "/edgeway/v1/connectors", connectors::list),
    read("ListNodes", "/edgeway/v1/nodes", nodes::list_nodes),
    read("GetNode", "/edgeway/v1/nodes/{id}", nodes::show),
    waiting(
        "DeleteNode",
        "DELETE",
        "/edgeway/v1/nodes/{id}",
        nodes::delete,
    ),
    waiting(
        "PromoteNode",
        "POST",
        "/edgeway/v1/nodes/{id}/promote",
        nodes::promote,
    ),
    read("ListTokens", "/edgeway/v1/tokens", tokens::list),
    write("CreateToken", "POST", "/edgeway/v1/tokens", tokens::create),
    write(
        "DeleteToken",
        "DELETE",
        "/edgeway/v1/tokens/{id}",
        tokens::delete,
    ),
    read(
        "ListJoinPolicies",
        "/edgeway/v1/join-policies",
        join_policies::list,
    ),
    read(
        "GetJoinPolicy",
        "/edgeway/v1/join-policies/{name}",
        join_policies::get,
    ),
    write(
        "PutJoinPolicy",
        "PUT",
        "/edgeway/v1/join-policies/{name}",
        join_policies::put,
    ),
    write(
        "DeleteJoinPolicy",
        "DELETE",
        "/edgeway/v1/join-policies/{name}",
        join_policies::delete,
    ),
    read(
        "ListJoinUses",
        "/edgeway/v1/join-uses",
        join_policies::list_uses,
    ),
    write(
        "ForgetJoinUse",
        "DELETE",
        "/edgeway/v1/join-uses/{subject+}",
        join_policies::forget,
    ),
    read("ListAccessKeys", "/edgeway/v1/access-keys", keys::list),
    write(
        "CreateAccessKey",
        "POST",
        "/edgeway/v1/access-keys",
        keys::create,
    ),
    write(
        "DeleteAccessKey",
        "DELETE",
        "/edgeway/v1/access-keys/{id}",
        keys::delete,
    ),
    write(
        "DisableAccessKey",
        "POST",
        "/edgeway/v1/access-keys/{id}/disable",
        keys::disable,
    ),
    write(
        "EnableAccessKey",
        "POST",
        "/edgeway/v1/access-keys/{id}/enable",
        keys::enable,
    ),
    read("GetAccessKey", "/edgeway/v1/access-keys/{id}", keys::show),
    write(
        "RotateAccessKey",
        "POST",
        "/edgeway/v1/access-keys/{id}/rotate",
        keys::rotate,
    ),
    write(
        "PutAccessKeyPolicy",
        "PUT",
        "/edgeway/v1/access-keys/{id}/policy",
        keys::put_policy,
    ),
    write(
        "DeleteAccessKeyPolicy",
        "DELETE",
        "/edgeway/v1/access-keys/{id}/policy",
        keys::delete_policy,
    ),
    read("ListHistory", "/edgeway/v1/history", history::list),
    read("DiffHistory", "/edgeway/v1/history/diff", history::diff),
    read(
        "GetHistory",
        "/edgeway/v1/history/{revision}",
        history::show,
    ),
    write(
        "RollBackApi",
        "POST",
        "/edgeway/v1/apis/{id}/rollback",
        history::roll_back,
    ),
    read("ListZones", "/edgeway/v1/zones", zones::list),
    read("GetZone", "/edgeway/v1/zones/{name}", zones::show),
    write("PutZone", "PUT", "/edgeway/v1/zones/{name}", zones::put),
    write(
        "DeleteZone",
        "DELETE",
        "/edgeway/v1/zones/{name}",
        zones::delete,
    ),
    read(
        "GetZoneKeys",
        "/edgeway/v1/zones/{name}/dnssec",
        zone_keys::show,
    ),
    write(
        "SignZone",
        "POST",
        "/edgeway/v1/zones/{name}/dnssec",
        zone_keys::sign,
    ),
    write(
        "UnsignZone",
        "DELETE",
        "/edgeway/v1/zones/{name}/dnssec",
        zone_keys::unsign,
    ),
    write(
        "AddZoneKey",
        "POST",
        "/edgeway/v1/zones/{name}/dnssec/keys",
        zone_keys::add,
    ),
    write(
        "ActivateZoneKey",
        "POST",
        "/edgeway/v1/zones/{name}/dnssec/keys/{tag}/activate",
        zone_keys::activate,
    ),
    write(
        "RetireZoneKey",
        "POST",
        "/edgeway/v1/zones/{name}/dnssec/keys/{tag}/retire",
        zone_keys::retire,
    ),
    write(
        "DeleteZoneKey",
        "DELETE",
        "/edgeway/v1/zones/{name}/dnssec/keys/{tag}",
        zone_keys::delete,
    ),
    read("ListPriors", "/edgeway/v1/priors", network::list_priors),
    write(
        "PutPrior",
        "PUT",
        "/edgeway/v1/priors/{prefix+}",
        network::put_prior,
    ),
    write(
        "DeletePrior",
        "DELETE",
        "/edgeway/v1/priors/{prefix+}",
        network::delete_prior,
    ),
    read(
        "ListCertificates",
        "/edgeway/v1/certificates",
        certificates::list,
    ),
    write(
        "ImportCertificate",
        "POST",
        "/edgeway/v1/certificates",
        certificates::import,
    ),
    write(
        "ReimportCertificate",
        "PUT",
        "/edgeway/v1/certificates/{id}",
        certificates::renew,
    ),
    write(
        "DeleteCertificate",
        "DELETE",
        "/edgeway/v1/certificates/{id}",
        certificates::delete,
    ),
    read("ListRollouts", "/edgeway/v1/rollouts", rollouts::list),
    write(
        "AbortRollout",
        "POST",
        "/edgeway/v1/rollouts/{api}/abort",
        rollouts::abort,
    ),
    write(
        "ReleaseRollout",
        "POST",
        "/edgeway/v1/rollouts/{api}/release",
        rollouts::release,
    ),
    read(
        "GetRolloutPolicy",
        "/edgeway/v1/rollout-policy",
        rollouts::show_policy,
    ),
    write(
        "PutRolloutPolicy",
        "PUT",
        "/edgeway/v1/rollout-policy",
        rollouts::put_policy,
    ),
    read(
        "GetCertificate",
        "/edgeway/v1/certificates/{id}",
        certificates::show,
    ),
    read("GetAcme", "/edgeway/v1/acme", acme::show),
    write("PutAcme", "PUT", "/edgeway/v1/acme", acme::put),
    read(
        "ListPrivateEndpoints",
        "/edgeway/v1/private-endpoints",
        network::list_endpoints,
    ),
    write(
        "CreatePrivateEndpoint",
        "POST",
        "/edgeway/v1/private-endpoints",
        network::create_endpoint,
    ),
    write(
        "PutPrivateEndpoint",
        "PUT",
        "/edgeway/v1/private-endpoints/{id}",
        network::put_endpoint,
    ),
    write(
        "DeletePrivateEndpoint",
        "DELETE",
        "/edgeway/v1/private-endpoints/{id}",
        network::delete_endpoint,
    ),
];

#[derive(Serialize)]
struct ListShape<T> {
    items: Vec<T>,
}

/// A whole list.
fn list<T: Serialize>(items: impl Iterator<Item = T>) -> Result<Answer, Refusal> {
    Answer::ok(&ListShape {
        items: items.collect(),
    })
}

/// A name as it stands in certificates and host names: `[a-z0-9-]`, 1 to 63 characters.
fn place_name(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-') {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "{name} is no name: use 1 to 63 characters of a-z0-9-"
    )))
}
