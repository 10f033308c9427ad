//! Phase: cross-origin rules of an HTTP API (docs/aws-behaviour.md).
//!
//! With rules the gateway answers preflight requests itself and replaces whatever cross-origin
//! headers the backend sends. Without rules nothing happens here and the backend is in charge.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
        ORIGIN, VARY,
    },
};
use plan::region::CorsPlan;
use serve::{Body, Response};

use crate::exchange::Exchange;

/// What a backend may not say when the gateway has rules of its own.
static ANSWER_HEADERS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// Answers a preflight. An `OPTIONS` without `Origin` or `Access-Control-Request-Method` is no
/// preflight and goes on to the routes. An origin that is not allowed gets a 204 that allows
/// nothing.
pub(crate) fn preflight(exchange: &mut Exchange<'_>) -> Option<Response> {
    let rules = rules(exchange)?;
    exchange.origin = exchange.headers.get(ORIGIN).cloned();
    let origin = exchange.origin.as_ref()?;
    if exchange.method != Method::OPTIONS
        || !exchange.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    {
        return None;
    }
    exchange.is_preflight = true;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if origin.to_str().is_ok_and(|origin| rules.allows(origin)) {
        let headers = response.headers_mut();
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &rules.allow_methods);
        set(headers, ACCESS_CONTROL_MAX_AGE, &rules.max_age);
        // With credentials browsers take `*` for a header's name, so the request is echoed.
        let requested = exchange.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        match requested {
            Some(requested) if rules.rules.allow_credentials && rules.allow_headers == "*" => {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
            }
            _ => set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &rules.allow_headers),
        }
    }
    Some(response)
}

/// Puts the rules' headers on any answer, errors and preflights included, in place of the
/// backend's.
pub(crate) fn decorate(exchange: &Exchange<'_>, headers: &mut HeaderMap) {
    let Some(rules) = rules(exchange) else { return };
    if !exchange.is_preflight {
        for name in &ANSWER_HEADERS {
            headers.remove(name);
        }
    }
    // A cache must not give one origin what another one was allowed.
    if !rules.allows_any() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = &exchange.origin else {
        return;
    };
    if !origin.to_str().is_ok_and(|origin| rules.allows(origin)) {
        return;
    }
    let allowed = if rules.allows_any() && !rules.rules.allow_credentials {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if rules.rules.allow_credentials {
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    if !exchange.is_preflight {
        set(
            headers,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &rules.expose_headers,
        );
    }
}

fn rules<'a>(exchange: &Exchange<'a>) -> Option<&'a CorsPlan> {
    exchange.found.as_ref()?.stage.cors()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if value.is_empty() {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
