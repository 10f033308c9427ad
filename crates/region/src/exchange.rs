//! One request on its way through the pipeline: what came, where it leads, what was learnt.
//!
//! Phases read and alter this and nothing else. It borrows the plan and the request's URI, which
//! stay the same from the first phase to the last byte.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Uri, header::HOST};
use plan::region::{Entrance, Found, RegionPlan, RoutePlan};
use serve::{Body, Request};

use crate::{forwarded::By, limits::Limits, private::Whose};

/// How a request came to the region; fixed before the pipeline begins.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// By which door.
    pub(crate) entrance: Entrance,
    /// The private endpoint it came by; there at `Entrance::Private` alone.
    pub(crate) endpoint: Option<Arc<str>>,
    /// The client as this cluster saw it, never as a header says.
    pub(crate) client: SocketAddr,
    /// Where the client reached us.
    pub(crate) by: By,
    /// Whether the client used TLS.
    pub(crate) https: bool,
    /// The id under which every node logs the request.
    pub(crate) request_id: String,
    /// Time until the caller stops waiting for the head, if it said so.
    pub(crate) deadline: Option<Duration>,
}

/// A request on its way through the pipeline.
pub(crate) struct Exchange<'a> {
    pub(crate) plan: &'a RegionPlan,
    pub(crate) facts: &'a Facts,
    /// Rates and quotas at this node.
    pub(crate) limits: &'a Limits,
    /// Where clients are; set by whoever knows.
    pub(crate) viewers: Option<&'a dyn crate::rest::Viewers>,
    /// As the client sent it.
    pub(crate) uri: &'a Uri,
    /// As the client sent it.
    pub(crate) method: Method,
    /// The client's `Host`.
    pub(crate) host: Option<HeaderValue>,
    /// The client's, until the integration takes them.
    pub(crate) headers: HeaderMap,
    /// The client's, until the integration takes it.
    pub(crate) body: Body,
    /// Set by `route`.
    pub(crate) found: Option<Found<'a, 'a>>,
    /// Set by `route`.
    pub(crate) route: Option<&'a Arc<RoutePlan>>,
    /// The client's `Origin`; set by `cors` when the stage has rules.
    pub(crate) origin: Option<HeaderValue>,
    /// Set by `cors` when it has answered.
    pub(crate) is_preflight: bool,
    /// Time the backend took; set by `integrate`.
    pub(crate) upstream_time: Option<Duration>,
    /// What the phases of a REST API leave for the record.
    pub(crate) rest: Option<crate::rest::Note>,
}

impl Facts {
    /// For connectors, which log it.
    pub(crate) fn whose(&self) -> Whose {
        Whose {
            request_id: self.request_id.clone(),
            client: self.client,
            https: self.https,
        }
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        plan: &'a RegionPlan,
        (facts, limits): (&'a Facts, &'a Limits),
        uri: &'a Uri,
        request: Request,
    ) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            plan,
            facts,
            limits,
            viewers: None,
            uri,
            method: parts.method,
            host: parts.headers.get(HOST).cloned(),
            headers: parts.headers,
            body,
            found: None,
            route: None,
            origin: None,
            is_preflight: false,
            upstream_time: None,
            rest: None,
        }
    }

    /// Time the backend took.
    pub(crate) fn upstream_time(&self) -> Option<Duration> {
        let rest = self.rest.as_ref().and_then(|rest| rest.integration.time);
        self.upstream_time.or(rest)
    }

    /// The client's `Host` as text; empty when there is none.
    pub(crate) fn host(&self) -> &str {
        self.host
            .as_ref()
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default()
    }
}
