//! Whether a client's own copy is as good as the stored answer (RFC 9110, section 13).

use http::HeaderMap;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

/// Headers that a 304 keeps from the stored answer (RFC 9110, section 15.4.5, plus those that a
/// browser's scripts need on every answer).
pub(crate) fn belongs_on_not_modified(name: &HeaderName) -> bool {
    let name = name.as_str();
    !name.starts_with("content-") || matches!(name, "content-location" | "content-security-policy")
}

/// Whether a region's 304 brings this header of a stored answer up to date: not those that tell
/// how the stored body is to be read (RFC 9111, section 3.2).
pub(crate) fn is_updated(name: &HeaderName) -> bool {
    ![
        CONTENT_LENGTH,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        CONTENT_RANGE,
    ]
    .contains(name)
}

/// Whether a region's 304 is about the stored answer: a tag that it names must be that one's
/// (RFC 9111, section 4.3.4).
pub(crate) fn confirms(confirmed: &HeaderMap, stored: &HeaderMap) -> bool {
    let tags = confirmed.get(ETAG).zip(stored.get(ETAG));
    tags.is_none_or(|(one, other)| opaque(one.as_bytes()) == opaque(other.as_bytes()))
}

/// Whether the client can be told to use its own copy of a stored 200 with `stored` headers.
pub(crate) fn is_not_modified(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let Some(etag) = stored.get(ETAG) else {
            return false;
        };
        let etag = opaque(etag.as_bytes());
        let listed = request.get_all(IF_NONE_MATCH).iter();
        // Tags may hold commas, but then no part equals a whole tag, which errs on the safe side.
        let mut tags = listed.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        return tags.any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || (opaque(tag) == etag && !etag.is_empty())
        });
    }
    let date = |headers: &HeaderMap, name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        httpdate::parse_http_date(text).ok()
    };
    let (since, modified) = (
        date(request, IF_MODIFIED_SINCE),
        date(stored, LAST_MODIFIED),
    );
    since
        .zip(modified)
        .is_some_and(|(since, modified)| modified <= since)
}

/// The tag without its weakness mark: weak comparison, as `If-None-Match` asks for.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
