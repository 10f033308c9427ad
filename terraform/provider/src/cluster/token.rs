//! Enrollment tokens: what a new node shows to be let in. The cluster keeps a hash.

use std::time::SystemTime;

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{found, listed, text, whole};
use crate::{
    cty::Value,
    framework::{
        Attribute, Call, Check, EphemeralResource, Failure, Note, Opened, Path, Resource, Schema,
    },
};

const PATH: &str = "/edgeway/v1/tokens";
/// What a node may become.
pub(super) const ROLES: &[&str] = &["region", "pop", "dns", "connector"];
/// As the management API has it.
const TTL_S_MAX: i64 = 604_800;
const USES_MAX: i64 = 1_000;
/// Private name of the token's id, for closing.
const ID: &str = "id";

/// Kept in the state, for machines that start later.
pub(super) struct EnrollmentToken;

/// Withdrawn at the end of the run.
pub(super) struct PassingToken;

fn wanted(ttl_s: i64) -> [Attribute; 4] {
    [
        Attribute::text("role", "What the node becomes.")
            .required()
            .replaces()
            .check(Check::OneOf(ROLES)),
        Attribute::text(
            "place",
            "The region's, POP's or connector's name; none for `dns`.",
        )
        .replaces(),
        Attribute::number("ttl_seconds", "Seconds until it expires.")
            .or(ttl_s)
            .replaces()
            .check(Check::Range(1, TTL_S_MAX)),
        Attribute::number("max_uses", "Nodes that it admits in all.")
            .or(1_i64)
            .replaces()
            .check(Check::Range(1, USES_MAX)),
    ]
}

fn results() -> [Attribute; 3] {
    [
        Attribute::id("The public half, by which it can be withdrawn."),
        Attribute::text("token", "What the node is given (`EDGEWAY_JOIN_TOKEN`).")
            .computed()
            .stable()
            .sensitive(),
        Attribute::text("expires_date", "When it expires.")
            .computed()
            .stable(),
    ]
}

fn check(config: &Value) -> Vec<Note> {
    let (role, place) = (config.attribute("role"), config.attribute("place"));
    if role.is_unknown() || place.is_unknown() {
        return Vec::new();
    }
    let dns = role.as_text() == Some("dns");
    let detail = match (dns, place.is_null()) {
        (true, false) => "DNS nodes belong to no place.",
        (false, true) => "Say which region, POP or connector the node is of.",
        _ => return Vec::new(),
    };
    vec![Note::error("The place does not fit the role", detail).at(Path::of("place"))]
}

async fn make(call: &Call<'_>, config: &Value, ttl_s: i64) -> Result<Json, Note> {
    let mut body = json!({
        "role": config.text("role"),
        "ttlSeconds": config.whole("ttl_seconds").unwrap_or(ttl_s),
        "maxUses": config.whole("max_uses").unwrap_or(1),
    });
    if let Some(place) = config.text("place") {
        body["place"] = place.into();
    }
    let made = call
        .session
        .client()?
        .send(Method::POST, PATH, Some(&body))
        .await;
    let made = made.map_err(|error| error.note("make the enrollment token"))?;
    Ok(made.body)
}

fn state(answer: &Json) -> Value {
    let place = answer.get("place").and_then(Json::as_str);
    let mut value = Value::object()
        .with("id", text(answer, "id"))
        .with("role", text(answer, "role"))
        .with("place", place.filter(|place| !place.is_empty()))
        .with("max_uses", whole(answer, "maxUses"))
        .with("expires_date", text(answer, "expiresDate"));
    // Shown once.
    if let Some(token) = answer.get("token").and_then(Json::as_str) {
        value.set("token", token);
    }
    value
}

fn is_past(date: Option<&str>) -> bool {
    let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc3339).ok());
    date.is_some_and(|date| SystemTime::from(date) <= SystemTime::now())
}

#[async_trait]
impl Resource for EnrollmentToken {
    fn name(&self) -> &'static str {
        "edgeway_enrollment_token"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A token with which nodes join. The cluster keeps a hash of it, Terraform's state the \
             text: let it be short-lived. One that has expired or was used up stays as it is, \
             since the nodes that joined by it need it no more; change `keepers` for another.",
        )
        .all(results())
        .all(wanted(3_600))
        .with(
            Attribute::texts_by_name(
                "keepers",
                "Any texts; when one changes, there is a new token.",
            )
            .replaces(),
        )
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        check(config)
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(state(&make(call, planned, 3_600).await?))
    }

    async fn read(&self, call: &mut Call<'_>, known: &Value) -> Result<Option<Value>, Failure> {
        let answer = listed(call, PATH, "id", known.attribute("id")).await?;
        let answer = answer.map(|token| match token {
            Some(token) => Some(state(&token)),
            // The cluster forgets expired tokens.
            None => is_past(known.text("expires_date")).then(|| known.clone()),
        });
        Ok(found(call, known, answer, "read the enrollment token")?)
    }

    async fn update(
        &self,
        _: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        // Every attribute makes a new token.
        Ok(planned.clone())
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let id = state.text("id").unwrap_or_default();
        let removed = call.session.client()?.remove(&format!("{PATH}/{id}")).await;
        removed.map_err(|error| error.note("withdraw the enrollment token").into())
    }
}

#[async_trait]
impl EphemeralResource for PassingToken {
    fn name(&self) -> &'static str {
        "edgeway_enrollment_token"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A token with which nodes join while Terraform runs. It is in no plan and no state, \
             and is withdrawn at the end of the run: give it to what uses it at once, such as \
             `join_token_wo` of `edgeway_local_node` or a provisioner. Where the same run makes \
             the cluster, let an argument depend on something in it that has no value before it \
             is made, such as `place = edgeway_pop.x.id`; it is then opened by the apply alone.",
        )
        .all(results())
        .all(wanted(600))
    }

    async fn open(&self, call: &mut Call<'_>, config: &Value) -> Result<Opened, Failure> {
        if let Some(note) = check(config).into_iter().next() {
            return Err(note.into());
        }
        let made = make(call, config, 600).await?;
        if let Some(id) = made.get("id").and_then(Json::as_str) {
            call.private.set(ID, id);
        }
        let result = state(&made).with("ttl_seconds", config.whole("ttl_seconds").unwrap_or(600));
        Ok(Opened {
            result,
            renew_at: None,
        })
    }

    async fn close(&self, call: &mut Call<'_>) -> Result<(), Failure> {
        let Some(id) = call.private.text(ID) else {
            return Ok(());
        };
        let removed = call.session.client()?.remove(&format!("{PATH}/{id}")).await;
        removed.map_err(|error| error.note("withdraw the enrollment token").into())
    }
}

#[cfg(test)]
mod tests;
