//! What a request allows the cache to do: not be asked at all, or be asked on certain terms.
//!
//! Pure: decided from the method, the query and the headers alone.

use http::header::{
    AUTHORIZATION, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, Method};

use super::control::CacheControl;
use super::entry::Entry;
use super::range::counts_bytes;
use crate::failure::METHOD_OVERRIDE;

/// Why a request is forwarded; the `fwd` parameter of RFC 9211 and the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fwd {
    /// Nothing is stored for the URI.
    UriMiss,
    /// Something is stored for the URI, but not for these request headers.
    VaryMiss,
    /// What is stored is no longer fresh.
    Stale,
    /// What is stored is fresh, but the request's own directives exclude it.
    Request,
    /// The cache was not to be used.
    Bypass(Bypass),
}

/// Why the cache is not used for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bypass {
    /// Neither GET nor HEAD.
    Method,
    /// A part is asked for, and not counted in bytes.
    Range,
    /// A precondition that only the origin can decide.
    Precondition,
    /// It has a body, which is not part of the key.
    Body,
    /// `Cache-Control: no-store` in the request.
    NoStore,
    /// It has `Authorization`, and what is stored does not say that it is for everybody.
    Authorization,
    /// A header names another method than the request's own.
    Override,
    /// The query carries a signature over more than the host: the request must arrive as it is.
    Signed,
}

impl Fwd {
    pub(crate) const ALL: [Self; 12] = [
        Self::UriMiss,
        Self::VaryMiss,
        Self::Stale,
        Self::Request,
        Self::Bypass(Bypass::Method),
        Self::Bypass(Bypass::Range),
        Self::Bypass(Bypass::Precondition),
        Self::Bypass(Bypass::Body),
        Self::Bypass(Bypass::NoStore),
        Self::Bypass(Bypass::Authorization),
        Self::Bypass(Bypass::Override),
        Self::Bypass(Bypass::Signed),
    ];

    /// The label in metrics and logs.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::UriMiss => "uri_miss",
            Self::VaryMiss => "vary_miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Bypass(Bypass::Method) => "bypass_method",
            Self::Bypass(Bypass::Range) => "bypass_range",
            Self::Bypass(Bypass::Precondition) => "bypass_precondition",
            Self::Bypass(Bypass::Body) => "bypass_body",
            Self::Bypass(Bypass::NoStore) => "bypass_no_store",
            Self::Bypass(Bypass::Authorization) => "bypass_authorization",
            Self::Bypass(Bypass::Override) => "bypass_override",
            Self::Bypass(Bypass::Signed) => "bypass_signed",
        }
    }

    /// The value of `fwd`, with a `detail` where that says more.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Bypass(Bypass::Method) => "method",
            Self::Bypass(Bypass::Range) => "bypass; detail=range",
            Self::Bypass(Bypass::Precondition) => "bypass; detail=precondition",
            Self::Bypass(Bypass::Body) => "bypass; detail=body",
            Self::Bypass(Bypass::NoStore) => "bypass; detail=request-no-store",
            Self::Bypass(Bypass::Authorization) => "bypass; detail=authorization",
            Self::Bypass(Bypass::Override) => "bypass; detail=method-override",
            Self::Bypass(Bypass::Signed) => "bypass; detail=signed",
        }
    }
}

/// On which terms a stored answer will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The method is HEAD: the answer has no body, and an answer to it is not stored.
    pub(crate) head: bool,
    /// It has `Authorization`.
    pub(crate) authorized: bool,
    /// `If-None-Match` or `If-Modified-Since` is there.
    pub(crate) conditional: bool,
    /// A GET for parts, counted in bytes.
    pub(crate) ranged: bool,
    /// The directives of the request.
    pub(crate) control: CacheControl,
}

impl Terms {
    /// Decides whether the cache may be asked for a request.
    pub(crate) fn of(
        method: &Method,
        query: Option<&str>,
        headers: &HeaderMap,
        has_body: bool,
    ) -> Result<Self, Bypass> {
        let head = method == Method::HEAD;
        if !head && method != Method::GET {
            return Err(Bypass::Method);
        }
        if has_body {
            return Err(Bypass::Body);
        }
        if query.is_some_and(signs_more_than_the_host) {
            return Err(Bypass::Signed);
        }
        if headers.contains_key(METHOD_OVERRIDE) {
            return Err(Bypass::Override);
        }
        // RFC 9110, section 14.2: a range of anything but GET means nothing.
        let ranged = !head && headers.contains_key(RANGE);
        if ranged && !counts_bytes(headers) {
            return Err(Bypass::Range);
        }
        if headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE) {
            return Err(Bypass::Precondition);
        }
        let control = CacheControl::of_request(headers);
        if control.no_store {
            return Err(Bypass::NoStore);
        }
        let conditional =
            headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE);
        let authorized = headers.contains_key(AUTHORIZATION);
        Ok(Self {
            head,
            authorized,
            conditional,
            ranged,
            control,
        })
    }

    /// Whether `entry` may answer the request at `now_ms` (RFC 9111, section 4).
    pub(crate) fn accept(&self, entry: &Entry, now_ms: u64) -> Result<(), Fwd> {
        // Stricter than section 3.5, which looks at the request that was answered first: what a
        // visitor without a name was shown is not silently shown to one who has signed in.
        if self.authorized && !entry.for_everybody {
            return Err(Fwd::Bypass(Bypass::Authorization));
        }
        if self.control.no_cache {
            return Err(Fwd::Request);
        }
        let age_ms = entry.age_ms(now_ms);
        let Some(left_ms) = entry
            .lifetime_ms
            .checked_sub(age_ms)
            .filter(|left| *left > 0)
        else {
            return Err(Fwd::Stale);
        };
        let too_old = self
            .control
            .max_age
            .is_some_and(|seconds| age_ms / 1_000 > seconds);
        let too_short = self
            .control
            .min_fresh
            .is_some_and(|seconds| left_ms / 1_000 < seconds);
        if too_old || too_short {
            Err(Fwd::Request)
        } else {
            Ok(())
        }
    }
}

/// Whether a query is that of a presigned request (Signature Version 4) whose signature covers more
/// than the host. What is fetched for everybody lacks conditions and ranges, and asks by GET; such
/// a signature would no longer fit.
fn signs_more_than_the_host(query: &str) -> bool {
    const SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
    let mut pairs = query.split('&').map(|pair| pair.split_once('='));
    pairs.any(|pair| pair.is_some_and(|(name, value)| name == SIGNED_HEADERS && value != "host"))
}
