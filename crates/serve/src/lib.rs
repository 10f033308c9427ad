//! Accepts HTTP/1.1, HTTP/2 and HTTP/3 over TCP, TLS and QUIC, and hands each request to a
//! [`Handler`].
//!
//! Every role of the gateway speaks HTTP to clients; this crate is the one place where sockets are
//! opened, TLS is spoken, malformed requests are refused, slow or greedy clients are cut off, and
//! connections are drained. What a request means is decided by the handler.
//!
//! It deliberately does not route, cache, log accesses, compress, or know any configuration of an
//! API; it never calls out; and it answers a request itself only when the request is unfit to be
//! handed on (see [`Refusal`]).

mod body;
mod certs;
mod check;
mod connection;
mod door;
mod drain;
mod drive;
pub mod fuzz;
mod gather;
mod guard;
mod h3;
mod handler;
mod handshake;
mod hops;
mod lent;
mod limits;
mod listener;
mod metrics;
mod muxed;
mod names;
mod policy;
mod protocol;
mod proxy;
mod scan;
mod server;
mod service;
mod tickets;
mod tls;
mod vitals;
mod wire;
mod worker;

#[cfg(test)]
mod tests;

pub use body::{Body, BodyError};
pub use certs::{CertEntry, CertError, CertStore};
pub use check::Refusal;
pub use door::{ClientRoots, Door, Endpoints, ProxyProtocol, RootsError};
pub use drain::{Drain, Drained};
pub use h3::H3;
pub use handler::{
    BoxError, BoxFuture, Conn, Handler, HandlerFactory, Request, Response, Scheme, TlsInfo,
};
pub use handshake::Rtt;
pub use hops::strip_hop_by_hop;
pub use lent::Lender;
pub use limits::Limits;
pub use listener::ListenerSettings;
pub use metrics::Metrics;
pub use muxed::{Muxed, MuxedLost, MuxedReceiver, MuxedSender, MuxedSettings, MuxedStream};
pub use muxed::{MuxedTls, StreamFault};
pub use policy::{TlsGroups, TlsPolicy, TlsSuites, TlsVersions};
pub use protocol::{Duplex, Messages, Protocol, Speaker};
pub use server::{BoundServer, ServeError, Server, Serving};
