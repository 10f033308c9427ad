//! The data source of connectors: which have joined, and what they offer.

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::{
    cty::{Type, Value, from_json},
    framework::{Attribute, Call, DataSource, Failure, Nesting, Schema},
};

pub(super) fn all() -> Vec<Box<dyn DataSource>> {
    vec![Box::new(Connectors)]
}

struct Connectors;

fn upstream(one: &Json) -> Value {
    Value::object()
        .with("name", from_json(&one["name"], &Type::String))
        .with("health", from_json(&one["health"], &Type::String))
}

fn connector(one: &Json) -> Value {
    let none = Vec::new();
    let upstreams = one["upstreams"].as_array().unwrap_or(&none);
    let regions = one["regions"].as_array().unwrap_or(&none).iter();
    let regions = regions.map(|region| from_json(&region["region"], &Type::String));
    Value::object()
        .with("id", from_json(&one["id"], &Type::Number))
        .with("name", from_json(&one["name"], &Type::String))
        .with("connected", from_json(&one["connected"], &Type::Bool))
        .with("draining", from_json(&one["draining"], &Type::Bool))
        .with("regions", Value::List(regions.collect()))
        .with(
            "upstreams",
            Value::List(upstreams.iter().map(upstream).collect()),
        )
}

#[async_trait]
impl DataSource for Connectors {
    fn name(&self) -> &'static str {
        "edgeway_connectors"
    }

    fn schema(&self) -> Schema {
        let upstream = [
            Attribute::text("name", "The name, the end of a VPC link's target.").computed(),
            Attribute::text("health", "Whether its backends answer.").computed(),
        ];
        let connector = [
            Attribute::number("id", "The node's id.").computed(),
            Attribute::text("name", "The name.").computed(),
            Attribute::flag("connected", "Whether a region hears of it.").computed(),
            Attribute::flag("draining", "Whether it is about to leave.").computed(),
            Attribute::text_set("regions", "Regions that it is connected to.").computed(),
            Attribute::nested("upstreams", Nesting::List, "What it offers.", upstream).computed(),
        ];
        let all = Attribute::nested("connectors", Nesting::List, "Each of them.", connector);
        Schema::new("Connectors to private networks, and what they offer to VPC links.")
            .with(Attribute::text_set("names", "Their names.").computed())
            .with(all.computed())
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let all = call.session.client()?.list("/edgeway/v1/connectors").await;
        let all = all.map_err(|error| error.note("list the connectors"))?;
        let names = all.iter().map(|one| from_json(&one["name"], &Type::String));
        Ok(config
            .clone()
            .with("names", Value::List(names.collect()))
            .with(
                "connectors",
                Value::List(all.iter().map(connector).collect()),
            ))
    }
}
