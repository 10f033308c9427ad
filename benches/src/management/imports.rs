//! Importing OpenAPI files of growing size, as `ImportRestApi`, with replacement at once after it.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{cluster::Cluster, quantile, sorted, table};

/// Bytes of the files.
const SIZES: [usize; 4] = [50_000, 200_000, 1_000_000, 4_000_000];
/// Imports of each file, of which the median is shown.
const ROUNDS: usize = 3;

pub(super) fn measure(cluster: &Cluster) -> Result<String> {
    let key = cluster.key()?;
    let (leader, _) = cluster.leader_and_follower()?;
    let mut there = cluster.management(leader)?;
    let mut rows = Vec::new();
    for size in SIZES {
        let (file, operations) = file(size);
        let (mut import_ms, mut replace_ms) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let made = there.must(&key, "POST", "/restapis?mode=import", file.as_bytes())?;
            import_ms.push(began.elapsed().as_secs_f64() * 1e3);
            let id = made
                .pointer("/id")
                .and_then(Value::as_str)
                .context("no id")?;
            let path = format!("/restapis/{id}?mode=overwrite");
            let began = Instant::now();
            there.must(&key, "PUT", &path, file.as_bytes())?;
            replace_ms.push(began.elapsed().as_secs_f64() * 1e3);
            there.must(&key, "DELETE", &format!("/restapis/{id}"), &[])?;
        }
        rows.push(vec![
            format!("{:.2}", file.len() as f64 / 1e6),
            operations.to_string(),
            format!("{:.0}", quantile(&sorted(import_ms), 0.5)),
            format!("{:.0}", quantile(&sorted(replace_ms), 0.5)),
        ]);
    }
    let head = ["MB", "operations", "import ms", "overwrite ms"];
    Ok(table("imports", &head, &rows))
}

/// A description of about so many bytes, and how many operations it has.
fn file(bytes: usize) -> (String, usize) {
    // What people's files are full of: prose.
    let prose = "Says what it does, at some length. ".repeat(30);
    let thing = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
    let operation = |number: usize| {
        json!({
            "operationId": format!("op{number}"),
            "description": prose,
            "parameters": [{
                "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
            }],
            "requestBody": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Thing" },
            } } },
            "responses": { "200": { "description": "ok" } },
            "x-amazon-apigateway-integration": {
                "type": "http", "httpMethod": "POST",
                "uri": format!("http://backend.test/{number}"),
                "responses": { "default": { "statusCode": "200" } },
            },
        })
    };
    let each = operation(0).to_string().len() + 40;
    let operations = bytes.div_ceil(each);
    let paths: serde_json::Map<String, Value> = (0..operations)
        .map(|number| {
            (
                format!("/things-{number}/{{id}}"),
                json!({ "post": operation(number) }),
            )
        })
        .collect();
    let file = json!({
        "openapi": "3.0.1",
        "info": { "title": "bench", "version": "1" },
        "components": { "schemas": { "Thing": thing } },
        "paths": paths,
    });
    (file.to_string(), operations)
}
