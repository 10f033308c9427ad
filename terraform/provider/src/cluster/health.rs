//! How the cluster is now: leader, voters, and each node.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{flag, text, whole};
use crate::{
    cty::{Type, Value},
    framework::{Attribute, Call, DataSource, Failure, Nesting, Schema},
};

pub(super) struct ClusterHealth;

fn numbers(json: Option<&Json>) -> Value {
    let items = json.and_then(Json::as_array).into_iter().flatten();
    let numbers: Vec<i64> = items.filter_map(Json::as_i64).collect();
    numbers.into()
}

fn node(json: &Json) -> Value {
    let is = |name| json.get(name).and_then(Json::as_bool) == Some(true);
    Value::object()
        .with("id", whole(json, "id"))
        .with("role", text(json, "role"))
        .with("place", text(json, "place"))
        .with("live", flag(json, "live"))
        .with("draining", is("draining") || is("leaving"))
        .with("revision", whole(json, "revision"))
        .with("member", text(json, "member"))
        .with("link", text(json, "link"))
        .with("management", text(json, "management"))
}

#[async_trait]
impl DataSource for ClusterHealth {
    fn name(&self) -> &'static str {
        "edgeway_cluster_health"
    }

    fn schema(&self) -> Schema {
        let list = |name, description| {
            Attribute::new(name, Type::list(Type::Number), description).computed()
        };
        let nodes = [
            Attribute::number("id", "Its number.").computed(),
            Attribute::text("role", "`region`, `pop` or `dns`.").computed(),
            Attribute::text("place", "Its region or POP; empty for `dns`.").computed(),
            Attribute::flag("live", "Whether it was heard of lately.").computed(),
            Attribute::flag("draining", "Whether nobody new is sent to it.").computed(),
            Attribute::number("revision", "What it serves; null if it is not live.").computed(),
            Attribute::text("member", "`voter` or `learner`, of a region node.").computed(),
            Attribute::text("link", "Where other nodes reach it.").computed(),
            Attribute::text("management", "Its management API.").computed(),
        ];
        Schema::new("How the cluster is at the moment.")
            .with(Attribute::text("cluster", "The cluster's name.").computed())
            .with(Attribute::text("base_domain", "The domain of default host names.").computed())
            .with(Attribute::flag("healthy", "A leader lives, and so does every node.").computed())
            .with(Attribute::number("leader", "The leading region node, if any.").computed())
            .with(Attribute::number("revision", "The configuration's revision.").computed())
            .with(list("voters", "Region nodes that vote."))
            .with(list("learners", "Region nodes that do not vote."))
            .with(Attribute::nested("nodes", Nesting::List, "All nodes.", nodes).computed())
    }

    async fn read(&self, call: &mut Call<'_>, _: &Value) -> Result<Value, Failure> {
        let status = call.session.client()?.get("/edgeway/v1/status").await;
        let status = status.map_err(|error| error.note("read the cluster's status"))?;
        let none = Json::Null;
        let (cluster, raft) = (
            status.get("cluster").unwrap_or(&none),
            status.get("raft").unwrap_or(&none),
        );
        let nodes = status.get("nodes").and_then(Json::as_array);
        let mut sorted = BTreeMap::new();
        for one in nodes.into_iter().flatten() {
            sorted.insert(one.get("id").and_then(Json::as_i64), node(one));
        }
        let nodes: Vec<Value> = sorted.into_values().collect();
        let live = nodes.iter().all(|node| node.flag("live") == Some(true));
        let led = raft.get("healthy").and_then(Json::as_bool) == Some(true);
        Ok(Value::object()
            .with("cluster", text(cluster, "name"))
            .with("base_domain", text(cluster, "baseDomain"))
            .with("healthy", led && live)
            .with("leader", whole(raft, "leader"))
            .with("revision", whole(&status, "revision"))
            .with("voters", numbers(raft.get("voters")))
            .with("learners", numbers(raft.get("learners")))
            .with("nodes", nodes))
    }
}
