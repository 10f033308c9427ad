//! The dialling side: one UDP endpoint and the background task of each peer.
//!
//! Make one per worker runtime, inside that runtime, so that a request and its connection stay
//! on one core.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig};
use rustls_pki_types::CertificateDer;
use serve::Drain;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ca::NODE_NAME;
use crate::calling;
use crate::code;
use crate::digest;
use crate::error::{CallError, CallFailure, LinkError, RpcError};
use crate::identity::{Expected, NodeIdentity};
use crate::limits::LinkLimits;
use crate::live::{Live, Offering, shown_chain, shown_identity};
use crate::metrics::{Metrics, Side};
use crate::peer::{Peer, PeerState, Shared};
use crate::services::{Service, Services};
use crate::socket;
use crate::tls::{self, CredentialStore};

/// What every transport and listener of a node shares.
#[derive(Clone, Debug)]
pub struct LinkContext {
    /// The node's credentials.
    pub credentials: CredentialStore,
    /// The limits.
    pub limits: Arc<LinkLimits>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// A client endpoint; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Transport {
    endpoint: Endpoint,
    context: LinkContext,
    settings: Arc<TransportConfig>,
    drain: Drain,
    tasks: TaskTracker,
    closed: CancellationToken,
}

impl Transport {
    /// A client endpoint on the current runtime. `bind` is for machines with several addresses;
    /// `None` takes any address of both families, and any port.
    ///
    /// # Errors
    ///
    /// When the socket cannot be bound, or a limit is out of range.
    pub fn client(
        bind: Option<SocketAddr>,
        context: LinkContext,
        drain: Drain,
    ) -> Result<Self, LinkError> {
        let limits = &context.limits;
        let socket = match bind {
            Some(addr) => socket::bind_client(addr, limits)?,
            None => socket::bind_client(ANY_V6, limits)
                .or_else(|_| socket::bind_client(ANY_V4, limits))?,
        };
        let current = context.credentials.current();
        let endpoint = socket::endpoint(socket, None, Some(&current))?;
        let settings = socket::transport_config(limits)?;
        let (tasks, closed) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            endpoint,
            context,
            settings,
            drain,
            tasks,
            closed,
        })
    }

    /// A path to the node at `addr`, which must be the `expected` one. Connects when first used.
    pub fn connect(&self, addr: SocketAddr, expected: Expected) -> Peer {
        self.start(addr, expected, Services::new())
    }

    /// As [`connect`](Self::connect), but at once, and the remote may use `services` over the
    /// same connection: for nodes that cannot be dialled.
    pub fn connect_serving(
        &self,
        addr: SocketAddr,
        expected: Expected,
        services: Services,
    ) -> Peer {
        let peer = self.start(addr, expected, services);
        peer.shared().wanted.notify_one();
        peer
    }

    fn start(&self, addr: SocketAddr, expected: Expected, services: Services) -> Peer {
        let LinkContext {
            limits, metrics, ..
        } = &self.context;
        let shared = Shared::new(
            addr,
            Arc::clone(limits),
            Arc::clone(metrics),
            self.drain.clone(),
            self.tasks.clone(),
        );
        let keeper = Keeper {
            transport: self.clone(),
            shared: Arc::clone(&shared),
            expected,
            offering: Arc::new(Offering {
                services: Arc::new(services),
                drain: self.drain.clone(),
                calls: Arc::new(AtomicUsize::new(0)),
                seen: None,
            }),
        };
        self.tasks.spawn(keeper.run());
        Peer::new(shared)
    }

    /// Closes every connection and waits for the background tasks to end.
    pub async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.endpoint.close(code::CLOSE_DONE, b"closed");
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// Owns the connection of one peer.
struct Keeper {
    transport: Transport,
    shared: Arc<Shared>,
    expected: Expected,
    offering: Arc<Offering>,
}

/// Why an attempt to connect failed.
#[derive(Debug, thiserror::Error)]
enum ConnectFault {
    #[error("peer was not reached in time")]
    Timeout,
    #[error("peer could not be dialled")]
    Dial(#[from] quinn::ConnectError),
    #[error("peer was not connected")]
    Connection(#[from] quinn::ConnectionError),
    #[error("peer is not the node that was expected: {0}")]
    Identity(String),
}

impl ConnectFault {
    /// Whether the other end is there but not to be trusted, or does not trust us.
    fn is_mistrust(&self) -> bool {
        match self {
            Self::Timeout | Self::Dial(_) => false,
            Self::Identity(_) => true,
            Self::Connection(lost) => {
                CallError::from_connection(lost).reason == CallFailure::HandshakeFailed
            }
        }
    }
}

impl Keeper {
    async fn run(self) {
        let stop = self.transport.closed.clone();
        let drain = self.transport.drain.clone();
        tokio::select! {
            () = self.keep() => {}
            () = self.shared.cancel.cancelled() => {}
            () = stop.cancelled() => {}
            () = drain.expired() => {}
        }
        let live = self.shared.live.load_full();
        self.shared.publish(None, PeerState::Closed);
        if let Some(live) = live {
            live.connection.close(code::CLOSE_DONE, b"closed");
        }
    }

    async fn keep(&self) {
        self.shared.wanted.notified().await;
        self.shared.state.send_replace(PeerState::Connecting);
        let limits = &self.transport.context.limits;
        let mut pause = limits.backoff_min;
        loop {
            let begun = Instant::now();
            match self.attempt().await {
                Ok((connection, identity)) => {
                    self.hold(connection, identity).await;
                    if begun.elapsed() >= limits.steady_after {
                        pause = limits.backoff_min;
                        // A lost connection that had worked is worth an attempt at once.
                        continue;
                    }
                }
                Err(fault) => {
                    self.shared
                        .mistrusted
                        .store(fault.is_mistrust(), Ordering::Relaxed);
                    self.transport
                        .context
                        .metrics
                        .handshake(Side::Client, "failed");
                    tracing::debug!(addr = %self.shared.addr, error = %fault, "connect failed");
                    self.shared.publish(None, PeerState::Down);
                }
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(limits.backoff_max);
        }
    }

    async fn attempt(&self) -> Result<(Connection, NodeIdentity), ConnectFault> {
        let Transport {
            endpoint,
            context,
            settings,
            ..
        } = &self.transport;
        let active = context.credentials.active();
        let mut config = ClientConfig::new(active.client.clone());
        config.transport_config(Arc::clone(settings));
        let connecting = endpoint.connect_with(config, self.shared.addr, NODE_NAME)?;
        let connection = tokio::time::timeout(context.limits.connect_timeout, connecting)
            .await
            .map_err(|_| ConnectFault::Timeout)??;
        let cluster = &active.credentials.identity().cluster;
        let checked = match shown_identity(&connection) {
            Ok(Some(identity))
                if identity.cluster == *cluster && self.expected.admits(&identity) =>
            {
                Ok(identity)
            }
            Ok(Some(identity)) => Err(identity.to_string()),
            Ok(None) => Err("no certificate".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match checked {
            Ok(identity) => Ok((connection, identity)),
            Err(who) => {
                connection.close(code::CLOSE_IDENTITY, b"not the expected node");
                Err(ConnectFault::Identity(who))
            }
        }
    }

    /// Publishes the connection and serves it until it is lost.
    async fn hold(&self, connection: Connection, identity: NodeIdentity) {
        let LinkContext {
            limits, metrics, ..
        } = &self.transport.context;
        metrics.handshake(Side::Client, "ok");
        let _open = metrics.connection(Side::Client);
        let identity = Some(Arc::new(identity));
        let live = Live::new(
            connection,
            identity,
            Arc::clone(limits),
            Arc::clone(metrics),
        );
        self.shared.mistrusted.store(false, Ordering::Relaxed);
        self.shared.publish(Some(Arc::clone(&live)), PeerState::Up);
        let streams = TaskTracker::new();
        let lost = live.drive(&self.offering, &streams).await;
        let mistrust = CallError::from_connection(&lost).reason == CallFailure::HandshakeFailed;
        self.shared.mistrusted.store(mistrust, Ordering::Relaxed);
        self.shared.publish(None, PeerState::Down);
        tracing::debug!(addr = %self.shared.addr, error = %lost, "connection lost");
    }
}

/// Half to all of `pause`, so that many nodes do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let [byte] = digest::random::<1>().unwrap_or([u8::MAX]);
    pause / 2 + (pause / 2) * u32::from(byte) / u32::from(u8::MAX)
}

/// How long closing packets are repeated for peers that do not answer them.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
const ANY_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

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
    let unreachable = || RpcError::Link(CallError::unsent(CallFailure::Unreachable));
    let untrusted = || RpcError::Link(CallError::unsent(CallFailure::HandshakeFailed));
    let limits = Arc::new(LinkLimits::default());
    let any = if addr.is_ipv6() { ANY_V6 } else { ANY_V4 };
    let socket = socket::bind_client(any, &limits).map_err(|_| unreachable())?;
    let endpoint = socket::endpoint(socket, None, None).map_err(|_| unreachable())?;
    let crypto = tls::join_config(ca_sha256).map_err(|_| untrusted())?;
    let mut config = ClientConfig::new(crypto);
    config.transport_config(socket::transport_config(&limits).map_err(|_| unreachable())?);
    let connecting = endpoint
        .connect_with(config, addr, NODE_NAME)
        .map_err(|_| unreachable())?;
    let connection = tokio::time::timeout(limits.connect_timeout, connecting)
        .await
        .map_err(|_| unreachable())?
        .map_err(|lost| match CallError::from_connection(&lost).reason {
            CallFailure::HandshakeFailed => untrusted(),
            _ => unreachable(),
        })?;
    let chain = shown_chain(&connection);
    let ca = tls::find_ca(&chain, &ca_sha256)
        .cloned()
        .ok_or_else(untrusted)?
        .into_owned();
    let live = Live::new(connection, None, limits, Metrics::unregistered());
    let answered = calling::rpc(&live, Service::Join, request).await;
    live.connection.close(code::CLOSE_DONE, b"joined");
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
    Ok(JoinAnswer {
        body: answered?,
        ca,
    })
}
