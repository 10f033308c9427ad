//! The dialling side: one UDP endpoint and the peers that are reached from it.
//!
//! Make one per worker runtime, inside that runtime, so that a request and its connection stay
//! on one core.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use quinn::{Endpoint, TransportConfig};
use serve::Drain;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::code;
use crate::error::LinkError;
use crate::identity::Expected;
use crate::keeper::Keeper;
use crate::limits::LinkLimits;
use crate::live::Offering;
use crate::metrics::Metrics;
use crate::peer::{Peer, Shared};
use crate::services::Services;
use crate::socket;
use crate::tls::CredentialStore;

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
    pub(crate) endpoint: Endpoint,
    pub(crate) context: LinkContext,
    pub(crate) settings: Arc<TransportConfig>,
    pub(crate) drain: Drain,
    pub(crate) tasks: TaskTracker,
    pub(crate) closed: CancellationToken,
    /// Where connections over TCP come from; any address of the machine if there is none.
    pub(crate) from: Option<IpAddr>,
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
            from: bind.map(|bind| bind.ip()).filter(|ip| !ip.is_unspecified()),
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

/// How long closing packets are repeated for peers that do not answer them.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

pub(crate) const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
pub(crate) const ANY_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
