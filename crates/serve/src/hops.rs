//! Removal of the headers that belong to one connection and not to the message.
//!
//! RFC 9110 section 7.6.1. Every forwarding role uses this one function in both directions, so
//! that there is one list. It does not add anything (`via`, `connection`): that is the forwarder's.

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Headers that never pass an intermediary. `trailer` stays: it announces the message's own
/// trailers, which are forwarded, and the section does not list it.
static HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
];

/// Removes the hop-by-hop headers and those that `Connection` names. `te: trailers` survives (and
/// only that value), because gRPC and HTTP/2 need it end to end.
///
/// `Connection` cannot name away what decides where the message goes or how it is framed
/// (`host`, `content-length`), nor `te` and `trailer`, which are dealt with here.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        for name in named_by_connection(headers) {
            headers.remove(name);
        }
    }
    // Few messages have one, and a look at each name costs less than seven searches.
    if headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        for name in &HOP_BY_HOP {
            headers.remove(name);
        }
    }
    keep_only_trailers_in_te(headers);
}

/// The names in all `Connection` headers. Bounded by the head's own limits.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| {
            !matches!(
                *name,
                http::header::HOST | http::header::CONTENT_LENGTH | TE | TRAILER
            )
        })
        .collect()
}

fn keep_only_trailers_in_te(headers: &mut HeaderMap) {
    if !headers.contains_key(TE) {
        return;
    }
    let trailers = headers
        .get_all(TE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"));
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    } else {
        headers.remove(TE);
    }
}

#[cfg(test)]
mod tests;
