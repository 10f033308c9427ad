//! Priors (where clients of an address prefix are taken to be) and private endpoints.

use std::net::IpAddr;

use http::StatusCode;
use ipnet::IpNet;
use lang::policy::{Kind, Policy};
use model::{Config, Op, Prior, PrivateEndpoint, PrivateEndpointId, ResourceKind};
use serde::Serialize;

use super::{
    list,
    places::{LocationShape, location, location_shape},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    refusal::Refusal,
};

/// Addresses of one private endpoint.
const ADDRESSES_MAX: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriorShape {
    prefix: String,
    #[serde(flatten)]
    location: LocationShape,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndpointShape<'a> {
    endpoint_id: &'a str,
    region: &'a str,
    addresses: &'a [IpAddr],
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    created_date: String,
}

fn prior_shape(prior: &Prior) -> PriorShape {
    PriorShape {
        prefix: prior.prefix.to_string(),
        location: location_shape(prior.location),
    }
}

fn endpoint_shape(endpoint: &PrivateEndpoint) -> EndpointShape<'_> {
    EndpointShape {
        endpoint_id: endpoint.id.as_str(),
        region: endpoint.region.as_str(),
        addresses: &endpoint.addresses,
        vpc_id: endpoint.vpc.as_deref(),
        policy: endpoint.policy.as_deref(),
        created_date: clock::iso(endpoint.created_ms),
    }
}

/// `192.0.2.0/24`, with or without its slash encoded; host bits are cut off.
fn prefix(text: &str) -> Result<IpNet, Refusal> {
    let net: Result<IpNet, _> = text.parse();
    net.map(|net| net.trunc())
        .map_err(|_| Refusal::bad(format!("{text} is no address prefix")))
}

pub(super) fn list_priors(call: &Call<'_>) -> Result<Answer, Refusal> {
    list(call.config.priors.values().map(|prior| prior_shape(prior)))
}

pub(super) fn put_prior(call: &Call<'_>) -> Result<Write, Refusal> {
    let prefix = prefix(call.argument(0))?;
    let location = location(&call.document)?
        .ok_or_else(|| Refusal::bad("latitude and longitude must be given"))?;
    let op = Op::PutPrior(Prior { prefix, location });
    Ok(Write::showing(op, move |config: &Config| {
        let missing = || Refusal::not_found(ResourceKind::Prior, &prefix.to_string());
        Answer::ok(&prior_shape(
            config.priors.get(&prefix).ok_or_else(missing)?,
        ))
    }))
}

pub(super) fn delete_prior(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeletePrior(prefix(call.argument(0))?)))
}

pub(super) fn list_endpoints(call: &Call<'_>) -> Result<Answer, Refusal> {
    list(
        call.config
            .private_endpoints
            .values()
            .map(|endpoint| endpoint_shape(endpoint)),
    )
}

pub(super) fn create_endpoint(call: &Call<'_>) -> Result<Write, Refusal> {
    endpoint(
        call,
        ids::private_endpoint().into(),
        call.now_ms,
        StatusCode::CREATED,
    )
}

pub(super) fn put_endpoint(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = call.argument(0);
    let Some(known) = call.config.private_endpoints.get(id) else {
        // Listeners may be given their endpoint before there is a cluster to ask for an id.
        ids::check_private_endpoint(id)?;
        return endpoint(call, id.into(), call.now_ms, StatusCode::OK);
    };
    endpoint(call, known.id.clone(), known.created_ms, StatusCode::OK)
}

/// A policy that stands at an endpoint; an empty text is none.
fn endpoint_policy(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let text = call.document.text("policy")?;
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match Policy::parse(&text, Kind::Resource) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(Refusal::bad(format!("Invalid policy document: {error}"))),
    }
}

/// Such as `vpc-0123456789abcdef0`; any word will do, since it is only compared.
fn vpc(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let Some(vpc) = call.document.text("vpcId")? else {
        return Ok(None);
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&vpc.len()) && vpc.bytes().all(plain) {
        return Ok(Some(vpc));
    }
    Err(Refusal::bad(format!("{vpc} is no id of a network")))
}

fn endpoint(
    call: &Call<'_>,
    id: PrivateEndpointId,
    created_ms: u64,
    status: StatusCode,
) -> Result<Write, Refusal> {
    let texts = call.document.texts("addresses")?.unwrap_or_default();
    if texts.is_empty() || texts.len() > ADDRESSES_MAX {
        return Err(Refusal::bad(format!(
            "addresses must hold 1 to {ADDRESSES_MAX} addresses"
        )));
    }
    let parse = |text: &String| {
        text.parse::<IpAddr>()
            .map_err(|_| Refusal::bad(format!("{text} is no IP address")))
    };
    let region = call.document.text("region")?;
    let endpoint = PrivateEndpoint {
        id: id.clone(),
        region: region.map_or_else(|| call.settings.region.clone(), Into::into),
        addresses: texts.iter().map(parse).collect::<Result<_, _>>()?,
        vpc: vpc(call)?,
        policy: endpoint_policy(call)?,
        created_ms,
    };
    Ok(Write::showing(
        Op::PutPrivateEndpoint(endpoint),
        move |config: &Config| {
            let missing = || Refusal::not_found(ResourceKind::PrivateEndpoint, id.as_str());
            let endpoint = config.private_endpoints.get(&id).ok_or_else(missing)?;
            Answer::json(status, &endpoint_shape(endpoint))
        },
    ))
}

pub(super) fn delete_endpoint(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeletePrivateEndpoint(
        call.argument(0).into(),
    )))
}
