//! Makes answers from stored ones, and says in each what the cache did (RFC 9211).

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, AGE, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serve::{Body, Response};

use super::ask::{Fwd, Terms};
use super::coding::{Coding, add_vary, code_headers};
use super::conditional::{belongs_on_not_modified, is_not_modified, is_updated};
use super::entry::Entry;
use super::part::{Cut, cut_stored};
use super::verdict::NoStore;

/// RFC 9211.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a stored answer is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    /// It is fresh.
    Hit,
    /// It is fresh, and so is the client's own copy.
    NotModified,
    /// Another request for the same fetched it just now.
    Collapsed,
    /// It is not fresh, but no region can be reached.
    Stale,
    /// It is not fresh, and a newer one is being fetched (RFC 5861, section 3).
    StaleWhile,
    /// It is not fresh, but the region failed (RFC 5861, section 4).
    StaleError,
    /// As before: the region has not answered soon enough, and goes on.
    StaleSlow,
    /// It is fresh, and parts of it were asked for.
    Cut(Cut),
    /// It is fresh, and sent with a content coding made here.
    Coded(Coding),
}

impl Use {
    pub(crate) const ALL: [Self; 16] = [
        Self::Hit,
        Self::NotModified,
        Self::Collapsed,
        Self::Stale,
        Self::StaleWhile,
        Self::StaleError,
        Self::StaleSlow,
        Self::Cut(Cut::ALL[0]),
        Self::Cut(Cut::ALL[1]),
        Self::Cut(Cut::ALL[2]),
        Self::Cut(Cut::ALL[3]),
        Self::Cut(Cut::ALL[4]),
        Self::Cut(Cut::ALL[5]),
        Self::Cut(Cut::ALL[6]),
        Self::Coded(Coding::Brotli),
        Self::Coded(Coding::Gzip),
    ];

    /// The label in metrics and logs.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::NotModified => "hit_not_modified",
            Self::Collapsed => "collapsed",
            Self::Stale => "hit_stale",
            Self::StaleWhile => "hit_stale_revalidating",
            Self::StaleError => "hit_stale_error",
            Self::StaleSlow => "hit_stale_slow",
            Self::Cut(cut) => cut.label(),
            Self::Coded(Coding::Brotli) => "hit_br",
            Self::Coded(Coding::Gzip) => "hit_gzip",
        }
    }
}

/// Writes `Cache-Status` values for one POP.
#[derive(Clone, Debug)]
pub(crate) struct StatusLine {
    name: Box<str>,
}

impl StatusLine {
    /// For the POP `pop`, whose name consists of letters, digits and dashes.
    pub(crate) fn new(pop: &str) -> Self {
        Self {
            name: format!("edgeway-{pop}").into(),
        }
    }

    fn used(&self, entry: &Entry, why: Use, fwd: Option<Fwd>, now_ms: u64) -> HeaderValue {
        let (name, ttl_s) = (&self.name, entry.ttl_s(now_ms));
        match why {
            Use::Hit | Use::NotModified => value(format!("{name}; hit; ttl={ttl_s}")),
            Use::Stale => value(format!("{name}; hit; ttl={ttl_s}; detail=no-region")),
            Use::StaleWhile => value(format!("{name}; hit; ttl={ttl_s}; detail=revalidating")),
            Use::StaleError => value(format!("{name}; hit; ttl={ttl_s}; detail=region-error")),
            Use::StaleSlow => value(format!("{name}; hit; ttl={ttl_s}; detail=soft-timeout")),
            Use::Cut(cut) => {
                let cut = cut.as_str();
                value(format!("{name}; hit; ttl={ttl_s}; detail={cut}"))
            }
            Use::Coded(coding) => {
                let coding = coding.as_str();
                value(format!("{name}; hit; ttl={ttl_s}; detail={coding}"))
            }
            Use::Collapsed => {
                let fwd = fwd.unwrap_or(Fwd::UriMiss).parameter();
                value(format!("{name}; fwd={fwd}; collapsed; ttl={ttl_s}"))
            }
        }
    }

    /// For an answer that came from a region.
    pub(crate) fn forwarded(
        &self,
        fwd: Fwd,
        status: StatusCode,
        kept: Option<Result<(), NoStore>>,
    ) -> HeaderValue {
        let (name, fwd, status) = (&self.name, fwd.parameter(), status.as_u16());
        match kept {
            Some(Ok(())) => value(format!("{name}; fwd={fwd}; fwd-status={status}; stored")),
            Some(Err(why)) => {
                let why = why.as_str();
                value(format!(
                    "{name}; fwd={fwd}; fwd-status={status}; detail={why}"
                ))
            }
            None => value(format!("{name}; fwd={fwd}; fwd-status={status}")),
        }
    }
}

/// An answer from a stored one. The caller adds what belongs to the single answer.
pub(crate) fn from_entry(
    entry: &Entry,
    (mut why, fwd): (Use, Option<Fwd>),
    (terms, request): (&Terms, &HeaderMap),
    coded: Option<(Coding, Bytes)>,
    line: &StatusLine,
    now_ms: u64,
) -> (Response, Use) {
    let unchanged = terms.conditional
        && entry.status == StatusCode::OK
        && is_not_modified(request, &entry.headers);
    if unchanged && why == Use::Hit {
        why = Use::NotModified;
    }
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    *headers = entry.headers.clone();
    if entry.codable.is_some() {
        if let Some((coding, body)) = &coded {
            code_headers(headers, *coding, body.len());
        }
        add_vary(headers);
    }
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        let drop: Vec<HeaderName> = response
            .headers()
            .keys()
            .filter(|name| !belongs_on_not_modified(name))
            .cloned()
            .collect();
        for name in drop {
            response.headers_mut().remove(name);
        }
    } else {
        *response.status_mut() = entry.status;
        if let Some((coding, body)) = coded {
            if why == Use::Hit {
                why = Use::Coded(coding);
            }
            if !terms.head {
                *response.body_mut() = Body::full(body);
            }
        } else if terms.ranged && entry.status == StatusCode::OK {
            let cut = cut_stored(&mut response, request, &entry.body);
            if why == Use::Hit {
                why = Use::Cut(cut);
            }
        } else if !terms.head {
            *response.body_mut() = entry.body.to_body();
        }
    }
    let headers = response.headers_mut();
    headers.insert(AGE, HeaderValue::from(entry.age_ms(now_ms) / 1_000));
    headers.append(CACHE_STATUS, line.used(entry, why, fwd, now_ms));
    (response, why)
}

/// The stored answer as a region's 304 confirms it: its headers brought up to date, so that it is
/// judged and stored like a new one (RFC 9111, section 4.3.4).
pub(crate) fn refreshed(old: &Entry, confirmed: &HeaderMap) -> Response {
    let mut response = Response::new(old.body.to_body());
    *response.status_mut() = old.status;
    let mut headers = old.headers.clone();
    for name in confirmed.keys().filter(|name| is_updated(name)) {
        headers.remove(name);
        for value in confirmed.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    *response.headers_mut() = headers;
    response
}

/// The headers to store: what the answer says, without what belongs to it alone, and with the
/// date on which it came if it says none (RFC 9110, section 6.6.1).
pub(crate) fn stored_headers(
    status: StatusCode,
    headers: &HeaderMap,
    single: &[HeaderName],
    arrived: SystemTime,
) -> HeaderMap {
    let mut stored = headers.clone();
    stored.remove(AGE);
    for name in single {
        stored.remove(name);
    }
    stored
        .entry(DATE)
        .or_insert_with(|| value(httpdate::fmt_http_date(arrived)));
    // Of what is stored, parts can be had, whatever the origin does.
    if status == StatusCode::OK {
        let bytes = HeaderValue::from_static("bytes");
        stored.entry(ACCEPT_RANGES).or_insert(bytes);
    }
    stored
}

/// States the length of the body, so that HEAD is answered with it too.
pub(crate) fn set_length(entry: &mut Entry) {
    // RFC 9110, section 8.6: never with a 204.
    if entry.status != StatusCode::NO_CONTENT {
        entry
            .headers
            .insert(CONTENT_LENGTH, HeaderValue::from(entry.body.len()));
    }
}

fn value(text: String) -> HeaderValue {
    let text = Bytes::from(text);
    HeaderValue::from_maybe_shared(text).unwrap_or_else(|_| HeaderValue::from_static("edgeway"))
}
