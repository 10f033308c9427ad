//! What origins and clients say to the cache, for fuzzers and for property tests: each function
//! takes any bytes as lines of headers and panics when something that must hold does not. Nothing
//! else uses them.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::control::CacheControl;
use super::key::variant;
use super::range::{RANGES_MAX, Wanted, counts_bytes, wanted};
use super::verdict::{Arrival, NoStore, judge};

/// Larger answers are none of these tests' matter.
const OBJECT_BYTES_MAX: usize = 1 << 20;

/// Ends one list of headers where several are needed.
const NEXT: u8 = b'\0';

/// Decides about an answer with these headers. What is stored is fresh, and nothing is stored
/// once the answer also says `no-store`.
pub fn response_headers(bytes: &[u8]) {
    let mut headers = headers(bytes);
    if let Ok(freshness) = judged(&headers) {
        assert!(
            freshness.0 > freshness.1,
            "stored, and not fresh: {headers:?}"
        );
    }
    let no_store = HeaderValue::from_static("no-store");
    for field in [CACHE_CONTROL, HeaderName::from_static("cdn-cache-control")] {
        headers.append(field, no_store.clone());
    }
    assert!(
        judged(&headers).is_err(),
        "no-store, and stored: {headers:?}"
    );
}

/// Reads the directives of a request with these headers.
pub fn request_headers(bytes: &[u8]) {
    let headers = headers(bytes);
    let control = CacheControl::of_request(&headers);
    // Order and case of lines have no meaning for it.
    let lines: Vec<_> = headers.iter().collect();
    let turned = lines.into_iter().rev();
    let turned: HeaderMap = turned.map(|(n, v)| (n.clone(), v.clone())).collect();
    assert_eq!(CacheControl::of_request(&turned).no_store, control.no_store);
}

/// An answer's headers, then those of two requests, each list ended by a zero byte. The second
/// request is served with what the first one got only if it says the same in every header that
/// `Vary` names.
pub fn vary(bytes: &[u8]) {
    let mut lists = bytes.splitn(3, |byte| *byte == NEXT);
    let mut next = || headers(lists.next().unwrap_or_default());
    let (mut answer, one, other) = (next(), next(), next());
    answer.remove("cdn-cache-control");
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    let fresh = Arrival {
        at: now(),
        delay_ms: 0,
        authorized: false,
    };
    let stars = answer.get_all(VARY).iter();
    let mut stars = stars.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let star = stars.any(|name| name.trim_ascii() == b"*");
    let judged = judge(StatusCode::OK, &answer, fresh, OBJECT_BYTES_MAX);
    let Ok(stored) = judged else {
        return;
    };
    assert!(!star, "it depends on more than headers: {answer:?}");
    let same = |name: &HeaderName| values(&one, name).eq(values(&other, name));
    let (found, asked) = (variant(&stored.vary, &one), variant(&stored.vary, &other));
    if stored.vary.iter().all(same) {
        assert_eq!(found, asked, "{answer:?} {one:?} {other:?}");
    }
    // What is said there may be read for its meaning.
    let plain = stored.vary.iter().filter(|name| **name != ACCEPT_ENCODING);
    if !plain.clone().all(same) && found.is_some() {
        assert_ne!(found, asked, "{answer:?} {one:?} {other:?}");
    }
}

/// A request's headers, those of a stored answer, and its length in digits, ended by zero bytes.
/// Parts lie within the answer and in it apart from one another, no more of them than asked for.
pub fn range(bytes: &[u8]) {
    let mut lists = bytes.splitn(3, |byte| *byte == NEXT);
    let mut next = || lists.next().unwrap_or_default();
    let (request, stored) = (headers(next()), headers(next()));
    let length = std::str::from_utf8(next()).ok();
    let length = length.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    if !counts_bytes(&request) {
        return;
    }
    let spans = match wanted(&request, &stored, length) {
        Wanted::Whole(_) | Wanted::Nothing => return,
        Wanted::One(span) => vec![span],
        Wanted::Many(spans) => spans,
    };
    assert!(spans.len() <= RANGES_MAX, "{request:?} of {length}");
    for (at, span) in spans.iter().enumerate() {
        let within = span.first <= span.last && span.last < length;
        assert!(within, "{request:?} of {length}: {spans:?}");
        let others = spans.iter().skip(at + 1);
        let mut meeting = others.filter(|o| o.first <= span.last && span.first <= o.last);
        assert!(
            meeting.next().is_none(),
            "{request:?} of {length}: {spans:?}"
        );
    }
}

/// Lifetime and age on arrival.
fn judged(headers: &HeaderMap) -> Result<(u64, u64), NoStore> {
    let arrival = Arrival {
        at: now(),
        delay_ms: 3,
        authorized: false,
    };
    let judged = judge(StatusCode::OK, headers, arrival, OBJECT_BYTES_MAX);
    judged.map(|freshness| (freshness.lifetime_ms, freshness.age_ms))
}

/// The same for everybody, so that a finding can be repeated.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn values<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let all = headers.get_all(name).iter();
    all.map(|value| value.as_bytes().trim_ascii())
}

/// Lines of `name: value`; what HTTP does not allow is left out, as a server does.
fn headers(bytes: &[u8]) -> HeaderMap {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(at);
        let value = value.get(1..)?.trim_ascii();
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        // More distinct names than a map can hold are refused before this.
        drop(headers.try_append(name, value));
    }
    headers
}

#[cfg(test)]
mod tests;
