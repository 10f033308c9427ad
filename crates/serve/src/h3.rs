//! HTTP/3: the same handler behind QUIC.
//!
//! A listener with [`H3`] has one UDP socket per address beside its TCP sockets, on the same port.
//! One endpoint owns the socket and knows every connection by its ids, whatever address a packet
//! comes from, so that a client may move to another network. Each new connection is then handed to
//! a worker, which does all of its work: packets, TLS, HTTP/3 and handler run on that worker.
//!
//! The files below: `endpoint` accepts and hands out, `connection` is the life of one connection,
//! `request` that of one request (with `fields`), `inbound` the client's body, `session` its TLS
//! by name, `quic` (with `translate` and `watched`) fits the QUIC library to the HTTP/3 library.
//! There is no early data (0-RTT), no server push, no WebTransport.

mod connection;
mod endpoint;
mod fields;
mod inbound;
mod quic;
mod request;
mod session;
mod translate;
mod watched;

pub(crate) use endpoint::{Desk, H3Socket, Handed, Place, serve};
pub(crate) use inbound::Inbound;
pub(crate) use session::ByName;

use std::time::Duration;

use http::HeaderValue;

/// HTTP/3 of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H3 {
    /// How long clients may remember that HTTP/3 is spoken here: `ma` of the `Alt-Svc` header on
    /// answers over HTTP/1.1 and HTTP/2. Zero leaves the header away.
    pub alt_svc_max_age: Duration,
    /// The UDP port that clients are told; `None` is the one listened at.
    pub public_port: Option<u16>,
}

impl Default for H3 {
    fn default() -> Self {
        Self {
            alt_svc_max_age: Duration::from_secs(24 * 60 * 60),
            public_port: None,
        }
    }
}

impl H3 {
    /// The header for clients that do not speak HTTP/3 yet (RFC 7838 section 3).
    pub(crate) fn alt_svc(&self, port: u16) -> Option<HeaderValue> {
        let seconds = self.alt_svc_max_age.as_secs();
        let port = self.public_port.unwrap_or(port);
        (seconds > 0)
            .then(|| HeaderValue::from_str(&format!("h3=\":{port}\"; ma={seconds}")).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests;
