//! Whether an answer may be stored, for how long, and if not, why not (RFC 9111, sections 3, 4.2).
//!
//! Pure. Freshness is never guessed: an answer without explicit freshness is not stored.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{AGE, CONTENT_LENGTH, DATE, EXPIRES, HeaderName, SET_COOKIE, VARY};
use http::{HeaderMap, StatusCode};

use super::control::{CacheControl, seconds, withheld};

/// Most header names in `Vary`; an answer with more is not stored.
const VARY_NAMES_MAX: usize = 8;

/// Put on by a region (its `finish` phase) where keys, policies or authorizers let one request
/// pass and perhaps not the next. It never leaves a POP.
pub(crate) const SINGLE_USE: HeaderName = HeaderName::from_static("edgeway-single-use");

/// How an answer may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// How long it is fresh, from the origin's point of view.
    pub(crate) lifetime_ms: u64,
    /// How old it was on arrival.
    pub(crate) age_ms: u64,
    /// It may be used after its lifetime when nothing better can be had.
    pub(crate) stale_allowed: bool,
    /// How long after that it may be used while a newer one is fetched, in milliseconds.
    pub(crate) stale_while_ms: u64,
    /// How long after that it may be used when a region fails, if it says so, in milliseconds.
    pub(crate) stale_error_ms: Option<u64>,
    /// Headers to be left out.
    pub(crate) withheld: Vec<HeaderName>,
    /// It says that it may answer requests with `Authorization`.
    pub(crate) for_everybody: bool,
    /// Request headers it depends on, sorted.
    pub(crate) vary: Vec<HeaderName>,
}

/// Why an answer is not stored; the metric's label and the `detail` of `Cache-Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NoStore {
    /// The status is not one that is stored.
    Status,
    /// It is a part; only whole answers are stored.
    Partial,
    /// `no-store`.
    Forbidden,
    /// A region says that it is for one request alone, whatever its origin says.
    SingleUse,
    /// `private`.
    Private,
    /// `no-cache`.
    NoCache,
    /// The request had `Authorization`, and the answer does not say that it is for everybody.
    Authorization,
    /// It sets a cookie.
    SetCookie,
    /// `Vary: *`, or a malformed or very long one.
    Vary,
    /// It does not say how long it is fresh.
    NoFreshness,
    /// It was not fresh on arrival.
    Expired,
    /// It is larger than one object may be.
    TooLarge,
    /// It ended early.
    Truncated,
    /// It failed in the middle, or has trailers.
    Broken,
    /// The client went away in the middle.
    Aborted,
    /// An unsafe request has changed it since it was asked for.
    Changed,
}

impl NoStore {
    pub(crate) const ALL: [Self; 16] = [
        Self::Status,
        Self::Partial,
        Self::Forbidden,
        Self::SingleUse,
        Self::Private,
        Self::NoCache,
        Self::Authorization,
        Self::SetCookie,
        Self::Vary,
        Self::NoFreshness,
        Self::Expired,
        Self::TooLarge,
        Self::Truncated,
        Self::Broken,
        Self::Aborted,
        Self::Changed,
    ];

    /// Whether the origin says so itself, for this request and others like it.
    pub(crate) const fn is_explicit(self) -> bool {
        matches!(
            self,
            Self::Forbidden | Self::SingleUse | Self::Private | Self::NoCache | Self::SetCookie
        )
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Partial => "partial",
            Self::Forbidden => "no-store",
            Self::SingleUse => "single-use",
            Self::Private => "private",
            Self::NoCache => "no-cache",
            Self::Authorization => "authorization",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::NoFreshness => "no-freshness",
            Self::Expired => "expired",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::Broken => "broken",
            Self::Aborted => "aborted",
            Self::Changed => "changed",
        }
    }
}

/// When and to whom an answer came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Wall clock when its head arrived.
    pub(crate) at: SystemTime,
    /// From the request to the head, in milliseconds.
    pub(crate) delay_ms: u64,
    /// The request had `Authorization`.
    pub(crate) authorized: bool,
}

/// Decides about an answer to GET.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    arrival: Arrival,
    object_bytes_max: usize,
) -> Result<Freshness, NoStore> {
    if headers.contains_key(SINGLE_USE) {
        return Err(NoStore::SingleUse);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        return Err(NoStore::Partial);
    }
    if !is_storable(status) {
        return Err(NoStore::Status);
    }
    let control = CacheControl::of_response(headers);
    let withheld = withheld(headers, control);
    let cookie = headers.contains_key(SET_COOKIE) && !withheld.contains(&SET_COOKIE);
    allowed(control, cookie, arrival.authorized)?;
    let vary = vary_names(headers)?;
    let date = date(headers, DATE);
    // Without a date it counts as sent when it came, in whole seconds as it would have said.
    let sent = date.unwrap_or_else(|| {
        let since = arrival.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(since.as_secs())
    });
    let lifetime_s = lifetime_s(control, headers, sent)?;
    let lifetime_ms = lifetime_s.saturating_mul(1_000);
    let age_ms = age_ms(headers, date, arrival);
    if lifetime_ms <= age_ms {
        return Err(NoStore::Expired);
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .map(|value| seconds(Some(value.as_bytes())));
    if announced.is_some_and(|bytes| bytes > object_bytes_max as u64) {
        return Err(NoStore::TooLarge);
    }
    // Section 4.2.4. That `s-maxage` implies `proxy-revalidate` (section 5.2.2.10) gives way to
    // directives that allow stale answers by name.
    let stale_forbidden = control.must_revalidate || control.proxy_revalidate;
    let millis = |seconds: u64| seconds.saturating_mul(1_000);
    let allowed = |seconds: Option<u64>| seconds.map(millis).filter(|_| !stale_forbidden);
    Ok(Freshness {
        lifetime_ms,
        age_ms,
        stale_allowed: !stale_forbidden && control.s_maxage.is_none(),
        stale_while_ms: allowed(control.stale_while_revalidate).unwrap_or(0),
        stale_error_ms: allowed(control.stale_if_error),
        withheld,
        for_everybody: is_for_everybody(control),
        vary,
    })
}

/// Statuses whose meaning does not depend on the single request.
fn is_storable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 302 | 307 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Section 3.5.
fn is_for_everybody(control: CacheControl) -> bool {
    control.public || control.must_revalidate || control.s_maxage.is_some()
}

fn allowed(control: CacheControl, cookie: bool, authorized: bool) -> Result<(), NoStore> {
    if control.no_store {
        return Err(NoStore::Forbidden);
    }
    if control.private {
        return Err(NoStore::Private);
    }
    if control.no_cache {
        return Err(NoStore::NoCache);
    }
    if authorized && !is_for_everybody(control) {
        return Err(NoStore::Authorization);
    }
    // Section 7.3: allowed, but hardly ever what the origin means for everybody.
    if cookie {
        Err(NoStore::SetCookie)
    } else {
        Ok(())
    }
}

fn vary_names(headers: &HeaderMap) -> Result<Vec<HeaderName>, NoStore> {
    let mut names = Vec::new();
    for value in headers.get_all(VARY) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            let name = name.trim_ascii();
            if name.is_empty() {
                continue;
            }
            // `*` is a token, but not one that a header can have as its name in practice.
            if name == b"*" || names.len() == VARY_NAMES_MAX {
                return Err(NoStore::Vary);
            }
            names.push(HeaderName::from_bytes(name).map_err(|_| NoStore::Vary)?);
        }
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Ok(names)
}

/// Section 4.2.1.
fn lifetime_s(
    control: CacheControl,
    headers: &HeaderMap,
    date: SystemTime,
) -> Result<u64, NoStore> {
    if let Some(explicit) = control.s_maxage.or(control.max_age) {
        return Ok(explicit);
    }
    if control.targeted || !headers.contains_key(EXPIRES) {
        return Err(NoStore::NoFreshness);
    }
    // A malformed date, such as 0, lies in the past (section 5.3).
    let expires = self::date(headers, EXPIRES).ok_or(NoStore::Expired)?;
    Ok(expires.duration_since(date).unwrap_or_default().as_secs())
}

/// Section 4.2.3.
fn age_ms(headers: &HeaderMap, date: Option<SystemTime>, arrival: Arrival) -> u64 {
    let apparent = date.and_then(|date| arrival.at.duration_since(date).ok());
    // A date has whole seconds: what its rounding and the delay explain is no age.
    let explained_ms = arrival.delay_ms.saturating_add(999);
    let apparent_ms = apparent.map_or(0, millis);
    let apparent_ms = if apparent_ms > explained_ms {
        apparent_ms
    } else {
        0
    };
    let stated_s = headers
        .get(AGE)
        .map_or(0, |value| seconds(Some(value.as_bytes())));
    let corrected_ms = stated_s
        .saturating_mul(1_000)
        .saturating_add(arrival.delay_ms);
    apparent_ms.max(corrected_ms)
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let text = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
