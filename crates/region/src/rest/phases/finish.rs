//! Phase: what every answer of a REST API carries, errors included.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use plan::region::Entrance;
use serve::Response;

use crate::{
    exchange::Facts,
    rest::{
        Exchange,
        ids::{self, Ids},
    },
};

/// Tells POPs that an answer is for one request alone, whatever it says about itself. They take it
/// off; other clients never see it.
pub(crate) const SINGLE_USE: HeaderName = HeaderName::from_static("edgeway-single-use");

/// Completes an answer.
pub(crate) fn run(exchange: &Exchange<'_>, response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    identify(&exchange.ids, exchange.facts, headers);
    headers.remove(SINGLE_USE);
    let matched = exchange.matched.as_ref();
    let guarded = matched.is_some_and(|matched| matched.method.is_guarded);
    if exchange.facts.entrance == Entrance::Pop && (guarded || exchange.is_override) {
        headers.insert(SINGLE_USE, HeaderValue::from_static("?1"));
    }
}

/// Names the request towards the client.
pub(crate) fn identify(ids: &Ids, facts: &Facts, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&ids.request) {
        headers.insert(ids::REQUEST_ID, id);
    }
    if let Ok(id) = HeaderValue::from_str(&facts.request_id) {
        headers.insert(ids::EXTENDED_ID, id);
    }
}
