//! Phase: the integration's answer becomes the client's (docs/aws-behaviour.md).
//!
//! A proxied answer is passed on but for the headers that the gateway has itself. Any other answer
//! is made from the integration response that the backend's status selects.

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use model::rest::IntegrationResponse;
use serve::Response;

use super::integrate::Answered;
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, headers, ids},
};

/// Makes the client's answer.
pub(crate) fn run(exchange: &Exchange<'_>, answered: Answered) -> Result<Response, Fault> {
    let mut response = answered.response;
    if answered.is_proxy {
        headers::remap_proxied(response.headers_mut());
        return Ok(response);
    }
    let matched = exchange.matched()?;
    let integration = matched.method.source.integration.as_ref();
    let known = integration.map(|integration| &integration.responses);
    let is_default = |response: &IntegrationResponse| {
        response
            .selection_pattern
            .as_deref()
            .unwrap_or("")
            .is_empty()
    };
    let chosen = known.into_iter().flatten().find(|(_, one)| is_default(one));
    let Some((status, _)) = chosen else {
        let detail = format!("no integration response for {:?}", answered.selector);
        return Err(Refusal::broken(detail).into());
    };
    let mut own = HeaderMap::new();
    if let Some(kind) = response.headers_mut().remove(CONTENT_TYPE) {
        own.insert(CONTENT_TYPE, kind);
    }
    if let Ok(trace) = http::HeaderValue::from_str(&exchange.ids.trace()) {
        own.insert(ids::TRACE_ID, trace);
    }
    *response.headers_mut() = own;
    *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
    Ok(response)
}
