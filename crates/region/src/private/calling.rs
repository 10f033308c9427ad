//! One request by way of a connector: over the best connection, again over another one where that
//! is safe, and by another region node where no connector is connected here.
//!
//! A call is repeated only if it has certainly not begun, or may be repeated by its method, and its
//! body is whole. What was lost with its connection comes back without asking the budget, since a
//! connection is lost once; all else that is repeated is paid for, also what is given up because
//! its connection has fallen silent.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderValue, Method, header::HOST, request::Parts};
use link::{CallError, CallFailure, CallMeta, Peer};
use plan::region::{Origin, Way};
use serve::{Body, BodyError, Lender, Request, Response};

use super::{
    Connectors, message,
    path::{Path, Ride},
};
use crate::upstream::UpstreamError;

/// Connections that one request is tried over at most.
const TRIES_MAX: usize = 4;
/// Until an answer's head; integrations have time-outs of their own, which are shorter.
const DEADLINE_MS: u32 = 15 * 60 * 1000;

/// Whose request it is, for the other side's log; in a request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Whose {
    pub(crate) request_id: String,
    pub(crate) client: SocketAddr,
    pub(crate) https: bool,
}

/// A request between tries.
struct Journey {
    parts: Parts,
    lender: Lender,
    meta: CallMeta,
}

/// Where the next try goes.
enum Next {
    Connector(Arc<Path>),
    Region(Peer),
}

/// A try that failed.
struct Failed {
    error: UpstreamError,
    /// It has certainly not begun.
    unsent: bool,
    /// The link failed, not the backend.
    of_link: bool,
}

/// Whom a call may be handed to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Connectors connected here, else other region nodes.
    All,
    /// Only connectors connected here: another region node asks.
    Here,
}

impl Connectors {
    /// Sends a request (origin-form URI) by way of a connector and waits for the answer's head.
    /// If dropped, so is the call, as far as the backend.
    pub(crate) async fn call(
        &self,
        origin: &Origin,
        way: &Way,
        mut request: Request,
    ) -> Result<Response, UpstreamError> {
        address(origin, way, &mut request)?;
        let whose = request.extensions_mut().remove::<Whose>();
        self.send(way, request, meta(whose), Reach::All).await
    }

    /// Answers another region node, to which no connector of the link is connected.
    pub(crate) async fn relay(&self, mut request: Request, meta: CallMeta) -> Response {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let way = Way {
            connectors: message::split_names(text(message::CONNECTORS).unwrap_or_default()),
            upstream: text(message::UPSTREAM).unwrap_or_default().into(),
            keeps_host: true,
        };
        request.extensions_mut().clear();
        match self.send(&way, request, meta, Reach::Here).await {
            Ok(response) => response,
            Err(error) => message::fault(error),
        }
    }

    async fn send(
        &self,
        way: &Way,
        request: Request,
        meta: CallMeta,
        reach: Reach,
    ) -> Result<Response, UpstreamError> {
        self.count_request();
        let (parts, body) = request.into_parts();
        let journey = Journey {
            parts,
            lender: Lender::of(body),
            meta,
        };
        let mut tried: Vec<Arc<Path>> = Vec::new();
        let mut elsewhere = None;
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let next = match self.choose(way, &tried) {
                Some(path) => Next::Connector(path),
                None => match self.elsewhere(way, reach, &mut elsewhere) {
                    Some(peer) => Next::Region(peer),
                    None if reach == Reach::All && self.back(way, &tried).await => continue,
                    None => break,
                },
            };
            let Some(body) = journey.lender.lend() else {
                break;
            };
            if last.is_some() {
                self.metrics.retries.inc();
            }
            let result = match next {
                Next::Connector(path) => {
                    tried.push(Arc::clone(&path));
                    tokio::select! {
                        result = self.over(&path, &journey, body) => result,
                        () = self.in_doubt(&path, way, (&journey, &tried)) => Err(self.doubted()),
                    }
                }
                Next::Region(peer) => {
                    self.metrics.elsewhere.inc();
                    self.made(journey.over(&peer, body).await)
                }
            };
            let failed = match result {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            last = Some(failed.error);
            if !self.repeats(&failed, &journey) {
                break;
            }
        }
        Err(last.unwrap_or_else(|| self.nobody(way)))
    }

    /// Resolves when so many probes are lost over `path` that a call on it had better be made over
    /// another connection that is not in doubt, may be made again, and the budget has a retry left.
    /// The link itself gives a silent connection up only after seconds, since it may carry a large
    /// body, behind which probes are late; for a call that waits for an answer that is too long.
    async fn in_doubt(&self, path: &Path, way: &Way, (journey, tried): (&Journey, &[Arc<Path>])) {
        let mut losses = path.losses();
        loop {
            let again = path.is_doubted()
                && is_idempotent(&journey.parts.method)
                && journey.lender.is_whole()
                && self
                    .choose(way, tried)
                    .is_some_and(|other| !other.is_suspect());
            if again && self.may_retry() {
                return;
            }
            if losses.changed().await.is_err() {
                // Its owner is gone with the connection, which the call hears of by itself.
                return std::future::pending().await;
            }
        }
    }

    fn doubted(&self) -> Failed {
        self.metrics.called("connection_doubted");
        Failed::of_link(CallError::maybe(CallFailure::ConnectionLost))
    }

    /// Makes one try.
    async fn over(
        &self,
        path: &Arc<Path>,
        journey: &Journey,
        body: Body,
    ) -> Result<Response, Failed> {
        let ride = Ride::begin(path);
        let result = journey.over(&path.peer, body).await;
        drop(ride);
        if let Err(error) = &result
            && error.reason == CallFailure::RefusedDraining
        {
            path.leaves();
        }
        self.made(result)
    }

    /// What came of a try.
    fn made(&self, result: Result<Response, CallError>) -> Result<Response, Failed> {
        let failed = match result {
            Err(error) => {
                self.metrics.called(error.reason.as_str());
                Failed::of_link(error)
            }
            // Neither end of the link makes one; to a client it would be no answer.
            Ok(response) if response.status().is_informational() => {
                let error = UpstreamError::Malformed;
                self.metrics.called(error.reason());
                Failed {
                    error,
                    unsent: false,
                    of_link: false,
                }
            }
            Ok(mut response) => match message::fault_of(&response) {
                None => {
                    self.metrics.called("answered");
                    message::clean(response.headers_mut());
                    return Ok(response);
                }
                Some(error) => {
                    self.metrics.called(error.reason());
                    Failed {
                        error,
                        unsent: error.is_unsent(),
                        of_link: false,
                    }
                }
            },
        };
        Err(failed)
    }

    fn repeats(&self, failed: &Failed, journey: &Journey) -> bool {
        if !journey.lender.is_whole() || matches!(failed.error, UpstreamError::RequestBody(_)) {
            return false;
        }
        let lost = failed.of_link && failed.error == UpstreamError::Closed;
        let safe = failed.unsent || lost && is_idempotent(&journey.parts.method);
        let weightless = failed.of_link && failed.error != UpstreamError::Busy;
        safe && (weightless || self.may_retry())
    }

    /// The next region node to ask, looked up when the first one is needed.
    fn elsewhere(
        &self,
        way: &Way,
        reach: Reach,
        nodes: &mut Option<std::vec::IntoIter<Peer>>,
    ) -> Option<Peer> {
        if reach == Reach::Here {
            return None;
        }
        let look = || {
            let known = self.elsewhere.get();
            let nodes = known.map(|known| known.nodes(&way.connectors, &way.upstream));
            nodes.unwrap_or_default().into_iter()
        };
        nodes.get_or_insert_with(look).next()
    }

    /// Why there was nobody to send a request to.
    fn nobody(&self, way: &Way) -> UpstreamError {
        let error = if self.has_any(&way.connectors) {
            UpstreamError::NotOffered
        } else {
            UpstreamError::NoConnector
        };
        self.metrics.called(error.reason());
        tracing::debug!(connectors = ?way.connectors, upstream = %way.upstream, %error, "call");
        error
    }
}

impl Journey {
    async fn over(&self, peer: &Peer, body: Body) -> Result<Response, CallError> {
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        peer.call(request, self.meta.clone()).await
    }
}

impl Failed {
    fn of_link(error: CallError) -> Self {
        let meant = match error.reason {
            CallFailure::Unreachable
            | CallFailure::HandshakeFailed
            | CallFailure::Closed
            | CallFailure::RefusedDraining
            | CallFailure::RefusedUnknown => UpstreamError::Unreachable,
            CallFailure::ConnectionLost | CallFailure::Reset => UpstreamError::Closed,
            CallFailure::Deadline => UpstreamError::TimedOut,
            CallFailure::RefusedOverload => UpstreamError::Busy,
            CallFailure::Malformed | CallFailure::TooLarge => UpstreamError::Malformed,
            CallFailure::RequestBody => {
                UpstreamError::RequestBody(error.body.unwrap_or(BodyError::Aborted))
            }
        };
        Self {
            error: meant,
            unsent: error.is_unsent(),
            of_link: true,
        }
    }
}

/// Says on the request where it goes and how; nothing that a client sent stands in for it.
fn address(origin: &Origin, way: &Way, request: &mut Request) -> Result<(), UpstreamError> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| UpstreamError::NotOffered);
    let headers = request.headers_mut();
    headers.insert(message::UPSTREAM, value(&way.upstream)?);
    let names = message::join_names(&way.connectors).ok_or(UpstreamError::NoConnector)?;
    headers.insert(message::CONNECTORS, names);
    if origin.https {
        let name = origin.server_name.as_deref().unwrap_or(&origin.host);
        headers.insert(message::SERVER_NAME, value(name)?);
    } else {
        headers.remove(message::SERVER_NAME);
    }
    if !way.keeps_host || !headers.contains_key(HOST) {
        headers.insert(HOST, value(&origin.authority)?);
    }
    Ok(())
}

fn meta(whose: Option<Whose>) -> CallMeta {
    let unknown = || Whose {
        request_id: String::new(),
        client: SocketAddr::from(([0, 0, 0, 0], 0)),
        https: false,
    };
    let whose = whose.unwrap_or_else(unknown);
    CallMeta {
        request_id: whose.request_id,
        client: whose.client,
        scheme_https: whose.https,
        deadline_ms: DEADLINE_MS,
        trace: None,
        region_hint: None,
        revision: 0,
        relayed: false,
    }
}

/// RFC 9110, section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}
