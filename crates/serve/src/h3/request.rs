//! The life of one HTTP/3 request: head, handler, answer.
//!
//! What the HTTP/3 library leaves to us is done here: connection-specific headers, the announced
//! length, whether a body follows at all, and that an answer which ends early is reset instead of
//! looking finished.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use h3::error::{Code, StreamError};
use h3::proto::frame::Frame;
use h3::quic::SendStream as _;
use h3::server::{RequestResolver, RequestStream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, DATE, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, StatusCode};
use http_body::Body as _;
use tracing::{Instrument as _, debug_span};

use super::connection::Tally;
use super::fields;
use super::inbound::Inbound;
use super::quic::{Both, Connection, Recv, Sending};
use super::watched::{Ended, Pulled, Watched};
use crate::body::{Body, BodyError};
use crate::check::{self, Head, Refusal};
use crate::guard::Guarded;
use crate::handler::{BoxError, Request, Response};
use crate::service::{self, Link, Turn};

type Sender = RequestStream<Sending, Bytes>;
type Receiver = RequestStream<Recv, Bytes>;

/// Answers one request.
pub(crate) async fn run(
    resolver: RequestResolver<Connection, Bytes>,
    watched: Watched,
    link: Arc<Link>,
    tally: Arc<Tally>,
) {
    let Watched { mut ended, pulled } = watched;
    let turn = Turn::begin(Arc::clone(&link));
    let answering = async {
        let (head, stream) = read_head(resolver, &link, &pulled).await?;
        let (mut send, receive) = stream.split();
        let is_head = *head.method() == Method::HEAD;
        let response = respond(head, receive, pulled, &link).await?;
        send_response(&mut send, response, is_head, &link).await?;
        Some(send)
    };
    // Dropping the handler is how it learns that its client went away. After the last byte is
    // written, the stream is kept until the client has it: a drain waits for that.
    let send = tokio::select! {
        biased;
        send = answering => {
            if send.is_none() {
                // Given up before its head was read, or not fit to be answered.
                tally.unwanted();
            }
            send
        }
        _ = &mut ended => {
            tally.unwanted();
            None
        }
    };
    drop(turn);
    if let Some(_send) = send {
        let limit = link.limits().write_idle_timeout;
        if tokio::time::timeout(limit, ended).await == Ok(Ended::Unwanted) {
            tally.unwanted();
        }
    }
}

/// Reads the head. `None` if there is none to answer; the client has been told as far as it can.
async fn read_head(
    mut resolver: RequestResolver<Connection, Bytes>,
    link: &Link,
    pulled: &Pulled,
) -> Option<(http::Request<()>, RequestStream<Both, Bytes>)> {
    let metrics = &link.station.metrics;
    let reading = poll_fn(|cx| resolver.frame_stream.poll_next(cx));
    let Ok(frame) = tokio::time::timeout(link.limits().head_timeout, reading).await else {
        metrics.refused(Refusal::HeadTimedOut.reason());
        resolver
            .frame_stream
            .reset(Code::H3_REQUEST_INCOMPLETE.value());
        return None;
    };
    if frame.is_err() && pulled.count() > link.limits().head_bytes_max {
        // Far too large to be read to its end.
        metrics.refused(Refusal::HeadTooLarge.reason());
        resolver.frame_stream.reset(Code::H3_EXCESSIVE_LOAD.value());
        return None;
    }
    if let Ok(Some(Frame::Headers(section))) = &frame
        && !fields::pseudo_fields_fit(section)
    {
        metrics.refused(Refusal::Syntax.reason());
        resolver.frame_stream.reset(Code::H3_MESSAGE_ERROR.value());
        return None;
    }
    pulled.progress();
    let resolved = match resolver.accept_with_frame(frame) {
        Ok(resolved) => resolved.resolve().await,
        Err(error) => Err(error),
    };
    match resolved {
        Ok(found) => {
            metrics.h3_requests.inc();
            Some(found)
        }
        Err(error) => {
            match &error {
                // The library has answered 431.
                StreamError::HeaderTooBig { .. } => {
                    metrics.refused(Refusal::HeadTooLarge.reason());
                }
                StreamError::StreamError { .. } => metrics.refused(Refusal::Syntax.reason()),
                _ => {}
            }
            tracing::debug!(peer = %link.conn.peer, %error, "request head refused");
            None
        }
    }
}

/// Checks the request and has it handled. `None` if the client is gone.
async fn respond(
    head: http::Request<()>,
    receive: Receiver,
    pulled: Pulled,
    link: &Arc<Link>,
) -> Option<Response> {
    let (mut parts, ()) = head.into_parts();
    let announced = match admit(&mut parts, link) {
        Ok(announced) => announced,
        Err(refusal) => return Some(service::refuse(link, refusal, false)),
    };
    let inbound = Inbound::new(receive, pulled, announced);
    let body = match body(inbound, announced, &parts.method, link).await {
        Ok(body) => body,
        Err(BodyError::Aborted) => return None,
        Err(error) => {
            link.body_failed(error);
            let mut response = Response::default();
            *response.status_mut() = error.status();
            return Some(response);
        }
    };
    let request = Request::from_parts(parts, body);
    let span = debug_span!(
        parent: &link.span, "request",
        method = %request.method(), path = request.uri().path(), version = "HTTP/3",
    );
    let handling = link.handler.handle(request, Arc::clone(&link.conn));
    Some(handling.instrument(span).await)
}

/// Checks the head, gives it the form that handlers see, and tells the announced length.
fn admit(parts: &mut http::request::Parts, link: &Link) -> Result<Option<u64>, Refusal> {
    check_connection_fields(&parts.headers)?;
    let announced = announced_length(&parts.headers)?;
    let head = Head {
        version: parts.version,
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        scheme: link.conn.scheme(),
        body_length: announced,
    };
    check::check(&head, link.limits())?;
    service::to_origin_form(parts)?;
    join_cookies(&mut parts.headers);
    Ok(announced)
}

/// HTTP/3 does not say whether a body follows. A method that rarely has one is asked to show its
/// first byte or its end, so that it is not passed on as a request with a body of unknown length.
async fn body(
    mut inbound: Inbound,
    announced: Option<u64>,
    method: &Method,
    link: &Arc<Link>,
) -> Result<Body, BodyError> {
    let bodiless = matches!(
        *method,
        Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS | Method::TRACE
    );
    if announced == Some(0) || (announced.is_none() && bodiless) {
        let limit = link.limits().body_idle_timeout;
        let Ok(content) = tokio::time::timeout(limit, inbound.has_content()).await else {
            return Err(BodyError::TimedOut);
        };
        if !content? {
            return Ok(Body::empty());
        }
    }
    Ok(Body::client(Guarded::h3(inbound, Arc::clone(link))))
}

/// RFC 9114 section 4.2: such a message is malformed.
fn check_connection_fields(headers: &HeaderMap) -> Result<(), Refusal> {
    static NAMES: [HeaderName; 5] = [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    let strange_te = headers
        .get_all(TE)
        .iter()
        .any(|te| !te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    if strange_te || NAMES.iter().any(|name| headers.contains_key(name)) {
        return Err(Refusal::ConnectionField);
    }
    Ok(())
}

/// The one `Content-Length`, digits only.
fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else {
        return Ok(None);
    };
    if lengths.next().is_some() {
        return Err(Refusal::LengthRepeated);
    }
    let digits = length
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok());
    length.map(Some).ok_or(Refusal::Syntax)
}

/// Clients may send cookies as several fields; the rest of the world knows one (RFC 9114 4.2.1).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let cookies: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// Writes an answer. `None` if it could not be written whole; the stream is then reset.
async fn send_response(
    send: &mut Sender,
    response: Response,
    is_head: bool,
    link: &Link,
) -> Option<()> {
    let (mut parts, mut body) = response.into_parts();
    service::strip_framing(&mut parts.headers);
    if parts.status.is_informational() {
        // No handler can switch protocols here: none is asked to.
        parts.status = StatusCode::BAD_GATEWAY;
        body = Body::empty();
    }
    let no_content = matches!(
        parts.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let promised = promise(&mut parts.headers, &body, is_head || no_content);
    if is_head || no_content {
        body = Body::empty();
    }
    let head = http::Response::from_parts(parts, ());
    let limit = link.limits().write_idle_timeout;
    let written = async {
        within(limit, send.send_response(head)).await?;
        send_body(send, body, promised, limit).await?;
        within(limit, send.finish()).await
    };
    match written.await {
        Ok(()) => Some(()),
        Err(error) => {
            tracing::debug!(peer = %link.conn.peer, %error, "answer not finished");
            if error.is::<Stalled>() {
                link.station.metrics.closed("write");
            }
            // Dropping it would look like its end.
            send.stop_stream(Code::H3_INTERNAL_ERROR);
            None
        }
    }
}

/// Completes the headers, and gives the length that the body must then have.
fn promise(headers: &mut HeaderMap, body: &Body, no_body: bool) -> Option<u64> {
    if !headers.contains_key(DATE)
        && let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()))
    {
        headers.insert(DATE, now);
    }
    if no_body {
        return None;
    }
    if let Some(length) = body.size_hint().exact() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        return Some(length);
    }
    let said = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    if said.is_none() {
        headers.remove(CONTENT_LENGTH);
    }
    said
}

async fn send_body(
    send: &mut Sender,
    mut body: Body,
    promised: Option<u64>,
    limit: std::time::Duration,
) -> Result<(), BoxError> {
    let mut sent = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame?.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                sent += data.len() as u64;
                if promised.is_some_and(|promised| sent > promised) {
                    return Err("the body is longer than announced".into());
                }
                within(limit, send.send_data(data)).await?;
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    within(limit, send.send_trailers(trailers)).await?;
                }
            }
        }
    }
    match promised {
        Some(promised) if sent < promised => Err("the body is shorter than announced".into()),
        _ => Ok(()),
    }
}

/// The client takes no bytes.
#[derive(Debug, thiserror::Error)]
#[error("the client takes no bytes")]
struct Stalled;

async fn within(
    limit: std::time::Duration,
    writing: impl Future<Output = Result<(), StreamError>>,
) -> Result<(), BoxError> {
    match tokio::time::timeout(limit, writing).await {
        Ok(written) => written.map_err(Into::into),
        Err(_elapsed) => Err(Stalled.into()),
    }
}
