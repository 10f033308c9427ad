//! What is written down about each request: one line in the access log, and metrics.

use std::time::Duration;

use serve::{Conn, Response};

use crate::answer::Fault;
use crate::cache::{Fwd, Use};
use crate::metrics::Metrics;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// From the cache.
    Used(Use),
    /// By a region.
    Forwarded(Fwd),
    /// By the POP itself.
    Refused(Fault),
}

impl Verdict {
    const fn label(self) -> &'static str {
        match self {
            Self::Used(why) => why.label(),
            Self::Forwarded(fwd) => fwd.label(),
            Self::Refused(fault) => fault.as_str(),
        }
    }
}

/// Facts of a request that its answer does not hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) method: &'a http::Method,
    pub(crate) host: &'a str,
    /// Without the query, which may hold secrets.
    pub(crate) path: &'a str,
    pub(crate) region: &'a str,
    /// Whether a second call was made because the first was late, and which one answered.
    pub(crate) hedge: &'static str,
    pub(crate) took: Duration,
}

/// Writes one request down.
pub(crate) fn record(
    metrics: &Metrics,
    conn: &Conn,
    line: Line<'_>,
    verdict: Verdict,
    response: &Response,
) {
    metrics.request(verdict, response.status(), line.took);
    tracing::info!(
        target: "access",
        request_id = line.request_id,
        client = %conn.peer,
        listener = &*conn.listener,
        method = line.method.as_str(),
        host = line.host,
        path = line.path,
        status = response.status().as_u16(),
        verdict = verdict.label(),
        region = line.region,
        hedge = line.hedge,
        us = u64::try_from(line.took.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
}
