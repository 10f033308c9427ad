//! A set of listeners and the workers that serve them: bound early, serving late.
//!
//! A data-plane server runs one thread per worker, each with a current-thread runtime, so that a
//! connection never leaves its core. A control-plane server is small and runs on the runtime it is
//! started from.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::drain::Drain;
use crate::h3::{self, ByName, Desk, H3Socket, Handed};
use crate::handler::{Handler, HandlerFactory};
use crate::listener::{self, ListenerSettings};
use crate::metrics::Metrics;
use crate::tls;
use crate::worker::{self, Station};

/// Workers of one server at most.
const WORKERS_MAX: usize = 1024;

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address could not be listened at.
    #[error("listening at {addr} for listener {listener}")]
    Bind {
        /// The listener's name.
        listener: String,
        /// The address as configured.
        addr: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error("setting up tls for listener {listener}")]
    Tls {
        /// The listener's name.
        listener: String,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// A worker's thread or runtime could not be started.
    #[error("starting worker {worker}")]
    Worker {
        /// Its number.
        worker: usize,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The entry point: [`Server::bind`].
#[derive(Debug)]
pub struct Server;

/// A server whose sockets are open: clients can connect, and wait in the kernel's queue until it
/// serves.
#[derive(Debug)]
pub struct BoundServer {
    /// One list of stations per worker.
    workers: Vec<Vec<Unopened>>,
    addresses: Vec<(String, SocketAddr)>,
}

/// A listener's socket in one worker, not yet in a runtime.
#[derive(Debug)]
struct Unopened {
    socket: TcpListener,
    station: Arc<Station>,
    h3: Option<H3Part>,
}

/// HTTP/3 of a listener in one worker.
#[derive(Debug)]
struct H3Part {
    /// Connections for this worker.
    handed: Handed,
    /// In one worker: the socket itself.
    socket: Option<H3Socket>,
}

/// A server that serves. Dropping it does not stop it: the drain does.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<(String, SocketAddr)>,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Server {
    /// Opens all sockets, `workers` (at least one) at every address of every listener. Nothing is
    /// accepted yet. Needs no runtime.
    ///
    /// # Errors
    ///
    /// If an address cannot be listened at or TLS cannot be set up.
    pub fn bind(
        listeners: Vec<ListenerSettings>,
        workers: usize,
        metrics: &Metrics,
    ) -> Result<BoundServer, ServeError> {
        let count = workers.clamp(1, WORKERS_MAX);
        let mut workers: Vec<Vec<Unopened>> = Vec::new();
        workers.resize_with(count, Vec::new);
        let mut addresses = Vec::new();
        for settings in listeners {
            let protocol = settings.protocol.as_ref();
            let tls = settings
                .tls
                .as_ref()
                .map(|certs| {
                    let own = protocol.map(|protocol| [protocol.alpn.as_bytes()]);
                    let alpn = own.as_ref().map_or(tls::HTTP, |own| own.as_slice());
                    let roots = settings.door.client_roots.as_ref();
                    tls::tcp(Arc::clone(certs), alpn, roots).map(Arc::new)
                })
                .transpose()
                .map_err(|source| ServeError::Tls {
                    listener: settings.name.clone(),
                    source,
                })?;
            let quic = settings.h3_crypto()?;
            for addr in &settings.addrs {
                let device = settings.door.device.as_deref();
                let opened = listener::open_all(*addr, count, (quic.is_some(), device));
                let opened = opened.map_err(|source| ServeError::Bind {
                    listener: settings.name.clone(),
                    addr: *addr,
                    source,
                })?;
                addresses.push((settings.name.clone(), opened.addr));
                let mut parts = h3_parts(opened.udp, quic.as_ref(), count);
                for (worker, socket) in workers.iter_mut().zip(opened.tcp) {
                    let station = Station::new(&settings, opened.addr, tls.clone(), metrics);
                    worker.push(Unopened {
                        socket,
                        station: Arc::new(station),
                        h3: parts.pop_front(),
                    });
                }
            }
        }
        Ok(BoundServer { workers, addresses })
    }
}

impl BoundServer {
    /// Every listener's name with each of its real addresses, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// The first address of a listener.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.addresses
            .iter()
            .find(|(name, _)| name == listener)
            .map(|(_, addr)| *addr)
    }

    /// Starts one thread per worker. Each makes its handler with `factory` and serves until
    /// `drain` ends it.
    ///
    /// # Errors
    ///
    /// If a thread or a runtime cannot be made; workers already started then end with the drain.
    pub fn serve(
        self,
        factory: Arc<dyn HandlerFactory>,
        drain: &Drain,
    ) -> Result<Serving, ServeError> {
        let mut ended = Vec::with_capacity(self.workers.len());
        for (number, sockets) in self.workers.into_iter().enumerate() {
            let failed = |source| ServeError::Worker {
                worker: number,
                source,
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(failed)?;
            let (end, ends) = oneshot::channel();
            let (factory, drain) = (Arc::clone(&factory), drain.clone());
            std::thread::Builder::new()
                .name(format!("serve-{number}"))
                .spawn(move || {
                    runtime.block_on(drain.clone().track(async move {
                        let handler = factory.make(number);
                        serve_all(sockets, &handler, &drain).await;
                    }));
                    // Nobody may be waiting for it.
                    let _ = end.send(());
                })
                .map_err(failed)?;
            ended.push(ends);
        }
        Ok(Serving {
            addresses: self.addresses,
            ended,
        })
    }

    /// Serves on the current runtime with one handler: for the management API and metrics. Bind
    /// such a server with one worker.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as `tokio::spawn` does.
    pub fn serve_on_current(self, handler: Arc<dyn Handler>, drain: &Drain) -> Serving {
        let mut ended = Vec::with_capacity(self.workers.len());
        for sockets in self.workers {
            let (end, ends) = oneshot::channel();
            let (handler, inner) = (Arc::clone(&handler), drain.clone());
            drain.spawn(async move {
                serve_all(sockets, &handler, &inner).await;
                let _ = end.send(());
            });
            ended.push(ends);
        }
        Serving {
            addresses: self.addresses,
            ended,
        }
    }
}

impl Serving {
    /// Every listener's name with each of its real addresses, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// The first address of a listener.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.addresses
            .iter()
            .find(|(name, _)| name == listener)
            .map(|(_, addr)| *addr)
    }

    /// Waits until every worker has ended, which happens when the drain is finished.
    pub async fn ended(self) {
        for ends in self.ended {
            // An error means that the worker's thread is gone, which is an end too.
            let _ = ends.await;
        }
    }
}

impl ListenerSettings {
    fn h3_crypto(&self) -> Result<Option<Arc<ByName>>, ServeError> {
        let alpn = match &self.protocol {
            Some(protocol) => protocol.messages.as_ref().map(|messages| messages.alpn),
            None => self.h3.as_ref().map(|_| "h3"),
        };
        let (Some(certs), Some(alpn)) = (&self.tls, alpn) else {
            return Ok(None);
        };
        let made = tls::quic(Arc::clone(certs), alpn);
        let config = made.map_err(|source| ServeError::Tls {
            listener: self.name.clone(),
            source,
        })?;
        Ok(Some(Arc::new(ByName::new(config))))
    }
}

/// What each worker gets of a UDP socket: the first the socket, all a place to be handed
/// connections at. Empty without HTTP/3.
fn h3_parts(
    udp: Option<UdpSocket>,
    crypto: Option<&Arc<ByName>>,
    workers: usize,
) -> VecDeque<H3Part> {
    let (Some(udp), Some(crypto)) = (udp, crypto) else {
        return VecDeque::new();
    };
    let (desks, handed): (Vec<Desk>, Vec<Handed>) = (0..workers).map(|_| Desk::new()).unzip();
    let mut socket = Some(H3Socket::new(udp, Arc::clone(crypto), desks));
    let parts = handed.into_iter().map(|handed| H3Part {
        handed,
        socket: socket.take(),
    });
    parts.collect()
}

/// Serves all sockets of one worker until the drain ends it, with all its connections.
async fn serve_all(sockets: Vec<Unopened>, handler: &Arc<dyn Handler>, drain: &Drain) {
    let connections = tokio_util::task::TaskTracker::new();
    for Unopened {
        socket,
        station,
        h3,
    } in sockets
    {
        if let Some(H3Part { handed, socket }) = h3 {
            let place = h3::Place {
                station: Arc::clone(&station),
                handler: Arc::clone(handler),
                drain: drain.clone(),
                tasks: connections.clone(),
            };
            h3::serve(place, handed, socket);
        }
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(listener = %station.name, %error, "listener lost its socket");
                continue;
            }
        };
        let accepting = worker::accept(
            listener,
            station,
            Arc::clone(handler),
            drain.clone(),
            connections.clone(),
        );
        connections.spawn(accepting);
    }
    drain.begun().await;
    connections.close();
    tokio::select! {
        biased;
        () = connections.wait() => {}
        () = drain.expired() => {
            // Connections hear it too; this only waits for them to let go.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(500),
                connections.wait()).await;
        }
    }
}
