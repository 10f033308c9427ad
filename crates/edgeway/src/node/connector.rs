//! A connector, put together: it dials region nodes from threads of its own, keeps the connections,
//! and answers what regions open over them. It listens for nobody but operators.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use link::{Expected, LinkContext, Peer, PeerRole, PeerState, Transport};
use model::NodeId;
use region::Connector;
use tokio::sync::watch;

use super::common::Common;
use crate::{
    cluster::{
        dialling::{self, Distances, Wanted},
        directory::Seeds,
    },
    settings::{Connector as ConnectorSection, Settings},
};

/// Between two looks for a first connection.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Regions probe four times a second; none of them chooses this node by the end of it.
pub(super) const LEAVE_MIN: Duration = Duration::from_secs(1);

/// A connector that serves.
pub(super) struct ConnectorRole {
    threads: Vec<JoinHandle<()>>,
}

/// What each thread needs.
#[derive(Clone)]
struct Dialler {
    connector: Arc<Connector>,
    context: LinkContext,
    /// Where connections come from.
    from: SocketAddr,
    chosen: watch::Receiver<Seeds>,
    /// Whether any region has been connected to.
    connected: watch::Sender<bool>,
    drain: serve::Drain,
}

pub(super) async fn start(
    settings: &Settings,
    section: &ConnectorSection,
    common: &Common,
) -> anyhow::Result<ConnectorRole> {
    let offer = section
        .offer()
        .context("settings key 'connector.backend_ca_file'")?;
    let ends = (common.drain.clone(), common.leaving.clone());
    let connector = Connector::new(offer, &common.registry, ends)?;
    connector.watch_upstreams();
    let chosen = watch::Sender::new(Seeds::default());
    let dialler = Dialler {
        connector,
        context: common.context.clone(),
        from: SocketAddr::new(settings.link.bind.ip(), 0),
        chosen: chosen.subscribe(),
        connected: watch::Sender::new(false),
        drain: common.drain.clone(),
    };
    let mut connected = dialler.connected.subscribe();
    let threads = (0..settings.worker_count())
        .map(|worker| dialler.clone().spawn(worker))
        .collect::<anyhow::Result<Vec<_>>>()?;
    choose_regions(settings, section, common, chosen);
    tokio::select! {
        first = connected.wait_for(|connected| *connected) => drop(first),
        () = common.drain.begun() => {}
    }
    Ok(ConnectorRole { threads })
}

/// Measures all regions, and keeps the list of those to connect to.
fn choose_regions(
    settings: &Settings,
    section: &ConnectorSection,
    common: &Common,
    chosen: watch::Sender<Seeds>,
) {
    let distances = Arc::new(Distances::default());
    let wanted = Wanted {
        names: section.regions.clone(),
        count: section.region_count,
    };
    let noted = Arc::clone(&distances);
    common.keep(common.control.clone().probe_all(
        common.own,
        common.seeds.subscribe(),
        Arc::new(move |node, outcome| noted.note(node, &outcome)),
        common.upkeep.clone(),
    ));
    let seeds = common.seeds.subscribe();
    common.keep(dialling::choose_on(wanted, distances, seeds, chosen));
    common.keep(dialling::follow_regions(
        settings.data_dir.clone(),
        common.control.clone(),
        common.seeds.clone(),
    ));
}

impl Dialler {
    fn spawn(self, worker: usize) -> anyhow::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let work = move || {
            runtime.block_on(async move {
                if let Err(error) = self.run().await {
                    tracing::error!(%error, "regions cannot be dialled");
                }
            });
        };
        std::thread::Builder::new()
            .name(format!("connector-{worker}"))
            .spawn(work)
            .context("a thread for regions")
    }

    /// Keeps a connection to each node that is chosen, until all calls have ended.
    async fn run(mut self) -> Result<(), link::LinkError> {
        let from = Some(self.from);
        let transport = Transport::client(from, self.context.clone(), self.drain.clone())?;
        let services = self.connector.services();
        let mut peers: BTreeMap<NodeId, Peer> = BTreeMap::new();
        loop {
            let chosen = Seeds::clone(&self.chosen.borrow_and_update());
            peers.retain(|node, peer| {
                let same = |seed: &crate::cluster::message::Seed| {
                    seed.node == *node && seed.link == peer.addr()
                };
                chosen.iter().any(same)
            });
            for seed in chosen.iter() {
                peers.entry(seed.node).or_insert_with(|| {
                    let expected = Expected {
                        role: Some(PeerRole::Region),
                        place: Some(seed.region.clone()),
                        node: Some(seed.node.0),
                    };
                    transport.connect_serving(seed.link, expected, services.clone())
                });
            }
            let waits = !*self.connected.borrow();
            if waits && peers.values().any(|peer| peer.state() == PeerState::Up) {
                self.connected.send_replace(true);
            }
            tokio::select! {
                changed = self.chosen.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(LOOK_EVERY), if waits => {}
                () = self.drain.expired() => break,
            }
        }
        // No choice is made any more once the node ends; calls may still run.
        self.drain.expired().await;
        transport.close().await;
        Ok(())
    }
}

impl ConnectorRole {
    pub(super) async fn ended(self) {
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(move || {
            let joined = threads.into_iter().map(JoinHandle::join);
            joined.filter(Result::is_err).count()
        });
        if let Ok(panicked @ 1..) = joined.await {
            tracing::error!(panicked, "connector threads panicked");
        }
    }
}
