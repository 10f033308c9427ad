//! What answers of edge-optimised REST APIs carry besides their own headers: the marks by which
//! clients, scripts and dashboards made for CloudFront tell a hit from a miss, and where it was.
//!
//! Regions say which answers want them (HTTP APIs have none, and a backend's own are passed on).
//! Amazon's edge does not cache for API Gateway and always says `Miss`; ours says what happened.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::answer::id_value;
use crate::cache::{Fwd, Use};
use crate::shared::Shared;

/// Set by regions, kept with stored answers, taken off before clients see it.
pub(crate) const WANTED: HeaderName = HeaderName::from_static("edgeway-edge-marks");

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const CF_POP: HeaderName = HeaderName::from_static("x-amz-cf-pop");
const CF_ID: HeaderName = HeaderName::from_static("x-amz-cf-id");

/// What `X-Cache` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Answered from what was stored.
    Hit,
    /// Answered from what was stored, confirmed or renewed at a region meanwhile.
    Refreshed,
    /// A region answered.
    Miss,
}

impl Lookup {
    pub(crate) const fn of_use(why: Use) -> Self {
        match why {
            Use::StaleWhile => Self::Refreshed,
            Use::Collapsed => Self::Miss,
            _ => Self::Hit,
        }
    }

    /// `stored` says that the region only confirmed what was stored.
    pub(crate) fn of_forward(fwd: Fwd, confirmed: bool) -> Self {
        if confirmed && fwd == Fwd::Stale {
            Self::Refreshed
        } else {
            Self::Miss
        }
    }

    const fn words(self, status: StatusCode) -> &'static str {
        if status.as_u16() >= 400 {
            return "Error from cloudfront";
        }
        match self {
            Self::Hit => "Hit from cloudfront",
            Self::Refreshed => "RefreshHit from cloudfront",
            Self::Miss => "Miss from cloudfront",
        }
    }
}

/// Puts the marks on an answer, in place of any that it has. `id` is the request's.
pub(crate) fn put(
    headers: &mut HeaderMap,
    (lookup, status): (Lookup, StatusCode),
    core: &Shared,
    id: &str,
) {
    headers.remove(WANTED);
    headers.insert(X_CACHE, HeaderValue::from_static(lookup.words(status)));
    headers.insert(CF_POP, core.pop_name.clone());
    headers.insert(CF_ID, id_value(id));
}
