//! What carries a connection between two nodes: QUIC, or HTTP/2 over TLS where UDP is blocked.
//!
//! Both carry the same streams with the same codes, and both know who is at the other end by its
//! certificate. Failures are told in QUIC's words whichever it is, so that only this directory
//! knows the difference. It does not choose between the two; `keeper.rs` does.

mod tcp;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, ConnectionError, VarInt};
use rustls_pki_types::CertificateDer;

use crate::identity::{IdentityError, NodeIdentity};
use crate::wire::stream::{Inbound, Outbound};

pub(crate) use tcp::{Tcp, settings};
pub(crate) use tcp::{read_fault, small, write_fault};

/// Which of the two it is; the label in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkTransport {
    /// QUIC, over UDP: what is wanted.
    Quic,
    /// HTTP/2 over TLS, over TCP: for where UDP does not pass.
    Http2,
}

impl LinkTransport {
    /// The word in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Http2 => "h2",
        }
    }
}

/// An open connection of either kind.
#[derive(Debug)]
pub(crate) enum Carrier {
    Quic(Connection),
    Tcp(Box<Tcp>),
}

impl Carrier {
    pub(crate) const fn transport(&self) -> LinkTransport {
        match self {
            Self::Quic(_) => LinkTransport::Quic,
            Self::Tcp(_) => LinkTransport::Http2,
        }
    }

    pub(crate) fn remote_address(&self) -> SocketAddr {
        match self {
            Self::Quic(connection) => connection.remote_address(),
            Self::Tcp(tcp) => tcp.muxed.remote(),
        }
    }

    /// The smoothed round trip.
    pub(crate) fn rtt(&self) -> Duration {
        match self {
            Self::Quic(connection) => connection.rtt(),
            Self::Tcp(tcp) => tcp.muxed.rtt(),
        }
    }

    pub(crate) fn close(&self, code: VarInt, reason: &[u8]) {
        match self {
            Self::Quic(connection) => connection.close(code, reason),
            Self::Tcp(tcp) => tcp.muxed.close(small(code)),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Quic(connection) => connection.close_reason().is_some(),
            Self::Tcp(tcp) => tcp.muxed.lost().is_some(),
        }
    }

    /// Opens a stream; waits while the other side allows no more.
    pub(crate) async fn open(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        match self {
            Self::Quic(connection) => {
                let (send, recv) = connection.open_bi().await?;
                Ok((Outbound::quic(send), Inbound::quic(recv)))
            }
            Self::Tcp(tcp) => tcp.open().await,
        }
    }

    /// On the side that has dialled: what the other side begins will be served.
    pub(crate) fn serve_back(&self) {
        match self {
            // Either side opens streams.
            Self::Quic(_) => {}
            Self::Tcp(tcp) => tcp.serve_back(),
        }
    }

    /// The next stream that the other side opens. Cancel safe.
    pub(crate) async fn accept(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        match self {
            Self::Quic(connection) => {
                let (send, recv) = connection.accept_bi().await?;
                Ok((Outbound::quic(send), Inbound::quic(recv)))
            }
            Self::Tcp(tcp) => tcp.accept().await,
        }
    }

    /// The next datagram. Cancel safe; for one reader.
    pub(crate) async fn read_datagram(&self) -> Result<Bytes, ConnectionError> {
        match self {
            Self::Quic(connection) => connection.read_datagram().await,
            Self::Tcp(tcp) => tcp.read_datagram().await,
        }
    }

    /// Sends a datagram, or loses it; whether it may arrive.
    pub(crate) fn send_datagram(&self, datagram: Bytes) -> bool {
        match self {
            Self::Quic(connection) => connection.send_datagram(datagram).is_ok(),
            Self::Tcp(tcp) => tcp.send_datagram(&datagram),
        }
    }

    /// Calls that are in progress, as far as they are counted (only what may have to be left).
    pub(crate) fn calls(&self) -> usize {
        match self {
            Self::Quic(_) => 0,
            Self::Tcp(tcp) => tcp.calls(),
        }
    }

    /// The certificates the other side showed, leaf first; empty if none.
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        match self {
            Self::Quic(connection) => connection
                .peer_identity()
                .and_then(|shown| shown.downcast::<Vec<CertificateDer<'static>>>().ok())
                .map(|chain| *chain)
                .unwrap_or_default(),
            Self::Tcp(tcp) => tcp.chain.clone(),
        }
    }

    /// Whose certificate the other side showed; `None` for no certificate at all.
    pub(crate) fn identity(&self) -> Result<Option<NodeIdentity>, IdentityError> {
        match self.chain().first() {
            Some(leaf) => NodeIdentity::from_certificate(leaf).map(Some),
            None => Ok(None),
        }
    }
}
