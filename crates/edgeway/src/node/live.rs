//! Turns what regions say of who lives into health for DNS.
//!
//! A node is up when any region that spoke lately has a link to it. When no region speaks, nobody
//! is taken to have died: the last picture stays, so DNS keeps answering what it answered.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dns::{Health, Live};
use model::{LivePeer, NodeId, ZoneView};
use tokio::sync::watch;

use crate::cluster::subscriber::LiveReport;

/// A region that has been silent for longer does not count.
const FRESH: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What regions said last.
#[derive(Default)]
struct Picture {
    said: BTreeMap<NodeId, (Instant, Vec<LivePeer>)>,
}

/// Publishes health until the reports' sender is gone.
pub(super) async fn follow(
    mut reports: watch::Receiver<Option<LiveReport>>,
    view: watch::Receiver<Arc<ZoneView>>,
    publish: watch::Sender<Arc<Live>>,
    drain: serve::Drain,
) {
    let mut picture = Picture::default();
    loop {
        tokio::select! {
            changed = reports.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = drain.expired() => return,
        }
        if let Some((region, at, live)) = reports.borrow_and_update().clone() {
            picture.said.insert(region, (at, live));
        }
        let nodes = nodes_of(&view.borrow());
        if let Some(health) = picture.health(&nodes, Instant::now()) {
            let health: Live = health.into_iter().collect();
            // A responder is made anew for each change, which takes its time with a large map.
            publish.send_if_modified(|old| {
                let changed = **old != health;
                if changed {
                    *old = Arc::new(health);
                }
                changed
            });
        }
    }
}

fn nodes_of(view: &ZoneView) -> Vec<NodeId> {
    let places = view.regions.values().chain(view.pops.values());
    places
        .flat_map(|place| place.nodes.iter().map(|node| node.id))
        .collect()
}

impl Picture {
    /// None when no region has spoken lately.
    fn health(&mut self, nodes: &[NodeId], now: Instant) -> Option<Vec<(NodeId, Health)>> {
        self.said
            .retain(|_, (at, _)| now.duration_since(*at) < FRESH);
        if self.said.is_empty() {
            return None;
        }
        let of = |node: &NodeId| {
            let peers = self.said.values().flat_map(|(_, live)| live);
            let mine: Vec<&LivePeer> = peers.filter(|peer| peer.node == node.0).collect();
            if mine.is_empty() {
                Health::Down
            } else if mine.iter().all(|peer| peer.draining) {
                Health::Draining
            } else {
                Health::Up
            }
        };
        Some(nodes.iter().map(|node| (*node, of(node))).collect())
    }
}

#[cfg(test)]
mod tests {
    //! Who counts as living.

    use super::{FRESH, Health, Instant, LivePeer, NodeId, Picture};

    fn peer(node: u64, draining: bool) -> LivePeer {
        LivePeer {
            node,
            draining,
            remote: "127.0.0.1:1".parse().unwrap(),
        }
    }

    #[test]
    fn one_region_that_sees_a_node_is_enough_and_silence_changes_nothing() {
        let now = Instant::now();
        let nodes = [NodeId(1), NodeId(2), NodeId(3)];
        let mut picture = Picture::default();
        assert!(picture.health(&nodes, now).is_none(), "nobody has spoken");
        picture
            .said
            .insert(NodeId(9), (now, vec![peer(1, false), peer(2, true)]));
        picture.said.insert(NodeId(8), (now, vec![peer(2, true)]));
        let expected = vec![
            (NodeId(1), Health::Up),
            (NodeId(2), Health::Draining),
            (NodeId(3), Health::Down),
        ];
        assert_eq!(picture.health(&nodes, now), Some(expected));
        assert!(
            picture.health(&nodes, now + FRESH).is_none(),
            "all fell silent"
        );
    }
}
