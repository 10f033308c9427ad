//! The answers of an aggregate's parts become one (docs/aggregation.md).

use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use model::rest::{Merge, OnFailure};
use plan::region::rest::AggregatePlan;
use serde_json::{Map, Value};
use serve::{Body, Response};

use super::{aggregate::Ended, integrate::Answered};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, headers, ids, render::render},
};

/// Names the parts that are not in an answer, for clients and logs.
const MISSING: HeaderName = HeaderName::from_static("edgeway-missing-parts");

/// The answers as one, or what a template makes of them.
pub(super) fn answer(
    exchange: &mut Exchange<'_>,
    plan: &AggregatePlan,
    ended: &Ended,
) -> Result<Answered, Fault> {
    let (merged, missing) = merged(plan, ended);
    let text = match &plan.template {
        Some(template) => render(exchange, template, &merged)
            .map_err(|error| Refusal::broken(format!("Unable to transform parts: {error}")))?,
        None => merged,
    };
    let mut response = Response::new(Body::full(text));
    let overrides = &exchange.overrides.response;
    let status = overrides.status.unwrap_or(plan.status);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let made = response.headers_mut();
    made.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &overrides.header {
        let name: Option<HeaderName> = headers::mapped_name(name);
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            made.insert(name, value);
        }
    }
    if let (false, Ok(names)) = (
        missing.is_empty(),
        HeaderValue::try_from(missing.join(", ")),
    ) {
        made.insert(MISSING, names);
    }
    if let Ok(trace) = HeaderValue::try_from(exchange.ids.trace()) {
        made.insert(ids::TRACE_ID, trace);
    }
    Ok(Answered {
        selector: plan.status.to_string(),
        response,
        is_proxy: true,
        is_final: false,
    })
}

/// All that was answered as one JSON text, and the names of the parts that did not.
fn merged<'p>(plan: &'p AggregatePlan, ended: &Ended) -> (String, Vec<&'p str>) {
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
    (text, missing)
}
