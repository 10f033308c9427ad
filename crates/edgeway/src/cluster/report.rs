//! Tells every region node, each second and at each new revision, how this node is; hears in the
//! answer whether it is to leave.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use link::Service;
use model::{NodeId, Revision, codec::Level};
use tokio::{sync::watch, task::JoinSet};

use super::{
    control::Control,
    directory::{self, Seeds},
    load::Meter,
    message::{self, ClusterRequest, NodeReport, ReportAnswer},
    subscriber::Refused,
};

/// Between two reports without news.
pub(crate) const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What a reporter is made of.
pub(crate) struct Reporter {
    pub(crate) own: NodeId,
    pub(crate) link: std::net::SocketAddr,
    pub(crate) control: Arc<Control>,
    pub(crate) seeds: watch::Receiver<Seeds>,
    pub(crate) served: watch::Receiver<Revision>,
    pub(crate) refused: watch::Receiver<Refused>,
    /// On a region node.
    pub(crate) region: Option<Arc<region::Region>>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) leaving: serve::Drain,
}

impl Reporter {
    /// Reports until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let leaving = self.leaving.has_begun();
            self.send_all(leaving);
            tokio::select! {
                () = tokio::time::sleep(REPORT_EVERY) => {}
                changed = self.served.changed() => if changed.is_err() { return },
                changed = self.refused.changed() => if changed.is_err() { return },
                () = self.leaving.begun(), if !leaving => {}
            }
        }
    }

    fn send_all(&mut self, draining: bool) {
        let revision = *self.served.borrow_and_update();
        let refused = self.refused.borrow_and_update().clone();
        let refused = refused.filter(|(bad, _)| *bad > revision);
        let report = NodeReport {
            revision,
            draining,
            link: self.link,
            refused,
            trials: self
                .region
                .as_ref()
                .map_or_else(Vec::new, |region| region.trials()),
            over_h2: self.control.over_h2(),
            load_per_mille: self.meter.per_mille(),
            connectors: self
                .region
                .as_ref()
                .map_or_else(Vec::new, |region| region.connectors().sights()),
            format: Level::NEWEST,
            build: crate::BUILD.to_owned(),
        };
        let Ok(body) = message::encode(&ClusterRequest::Report(report)) else {
            return;
        };
        let seeds = Seeds::clone(&self.seeds.borrow());
        let mut sending = JoinSet::new();
        for seed in directory::others(&seeds, self.own) {
            let peer = self.control.peer_at(seed.node, seed.link);
            let body = Bytes::clone(&body);
            let leaving = self.leaving.clone();
            sending.spawn(async move {
                // A region that does not answer learns it from the next report.
                let answer = peer.rpc(Service::Cluster, body, REPORT_EVERY).await;
                let answer = answer.ok().and_then(|bytes| message::decode(&bytes).ok());
                if answer.is_some_and(|answer: ReportAnswer| answer.leave) {
                    leaving.begin();
                }
            });
        }
        // Nobody waits for the slowest region: its task ends by its own time-out.
        sending.detach_all();
    }
}
