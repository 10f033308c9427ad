//! The answers of an aggregate's parts become one (docs/aggregation.md).

use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use model::rest::{Merge, OnFailure};
use plan::region::rest::AggregatePlan;
use serde_json::{Map, Value};
use serve::{Body, Response};

use super::{aggregate::Ended, integrate::Answered};
use crate::rest::{Exchange, ids};

/// Names the parts that are not in an answer, for clients and logs.
const MISSING: HeaderName = HeaderName::from_static("edgeway-missing-parts");

/// The answers as one.
pub(super) fn answer(exchange: &Exchange<'_>, plan: &AggregatePlan, ended: &Ended) -> Answered {
    let mut members = Vec::new();
    let mut missing = Vec::new();
    for (part, end) in plan.parts.iter().zip(ended) {
        match (end, part.on_failure, &part.default) {
            (Some(Ok(given)), _, _) => members.push((part, given.json())),
            (_, OnFailure::Default, Some(default)) => {
                missing.push(&*part.name);
                members.push((part, default.to_string()));
            }
            _ => missing.push(&*part.name),
        }
    }
    let text = match plan.merge {
        Merge::Named => {
            let named = members.iter();
            let named = named.map(|(part, json)| format!("{}:{json}", Value::from(&*part.name)));
            format!("{{{}}}", named.collect::<Vec<_>>().join(","))
        }
        Merge::Flat => {
            let mut all = Map::new();
            for (part, json) in &members {
                match serde_json::from_str(json) {
                    Ok(Value::Object(object)) => all.extend(object),
                    Ok(other) => drop(all.insert(part.name.to_string(), other)),
                    Err(_) => {}
                }
            }
            Value::Object(all).to_string()
        }
    };
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = StatusCode::from_u16(plan.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let (false, Ok(names)) = (
        missing.is_empty(),
        HeaderValue::try_from(missing.join(", ")),
    ) {
        headers.insert(MISSING, names);
    }
    if let Ok(trace) = HeaderValue::try_from(exchange.ids.trace()) {
        headers.insert(ids::TRACE_ID, trace);
    }
    Answered {
        selector: plan.status.to_string(),
        response,
        is_proxy: true,
        is_final: false,
    }
}
