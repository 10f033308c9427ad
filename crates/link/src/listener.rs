//! The accepting side: a UDP socket, a TCP socket on the same port for those whom UDP does not
//! reach, their connections, and how they end.
//!
//! Bind early, serve late; bind one per worker on the same address (SO_REUSEPORT). A drain lets
//! running streams finish, refuses new ones as safe to retry, and then closes.

mod tcp;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use quinn::{
    Connecting, Endpoint, Incoming, ServerConfig, TransportConfig, ValidationTokenConfig, VarInt,
};
use serve::Drain;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::carrier::Carrier;
use crate::code;
use crate::credentials::to_time;
use crate::error::LinkError;
use crate::identity::NodeIdentity;
use crate::live::{Live, Offering};
use crate::metrics::{Refused, Side};
use crate::peer::{Peer, PeerState};
use crate::seen::PeersSeen;
use crate::services::Services;
use crate::socket;
use crate::transport::{CLOSE_TIMEOUT, LinkContext};

/// Streams a peer without a certificate may have open.
const JOIN_STREAMS_MAX: u32 = 2;
/// How long a drained connection stays for its last bytes to be acknowledged.
const LINGER: Duration = Duration::from_millis(200);

/// A bound socket that does not answer yet.
#[derive(Debug)]
pub struct Listener {
    socket: UdpSocket,
    tcp: Option<TcpListener>,
    addr: SocketAddr,
    context: LinkContext,
    settings: Arc<TransportConfig>,
}

/// A listener at work.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Serving {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Resolves when the drain has begun and every connection has ended.
    pub async fn finished(self) {
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "link listener ended early");
        }
    }
}

impl Listener {
    /// Binds `addr`; port 0 takes a free one. Needs no runtime.
    ///
    /// # Errors
    ///
    /// When the socket cannot be bound, or a limit is out of range.
    pub fn bind(addr: SocketAddr, context: LinkContext) -> Result<Self, LinkError> {
        let settings = socket::transport_config(&context.limits)?;
        let (socket, tcp) = socket::bind_server(addr, &context.limits)?;
        let addr = socket.local_addr().map_err(LinkError::Endpoint)?;
        Ok(Self {
            socket,
            tcp,
            addr,
            context,
            settings,
        })
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Begins to accept on the current runtime. `seen` may be shared by several listeners.
    ///
    /// # Errors
    ///
    /// When there is no runtime or the socket cannot be used on it.
    pub fn serve(
        self,
        services: Services,
        seen: Arc<PeersSeen>,
        drain: Drain,
    ) -> Result<Serving, LinkError> {
        let Self {
            socket,
            tcp,
            addr,
            context,
            settings,
        } = self;
        let tcp = tcp.map(tokio::net::TcpListener::from_std).transpose();
        let tcp = tcp.map_err(LinkError::Endpoint)?;
        let active = context.credentials.active();
        let first = server_config(&context, &settings);
        let endpoint = socket::endpoint(socket, Some(first), Some(&active.credentials))?;
        let house = Arc::new(House {
            context,
            settings,
            services: Arc::new(services),
            seen,
            calls: Arc::new(AtomicUsize::new(0)),
            connections: AtomicUsize::new(0),
            unauthenticated: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            drain: drain.clone(),
            tasks: TaskTracker::new(),
        });
        let accepting = drain.spawn(house.accept(endpoint, tcp));
        Ok(Serving { addr, accepting })
    }
}

/// The credentials of now: each connection takes the newest.
fn server_config(context: &LinkContext, settings: &Arc<TransportConfig>) -> ServerConfig {
    let mut config = ServerConfig::with_crypto(context.credentials.active().server.clone());
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0);
    config
        .transport_config(Arc::clone(settings))
        .validation_token_config(tokens)
        .migration(false);
    config
}

/// What all connections of one listener share.
struct House {
    context: LinkContext,
    settings: Arc<TransportConfig>,
    services: Arc<Services>,
    seen: Arc<PeersSeen>,
    calls: Arc<AtomicUsize>,
    connections: AtomicUsize,
    unauthenticated: AtomicUsize,
    handshakes: AtomicUsize,
    drain: Drain,
    tasks: TaskTracker,
}

impl House {
    async fn accept(self: Arc<Self>, endpoint: Endpoint, tcp: Option<tokio::net::TcpListener>) {
        let mut draining = false;
        loop {
            tokio::select! {
                biased;
                () = self.drain.begun(), if !draining => {
                    draining = true;
                    self.tasks.close();
                }
                () = self.tasks.wait(), if draining => break,
                () = self.drain.expired() => break,
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) if draining => {
                        self.context.metrics.refused(Refused::Draining);
                        incoming.refuse();
                    }
                    Some(incoming) => self.admit(incoming),
                    None => break,
                },
                (stream, remote) = tcp::next(tcp.as_ref()) => {
                    if draining {
                        self.context.metrics.refused(Refused::Draining);
                    } else {
                        self.admit_tcp(stream, remote);
                    }
                }
            }
        }
        endpoint.close(code::CLOSE_DRAINED, b"drained");
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
    }

    /// Refuses, asks for proof of address, or begins the handshake.
    fn admit(self: &Arc<Self>, incoming: Incoming) {
        let (limits, metrics) = (&self.context.limits, &self.context.metrics);
        let shaking = self.handshakes.load(Ordering::Relaxed);
        if self.connections.load(Ordering::Relaxed) >= limits.connections_max {
            metrics.refused(Refused::Connections);
            return incoming.refuse();
        }
        if shaking >= limits.handshakes_max {
            metrics.refused(Refused::Handshakes);
            return incoming.refuse();
        }
        if shaking >= limits.handshakes_retry_above && !incoming.remote_address_validated() {
            metrics.refused(Refused::AddressProof);
            // Always allowed for an address that is not validated.
            let _ = incoming.retry();
            return;
        }
        // quinn's server configuration holds a fresh key for address proofs, so the endpoint's
        // own is kept, and only the TLS part is of now.
        let config = server_config(&self.context, &self.settings);
        match incoming.accept_with(Arc::new(config)) {
            Ok(connecting) => {
                let house = Arc::clone(self);
                let shaking = Counted::enter(self, |house| &house.handshakes);
                self.drain.spawn(self.tasks.track_future(async move {
                    house.connection(connecting, shaking).await;
                }));
            }
            Err(error) => {
                metrics.handshake(Side::Server, "failed");
                tracing::debug!(%error, "connection not accepted");
            }
        }
    }

    async fn connection(self: Arc<Self>, connecting: Connecting, shaking: Counted) {
        let (limits, metrics) = (&self.context.limits, &self.context.metrics);
        let connected = tokio::select! {
            connected = tokio::time::timeout(limits.handshake_timeout, connecting) => connected,
            () = self.drain.begun() => return,
        };
        let connection = match connected {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                metrics.handshake(Side::Server, "failed");
                tracing::debug!(%error, "handshake failed");
                return;
            }
            Err(_) => return metrics.handshake(Side::Server, "timeout"),
        };
        drop(shaking);
        self.serve_one(Carrier::Quic(connection)).await;
    }

    async fn serve_one(self: Arc<Self>, carrier: Carrier) {
        let metrics = &self.context.metrics;
        match carrier.identity() {
            Ok(None) => self.serve_stranger(carrier).await,
            Ok(Some(identity)) if self.is_ours(&identity) => {
                self.serve_node(carrier, identity).await;
            }
            Ok(Some(_)) | Err(_) => {
                metrics.handshake(Side::Server, "identity");
                carrier.close(code::CLOSE_IDENTITY, b"not a node of this cluster");
            }
        }
    }

    fn is_ours(&self, identity: &NodeIdentity) -> bool {
        self.context.credentials.current().identity().cluster == identity.cluster
    }

    /// A peer without a certificate: a few streams, a short life.
    async fn serve_stranger(self: &Arc<Self>, connection: Carrier) {
        let (limits, metrics) = (&self.context.limits, &self.context.metrics);
        let _stranger = Counted::enter(self, |house| &house.unauthenticated);
        if self.unauthenticated.load(Ordering::Relaxed) > limits.unauthenticated_max {
            metrics.refused(Refused::Unauthenticated);
            connection.close(code::CLOSE_OVERLOAD, b"too many connections");
            return;
        }
        metrics.handshake(Side::Server, "unauthenticated");
        if let Carrier::Quic(connection) = &connection {
            connection.set_max_concurrent_bi_streams(VarInt::from_u32(JOIN_STREAMS_MAX));
        }
        let live = Live::new(connection, None, Arc::clone(limits), Arc::clone(metrics));
        let offering = Arc::new(self.offering(None));
        let life = tokio::time::sleep(limits.unauthenticated_life);
        self.drive(&live, &offering, life).await;
    }

    async fn serve_node(self: &Arc<Self>, connection: Carrier, identity: NodeIdentity) {
        let (limits, metrics) = (&self.context.limits, &self.context.metrics);
        let per_node_max = limits.connections_per_node_max;
        let _connection = Counted::enter(self, |house| &house.connections);
        let life = tokio::time::sleep(certified_for(&connection, SystemTime::now()));
        let identity = Arc::new(identity);
        let remote = connection.remote_address();
        let (limits, metrics) = (Arc::clone(limits), Arc::clone(metrics));
        let live = Live::new(connection, Some(Arc::clone(&identity)), limits, metrics);
        let peer = Peer::of_live(&live, self.drain.clone());
        let seen = match self
            .seen
            .enter(identity, remote, peer.clone(), per_node_max)
        {
            Ok(seen) => seen,
            Err(refused) => {
                self.context.metrics.refused(refused);
                let removed = refused == Refused::Removed;
                let (code, word): (_, &[u8]) = if removed {
                    (code::CLOSE_IDENTITY, b"node was removed")
                } else {
                    (code::CLOSE_OVERLOAD, b"too many connections")
                };
                return live.connection.close(code, word);
            }
        };
        self.context.metrics.handshake(Side::Server, "ok");
        let offering = Arc::new(self.offering(Some(seen)));
        self.drive(&live, &offering, life).await;
        peer.shared().publish(None, PeerState::Closed);
    }

    fn offering(&self, seen: Option<crate::seen::SeenGuard>) -> Offering {
        Offering {
            services: Arc::clone(&self.services),
            drain: self.drain.clone(),
            calls: Arc::clone(&self.calls),
            seen,
        }
    }

    /// Serves a connection until it is lost, its life is over, or it is drained.
    async fn drive(
        &self,
        live: &Arc<Live>,
        offering: &Arc<Offering>,
        life: impl Future<Output = ()>,
    ) {
        let transport = live.connection.transport();
        let _open = self.context.metrics.connection(Side::Server, transport);
        let streams = TaskTracker::new();
        let drained = async {
            self.drain.begun().await;
            streams.close();
            // An rpc may still come while the last call runs; it is waited for as well.
            streams.wait().await;
            tokio::time::sleep(LINGER).await;
        };
        tokio::select! {
            lost = live.drive(offering, &streams) => {
                tracing::debug!(error = %lost, "connection ended");
            }
            () = life => live.connection.close(code::CLOSE_EXPIRED, b"certificate expired"),
            () = drained => live.connection.close(code::CLOSE_DRAINED, b"drained"),
            () = self.drain.expired() => live.connection.close(code::CLOSE_DRAINED, b"drained"),
        }
    }
}

/// How long the certificate that the peer showed is still valid.
fn certified_for(connection: &Carrier, now: SystemTime) -> Duration {
    let chain = connection.chain();
    let not_after = chain
        .first()
        .and_then(|leaf| x509_parser::parse_x509_certificate(leaf).ok())
        .map(|(_, leaf)| to_time(leaf.validity().not_after.timestamp()));
    // The last second is included (RFC 5280 4.1.2.5), and the handshake goes by whole seconds.
    not_after
        .map(|at| at + Duration::from_secs(1))
        .and_then(|at| at.duration_since(now).ok())
        .unwrap_or_default()
}

/// Counts one thing of a listener while it lives.
struct Counted {
    house: Arc<House>,
    which: fn(&House) -> &AtomicUsize,
}

impl Counted {
    fn enter(house: &Arc<House>, which: fn(&House) -> &AtomicUsize) -> Self {
        which(house).fetch_add(1, Ordering::Relaxed);
        Self {
            house: Arc::clone(house),
            which,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.which)(&self.house).fetch_sub(1, Ordering::Relaxed);
    }
}
