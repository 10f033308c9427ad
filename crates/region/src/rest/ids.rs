//! The names of a request: a UUID that clients may choose, and a trace id that goes on from the
//! client's (X-Ray's header format). The third, the extended id, is the one of all requests.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName};

/// What clients and logs call the request; also a request header.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The extended id.
pub(crate) const EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
/// The trace, in both directions.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Longest `Root` that is taken over.
const ROOT_BYTES: usize = 35;

/// The names of a request.
#[derive(Debug)]
pub(crate) struct Ids {
    /// A UUID.
    pub(crate) request: String,
    /// `1-SECONDS-RANDOM`.
    pub(crate) trace_root: String,
    /// The client's request id was no UUID.
    pub(crate) replaced: bool,
}

impl Ids {
    /// Those that the client chose where it may, else new ones. `now_ms` is the wall clock.
    pub(crate) fn of(headers: &HeaderMap, now_ms: u64) -> Self {
        let chosen = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let valid = chosen.filter(|id| is_uuid(id));
        let root = headers
            .get(TRACE_ID)
            .and_then(|text| root(text.to_str().ok()?));
        Self {
            replaced: headers.contains_key(REQUEST_ID) && valid.is_none(),
            request: valid.map_or_else(|| uuid(rand::random()), str::to_owned),
            trace_root: root.map_or_else(
                || {
                    format!(
                        "1-{:08x}-{:024x}",
                        now_ms / 1000,
                        rand::random::<u128>() >> 32
                    )
                },
                str::to_owned,
            ),
        }
    }

    /// The trace header towards backends.
    pub(crate) fn trace(&self) -> String {
        format!("Root={}", self.trace_root)
    }

    /// The trace header of an answer: it names a segment, which nobody has recorded.
    pub(crate) fn answered_trace(&self) -> String {
        let parent: u64 = rand::random();
        format!("Root={};Parent={parent:016x};Sampled=0", self.trace_root)
    }
}

/// The `Root` of a trace header, if it is one.
fn root(text: &str) -> Option<&str> {
    let named = |part: &'_ str| part.trim().starts_with("Root=");
    let part = text.split(';').find(|part| named(part))?;
    let root = part.trim().strip_prefix("Root=")?;
    let mut parts = root.split('-');
    let hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let fits = root.len() == ROOT_BYTES
        && parts.next() == Some("1")
        && hex(parts.next(), 8)
        && hex(parts.next(), 24)
        && parts.next().is_none();
    fits.then_some(root)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Random bits as a UUID of version 4.
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = text.write_char(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::{Ids, REQUEST_ID, TRACE_ID, is_uuid, uuid};

    fn ids(request: Option<&'static str>, trace: Option<&'static str>) -> Ids {
        let mut headers = HeaderMap::new();
        if let Some(value) = request {
            headers.insert(REQUEST_ID, HeaderValue::from_static(value));
        }
        if let Some(value) = trace {
            headers.insert(TRACE_ID, HeaderValue::from_static(value));
        }
        Ids::of(&headers, 1_700_000_000_123)
    }

    #[test]
    fn clients_choose_only_uuids() {
        let own = "0F8FAD5B-d9cb-469f-a165-70867728950e";
        let chosen = ids(Some(own), None);
        assert_eq!((chosen.request.as_str(), chosen.replaced), (own, false));
        let chosen = ids(Some("me"), None);
        assert!(is_uuid(&chosen.request) && chosen.replaced);
        assert!(!ids(None, None).replaced);
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn traces_go_on() {
        let root = "1-67891233-abcdef012345678912345678";
        let long = "Parent=1;Root=1-67891233-abcdef012345678912345678;Sampled=1";
        assert_eq!(ids(None, Some(long)).trace_root, root);
        for bad in [
            "Root=1-67891233",
            "Root=2-67891233-abcdef012345678912345678",
            "x",
        ] {
            let own = ids(None, Some(bad)).trace_root;
            assert!(own.starts_with("1-6553f100-") && own.len() == 35, "{own}");
        }
    }
}
