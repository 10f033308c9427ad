//! Why a change is made, in the words of whoever makes it: read from a request, for the audit
//! trail.
//!
//! Nothing depends on what it says. It is bounded, and cannot pretend to be something else in a log
//! or on a terminal; what does not fit is refused, since a caller who gives a reason counts on it.

use http::request::Parts;

use crate::{limits::REASON_BYTES_MAX, refusal::Refusal};

/// The header or query parameter that says it.
const REASON: &str = "x-edgeway-reason";

/// The reason that the request gives, if it does.
pub(crate) fn read(parts: &Parts, query: &[(String, String)]) -> Result<Option<String>, Refusal> {
    let asked = query.iter().find(|(name, _)| name == REASON);
    let asked = asked.map(|(_, value)| value.as_bytes());
    let header = || parts.headers.get(REASON).map(http::HeaderValue::as_bytes);
    let Some(given) = asked.or_else(header).map(<[u8]>::trim_ascii) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(given).unwrap_or_default();
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if text.is_empty() || text.len() > REASON_BYTES_MAX || !printable {
        return Err(Refusal::bad(format!(
            "{REASON} must be 1 to {REASON_BYTES_MAX} printable ASCII characters"
        )));
    }
    Ok(Some(text.to_owned()))
}
