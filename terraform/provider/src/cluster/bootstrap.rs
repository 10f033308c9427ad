//! The moment from which there is a cluster: waits for it, and makes sure it is the one meant.
//!
//! The first node sets the cluster up by itself (`edgeway init --secrets`, which may be repeated);
//! everything in the cluster depends on this resource, and so waits until it can be managed.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{found, text};
use crate::{
    client::Kind,
    cty::Value,
    framework::{
        Attribute, Call, Check, Failure, Note, Path, Resource, Schema, is_interrupted, pause,
    },
};

const STATUS: &str = "/edgeway/v1/status";
const WAIT_S: i64 = 120;
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) struct ClusterBootstrap;

fn state(answer: &Json) -> Value {
    let cluster = answer.get("cluster").unwrap_or(&Json::Null);
    let mut value = Value::object()
        .with("id", text(cluster, "name"))
        .with("created_date", text(cluster, "createdDate"));
    for (name, key) in [
        ("cluster", "name"),
        ("base_domain", "baseDomain"),
        ("account_id", "accountId"),
    ] {
        value.set(name, text(cluster, key));
    }
    value
}

fn is_led(answer: &Json) -> bool {
    answer.pointer("/raft/healthy").and_then(Json::as_bool) == Some(true)
}

/// Waits until a leader lives; compares the cluster with what is wanted.
async fn wait(call: &Call<'_>, planned: &Value) -> Result<Value, Note> {
    let client = call.session.client()?;
    let seconds = planned.whole("wait_timeout").unwrap_or(WAIT_S);
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let begun = Instant::now();
    let answer = loop {
        let answer = client.get(STATUS).await;
        let late = begun.elapsed() >= limit || is_interrupted();
        match answer {
            Ok(answer) if is_led(&answer) => break answer,
            Ok(_) if late => {
                let detail = format!(
                    "No leader was elected within {seconds} s. A leader needs a majority of the \
                     region nodes: start those that are down."
                );
                return Err(Note::error("The cluster is not up", detail));
            }
            Err(error) if late => return Err(error.note("reach the new cluster")),
            // For good: waiting changes no keys.
            Err(error) if error.kind() == Kind::Unauthorized => {
                return Err(error.note("reach the new cluster"));
            }
            _ => pause(LOOK_EVERY).await,
        }
    };
    let there = state(&answer);
    for name in ["cluster", "base_domain", "account_id"] {
        let (wanted, is) = (planned.attribute(name), there.attribute(name));
        if wanted.is_set() && wanted != is {
            let detail = format!(
                "It says {:?}. A cluster keeps what it was set up with: correct the \
                 configuration or the provider's endpoints, or set up another cluster.",
                is.as_text().unwrap_or_default()
            );
            return Err(Note::error("Another cluster answers", detail).at(Path::of(name)));
        }
    }
    Ok(there)
}

#[async_trait]
impl Resource for ClusterBootstrap {
    fn name(&self) -> &'static str {
        "edgeway_cluster_bootstrap"
    }

    fn schema(&self) -> Schema {
        let fact = |name, description| Attribute::text(name, description).or_computed().stable();
        Schema::new(
            "A cluster that has been set up and has a leader. The first node sets it up from the \
             secrets that it was given; this waits for that, checks that it is the cluster that \
             is meant, and is what everything inside depends on. Another name, domain or account \
             is another cluster, and so another resource. Destroying it does nothing: a cluster \
             ends with its nodes.",
        )
        .with(Attribute::id("The cluster's name."))
        .with(fact("cluster", "The cluster's name, as in its secrets.").replaces())
        .with(fact("base_domain", "The domain of default host names.").replaces())
        .with(fact("account_id", "The twelve digits in ARNs.").replaces())
        .with(Attribute::text(
            "instance",
            "Anything that changes when the first node is another process or machine; the cluster \
             is then waited for again.",
        ))
        .with(
            Attribute::number("wait_timeout", "How long to wait, seconds.")
                .or(WAIT_S)
                .check(Check::Range(1, 3_600)),
        )
        .with(
            Attribute::text("created_date", "When it was set up.")
                .computed()
                .stable(),
        )
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(wait(call, planned).await?)
    }

    async fn read(&self, call: &mut Call<'_>, known: &Value) -> Result<Option<Value>, Failure> {
        let answer = call.session.client()?.get(STATUS).await;
        let answer = answer.map(|answer| Some(state(&answer)));
        Ok(found(call, known, answer, "read the cluster's status")?)
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(wait(call, planned).await?)
    }

    async fn delete(&self, _: &mut Call<'_>, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn import_form(&self) -> &'static str {
        "CLUSTER"
    }
}
