//! Phase: cross-origin headers on what the gateway itself answers, where a stage asks for them
//! (docs/aws-behaviour.md, gateway responses).
//!
//! Amazon's way, a mapping in each gateway response, works too and wins. Nothing here touches an
//! answer of an integration.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
    },
};
use plan::region::rest::Origins;

use crate::rest::Exchange;

/// Adds them to a gateway response.
pub(crate) fn decorate(exchange: &Exchange<'_>, headers: &mut HeaderMap) {
    let Some(origins) = &exchange.stage.error_origins else {
        return;
    };
    let allowed = match origins {
        Origins::All => HeaderValue::from_static("*"),
        Origins::Listed(list) => {
            headers.append(VARY, HeaderValue::from_static("origin"));
            let asked = exchange.headers.get(ORIGIN);
            let known = |asked: &&HeaderValue| list.iter().any(|one| **asked == **one);
            let Some(origin) = asked.filter(known) else {
                return;
            };
            origin.clone()
        }
    };
    let any = HeaderValue::from_static("*");
    let mut add = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    add(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    add(ACCESS_CONTROL_ALLOW_METHODS, any.clone());
    add(ACCESS_CONTROL_ALLOW_HEADERS, any.clone());
    add(ACCESS_CONTROL_EXPOSE_HEADERS, any);
}
