//! The one thing a node without a certificate may do: ask to become a node.
//!
//! It trusts the CA that its token names, and nothing else, over either transport.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{ClientConfig, Endpoint};
use rustls_pki_types::CertificateDer;
use serve::MuxedTls;
use tokio_util::task::TaskTracker;

use crate::ca::NODE_NAME;
use crate::calling;
use crate::carrier::{self, Carrier, Tcp};
use crate::code;
use crate::dial;
use crate::error::{CallError, CallFailure, RpcError};
use crate::limits::LinkLimits;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::services::Service;
use crate::socket;
use crate::tls::{self, JoinConfigs};
use crate::transport::{ANY_V4, ANY_V6, CLOSE_TIMEOUT};

/// The answer to a join, and the CA under which it was given.
#[derive(Clone, Debug)]
pub struct JoinAnswer {
    /// What the service answered.
    pub body: Bytes,
    /// The CA certificate with the fingerprint of the token.
    pub ca: CertificateDer<'static>,
}

/// Sends one [`Service::Join`] message to `addr` without a certificate, trusting only the CA
/// with the SHA-256 `ca_sha256`.
///
/// # Errors
///
/// As an rpc; a node under another CA is [`CallFailure::HandshakeFailed`].
pub async fn join(
    addr: SocketAddr,
    ca_sha256: [u8; 32],
    request: Bytes,
    timeout: Duration,
) -> Result<Bytes, RpcError> {
    join_with_ca(addr, ca_sha256, request, timeout)
        .await
        .map(|answer| answer.body)
}

/// As [`join`], and hands out the CA certificate.
///
/// # Errors
///
/// As [`join`].
pub async fn join_with_ca(
    addr: SocketAddr,
    ca_sha256: [u8; 32],
    request: Bytes,
    timeout: Duration,
) -> Result<JoinAnswer, RpcError> {
    let joining = join_now(addr, ca_sha256, request);
    tokio::time::timeout(timeout, joining)
        .await
        .unwrap_or(Err(RpcError::Timeout))
}

async fn join_now(
    addr: SocketAddr,
    ca_sha256: [u8; 32],
    request: Bytes,
) -> Result<JoinAnswer, RpcError> {
    let limits = Arc::new(LinkLimits::default());
    let any = if addr.is_ipv6() { ANY_V6 } else { ANY_V4 };
    let socket = socket::bind_client(any, &limits).map_err(|_| unreachable())?;
    let endpoint = socket::endpoint(socket, None, None).map_err(|_| unreachable())?;
    let crypto = tls::join_config(ca_sha256).map_err(|_| untrusted())?;
    let tasks = TaskTracker::new();
    let carrier = match by_quic(&endpoint, addr, &crypto, &limits).await {
        // Silence: UDP may not pass.
        Err(None) => by_tcp(addr, &crypto, &limits, &tasks).await?,
        Err(Some(error)) => return Err(error),
        Ok(carrier) => carrier,
    };
    let chain = carrier.chain();
    let ca = tls::find_ca(&chain, &ca_sha256)
        .cloned()
        .ok_or_else(untrusted)?
        .into_owned();
    let live = Live::new(carrier, None, limits, Metrics::unregistered());
    let answered = calling::rpc(&live, Service::Join, request).await;
    live.connection.close(code::CLOSE_DONE, b"joined");
    tasks.close();
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, tasks.wait()).await;
    Ok(JoinAnswer {
        body: answered?,
        ca,
    })
}

fn unreachable() -> RpcError {
    RpcError::Link(CallError::unsent(CallFailure::Unreachable))
}

fn untrusted() -> RpcError {
    RpcError::Link(CallError::unsent(CallFailure::HandshakeFailed))
}

/// No error for silence.
async fn by_quic(
    endpoint: &Endpoint,
    addr: SocketAddr,
    crypto: &JoinConfigs,
    limits: &LinkLimits,
) -> Result<Carrier, Option<RpcError>> {
    let mut config = ClientConfig::new(Arc::clone(&crypto.quic) as _);
    let settings = socket::transport_config(limits).map_err(|_| unreachable())?;
    config.transport_config(settings);
    let connecting = endpoint
        .connect_with(config, addr, NODE_NAME)
        .map_err(|_| unreachable())?;
    let connected = tokio::time::timeout(limits.connect_timeout, connecting).await;
    let connection =
        connected.map_err(|_| None)?.map_err(|lost| {
            match CallError::from_connection(&lost).reason {
                CallFailure::HandshakeFailed => untrusted(),
                _ => unreachable(),
            }
        })?;
    Ok(Carrier::Quic(connection))
}

async fn by_tcp(
    addr: SocketAddr,
    crypto: &JoinConfigs,
    limits: &LinkLimits,
    tasks: &TaskTracker,
) -> Result<Carrier, RpcError> {
    let spawn = |driver| {
        tasks.spawn(driver);
    };
    let connecting = async {
        let tls = Arc::clone(&crypto.tcp);
        let tls = MuxedTls::connect(addr, None, tls, dial::node_name());
        let tls = tls.await.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => untrusted(),
            _ => unreachable(),
        })?;
        let settings = carrier::settings(limits, limits.streams_max);
        let tcp = Tcp::begin(tls, settings, &spawn).await;
        Ok(Carrier::Tcp(Box::new(tcp.map_err(|_| unreachable())?)))
    };
    let connected = tokio::time::timeout(limits.connect_timeout, connecting).await;
    connected.unwrap_or_else(|_| Err(unreachable()))
}
