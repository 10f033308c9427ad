//! POPs tell each other which region nodes they reach, and how fast; each probes all others.
//!
//! What follows from it is decided in `steer`. Only POPs with `pop.relay` answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use edge::Edge;
use link::{NodeIdentity, ProbeOutcome, RpcHandler, RpcRefusal, Service};
use model::NodeId;
use serve::BoxFuture;
use tokio::{sync::watch, task::JoinSet};

use super::{
    control::Control,
    directory::Seeds,
    message::{self, Refusal},
};

/// Between two questions to one POP.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Ways that are taken from one answer: more region nodes than a cluster has.
const WAYS_MAX: usize = 1_024;

/// Tells other POPs what this one reaches by itself.
pub(crate) struct Teller(pub(crate) Arc<Edge>);

impl RpcHandler for Teller {
    fn rpc(
        &self,
        _from: Option<Arc<NodeIdentity>>,
        _body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        let ways = message::encode(&self.0.ways());
        Box::pin(async move { ways.map_err(|error| Refusal::Internal.because(error)) })
    }
}

/// Probes the POPs of `seeds`, and asks them, for as long as the node lives.
pub(crate) async fn watch(
    edge: Arc<Edge>,
    own: NodeId,
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
    drain: serve::Drain,
) {
    let observer = Arc::clone(&edge);
    let tell = move |pop, outcome| {
        if let ProbeOutcome::Report(report) = outcome
            && !report.draining
        {
            observer.observe_pop(pop, report.rtt);
        }
    };
    let probes = control
        .clone()
        .probe_all(own, seeds.clone(), Arc::new(tell), drain);
    tokio::join!(probes, ask_all(edge, own, control, seeds));
}

async fn ask_all(
    edge: Arc<Edge>,
    own: NodeId,
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
) {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let pops = Seeds::clone(&seeds.borrow());
        let mut asked = JoinSet::new();
        for seed in super::directory::others(&pops, own) {
            let peer = control.peer_at(seed.node, seed.link);
            let (edge, pop) = (Arc::clone(&edge), seed.node);
            asked.spawn(async move {
                let answer = peer.rpc(Service::Cluster, Bytes::new(), ASK_EVERY).await;
                let ways = answer
                    .ok()
                    .and_then(|bytes| message::decode::<Vec<(NodeId, u64)>>(&bytes).ok());
                if let Some(ways) = ways.filter(|ways| ways.len() <= WAYS_MAX) {
                    edge.told(pop, &ways);
                }
            });
        }
        while asked.join_next().await.is_some() {}
    }
}
