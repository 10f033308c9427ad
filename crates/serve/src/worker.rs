//! The accept loop of one socket in one worker.
//!
//! It only accepts, counts and spawns; what happens on a connection is in `connection.rs`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::connection;
use crate::door::Door;
use crate::drain::Drain;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::listener::ListenerSettings;
use crate::metrics::{ListenerMetrics, Metrics};
use crate::protocol::Protocol;
use crate::tls::Tcp;

/// Pause after an accept that failed for want of file descriptors or memory: trying at once would
/// only burn the CPU that closing connections needs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One listener in one worker: what all its connections share.
pub(crate) struct Station {
    pub(crate) name: Arc<str>,
    pub(crate) local: std::net::SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Arc<Tcp>>,
    /// Announces HTTP/3 to clients of TCP.
    pub(crate) alt_svc: Option<HeaderValue>,
    pub(crate) metrics: ListenerMetrics,
    /// Spoken instead of HTTP.
    pub(crate) protocol: Option<Protocol>,
    pub(crate) door: Door,
    open: AtomicUsize,
}

/// Counts a connection as open for as long as it lives.
pub(crate) struct Open(Arc<Station>);

/// Everything a connection's task needs.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) at: Instant,
    pub(crate) station: Arc<Station>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) drain: Drain,
    pub(crate) tasks: TaskTracker,
}

impl Station {
    pub(crate) fn new(
        settings: &ListenerSettings,
        local: std::net::SocketAddr,
        tls: Option<Arc<Tcp>>,
        metrics: &Metrics,
    ) -> Self {
        Self {
            name: Arc::from(settings.name.as_str()),
            local,
            limits: settings.limits.clone(),
            tls,
            alt_svc: settings
                .h3
                .as_ref()
                .filter(|_| settings.tls.is_some() && settings.protocol.is_none())
                .and_then(|h3| h3.alt_svc(local.port())),
            metrics: metrics.of_listener(&settings.name),
            protocol: settings.protocol.clone(),
            door: settings.door.clone(),
            open: AtomicUsize::new(0),
        }
    }

    /// Takes a place for one more connection, if there is one.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Open> {
        if self.open.load(Relaxed) >= self.limits.connections_max {
            return None;
        }
        self.open.fetch_add(1, Relaxed);
        self.metrics.open.inc();
        Some(Open(Arc::clone(self)))
    }
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
        self.0.metrics.open.dec();
    }
}

/// Accepts until the drain begins. Dropping the socket then makes the kernel send new clients to
/// other processes.
pub(crate) async fn accept(
    listener: TcpListener,
    station: Arc<Station>,
    handler: Arc<dyn Handler>,
    drain: Drain,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.begun() => return,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if is_of_connection(&error) {
                    continue;
                }
                tracing::warn!(listener = %station.name, %error, "accept failed, pausing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        station.metrics.accepted.inc();
        let Some(open) = station.enter() else {
            station.metrics.closed("connections_max");
            continue;
        };
        let accepted = Accepted {
            socket,
            peer,
            at: Instant::now(),
            station: Arc::clone(&station),
            handler: Arc::clone(&handler),
            drain: drain.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(async move {
            let _open = open;
            connection::run(accepted).await;
        });
    }
}

/// Whether an accept failed because of the one connection it would have given.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
