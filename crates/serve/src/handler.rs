//! What a role gives to this crate, and what it is told about the client's connection.
//!
//! A role implements [`Handler`]; the server makes one per worker through [`HandlerFactory`], so
//! that a handler may own state of one core. Errors are not part of the contract: a handler turns
//! every failure into a response itself (one function per role does that).

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::body::Body;
use crate::handshake::Rtt;

/// An error of any kind, as bodies carry them.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request with the one body type used everywhere.
pub type Request = http::Request<Body>;

/// A response with the one body type used everywhere.
pub type Response = http::Response<Body>;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a role does with a request.
///
/// The request has passed every check of this crate. Its target is a path with an optional query
/// (or `*`), and its authority stands in exactly one valid `Host` header, also for HTTP/2 and 3;
/// only HTTP/1.0 may have none. Its framing is not ambiguous, and its body enforces the listener's
/// limits while it is read. Hop-by-hop headers are still there
/// (see [`strip_hop_by_hop`](crate::strip_hop_by_hop)).
///
/// Dropping the returned future means that the client went away or the drain deadline passed; the
/// handler must then leave nothing half done. The response's version is ignored, and its
/// `connection`, `keep-alive`, `proxy-connection`, `transfer-encoding` and `upgrade` headers are
/// removed, because framing is this crate's business.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response>;
}

impl<F> Handler for F
where
    F: Fn(Request, Arc<Conn>) -> BoxFuture<'static, Response> + Send + Sync + 'static,
{
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        self(request, conn)
    }
}

/// Makes the handler of each worker.
pub trait HandlerFactory: Send + Sync + 'static {
    /// Called once per worker, on the worker's own thread and inside its current-thread runtime,
    /// so that the handler may spawn tasks there. `worker` counts from 0.
    fn make(&self, worker: usize) -> Arc<dyn Handler>;
}

impl<F> HandlerFactory for F
where
    F: Fn(usize) -> Arc<dyn Handler> + Send + Sync + 'static,
{
    fn make(&self, worker: usize) -> Arc<dyn Handler> {
        self(worker)
    }
}

/// How the client reached us, which is also the scheme of every request of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was agreed in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// The name the client asked for, in lower case; `None` if it sent none (or an IP address).
    pub sni: Option<String>,
    /// The agreed application protocol (`h3`, `h2`, `http/1.1`); `None` if the client offered none.
    pub alpn: Option<&'static str>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite under its IANA name; `unknown` over QUIC, whose library does not tell.
    pub cipher: &'static str,
}

/// Facts of the client's connection; the same for all its requests.
#[derive(Clone, Debug)]
pub struct Conn {
    /// The client's address; what a balancer says, where the listener believes one.
    pub peer: SocketAddr,
    /// The endpoint it came by: there on private listeners always, and never on others.
    pub endpoint: Option<Arc<str>>,
    /// The address at which the client reached us.
    pub local: SocketAddr,
    /// What TLS agreed; `None` over plain TCP.
    pub tls: Option<TlsInfo>,
    /// The name of the listener (see [`ListenerSettings`](crate::ListenerSettings)).
    pub listener: Arc<str>,
    /// When the connection was accepted.
    pub accepted: Instant,
    /// The round-trip time of its TLS handshake.
    pub rtt: Rtt,
}

impl Conn {
    /// A plain connection, for callers that make requests themselves (another transport, a test).
    #[must_use]
    pub fn plain(
        peer: SocketAddr,
        local: SocketAddr,
        listener: Arc<str>,
        accepted: Instant,
    ) -> Self {
        Self {
            peer,
            endpoint: None,
            local,
            tls: None,
            listener,
            accepted,
            rtt: Rtt::default(),
        }
    }

    /// The scheme of the connection's requests.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        if self.tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        }
    }
}
