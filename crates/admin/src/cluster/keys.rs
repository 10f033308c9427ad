//! Access keys and their policies. A secret is shown when it is made, never again.
//!
//! A policy comes and goes as text, like Amazon's: only so can a member given twice be seen.

use std::sync::Arc;

use http::StatusCode;
use lang::policy::{Kind, Policy};
use model::{AccessChange, AccessKey, AccessKeyId, Config, KeyState, Op, ResourceKind};
use serde::Serialize;

use super::list as list_of;
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    ids,
    limits::{ROTATION_GRACE_S, ROTATION_GRACE_S_MAX},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyShape<'a> {
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    name: &'a str,
    status: &'static str,
    created_date: String,
    /// Absent: the key may do everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    /// Until when the secret before the last rotation is good too.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_secret_expires_date: Option<String>,
}

fn shape<'a>(key: &'a AccessKey, secret: Option<&'a str>) -> KeyShape<'a> {
    KeyShape {
        access_key_id: key.id.as_str(),
        secret_access_key: secret,
        name: &key.name,
        status: match key.state {
            KeyState::Active => "Active",
            KeyState::Disabled => "Disabled",
        },
        created_date: clock::iso(key.created_ms),
        policy: key.policy.as_deref(),
        previous_secret_expires_date: key
            .previous
            .as_ref()
            .filter(|previous| previous.until_ms > clock::now_ms())
            .map(|previous| clock::iso(previous.until_ms)),
    }
}

fn find<'c>(config: &'c Config, id: &str) -> Result<&'c AccessKey, Refusal> {
    let found = config.access_keys.get(id);
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::AccessKey, id))?)
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(call.config.access_keys.values().map(|key| shape(key, None)))
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&shape(find(call.config, call.argument(0))?, None))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = call.document.required("name", 128)?;
    let mut key = AccessKey::unrestricted(ids::access_key(), ids::secret(), name, call.now_ms);
    key.policy = policy(&call.document)?;
    let (id, secret) = (key.id.clone(), key.secret.clone());
    Ok(Write::showing(Op::CreateAccessKey(key), move |config| {
        let key = find(config, id.as_str())?;
        Answer::json(StatusCode::CREATED, &shape(key, Some(&secret)))
    }))
}

/// A policy that can be understood, or none.
fn policy(document: &Document) -> Result<Option<Arc<str>>, Refusal> {
    let Some(text) = document.text("policy")?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match Policy::parse(&text, Kind::Identity) {
        Ok(_) => Ok(Some(text.into())),
        Err(error) => Err(Refusal::bad(format!("MalformedPolicyDocument: {error}"))),
    }
}

pub(super) fn put_policy(call: &Call<'_>) -> Result<Write, Refusal> {
    let policy = policy(&call.document)?;
    let policy = policy.ok_or_else(|| Refusal::bad("policy must be given"))?;
    Ok(altering(call, AccessChange::SetPolicy, Some(policy)))
}

pub(super) fn delete_policy(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(altering(call, AccessChange::SetPolicy, None))
}

fn altering<T>(call: &Call<'_>, change: fn(AccessKeyId, T) -> AccessChange, to: T) -> Write {
    let id = AccessKeyId::from(call.argument(0));
    Write::showing(Op::Access(change(id.clone(), to)), move |config| {
        Answer::ok(&shape(find(config, id.as_str())?, None))
    })
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Write, Refusal> {
    let grace = call
        .document
        .integer("graceSeconds", 0, ROTATION_GRACE_S_MAX)?;
    let grace_ms = u64::try_from(grace.unwrap_or(ROTATION_GRACE_S)).unwrap_or_default() * 1000;
    let id = AccessKeyId::from(call.argument(0));
    let secret = ids::secret();
    let change = AccessChange::Rotate {
        id: id.clone(),
        secret: secret.clone(),
        previous_until_ms: call.now_ms + grace_ms,
    };
    Ok(Write::showing(Op::Access(change), move |config| {
        Answer::ok(&shape(find(config, id.as_str())?, Some(&secret)))
    }))
}

pub(super) fn disable(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(setting(call, KeyState::Disabled))
}

pub(super) fn enable(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(setting(call, KeyState::Active))
}

fn setting(call: &Call<'_>, state: KeyState) -> Write {
    let id = AccessKeyId::from(call.argument(0));
    Write::showing(Op::SetAccessKeyState(id.clone(), state), move |config| {
        Answer::ok(&shape(find(config, id.as_str())?, None))
    })
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteAccessKey(call.argument(0).into())))
}
