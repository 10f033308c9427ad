//! One request to an HTTP backend and the answer's head, with the one retry that is always safe.
//!
//! A connection from the pool may have been closed by the backend a moment ago. If the request was
//! not written, or may be repeated and nothing of an answer came, it is sent once more over a new
//! connection; clients never see that race. Nothing else is retried here.

use std::{sync::Arc, time::Instant};

use http::{
    HeaderValue, Method, Request, Response, Uri, Version,
    header::HOST,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};
use plan::region::Origin;
use serve::{Body, Drain};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    AwsSettings, BackendTls, Decisions, UpstreamError, UpstreamSettings,
    connect::{Connector, Sender},
    lease::{AnswerBody, Lease},
    pool::{Entry, Pool, Protocol},
    resolve::Resolver,
};
use crate::{
    issuers::Issuers,
    metrics::Metrics,
    private::Connectors,
    rest::{Kept, KeptAnswers},
};

/// The connections to backends of one worker. Make it in the worker's own runtime.
pub(crate) struct Upstreams {
    pool: Arc<Pool>,
    connector: Connector,
    settings: UpstreamSettings,
    metrics: Arc<Metrics>,
    kept: Kept,
    shared: Shared,
}

/// What all workers of a node keep together.
pub(crate) struct Shared {
    pub(crate) decisions: Arc<Decisions>,
    pub(crate) answers: Arc<KeptAnswers>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) connectors: Arc<Connectors>,
}

/// In a request's extensions: its own `Host` goes to the backend instead of the origin's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepHost;

/// A way to send one request.
enum Channel {
    Http1(Lease),
    Http2(http2::SendRequest<Body>, Arc<Entry>),
}

/// A request that was not answered, and the request itself if it may be sent again.
struct Failed {
    error: UpstreamError,
    again: Option<Request<Body>>,
}

impl Upstreams {
    pub(crate) fn new(
        settings: UpstreamSettings,
        tls: Arc<BackendTls>,
        metrics: Arc<Metrics>,
        shared: Shared,
        drain: &Drain,
    ) -> Self {
        let pool = Arc::new(Pool::new(&settings));
        let resolver = Resolver::new(settings.dns_ttl, settings.deny.clone());
        let open = metrics.upstream_connections.clone();
        let connector =
            Connector::new(resolver, tls, settings.connect_timeout, drain.clone(), open);
        drain.spawn(sweep(Arc::clone(&pool), settings.clone(), drain.clone()));
        Self {
            pool,
            connector,
            settings,
            metrics,
            kept: Kept::default(),
            shared,
        }
    }

    /// The answers of parts that this worker keeps.
    pub(crate) const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Counts a part of an aggregate that has ended.
    pub(crate) fn count_part(&self, result: &'static str) {
        self.metrics.part(result);
    }

    /// The answers that stages keep at this node.
    pub(crate) const fn answers(&self) -> &Arc<KeptAnswers> {
        &self.shared.answers
    }

    /// What authorizing functions decided.
    pub(crate) fn decisions(&self) -> &Decisions {
        &self.shared.decisions
    }

    /// The keys of tokens' issuers.
    pub(crate) fn issuers(&self) -> &Issuers {
        &self.shared.issuers
    }

    /// Where AWS services are and who calls them, as it is now.
    pub(super) fn aws(&self) -> Arc<AwsSettings> {
        self.settings.aws.load_full()
    }

    /// Sends `request` (origin-form URI) and waits for the answer's head. If dropped, the backend
    /// sees the connection (HTTP/2: the stream) closed.
    pub(crate) async fn call(
        &self,
        origin: &Arc<Origin>,
        request: Request<Body>,
    ) -> Result<Response<Body>, UpstreamError> {
        if let Some(way) = &origin.via {
            // On the heap: its state would make that of every call larger.
            return Box::pin(self.shared.connectors.call(origin, way, request)).await;
        }
        let channel = self.channel(origin, true).await?;
        let again = match self.send(origin, channel, request).await {
            Ok(response) => return Ok(response),
            Err(Failed {
                again: Some(request),
                ..
            }) => request,
            Err(failed) => return Err(failed.error),
        };
        self.metrics.upstream_retries.inc();
        let channel = self.channel(origin, false).await?;
        self.send(origin, channel, again)
            .await
            .map_err(|failed| failed.error)
    }

    /// A connection: the shared HTTP/2 one, an unused one unless `may_reuse` forbids, or a new one.
    async fn channel(
        &self,
        origin: &Arc<Origin>,
        may_reuse: bool,
    ) -> Result<Channel, UpstreamError> {
        let entry = self.pool.entry(origin)?;
        if let Some(sender) = entry.http2() {
            return Ok(Channel::Http2(sender, entry));
        }
        let slot = entry.slot().await?;
        if may_reuse && let Some(sender) = entry.take_idle() {
            return Ok(Channel::Http1(Lease {
                entry,
                sender,
                reused: true,
                _slot: slot,
            }));
        }
        // Only TLS can turn out to be HTTP/2.
        let may_be_http2 = origin.https && entry.speaks() != Some(Protocol::Http1);
        let alone = if may_be_http2 {
            Some(self.alone(&entry).await?)
        } else {
            None
        };
        if alone.is_some()
            && let Some(sender) = entry.http2()
        {
            return Ok(Channel::Http2(sender, entry));
        }
        let connected = self.connector.connect(origin).await;
        self.metrics.connected(connected.as_ref().err().copied());
        match connected? {
            Sender::Http1(sender) => {
                entry.set_http1();
                drop(alone);
                Ok(Channel::Http1(Lease {
                    entry,
                    sender,
                    reused: false,
                    _slot: slot,
                }))
            }
            Sender::Http2(sender) => {
                entry.put_http2(&sender);
                Ok(Channel::Http2(sender, entry))
            }
        }
    }

    /// Waits for the handshake that is in progress, no longer than it may take.
    async fn alone(&self, entry: &Entry) -> Result<OwnedSemaphorePermit, UpstreamError> {
        let turn = Arc::clone(&entry.first).acquire_owned();
        match tokio::time::timeout(self.settings.connect_timeout, turn).await {
            Ok(turn) => turn.map_err(|_| UpstreamError::Busy),
            Err(_) => Err(UpstreamError::ConnectTimeout),
        }
    }

    async fn send(
        &self,
        origin: &Origin,
        channel: Channel,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Failed> {
        match channel {
            Channel::Http1(mut lease) => {
                fit_http1(&mut request, &lease.entry.host);
                // Copied only for what may be repeated and might meet a stale connection.
                let spare = if lease.reused {
                    copy_of_repeatable(&request)
                } else {
                    None
                };
                match lease.sender.try_send_request(request).await {
                    Ok(response) => Ok(self.answer(response, Some(lease))),
                    Err(failure) => {
                        let failed = Failed::new(failure, spare, lease.reused);
                        if lease.reused && failed.error == UpstreamError::Closed {
                            lease.entry.forget_idle();
                        }
                        Err(failed)
                    }
                }
            }
            Channel::Http2(mut sender, entry) => {
                fit_http2(&mut request, &entry, origin.https).map_err(Failed::for_good)?;
                let ready = sender.ready().await;
                if ready.is_err() {
                    // The connection went away before it took the request.
                    return Err(Failed {
                        error: UpstreamError::Closed,
                        again: Some(request),
                    });
                }
                match sender.try_send_request(request).await {
                    Ok(response) => Ok(self.answer(response, None)),
                    Err(failure) => Err(Failed::new(failure, None, true)),
                }
            }
        }
    }

    fn answer(&self, response: Response<Incoming>, lease: Option<Lease>) -> Response<Body> {
        response.map(|body| AnswerBody::wrap(body, lease, self.settings.body_idle))
    }
}

impl Failed {
    fn new(
        mut failure: TrySendError<Request<Body>>,
        spare: Option<Request<Body>>,
        reused: bool,
    ) -> Self {
        let unsent = failure.take_message();
        let error = UpstreamError::of(failure.error());
        // Without a byte of an answer; a malformed one is an answer.
        let again = unsent.or(spare.filter(|_| error == UpstreamError::Closed));
        Self {
            error,
            again: again.filter(|_| reused),
        }
    }

    const fn for_good(error: UpstreamError) -> Self {
        Self { error, again: None }
    }
}

/// Closes what is unused for too long, and everything unused once the drain begins.
async fn sweep(pool: Arc<Pool>, settings: UpstreamSettings, drain: Drain) {
    let every = (settings.idle_timeout / 4).max(std::time::Duration::from_millis(100));
    loop {
        tokio::select! {
            biased;
            () = drain.begun() => break,
            () = tokio::time::sleep(every) => pool.sweep(Instant::now()),
        }
    }
    pool.close();
}

/// A copy of a request without a body whose method may be repeated (RFC 9110 section 9.2.2).
fn copy_of_repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let repeatable = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    );
    if !repeatable || !request.body().is_empty() {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    if let Some(keep) = request.extensions().get::<KeepHost>() {
        copy.extensions_mut().insert(*keep);
    }
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// HTTP/1.1 has the path in the request line and the authority in `Host`.
fn fit_http1(request: &mut Request<Body>, host: &HeaderValue) {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        *request.uri_mut() = Uri::from(path_of(request.uri()));
    }
    let keeps = request.extensions().get::<KeepHost>().is_some();
    if !keeps || !request.headers().contains_key(HOST) {
        request.headers_mut().insert(HOST, host.clone());
    }
}

/// HTTP/2 has scheme and authority of their own and no `Host`.
fn fit_http2(request: &mut Request<Body>, entry: &Entry, https: bool) -> Result<(), UpstreamError> {
    *request.version_mut() = Version::HTTP_2;
    let keeps = request.extensions().get::<KeepHost>().is_some();
    let host = request.headers_mut().remove(HOST).filter(|_| keeps);
    let own = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let uri = Uri::builder()
        .scheme(if https { Scheme::HTTPS } else { Scheme::HTTP })
        .authority(own.unwrap_or_else(|| entry.authority.clone()))
        .path_and_query(path_of(request.uri()))
        .build();
    *request.uri_mut() = uri.map_err(|_| UpstreamError::Malformed)?;
    Ok(())
}

fn path_of(uri: &Uri) -> PathAndQuery {
    uri.path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
}
