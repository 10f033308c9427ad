//! Reads `Cache-Control` (RFC 9111, sections 5.2 and 4.2.1), `CDN-Cache-Control` (RFC 9213) and
//! `Pragma`.
//!
//! Where a field can be read in two ways, the one that caches less is taken. Unknown directives
//! mean nothing.

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

use super::structured::{Dictionary, Item, dictionary};

/// Seconds that stand for "forever" (RFC 9111, section 1.2.2).
const SECONDS_MAX: u64 = 1 << 31;

/// The directives of a request or a response that this cache knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) no_transform: bool,
    pub(crate) only_if_cached: bool,
    /// `private` or `no-cache` with field names; see [`withheld`].
    pub(crate) fields: bool,
    /// From `CDN-Cache-Control`: `Cache-Control` and `Expires` mean nothing (RFC 9213).
    pub(crate) targeted: bool,
    /// Seconds.
    pub(crate) max_age: Option<u64>,
    /// Seconds.
    pub(crate) s_maxage: Option<u64>,
    /// Seconds.
    pub(crate) min_fresh: Option<u64>,
    /// Seconds (RFC 5861, section 3).
    pub(crate) stale_while_revalidate: Option<u64>,
    /// Seconds (RFC 5861, section 4).
    pub(crate) stale_if_error: Option<u64>,
}

/// RFC 9213, section 3.
pub(crate) const TARGETED: HeaderName = HeaderName::from_static("cdn-cache-control");

impl CacheControl {
    /// The directives of a response.
    pub(crate) fn of_response(headers: &HeaderMap) -> Self {
        let Some(members) = targeted(headers) else {
            return Self::of_field(headers);
        };
        let mut control = Self {
            targeted: true,
            ..Self::default()
        };
        for (name, item) in &members {
            control.set_member(name, item);
        }
        control
    }

    /// `no-transform`, which concerns more than caches and so counts wherever it stands.
    pub(crate) fn forbids_transform(headers: &HeaderMap) -> bool {
        Self::of_response(headers).no_transform || Self::of_field(headers).no_transform
    }

    /// A directive as a structured field has it. A value of the wrong type is read as the one that
    /// caches least.
    fn set_member(&mut self, name: &[u8], item: &Item) {
        match item {
            Item::Boolean(false) => {}
            Item::Boolean(true) => self.set(name, None),
            Item::Integer(number) => self.set(name, Some(number.to_string().as_bytes())),
            Item::Text(text) | Item::Token(text) => self.set(name, Some(text)),
            Item::Other => self.set(name, None),
        }
    }

    fn of_field(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            control.read(value.as_bytes());
        }
        control
    }

    /// The directives of a request; `Pragma` counts only where there is no `Cache-Control`.
    pub(crate) fn of_request(headers: &HeaderMap) -> Self {
        let mut control = Self::of_field(headers);
        // Fields mean nothing in a request.
        control.no_cache |= control.fields;
        if !headers.contains_key(CACHE_CONTROL) {
            let pragma = headers.get_all(PRAGMA).iter();
            let mut directives = pragma.flat_map(|value| value.as_bytes().split(|b| *b == b','));
            control.no_cache =
                directives.any(|text| text.trim_ascii().eq_ignore_ascii_case(b"no-cache"));
        }
        control
    }

    fn read(&mut self, value: &[u8]) {
        let (directives, quoted) = split(value);
        for directive in directives {
            let mut parts = directive.splitn(2, |byte| *byte == b'=');
            let name = parts
                .next()
                .unwrap_or_default()
                .trim_ascii()
                .to_ascii_lowercase();
            self.set(&name, parts.next().map(unquoted));
        }
        // A quote that never ends may hide anything.
        self.no_store |= quoted;
    }

    fn set(&mut self, name: &[u8], argument: Option<&[u8]>) {
        match name {
            b"no-store" => self.no_store = true,
            // The forms with field names restrict only those (sections 5.2.2.4 and 5.2.2.7).
            b"no-cache" | b"private" if argument.is_some_and(|names| !names.is_empty()) => {
                self.fields = true;
            }
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"no-transform" => self.no_transform = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => lower(&mut self.max_age, seconds(argument)),
            b"s-maxage" => lower(&mut self.s_maxage, seconds(argument)),
            b"stale-while-revalidate" => {
                lower(&mut self.stale_while_revalidate, seconds(argument));
            }
            b"stale-if-error" => lower(&mut self.stale_if_error, seconds(argument)),
            b"min-fresh" => self.min_fresh = Some(seconds(argument)),
            _ => {}
        }
    }
}

/// Splits at commas outside quotes; whether a quote never ends.
fn split(value: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut quoted, mut escaped) = (false, false);
    let outer_comma = |byte: &u8| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            _ if was_escaped => false,
            b'\\' => {
                escaped = quoted;
                false
            }
            b'"' => {
                quoted = !quoted;
                false
            }
            b',' => !quoted,
            _ => false,
        }
    };
    let directives = value.split(outer_comma).collect();
    (directives, quoted)
}

/// Headers that a response does not want to see stored, or used unconfirmed, with the rest of it.
pub(crate) fn withheld(headers: &HeaderMap, control: CacheControl) -> Vec<HeaderName> {
    let mut names = Vec::new();
    if !control.fields {
        return names;
    }
    if control.targeted {
        for (name, item) in targeted(headers).unwrap_or_default() {
            if let (b"no-cache" | b"private", Item::Text(listed) | Item::Token(listed)) =
                (name.as_slice(), item)
            {
                names.extend(header_names(&listed));
            }
        }
        return names;
    }
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in split(value.as_bytes()).0 {
            let mut parts = directive.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default().trim_ascii();
            let named = [&b"no-cache"[..], b"private"];
            if !named.iter().any(|one| name.eq_ignore_ascii_case(one)) {
                continue;
            }
            let listed = parts.next().map(unquoted).unwrap_or_default();
            names.extend(header_names(listed));
        }
    }
    names
}

fn header_names(listed: &[u8]) -> impl Iterator<Item = HeaderName> {
    let listed = listed.split(|byte| *byte == b',');
    listed.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
}

/// The members of `CDN-Cache-Control`; none if it is not there, empty, or malformed, and then
/// `Cache-Control` counts (RFC 9213, section 2.1).
fn targeted(headers: &HeaderMap) -> Option<Dictionary> {
    let mut lines = headers.get_all(TARGETED).iter();
    let first = lines.next()?.as_bytes();
    let members = match lines.next() {
        None => dictionary(first),
        Some(second) => {
            let mut whole = [first, b", ", second.as_bytes()].concat();
            for line in lines {
                whole.extend_from_slice(b", ");
                whole.extend_from_slice(line.as_bytes());
            }
            dictionary(&whole)
        }
    };
    members.filter(|members| !members.is_empty())
}

/// Of a directive given twice, the one that caches less counts.
fn lower(slot: &mut Option<u64>, seconds: u64) {
    *slot = Some(slot.map_or(seconds, |before| before.min(seconds)));
}

fn unquoted(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    let inner = text
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    inner.unwrap_or(text)
}

/// `delta-seconds`; what is malformed counts as 0 (stale), what is too large as the maximum.
pub(crate) fn seconds(text: Option<&[u8]>) -> u64 {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return 0;
    };
    let digit = |sum: Option<u64>, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some((sum? * 10 + digit).min(SECONDS_MAX))
    };
    text.iter().fold(Some(0), digit).unwrap_or(0)
}
