//! What a POP answers to other POPs on its link address, on a thread of its own, so that calls it
//! passes on do not wait for its clients.

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use edge::Edge;
use link::{PeerRole, PeersSeen, ProbeState, Service, Services};
use model::EdgeView;
use tokio::sync::watch;

use super::common::Common;
use crate::{
    cluster::{
        directory::{self, Seeds},
        relay,
    },
    settings::{Pop, Relay, Settings},
};

/// The listener for other POPs, if calls may go by way of them.
pub(super) fn bind(
    settings: &Settings,
    pop: &Pop,
    common: &Common,
) -> anyhow::Result<Option<link::Listener>> {
    if pop.relay == Relay::Off {
        return Ok(None);
    }
    let listener = link::Listener::bind(settings.link.bind, common.context.clone());
    listener.context("settings key 'link.bind'").map(Some)
}

/// Looks at the other POPs, and serves them over `listener` if there is one.
pub(super) fn start(
    listener: Option<link::Listener>,
    edge: &Arc<Edge>,
    common: &Common,
    views: watch::Receiver<Arc<EdgeView>>,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(listener) = listener else {
        return Ok(None);
    };
    let own = common.credentials.current().identity().place.clone();
    let pops = watch::Sender::new(Seeds::default());
    let listed = pops.subscribe();
    common.keep(directory::follow(views, pops, move |view| {
        directory::of_places(view.pops.iter().filter(|(name, _)| **name != own))
    }));
    common.keep(relay::watch(
        Arc::clone(edge),
        common.own,
        common.control.to(PeerRole::Pop),
        listed,
        common.upkeep.clone(),
    ));
    serve(listener, Arc::clone(edge), common).map(Some)
}

fn serve(
    listener: link::Listener,
    edge: Arc<Edge>,
    common: &Common,
) -> anyhow::Result<JoinHandle<()>> {
    let (served, leaving) = (common.served.subscribe(), common.leaving.clone());
    let probe = move || ProbeState {
        revision: served.borrow().0,
        draining: leaving.has_begun(),
        ..ProbeState::default()
    };
    let services = Services::new()
        .with_probe(Arc::new(probe))
        .with_rpc(Service::Cluster, Arc::new(relay::Teller(Arc::clone(&edge))))
        .with_roles(Service::Cluster, &[PeerRole::Pop])
        .with_roles(Service::Call, &[PeerRole::Pop]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let drain = common.drain.clone();
    let work = move || {
        runtime.block_on(async move {
            let services = services.with_call(edge.relayed_calls());
            match listener.serve(services, PeersSeen::new(), drain) {
                Ok(serving) => serving.finished().await,
                Err(error) => tracing::error!(%error, "other POPs are not served"),
            }
        });
    };
    std::thread::Builder::new()
        .name("link-0".to_owned())
        .spawn(work)
        .context("a thread for other POPs")
}
