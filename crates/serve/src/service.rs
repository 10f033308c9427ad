//! From the HTTP library's request to the handler and back.
//!
//! One place decides what a handler sees (a checked head in one form for all versions, a guarded
//! body) and what leaves it (no headers of framing). It knows nothing of sockets or time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::{PathAndQuery, Uri};
use http::{StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tracing::{Instrument as _, Span, debug_span};

use crate::body::{Body, BodyError};
use crate::check::{self, Head, Refusal};
use crate::guard::Guarded;
use crate::handler::{BoxError, Conn, Handler, Request, Response};
use crate::limits::Limits;
use crate::vitals::Vitals;
use crate::worker::Station;

/// What all requests of a connection share.
pub(crate) struct Link {
    pub(crate) station: Arc<Station>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) conn: Arc<Conn>,
    /// The connection's span: HTTP/2 streams are tasks of their own and would lose it.
    pub(crate) span: Span,
}

/// Marks a request as under way for as long as it lives.
pub(crate) struct Turn(Arc<Link>);

/// A response's body on its way out; while it lives the request is under way.
pub(crate) struct Outgoing {
    body: Body,
    _turn: Turn,
}

/// Answers one request of the library.
pub(crate) async fn answer(
    link: Arc<Link>,
    request: http::Request<Incoming>,
) -> http::Response<Outgoing> {
    let turn = Turn::begin(Arc::clone(&link));
    let version = request.version();
    let is_h1 = version <= Version::HTTP_11;
    let metrics = &link.station.metrics;
    if is_h1 {
        metrics.h1_requests.inc()
    } else {
        metrics.h2_requests.inc()
    }
    let mut response = match admit(&link, request) {
        Ok(request) => {
            let span = debug_span!(
                parent: &link.span, "request",
                method = %request.method(), path = request.uri().path(), version = ?version,
            );
            let handling = link.handler.handle(request, Arc::clone(&link.conn));
            let mut response = handling.instrument(span).await;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                strip_framing(response.headers_mut());
                announce_h3(&link, response.headers_mut());
            }
            response
        }
        Err(refusal) => refuse(&link, refusal, is_h1),
    };
    // A response of another transport must not reach the encoder with its version, which it
    // would not survive.
    *response.version_mut() = Version::HTTP_11;
    response.map(|body| Outgoing { body, _turn: turn })
}

/// Checks a request and gives it the form that handlers see.
fn admit(link: &Arc<Link>, request: http::Request<Incoming>) -> Result<Request, Refusal> {
    let version = request.version();
    let (mut parts, incoming) = request.into_parts();
    if version <= Version::HTTP_11
        && let Some(refusal) = link.vitals.next_request_fault()
    {
        return Err(refusal);
    }
    let head = Head {
        version,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        scheme: link.conn.scheme(),
        body_length: incoming.size_hint().exact(),
    };
    check::check(&head, link.limits())?;
    to_origin_form(&mut parts)?;
    let body = if incoming.is_end_stream() {
        Body::empty()
    } else {
        Body::client(Guarded::new(incoming, Arc::clone(link)))
    };
    Ok(Request::from_parts(parts, body))
}

/// Moves the authority of a target into `Host`, where HTTP/1.1 has it.
pub(crate) fn to_origin_form(parts: &mut http::request::Parts) -> Result<(), Refusal> {
    let Some(authority) = parts.uri.authority() else {
        return Ok(());
    };
    if !parts.headers.contains_key(HOST) {
        let host = HeaderValue::from_str(authority.as_str());
        parts
            .headers
            .insert(HOST, host.map_err(|_| Refusal::HostMalformed)?);
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok(())
}

/// The answer to a request that no handler sees. HTTP/1.1 connections end with it: after a head
/// that is not fit, nobody knows where the next one begins.
pub(crate) fn refuse(link: &Link, refusal: Refusal, is_h1: bool) -> Response {
    link.station.metrics.refused(refusal.reason());
    tracing::debug!(peer = %link.conn.peer, reason = refusal.reason(), "request refused");
    let status = refusal.status();
    let message = format!(
        "{{\"message\":\"{}\"}}",
        status.canonical_reason().unwrap_or_default()
    );
    let mut response = Response::new(Body::full(message));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if is_h1 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        link.vitals.want_linger();
    }
    response
}

/// Tells a client of an older version that HTTP/3 is spoken here, unless the handler did.
fn announce_h3(link: &Link, headers: &mut HeaderMap) {
    if let Some(alt_svc) = &link.station.alt_svc
        && !headers.contains_key(ALT_SVC)
    {
        headers.insert(ALT_SVC, alt_svc.clone());
    }
}

/// Framing is the library's business: what a handler copied from elsewhere must not disturb it.
pub(crate) fn strip_framing(headers: &mut HeaderMap) {
    static NAMES: [HeaderName; 5] = [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    // Hardly any answer has one, and a look at each name costs less than five searches.
    let framing = |name: &HeaderName| NAMES.contains(name);
    if headers.keys().any(framing) {
        for name in &NAMES {
            headers.remove(name);
        }
    }
}

impl Link {
    pub(crate) fn limits(&self) -> &Limits {
        &self.station.limits
    }

    /// A client's body could not be read to its end.
    pub(crate) fn body_failed(&self, error: BodyError) {
        self.station.metrics.refused(error.reason());
        self.body_unread();
    }

    /// The rest of a client's body will not be read, and our answer must survive that.
    pub(crate) fn body_unread(&self) {
        self.vitals.want_linger();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("conn", &self.conn)
            .finish_non_exhaustive()
    }
}

impl Turn {
    pub(crate) fn begin(link: Arc<Link>) -> Self {
        link.vitals.request_begins();
        Self(link)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.vitals.request_ends();
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
