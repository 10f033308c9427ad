//! References between schemas: within a file, and between models.
//!
//! In a file a schema is `#/definitions/Pet` or `#/components/schemas/Pet`; a model names another
//! one by a URL of the API it belongs to, as Amazon's do.

use serde_json::Value;

use super::read::Dialect;

const MODELS: &str = "https://apigateway.amazonaws.com/restapis/";
const PLACES: [&str; 2] = ["#/definitions/", "#/components/schemas/"];

/// The schema's name in a reference within a file.
pub(super) fn name(reference: &str) -> Option<&str> {
    let rest = |place: &&str| reference.strip_prefix(*place);
    PLACES.iter().find_map(rest)
}

/// The name in a reference between models.
fn model(reference: &str) -> Option<&str> {
    let (_, rest) = reference.strip_prefix(MODELS)?.split_once('/')?;
    rest.strip_prefix("models/")
}

/// A schema as a model's text.
pub(super) fn to_models(schema: &Value, api: &str) -> String {
    let mut schema = schema.clone();
    rewrite(&mut schema, &|reference| {
        name(reference).map(|name| format!("{MODELS}{api}/models/{name}"))
    });
    schema.to_string()
}

/// A model's text as a schema in a file; none for what is no JSON.
pub(super) fn to_file(text: &str, dialect: Dialect) -> Option<Value> {
    let mut schema: Value = serde_json::from_str(text).ok()?;
    let place = match dialect {
        Dialect::Two => PLACES[0],
        Dialect::Three => PLACES[1],
    };
    rewrite(&mut schema, &|reference| {
        model(reference).map(|name| format!("{place}{name}"))
    });
    Some(schema)
}

/// The models that a model's text refers to.
pub(super) fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = text;
    // Cheaper than reading the text again: a model's reference has one spelling.
    while let Some((_, rest)) = at.split_once(MODELS) {
        let end = rest.find('"').unwrap_or(rest.len());
        let (reference, behind) = rest.split_at(end);
        if let Some((_, name)) = reference.split_once("/models/") {
            found.push(name.to_owned());
        }
        at = behind;
    }
    found
}

fn rewrite(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) if key == "$ref" => {
                        if let Some(changed) = change(text) {
                            *text = changed;
                        }
                    }
                    other => rewrite(other, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
