//! The responder's life: made, bound early, served late, drained.
//!
//! Each worker is a thread with its own runtime and its own sockets (`SO_REUSEPORT`), so that the
//! kernel spreads clients over workers and no two share anything but the configuration. A socket
//! bound to a wildcard address would answer from whatever address the route says; give every
//! address by itself on hosts with several.

use std::{io, net::SocketAddr, sync::Arc, thread};

use arc_swap::ArcSwap;
use model::{Revision, ZoneView};
use prometheus::Registry;
use steer::{caps::Shares, latency::LatencyMap};
use tokio::{runtime, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Answers, DnsError, DnsSettings, Live, Responder, install,
    metrics::Metrics,
    rates::Rates,
    sockets::{self, Sockets},
    tcp,
    transfer::Transfers,
    udp,
};

/// The DNS role before it has sockets.
#[derive(Debug)]
pub struct Dns {
    shared: Shared,
    view: watch::Receiver<Arc<ZoneView>>,
    live: watch::Receiver<Arc<Live>>,
    map: watch::Receiver<Arc<LatencyMap>>,
    shares: watch::Receiver<Arc<Shares>>,
    installed: watch::Sender<Revision>,
}

/// The DNS role with its sockets open, not yet answering.
#[derive(Debug)]
pub struct BoundDns {
    dns: Dns,
    addresses: Vec<SocketAddr>,
    workers: Vec<Sockets>,
}

/// The DNS role at work. Dropping this does not end it; the drain token does.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<SocketAddr>,
    installed: watch::Receiver<Revision>,
    tasks: TaskTracker,
}

/// What every worker shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) responder: Arc<ArcSwap<Responder>>,
    pub(crate) installed: watch::Receiver<Revision>,
    pub(crate) settings: DnsSettings,
    pub(crate) metrics: Metrics,
    pub(crate) drain: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) transfers: Transfers,
}

impl Dns {
    /// Takes what it answers from: the configuration (a view without a base domain means that
    /// there is none yet) and the health of nodes. Everything ends when `drain` is cancelled.
    ///
    /// # Errors
    /// If `registry` already has the metrics of another `Dns`.
    pub fn new(
        settings: DnsSettings,
        view: watch::Receiver<Arc<ZoneView>>,
        live: watch::Receiver<Arc<Live>>,
        registry: &Registry,
        drain: CancellationToken,
    ) -> Result<Self, prometheus::Error> {
        let (sender, installed) = watch::channel(Revision(0));
        let shared = Shared {
            responder: Arc::new(ArcSwap::from_pointee(Responder::default())),
            installed,
            settings,
            metrics: Metrics::register(registry)?,
            drain: drain.child_token(),
            tasks: TaskTracker::new(),
            transfers: Transfers::default(),
        };
        Ok(Self {
            shared,
            view,
            live,
            map: watch::Sender::default().subscribe(),
            shares: watch::Sender::default().subscribe(),
            installed: sender,
        })
    }

    /// Answers for transports that others open. They have answers once this serves and has
    /// installed a configuration.
    #[must_use]
    pub fn answers(&self) -> Answers {
        Answers(self.shared.clone())
    }

    /// Steers by this latency map, and by each that follows it; without this, by coordinates alone.
    #[must_use]
    pub fn with_map(self, map: watch::Receiver<Arc<LatencyMap>>) -> Self {
        Self { map, ..self }
    }

    /// Names places to no more than these shares of their clients, and to each that follow;
    /// without this, to all.
    #[must_use]
    pub fn with_shares(self, shares: watch::Receiver<Arc<Shares>>) -> Self {
        Self { shares, ..self }
    }

    /// Opens UDP and TCP sockets on each address, once per worker. Port 0 takes a free one, the
    /// same for both. At least one worker is made.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub fn bind(self, addrs: &[SocketAddr], workers: usize) -> Result<BoundDns, DnsError> {
        let workers = workers.max(1);
        let mut bound: Vec<Sockets> = Vec::with_capacity(workers);
        bound.resize_with(workers, Sockets::default);
        let mut addresses = Vec::with_capacity(addrs.len());
        for addr in addrs {
            addresses.push(sockets::bind(*addr, &mut bound)?);
        }
        Ok(BoundDns {
            dns: self,
            addresses,
            workers: bound,
        })
    }
}

impl BoundDns {
    /// The same as [`Dns::answers`].
    #[must_use]
    pub fn answers(&self) -> Answers {
        self.dns.answers()
    }

    /// The addresses that are listened on, in the order given to `bind`.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the workers and, on the current runtime, the task that installs configurations.
    /// Workers answer nothing before the first one is installed.
    ///
    /// # Errors
    /// If a worker's thread or runtime cannot be made; those that were made end.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn serve(self) -> Result<Serving, DnsError> {
        let Dns {
            shared,
            view,
            live,
            map,
            shares,
            installed,
        } = self.dns;
        let follows = install::Follows { live, map, shares };
        let tcp_open = tcp::Gate::new(shared.settings.limits.tcp_connections_max);
        let count = self.workers.len();
        for (number, sockets) in self.workers.into_iter().enumerate() {
            if let Err(source) =
                start_worker((number, count), sockets, shared.clone(), tcp_open.clone())
            {
                shared.drain.cancel();
                shared.tasks.close();
                return Err(DnsError::Worker {
                    worker: number,
                    source,
                });
            }
        }
        shared
            .tasks
            .spawn(install::run(shared.clone(), view, follows, installed));
        shared.tasks.close();
        Ok(Serving {
            addresses: self.addresses,
            installed: shared.installed,
            tasks: shared.tasks,
        })
    }
}

impl Serving {
    /// The addresses that are listened on, in the order given to `bind`.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The revision that is answered from; 0 until there is one. It never falls.
    #[must_use]
    pub fn installed(&self) -> watch::Receiver<Revision> {
        self.installed.clone()
    }

    /// Waits until everything has ended, which the drain token brings about.
    pub async fn ended(self) {
        self.tasks.wait().await;
    }
}

fn start_worker(
    (number, count): (usize, usize),
    sockets: Sockets,
    shared: Shared,
    tcp_open: tcp::Gate,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tracked = shared.tasks.token();
    let mut loops = Vec::new();
    let guard = runtime.enter();
    for socket in sockets.udp {
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        let settings = &shared.settings;
        let rates = Rates::new(settings.rate_s, count, settings.rate_exempt.clone());
        let run = udp::run(socket, shared.clone(), rates);
        loops.push(runtime.spawn(shared.tasks.track_future(run)));
    }
    for listener in sockets.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let run = tcp::run(listener, shared.clone(), tcp_open.clone());
        loops.push(runtime.spawn(shared.tasks.track_future(run)));
    }
    drop(guard);
    thread::Builder::new()
        .name(format!("dns-{number}"))
        .spawn(move || {
            // Connections outlive the loops that accepted them; the tracker knows when the last
            // one has ended.
            runtime.block_on(async {
                for one in loops {
                    // A loop that panicked has said so already.
                    drop(one.await);
                }
                drop(tracked);
                shared.tasks.wait().await;
            });
        })?;
    Ok(())
}
