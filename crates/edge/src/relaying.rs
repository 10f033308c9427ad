//! Calls by way of another POP, on both sides: asking one, and being asked.
//!
//! `steer` decides which way a call goes. A POP that is asked only forwards: it looks into no
//! cache, counts no client's request, and never asks a third one, for its relaying paths are none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::{
    CallError, CallHandler, CallMeta, Expected, NodeIdentity, Peer, PeerRole, Shed, Transport,
};
use model::{NodeId, RegionName};
use plan::edge::EdgePlan;
use serve::{BoxFuture, Request, Response};
use steer::region::Order;

use crate::answer::{Fault, answer};
use crate::edge::Edge;
use crate::failure::{is_idempotent, repeated};
use crate::forward::{Forwarder, Outgoing};
use crate::lane::Ended;
use crate::metrics::Relayed;

/// A worker's connections to other POPs, made when first used.
#[derive(Debug, Default)]
pub(crate) struct Relays(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    transport: Option<Transport>,
    known: BTreeMap<NodeId, (SocketAddr, String)>,
    open: BTreeMap<NodeId, Peer>,
}

/// Another POP that a call goes by.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) pop: NodeId,
    pub(crate) peer: Peer,
}

impl Relays {
    /// The POPs of `plan` are those there are, without those of the POP `own`.
    pub(crate) fn install(&self, plan: &EdgePlan, own: &str, transport: &Transport) {
        let others = plan.pops().filter(|(name, _)| *name != own);
        let known: BTreeMap<_, _> = others
            .map(|(name, node)| (node.id, (node.link, name.to_owned())))
            .collect();
        let mut inner = self.inner();
        inner.open.retain(|id, peer| {
            let addr = known.get(id).map(|(addr, _)| *addr);
            addr == Some(peer.addr())
        });
        inner.known = known;
        inner.transport = Some(transport.clone());
    }

    /// The way to a POP; none if calls may not go by it.
    pub(crate) fn find(&self, pop: NodeId) -> Option<Relay> {
        let mut inner = self.inner();
        if let Some(peer) = inner.open.get(&pop) {
            let peer = peer.clone();
            return Some(Relay { pop, peer });
        }
        let (addr, name) = inner.known.get(&pop)?;
        let expected = Expected::node(PeerRole::Pop, name.as_str(), pop.0);
        let peer = inner.transport.as_ref()?.connect(*addr, expected);
        inner.open.insert(pop, peer.clone());
        Some(Relay { pop, peer })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Edge {
    /// Takes the round trip of an answered probe of another POP.
    pub fn observe_pop(&self, pop: NodeId, rtt: Duration) {
        let rtt_us = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        let now_ms = self.core.clock.now_ms();
        let steering = &self.core.steering;
        steering.change(|regions| regions.relay_heard(pop, rtt_us, now_ms));
    }

    /// Takes what another POP says of its ways, which is what its [`ways`](Self::ways) gives.
    pub fn told(&self, pop: NodeId, ways: &[(NodeId, u64)]) {
        let now_ms = self.core.clock.now_ms();
        let steering = &self.core.steering;
        steering.change(|regions| regions.relay_told(pop, ways, now_ms));
    }

    /// Region nodes that this POP reaches by itself, with the round trip in microseconds.
    #[must_use]
    pub fn ways(&self) -> Vec<(NodeId, u64)> {
        self.core.steering.change(|regions| regions.direct())
    }

    /// Answers calls of other POPs, over connections of its own to the regions. To be made in the
    /// runtime that serves them.
    #[must_use]
    pub fn relayed_calls(self: &Arc<Self>) -> Arc<dyn CallHandler> {
        let paths = self.worker_paths(false);
        Arc::new(Relaying {
            forwarder: Forwarder::new(Arc::clone(&self.core), paths),
            number: AtomicU64::new(0),
        })
    }
}

impl Forwarder {
    /// The POP by which a call to `node` goes; none for the straight way.
    pub(crate) fn via(&self, order: &Order, node: NodeId) -> Option<Relay> {
        order.via(node).and_then(|pop| self.paths.2.find(pop))
    }

    /// Nodes that another POP's call is not meant for.
    pub(crate) fn elsewhere(&self, outgoing: Outgoing<'_>) -> Vec<NodeId> {
        let Some(region) = outgoing.relayed_to else {
            return Vec::new();
        };
        let order = self.core.steering.order();
        let others = order.candidates().filter(|one| one.region != *region);
        others.map(|one| one.node).collect()
    }

    /// Notes what came of a call by way of another POP. It says nothing of the node.
    pub(crate) fn relayed(&self, relay: &Relay, result: &Result<Response, CallError>) -> Ended {
        let core = &self.core;
        let Err(error) = result else {
            core.metrics.relayed(Relayed::Answered);
            return Ended::Answered;
        };
        core.metrics.relayed(Relayed::Failed);
        let (pop, sent) = (relay.pop, error.sent);
        tracing::debug!(%pop, %error, ?sent, "call by way of a POP failed");
        let now_ms = core.clock.now_ms();
        core.steering
            .change(|regions| regions.relay_failed(pop, now_ms));
        Ended::Failed
    }
}

/// Forwards what other POPs hand over.
struct Relaying {
    forwarder: Forwarder,
    number: AtomicU64,
}

impl CallHandler for Relaying {
    fn call(
        &self,
        request: Request,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response> {
        Box::pin(self.relay(request, meta, from))
    }
}

impl Relaying {
    async fn relay(&self, request: Request, meta: CallMeta, from: Arc<NodeIdentity>) -> Response {
        let metrics = &self.forwarder.core.metrics;
        let hint = meta.region_hint.as_deref().map(RegionName::from);
        // The wiring restricts the service too; only POPs vouch for clients' addresses.
        let allowed = from.role == PeerRole::Pop && meta.relayed;
        let Some(region) = hint.filter(|_| allowed) else {
            metrics.relayed(Relayed::Refused);
            return answer(Fault::NoRegion, &meta.request_id);
        };
        let (parts, body) = request.into_parts();
        let outgoing = Outgoing {
            parts: &parts,
            validator: None,
            request_id: &meta.request_id,
            number: self.number.fetch_add(1, Ordering::Relaxed),
            client: meta.client,
            https: meta.scheme_https,
            relayed_to: Some(&region),
        };
        match self.forwarder.forward(outgoing, body).await {
            Ok(forwarded) => {
                metrics.relayed(Relayed::Served);
                forwarded.response
            }
            Err(fault) => {
                metrics.relayed(Relayed::Unserved);
                let mut response = answer(fault, &meta.request_id);
                // Done twice is as good as once: the asking POP may try another way.
                if is_idempotent(repeated(&parts)) {
                    response.extensions_mut().insert(Shed);
                }
                response
            }
        }
    }
}
