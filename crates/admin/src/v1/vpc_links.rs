//! `VpcLink` of v1: a way to a load balancer in a private network.
//!
//! What is kept is the configuration; how it stands is made for each answer (`links.rs`).

use http::StatusCode;
use model::{
    Config, VpcLinkId,
    rest::{Seen, SharedKey, SharedPart, VpcLink, VpcLinkKind},
};
use serde_json::Value;

use super::{
    checks, input,
    kind::{self, Key, Kind, Part},
    patch::{Holds, R, Rule, rule},
    rest_apis::texts,
    view::{View, object},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids, links,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str = "/vpclinks/{link}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetVpcLinks", "/vpclinks", list),
    write("CreateVpcLink", "POST", "/vpclinks", create),
    read("GetVpcLink", ONE, show),
    write("UpdateVpcLink", "PATCH", ONE, kind::update::<VpcLinks>),
    write("DeleteVpcLink", "DELETE", ONE, kind::delete::<VpcLinks>),
];

struct VpcLinks;

impl Kind for VpcLinks {
    type Item = VpcLink;

    const RULES: &'static [Rule] = &[
        rule("/name", R, Holds::Text),
        rule("/description", R, Holds::Text),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        Ok(Key::Shared(SharedKey::VpcLink(call.argument(0).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Vpc Link identifier specified".to_owned())
    }

    /// Links of v2 have views of their own.
    fn item(part: Part) -> Option<VpcLink> {
        match part {
            Part::Shared(SharedPart::VpcLink(link)) => targets(&link).is_some().then_some(*link),
            _ => None,
        }
    }

    fn part(link: VpcLink) -> Part {
        Part::Shared(SharedPart::VpcLink(link.into()))
    }

    fn view(link: &VpcLink) -> Value {
        shape(link)
    }

    fn read(call: &Call<'_>, input: &Document, old: Option<&VpcLink>) -> Result<VpcLink, Refusal> {
        let targets = input.texts("targetArns")?.unwrap_or_default();
        let [target] = targets.as_slice() else {
            return Err(Refusal::bad(
                "targetArns must hold exactly one load balancer",
            ));
        };
        checks::arn(target)
            .map_err(|_| Refusal::bad(format!("Invalid ARN. ARN is not well formed {target}")))?;
        Ok(VpcLink {
            id: old.map_or_else(|| VpcLinkId::from(ids::deployment()), |old| old.id.clone()),
            name: checks::name(input, "Name cannot be empty")?,
            description: checks::optional(input, "description")?,
            created_ms: old.map_or(call.now_ms, |old| old.created_ms),
            tags: match old {
                Some(old) => old.tags.clone(),
                None => checks::tags(input)?,
            },
            kind: VpcLinkKind::V1 { targets },
        })
    }

    fn shown(_config: &Config, _key: &Key, link: &VpcLink) -> Value {
        shape(link)
    }
}

fn targets(link: &VpcLink) -> Option<&[String]> {
    match &link.kind {
        VpcLinkKind::V1 { targets } => Some(targets),
        VpcLinkKind::V2 { .. } => None,
    }
}

fn shape(link: &VpcLink) -> Value {
    let (status, _) = links::standing(link, &[]);
    view(link, status).done()
}

/// With what is behind it now.
fn standing(call: &Call<'_>, link: &VpcLink) -> Value {
    let (status, message) = links::standing(link, &call.ports.fleet.connectors());
    view(link, status).put("statusMessage", message).done()
}

fn view(link: &VpcLink, status: &str) -> View {
    View::default()
        .put("id", link.id.as_str())
        .put("name", link.name.as_str())
        .maybe("description", link.description.as_deref())
        .put("targetArns", texts(targets(link).unwrap_or_default()))
        .put("status", status)
        .filled("tags", object(&link.tags))
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let link = call.config.vpc_links.get(call.argument(0));
    let link = link.filter(|link| targets(link).is_some());
    let link = link.ok_or_else(|| VpcLinks::missing(call))?;
    Answer::ok(&standing(call, link))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let links = call.config.vpc_links.values();
    let links = links.filter(|link| targets(link).is_some());
    kind::list(
        call,
        links.map(|link| (link.id.as_str(), standing(call, link))),
    )
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let link = VpcLinks::read(call, &input(call), None)?;
    let key = Key::Shared(SharedKey::VpcLink(link.id.clone()));
    Ok(kind::writing::<VpcLinks>(
        key,
        Seen::Nothing,
        link,
        StatusCode::ACCEPTED,
    ))
}
