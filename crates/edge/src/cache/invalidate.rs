//! What a request changes beside its own address (RFC 9111, sections 4.3.5 and 4.4).
//!
//! Pure. Addresses are compared as texts, like the keys of stored answers: what names the same
//! thing in another spelling is not found.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_LOCATION, ETAG, LAST_MODIFIED, LOCATION};

use super::entry::Entry;
use super::key::Key;

/// Paths (with queries) on the same origin that the answer to a successful unsafe request names.
pub(crate) fn named(key: Key<'_>, answer: &HeaderMap) -> Vec<String> {
    let fields = [LOCATION, CONTENT_LOCATION];
    let values = fields.iter().filter_map(|name| answer.get(name));
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.filter_map(|text| resolve(text, key)).collect()
}

/// Whether the answer to HEAD says that the stored answer to GET is not the present one.
pub(crate) fn contradicts(head: &HeaderMap, entry: &Entry) -> bool {
    [ETAG, LAST_MODIFIED, CONTENT_LENGTH].iter().any(|name| {
        let (said, stored) = (head.get(name), entry.headers.get(name));
        said.zip(stored)
            .is_some_and(|(said, stored)| said != stored)
    })
}

/// Resolves a reference (RFC 3986, section 5.2); none if it leads to another origin.
fn resolve(reference: &str, base: Key<'_>) -> Option<String> {
    let reference = reference.trim();
    let reference = reference
        .split_once('#')
        .map_or(reference, |(before, _)| before);
    let scheme = if base.https { "https" } else { "http" };
    let rest = match reference.split_once(':') {
        Some((name, rest)) if is_scheme(name) => {
            name.eq_ignore_ascii_case(scheme).then_some(())?;
            // Without an authority it is no address of ours.
            rest.starts_with("//").then_some(rest)?
        }
        _ => reference,
    };
    let (base_path, base_query) = halves(base.path_and_query);
    let Some(after) = rest.strip_prefix("//") else {
        let (path, query) = halves(rest);
        let (path, query) = match (path, query) {
            ("", None) => (base_path.to_owned(), base_query),
            ("", query) => (base_path.to_owned(), query),
            (path, query) if path.starts_with('/') => (plain(path), query),
            (path, query) => {
                let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
                (plain(&format!("{folder}/{path}")), query)
            }
        };
        return Some(whole(&path, query));
    };
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (authority, rest) = after.split_at_checked(end)?;
    is_same_host(authority, base).then_some(())?;
    let (path, query) = halves(rest);
    Some(whole(&plain(path), query))
}

fn is_scheme(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(rest)
}

fn is_same_host(authority: &str, base: Key<'_>) -> bool {
    let default = if base.https { ":443" } else { ":80" };
    let plain = |host: &str| {
        host.strip_suffix(default)
            .unwrap_or(host)
            .to_ascii_lowercase()
    };
    plain(authority) == plain(base.host)
}

fn halves(path_and_query: &str) -> (&str, Option<&str>) {
    match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    }
}

fn whole(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

/// Without `.` and `..` (section 5.2.4).
fn plain(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path);
    let mut open = true;
    for segment in segments.split('/') {
        open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    // A path that ends in a dot segment ends in a slash.
    if open {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}
