//! The edge role as a whole: what `edgeway` makes, feeds and asks.
//!
//! It follows the views it is given, compiles each off the request path, and makes a handler per
//! worker. It sends no probes and fetches no configuration: both come from outside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use link::{LinkContext, ProbeOutcome, Transport};
use model::{EdgeView, NodeId};
use plan::edge::EdgePlan;
use prometheus::Registry;
use serve::{Drain, Handler, HandlerFactory};
use steer::region::Order;
use tokio::sync::watch;

use crate::cache::Purge;
use crate::metrics::Metrics;
use crate::paths::Paths;
use crate::pop::Pop;
use crate::settings::EdgeSettings;
use crate::shared::Shared;

/// How often time passes for the choice of region.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two updates of the cache's gauges.
const GAUGE_TICKS: u32 = 10;

/// Why a POP cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The metrics are registered already, or clash with others.
    #[error("edge metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// The POP's name cannot stand in a header.
    #[error("pop name {0:?} does not consist of letters, digits and dashes")]
    Name(String),
}

/// What a POP is made from, besides its settings.
#[derive(Debug)]
pub struct EdgeParts<'a> {
    /// Its configuration. Revision 0 means that there is none yet.
    pub views: watch::Receiver<Arc<EdgeView>>,
    /// For its connections to the regions.
    pub link: LinkContext,
    /// Takes its metrics.
    pub registry: &'a Registry,
    /// Tells it to stop.
    pub drain: Drain,
}

/// The edge role of a node.
#[derive(Debug)]
pub struct Edge {
    pub(crate) core: Arc<Shared>,
    plans: watch::Sender<Arc<EdgePlan>>,
    workers: Mutex<Vec<Arc<Paths>>>,
    link: LinkContext,
    drain: Drain,
}

impl Edge {
    /// Starts the role: installs the present view and follows later ones in a task of the current
    /// runtime (the control plane's), until the drain begins.
    ///
    /// # Errors
    ///
    /// When the metrics cannot be registered or the POP's name is unusable.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(settings: EdgeSettings, parts: EdgeParts<'_>) -> Result<Arc<Self>, EdgeError> {
        let EdgeParts {
            mut views,
            link,
            registry,
            drain,
        } = parts;
        let metrics = Metrics::register(registry)?;
        let name = settings.pop.clone();
        let core = Shared::new(settings, metrics, drain.clone()).ok_or(EdgeError::Name(name))?;
        let edge = Arc::new(Self {
            core: Arc::new(core),
            plans: watch::Sender::new(Arc::default()),
            workers: Mutex::default(),
            link,
            drain: drain.clone(),
        });
        let first = Arc::clone(&views.borrow_and_update());
        edge.install(&first);
        drain.spawn(Arc::clone(&edge).follow(views));
        Ok(edge)
    }

    /// Makes the handler of each worker, with connections of its own.
    #[must_use]
    pub fn factory(self: &Arc<Self>) -> Arc<dyn HandlerFactory> {
        Arc::new(Workers(Arc::clone(self)))
    }

    /// Takes what the prober of a region node saw. When the node has stopped answering, calls to
    /// it fail at once, so that they are tried elsewhere.
    pub fn observe(&self, node: NodeId, outcome: &ProbeOutcome) {
        let now_ms = self.core.clock.now_ms();
        for fallen in self.core.steering.probed(node, outcome, now_ms) {
            self.mark_down(fallen);
        }
    }

    /// Closes all workers' connections to a node; calls on them fail at once.
    pub fn mark_down(&self, node: NodeId) {
        tracing::warn!(%node, "region node does not answer: calls to it are given up");
        self.core.metrics.nodes_down.inc();
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        for path in workers.iter().filter_map(|paths| paths.find(node)) {
            path.peer.mark_down();
        }
    }

    /// Whether a configuration is installed. Regions need not be reachable: what is cached is
    /// served without them.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.core.plan.load().revision().0 > 0
    }

    /// Takes out what clients' handshakes took since the last time, by client prefix; none if
    /// there were none.
    #[must_use]
    pub fn take_samples(&self) -> Option<steer::latency::Batch> {
        self.core.latency.take()
    }

    /// Requests answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.core.metrics.requests()
    }

    /// The plan in use.
    #[must_use]
    pub fn plan(&self) -> Arc<EdgePlan> {
        self.core.plan.load_full()
    }

    /// Takes stored answers out of use at once; how many were held. It is safe to repeat.
    pub fn purge(&self, purge: &Purge) -> u64 {
        self.core.metrics.purges.inc();
        self.core.cache.purge(purge)
    }

    /// The order in which region nodes are tried right now, with what it is based on.
    #[must_use]
    pub fn order(&self) -> Arc<Order> {
        self.core.steering.order()
    }

    /// Tells each plan once it is in use: for certificates, probers, and acknowledgements.
    #[must_use]
    pub fn plans(&self) -> watch::Receiver<Arc<EdgePlan>> {
        self.plans.subscribe()
    }

    fn install(&self, view: &Arc<EdgeView>) {
        let (plan, diagnostics) = self.core.plan.load().compile_from(view);
        for found in &diagnostics {
            tracing::warn!(
                at = found.at,
                message = found.message,
                "part of the plan is broken"
            );
        }
        let (plan, metrics) = (Arc::new(plan), &self.core.metrics);
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metrics.diagnostics.set(gauge(diagnostics.len() as u64));
        metrics.revision.set(gauge(plan.revision().0));
        self.core.steering.install(&plan, self.core.clock.now_ms());
        if self.core.settings.relay {
            let own = &self.core.settings.pop;
            let others = plan.pops().filter(|(name, _)| name != own);
            let others: Vec<NodeId> = others.map(|(_, node)| node.id).collect();
            let now_ms = self.core.clock.now_ms();
            let steering = &self.core.steering;
            steering.change(|regions| regions.set_relays(&others, now_ms));
        }
        self.core.plan.store(Arc::clone(&plan));
        self.plans.send_replace(plan);
    }

    async fn follow(self: Arc<Self>, mut views: watch::Receiver<Arc<EdgeView>>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut gauge_ticks, mut fed) = (0, true);
        loop {
            tokio::select! {
                biased;
                () = self.drain.begun() => return,
                changed = views.changed(), if fed => {
                    // Without a source of views the last one stays in use.
                    fed = changed.is_ok();
                    let view = Arc::clone(&views.borrow_and_update());
                    // An older configuration never replaces a newer one.
                    if view.revision > self.core.plan.load().revision() {
                        self.install(&view);
                    }
                }
                _ = ticks.tick() => {
                    self.tick();
                    gauge_ticks = (gauge_ticks + 1) % GAUGE_TICKS;
                    if gauge_ticks == 0 {
                        self.gauges();
                    }
                }
            }
        }
    }

    fn tick(&self) {
        let now_ms = self.core.clock.now_ms();
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let tallies: Vec<_> = workers
            .iter()
            .flat_map(|paths| paths.take_tallies())
            .collect();
        drop(workers);
        self.core.steering.tallied(&tallies, now_ms);
        for fallen in self.core.steering.tick(now_ms) {
            self.mark_down(fallen);
        }
    }

    fn gauges(&self) {
        let (entries, bytes, fills) = self.core.cache.size();
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for (region, lane) in self.core.lanes.all() {
            self.core.metrics.lane(region.as_str(), &lane);
        }
        self.core.metrics.entries.set(gauge(entries));
        self.core.metrics.bytes.set(gauge(bytes));
        self.core.metrics.fills.set(gauge(fills as u64));
    }
}

impl Edge {
    /// Connections of the current runtime to the regions, and by other POPs if `relays`.
    pub(crate) fn worker_paths(self: &Arc<Self>, relays: bool) -> Arc<Paths> {
        let edge = self;
        let relays = relays && edge.core.settings.relay;
        let paths = Arc::new(Paths::default());
        match Transport::client(None, edge.link.clone(), edge.drain.clone()) {
            Ok(transport) => {
                let mut plans = edge.plans();
                let first = Arc::clone(&plans.borrow_and_update());
                paths.install(&first, &edge.core.lanes, (&transport, &edge.drain));
                if relays {
                    paths.2.install(&first, &edge.core.settings.pop, &transport);
                }
                let mut workers = edge.workers.lock().unwrap_or_else(PoisonError::into_inner);
                workers.push(Arc::clone(&paths));
                drop(workers);
                let links = (transport, edge.drain.clone());
                let core = Arc::clone(&edge.core);
                let follow = follow_plans((Arc::clone(&paths), relays), core, plans, links);
                edge.drain.spawn(follow);
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "worker has no link: it serves from cache alone");
            }
        }
        paths
    }
}

/// Makes handlers.
struct Workers(Arc<Edge>);

impl HandlerFactory for Workers {
    fn make(&self, _worker: usize) -> Arc<dyn Handler> {
        let paths = self.0.worker_paths(true);
        Arc::new(Pop::new(Arc::clone(&self.0.core), paths))
    }
}

/// Keeps a worker's connections those that the plan names.
async fn follow_plans(
    (paths, relays): (Arc<Paths>, bool),
    core: Arc<Shared>,
    mut plans: watch::Receiver<Arc<EdgePlan>>,
    (transport, drain): (Transport, Drain),
) {
    loop {
        tokio::select! {
            biased;
            () = drain.begun() => return,
            changed = plans.changed() => {
                if changed.is_err() {
                    return;
                }
                let plan = Arc::clone(&plans.borrow_and_update());
                paths.install(&plan, &core.lanes, (&transport, &drain));
                if relays {
                    paths.2.install(&plan, &core.settings.pop, &transport);
                }
            }
        }
    }
}
