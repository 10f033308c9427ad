//! What logs of requests do not show: the headers that say who asks, also inside of the events
//! that functions get.

use plan::region::{
    rest::{AuthorizerPlan, IdentitySource},
    token::TokenPlace,
};
use serde_json::Value;

use super::Exchange;

/// Stands for a secret.
pub(super) const MASK: &str = "****";

/// The names, in lower case, of headers that hold secrets: the usual ones, and where the method's
/// authorizer looks.
pub(super) fn names<'e>(exchange: &Exchange<'e>) -> Vec<&'e str> {
    let mut names = vec!["authorization", "x-api-key", "x-amz-security-token"];
    let method = exchange.matched.as_ref().map(|matched| matched.method);
    let id = method.and_then(|method| method.source.settings.authorizer.as_ref());
    match id.and_then(|id| exchange.deployment.authorizer(id)) {
        Some(Ok(AuthorizerPlan::Function(plan))) => {
            names.extend(plan.sources.iter().filter_map(|source| match source {
                IdentitySource::Header(name) => Some(&**name),
                _ => None,
            }));
        }
        Some(Ok(AuthorizerPlan::Token(plan))) => {
            if let TokenPlace::Header(name) = &plan.place {
                names.push(name);
            }
        }
        Some(Err(_)) | None => {}
    }
    names
}

pub(super) fn is(names: &[&str], name: &str) -> bool {
    names.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// A body as text; the secrets of a function's event are masked.
pub(super) fn masked_event(exchange: &Exchange<'_>, body: &[u8]) -> String {
    let text = || String::from_utf8_lossy(body).into_owned();
    let Ok(Value::Object(mut event)) = serde_json::from_slice(body) else {
        return text();
    };
    let names = names(exchange);
    let mut found = false;
    for part in ["headers", "multiValueHeaders"] {
        let Some(Value::Object(headers)) = event.get_mut(part) else {
            continue;
        };
        for (_, value) in headers.iter_mut().filter(|(name, _)| is(&names, name)) {
            *value = match value {
                Value::Array(_) => Value::from(vec![MASK]),
                _ => Value::from(MASK),
            };
            found = true;
        }
    }
    if let Some(token) = event.get_mut("authorizationToken") {
        *token = Value::from(MASK);
        found = true;
    }
    if found {
        Value::Object(event).to_string()
    } else {
        text()
    }
}
