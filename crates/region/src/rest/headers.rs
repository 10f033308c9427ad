//! Which headers pass between client and backend, and which get another name on the way
//! (docs/aws-behaviour.md, headers of REST APIs). Where what Amazon documents and what was
//! recorded there differ, the recording counts.

use http::{HeaderMap, HeaderName, header::CONTENT_ENCODING};

/// Put before the name of a header that the gateway has itself.
const REMAPPED: &str = "x-amzn-remapped-";

/// Never reach the backend of a proxy integration; most are invisible to mappings and templates
/// too.
const DROPPED_TO_BACKEND: [&str; 17] = [
    "connection",
    "content-length",
    "content-md5",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-amzn-requestid",
];

/// As above, but visible to mappings.
const DROPPED_TO_HTTP_PROXY: [&str; 2] = ["content-encoding", "via"];

/// Never reach the client of a proxy integration.
const DROPPED_TO_CLIENT: [&str; 10] = [
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Renamed on answers that are passed through: what the gateway says itself.
const RENAMED_OF_PROXY: [&str; 7] = [
    "connection",
    "content-length",
    "date",
    "server",
    "x-amz-apigw-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
];

/// Renamed where a mapping sets them on an answer.
const RENAMED_OF_MAPPING: [&str; 17] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "trailer",
    "upgrade",
    "user-agent",
    "www-authenticate",
    "x-amz-apigw-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
];

/// What even a mapping cannot send to a backend.
const NEVER_SENT: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether a mapped header does not reach the backend.
pub(crate) fn is_never_sent(name: &str) -> bool {
    NEVER_SENT.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Removes what is dropped when a request is read, so that nothing behind sees it.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    remove(headers, &DROPPED_TO_BACKEND);
}

/// Removes what an HTTP proxy integration does not pass on.
pub(crate) fn strip_proxied(headers: &mut HeaderMap) {
    remove(headers, &DROPPED_TO_HTTP_PROXY);
}

/// Makes a proxied answer's headers the client's.
pub(crate) fn remap_proxied(headers: &mut HeaderMap) {
    for name in RENAMED_OF_PROXY {
        if let Some(value) = headers.remove(name)
            && let Some(renamed) = renamed(name)
        {
            headers.insert(renamed, value);
        }
    }
    remove(headers, &DROPPED_TO_CLIENT);
    headers.remove(CONTENT_ENCODING);
}

/// The name that a header of a function's answer gets; none where it is dropped.
pub(crate) fn answered_name(name: &HeaderName) -> Option<HeaderName> {
    if DROPPED_TO_CLIENT.contains(&name.as_str()) {
        return None;
    }
    mapped_name(name.as_str())
}

/// The name that a mapped header of an answer gets; none where it is dropped.
pub(crate) fn mapped_name(name: &str) -> Option<HeaderName> {
    let lower = name.to_ascii_lowercase();
    if lower == "transfer-encoding" {
        return None;
    }
    if RENAMED_OF_MAPPING.contains(&lower.as_str()) {
        return renamed(&lower);
    }
    HeaderName::from_bytes(lower.as_bytes()).ok()
}

/// A header's name as templates and events show it. Names arrive in lower case, as HTTP/2 has them;
/// Amazon's examples write them with capitals, and owners copy those.
pub(crate) fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut begins = true;
    for letter in name.chars() {
        shown.push(if begins {
            letter.to_ascii_uppercase()
        } else {
            letter
        });
        begins = letter == '-';
    }
    shown
}

fn renamed(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(format!("{REMAPPED}{name}").as_bytes()).ok()
}

fn remove(headers: &mut HeaderMap, names: &[&'static str]) {
    // A look at each name of the message costs less than a search for each of the list.
    let found: Vec<HeaderName> = headers
        .keys()
        .filter(|name| names.contains(&name.as_str()))
        .cloned()
        .collect();
    for name in found {
        headers.remove(name);
    }
}
