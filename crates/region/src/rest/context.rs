//! `$context` of REST APIs: one list of names and what each stands for, for templates, mapping
//! expressions, gateway responses and logs alike.
//!
//! Asked for by name, so that a request pays only for the values that somebody uses.

use lang::rest_path;
use plan::region::Entrance;
use serde_json::{Map, Value};

use super::{Exchange, time};

/// Every name that has a value of its own, without those below `authorizer`.
const NAMES: &[&str] = &[
    "accountId",
    "apiId",
    "awsEndpointRequestId",
    "customDomain.basePathMatched",
    "deploymentId",
    "domainName",
    "domainPrefix",
    "endpointType",
    "error.message",
    "error.messageString",
    "error.responseType",
    "error.validationErrorString",
    "extendedRequestId",
    "httpMethod",
    "identity.accessKey",
    "identity.accountId",
    "identity.apiKey",
    "identity.apiKeyId",
    "identity.caller",
    "identity.sourceIp",
    "identity.user",
    "identity.userAgent",
    "identity.userArn",
    "identity.vpcId",
    "identity.vpceId",
    "isCanaryRequest",
    "path",
    "protocol",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "resourceId",
    "resourcePath",
    "stage",
    "xrayTraceId",
];

/// The value behind `$context.`, as text; none where there is none.
pub(crate) fn text(exchange: &Exchange<'_>, name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("authorizer.") {
        return authorizer(exchange, rest);
    }
    let owned = |text: &Option<String>| text.clone();
    let identity = &exchange.identity;
    let error = exchange.error.as_ref();
    let matched = exchange.matched.as_ref();
    Some(match name {
        "accountId" => exchange.plan.account().to_owned(),
        "apiId" => exchange.found.api.id().as_str().to_owned(),
        "awsEndpointRequestId" | "requestId" => exchange.ids.request.clone(),
        "customDomain.basePathMatched" => base_path(exchange.found.base_path?).to_owned(),
        "deploymentId" => exchange.deployment.id.as_str().to_owned(),
        "domainName" => exchange.domain_name().to_owned(),
        "domainPrefix" => prefix(exchange.domain_name()).to_owned(),
        "endpointType" => endpoint(exchange.facts.entrance).to_owned(),
        "error.message" => error?.message.clone()?.into_owned(),
        "error.messageString" => message_string(error?.message.as_deref()),
        "error.responseType" => error?.kind.as_str().to_owned(),
        "error.validationErrorString" => owned(&error?.validation)?,
        "extendedRequestId" => exchange.facts.request_id.clone(),
        "httpMethod" => exchange.method.as_str().to_owned(),
        "identity.accessKey" => owned(&identity.access_key)?,
        "identity.accountId" => owned(&identity.account_id)?,
        "identity.apiKey" => owned(&identity.api_key)?,
        "identity.apiKeyId" => owned(&identity.api_key_id)?,
        "identity.caller" => owned(&identity.caller)?,
        "identity.sourceIp" => exchange.facts.client.ip().to_canonical().to_string(),
        "identity.user" => owned(&identity.user)?,
        "identity.userAgent" => exchange.header("user-agent")?.to_owned(),
        "identity.userArn" => owned(&identity.user_arn)?,
        "identity.vpcId" => exchange.endpoint()?.vpc()?.to_owned(),
        "identity.vpceId" => exchange.endpoint()?.id().to_owned(),
        "isCanaryRequest" => exchange.is_canary.to_string(),
        "path" => rest_path::decode(exchange.uri.path()),
        // Whatever the client speaks.
        "protocol" => "HTTP/1.1".to_owned(),
        "requestTime" => time::clf(exchange.arrived_ms),
        "requestTimeEpoch" => exchange.arrived_ms.to_string(),
        "resourceId" => matched?.method.resource.as_str().to_owned(),
        "resourcePath" => matched?.method.path.to_string(),
        "stage" => exchange.found.stage.name().as_str().to_owned(),
        "xrayTraceId" => exchange.ids.trace(),
        _ => return None,
    })
}

/// All of it, as templates see it.
pub(crate) fn tree(exchange: &Exchange<'_>) -> Value {
    part(exchange, |_| true)
}

/// Those that are wanted: making all of them takes longer than a small template.
pub(crate) fn part(exchange: &Exchange<'_>, is_wanted: impl Fn(&str) -> bool) -> Value {
    let mut root = Map::new();
    for name in NAMES.iter().filter(|name| is_wanted(name)) {
        let Some(text) = text(exchange, name) else {
            continue;
        };
        let value = match *name {
            "requestTimeEpoch" => Value::from(exchange.arrived_ms),
            "isCanaryRequest" => Value::Bool(exchange.is_canary),
            _ => Value::String(text),
        };
        match name.split_once('.') {
            None => root.insert((*name).to_owned(), value),
            Some((group, name)) => {
                let group = root
                    .entry(group)
                    .or_insert_with(|| Value::Object(Map::new()));
                group
                    .as_object_mut()
                    .and_then(|group| group.insert(name.to_owned(), value))
            }
        };
    }
    if let Some(authorizer) = &exchange.authorizer
        && is_wanted("authorizer")
    {
        let authorizer = Value::Object(authorizer.clone());
        root.insert("authorizer".to_owned(), authorizer);
    }
    Value::Object(root)
}

/// `principalId`, `claims.NAME` or what the authorizer answered; `claims` alone is nothing.
fn authorizer(exchange: &Exchange<'_>, path: &str) -> Option<String> {
    let known = exchange.authorizer.as_ref()?;
    let value = match path.strip_prefix("claims.") {
        Some(claim) => known.get("claims")?.get(claim)?,
        None => known.get(path)?,
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Object(_) | Value::Array(_) => None,
        other => Some(other.to_string()),
    }
}

/// A message as JSON text, quotes included.
pub(crate) fn message_string(message: Option<&str>) -> String {
    message.map_or_else(|| "null".to_owned(), |text| Value::from(text).to_string())
}

/// The key of a mapping as the management API of REST APIs names it.
const fn base_path(key: &str) -> &str {
    if key.is_empty() { "(none)" } else { key }
}

fn prefix(domain: &str) -> &str {
    domain.split_once('.').map_or(domain, |(prefix, _)| prefix)
}

const fn endpoint(entrance: Entrance) -> &'static str {
    match entrance {
        Entrance::Pop => "EDGE",
        Entrance::Regional => "REGIONAL",
        Entrance::Private => "PRIVATE",
    }
}
