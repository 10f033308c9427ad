//! The DNS node's listeners over TLS, QUIC and HTTPS: `serve` opens them, the responder answers.
//!
//! One port speaks DNS over TLS (TCP) and over QUIC (UDP); HTTPS has its own, with HTTP/3.
//! Certificates are those of the cluster's name servers. Nothing here knows a record.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dns::{Answers, Transport, lifetime_s};
use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
};
use model::ZoneView;
use serve::{
    Body, BodyError, BoundServer, BoxFuture, CertStore, Conn, Drain, Duplex, H3, Handler,
    HandlerFactory, Limits, ListenerSettings, Messages, Protocol, Request, Response, Server,
    Serving, Speaker,
};
use tokio::sync::watch;

use super::{
    certificates::{self, Source},
    common::Common,
};
use crate::settings::{Dns as DnsSection, Settings};

/// Where queries are posted to, as clients expect unless told otherwise.
const PATH: &str = "/dns-query";
const MESSAGE_TYPE: &str = "application/dns-message";

/// Connections open at a time, per worker and address.
const CONNECTIONS_MAX: usize = 1_024;
/// Queries on their way at a time, on one connection over QUIC or HTTP.
const STREAMS_MAX: u32 = 100;
/// A query is one packet; so is a handshake's message.
const HANDSHAKE: Duration = Duration::from_secs(5);
const MESSAGE: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(30);

/// Listeners with their sockets open.
pub(super) struct Secure {
    pub(super) certificates: Arc<CertStore>,
    bound: BoundServer,
    answers: Answers,
}

impl Secure {
    pub(super) fn bind(
        settings: &Settings,
        section: &DnsSection,
        common: &Common,
        answers: Answers,
    ) -> anyhow::Result<Self> {
        let certificates = Arc::new(CertStore::new());
        let listener = |name: &str, addrs: &[std::net::SocketAddr]| ListenerSettings {
            name: name.to_owned(),
            addrs: addrs.to_vec(),
            tls: Some(Arc::clone(&certificates)),
            h3: None,
            protocol: None,
            door: serve::Door::default(),
            limits: limits(),
        };
        let mut tls = listener("dns-tls", &section.tls);
        tls.protocol = Some(Protocol {
            alpn: "dot",
            messages: section.quic.then(doq),
            speaker: Arc::new(Spoken(answers.clone())),
        });
        let mut https = listener("dns-https", &section.https);
        https.h3 = Some(H3::default());
        let listeners = [tls, https].into_iter();
        let listeners = listeners.filter(|listener| !listener.addrs.is_empty());
        let workers = settings.worker_count();
        let bound = Server::bind(listeners.collect(), workers, &common.serve_metrics)
            .context("settings keys 'dns.tls' and 'dns.https'")?;
        Ok(Self {
            certificates,
            bound,
            answers,
        })
    }

    pub(super) fn serve(self, drain: &Drain) -> anyhow::Result<Serving> {
        Ok(self.bound.serve(Arc::new(Queries(self.answers)), drain)?)
    }
}

/// DNS over QUIC, with its codes (RFC 9250, section 8.4).
fn doq() -> Messages {
    Messages {
        alpn: "doq",
        // A query behind its length.
        bytes_max: Answers::QUERY_BYTES_MAX + 2,
        code_done: 0x0,
        code_malformed: 0x2,
        code_overload: 0x4,
    }
}

fn limits() -> Limits {
    Limits {
        connections_max: CONNECTIONS_MAX,
        handshake_timeout: HANDSHAKE,
        head_timeout: MESSAGE,
        idle_timeout: IDLE,
        body_bytes_max: Answers::QUERY_BYTES_MAX as u64,
        body_idle_timeout: MESSAGE,
        write_idle_timeout: MESSAGE,
        h2_streams_max: STREAMS_MAX,
        ..Limits::default()
    }
}

/// Keeps the certificates equal to what the view has.
pub(super) async fn follow_certificates(
    mut views: watch::Receiver<Arc<ZoneView>>,
    store: Arc<CertStore>,
) {
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        let sources = view.certificates.values().map(|certificate| Source {
            names: &certificate.names,
            chain_der: &certificate.chain_der,
            key_der: &certificate.key_der,
            // Many clients know a server by its address only, and name none.
            default: true,
        });
        certificates::install(&store, sources);
        if views.changed().await.is_err() {
            return;
        }
    }
}

/// DNS over TLS and QUIC.
struct Spoken(Answers);

impl Speaker for Spoken {
    fn converse(&self, stream: Box<dyn Duplex>, conn: Arc<Conn>) -> BoxFuture<'_, ()> {
        let peer = conn.peer.ip();
        Box::pin(async move { self.0.converse(stream, peer, Transport::Tls).await })
    }

    fn answer(&self, message: &[u8], conn: &Conn) -> Result<Vec<u8>, u32> {
        let answer = self.0.exchange(message, conn.peer.ip());
        answer.map_err(|_| doq().code_malformed)
    }
}

/// DNS over HTTPS.
#[derive(Clone)]
struct Queries(Answers);

impl HandlerFactory for Queries {
    fn make(&self, _: usize) -> Arc<dyn Handler> {
        Arc::new(self.clone())
    }
}

impl Handler for Queries {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match query(request).await {
                Ok(query) => self.respond(&query, conn.peer.ip()),
                Err(refusal) => refusal,
            }
        })
    }
}

impl Queries {
    fn respond(&self, query: &[u8], peer: IpAddr) -> Response {
        // What is no query at all has no answer in DNS either.
        let Some(answer) = self.0.answer(query, peer, Transport::Https) else {
            return refused(StatusCode::BAD_REQUEST);
        };
        // The answer is for this client: it may depend on its address.
        let cache = format!("private, max-age={}", lifetime_s(&answer));
        let mut response = Response::new(Body::full(answer));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MESSAGE_TYPE));
        if let Ok(cache) = HeaderValue::try_from(cache) {
            headers.insert(CACHE_CONTROL, cache);
        }
        response
    }
}

/// The query in a request (RFC 8484, section 4.1), or why there is none.
async fn query(request: Request) -> Result<Vec<u8>, Response> {
    if request.uri().path() != PATH {
        return Err(refused(StatusCode::NOT_FOUND));
    }
    let query = match *request.method() {
        Method::GET | Method::HEAD => {
            let pairs = request.uri().query().unwrap_or_default().split('&');
            let mut values = pairs.filter_map(|pair| pair.strip_prefix("dns="));
            let decoded = values.next().map(|value| URL_SAFE_NO_PAD.decode(value));
            match decoded {
                Some(Ok(query)) => query,
                _ => return Err(refused(StatusCode::BAD_REQUEST)),
            }
        }
        Method::POST => {
            let kind = request.headers().get(CONTENT_TYPE);
            if kind.is_none_or(|kind| kind != MESSAGE_TYPE) {
                return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
            let body = request.into_body().into_bytes(Answers::QUERY_BYTES_MAX);
            match body.await {
                Ok(body) => body.to_vec(),
                Err(error) => {
                    let status = BodyError::of(&*error).map(BodyError::status);
                    return Err(refused(status.unwrap_or(StatusCode::BAD_REQUEST)));
                }
            }
        }
        _ => {
            let mut refusal = refused(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_static("GET, HEAD, POST");
            refusal.headers_mut().insert(ALLOW, allowed);
            return Err(refusal);
        }
    };
    if query.len() > Answers::QUERY_BYTES_MAX {
        return Err(refused(StatusCode::URI_TOO_LONG));
    }
    Ok(query)
}

fn refused(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
