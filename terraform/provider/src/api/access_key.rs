//! Access keys of the management API, each with what it may do.
//!
//! A key's policy is a part of it: there is one owner of both, and a key without a policy, which
//! may do everything, is never made on the way to one that may do less.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::{policy::same_policy, table::encoded};
use crate::{
    cty::{Type, Value, from_json},
    framework::{
        Attribute, Call, Check, Failure, Note, Path, Planning, Resource, Schema, json as is_json,
    },
    session::WaitFor,
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(AccessKey)]
}

const LIST: &str = "/edgeway/v1/access-keys";

struct AccessKey;

fn state(key: &Json) -> Value {
    let text = |name: &str| from_json(&key[name], &Type::String);
    let state = Value::object()
        .with("id", text("accessKeyId"))
        .with("name", text("name"))
        .with("policy", text("policy"))
        .with("enabled", key["status"] == "Active");
    // Said when it is made or rotated, and never again.
    match text("secretAccessKey") {
        Value::Null => state,
        secret => state.with("secret_access_key", secret),
    }
}

fn path(state: &Value, what: &str) -> String {
    let id = encoded(state.text("id").unwrap_or_default());
    format!("{LIST}/{id}{what}")
}

/// One of the calls that alter a key; gives what is known of it then.
async fn alter(
    call: &Call<'_>,
    (method, path): (Method, String),
    body: Option<Json>,
    about: &str,
) -> Result<(Value, u64), Note> {
    let client = call.session.client()?;
    let written = client.send(method, &path, body.as_ref()).await;
    let written = written.map_err(|error| {
        let note = error.note("change the access key");
        note.at(Path::of(about))
    })?;
    Ok((state(&written.body), written.revision))
}

fn switch(planned: &Value) -> &'static str {
    match planned.flag("enabled") {
        Some(false) => "/disable",
        _ => "/enable",
    }
}

#[async_trait]
impl Resource for AccessKey {
    fn name(&self) -> &'static str {
        "edgeway_access_key"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A key that signs calls of the management API and of methods that want a signature. \
             Its secret is in the state, marked as sensitive.",
        )
        .with(Attribute::id("The key's id, `access_key_id` elsewhere."))
        .with(
            Attribute::text(
                "name",
                "A name for people and for `aws:username` of policies.",
            )
            .required()
            .replaces()
            .check(Check::Length(1, 128)),
        )
        .with(
            Attribute::text(
                "policy",
                "What it may do, an IAM policy in JSON. Without one it may do everything.",
            )
            .check(Check::Text(is_json))
            .same(same_policy),
        )
        .with(Attribute::flag("enabled", "Whether it is good for anything.").or(true))
        .with(Attribute::number(
            "rotation",
            "Any number; a change makes another secret.",
        ))
        .with(
            Attribute::number(
                "grace_seconds",
                "How long the secret before a rotation is good too; the cluster's usual unless \
                 given.",
            )
            .check(Check::Range(0, 1 << 31)),
        )
        .with(
            Attribute::text(
                "secret_access_key",
                "What is signed with; null for a key that was imported, until it is rotated.",
            )
            .computed()
            .sensitive()
            .stable(),
        )
        .with(
            Attribute::text(
                "wait_for",
                "When a change is finished: `leader` or `pops`. The provider's unless given.",
            )
            .check(Check::OneOf(WaitFor::WORDS)),
        )
    }

    async fn plan(&self, _call: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        let (old, new) = (
            plan.prior.attribute("rotation"),
            plan.planned.attribute("rotation"),
        );
        if plan.prior.is_set() && old != new && !new.is_null() {
            plan.planned.set("secret_access_key", Value::Unknown);
        }
        Ok(())
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        let body = json!({ "name": planned.text("name"), "policy": planned.text("policy") });
        let client = call.session.client()?;
        let written = client.send(Method::POST, LIST, Some(&body)).await;
        let about = |note: Note| match planned.attribute("policy").is_set() {
            true => note.at(Path::of("policy")),
            false => note,
        };
        let written = written.map_err(|error| about(error.note("create the access key")))?;
        let (mut made, mut revision) = (state(&written.body), written.revision);
        if planned.flag("enabled") == Some(false) {
            let to = (Method::POST, path(&made, switch(planned)));
            let altered = alter(call, to, None, "enabled").await;
            (_, revision) = altered.map_err(|note| Failure::from(note).having(made.clone()))?;
            made.set("enabled", false);
        }
        let settled = call.session.settle_at(planned, revision).await;
        settled.map_err(|note| Failure::from(note).having(made.clone()))?;
        Ok(made)
    }

    async fn read(&self, call: &mut Call<'_>, known: &Value) -> Result<Option<Value>, Failure> {
        let keys = call.session.client()?.list(LIST).await;
        let keys = keys.map_err(|error| error.note("list the access keys"))?;
        let id = known.text("id");
        let found = keys.iter().find(|key| key["accessKeyId"].as_str() == id);
        Ok(found.map(state))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        let differs = |name: &str| prior.attribute(name) != planned.attribute(name);
        let mut revision = 0;
        let mut secret = prior.attribute("secret_access_key").clone();
        if differs("policy") {
            let at = path(prior, "/policy");
            let (method, body) = match planned.text("policy") {
                Some(policy) => (Method::PUT, Some(json!({ "policy": policy }))),
                None => (Method::DELETE, None),
            };
            (_, revision) = alter(call, (method, at), body, "policy").await?;
        }
        if differs("enabled") {
            let to = (Method::POST, path(prior, switch(planned)));
            (_, revision) = alter(call, to, None, "enabled").await?;
        }
        if differs("rotation") && !planned.attribute("rotation").is_null() {
            let mut body = json!({});
            if let Some(seconds) = planned.whole("grace_seconds") {
                body["graceSeconds"] = seconds.into();
            }
            let to = (Method::POST, path(prior, "/rotate"));
            let (rotated, at) = alter(call, to, Some(body), "rotation").await?;
            secret = rotated.attribute("secret_access_key").clone();
            revision = at;
        }
        let state = Value::object()
            .with("id", prior.text("id"))
            .with("secret_access_key", secret);
        let settled = call.session.settle_at(planned, revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let removed = call.session.client()?.remove(&path(state, "")).await;
        Ok(removed.map_err(|error| error.note("delete the access key"))?)
    }
}
