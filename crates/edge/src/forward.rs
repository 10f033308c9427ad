//! Sends a request to the best region, and to another one when that is safe.
//!
//! Safe means: the region has certainly not begun, or doing it twice has the effect of doing it
//! once; and nothing of a streamed body is gone. Retries that may add load are bounded by a budget.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use link::{CallError, CallFailure, CallMeta, Sent};
use model::{NodeId, RegionName};
use serve::{Body, BodyError, Response};
use steer::region::Called;
use tracing::{Instrument as _, debug_span};

use crate::answer::Fault;
use crate::lent::Lender;
use crate::metrics::Retry;
use crate::paths::{Path, Paths};
use crate::shared::Shared;

/// Forwards the requests of one worker.
#[derive(Debug)]
pub(crate) struct Forwarder {
    core: Arc<Shared>,
    paths: Arc<Paths>,
}

/// A request on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    /// The client's head; hop-by-hop headers are gone.
    pub(crate) parts: &'a Parts,
    /// A condition of the cache's own.
    pub(crate) validator: Option<&'a (HeaderName, HeaderValue)>,
    pub(crate) request_id: &'a str,
    pub(crate) number: u64,
    pub(crate) client: std::net::SocketAddr,
    pub(crate) https: bool,
}

/// A region's answer.
pub(crate) struct Forwarded {
    pub(crate) response: Response,
    pub(crate) region: RegionName,
}

impl Forwarder {
    pub(crate) fn new(core: Arc<Shared>, paths: Arc<Paths>) -> Self {
        Self { core, paths }
    }

    /// Gets an answer. Dropping the future cancels the call at the region.
    pub(crate) async fn forward(
        &self,
        outgoing: Outgoing<'_>,
        body: Body,
    ) -> Result<Forwarded, Fault> {
        let core = &self.core;
        let lender = Lender::of(body);
        let begun_ms = core.clock.now_ms();
        let limit_ms = core.head_timeout_ms();
        core.steering.count_request(begun_ms);
        let mut tried: Vec<NodeId> = Vec::new();
        loop {
            let now_ms = core.clock.now_ms();
            let left_ms = limit_ms.saturating_sub(now_ms.saturating_sub(begun_ms));
            if left_ms == 0 {
                return Err(Fault::Timeout);
            }
            let Some(node) = self.next(outgoing.number, &tried, now_ms) else {
                core.metrics.retry(Retry::NoNode);
                return Err(Fault::NoRegion);
            };
            let (Some(path), Some(body)) = (self.paths.find(node), lender.lend()) else {
                // The plan has just changed, and this worker has not followed yet.
                tried.push(node);
                continue;
            };
            let request = outgoing.request(&core.via, body);
            let meta = outgoing.meta(left_ms, core.plan.load().revision().0);
            let span = debug_span!("forward", region = %path.region, attempt = tried.len());
            match path.peer.call(request, meta).instrument(span).await {
                Ok(response) => {
                    self.succeeded(&path, node);
                    return Ok(Forwarded {
                        response,
                        region: path.region.clone(),
                    });
                }
                Err(error) => {
                    self.failed(&path, node, error);
                    tried.push(node);
                    if let Some(fault) = lasting(error) {
                        return Err(fault);
                    }
                    let retry = self.retry(error, &outgoing.parts.method, &lender, tried.len());
                    core.metrics.retry(retry);
                    if retry != Retry::Made {
                        return Err(Fault::NoRegion);
                    }
                }
            }
        }
    }

    fn next(&self, number: u64, tried: &[NodeId], now_ms: u64) -> Option<NodeId> {
        let order = self.core.steering.order();
        order
            .choose(now_ms, number, tried)
            .map(|candidate| candidate.node)
    }

    fn succeeded(&self, path: &Path, node: NodeId) {
        let core = &self.core;
        core.metrics.forward(path.region.as_str(), "answered");
        if path.succeeded() {
            core.steering
                .called(node, Called::Answered, core.clock.now_ms());
        }
    }

    fn failed(&self, path: &Path, node: NodeId, error: CallError) {
        let core = &self.core;
        let region = path.region.as_str();
        core.metrics.forward(region, error.reason.as_str());
        tracing::debug!(region, %node, %error, sent = ?error.sent, "call to region failed");
        if let Some(called) = blame(error.reason) {
            path.failed();
            core.steering.called(node, called, core.clock.now_ms());
        }
    }

    fn retry(&self, error: CallError, method: &Method, lender: &Lender, tries: usize) -> Retry {
        let unsent = error.sent == Sent::No;
        if !lender.is_whole() || !(unsent || is_idempotent(method)) {
            return Retry::Unsafe;
        }
        if tries >= self.core.settings.tries_max {
            return Retry::Tries;
        }
        // What never reached a region has put no load on any.
        let weightless = unsent && error.reason != CallFailure::RefusedOverload;
        let now_ms = self.core.clock.now_ms();
        if weightless || self.core.steering.withdraw_retry(now_ms) {
            Retry::Made
        } else {
            Retry::Budget
        }
    }
}

impl Outgoing<'_> {
    fn request(&self, via: &HeaderValue, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        if let Some((name, value)) = self.validator {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        request.headers_mut().append(http::header::VIA, via.clone());
        request
    }

    fn meta(&self, left_ms: u64, revision: u64) -> CallMeta {
        CallMeta {
            request_id: self.request_id.to_owned(),
            client: self.client,
            scheme_https: self.https,
            deadline_ms: u32::try_from(left_ms).unwrap_or(u32::MAX),
            trace: None,
            region_hint: None,
            revision,
        }
    }
}

/// RFC 9110, section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// What a failure says about the node. Nothing when the client, the request, or too much load is
/// its cause: sending the others more for that would make it worse.
fn blame(reason: CallFailure) -> Option<Called> {
    match reason {
        CallFailure::Unreachable
        | CallFailure::HandshakeFailed
        | CallFailure::ConnectionLost
        | CallFailure::Reset
        | CallFailure::Deadline => Some(Called::Failed),
        CallFailure::RefusedDraining => Some(Called::Draining),
        CallFailure::RefusedOverload
        | CallFailure::RefusedUnknown
        | CallFailure::Malformed
        | CallFailure::TooLarge
        | CallFailure::RequestBody
        | CallFailure::Closed => None,
    }
}

/// The fault for a failure that no other region would be spared.
fn lasting(error: CallError) -> Option<Fault> {
    match (error.reason, error.sent) {
        (CallFailure::RequestBody, _) => {
            Some(Fault::Body(error.body.unwrap_or(BodyError::Aborted)))
        }
        (CallFailure::Deadline, _) => Some(Fault::Timeout),
        (CallFailure::TooLarge, Sent::No) => Some(Fault::HeadTooLarge),
        (CallFailure::TooLarge | CallFailure::Malformed, Sent::Maybe) => Some(Fault::BadAnswer),
        _ => None,
    }
}
