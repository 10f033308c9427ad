//! Carries the latency map: samples from POPs to every region, the map from the region that leads
//! to the others, and from any region to DNS nodes.
//!
//! All of it is soft state beside Raft: a lost report costs some samples, a lost leader some
//! seconds. The region that leads is the only one to build, so there is one map; the others keep
//! its samples and its last map, and go on from there when one of them leads. Region and DNS nodes
//! keep the last map on disk, regions also their samples, so that a start without any traffic does
//! not forget what was learned.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use dns::Geo;
use edge::Edge;
use ipnet::IpNet;
use ledger::Ledger;
use link::Service;
use model::{Config, NodeId, Prior, codec};
use serde::{Serialize, de::DeserializeOwned};
use steer::{
    caps::Shares,
    latency::{Batch, Builder, LatencyMap, PopSite, Table, widest},
    place::{Point, Priors},
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    caps,
    control::Control,
    directory::{self, Seeds},
    message::{self, ClusterRequest, News},
    store,
};

/// Between two reports of a POP, and between two questions of a DNS node.
const EXCHANGE_EVERY: Duration = Duration::from_secs(2);
/// How long a peer may take to answer.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// A region's samples are written to disk at most this often.
const KEEP_EVERY: Duration = Duration::from_secs(60);

/// What a region node knows of latencies.
pub(crate) struct Latency {
    own: NodeId,
    ledger: Ledger,
    table: Mutex<Table>,
    map: watch::Sender<Arc<LatencyMap>>,
    folder: PathBuf,
    epoch: Duration,
    geo: Option<Arc<dyn Geo>>,
    metrics: Metrics,
}

/// The figures of the latency map in a region.
struct Metrics {
    prefixes: prometheus::IntGauge,
    epoch: prometheus::IntGauge,
    moved: prometheus::IntCounter,
    reports: prometheus::IntCounter,
    refused: prometheus::IntCounter,
}

impl Metrics {
    fn register(registry: &prometheus::Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = prometheus::IntGauge::new(format!("edgeway_latency_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let counter = |name: &str, help: &str| {
            let counter = prometheus::IntCounter::new(format!("edgeway_latency_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            prefixes: gauge("prefixes", "Client prefixes with samples.")?,
            epoch: gauge("map_epoch", "Epoch of the map this region last had.")?,
            moved: counter("moved_total", "Prefixes sent to another POP than before.")?,
            reports: counter("reports_total", "Reports of POPs taken in.")?,
            refused: counter("rows_refused_total", "Rows of reports left out.")?,
        })
    }
}

impl Latency {
    /// Begins with what is on disk.
    pub(crate) fn open(
        own: NodeId,
        ledger: Ledger,
        data_dir: &Path,
        epoch: Duration,
        geo: Option<Arc<dyn Geo>>,
        registry: &prometheus::Registry,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let folder = data_dir.join("latency");
        Ok(Arc::new(Self {
            own,
            ledger,
            table: Mutex::new(read(&folder.join("samples.bin")).unwrap_or_default()),
            map: watch::Sender::new(Arc::new(last_map(data_dir))),
            folder,
            epoch,
            geo,
            metrics: Metrics::register(registry)?,
        }))
    }

    /// The map in force.
    pub(crate) fn map(&self) -> Arc<LatencyMap> {
        self.map.borrow().clone()
    }

    /// Where clients are of whom the configuration says nothing.
    pub(crate) fn geo(&self) -> Option<&dyn Geo> {
        self.geo.as_deref()
    }

    /// Takes in a POP's report.
    pub(crate) fn report(&self, pop: &str, batch: &Batch) {
        let refused = self.table().merge(pop, batch);
        self.metrics.reports.inc();
        let refused = u64::try_from(refused).unwrap_or(u64::MAX);
        self.metrics.refused.inc_by(refused);
    }

    /// Takes a map that another region has built, unless it is older than ours or unsound.
    pub(crate) fn install(&self, map: LatencyMap) -> bool {
        let newer = map.epoch > self.map.borrow().epoch && map.is_sound();
        if newer {
            self.publish(Arc::new(map));
        }
        newer
    }

    fn publish(&self, map: Arc<LatencyMap>) {
        let epoch = i64::try_from(map.epoch).unwrap_or(i64::MAX);
        self.metrics.epoch.set(epoch);
        self.map.send_replace(map);
    }

    /// Builds a map each epoch while this node leads; ages and keeps samples all the time.
    pub(crate) async fn run(
        self: Arc<Self>,
        control: Arc<Control>,
        seeds: watch::Receiver<Seeds>,
        drain: serve::Drain,
    ) {
        let mut kept = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.epoch) => {}
                () = drain.begun() => return self.keep().await,
            }
            let length = self.table_aged();
            let prefixes = i64::try_from(length).unwrap_or(i64::MAX);
            self.metrics.prefixes.set(prefixes);
            let leads = self.ledger.status().borrow().leader == Some(self.own);
            // An empty table has nothing to say, and must not unsay what is on DNS nodes' disks.
            if leads && length > 0 {
                self.build().await;
                self.spread(&control, &seeds.borrow().clone());
            }
            if kept.elapsed() >= KEEP_EVERY {
                self.keep().await;
                kept = tokio::time::Instant::now();
            }
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_aged(&self) -> usize {
        let epoch = self.epoch_now();
        let mut table = self.table();
        table.age(epoch);
        table.len()
    }

    /// Counted from 1970, so that it rises across restarts and leaders.
    fn epoch_now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs()) / self.epoch.as_secs().max(1)
    }

    async fn build(&self) {
        let table = self.table().clone();
        let (config, previous) = (self.ledger.config().borrow().clone(), self.map());
        let epoch = self.epoch_now();
        let geo = self.geo.clone();
        let built = tokio::task::spawn_blocking(move || {
            let (pops, priors) = ground(&config, &table, geo.as_deref());
            let builder = Builder {
                pops: &pops,
                priors: &priors,
                previous: &previous,
            };
            let map = builder.build(&table, epoch);
            let moved = builder.moved(&map);
            (map, moved)
        });
        if let Ok((map, moved)) = built.await {
            self.metrics
                .moved
                .inc_by(u64::try_from(moved).unwrap_or(u64::MAX));
            if moved > 0 {
                tracing::info!(epoch = map.epoch, moved, "prefixes are sent elsewhere");
            }
            self.publish(Arc::new(map));
        }
    }

    /// Gives the map to the other regions.
    fn spread(&self, control: &Arc<Control>, seeds: &Seeds) {
        let request = ClusterRequest::InstallMap(LatencyMap::clone(&self.map()));
        let Ok(body) = message::encode(&request) else {
            return;
        };
        send_to_all(control, seeds, self.own, &body);
    }

    async fn keep(&self) {
        let (table, map) = (self.table().clone(), self.map());
        let folder = self.folder.clone();
        let kept = tokio::task::spawn_blocking(move || {
            write(&folder.join("samples.bin"), &table)?;
            write(&folder.join("map.bin"), &*map)
        });
        if let Ok(Err(error)) = kept.await {
            tracing::error!(%error, "cannot keep latency samples; a restart would forget them");
        }
    }
}

/// Where POPs and clients are, as configured.
fn ground(config: &Config, table: &Table, geo: Option<&dyn Geo>) -> (Vec<PopSite>, Priors) {
    let pops = config.pops.values().map(|pop| PopSite {
        name: pop.name.to_string(),
        point: pop.location.map(Point::of),
    });
    let configured = || config.priors.values().map(AsRef::as_ref);
    let priors = Priors::of(configured());
    let Some(geo) = geo else {
        return (pops.collect(), priors);
    };
    // An estimate begins with the widest prefix: only that is looked up, once for each.
    let widest: BTreeSet<IpNet> = table.prefixes().map(|one| widest(one.addr())).collect();
    let unknown = widest.into_iter().filter(|prefix| {
        let found = priors.find(prefix.addr(), prefix.prefix_len());
        found.point.is_none()
    });
    let located = unknown.filter_map(|prefix| {
        let (location, _) = geo.find(prefix.addr());
        Some(Prior {
            prefix,
            location: location?,
        })
    });
    let located: Vec<Prior> = located.collect();
    (pops.collect(), Priors::of(configured().chain(&located)))
}

/// Reports a POP's samples to every region node until the drain begins.
pub(crate) async fn report_samples(
    edge: Arc<Edge>,
    own: NodeId,
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
    drain: serve::Drain,
) {
    loop {
        let ending = tokio::select! {
            () = tokio::time::sleep(EXCHANGE_EVERY) => false,
            () = drain.begun() => true,
        };
        if let Some(batch) = edge.take_samples()
            && let Ok(body) = message::encode(&ClusterRequest::Samples(batch))
        {
            let seeds = Seeds::clone(&seeds.borrow());
            send_to_all(&control, &seeds, own, &body);
        }
        if ending {
            return;
        }
    }
}

/// Sends and forgets: who does not answer has missed one report among many.
pub(super) fn send_to_all(control: &Arc<Control>, seeds: &Seeds, own: NodeId, body: &Bytes) {
    let mut sending = JoinSet::new();
    for seed in directory::others(seeds, own) {
        let peer = control.peer_at(seed.node, seed.link);
        let body = Bytes::clone(body);
        sending.spawn(async move {
            let sent = peer.rpc(Service::Cluster, body, EXCHANGE_TIMEOUT).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "latency exchange failed");
            }
        });
    }
    // Each task ends by its own time-out.
    sending.detach_all();
}

/// Asks regions for newer maps and shares until the drain begins, and keeps the newest on disk. One
/// region after the other is asked, so that none that hangs is asked twice in a row.
pub(crate) async fn follow_news(
    (publish, shares): (watch::Sender<Arc<LatencyMap>>, watch::Sender<Arc<Shares>>),
    data_dir: PathBuf,
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
    drain: serve::Drain,
) {
    let mut turn = 0_usize;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EXCHANGE_EVERY) => {}
            () = drain.begun() => return,
        }
        let known = Seeds::clone(&seeds.borrow());
        let count = known.len().max(1);
        let Some(seed) = known.get(turn % count) else {
            continue;
        };
        turn = turn.wrapping_add(1);
        let have = (publish.borrow().epoch, shares.borrow().version);
        let peer = control.peer_at(seed.node, seed.link);
        let news = match ask_for_news(&peer, have).await {
            Ok(news) => news,
            Err(error) => {
                tracing::debug!(node = %seed.node, %error, "no latency map");
                continue;
            }
        };
        let newer = |new: &Shares| new.version > have.1 && new.is_sound();
        if let Some(new) = news.shares.filter(newer) {
            let new = Arc::new(new);
            shares.send_replace(Arc::clone(&new));
            caps::keep(&data_dir, new).await;
        }
        let newer = |new: &LatencyMap| new.epoch > have.0 && new.is_sound();
        if let Some(map) = news.map.filter(newer) {
            let map = Arc::new(map);
            publish.send_replace(Arc::clone(&map));
            keep_map(&data_dir, map).await;
        }
    }
}

async fn ask_for_news(peer: &link::Peer, (map, shares): (u64, u64)) -> anyhow::Result<News> {
    let body = message::encode(&ClusterRequest::NewsAfter { map, shares })?;
    let answer = peer.rpc(Service::Cluster, body, EXCHANGE_TIMEOUT).await?;
    Ok(message::decode(&answer)?)
}

async fn keep_map(data_dir: &Path, map: Arc<LatencyMap>) {
    let file = data_dir.join("latency").join("map.bin");
    let kept = tokio::task::spawn_blocking(move || write(&file, &*map)).await;
    if let Ok(Err(error)) = kept {
        tracing::error!(%error, "cannot keep the latency map; a restart would use an older one");
    }
}

/// The map on disk, or an empty one.
pub(crate) fn last_map(data_dir: &Path) -> LatencyMap {
    let map: Option<LatencyMap> = read(&data_dir.join("latency").join("map.bin"));
    map.filter(LatencyMap::is_sound).unwrap_or_default()
}

pub(super) fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let bytes = std::fs::read(file).ok()?;
    match codec::decode(codec::Kind::Other, &bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "passed over");
            None
        }
    }
}

pub(super) fn write<T: Serialize>(file: &Path, value: &T) -> anyhow::Result<()> {
    let bytes = codec::encode(codec::Kind::Other, value)?;
    Ok(store::write_atomically(file, &bytes)?)
}
