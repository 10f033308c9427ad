//! The keys that sign a zone: made here, shown with the DS records that the parent zone is to have,
//! and replaced step by step.
//!
//! Replacing a combined or key signing key ("double DS"): add a key (it is published, and its DS is
//! shown), have the parent name both, activate the new one, wait for the parent's and our own TTLs,
//! have the parent drop the old one, delete it. Replacing a zone signing key ("pre-publish"): add a
//! key, wait an hour (the TTL of the set of keys), activate it, wait another hour, delete the old
//! one. No step happens by itself: only the operator knows what the parent has done.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use model::{Config, Op, ResourceKind, Zone, ZoneKey, ZoneKeyRole, ZoneKeyState};
use plan::zone::{WireName, key};
use serde::Serialize;

use super::{rdata::hex, zones::dns_name};
use crate::{
    answer::Answer,
    call::{Call, Write},
    refusal::Refusal,
};

#[derive(Serialize)]
struct KeysShape {
    zone: String,
    signed: bool,
    keys: Vec<KeyShape>,
    /// What the parent zone is to have.
    ds: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyShape {
    tag: u16,
    role: &'static str,
    state: &'static str,
    created_date: String,
    /// The record's data, as in a zone file or a trust anchor.
    dnskey: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ds: Option<String>,
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(call.config, &dns_name(call.argument(0))?, StatusCode::OK)
}

/// Signs a zone that was not: with one combined key, or with one of each kind.
pub(super) fn sign(call: &Call<'_>) -> Result<Write, Refusal> {
    let zone = zone_of(call)?;
    if !zone.keys.is_empty() {
        let name = &zone.name;
        return Err(Refusal::bad(format!(
            "zone {name} is signed already; add a key to replace one"
        )));
    }
    let scheme = call.document.sized("scheme", 1, 16)?;
    let roles: &[ZoneKeyRole] = match scheme.as_deref().unwrap_or("CSK") {
        "CSK" => &[ZoneKeyRole::Combined],
        "KSK-ZSK" => &[ZoneKeyRole::KeySigning, ZoneKeyRole::ZoneSigning],
        other => {
            return Err(Refusal::bad(format!(
                "scheme must be CSK or KSK-ZSK, not {other}"
            )));
        }
    };
    let mut ops = Vec::new();
    for role in roles {
        let key = make(*role, ZoneKeyState::Active, call.now_ms)?;
        ops.push(Op::AddZoneKey(zone.name.clone(), key));
    }
    Ok(showing(ops, zone.name.clone(), StatusCode::CREATED))
}

pub(super) fn unsign(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = dns_name(call.argument(0))?;
    Ok(Write::silent(Op::ClearZoneKeys(name)))
}

pub(super) fn add(call: &Call<'_>) -> Result<Write, Refusal> {
    let zone = zone_of(call)?;
    let role = match call.document.required("role", 16)?.as_str() {
        "CSK" => ZoneKeyRole::Combined,
        "KSK" => ZoneKeyRole::KeySigning,
        "ZSK" => ZoneKeyRole::ZoneSigning,
        other => {
            return Err(Refusal::bad(format!(
                "role must be CSK, KSK or ZSK, not {other}"
            )));
        }
    };
    let key = make(role, ZoneKeyState::Published, call.now_ms)?;
    let ops = vec![Op::AddZoneKey(zone.name.clone(), key)];
    Ok(showing(ops, zone.name.clone(), StatusCode::CREATED))
}

pub(super) fn activate(call: &Call<'_>) -> Result<Write, Refusal> {
    set(call, ZoneKeyState::Active)
}

pub(super) fn retire(call: &Call<'_>) -> Result<Write, Refusal> {
    set(call, ZoneKeyState::Retired)
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (zone, tag) = named(call)?;
    Ok(Write::silent(Op::DeleteZoneKey(zone, tag)))
}

fn set(call: &Call<'_>, state: ZoneKeyState) -> Result<Write, Refusal> {
    let (zone, tag) = named(call)?;
    let ops = vec![Op::SetZoneKeyState(zone.clone(), tag, state)];
    Ok(showing(ops, zone, StatusCode::OK))
}

fn showing(ops: Vec<Op>, zone: String, status: StatusCode) -> Write {
    Write {
        ops,
        render: Box::new(move |config| render(config, &zone, status)),
    }
}

fn zone_of<'a>(call: &Call<'a>) -> Result<&'a Zone, Refusal> {
    let name = dns_name(call.argument(0))?;
    let found = call.config.zones.get(&name);
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Refusal::not_found(ResourceKind::Zone, &name))
}

fn named(call: &Call<'_>) -> Result<(String, u16), Refusal> {
    let text = call.argument(1);
    let tag = text
        .parse()
        .map_err(|_| Refusal::bad(format!("{text} is no key tag")))?;
    Ok((dns_name(call.argument(0))?, tag))
}

fn make(role: ZoneKeyRole, state: ZoneKeyState, now_ms: u64) -> Result<ZoneKey, Refusal> {
    let internal = |what: &str| Refusal::Internal(format!("making a zone key failed: {what}"));
    let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new())
        .map_err(|_| internal("no randomness"))?;
    let pair = EcdsaKeyPair::from_pkcs8(alg, document.as_ref())
        .map_err(|_| internal("the new key cannot be read"))?;
    // Behind the byte that says "not compressed".
    let point = pair.public_key().as_ref().get(1..);
    let public = point
        .ok_or_else(|| internal("the point is empty"))?
        .to_vec();
    Ok(ZoneKey {
        tag: key::key_tag(&key::dnskey(role, &public)),
        role,
        state,
        public,
        key_der: document.as_ref().to_vec(),
        created_ms: now_ms,
    })
}

fn render(config: &Config, name: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = config.zones.get(name);
    let zone = found.ok_or_else(|| Refusal::not_found(ResourceKind::Zone, name))?;
    let keys: Vec<KeyShape> = zone
        .keys
        .iter()
        .map(|one| shape(name, one))
        .collect::<Result<_, _>>()?;
    let shape = KeysShape {
        zone: name.to_owned(),
        signed: !keys.is_empty(),
        ds: keys.iter().filter_map(|one| one.ds.clone()).collect(),
        keys,
    };
    Answer::json(status, &shape)
}

fn shape(zone: &str, one: &ZoneKey) -> Result<KeyShape, Refusal> {
    let apex = WireName::parse(zone)
        .map_err(|error| Refusal::Internal(format!("zone {zone}: {error}")))?;
    let flags = if one.role.is_entry() { 257 } else { 256 };
    let public = STANDARD.encode(&one.public);
    let ds = one.role.is_entry().then(|| {
        let input = key::ds_input(apex.as_bytes(), one);
        let digest = digest::digest(&digest::SHA256, &input);
        format!("{} {} 2 {}", one.tag, key::ECDSA_P256, hex(digest.as_ref()))
    });
    Ok(KeyShape {
        tag: one.tag,
        role: match one.role {
            ZoneKeyRole::Combined => "CSK",
            ZoneKeyRole::KeySigning => "KSK",
            ZoneKeyRole::ZoneSigning => "ZSK",
        },
        state: match one.state {
            ZoneKeyState::Published => "PUBLISHED",
            ZoneKeyState::Active => "ACTIVE",
            ZoneKeyState::Retired => "RETIRED",
        },
        created_date: crate::clock::iso(one.created_ms),
        dnskey: format!("{flags} 3 {} {public}", key::ECDSA_P256),
        ds,
    })
}
