//! What a region node knows of all nodes: who has a link to it, what each serves from, who is
//! going away. DNS nodes hear of it in manifests, operators in `status`, writers in `wait`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use ledger::Ledger;
use link::{NodeIdentity, PeerRole, PeersSeen, RpcHandler, RpcRefusal};
use model::{LivePeer, NodeId, Op, Revision, Trial, codec::Level};
use serve::BoxFuture;
use steer::{caps::Shares, latency::LatencyMap};
use tokio::sync::watch;

use super::{
    caps::Caps,
    directory,
    latency::Latency,
    message::{self, ClusterRequest, News, NodeReport, Refusal, ReportAnswer},
};

/// A node that has not reported for this long is not counted as living.
const SILENT_AFTER: Duration = Duration::from_secs(3);

/// Of what a report says in words, bytes that are kept.
const WORDS_BYTES_MAX: usize = 1_024;
/// Nodes reached over HTTP/2 that a report lists.
const OVER_H2_MAX: usize = 1_024;

/// What region nodes know of all nodes.
pub(crate) struct Fleet {
    own: NodeId,
    seen: Arc<PeersSeen>,
    ledger: Ledger,
    latency: Arc<Latency>,
    caps: Arc<Caps>,
    served: watch::Receiver<u64>,
    connectors: Arc<region::Connectors>,
    leaving: serve::Drain,
    heard: Mutex<BTreeMap<NodeId, Heard>>,
    changed: watch::Sender<u64>,
}

#[derive(Clone)]
struct Heard {
    at: Instant,
    report: NodeReport,
}

impl Fleet {
    pub(crate) fn new(
        own: NodeId,
        seen: Arc<PeersSeen>,
        ledger: Ledger,
        (latency, caps): (Arc<Latency>, Arc<Caps>),
        (served, connectors): (watch::Receiver<u64>, Arc<region::Connectors>),
        leaving: serve::Drain,
    ) -> Arc<Self> {
        let changed = watch::Sender::new(0);
        let config = ledger.config();
        seen.admit_only(move |who| !is_removed(&config.borrow(), who));
        Arc::new(Self {
            own,
            seen,
            ledger,
            latency,
            caps,
            served,
            connectors,
            leaving,
            heard: Mutex::default(),
            changed,
        })
    }

    fn heard(&self) -> BTreeMap<NodeId, Heard> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// This node is about to drain.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.has_begun()
    }

    /// A link that comes or goes changes who lives, without waiting for a report; a node that is
    /// removed loses its links.
    pub(crate) async fn follow_links(self: Arc<Self>) {
        let mut links = self.seen.changed();
        let mut config = self.ledger.config();
        loop {
            tokio::select! {
                changed = links.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.changed.send_modify(|count| *count += 1);
                }
                changed = config.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.seen.expel();
                }
            }
        }
    }

    async fn report(&self, from: &NodeIdentity, report: NodeReport) -> Result<(), RpcRefusal> {
        let node = NodeId(from.node);
        let link = report.link;
        let heard = Heard {
            at: Instant::now(),
            report: within_role(from.role, report),
        };
        let draining = heard.report.draining;
        let before = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node, heard);
        if before.is_none_or(|before| before.report.draining != draining) {
            self.changed.send_modify(|count| *count += 1);
        }
        // Nobody dials a connector.
        if from.role == PeerRole::Connector {
            return Ok(());
        }
        self.follow_address(node, link).await
    }

    /// What other region nodes have counted of rollouts.
    pub(crate) fn trials(&self) -> Vec<Trial> {
        let heard = self.heard().into_values();
        heard.flat_map(|heard| heard.report.trials).collect()
    }

    /// How full other nodes that live say they are, in thousandths of their caps.
    pub(crate) fn loads(&self) -> Vec<(NodeId, u32)> {
        let heard = self.heard().into_iter();
        let recent = heard.filter(|(_, heard)| heard.at.elapsed() < SILENT_AFTER);
        recent
            .map(|(node, heard)| (node, heard.report.load_per_mille))
            .collect()
    }

    /// Which connectors are connected to which other region node, by recent reports.
    pub(crate) fn connectors(&self) -> Vec<(NodeId, region::ConnectorSight)> {
        let heard = self.heard().into_iter();
        let recent = heard.filter(|(_, heard)| heard.at.elapsed() < SILENT_AFTER);
        let sights = recent.flat_map(|(node, heard)| {
            let sights = heard.report.connectors.into_iter();
            sights.map(move |sight| (node, sight))
        });
        sights.collect()
    }

    /// Which nodes refuse which revision, and why.
    pub(crate) fn refusals(&self) -> Vec<(NodeId, Revision, String)> {
        let heard = self.heard().into_iter();
        let refused = heard.filter_map(|(node, heard)| {
            let (revision, reason) = heard.report.refused?;
            Some((node, revision, reason))
        });
        refused.collect()
    }

    /// A node that came back elsewhere is known by its new address from then on.
    async fn follow_address(
        &self,
        node: NodeId,
        link: std::net::SocketAddr,
    ) -> Result<(), RpcRefusal> {
        let known = self.ledger.config().borrow().nodes.get(&node).cloned();
        let Some(known) = known.filter(|known| known.link != link) else {
            return Ok(());
        };
        let moved = model::Node {
            link,
            ..model::Node::clone(&known)
        };
        let change = super::membership::change(&format!("node-{node}"), Op::UpdateNode(moved));
        match self.ledger.propose(change).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::Unavailable.because(error)),
        }
    }
}

impl RpcHandler for Fleet {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            let from = from.ok_or_else(|| Refusal::Rejected.because("no certificate"))?;
            let request =
                message::decode(&body).map_err(|error| Refusal::Malformed.because(error))?;
            match request {
                ClusterRequest::Report(report) => {
                    self.report(&from, report).await?;
                    let node = NodeId(from.node);
                    let leave = self.ledger.config().borrow().leaving.contains(&node);
                    return message::encode(&ReportAnswer { leave })
                        .map_err(|error| Refusal::Internal.because(error));
                }
                ClusterRequest::Samples(batch) if from.role == PeerRole::Pop => {
                    self.latency.report(&from.place, &batch);
                }
                ClusterRequest::InstallMap(map) if from.role == PeerRole::Region => {
                    let epoch = map.epoch;
                    let taken = self.latency.install(map);
                    tracing::debug!(epoch, taken, "latency map of the leader");
                }
                ClusterRequest::InstallShares(shares) if from.role == PeerRole::Region => {
                    let version = shares.version;
                    let taken = self.caps.install(shares);
                    tracing::debug!(version, taken, "shares of the leader");
                }
                ClusterRequest::NewsAfter { map, shares } if from.role != PeerRole::Connector => {
                    let (newest, present) = (self.latency.map(), self.caps.shares());
                    let news = News {
                        map: (newest.epoch > map).then(|| LatencyMap::clone(&newest)),
                        shares: (present.version > shares).then(|| Shares::clone(&present)),
                    };
                    return message::encode(&news)
                        .map_err(|error| Refusal::Internal.because(error));
                }
                ClusterRequest::Regions => {
                    let seeds = directory::of_config(&self.ledger.config().borrow());
                    return message::encode(&seeds)
                        .map_err(|error| Refusal::Internal.because(error));
                }
                ClusterRequest::Samples(_)
                | ClusterRequest::NewsAfter { .. }
                | ClusterRequest::InstallMap(_)
                | ClusterRequest::InstallShares(_) => {
                    return Err(Refusal::Rejected.because("not for this role"));
                }
            }
            Ok(Bytes::new())
        })
    }
}

/// Whether this number was given to a node that is no more. A node whose joining has not arrived
/// here yet has a higher one. Regions are Raft's to part with: it needs them until it has done so,
/// and who holds the cluster's authority is not kept out by a list.
fn is_removed(config: &model::Config, who: &NodeIdentity) -> bool {
    let node = NodeId(who.node);
    who.role != PeerRole::Region && node <= config.last_node && !config.nodes.contains_key(&node)
}

/// What a node of this role may say: only region nodes know of rollouts and connectors, whatever
/// others claim; and nobody's words are kept at any length.
fn within_role(role: PeerRole, report: NodeReport) -> NodeReport {
    let mut kept = report;
    if role != PeerRole::Region {
        kept.trials.clear();
        kept.connectors.clear();
    }
    kept.over_h2.truncate(OVER_H2_MAX);
    shorten(&mut kept.build);
    if let Some((_, reason)) = &mut kept.refused {
        shorten(reason);
    }
    kept
}

fn shorten(words: &mut String) {
    let cut = words.floor_char_boundary(WORDS_BYTES_MAX);
    words.truncate(cut);
}

impl region::LiveNodes for Fleet {
    fn live(&self) -> Vec<LivePeer> {
        let heard = self.heard();
        let linked = self.seen.snapshot();
        let linked = linked.iter().map(|peer| {
            let node = NodeId(peer.identity.node);
            let draining = heard.get(&node).is_some_and(|heard| heard.report.draining);
            LivePeer {
                node: node.0,
                draining,
                remote: peer.remote,
            }
        });
        let own = LivePeer {
            node: self.own.0,
            draining: self.leaving.has_begun(),
            remote: std::net::SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        linked.chain([own]).collect()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl admin::Fleet for Fleet {
    fn connectors(&self) -> Vec<admin::ConnectedConnector> {
        let own = self.connectors.sights().into_iter();
        let own = own.map(|sight| (self.own, sight));
        let connected = |(by, sight): (NodeId, region::ConnectorSight)| {
            let upstreams = sight.upstreams.into_iter();
            admin::ConnectedConnector {
                node: NodeId(sight.node),
                name: sight.name,
                by,
                draining: sight.draining,
                connections: sight.connections,
                in_flight: sight.in_flight,
                upstreams: upstreams
                    .map(|one| (one.name, one.health.as_str(), one.reason))
                    .collect(),
            }
        };
        own.chain(Self::connectors(self)).map(connected).collect()
    }

    fn live(&self) -> Vec<admin::LiveNode> {
        let heard = self.heard();
        let recent = heard
            .iter()
            .filter(|(_, heard)| heard.at.elapsed() < SILENT_AFTER);
        let mut live: Vec<admin::LiveNode> = recent
            .map(|(node, heard)| admin::LiveNode {
                node: *node,
                revision: heard.report.revision,
                draining: heard.report.draining,
                heard_ms: u64::try_from(heard.at.elapsed().as_millis()).unwrap_or(u64::MAX),
                refused: heard.report.refused.clone(),
                over_h2: heard.report.over_h2.clone(),
                format: heard.report.format,
                build: heard.report.build.clone(),
            })
            .collect();
        live.push(admin::LiveNode {
            node: self.own,
            revision: Revision(*self.served.borrow()),
            draining: self.leaving.has_begun(),
            heard_ms: 0,
            refused: None,
            over_h2: Vec::new(),
            format: Level::NEWEST,
            build: crate::BUILD.to_owned(),
        });
        live
    }
}

#[cfg(test)]
mod tests;
