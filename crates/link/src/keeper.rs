//! The background task of a peer: connects, serves the connection, connects again.
//!
//! While a connection goes over HTTP/2 it keeps trying QUIC, and goes over to it when it works:
//! calls in progress then end where they began. It never chooses between nodes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quinn::ConnectionError;
use serve::BoxFuture;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::carrier::LinkTransport;
use crate::code;
use crate::dial::{self, ConnectFault, Dialled};
use crate::digest;
use crate::error::{CallError, CallFailure};
use crate::identity::Expected;
use crate::live::{Live, Offering};
use crate::metrics::{GaugeGuard, Side};
use crate::peer::{PeerState, Shared};
use crate::transport::{LinkContext, Transport};

/// How often a connection that was left is looked at for calls still in progress.
const RETIRED_EVERY: Duration = Duration::from_millis(100);
/// How long the other side may not yet have heard, by its probes, that a connection was left over
/// which it calls us; and how long the last bytes of our answers have to arrive.
const RETIRED_TOLD: Duration = Duration::from_secs(2);
const RETIRED_LINGER: Duration = Duration::from_secs(5);

/// Owns the connection of one peer.
pub(crate) struct Keeper {
    pub(crate) transport: Transport,
    pub(crate) shared: Arc<Shared>,
    pub(crate) expected: Expected,
    pub(crate) offering: Arc<Offering>,
}

/// What earlier connections have taught.
struct Memory {
    /// Before the next attempt, when one fails.
    pause: Duration,
    /// Before the next attempt to go back to QUIC.
    return_pause: Duration,
    /// The last connection ended in silence, or went over HTTP/2: that is tried sooner.
    silent: bool,
    last: Option<LinkTransport>,
}

/// How a connection ended for its peer.
enum Held {
    Lost,
    /// QUIC works again.
    Better(Dialled),
}

/// A connection being served, which may go on when the peer has a better one.
struct Served {
    live: Arc<Live>,
    drive: BoxFuture<'static, ConnectionError>,
    _open: [GaugeGuard; 2],
}

impl Keeper {
    pub(crate) async fn run(self) {
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
        let mut memory = Memory {
            pause: limits.backoff_min,
            return_pause: limits.return_min,
            silent: false,
            last: None,
        };
        let mut better = None;
        loop {
            let begun = Instant::now();
            let reached = match better.take() {
                Some(dialled) => Ok(dialled),
                None => self.attempt(memory.silent).await,
            };
            match reached {
                Ok(dialled) => match self.hold(dialled, &mut memory).await {
                    Held::Better(dialled) => {
                        better = Some(dialled);
                        continue;
                    }
                    Held::Lost if begun.elapsed() >= limits.steady_after => {
                        memory.pause = limits.backoff_min;
                        // A lost connection that had worked is worth an attempt at once.
                        continue;
                    }
                    Held::Lost => {}
                },
                Err(fault) => {
                    // Hurry is for the first attempt.
                    memory.silent = false;
                    self.failed(&fault);
                }
            }
            tokio::time::sleep(jittered(memory.pause)).await;
            memory.pause = (memory.pause * 2).min(limits.backoff_max);
        }
    }

    async fn attempt(&self, silent: bool) -> Result<Dialled, ConnectFault> {
        let usual = self.transport.context.limits.fallback_after;
        // Not none: where both work, QUIC is to win, and it needs fewer round trips.
        let head_start = if silent { usual / 4 } else { usual };
        dial::race(
            &self.transport,
            self.shared.addr,
            &self.expected,
            head_start,
        )
        .await
    }

    fn failed(&self, fault: &ConnectFault) {
        let mistrusted = fault.is_mistrust();
        self.shared.mistrusted.store(mistrusted, Ordering::Relaxed);
        let metrics = &self.transport.context.metrics;
        metrics.handshake(Side::Client, "failed");
        tracing::debug!(addr = %self.shared.addr, error = %fault, "connect failed");
        self.shared.publish(None, PeerState::Down);
    }

    /// Publishes the connection and serves it until it is lost, or a better one is there.
    async fn hold(&self, dialled: Dialled, memory: &mut Memory) -> Held {
        let LinkContext {
            limits, metrics, ..
        } = &self.transport.context;
        let begun = Instant::now();
        let transport = dialled.carrier.transport();
        self.went_over(transport, memory);
        metrics.handshake(Side::Client, "ok");
        let open = metrics.connection(Side::Client, transport);
        let identity = Some(Arc::new(dialled.identity));
        let (for_limits, for_metrics) = (Arc::clone(limits), Arc::clone(metrics));
        if !self.offering.services.is_empty() {
            dialled.carrier.serve_back();
        }
        let live = Live::new(dialled.carrier, identity, for_limits, for_metrics);
        self.shared.mistrusted.store(false, Ordering::Relaxed);
        self.shared.publish(Some(Arc::clone(&live)), PeerState::Up);
        let (driven, offering) = (Arc::clone(&live), Arc::clone(&self.offering));
        let mut served = Served {
            live,
            drive: Box::pin(async move { driven.drive(&offering, &TaskTracker::new()).await }),
            _open: open,
        };
        let lost = match transport {
            LinkTransport::Quic => served.drive.await,
            LinkTransport::Http2 => tokio::select! {
                lost = &mut served.drive => lost,
                dialled = self.quic_again(memory) => {
                    self.retire(served);
                    return Held::Better(dialled);
                }
            },
        };
        memory.learn(transport, &lost, begun.elapsed(), limits);
        let mistrust = CallError::from_connection(&lost).reason == CallFailure::HandshakeFailed;
        self.shared.mistrusted.store(mistrust, Ordering::Relaxed);
        self.shared.publish(None, PeerState::Down);
        tracing::debug!(addr = %self.shared.addr, error = %lost, "connection lost");
        Held::Lost
    }

    /// Tells when a peer is reached by another transport than before.
    fn went_over(&self, transport: LinkTransport, memory: &mut Memory) {
        let before = memory
            .last
            .replace(transport)
            .unwrap_or(LinkTransport::Quic);
        if before != transport {
            self.transport.context.metrics.switched(transport);
            tracing::info!(
                addr = %self.shared.addr,
                transport = transport.as_str(),
                "peer is reached by another transport"
            );
        }
    }

    /// Resolves when QUIC works.
    async fn quic_again(&self, memory: &mut Memory) -> Dialled {
        let limits = &self.transport.context.limits;
        loop {
            tokio::time::sleep(jittered(memory.return_pause)).await;
            memory.return_pause = (memory.return_pause * 2).min(limits.return_max);
            match dial::quic(&self.transport, self.shared.addr, &self.expected).await {
                Ok(dialled) => return dialled,
                Err(fault) => {
                    tracing::debug!(addr = %self.shared.addr, error = %fault, "quic still fails");
                }
            }
        }
    }

    /// Serves a connection that has been left until the calls on it have ended.
    fn retire(&self, served: Served) {
        let (stop, cancel) = (self.transport.closed.clone(), self.shared.cancel.clone());
        let drain = self.transport.drain.clone();
        let serves = !self.offering.services.is_empty();
        served.live.leave();
        self.transport.tasks.spawn(async move {
            let Served { live, drive, _open } = served;
            let quiet = async {
                if serves {
                    tokio::time::sleep(RETIRED_TOLD).await;
                }
                // Not at once: a call may just have chosen it.
                loop {
                    tokio::time::sleep(RETIRED_EVERY).await;
                    if live.connection.calls() == 0 {
                        break;
                    }
                }
                if serves {
                    tokio::time::sleep(RETIRED_LINGER).await;
                }
            };
            tokio::select! {
                _ = drive => {}
                () = quiet => {}
                () = cancel.cancelled() => {}
                () = stop.cancelled() => {}
                () = drain.expired() => {}
            }
            live.connection
                .close(code::CLOSE_DONE, b"a better one is there");
        });
    }
}

impl Memory {
    fn learn(
        &mut self,
        transport: LinkTransport,
        lost: &ConnectionError,
        lived: Duration,
        limits: &crate::limits::LinkLimits,
    ) {
        let quic = transport == LinkTransport::Quic;
        let silence = matches!(
            lost,
            ConnectionError::TimedOut | ConnectionError::LocallyClosed
        );
        self.silent = !quic || silence;
        if quic && lived >= limits.steady_after {
            self.return_pause = limits.return_min;
        }
    }
}

/// Half to all of `pause`, so that many nodes do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let [byte] = digest::random::<1>().unwrap_or([u8::MAX]);
    pause / 2 + (pause / 2) * u32::from(byte) / u32::from(u8::MAX)
}
