//! What the steps of a REST API cost: one request with key, throttle, validation and mapping, and
//! with each of them alone, beside the same request passed on as it is.
//!
//! All variants are methods of one API in one region, asked in turn with the very same request (a
//! body of 0.8 kB and a key), over HTTP/1.1 as in `proxied`. What counts is CPU time per request in
//! relation to the bare method within the same round; the table shows the median of that.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::load;
use crate::options::Options;
use crate::peers;
use crate::program::{find, pinned};
use crate::report::EDGEWAY;

/// What is asked with.
const ORDER: &str = include_str!("../templates/order.json");
const REQUEST: &str = include_str!("../templates/order-request.vtl");
const ANSWER: &str = include_str!("../templates/order-answer.vtl");

/// The method that all others are compared with.
const BARE: &str = "bare";

/// From a change to its effect.
const RIGHT_MAX: Duration = Duration::from_secs(30);

/// A rate that nobody reaches.
const RATE: u32 = 1_000_000;

/// What a method does beside calling its backend.
struct Variant {
    name: &'static str,
    key: bool,
    throttle: bool,
    validation: bool,
    request: bool,
    response: bool,
}

const NOTHING: Variant = Variant {
    name: BARE,
    key: false,
    throttle: false,
    validation: false,
    request: false,
    response: false,
};

const VARIANTS: [Variant; 8] = [
    NOTHING,
    Variant {
        name: "key",
        key: true,
        ..NOTHING
    },
    Variant {
        name: "throttle",
        throttle: true,
        ..NOTHING
    },
    Variant {
        name: "validation",
        validation: true,
        ..NOTHING
    },
    Variant {
        name: "request",
        request: true,
        ..NOTHING
    },
    Variant {
        name: "response",
        response: true,
        ..NOTHING
    },
    Variant {
        name: "mapping",
        request: true,
        response: true,
        ..NOTHING
    },
    Variant {
        name: "full",
        key: true,
        throttle: true,
        validation: true,
        request: true,
        response: true,
    },
];

/// Measures all variants, or what `--only` names, and gives a table.
pub(crate) fn measure(options: &Options) -> Result<String> {
    let binary = options.edgeway.as_deref();
    let binary = binary.context("--pipeline needs --edgeway PATH")?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (folder, cores) = (folder.path(), &options.cores);
    let origin = peers::origin(folder, cores)?;
    let gateway = Gateway::start(EDGEWAY, binary, folder, cores, &origin.doors.http)?;
    let asked = Asked::make(&gateway, &origin.doors.http, folder)?;
    let variants: Vec<&Variant> = VARIANTS
        .iter()
        .filter(|variant| variant.name == BARE || options.wants(variant.name))
        .collect();
    for variant in &variants {
        asked.check(variant)?;
    }
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); variants.len()];
    for round in 1..=options.rounds {
        for (variant, costs) in variants.iter().zip(&mut costs) {
            eprintln!("round {round}/{}: {}", options.rounds, variant.name);
            costs.push(asked.round(&gateway, variant, options)?);
        }
    }
    Ok(table(&variants, &costs))
}

fn table(variants: &[&Variant], costs: &[Vec<f64>]) -> String {
    let mut text = format!("{:<12} {:>12} {:>10}\n", "method", "cpu us/req", "to bare");
    let bare = costs.first().cloned().unwrap_or_default();
    for (variant, costs) in variants.iter().zip(costs) {
        let ratios = costs.iter().zip(&bare).map(|(cost, bare)| cost / bare);
        let (cost, ratio) = (median(costs.clone()), median(ratios.collect()));
        text.push_str(&format!(
            "{:<12} {cost:>12.1} {ratio:>10.2}\n",
            variant.name
        ));
    }
    text
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The API, and how it is asked.
struct Asked {
    address: String,
    host: String,
    key: String,
    body: String,
}

impl Asked {
    fn make(gateway: &Gateway, origin: &str, folder: &Path) -> Result<Self> {
        let body = folder.join("order.json").to_string_lossy().into_owned();
        fs::write(&body, ORDER.trim()).context("cannot write the body")?;
        let made = gateway.manage("POST", "/restapis?mode=import", &description(origin))?;
        let api = string(&made, "id")?;
        let deployment = json!({ "stageName": "prod" });
        gateway.manage("POST", &format!("/restapis/{api}/deployments"), &deployment)?;
        let operations: Vec<Value> = VARIANTS
            .iter()
            .filter(|variant| variant.throttle)
            .flat_map(|variant| {
                ["rateLimit", "burstLimit"].map(|limit| {
                    let path = format!("/~1{}/POST/throttling/{limit}", variant.name);
                    json!({ "op": "replace", "path": path, "value": RATE.to_string() })
                })
            })
            .collect();
        let patch = json!({ "patchOperations": operations });
        gateway.manage("PATCH", &format!("/restapis/{api}/stages/prod"), &patch)?;
        let key = gateway.manage("POST", "/apikeys", &json!({ "enabled": true }))?;
        let plan = json!({
            "name": "bench",
            "apiStages": [{ "apiId": api, "stage": "prod" }],
            "throttle": { "rateLimit": RATE, "burstLimit": RATE },
        });
        let plan = string(&gateway.manage("POST", "/usageplans", &plan)?, "id")?;
        let link = json!({ "keyId": string(&key, "id")?, "keyType": "API_KEY" });
        gateway.manage("POST", &format!("/usageplans/{plan}/keys"), &link)?;
        let (region, zone) = (gateway.region_name()?, gateway.zone());
        Ok(Self {
            address: gateway.region().http.clone(),
            host: format!("{api}.execute-api.{region}.{zone}"),
            key: string(&key, "value")?,
            body,
        })
    }

    fn url(&self, variant: &Variant) -> String {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        format!("http://{}:{port}/prod/{}", self.host, variant.name)
    }

    fn headers(&self) -> [String; 2] {
        [
            format!("x-api-key: {}", self.key),
            "content-type: application/json".to_owned(),
        ]
    }

    /// Asks until the answer is right: that of the backend, or the one that is made of it.
    fn check(&self, variant: &Variant) -> Result<()> {
        let deadline = Instant::now() + RIGHT_MAX;
        let proof = if variant.response {
            "\"request\""
        } else {
            "\"carrier\""
        };
        loop {
            let [key, kind] = self.headers();
            let output = Command::new("curl")
                .args(["--silent", "--include", "--max-time", "5"])
                .args(["--connect-to", &format!("::{}", self.address)])
                .args(["--header", &key, "--header", &kind])
                .args(["--data-binary", &format!("@{}", self.body)])
                .arg(self.url(variant))
                .output()
                .context("cannot start curl")?;
            let answer = String::from_utf8_lossy(&output.stdout).into_owned();
            if answer.starts_with("HTTP/1.1 200") && answer.contains(proof) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{}: not what is to be measured:\n{answer}", variant.name);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// CPU time per request in one round, microseconds.
    fn round(&self, gateway: &Gateway, variant: &Variant, options: &Options) -> Result<f64> {
        self.load(variant, options, 1)?;
        let before = gateway.program().cpu_seconds()?;
        let requests = self.load(variant, options, options.seconds)?;
        let cpu = gateway.program().cpu_seconds()? - before;
        Ok(cpu * 1e6 / f64::from(requests))
    }

    fn load(&self, variant: &Variant, options: &Options, seconds: u32) -> Result<u32> {
        let [key, kind] = self.headers();
        let output = pinned(&find("h2load")?, options.cores.load)
            .args(["--threads=1", "--h1"])
            .arg(format!("--clients={}", options.connections))
            .arg(format!("--duration={seconds}"))
            .arg(format!("--connect-to={}", self.address))
            .arg(format!("--data={}", self.body))
            .args(["--header", &key, "--header", &kind])
            .arg(self.url(variant))
            .stdin(Stdio::null())
            .output()
            .context("cannot start h2load")?;
        let text = String::from_utf8_lossy(&output.stdout);
        load::requests(&text).with_context(|| format!("{}: {text}", variant.name))
    }
}

fn string(value: &Value, name: &str) -> Result<String> {
    let found = value.get(name).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no {name} in {value}"))
}

/// The API in OpenAPI.
fn description(origin: &str) -> Value {
    let mut paths = serde_json::Map::new();
    for variant in &VARIANTS {
        let path = format!("/{}", variant.name);
        paths.insert(path, json!({ "post": operation(variant, origin) }));
    }
    json!({
        "openapi": "3.0.1",
        "info": { "title": "pipeline", "version": "1" },
        "x-amazon-apigateway-request-validators": {
            "all": { "validateRequestBody": true, "validateRequestParameters": true },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "apiKey", "name": "x-api-key", "in": "header" },
            },
            "schemas": { "Order": order() },
        },
    })
}

fn operation(variant: &Variant, origin: &str) -> Value {
    let is_mapped = variant.request || variant.response;
    let mut integration = json!({
        "type": if is_mapped { "http" } else { "http_proxy" },
        "httpMethod": "POST",
        "uri": format!("http://{origin}/order"),
        "passthroughBehavior": "when_no_match",
        "responses": { "default": { "statusCode": "200" } },
    });
    if variant.request {
        integration["requestTemplates"] = json!({ "application/json": REQUEST });
    }
    if variant.response {
        integration["responses"]["default"]["responseTemplates"] =
            json!({ "application/json": ANSWER });
    }
    let mut operation = json!({
        "responses": { "200": { "description": "ok" } },
        "x-amazon-apigateway-integration": integration,
    });
    if variant.key {
        operation["security"] = json!([{ "key": [] }]);
    }
    if variant.validation {
        operation["x-amazon-apigateway-request-validator"] = json!("all");
        operation["parameters"] = json!([
            {
                "name": "x-api-key", "in": "header", "required": true,
                "schema": { "type": "string" },
            },
        ]);
        operation["requestBody"] = json!({
            "required": true,
            "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Order" } },
            },
        });
    }
    operation
}

/// The model of what is asked with.
fn order() -> Value {
    json!({
        "type": "object",
        "required": ["id", "customer", "lines"],
        "properties": {
            "id": { "type": "string", "pattern": "^[A-Z]{2}-[0-9]{6}$" },
            "placed": { "type": "string", "maxLength": 40 },
            "customer": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": { "type": "string", "minLength": 1, "maxLength": 80 },
                    "kind": { "type": "string", "enum": ["private", "business"] },
                },
            },
            "lines": { "type": "array", "minItems": 1, "maxItems": 100, "items": {
                "type": "object",
                "required": ["sku", "count"],
                "properties": {
                    "sku": { "type": "string" },
                    "count": { "type": "integer", "minimum": 1 },
                    "price": { "type": "number", "minimum": 0 },
                },
            } },
        },
    })
}
