//! A region node's half: which connectors have connections here, what they offer, how they are.
//!
//! All of it is soft state: it follows the connections and the probes over them, and is gone with
//! them. Each connection is watched by a task of its own; calls read a snapshot without waiting.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use link::{Peer, PeerRole, PeersSeen, WayBack};
use plan::region::Way;
use prometheus::Registry;
use serve::Drain;
use steer::region::{BudgetSettings, RetryBudget};
use tokio::sync::watch;

use super::{
    ConnectorSight,
    choice::{self, Standing},
    metrics::RegionMetrics,
    path::{self, Path},
};

/// How long a lost connection is waited for, and since when it may have been lost.
const BACK_WITHIN: Duration = Duration::from_secs(3);
const LATELY: Duration = Duration::from_secs(5);

/// Region nodes that have what is not connected here.
pub trait Elsewhere: Send + Sync + 'static {
    /// Paths to nodes to which one of `connectors` is connected that offers `upstream`, the best
    /// first.
    fn nodes(&self, connectors: &[Box<str>], upstream: &str) -> Vec<Peer>;
}

/// The connectors connected to a region node.
pub struct Connectors {
    paths: ArcSwap<BTreeMap<u64, Arc<Path>>>,
    /// Held to change `paths`.
    changing: Mutex<()>,
    /// Rises with every change of `paths`.
    changed: watch::Sender<u64>,
    /// When connectors, by name, last lost a connection.
    lost: Mutex<BTreeMap<String, Instant>>,
    turn: AtomicUsize,
    budget: Mutex<RetryBudget>,
    started: Instant,
    pub(super) elsewhere: OnceLock<Arc<dyn Elsewhere>>,
    pub(super) metrics: RegionMetrics,
}

impl Connectors {
    /// None yet.
    ///
    /// # Errors
    /// A metric of that name is registered already.
    pub fn new(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        Ok(Arc::new(Self {
            paths: ArcSwap::default(),
            changing: Mutex::default(),
            changed: watch::Sender::new(0),
            lost: Mutex::default(),
            turn: AtomicUsize::new(0),
            budget: Mutex::new(RetryBudget::new(BudgetSettings::default())),
            started: Instant::now(),
            elsewhere: OnceLock::new(),
            metrics: RegionMetrics::register(registry)?,
        }))
    }

    /// Says whom to ask for what is not connected here. The first one stays.
    pub fn set_elsewhere(&self, elsewhere: Arc<dyn Elsewhere>) {
        // A second one would be a mistake of the wiring, and changes nothing.
        drop(self.elsewhere.set(elsewhere));
    }

    /// Follows the connections of connectors on the current runtime until the drain begins.
    pub async fn follow(self: Arc<Self>, seen: Arc<PeersSeen>, drain: Drain) {
        let mut turned = seen.connections();
        let mut watched = BTreeSet::new();
        loop {
            turned.mark_unchanged();
            let ways = seen.ways_back(PeerRole::Connector);
            let open: BTreeSet<u64> = ways.iter().map(|way| way.number).collect();
            for way in ways
                .into_iter()
                .filter(|way| !watched.contains(&way.number))
            {
                drop(drain.spawn(Arc::clone(&self).watch(way, drain.clone())));
            }
            watched = open;
            tokio::select! {
                changed = turned.changed() => if changed.is_err() { return },
                () = drain.begun() => return,
            }
        }
    }

    /// What is connected, by node.
    #[must_use]
    pub fn sights(&self) -> Vec<ConnectorSight> {
        let mut sights: BTreeMap<u64, ConnectorSight> = BTreeMap::new();
        for path in self.paths.load().values() {
            let sight = sights.entry(path.node()).or_insert_with(|| path.sight());
            sight.connections += 1;
            // One that it has left for a better one says nothing of the others.
            sight.draining &= path.is_leaving();
        }
        sights.into_values().collect()
    }

    /// The connection for a call, unless all that would do have been `tried`.
    pub(super) fn choose(&self, way: &Way, tried: &[Arc<Path>]) -> Option<Arc<Path>> {
        let paths = self.paths.load();
        let fit = paths.values().filter(|path| {
            path.is_one_of(&way.connectors) && tried.iter().all(|one| one.number != path.number)
        });
        let standings = fit.filter_map(|path| {
            let again = tried.iter().any(|one| one.node() == path.node());
            Some((path, path.standing(&way.upstream, again)?))
        });
        let (fit, standings): (Vec<&Arc<Path>>, Vec<Standing>) = standings.unzip();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let best = choice::best(&standings, turn)?;
        fit.get(best).map(|path| Arc::clone(path))
    }

    /// Whether one of these connectors is connected and stays, whatever it offers.
    pub(super) fn has_any(&self, connectors: &[Box<str>]) -> bool {
        let paths = self.paths.load();
        let mut paths = paths.values();
        paths.any(|path| path.is_one_of(connectors) && !path.is_leaving())
    }

    /// Waits for a connection that has just been lost to come back; at once false where none has.
    /// A connector dials again within a second, and so does one that was started anew.
    pub(super) async fn back(&self, way: &Way, tried: &[Arc<Path>]) -> bool {
        let lately = {
            let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            let mut at = way.connectors.iter().filter_map(|name| lost.get(&**name));
            at.any(|at| at.elapsed() < LATELY)
        };
        if !lately || self.has_any(&way.connectors) {
            return false;
        }
        let mut changed = self.changed.subscribe();
        let coming = async {
            while self.choose(way, tried).is_none() {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(BACK_WITHIN, coming).await.is_ok()
    }

    /// Counts a request for the budget of retries.
    pub(super) fn count_request(&self) {
        let now_ms = self.now_ms();
        self.budget().request(now_ms);
    }

    /// Takes a retry from the budget.
    pub(super) fn may_retry(&self) -> bool {
        let now_ms = self.now_ms();
        self.budget().withdraw(now_ms)
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, RetryBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Watches one connection until it is gone.
    async fn watch(self: Arc<Self>, way: WayBack, drain: Drain) {
        let number = way.number;
        tokio::select! {
            () = self.watch_on(way) => {}
            () = drain.expired() => {}
        }
        self.change(|paths| {
            let Some(path) = paths.remove(&number) else {
                return;
            };
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            lost.retain(|_, at| at.elapsed() < LATELY);
            lost.insert(path.place().to_owned(), Instant::now());
        });
    }

    async fn watch_on(&self, way: WayBack) {
        let Some(offers) = path::begin(&way, &self.metrics).await else {
            return;
        };
        let path = Path::new(way, offers);
        tracing::info!(connector = %path.identity(), "connector connected");
        self.change(|paths| drop(paths.insert(path.number, Arc::clone(&path))));
        path.follow_to_its_end(&self.metrics).await;
        tracing::info!(connector = %path.identity(), "connector gone");
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<u64, Arc<Path>>)) {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paths = BTreeMap::clone(&self.paths.load());
        change(&mut paths);
        let count = i64::try_from(paths.len()).unwrap_or(i64::MAX);
        self.metrics.connections.set(count);
        self.paths.store(Arc::new(paths));
        self.changed.send_modify(|count| *count += 1);
    }
}
