//! Carries load caps: what nodes report of how full they are comes to the region that leads, its
//! shares go to the other regions, and from any region to DNS nodes, beside the latency map.
//!
//! Soft state like the map, but small, and in being without any samples; so it has a number of its
//! own, and is passed on whenever it changes. What to do is decided in `steer::caps`. Regions and
//! DNS nodes keep the last shares on disk: a node that starts does not send a flood to a place that
//! was full a moment ago.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ledger::Ledger;
use model::{NodeId, NodeRole};
use steer::caps::{Controller, Kind, PlaceKey, SHARE_WHOLE, Shares, Smoother};
use tokio::sync::watch;

use super::{
    control::Control,
    directory::Seeds,
    fleet::Fleet,
    latency::{read, send_to_all, write},
    load::Meter,
    message::{self, ClusterRequest},
};

/// Between two looks at what nodes have reported; the same as between two reports.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a region node knows of shares.
pub(crate) struct Caps {
    own: NodeId,
    ledger: Ledger,
    shares: watch::Sender<Arc<Shares>>,
    data_dir: PathBuf,
    /// How long a change takes to be felt.
    rest: Duration,
    metrics: Metrics,
    /// While this node leads.
    deciding: Mutex<Option<(Controller, Smoother)>>,
}

/// The figures of load caps in a region.
struct Metrics {
    shares: prometheus::IntGaugeVec,
    loads: prometheus::IntGaugeVec,
    changes: prometheus::IntCounterVec,
}

impl Metrics {
    fn register(registry: &prometheus::Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str| {
            let opts = prometheus::Opts::new(format!("edgeway_caps_{name}"), help);
            let gauges = prometheus::IntGaugeVec::new(opts, &["kind", "place"])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let opts = prometheus::Opts::new("edgeway_caps_changes_total", "Changes of shares.");
        let changes = prometheus::IntCounterVec::new(opts, &["to"])?;
        registry.register(Box::new(changes.clone()))?;
        Ok(Self {
            shares: gauges(
                "share_per_mille",
                "Which part of its clients a place takes, for those that do not take all.",
            )?,
            loads: gauges(
                "load_per_mille",
                "How full places are beside their caps, on the region that leads.",
            )?,
            changes,
        })
    }

    fn publish(&self, before: &Shares, shares: &Shares) {
        self.shares.reset();
        for ((kind, place), share) in &shares.places {
            let labels = [kind.as_str(), place];
            self.shares.with_label_values(&labels).set((*share).into());
        }
        for key in before.places.keys().chain(shares.places.keys()) {
            let of = |shares: &Shares| shares.places.get(key).copied().unwrap_or(SHARE_WHOLE);
            match of(shares).cmp(&of(before)) {
                std::cmp::Ordering::Less => self.changes.with_label_values(&["less"]).inc(),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => self.changes.with_label_values(&["more"]).inc(),
            }
        }
    }

    fn measured(&self, loads: &BTreeMap<PlaceKey, u32>) {
        self.loads.reset();
        for ((kind, place), load) in loads {
            let labels = [kind.as_str(), place];
            self.loads.with_label_values(&labels).set((*load).into());
        }
    }
}

impl Caps {
    /// Begins with what is on disk.
    pub(crate) fn open(
        own: NodeId,
        ledger: Ledger,
        data_dir: &Path,
        rest: Duration,
        registry: &prometheus::Registry,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let (shares, metrics) = (last_shares(data_dir), Metrics::register(registry)?);
        metrics.publish(&shares, &shares);
        Ok(Arc::new(Self {
            own,
            ledger,
            shares: watch::Sender::new(Arc::new(shares)),
            data_dir: data_dir.to_owned(),
            rest,
            metrics,
            deciding: Mutex::default(),
        }))
    }

    /// The shares in force.
    pub(crate) fn shares(&self) -> Arc<Shares> {
        self.shares.borrow().clone()
    }

    /// Takes shares that another region has decided on, unless they are older or unsound.
    pub(crate) fn install(&self, shares: Shares) -> bool {
        let newer = shares.version > self.shares.borrow().version && shares.is_sound();
        if newer {
            self.publish(shares);
        }
        newer
    }

    fn publish(&self, shares: Shares) {
        let before = self.shares.send_replace(Arc::new(shares.clone()));
        self.metrics.publish(&before, &shares);
    }

    /// Decides on shares while this node leads, and keeps them on disk, until it is dropped.
    pub(crate) async fn run(
        self: Arc<Self>,
        (fleet, meter): (Arc<Fleet>, Arc<Meter>),
        control: Arc<Control>,
        seeds: watch::Receiver<Seeds>,
    ) {
        let mut kept = self.shares().version;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let leads = self.ledger.status().borrow().leader == Some(self.own);
            if leads {
                let mut loads = fleet.loads();
                loads.push((self.own, meter.per_mille()));
                if self.decide(&loads)
                    && let Ok(body) =
                        message::encode(&ClusterRequest::InstallShares((*self.shares()).clone()))
                {
                    let seeds = Seeds::clone(&seeds.borrow());
                    send_to_all(&control, &seeds, self.own, &body);
                }
            } else {
                *self.deciding() = None;
                self.metrics.loads.reset();
            }
            let shares = self.shares();
            if shares.version != kept {
                kept = shares.version;
                keep(&self.data_dir, shares).await;
            }
        }
    }

    /// Looks at loads of nodes; whether there are new shares.
    fn decide(&self, nodes: &[(NodeId, u32)]) -> bool {
        let before = self.shares();
        let now_ms = now_ms();
        let rest_ms = u64::try_from(self.rest.as_millis()).unwrap_or(u64::MAX);
        let loads = self.by_place(nodes);
        let mut deciding = self.deciding();
        // What a new leader says first counts as new, whatever it is: nobody else says anything.
        let begins = deciding.is_none();
        let start = || (Controller::from_shares(&before), Smoother::default());
        let (controller, smoother) = deciding.get_or_insert_with(start);
        let loads = smoother.smooth(loads, now_ms, rest_ms);
        self.metrics.measured(loads);
        controller.look(loads, now_ms, rest_ms);
        let places = controller.places();
        drop(deciding);
        if !begins && places == before.places {
            return false;
        }
        tracing::info!(?places, "shares of places in DNS");
        // Counted from 1970, so that it rises across restarts and leaders.
        let version = now_ms.max(before.version + 1);
        self.publish(Shares { version, places });
        true
    }

    /// A place is as full as the fullest of its nodes: DNS names them all alike.
    fn by_place(&self, nodes: &[(NodeId, u32)]) -> BTreeMap<PlaceKey, u32> {
        let config = self.ledger.config().borrow().clone();
        let mut loads = BTreeMap::new();
        for (node, load) in nodes {
            let key = match config.nodes.get(node).map(|node| &node.role) {
                Some(NodeRole::Pop(name)) => (Kind::Pop, name.to_string()),
                Some(NodeRole::Region(name)) => (Kind::Region, name.to_string()),
                Some(NodeRole::Dns | NodeRole::Connector(_)) | None => continue,
            };
            let known: &mut u32 = loads.entry(key).or_default();
            *known = (*known).max(*load);
        }
        loads
    }

    fn deciding(&self) -> std::sync::MutexGuard<'_, Option<(Controller, Smoother)>> {
        self.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("latency").join("shares.bin")
}

/// The shares on disk, or none.
pub(crate) fn last_shares(data_dir: &Path) -> Shares {
    let shares: Option<Shares> = read(&file(data_dir));
    shares.filter(Shares::is_sound).unwrap_or_default()
}

/// Writes shares to disk.
pub(crate) async fn keep(data_dir: &Path, shares: Arc<Shares>) {
    let file = file(data_dir);
    let kept = tokio::task::spawn_blocking(move || write(&file, &*shares)).await;
    if let Ok(Err(error)) = kept {
        tracing::error!(%error, "cannot keep shares; a restart would use older ones");
    }
}
