//! `VpcLink` of v2: a way into subnets of a private network. Links of v1 have a view of their own;
//! ids are of one space.
//!
//! What is kept is the configuration; how it stands is made for each answer (`links.rs`).

use http::StatusCode;
use model::{
    Config, Op, ResourceKind, VpcLinkId,
    rest::{Seen, SharedChange, SharedKey, SharedPart, VpcLink, VpcLinkKind},
};
use serde_json::Value;

use super::checks;
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids, links,
    operation::{Operation, read, write},
    page::page,
    ports::ConnectedConnector,
    refusal::Refusal,
    v1::view::{View, object},
};

const ALL: &str = "/v2/vpclinks";
const ONE: &str = "/v2/vpclinks/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetVpcLinks", ALL, list),
    write("CreateVpcLink", "POST", ALL, create),
    read("GetVpcLink", ONE, show),
    write("UpdateVpcLink", "PATCH", ONE, update),
    write("DeleteVpcLink", "DELETE", ONE, delete),
];

fn shape(link: &VpcLink, connected: &[ConnectedConnector]) -> Option<Value> {
    let VpcLinkKind::V2 {
        subnets,
        security_groups,
    } = &link.kind
    else {
        return None;
    };
    let (status, message) = links::standing(link, connected);
    let view = View::default()
        .put("createdDate", clock::iso(link.created_ms))
        .put("name", link.name.as_str())
        .put("securityGroupIds", security_groups.as_slice())
        .put("subnetIds", subnets.as_slice())
        .put("tags", object(&link.tags))
        .put("vpcLinkId", link.id.as_str())
        .put("vpcLinkStatus", status)
        .put("vpcLinkStatusMessage", message)
        .put("vpcLinkVersion", "V2");
    Some(view.done())
}

fn missing(id: &str) -> Refusal {
    Refusal::not_found(ResourceKind::VpcLink, id)
}

fn found<'c>(
    config: &'c Config,
    id: &str,
    connected: &[ConnectedConnector],
) -> Result<(&'c VpcLink, Value), Refusal> {
    let link = config.vpc_links.get(id).ok_or_else(|| missing(id))?;
    Ok((link, shape(link, connected).ok_or_else(|| missing(id))?))
}

fn asked<'c>(call: &Call<'c>) -> Result<(&'c VpcLink, Value), Refusal> {
    let connected = call.ports.fleet.connectors();
    found(call.config, call.argument(0), &connected)
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = call.config.vpc_links.values();
    let connected = call.ports.fleet.connectors();
    page(
        call,
        all.filter_map(|link| Some((link.id.as_str(), shape(link, &connected)?))),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&asked(call)?.1)
}

fn writing(call: &Call<'_>, link: VpcLink, seen: Seen, status: StatusCode) -> Write {
    let id = link.id.clone();
    let op = Op::Shared(Box::new(SharedChange {
        key: SharedKey::VpcLink(id.clone()),
        seen,
        put: Some(SharedPart::VpcLink(link.into())),
    }));
    let connected = call.ports.fleet.connectors();
    Write::showing(op, move |config| {
        Answer::json(status, &found(config, id.as_str(), &connected)?.1)
    })
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let tags = document.map("tags")?.unwrap_or_default();
    checks::tags(&tags)?;
    let subnets = document.texts("subnetIds")?.unwrap_or_default();
    if subnets.is_empty() {
        return Err(Refusal::bad("subnetIds must hold at least one subnet"));
    }
    checks::distinct("subnetIds", &subnets)?;
    let security_groups = document.texts("securityGroupIds")?.unwrap_or_default();
    checks::distinct("securityGroupIds", &security_groups)?;
    let link = VpcLink {
        id: VpcLinkId::from(ids::deployment()),
        name: document.required("name", 128)?,
        description: None,
        created_ms: call.now_ms,
        tags,
        kind: VpcLinkKind::V2 {
            subnets,
            security_groups,
        },
    };
    Ok(writing(call, link, Seen::Nothing, StatusCode::CREATED))
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let (link, _) = asked(call)?;
    let seen = Seen::of(Some(&SharedPart::VpcLink(link.clone().into())));
    let mut link = link.clone();
    link.name = call.document.sized("name", 1, 128)?.unwrap_or(link.name);
    Ok(writing(call, link, seen, StatusCode::OK))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (link, _) = asked(call)?;
    let op = Op::Shared(Box::new(SharedChange {
        key: SharedKey::VpcLink(link.id.clone()),
        seen: Seen::Anything,
        put: None,
    }));
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
