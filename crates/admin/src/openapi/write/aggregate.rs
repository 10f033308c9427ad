//! An aggregate becomes `x-edgeway-aggregate`; what is as it would be unsaid is left out.

use std::collections::BTreeMap;

use model::rest::{Aggregate, AggregatePart};
use serde_json::{Map, Value, json};

pub(super) fn aggregate(aggregate: &Aggregate) -> Value {
    let parts = aggregate.parts.iter();
    let parts: Map<String, Value> = parts
        .map(|one| (one.name.clone(), Value::Object(part(one))))
        .collect();
    let mut written = json!({
        "merge": aggregate.merge.as_str().to_ascii_lowercase(),
        "statusCode": aggregate.status,
        "parts": parts,
    });
    if let (Some(template), Some(fields)) = (&aggregate.template, written.as_object_mut()) {
        fields.insert("template".to_owned(), json!(template));
    }
    written
}

fn part(part: &AggregatePart) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put("uri", json!(part.uri));
    put("httpMethod", json!(part.http_method));
    put("timeoutInMillis", json!(part.timeout_ms));
    put(
        "onFailure",
        json!(part.on_failure.as_str().to_ascii_lowercase()),
    );
    if let Some(text) = &part.default {
        put("default", serde_json::from_str(text).unwrap_or_default());
    }
    if part.cache_ttl_s > 0 {
        put("cacheTtlInSeconds", json!(part.cache_ttl_s));
    }
    let mut put_map = |key: &str, map: &BTreeMap<String, String>| {
        if !map.is_empty() {
            put(key, json!(map));
        }
    };
    put_map("path", &part.path);
    put_map("query", &part.query);
    put_map("headers", &part.headers);
    if let Some(body) = &part.body {
        put("body", json!(body));
    }
    if !part.after.is_empty() {
        put("after", json!(part.after));
    }
    fields
}
