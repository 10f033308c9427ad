//! Join tokens: each lets one node join, or as many as it says. The text is shown when a token is
//! made, never again.

use http::StatusCode;
use model::{Config, JoinToken, NodeRole, Op, ResourceKind};
use serde::Serialize;

use super::{
    list as list_of,
    nodes::{place, role},
    place_name,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    limits::{TOKEN_TTL_S, TOKEN_TTL_S_MAX, TOKEN_USES_MAX},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenShape<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    role: &'static str,
    place: &'a str,
    created_date: String,
    expires_date: String,
    /// Nodes that it admits in all.
    max_uses: u32,
    /// Nodes that joined by it.
    used_by: Vec<u64>,
}

fn shape<'a>(token: &'a JoinToken, text: Option<&'a str>) -> TokenShape<'a> {
    TokenShape {
        id: token.id.as_str(),
        token: text,
        role: role(&token.role),
        place: place(&token.role),
        created_date: clock::iso(token.created_ms),
        expires_date: clock::iso(token.expires_ms),
        max_uses: token.uses_max,
        used_by: token.used_by.iter().map(|node| node.0).collect(),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(
        call.config
            .join_tokens
            .values()
            .map(|token| shape(token, None)),
    )
}

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.argument(0);
    let found = call.config.join_tokens.get(id);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::JoinToken, id))?;
    Answer::ok(&shape(found, None))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let role = wanted_role(&call.document)?;
    let ttl = call
        .document
        .integer("ttlSeconds", 1, TOKEN_TTL_S_MAX)?
        .unwrap_or(TOKEN_TTL_S);
    let uses = call
        .document
        .integer("maxUses", 1, TOKEN_USES_MAX)?
        .unwrap_or(1);
    let ttl_ms = u64::try_from(ttl).unwrap_or_default() * 1000;
    let minted = call.ports.tokens.mint().map_err(Refusal::Unavailable)?;
    let token = JoinToken {
        id: minted.id.clone(),
        secret_sha256: minted.secret_sha256,
        role,
        created_ms: call.now_ms,
        expires_ms: call.now_ms + ttl_ms,
        uses_max: u32::try_from(uses).unwrap_or(1),
        used_by: Vec::new(),
    };
    Ok(Write::showing(
        Op::CreateJoinToken(token),
        move |config: &Config| {
            let missing = || Refusal::not_found(ResourceKind::JoinToken, minted.id.as_str());
            let token = config.join_tokens.get(&minted.id).ok_or_else(missing)?;
            Answer::json(StatusCode::CREATED, &shape(token, Some(&minted.text)))
        },
    ))
}

pub(super) fn wanted_role(document: &Document) -> Result<NodeRole, Refusal> {
    let place = || {
        let place = document.required("place", 63)?;
        place_name(&place).map(|()| place)
    };
    match document.required("role", 16)?.as_str() {
        "region" => Ok(NodeRole::Region(place()?.into())),
        "pop" => Ok(NodeRole::Pop(place()?.into())),
        "dns" => Ok(NodeRole::Dns),
        "connector" => Ok(NodeRole::Connector(place()?.into())),
        other => Err(Refusal::bad(format!(
            "role must be region, pop, dns or connector, not {other}"
        ))),
    }
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteJoinToken(call.argument(0).into())))
}
