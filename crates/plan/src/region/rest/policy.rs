//! A resource policy, with its short resources written out: owners may say
//! `execute-api:/stage/GET/path` and mean their API.

use lang::policy::{Kind, Policy};
use model::Api;
use serde_json::Value;

const SHORT: &str = "execute-api:/";

/// Reads a policy of `api`.
pub(super) fn compile(text: &str, api: &Api, account: &str) -> Result<Policy, String> {
    let long = format!("arn:aws:execute-api:{}:{account}:{}/", api.home, api.id);
    expanded(text, &long)
}

/// Reads a policy whose `execute-api:/` stands for `long`.
pub(in crate::region) fn expanded(text: &str, long: &str) -> Result<Policy, String> {
    let mut document: Value =
        serde_json::from_str(text).map_err(|error| format!("resource policy: {error}"))?;
    let statements = match document.get_mut("Statement") {
        Some(Value::Array(list)) => list.iter_mut().collect(),
        Some(single) => vec![single],
        None => Vec::new(),
    };
    for statement in statements {
        for key in ["Resource", "NotResource"] {
            match statement.get_mut(key) {
                Some(Value::Array(list)) => list.iter_mut().for_each(|one| expand(one, long)),
                Some(one) => expand(one, long),
                None => {}
            }
        }
    }
    Policy::parse(&document.to_string(), Kind::Resource)
        .map_err(|error| format!("resource policy: {error}"))
}

fn expand(resource: &mut Value, long: &str) {
    if let Some(rest) = resource.as_str().and_then(|text| text.strip_prefix(SHORT)) {
        *resource = Value::String(format!("{long}{rest}"));
    }
}
