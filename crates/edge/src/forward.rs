//! Sends a request to the best region, and to another one when that is safe.
//!
//! Safe means: the region has certainly not begun, or doing it twice has the effect of doing it
//! once; and nothing of a streamed body is gone. Retries that may add load are bounded by a budget.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request};
use link::{CallError, CallFailure, CallMeta, Sent};
use model::{NodeId, RegionName};
use serve::{Body, Lender, Response};
use steer::region::{Called, Order};
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span};

use crate::answer::Fault;
use crate::clock::Clock;
use crate::failure::{blame, is_idempotent, lasting, repeated, unconnected};
use crate::hedge::{Outcome, may_hedge};
use crate::lane::{Ended, Ride};
use crate::metrics::{Hedge, Retry};
use crate::paths::{Path, Paths};
use crate::relaying::Relay;
use crate::shared::Shared;

/// How often one request waits for connections to come back.
const WAITS_MAX: u32 = 3;

/// Forwards the requests of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    pub(crate) core: Arc<Shared>,
    pub(crate) paths: Arc<Paths>,
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
    /// Another POP asked: the call goes to this region, and straight.
    pub(crate) relayed_to: Option<&'a RegionName>,
}

/// A region's answer.
pub(crate) struct Forwarded {
    pub(crate) response: Response,
    pub(crate) region: RegionName,
    /// Whether a second call was made.
    pub(crate) hedge: Option<Hedge>,
}

/// A connection, and room for a call on it.
pub(crate) struct Place {
    pub(crate) path: Arc<Path>,
    pub(crate) ride: Ride,
    /// The call goes by way of another POP.
    pub(crate) via: Option<Relay>,
}

/// A request on its way, over all rounds.
struct Journey {
    lender: Lender,
    begun_ms: u64,
    /// How often it waited for a connection to come back.
    waited: u32,
}

/// Why a round of tries came to nothing.
struct Failed {
    fault: Fault,
    /// Another try is safe, and may succeed once a connection is back.
    cut_off: bool,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            cut_off: false,
        }
    }
}

/// A call whose end is noted, however it ends.
struct Watched<'a> {
    ride: Ride,
    clock: &'a Clock,
    ended: Ended,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.ride.end(self.ended, self.clock);
    }
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
        let begun_ms = core.clock.now_ms();
        core.steering.count_request(begun_ms);
        let mut journey = Journey {
            lender: Lender::of(body),
            begun_ms,
            waited: 0,
        };
        loop {
            let failed = match self.round(outgoing, &journey).await {
                Ok(forwarded) => return Ok(forwarded),
                Err(failed) => failed,
            };
            let waits = failed.cut_off && outgoing.relayed_to.is_none();
            if !waits || journey.waited >= WAITS_MAX {
                return Err(failed.fault);
            }
            // Every connection has just gone, or went as soon as it was tried.
            let deadline = Instant::now() + Duration::from_millis(self.left_ms(&journey));
            if !self.paths.back(deadline).await {
                return Err(failed.fault);
            }
            journey.waited += 1;
            core.metrics.retry(Retry::Waited);
        }
    }

    fn left_ms(&self, journey: &Journey) -> u64 {
        let taken_ms = self.core.clock.now_ms().saturating_sub(journey.begun_ms);
        self.core.head_timeout_ms().saturating_sub(taken_ms)
    }

    /// Tries nodes until one answers, or there is no sense in trying another one.
    async fn round(&self, outgoing: Outgoing<'_>, journey: &Journey) -> Result<Forwarded, Failed> {
        let (core, lender) = (&self.core, &journey.lender);
        let hedges = may_hedge(repeated(outgoing.parts), lender);
        // Nodes that this request is not to be sent to any more.
        let mut passed = self.elsewhere(outgoing);
        let mut refused = None;
        for tries in 1.. {
            let left_ms = self.left_ms(journey);
            if left_ms == 0 {
                return Err(Fault::Timeout.into());
            }
            let place = match self.find(outgoing, &mut passed, core.clock.now_ms()) {
                Ok(place) => place,
                Err(fault) => {
                    core.metrics.retry(Retry::NoNode);
                    let cut_off = tries > 1 && refused.is_none() && fault == Fault::NoRegion;
                    let fault = refused.unwrap_or(fault);
                    return Err(Failed { fault, cut_off });
                }
            };
            let Some(body) = lender.lend() else {
                return Err(Fault::NoRegion.into());
            };
            let tried = self.attempt(outgoing, (body, hedges), place, left_ms, &mut passed);
            let Outcome {
                result,
                path,
                hedge,
                relayed,
            } = tried.await;
            let error = match result {
                Ok(response) => {
                    return Ok(Forwarded {
                        response,
                        region: path.region.clone(),
                        hedge,
                    });
                }
                Err(error) => error,
            };
            // By way of another POP it has not been tried itself.
            if !relayed {
                passed.push(path.node.id);
            }
            if let Some(fault) = lasting(error) {
                return Err(fault.into());
            }
            let overloaded = error.reason == CallFailure::RefusedOverload;
            refused = overloaded.then_some(Fault::Overloaded);
            let retry = self.retry(error, repeated(outgoing.parts), lender, tries);
            core.metrics.retry(retry);
            if retry != Retry::Made {
                // Tried often enough for now: there was no connection that held.
                let cut_off = retry == Retry::Tries && unconnected(error);
                let fault = refused.unwrap_or(Fault::NoRegion);
                return Err(Failed { fault, cut_off });
            }
        }
        Err(Fault::NoRegion.into())
    }

    /// Makes one try, with a second call beside it where that may help.
    async fn attempt(
        &self,
        outgoing: Outgoing<'_>,
        (body, hedges): (Body, bool),
        place: Place,
        left_ms: u64,
        passed: &mut Vec<NodeId>,
    ) -> Outcome {
        if hedges {
            return self.call_hedged(outgoing, place, left_ms, passed).await;
        }
        let (path, relayed) = (Arc::clone(&place.path), place.via.is_some());
        Outcome {
            relayed,
            result: self.call(outgoing, body, place, left_ms).await,
            path,
            hedge: None,
        }
    }

    /// Where the request goes next. Nodes that cannot take it are added to `passed`.
    fn find(
        &self,
        outgoing: Outgoing<'_>,
        passed: &mut Vec<NodeId>,
        now_ms: u64,
    ) -> Result<Place, Fault> {
        let number = outgoing.number;
        let order = self.core.steering.order();
        let mut fault = Fault::NoRegion;
        while let Some(candidate) = order.choose(now_ms, number, passed) {
            let node = candidate.node;
            // None: the plan has just changed, and this worker has not followed yet.
            if let Some(path) = self.paths.find(node) {
                let path = self.cooler(&order, path, passed);
                let node = path.node.id;
                if let Some(ride) = path.lane.enter() {
                    let via = self.via(&order, node);
                    return Ok(Place { path, ride, via });
                }
                fault = Fault::Overloaded;
                passed.push(node);
            } else {
                passed.push(node);
            }
        }
        Err(fault)
    }

    /// The better of two when `path` leads to a hot region: what is above its limit spills over,
    /// and the rest stays.
    fn cooler(&self, order: &Order, path: Arc<Path>, passed: &[NodeId]) -> Arc<Path> {
        if !path.lane.is_hot() {
            return path;
        }
        let other = order.besides(&path.region, passed);
        let other = other.and_then(|other| self.paths.find(other.node));
        match other {
            Some(other) if other.lane.load_percent() < path.lane.load_percent() => {
                self.core.metrics.spilled();
                other
            }
            _ => path,
        }
    }

    /// Makes one call. Dropping the future cancels it.
    pub(crate) async fn call(
        &self,
        outgoing: Outgoing<'_>,
        body: Body,
        Place { path, ride, via }: Place,
        left_ms: u64,
    ) -> Result<Response, CallError> {
        let mut ride = Watched {
            ride,
            clock: &self.core.clock,
            ended: Ended::GivenUp,
        };
        let request = outgoing.request(&self.core.via, body);
        let mut meta = outgoing.meta(left_ms, self.core.plan.load().revision().0);
        let span = debug_span!("forward", region = %path.region);
        if let Some(relay) = via {
            meta.relayed = true;
            meta.region_hint = Some(path.region.to_string());
            let result = relay.peer.call(request, meta).instrument(span).await;
            ride.ended = self.relayed(&relay, &result);
            return result;
        }
        let result = path.peer.call(request, meta).instrument(span).await;
        match &result {
            Ok(_) => {
                ride.ended = Ended::Answered;
                self.succeeded(&path, path.node.id);
            }
            Err(error) => {
                ride.ended = match error.reason {
                    CallFailure::RefusedOverload => Ended::Refused,
                    _ => Ended::Failed,
                };
                self.failed(&path, path.node.id, *error);
            }
        }
        result
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
        // What never reached a region has put no load on any. What was lost with its connection
        // comes back once, and not again before there is another one: no storm grows from it.
        let weightless =
            unconnected(error) || unsent && error.reason != CallFailure::RefusedOverload;
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
            relayed: self.relayed_to.is_some(),
        }
    }
}
