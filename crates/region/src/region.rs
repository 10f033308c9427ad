//! The region as a whole: compiles plans as the configuration changes and hands out entrances.
//!
//! Compiling happens off the request path, one plan at a time, from the newest configuration; what
//! came in between is skipped. Workers read the plan through an `ArcSwap` and never wait.

use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwapOption;
use lang::jwt::KeySet;
use link::{CallHandler, LoadReport};
use model::{Config, Trial};
use plan::{
    Diagnostic,
    region::{RegionPlan, token::KeySource},
};
use prometheus::Registry;
use serve::{Drain, Handler, HandlerFactory};
use tokio::sync::watch;

use crate::{
    entry::Worker,
    issuers::{self, Issuers, KeyTimes, KeysUnavailable},
    limits::{Clock, LimitSettings, Limits, clock},
    load::Load,
    metrics::Metrics,
    private::Connectors,
    record::Ledger,
    rest::{KeptAnswers, Viewers},
    trials::Trials,
    upstream::{BackendTls, Decisions, Shared, TrustError, UpstreamSettings, Upstreams},
};

/// Settings of a region node.
#[derive(Clone)]
pub struct RegionSettings {
    /// The region's name, such as `us-east-1`.
    pub name: String,
    /// This node's number.
    pub node: u64,
    /// Requests in progress; one more is answered 503.
    pub in_flight_max: u32,
    /// Connections to backends.
    pub upstreams: UpstreamSettings,
    /// Rates and quotas of REST APIs.
    pub limits: LimitSettings,
    /// When keys of tokens' issuers are fetched again.
    pub keys: KeyTimes,
    /// What limits take for the time.
    pub clock: Clock,
    /// Where clients are, for integrations behind edge endpoints.
    pub viewers: Option<Arc<dyn Viewers>>,
}

/// Why a region could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// A metric of that name is registered already.
    #[error("metrics of the region cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// TLS towards backends.
    #[error("trust towards backends cannot be set up")]
    Trust(#[from] TrustError),
}

/// A region node's data plane.
pub struct Region {
    settings: RegionSettings,
    plan: ArcSwapOption<RegionPlan>,
    trials: ArcSwapOption<Trials>,
    diagnostics: ArcSwapOption<Vec<Diagnostic>>,
    revision: watch::Sender<u64>,
    ledger: Ledger,
    limits: Arc<Limits>,
    tls: Arc<BackendTls>,
    decisions: Arc<Decisions>,
    answers: Arc<KeptAnswers>,
    issuers: Arc<Issuers>,
    connectors: Arc<Connectors>,
    drain: Drain,
}

/// Diagnostics written to the log per plan; the rest are counted.
const DIAGNOSTICS_LOGGED_MAX: usize = 20;

impl RegionSettings {
    /// Settings with every limit at its default.
    #[must_use]
    pub fn new(name: impl Into<String>, node: u64) -> Self {
        let upstreams = UpstreamSettings::default();
        Self {
            name: name.into(),
            node,
            in_flight_max: 20_000,
            upstreams,
            limits: LimitSettings::default(),
            keys: KeyTimes::default(),
            clock: clock::of_machine(),
            viewers: None,
        }
    }
}

impl Region {
    /// Starts compiling plans from `config` on the current runtime, which should be the control
    /// plane's. Reads the system's certificate authorities from disk.
    ///
    /// # Errors
    /// Metrics or trust cannot be set up.
    pub fn new(
        settings: RegionSettings,
        config: watch::Receiver<Arc<Config>>,
        registry: &Registry,
        drain: Drain,
    ) -> Result<Arc<Self>, RegionError> {
        let metrics = Metrics::register(registry)?;
        let tls = BackendTls::new(settings.upstreams.extra_ca_pem.as_deref())?;
        let (own, clock) = (settings.node, Arc::clone(&settings.clock));
        let limits = Limits::new(own, settings.limits, clock, registry)?;
        let decisions = Decisions::new(metrics.authorizer_decisions.clone());
        let decisions = Arc::new(decisions);
        let (issuers, asked) = Issuers::new(settings.keys, metrics.key_fetches.clone());
        let region = Arc::new(Self {
            settings,
            plan: ArcSwapOption::empty(),
            trials: ArcSwapOption::empty(),
            diagnostics: ArcSwapOption::empty(),
            revision: watch::Sender::new(0),
            ledger: Ledger {
                metrics,
                load: Arc::new(Load::new(Instant::now())),
            },
            limits,
            tls,
            decisions,
            answers: KeptAnswers::new(registry)?,
            issuers: Arc::clone(&issuers),
            connectors: Connectors::new(registry)?,
            drain: drain.clone(),
        });
        let upstreams = Arc::new(region.make_upstreams());
        drain.spawn(issuers::keep(issuers, asked, upstreams, drain.clone()));
        drain.spawn(follow(Arc::clone(&region), config, drain.clone()));
        Ok(region)
    }

    /// Waits until the first plan is installed. Cancel safe.
    pub async fn ready(&self) {
        // Only fails when the sender is gone, and `self` holds it.
        let _ = self
            .revision
            .subscribe()
            .wait_for(|_| self.is_ready())
            .await;
    }

    /// Whether a plan is installed.
    pub fn is_ready(&self) -> bool {
        self.plan.load().is_some()
    }

    /// The configuration's revision that requests are served from; 0 before the first plan.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// As [`revision`](Self::revision), to be waited on.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// What the current plan could not compile.
    pub fn diagnostics(&self) -> Arc<Vec<Diagnostic>> {
        self.diagnostics.load_full().unwrap_or_default()
    }

    /// The region's name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// This node's number.
    pub fn node(&self) -> u64 {
        self.settings.node
    }

    /// What the regional listener hands requests to; each worker gets connections of its own.
    pub fn factory(self: &Arc<Self>) -> Arc<dyn HandlerFactory> {
        let region = Arc::clone(self);
        Arc::new(move |_worker: usize| -> Arc<dyn Handler> { Arc::new(region.make_worker()) })
    }

    /// What answers POPs' requests in one link worker. Call it inside that worker's runtime.
    pub fn make_calls(self: &Arc<Self>, _worker: usize) -> Arc<dyn CallHandler> {
        Arc::new(self.make_worker())
    }

    /// How busy the node is, for probes.
    pub fn load(&self) -> LoadReport {
        LoadReport {
            in_flight: self.ledger.load.in_flight(),
            limit: self.settings.in_flight_max,
            service_p50_us: self.ledger.load.median_us(Instant::now()),
        }
    }

    /// Rates and quotas of REST APIs, at this node.
    pub const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The keys of an issuer of tokens, to verify one that names the key `id`: kept, or fetched
    /// now. They may lack it. If dropped, a fetch goes on.
    ///
    /// # Errors
    /// There are none, and they cannot be fetched now.
    pub async fn issuer_keys(
        &self,
        source: &Arc<KeySource>,
        id: &str,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(self.issuers.keys(source, id).await?)
    }

    /// Ways into private networks.
    pub const fn connectors(&self) -> &Arc<Connectors> {
        &self.connectors
    }

    pub(crate) fn plan(&self) -> Option<Arc<RegionPlan>> {
        self.plan.load_full()
    }

    /// New versions of APIs on their way, if there are any.
    pub(crate) fn running_trials(&self) -> Option<Arc<Trials>> {
        self.trials.load_full()
    }

    /// What this node has counted of rollouts.
    pub fn trials(&self) -> Vec<Trial> {
        self.trials
            .load()
            .as_ref()
            .map_or_else(Vec::new, |trials| trials.counts())
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn viewers(&self) -> Option<&dyn Viewers> {
        self.settings.viewers.as_deref()
    }

    pub(crate) const fn in_flight_max(&self) -> u32 {
        self.settings.in_flight_max
    }

    fn make_worker(self: &Arc<Self>) -> Worker {
        Worker::new(Arc::clone(self), self.make_upstreams())
    }

    /// Connections to backends for the current runtime.
    pub(crate) fn make_upstreams(&self) -> Upstreams {
        Upstreams::new(
            self.settings.upstreams.clone(),
            Arc::clone(&self.tls),
            Arc::clone(&self.ledger.metrics),
            Shared {
                decisions: Arc::clone(&self.decisions),
                answers: Arc::clone(&self.answers),
                issuers: Arc::clone(&self.issuers),
                connectors: Arc::clone(&self.connectors),
            },
            &self.drain,
        )
    }

    /// Compiles and publishes; for a thread that may be kept busy.
    fn install(&self, config: &Config) {
        let began = Instant::now();
        let trials = Trials::compile(config, self.trials.load_full().as_deref());
        let released = config.released();
        let config = &released;
        let (plan, diagnostics) = match self.plan.load_full() {
            Some(old) => old.compile_from(config),
            None => RegionPlan::compile(config),
        };
        // Before the plan, which names them.
        self.tls.take(&config.client_certificates);
        let metrics = &self.ledger.metrics.plan;
        metrics
            .compile_seconds
            .observe(began.elapsed().as_secs_f64());
        metrics
            .revision
            .set(i64::try_from(config.revision.0).unwrap_or(i64::MAX));
        metrics
            .diagnostics
            .set(i64::try_from(diagnostics.len()).unwrap_or(i64::MAX));
        // What was wrong before has been said before.
        let known = self.diagnostics();
        let news = diagnostics
            .iter()
            .filter(|diagnostic| !known.contains(diagnostic));
        for diagnostic in news.take(DIAGNOSTICS_LOGGED_MAX) {
            tracing::warn!(
                revision = config.revision.0,
                at = %diagnostic.at,
                message = %diagnostic.message,
                "part of the configuration cannot run",
            );
        }
        self.plan.store(Some(Arc::new(plan)));
        self.trials.store(trials.map(Arc::new));
        self.diagnostics.store(Some(Arc::new(diagnostics)));
        self.revision.send_replace(config.revision.0);
    }
}

/// Compiles the newest configuration whenever there is a new one.
async fn follow(region: Arc<Region>, mut config: watch::Receiver<Arc<Config>>, drain: Drain) {
    loop {
        let newest = Arc::clone(&config.borrow_and_update());
        // Nothing is ever answered from an empty configuration, or from an older one.
        if newest.cluster.is_some() && newest.revision.0 >= region.revision() {
            let compiling = Arc::clone(&region);
            let task = tokio::task::spawn_blocking(move || compiling.install(&newest));
            if let Err(error) = drain.track(task).await {
                tracing::error!(%error, "plan could not be compiled; the one before stays");
            }
        }
        tokio::select! {
            biased;
            () = drain.begun() => return,
            changed = config.changed() => if changed.is_err() { return },
        }
    }
}
