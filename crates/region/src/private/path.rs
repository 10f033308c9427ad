//! One connection of a connector: what it offers, how it is, whether it is in doubt.
//!
//! What a connector says is kept within limits here, and a connection over which it says more is
//! not used. Which connection a call goes over is chosen elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use link::{CallFailure, NodeIdentity, Peer, PeerState, ProbeError, RpcError, Service, WayBack};
use tokio::sync::watch;

use super::{
    ConnectorSight, OfferedUpstream,
    choice::Standing,
    message::{self, BadOffers},
    metrics::RegionMetrics,
};

/// Between two probes of one connection.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// Beyond that, a connection is not chosen while there is another.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// Lost probes in a row after which calls that wait for an answer are made elsewhere.
const DOUBTED_AFTER: u32 = 2;
/// For a connector to say what it offers.
const OFFERS_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection of a connector.
pub(super) struct Path {
    pub(super) number: u64,
    identity: Arc<NodeIdentity>,
    pub(super) peer: Peer,
    offers: ArcSwap<Vec<OfferedUpstream>>,
    /// Lost probes in a row.
    lost: watch::Sender<u32>,
    draining: AtomicBool,
    /// Calls of this node over this connection.
    own: AtomicU32,
    /// Calls that the connector has in progress, by its last probe.
    told: AtomicU32,
}

/// Counts a call over a path.
pub(super) struct Ride(Arc<Path>);

impl Path {
    pub(super) fn new(way: WayBack, offers: Vec<OfferedUpstream>) -> Arc<Self> {
        Arc::new(Self {
            number: way.number,
            identity: way.identity,
            peer: way.peer,
            offers: ArcSwap::from_pointee(offers),
            lost: watch::Sender::new(0),
            draining: AtomicBool::new(false),
            own: AtomicU32::new(0),
            told: AtomicU32::new(0),
        })
    }

    /// Notes what probes tell until the connection is gone. A lost probe takes the connection out
    /// of the choice and no more: it also carries bodies, behind which a datagram may be late, and
    /// the transport itself finds out when nothing comes at all.
    async fn follow(&self, metrics: &RegionMetrics) {
        let mut known = 0;
        loop {
            match self.peer.probe(PROBE_TIMEOUT).await {
                Ok(report) => {
                    self.lost.send_if_modified(|lost| std::mem::take(lost) > 0);
                    self.draining.store(report.draining, Ordering::Relaxed);
                    self.told.store(report.load.in_flight, Ordering::Relaxed);
                    // Asked again with the next probe if this fails.
                    if report.revision != known {
                        match offers_of(&self.peer).await {
                            Ok(offers) => {
                                known = report.revision;
                                self.offers.store(Arc::new(offers));
                            }
                            Err(error) if error.is_hostile() => {
                                metrics.refused_offers.inc();
                                return;
                            }
                            Err(_) => {}
                        }
                    }
                }
                Err(ProbeError::Lost) => self.lost.send_modify(|lost| *lost += 1),
                Err(ProbeError::Down) => return,
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    /// Follows the connection until it is gone, also between two probes.
    pub(super) async fn follow_to_its_end(&self, metrics: &RegionMetrics) {
        tokio::select! {
            () = self.follow(metrics) => {}
            () = gone(&self.peer) => {}
        }
    }

    /// Its last probe was not answered.
    pub(super) fn is_suspect(&self) -> bool {
        *self.lost.borrow() > 0
    }

    /// So many probes were lost that nothing may come back over it at all.
    pub(super) fn is_doubted(&self) -> bool {
        *self.lost.borrow() >= DOUBTED_AFTER
    }

    /// Changes with every lost probe, and when one is answered again.
    pub(super) fn losses(&self) -> watch::Receiver<u32> {
        self.lost.subscribe()
    }

    /// What operators see of it, its connections not counted.
    pub(super) fn sight(&self) -> ConnectorSight {
        ConnectorSight {
            node: self.identity.node,
            name: self.identity.place.clone(),
            draining: self.is_leaving(),
            connections: 0,
            in_flight: self.told.load(Ordering::Relaxed),
            upstreams: self.offers.load().to_vec(),
        }
    }

    pub(super) fn identity(&self) -> &NodeIdentity {
        &self.identity
    }

    pub(super) fn place(&self) -> &str {
        &self.identity.place
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(super) fn node(&self) -> u64 {
        self.identity.node
    }

    pub(super) fn is_one_of(&self, connectors: &[Box<str>]) -> bool {
        connectors.iter().any(|name| **name == *self.identity.place)
    }

    /// None where the upstream cannot be reached over it.
    pub(super) fn standing(&self, upstream: &str, tried: bool) -> Option<Standing> {
        if self.is_leaving() {
            return None;
        }
        let offers = self.offers.load();
        let offer = offers.iter().find(|offer| offer.name == upstream)?;
        let (own, told) = (&self.own, &self.told);
        Some(Standing {
            health: offer.health,
            suspect: self.is_suspect(),
            tried,
            load: own
                .load(Ordering::Relaxed)
                .max(told.load(Ordering::Relaxed)),
        })
    }

    /// It has refused a call because it is going away, before a probe could say so.
    pub(super) fn leaves(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

impl Ride {
    pub(super) fn begin(path: &Arc<Path>) -> Self {
        path.own.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(path))
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.0.own.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Resolves once the connection has ended, also between two probes.
async fn gone(peer: &Peer) {
    let mut state = peer.watch();
    // An error means the same: nobody is left who could tell.
    drop(state.wait_for(|state| *state != PeerState::Up).await);
}

/// Why a connector's offers are not known.
#[derive(Debug)]
enum NoOffers {
    Asked(RpcError),
    /// It said what no connector of ours says.
    Bad(BadOffers),
}

impl NoOffers {
    /// Nothing will change by asking again.
    const fn is_final(&self) -> bool {
        match self {
            Self::Bad(BadOffers) | Self::Asked(RpcError::TooLarge) => true,
            // Connectors also ask, over connections that answer nothing.
            Self::Asked(RpcError::Link(error)) => matches!(
                error.reason,
                CallFailure::RefusedUnknown | CallFailure::Closed
            ),
            Self::Asked(RpcError::Refused(_) | RpcError::Timeout) => false,
        }
    }

    const fn is_hostile(&self) -> bool {
        matches!(self, Self::Bad(_) | Self::Asked(RpcError::TooLarge))
    }
}

/// What a connector offers over a connection; none where it offers nothing, or is gone.
pub(super) async fn begin(way: &WayBack, metrics: &RegionMetrics) -> Option<Vec<OfferedUpstream>> {
    loop {
        let error = match offers_of(&way.peer).await {
            Ok(offers) => return Some(offers),
            Err(error) => error,
        };
        if error.is_hostile() {
            metrics.refused_offers.inc();
            tracing::warn!(connector = %way.identity, "offers refused: not used");
        }
        let gone = way.peer.probe(PROBE_TIMEOUT).await == Err(ProbeError::Down);
        if error.is_final() || gone {
            return None;
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

async fn offers_of(peer: &Peer) -> Result<Vec<OfferedUpstream>, NoOffers> {
    let bounds = (message::OFFERS_BYTES_MAX, OFFERS_TIMEOUT);
    let answer = peer.rpc_at_most(Service::Cluster, Bytes::new(), bounds);
    let answer = answer.await.map_err(NoOffers::Asked)?;
    message::decode_offers(&answer).map_err(NoOffers::Bad)
}
