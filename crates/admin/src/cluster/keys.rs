//! Access keys. The secret is shown when a key is made, never again.

use http::StatusCode;
use model::{AccessKey, AccessKeyId, Config, KeyState, Op, ResourceKind};
use serde::Serialize;

use super::list as list_of;
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
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
    }
}

fn find<'c>(config: &'c Config, id: &str) -> Result<&'c AccessKey, Refusal> {
    let found = config.access_keys.get(id);
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::AccessKey, id))?)
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(call.config.access_keys.values().map(|key| shape(key, None)))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = AccessKey {
        id: ids::access_key().into(),
        secret: ids::secret(),
        name: call.document.required("name", 128)?,
        state: KeyState::Active,
        created_ms: call.now_ms,
    };
    let (id, secret) = (key.id.clone(), key.secret.clone());
    Ok(Write::showing(Op::CreateAccessKey(key), move |config| {
        let key = find(config, id.as_str())?;
        Answer::json(StatusCode::CREATED, &shape(key, Some(&secret)))
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
