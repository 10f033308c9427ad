//! Which bytes of an answer a request asks for (RFC 9110, section 14).
//!
//! Pure. Where a `Range` need not be obeyed (malformed, too many parts, an `If-Range` that does not
//! hold), the whole answer is the right one. Only bytes are counted; requests with other units
//! never get here.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE};

/// Most ranges that one request may ask for; beyond it the answer is sent whole.
pub(crate) const RANGES_MAX: usize = 32;
/// Ranges with a smaller gap are sent as one: the frame around a part takes about as much.
const GAP_BYTES: u64 = 80;
/// A `Last-Modified` is a strong validator if it is at least so much older than `Date`
/// (RFC 9110, section 8.8.2.2).
const STRONG_AGE: Duration = Duration::from_secs(1);
const UNIT: &[u8] = b"bytes=";

/// Bytes of an answer, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// What is to be sent of an answer of known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it, although a range was asked for.
    Whole(Ignored),
    /// One part.
    One(Span),
    /// At least two parts that are not next to each other.
    Many(Vec<Span>),
    /// Nothing that is asked for exists.
    Nothing,
}

/// Why a range is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ignored {
    /// It is malformed.
    Malformed,
    /// It has more than [`RANGES_MAX`] parts.
    TooMany,
    /// The client has parts of another answer (`If-Range`).
    Changed,
    /// There is not one byte, and only the last few are asked for.
    Empty,
}

/// One element of `Range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Between(u64, u64),
    Last(u64),
}

impl Span {
    pub(crate) const fn len(self) -> u64 {
        self.last - self.first + 1
    }

    const fn is_near(self, other: Self) -> bool {
        self.first <= other.last.saturating_add(GAP_BYTES)
            && other.first <= self.last.saturating_add(GAP_BYTES)
    }

    fn joined(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

/// Whether a request asks for parts that are counted in bytes.
pub(crate) fn counts_bytes(headers: &HeaderMap) -> bool {
    let unit = |value: &[u8]| {
        let begin = value.trim_ascii().get(..UNIT.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(UNIT))
    };
    let mut values = headers.get_all(RANGE).iter();
    values.all(|value| unit(value.as_bytes()))
}

/// What of a stored 200 of `length` bytes with the headers `stored` a request with `Range` wants.
pub(crate) fn wanted(request: &HeaderMap, stored: &HeaderMap, length: u64) -> Wanted {
    let elements = match elements(request, stored) {
        Ok(elements) => elements,
        Err(why) => return Wanted::Whole(why),
    };
    let mut spans: Vec<Span> = Vec::new();
    let mut tails = false;
    for element in elements {
        tails |= matches!(element, Element::Last(bytes) if bytes > 0);
        if let Some(span) = element.within(length) {
            add(&mut spans, span);
        }
    }
    match *spans {
        // "The last 5" of nothing can be had, but `Content-Range` cannot say so.
        [] if tails && length == 0 => Wanted::Whole(Ignored::Empty),
        [] => Wanted::Nothing,
        [only] => Wanted::One(only),
        _ => Wanted::Many(spans),
    }
}

/// Whether the ranges of a request are obeyed at all for an answer with the headers `stored`.
pub(crate) fn is_obeyed(request: &HeaderMap, stored: &HeaderMap) -> Result<(), Ignored> {
    elements(request, stored).map(|_| ())
}

fn elements(request: &HeaderMap, stored: &HeaderMap) -> Result<Vec<Element>, Ignored> {
    let mut values = request.get_all(RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Ignored::Malformed);
    };
    let elements = parse(value.as_bytes())?;
    if holds(request, stored) {
        Ok(elements)
    } else {
        Err(Ignored::Changed)
    }
}

fn parse(value: &[u8]) -> Result<Vec<Element>, Ignored> {
    let value = value.trim_ascii();
    let list = value.get(UNIT.len()..).ok_or(Ignored::Malformed)?;
    let mut elements = Vec::new();
    for text in list.split(|byte| *byte == b',') {
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if elements.len() == RANGES_MAX {
            return Err(Ignored::TooMany);
        }
        elements.push(Element::parse(text).ok_or(Ignored::Malformed)?);
    }
    if elements.is_empty() {
        return Err(Ignored::Malformed);
    }
    Ok(elements)
}

impl Element {
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (text.get(..dash)?, text.get(dash + 1..)?);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::Last(number(last)?)),
            (false, true) => Some(Self::Between(number(first)?, u64::MAX)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    fn within(self, length: u64) -> Option<Span> {
        let last = length.checked_sub(1)?;
        match self {
            Self::Between(first, _) if first > last => None,
            Self::Between(first, wanted) => Some(Span {
                first,
                last: wanted.min(last),
            }),
            Self::Last(0) => None,
            Self::Last(bytes) => Some(Span {
                first: length.saturating_sub(bytes),
                last,
            }),
        }
    }
}

/// Digits alone; what is too large for a number is as good as the largest one.
fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}

/// Adds a span in the order of the request; those that touch become one (section 15.3.7.2).
fn add(spans: &mut Vec<Span>, mut span: Span) {
    let mut at = spans.len();
    while let Some(near) = spans.iter().position(|other| other.is_near(span)) {
        span = span.joined(spans.remove(near));
        at = at.min(near);
    }
    spans.insert(at, span);
}

/// Whether `If-Range`, if there is one, names this answer (RFC 9110, section 13.1.5).
fn holds(request: &HeaderMap, stored: &HeaderMap) -> bool {
    let mut values = request.get_all(IF_RANGE).iter();
    let condition = match (values.next(), values.next()) {
        (None, _) => return true,
        (Some(only), None) => only.as_bytes().trim_ascii(),
        _ => return false,
    };
    if condition.starts_with(b"\"") || condition.starts_with(b"W/") {
        // Strong comparison: a weak tag on either side is not enough.
        let etag = stored.get(ETAG).map(|tag| tag.as_bytes().trim_ascii());
        return condition.starts_with(b"\"") && condition.len() > 1 && etag == Some(condition);
    }
    let date = |headers: &HeaderMap, name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        httpdate::parse_http_date(text.trim()).ok()
    };
    let asked = std::str::from_utf8(condition)
        .ok()
        .and_then(|text| httpdate::parse_http_date(text).ok());
    let (modified, sent) = (date(stored, LAST_MODIFIED), date(stored, DATE));
    let (Some(asked), Some(modified), Some(sent)) = (asked, modified, sent) else {
        return false;
    };
    let age = sent.duration_since(modified);
    asked == modified && age.is_ok_and(|age| age >= STRONG_AGE)
}
