//! One attempt to reach a node: by QUIC, and by HTTP/2 over TLS if QUIC only meets silence.
//!
//! Whichever carries it, the other end must show a certificate of the cluster with the expected
//! identity. An answer that is not silence, above all a wrong identity, ends the attempt: there is
//! no second opinion over the other transport.

use std::net::SocketAddr;
use std::time::Duration;

use quinn::{ClientConfig, ConnectionError};
use rustls_pki_types::ServerName;
use serve::MuxedTls;

use crate::ca::NODE_NAME;
use crate::carrier::{self, Carrier, Tcp};
use crate::code;
use crate::error::{CallError, CallFailure};
use crate::identity::{Expected, NodeIdentity};
use crate::transport::Transport;

/// A connection to the node that was expected.
pub(crate) struct Dialled {
    pub(crate) carrier: Carrier,
    pub(crate) identity: NodeIdentity,
}

/// Why an attempt to connect failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFault {
    #[error("peer was not reached in time")]
    Timeout,
    #[error("peer could not be dialled")]
    Dial(#[from] quinn::ConnectError),
    #[error("peer was not connected")]
    Connection(#[from] ConnectionError),
    #[error("peer was not connected over tcp")]
    Tcp(#[from] std::io::Error),
    #[error("peer is not the node that was expected: {0}")]
    Identity(String),
}

impl ConnectFault {
    /// Whether the other end is there but not to be trusted, or does not trust us.
    pub(crate) fn is_mistrust(&self) -> bool {
        match self {
            Self::Timeout | Self::Dial(_) => false,
            Self::Identity(_) => true,
            Self::Tcp(error) => error.kind() == std::io::ErrorKind::InvalidData,
            Self::Connection(lost) => {
                CallError::from_connection(lost).reason == CallFailure::HandshakeFailed
            }
        }
    }

    /// Whether nothing at all came back.
    fn is_silence(&self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Connection(ConnectionError::TimedOut)
        )
    }

    /// Of two failures of one attempt, the one that says more.
    fn or(self, other: Self) -> Self {
        if other.is_mistrust() { other } else { self }
    }
}

/// Tries QUIC, and after `head_start` HTTP/2 beside it. The first to connect wins.
pub(crate) async fn race(
    transport: &Transport,
    addr: SocketAddr,
    expected: &Expected,
    head_start: Duration,
) -> Result<Dialled, ConnectFault> {
    let mut quic = std::pin::pin!(quic(transport, addr, expected));
    if !transport.context.limits.fallback {
        return quic.await;
    }
    let tcp = async {
        tokio::time::sleep(head_start).await;
        tcp(transport, addr, expected).await
    };
    let mut tcp = std::pin::pin!(tcp);
    tokio::select! {
        biased;
        reached = &mut quic => match reached {
            Err(fault) if fault.is_silence() => tcp.await.map_err(|other| fault.or(other)),
            reached => reached,
        },
        reached = &mut tcp => match reached {
            Ok(dialled) => Ok(dialled),
            Err(other) => quic.await.map_err(|fault| fault.or(other)),
        },
    }
}

/// One attempt over QUIC.
pub(crate) async fn quic(
    transport: &Transport,
    addr: SocketAddr,
    expected: &Expected,
) -> Result<Dialled, ConnectFault> {
    let active = transport.context.credentials.active();
    let mut config = ClientConfig::new(active.client.clone());
    config.transport_config(transport.settings.clone());
    let connecting = transport.endpoint.connect_with(config, addr, NODE_NAME)?;
    let within = transport.context.limits.connect_timeout;
    let connection = tokio::time::timeout(within, connecting)
        .await
        .map_err(|_| ConnectFault::Timeout)??;
    let carrier = Carrier::Quic(connection);
    check(carrier, &active.credentials.identity().cluster, expected)
}

/// One attempt over HTTP/2 over TLS.
async fn tcp(
    transport: &Transport,
    addr: SocketAddr,
    expected: &Expected,
) -> Result<Dialled, ConnectFault> {
    let (context, active) = (&transport.context, transport.context.credentials.active());
    let spawn = |driver| {
        transport.tasks.spawn(driver);
    };
    let connecting = async {
        let tls = active.tcp_client.clone();
        let tls = MuxedTls::connect(addr, transport.from, tls, node_name()).await?;
        let settings = carrier::settings(&context.limits, context.limits.streams_max);
        let tcp = Tcp::begin(tls, settings, &spawn).await?;
        let cluster = &active.credentials.identity().cluster;
        let dialled = check(Carrier::Tcp(Box::new(tcp)), cluster, expected)?;
        if let Carrier::Tcp(tcp) = &dialled.carrier {
            tcp.greet().await?;
        }
        Ok(dialled)
    };
    tokio::time::timeout(context.limits.connect_timeout, connecting)
        .await
        .unwrap_or(Err(ConnectFault::Timeout))
}

/// The name that every certificate of a node is for; who it is stands elsewhere in it.
pub(crate) fn node_name() -> ServerName<'static> {
    ServerName::try_from(NODE_NAME).expect("invariant: the constant is a host name")
}

fn check(carrier: Carrier, cluster: &str, expected: &Expected) -> Result<Dialled, ConnectFault> {
    let checked = match carrier.identity() {
        Ok(Some(identity)) if identity.cluster == cluster && expected.admits(&identity) => {
            Ok(identity)
        }
        Ok(Some(identity)) => Err(identity.to_string()),
        Ok(None) => Err("no certificate".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match checked {
        Ok(identity) => Ok(Dialled { carrier, identity }),
        Err(who) => {
            carrier.close(code::CLOSE_IDENTITY, b"not the expected node");
            Err(ConnectFault::Identity(who))
        }
    }
}
