//! `$context` of REST APIs: one list of names and what each stands for, for templates, mapping
//! expressions, gateway responses and logs alike.
//!
//! Asked for by name, so that a request pays only for the values that somebody uses.

use std::borrow::Cow;

use plan::region::Entrance;
use serde_json::{Map, Value};

use super::Exchange;

/// Every name that has a value of its own, without those below `authorizer`.
const NAMES: &[&str] = &[
    "accountId",
    "apiId",
    "awsEndpointRequestId",
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
        "isCanaryRequest" => exchange.is_canary.to_string(),
        "path" => percent_decode(exchange.uri.path()),
        // Whatever the client speaks.
        "protocol" => "HTTP/1.1".to_owned(),
        "requestTime" => clf_time(exchange.arrived_ms),
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
    let mut root = Map::new();
    for name in NAMES {
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
    if let Some(authorizer) = &exchange.authorizer {
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

/// Text that is not UTF-8 afterwards is shown as far as it is.
fn percent_decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let digits = rest.clone().take(2);
        let value = digits
            .map(|digit| char::from(digit).to_digit(16))
            .collect::<Option<Vec<u32>>>();
        match value.as_deref() {
            Some([high, low]) if byte == b'%' => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

/// As in the Common Log Format: `21/Nov/2026:03:00:00 +0000`.
pub(crate) fn clf_time(ms: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = ms / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Days since 1 March of year 0, whose years end with their leap day.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let name = usize::try_from(month)
        .ok()
        .and_then(|month| MONTHS.get(month));
    let name = name.copied().map_or(Cow::Borrowed("Jan"), Cow::Borrowed);
    format!("{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests {
    use super::clf_time;

    #[test]
    fn times_are_those_of_common_logs() {
        for (seconds, expected) in [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (1_795_230_000, "21/Nov/2026:03:00:00 +0000"),
            (951_782_399, "28/Feb/2000:23:59:59 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (4_107_542_399, "28/Feb/2100:23:59:59 +0000"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000"),
            (1_704_067_199, "31/Dec/2023:23:59:59 +0000"),
        ] {
            assert_eq!(clf_time(seconds * 1000), expected);
        }
    }
}
