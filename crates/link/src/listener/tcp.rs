//! Connections over TCP: taken as those over QUIC are, within the same limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serve::{BoxError, MuxedTls};
use tokio::net::{TcpListener, TcpStream};

use super::{Counted, House, JOIN_STREAMS_MAX};
use crate::carrier::{self, Carrier, Tcp};
use crate::metrics::{Refused, Side};

/// Pause after TCP could not accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl House {
    /// As [`admit`](Self::admit); TCP has proven the address.
    pub(super) fn admit_tcp(self: &Arc<Self>, stream: TcpStream, remote: SocketAddr) {
        let (limits, metrics) = (&self.context.limits, &self.context.metrics);
        if self.connections.load(Ordering::Relaxed) >= limits.connections_max {
            return metrics.refused(Refused::Connections);
        }
        if self.handshakes.load(Ordering::Relaxed) >= limits.handshakes_max {
            return metrics.refused(Refused::Handshakes);
        }
        let house = Arc::clone(self);
        let shaking = Counted::enter(self, |house| &house.handshakes);
        self.drain.spawn(self.tasks.track_future(async move {
            let begun = tokio::select! {
                begun = tokio::time::timeout(
                    house.context.limits.handshake_timeout,
                    house.begin_tcp(stream, remote),
                ) => begun,
                () = house.drain.begun() => return,
            };
            drop(shaking);
            match begun {
                Ok(Ok(tcp)) => house.serve_one(Carrier::Tcp(Box::new(tcp))).await,
                Ok(Err(error)) => {
                    house.context.metrics.handshake(Side::Server, "failed");
                    tracing::debug!(error, "handshake over tcp failed");
                }
                Err(_) => house.context.metrics.handshake(Side::Server, "timeout"),
            }
        }));
    }

    async fn begin_tcp(&self, stream: TcpStream, remote: SocketAddr) -> Result<Tcp, BoxError> {
        let (limits, active) = (&self.context.limits, self.context.credentials.active());
        let tls = MuxedTls::accept(stream, remote, active.tcp_server.clone()).await?;
        let streams_max = if tls.chain().is_empty() {
            JOIN_STREAMS_MAX
        } else {
            limits.streams_max
        };
        let spawn = |driver| {
            self.drain.spawn(self.tasks.track_future(driver));
        };
        let settings = carrier::settings(limits, streams_max);
        Ok(Tcp::begin(tls, settings, &spawn).await?)
    }
}

/// The next connection over TCP; never without a socket for it.
pub(super) async fn next(tcp: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    let Some(tcp) = tcp else {
        return std::future::pending().await;
    };
    loop {
        match tcp.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::debug!(%error, "connection over tcp not accepted");
                // Out of descriptors: the next attempt at once would only fail again.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
