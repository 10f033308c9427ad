//! What this crate counts, on the registry it is given.
//!
//! Labels are closed sets: listener names from settings, versions and reasons from enums. The
//! counters of a listener are looked up once per worker, so that counting costs one atomic add.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The crate's metrics. One per process, shared by all its servers.
#[derive(Debug)]
pub struct Metrics {
    open: IntGaugeVec,
    accepted: IntCounterVec,
    handshake_failures: IntCounterVec,
    requests: IntCounterVec,
    refusals: IntCounterVec,
    closed: IntCounterVec,
}

/// The metrics of one listener in one worker.
#[derive(Debug)]
pub(crate) struct ListenerMetrics {
    listener: String,
    pub(crate) open: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) h1_requests: IntCounter,
    pub(crate) h2_requests: IntCounter,
    pub(crate) h3_requests: IntCounter,
    refusals: IntCounterVec,
    handshake_failures: IntCounterVec,
    closed: IntCounterVec,
}

impl Metrics {
    /// Registers all of them.
    ///
    /// # Errors
    ///
    /// If the registry already has a metric of one of these names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok::<_, prometheus::Error>(vec)
        };
        let open = IntGaugeVec::new(
            Opts::new(
                "edgeway_serve_connections_open",
                "Client connections open now.",
            ),
            &["listener"],
        )?;
        registry.register(Box::new(open.clone()))?;
        Ok(Self {
            open,
            accepted: counter(
                "edgeway_serve_connections_accepted_total",
                "Client connections accepted.",
                &["listener"],
            )?,
            handshake_failures: counter(
                "edgeway_serve_handshake_failures_total",
                "TLS and QUIC handshakes that failed, by reason.",
                &["listener", "reason"],
            )?,
            requests: counter(
                "edgeway_serve_requests_total",
                "Requests with a readable head, by protocol version.",
                &["listener", "version"],
            )?,
            refusals: counter(
                "edgeway_serve_refusals_total",
                "Requests and bodies refused before or while a handler saw them, by reason.",
                &["listener", "reason"],
            )?,
            closed: counter(
                "edgeway_serve_connections_closed_total",
                "Client connections that we closed at a limit, by reason.",
                &["listener", "reason"],
            )?,
        })
    }

    /// Reads how many connections of these listeners are open, all together.
    pub fn connections_open(&self, listeners: &[&str]) -> impl Fn() -> u64 + Send + Sync + use<> {
        let of = |listener: &&str| self.open.with_label_values(&[*listener]);
        let open: Vec<IntGauge> = listeners.iter().map(of).collect();
        move || {
            let open = open.iter().map(IntGauge::get).sum::<i64>();
            u64::try_from(open).unwrap_or(0)
        }
    }

    pub(crate) fn of_listener(&self, listener: &str) -> ListenerMetrics {
        ListenerMetrics {
            listener: listener.to_owned(),
            open: self.open.with_label_values(&[listener]),
            accepted: self.accepted.with_label_values(&[listener]),
            h1_requests: self.requests.with_label_values(&[listener, "h1"]),
            h2_requests: self.requests.with_label_values(&[listener, "h2"]),
            h3_requests: self.requests.with_label_values(&[listener, "h3"]),
            refusals: self.refusals.clone(),
            handshake_failures: self.handshake_failures.clone(),
            closed: self.closed.clone(),
        }
    }
}

impl ListenerMetrics {
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals
            .with_label_values(&[self.listener.as_str(), reason])
            .inc();
    }

    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.handshake_failures
            .with_label_values(&[self.listener.as_str(), reason])
            .inc();
    }

    pub(crate) fn closed(&self, reason: &'static str) {
        self.closed
            .with_label_values(&[self.listener.as_str(), reason])
            .inc();
    }
}
