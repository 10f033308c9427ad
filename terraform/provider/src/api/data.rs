//! Data sources: APIs by name, exported definitions, and the cluster with its places.

use async_trait::async_trait;
use serde_json::Value as Json;

use super::table::encoded;
use crate::{
    client::{CallError, Client},
    cty::{Type, Value, from_json},
    framework::{Attribute, Call, Check, DataSource, Failure, Nesting, Note, Path, Schema},
};

pub(super) fn all() -> Vec<Box<dyn DataSource>> {
    vec![
        Box::new(REST_API),
        Box::new(API),
        Box::new(Export),
        Box::new(Cluster),
        Box::new(REGIONS),
        Box::new(POPS),
    ]
}

/// Attributes and the fields that they are, all of them texts.
type Fields = &'static [(&'static str, &'static str, &'static str)];

fn texts(state: Value, fields: Fields, body: &Json) -> Value {
    fields.iter().fold(state, |state, (name, wire, _)| {
        let value = body.pointer(wire).unwrap_or(&Json::Null);
        state.with(name, from_json(value, &Type::String))
    })
}

fn described(schema: Schema, fields: Fields) -> Schema {
    let fields = fields.iter();
    schema.all(fields.map(|(name, _, description)| Attribute::text(name, description).computed()))
}

/// An API that is found by its name.
struct ByName {
    name: &'static str,
    description: &'static str,
    list: &'static str,
    fields: Fields,
}

const REST_API: ByName = ByName {
    name: "edgeway_rest_api",
    description: "A REST API by its name, of which there must be one.",
    list: "/restapis",
    fields: &[
        ("id", "/id", "The API's id."),
        ("description", "/description", "What it is for."),
        (
            "root_resource_id",
            "/rootResourceId",
            "The id of the resource `/`.",
        ),
    ],
};

const API: ByName = ByName {
    name: "edgeway_api",
    description: "An HTTP or WebSocket API by its name, of which there must be one.",
    list: "/v2/apis",
    fields: &[
        ("id", "/apiId", "The API's id."),
        ("description", "/description", "What it is for."),
        ("protocol_type", "/protocolType", "`HTTP` or `WEBSOCKET`."),
        ("api_endpoint", "/apiEndpoint", "Its URL, without a stage."),
    ],
};

#[async_trait]
impl DataSource for ByName {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        let name = Attribute::text("name", "The name.").required();
        described(Schema::new(self.description).with(name), self.fields)
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let name = config.text("name");
        let items = call.session.client()?.list(self.list).await;
        let items = items.map_err(|error| error.note("list the APIs"))?;
        let named = items.iter().filter(|item| item["name"].as_str() == name);
        let named: Vec<&Json> = named.collect();
        let [found] = named.as_slice() else {
            let name = name.unwrap_or_default();
            let detail = format!("{} APIs are called {name:?}.", named.len());
            return Err(Note::error("Not one API", detail)
                .at(Path::of("name"))
                .into());
        };
        Ok(texts(config.clone(), self.fields, found))
    }
}

struct Export;

#[async_trait]
impl DataSource for Export {
    fn name(&self) -> &'static str {
        "edgeway_export"
    }

    fn schema(&self) -> Schema {
        Schema::new("The definition of a REST API as it is served by a stage.")
            .with(Attribute::text("rest_api_id", "The API.").required())
            .with(Attribute::text("stage_name", "The stage.").required())
            .with(
                Attribute::text(
                    "export_type",
                    "The version of OpenAPI; `oas30` unless given.",
                )
                .check(Check::OneOf(&["oas30", "swagger"])),
            )
            .with(Attribute::text("body", "The document, JSON.").computed())
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let part = |name| encoded(config.text(name).unwrap_or_default());
        let kind = config.text("export_type").unwrap_or("oas30");
        let path = format!(
            "/restapis/{}/stages/{}/exports/{kind}?extensions=apigateway",
            part("rest_api_id"),
            part("stage_name"),
        );
        let document = call.session.client()?.get(&path).await;
        let document = document.map_err(|error| error.note("export the API"))?;
        Ok(config.clone().with("body", document.to_string()))
    }
}

struct Cluster;

const CLUSTER: Fields = &[
    ("name", "/cluster/name", "The cluster's name."),
    (
        "base_domain",
        "/cluster/baseDomain",
        "The domain that all default endpoints are under.",
    ),
    (
        "account_id",
        "/cluster/accountId",
        "The account in ARNs, twelve digits.",
    ),
    ("region", "/region", "The region that has answered."),
    ("leader", "/raft/leader", "The node that leads."),
];

#[async_trait]
impl DataSource for Cluster {
    fn name(&self) -> &'static str {
        "edgeway_cluster"
    }

    fn schema(&self) -> Schema {
        let schema = described(Schema::new("The cluster and how it is."), CLUSTER);
        schema
            .with(Attribute::number("revision", "The configuration's revision.").computed())
            .with(Attribute::flag("healthy", "Whether a leader lives.").computed())
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let status = call.session.client()?.get("/edgeway/v1/status").await;
        let status = status.map_err(|error| error.note("read the cluster's status"))?;
        let state = texts(config.clone(), CLUSTER, &status);
        Ok(state
            .with("revision", from_json(&status["revision"], &Type::Number))
            .with(
                "healthy",
                from_json(&status["raft"]["healthy"], &Type::Bool),
            ))
    }
}

/// Regions or POPs.
struct Places {
    name: &'static str,
    noun: &'static str,
    list: &'static str,
}

const REGIONS: Places = Places {
    name: "edgeway_regions",
    noun: "regions",
    list: "/edgeway/v1/regions",
};

const POPS: Places = Places {
    name: "edgeway_pops",
    noun: "points of presence",
    list: "/edgeway/v1/pops",
};

async fn places(client: &Client, path: &str) -> Result<Vec<Value>, CallError> {
    let items = client.list(path).await?;
    let items = items.iter().map(|item| {
        Value::object()
            .with("name", from_json(&item["name"], &Type::String))
            .with("latitude", from_json(&item["latitude"], &Type::Number))
            .with("longitude", from_json(&item["longitude"], &Type::Number))
    });
    Ok(items.collect())
}

#[async_trait]
impl DataSource for Places {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        let place = [
            Attribute::text("name", "The name.").computed(),
            Attribute::number("latitude", "Degrees; null if it is not known.").computed(),
            Attribute::number("longitude", "Degrees; null if it is not known.").computed(),
        ];
        Schema::new(format!("All {} of the cluster.", self.noun))
            .with(Attribute::text_list("names", "Their names.").computed())
            .with(Attribute::nested("places", Nesting::List, "Each of them.", place).computed())
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let places = places(call.session.client()?, self.list).await;
        let places = places.map_err(|error| error.note(&format!("list the {}", self.noun)))?;
        let names: Vec<Value> = places
            .iter()
            .map(|place| place.attribute("name").clone())
            .collect();
        Ok(config
            .clone()
            .with("names", Value::List(names))
            .with("places", Value::List(places)))
    }
}
