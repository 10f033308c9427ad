//! What a region answers on its links: calls from POPs on threads of their own, and everything of
//! the control plane on the control runtime.

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use bytes::Bytes;
use ledger::Ledger;
use link::{
    FeedHandler, Frames, NodeIdentity, PeerRole, PeersSeen, ProbeState, RpcHandler, RpcRefusal,
    Service, Services,
};
use region::{FeedServer, Region};
use serve::BoxFuture;
use tokio::runtime::Handle;

use super::common::Common;
use crate::cluster::{
    enroll::{Registrar, Renewer},
    fleet::Fleet,
    limits::LimitKeeper,
    message::Refusal,
    neighbours::Neighbours,
    purge::PurgeHub,
};

pub(super) fn services(
    common: &Common,
    ledger: &Ledger,
    region: &Arc<Region>,
    fleet: &Arc<Fleet>,
    feed: Arc<FeedServer>,
    (purges, limits): (Arc<PurgeHub>, Arc<LimitKeeper>),
) -> Services {
    let control = Handle::current();
    let rpc = |inner: Arc<dyn RpcHandler>| {
        Arc::new(OnControl {
            inner,
            control: control.clone(),
        }) as Arc<dyn RpcHandler>
    };
    let (state, sight) = (Arc::clone(region), Arc::clone(fleet));
    let probe = move || ProbeState {
        load: state.load(),
        revision: state.revision(),
        draining: sight.is_leaving(),
    };
    let services = Services::new()
        .with_rpc(
            Service::Join,
            rpc(Arc::new(Registrar {
                ledger: ledger.clone(),
                region: Arc::clone(region),
                metrics: common.refusals.metrics.clone(),
            })),
        )
        .with_rpc(
            Service::Renew,
            rpc(Arc::new(Renewer {
                ledger: ledger.clone(),
            })),
        )
        .with_rpc(Service::Cluster, rpc(fleet.clone()))
        .with_rpc(Service::Limits, rpc(limits))
        .with_roles(Service::Limits, &[PeerRole::Region])
        .with_feed(
            Service::Feed,
            Arc::new(FeedOnControl {
                inner: feed,
                control: control.clone(),
            }),
        )
        .with_feed(
            Service::Purge,
            Arc::new(FeedOnControl {
                inner: purges,
                control: control.clone(),
            }),
        )
        .with_roles(Service::Purge, &[PeerRole::Pop])
        .with_probe(Arc::new(probe))
        // Only POPs vouch for clients' addresses; regions hand over calls to connectors.
        .with_roles(Service::Call, &[PeerRole::Pop, PeerRole::Region]);
    ledger.serve(services)
}

/// Follows connectors that connect here, and those that other region nodes report.
pub(super) fn follow_connectors(
    common: &Common,
    region: &Arc<Region>,
    fleet: &Arc<Fleet>,
    seen: &Arc<PeersSeen>,
) {
    let connectors = region.connectors();
    connectors.set_elsewhere(Arc::new(Neighbours {
        fleet: Arc::clone(fleet),
        control: common.control.clone(),
        seeds: common.seeds.subscribe(),
    }));
    let following = Arc::clone(connectors).follow(Arc::clone(seen), common.upkeep.clone());
    common.keep(following);
}

/// Links are served by threads of their own, so that calls from POPs and the control plane do not
/// wait for clients of the region's own listener.
pub(super) fn serve(
    listeners: Vec<link::Listener>,
    services: &Services,
    seen: &Arc<PeersSeen>,
    region: &Arc<Region>,
    drain: &serve::Drain,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let spawn = |(worker, listener): (usize, link::Listener)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (services, seen) = (services.clone(), Arc::clone(seen));
        let (region, drain) = (Arc::clone(region), drain.clone());
        let work = move || {
            runtime.block_on(async move {
                let services = services.with_call(region.make_calls(worker));
                match listener.serve(services, seen, drain) {
                    Ok(serving) => serving.finished().await,
                    Err(error) => tracing::error!(%error, "links are not served"),
                }
            });
        };
        let name = format!("link-{worker}");
        std::thread::Builder::new()
            .name(name)
            .spawn(work)
            .context("a thread for links")
    };
    listeners.into_iter().enumerate().map(spawn).collect()
}

/// Runs a handler on the control runtime: link threads only move bytes and calls.
struct OnControl {
    inner: Arc<dyn RpcHandler>,
    control: Handle,
}

impl RpcHandler for OnControl {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        let inner = Arc::clone(&self.inner);
        let task = self
            .control
            .spawn(async move { inner.rpc(from, body).await });
        Box::pin(async move {
            task.await
                .unwrap_or_else(|error| Err(Refusal::Internal.because(error)))
        })
    }
}

/// As `OnControl`, for feeds.
struct FeedOnControl {
    inner: Arc<dyn FeedHandler>,
    control: Handle,
}

impl FeedHandler for FeedOnControl {
    fn open(&self, from: Arc<NodeIdentity>, first: Bytes, frames: Frames) -> BoxFuture<'_, ()> {
        let inner = Arc::clone(&self.inner);
        let task = self
            .control
            .spawn(async move { inner.open(from, first, frames).await });
        Box::pin(async move { drop(task.await) })
    }
}
