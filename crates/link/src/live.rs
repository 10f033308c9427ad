//! One open connection to another node, whichever side opened it.
//!
//! It opens streams for calls, rpcs and feeds, answers what the other side opens, and moves
//! probes. It does not reconnect; `peer.rs` does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quinn::ConnectionError;
use serve::Drain;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::carrier::Carrier;
use crate::error::{CallError, CallFailure};
use crate::identity::{NodeIdentity, PeerRole};
use crate::limits::LinkLimits;
use crate::metrics::{Metrics, Refused};
use crate::probe::{Datagram, ProbeError, ProbeReport, ProbeState};
use crate::seen::SeenGuard;
use crate::services::Services;
use crate::serving;
use crate::wire::stream::{Inbound, Outbound};

/// Probes in flight on one connection; older ones have long timed out.
const PROBES_MAX: usize = 64;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) connection: Carrier,
    pub(crate) identity: Option<Arc<NodeIdentity>>,
    pub(crate) limits: Arc<LinkLimits>,
    pub(crate) metrics: Arc<Metrics>,
    /// It was left for a better one: probes say so.
    left: AtomicBool,
    waiting: AtomicU32,
    next_probe: AtomicU64,
    probes: Mutex<BTreeMap<u64, oneshot::Sender<(Instant, ProbeState)>>>,
}

/// What is offered to the other side of a connection.
#[derive(Debug)]
pub(crate) struct Offering {
    pub(crate) services: Arc<Services>,
    pub(crate) drain: Drain,
    /// Calls in progress on all connections of a listener.
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) seen: Option<SeenGuard>,
}

impl Live {
    pub(crate) fn new(
        connection: Carrier,
        identity: Option<Arc<NodeIdentity>>,
        limits: Arc<LinkLimits>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection,
            identity,
            limits,
            metrics,
            left: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            next_probe: AtomicU64::new(0),
            probes: Mutex::default(),
        })
    }

    /// Tells the other side, by its probes, that it had better use another connection.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Opens a stream. Waits while the peer allows no more streams; a limited number may wait.
    pub(crate) async fn open(&self) -> Result<(Outbound, Inbound), CallError> {
        let waiting = Waiting::enter(&self.waiting);
        if waiting.number > self.limits.waiting_max {
            self.metrics.refused(Refused::Streams);
            return Err(CallError::unsent(CallFailure::RefusedOverload));
        }
        let opened = self.connection.open().await;
        drop(waiting);
        opened.map_err(|lost| {
            // Nothing was sent, whatever became of the connection.
            CallError::unsent(CallError::from_connection(&lost).reason)
        })
    }

    /// Sends one probe and waits for its answer.
    pub(crate) async fn probe(&self, timeout: Duration) -> Result<ProbeReport, ProbeError> {
        let number = self.next_probe.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
            while probes.len() >= PROBES_MAX {
                probes.pop_first();
            }
            probes.insert(number, answer);
        }
        let sent = Instant::now();
        let datagram = Datagram::Ask { number }.encode();
        if !self.connection.send_datagram(datagram) {
            self.forget(number);
            // A full buffer is not the end of the connection.
            return Err(self.unanswered());
        }
        let answered = tokio::time::timeout(timeout, answered).await;
        let Ok(Ok((received, state))) = answered else {
            self.forget(number);
            self.metrics.probed(None);
            return Err(self.unanswered());
        };
        let rtt = received.duration_since(sent);
        self.metrics.probed(Some(rtt));
        let ProbeState {
            load,
            revision,
            draining,
        } = state;
        Ok(ProbeReport {
            rtt,
            load,
            revision,
            draining,
        })
    }

    fn forget(&self, number: u64) {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.remove(&number);
    }

    fn unanswered(&self) -> ProbeError {
        if self.connection.is_closed() {
            ProbeError::Down
        } else {
            ProbeError::Lost
        }
    }

    /// How long a prober waits for an answer on this path.
    pub(crate) fn probe_timeout(&self) -> Duration {
        let (min, max) = (self.limits.probe_timeout_min, self.limits.probe_timeout_max);
        (self.connection.rtt() * 3).clamp(min, max.max(min))
    }

    /// Serves what the other side opens until the connection is lost; streams run in `streams`.
    /// Not to be dropped before that, unless the connection is closed with it.
    pub(crate) async fn drive(
        self: &Arc<Self>,
        offering: &Arc<Offering>,
        streams: &TaskTracker,
    ) -> ConnectionError {
        loop {
            tokio::select! {
                opened = self.connection.accept() => match opened {
                    Ok((outbound, inbound)) if streams.len() >= self.streams_max() => {
                        serving::turn_away(self, outbound, inbound);
                    }
                    Ok((outbound, inbound)) => {
                        let (live, offering) = (Arc::clone(self), Arc::clone(offering));
                        let drain = offering.drain.clone();
                        let served = serving::serve(live, offering, outbound, inbound);
                        streams.spawn(drain.track(served));
                    }
                    Err(lost) => return lost,
                },
                datagram = self.connection.read_datagram() => match datagram {
                    Ok(bytes) => self.take_datagram(&bytes, offering),
                    Err(lost) => return lost,
                },
            }
        }
    }

    /// Streams that the other side may have open; the transport bounds those of most nodes.
    fn streams_max(&self) -> usize {
        match self.role() {
            Some(PeerRole::Connector) => self.limits.connector_streams_max,
            _ => usize::MAX,
        }
    }

    pub(crate) fn role(&self) -> Option<PeerRole> {
        self.identity.as_ref().map(|identity| identity.role)
    }

    fn take_datagram(&self, bytes: &[u8], offering: &Offering) {
        match Datagram::decode(bytes) {
            Some(Datagram::Ask { number }) => {
                let Some(source) = offering.services.probe_source() else {
                    return;
                };
                // Load and revision are for nodes of the cluster only.
                if self.identity.is_none() {
                    return;
                }
                if let Some(seen) = &offering.seen {
                    seen.probed();
                }
                let mut state = source.probe();
                state.draining |= offering.drain.has_begun() || self.left.load(Ordering::Relaxed);
                let answer = Datagram::Answer { number, state }.encode();
                // A full buffer or a lost connection loses the answer: that is a lost probe.
                let _ = self.connection.send_datagram(answer);
            }
            Some(Datagram::Answer { number, state }) => {
                let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
                let waiting = probes.remove(&number);
                drop(probes);
                if let Some(waiting) = waiting {
                    let _ = waiting.send((Instant::now(), state));
                }
            }
            None => self.metrics.refused(Refused::Malformed),
        }
    }
}

/// Counts those that wait for a stream.
struct Waiting<'a> {
    count: &'a AtomicU32,
    number: u32,
}

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicU32) -> Self {
        Self {
            count,
            number: count.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
