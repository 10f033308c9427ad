//! What this crate counts, on the registry it is given.
//!
//! Labels are closed sets: entrances, status classes and reasons from enums. No API, path or host
//! is ever a label; those are in the access log. What a request counts is looked up once, here.

use std::{sync::Arc, time::Duration};

use plan::region::Entrance;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use crate::{fault::Fault, upstream::UpstreamError};

/// The region's metrics.
pub(crate) struct Metrics {
    /// By entrance, then by class 1xx to 5xx.
    requests: [[IntCounter; 5]; 3],
    /// Of REST APIs: by a stage's own deployment, by its canary; then by class.
    deployments: [[IntCounter; 5]; 2],
    aborted: IntCounter,
    request_seconds: Histogram,
    upstream_seconds: Histogram,
    faults: IntCounterVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) upstream_connections: IntGauge,
    upstream_connects: IntCounterVec,
    upstream_connected: IntCounter,
    parts: IntCounterVec,
    pub(crate) upstream_retries: IntCounter,
    /// By `how`: the function was asked, or a kept decision used.
    pub(crate) authorizer_decisions: IntCounterVec,
    /// By result.
    pub(crate) key_fetches: IntCounterVec,
    pub(crate) plan: PlanMetrics,
}

/// Metrics of compiling.
pub(crate) struct PlanMetrics {
    pub(crate) revision: IntGauge,
    pub(crate) diagnostics: IntGauge,
    pub(crate) compile_seconds: Histogram,
}

const LATENCY_BUCKETS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    30.0,
];

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let requests = counters(
            registry,
            "edgeway_region_requests_total",
            "Requests that ended, by entrance and status class.",
            &["entrance", "class"],
        )?;
        let upstream_connects = counters(
            registry,
            "edgeway_region_upstream_connects_total",
            "Attempts to connect to a backend, by result.",
            &["result"],
        )?;
        let classes = |entrance: &str| {
            ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| requests.with_label_values(&[entrance, class]))
        };
        let deployments = counters(
            registry,
            "edgeway_region_rest_requests_total",
            "Requests to REST APIs that ended, by deployment (base, canary) and status class.",
            &["deployment", "class"],
        )?;
        let of_deployment = |name: &str| {
            ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| deployments.with_label_values(&[name, class]))
        };
        let counter = |name, help| counter(registry, name, help);
        let gauge = |name, help| gauge(registry, name, help);
        let latency = |name, help| latency(registry, name, help);
        Ok(Arc::new(Self {
            requests: [classes("pop"), classes("regional"), classes("private")],
            deployments: [of_deployment("base"), of_deployment("canary")],
            aborted: counter(
                "edgeway_region_requests_aborted_total",
                "Requests whose client went away before the answer's head.",
            )?,
            request_seconds: latency(
                "edgeway_region_request_duration_seconds",
                "From a request's arrival to the end of its answer.",
            )?,
            upstream_seconds: latency(
                "edgeway_region_upstream_duration_seconds",
                "From sending a request to a backend to the head of its answer.",
            )?,
            faults: counters(
                registry,
                "edgeway_region_faults_total",
                "Requests that were not answered by their backend, by reason and blame.",
                &["reason", "blame"],
            )?,
            in_flight: gauge(
                "edgeway_region_requests_in_flight",
                "Requests in progress, bodies included.",
            )?,
            upstream_connections: gauge(
                "edgeway_region_upstream_connections_open",
                "Connections to backends.",
            )?,
            upstream_connected: upstream_connects.with_label_values(&["ok"]),
            upstream_connects,
            upstream_retries: counter(
                "edgeway_region_upstream_retries_total",
                "Requests sent once more because a reused connection was closed.",
            )?,
            parts: parts(registry)?,
            authorizer_decisions: authorizer_decisions(registry)?,
            key_fetches: key_fetches(registry)?,
            plan: PlanMetrics::register(registry)?,
        }))
    }

    pub(crate) fn ended(&self, entrance: Entrance, status: http::StatusCode, time: Duration) {
        let entrance = match entrance {
            Entrance::Pop => 0,
            Entrance::Regional => 1,
            Entrance::Private => 2,
        };
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        if let Some(counter) = self.requests.get(entrance).and_then(|row| row.get(class)) {
            counter.inc();
        }
        self.request_seconds.observe(time.as_secs_f64());
    }

    pub(crate) fn deployment_served(&self, canary: bool, status: http::StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        let row = self.deployments.get(usize::from(canary));
        if let Some(counter) = row.and_then(|row| row.get(class)) {
            counter.inc();
        }
    }

    pub(crate) fn aborted(&self) {
        self.aborted.inc();
    }

    pub(crate) fn fault(&self, fault: &Fault) {
        self.faults
            .with_label_values(&[fault.reason(), fault.blame().as_str()])
            .inc();
    }

    pub(crate) fn part(&self, result: &str) {
        self.parts.with_label_values(&[result]).inc();
    }

    pub(crate) fn upstream(&self, time: Duration) {
        self.upstream_seconds.observe(time.as_secs_f64());
    }

    pub(crate) fn connected(&self, failure: Option<UpstreamError>) {
        match failure {
            None => self.upstream_connected.inc(),
            Some(error) => self
                .upstream_connects
                .with_label_values(&[error.reason()])
                .inc(),
        }
    }
}

impl PlanMetrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            revision: gauge(
                registry,
                "edgeway_region_plan_revision",
                "The configuration's revision that requests are served from.",
            )?,
            diagnostics: gauge(
                registry,
                "edgeway_region_plan_diagnostics",
                "Parts of the configuration that could not be compiled.",
            )?,
            compile_seconds: latency(
                registry,
                "edgeway_region_plan_compile_duration_seconds",
                "Time to compile a plan.",
            )?,
        })
    }
}

/// Metrics of the feed.
pub(crate) struct FeedMetrics {
    pub(crate) subscribers: IntGauge,
    sent: IntCounterVec,
    pub(crate) sent_bytes: IntCounter,
    refused: IntCounter,
    ended: IntCounterVec,
    pub(crate) project_seconds: Histogram,
}

impl FeedMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            subscribers: gauge(
                registry,
                "edgeway_region_feed_subscribers",
                "POPs and DNS nodes subscribed to this node.",
            )?,
            sent: counters(
                registry,
                "edgeway_region_feed_frames_total",
                "Frames sent to subscribers, by kind.",
                &["kind"],
            )?,
            sent_bytes: counter(
                registry,
                "edgeway_region_feed_sent_bytes_total",
                "Bytes of frames sent to subscribers.",
            )?,
            refused: counter(
                registry,
                "edgeway_region_feed_refused_total",
                "Revisions that a subscriber could not take.",
            )?,
            ended: counters(
                registry,
                "edgeway_region_feed_ended_total",
                "Subscriptions that ended, by reason.",
                &["reason"],
            )?,
            project_seconds: latency(
                registry,
                "edgeway_region_feed_project_duration_seconds",
                "Time to project and encode a revision for subscribers.",
            )?,
        })
    }

    pub(crate) fn sent(&self, kind: &str, bytes: usize) {
        self.sent.with_label_values(&[kind]).inc();
        self.sent_bytes.inc_by(bytes as u64);
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn ended(&self, reason: &str) {
        self.ended.with_label_values(&[reason]).inc();
    }
}

/// Metrics of stages' caches.
pub(crate) struct StageCacheMetrics {
    requests: IntCounterVec,
    answers: IntCounterVec,
    gone: IntCounterVec,
    pub(crate) bytes: IntGauge,
}

impl StageCacheMetrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: counters(
                registry,
                "edgeway_region_stage_cache_requests_total",
                "Requests to methods whose answers are kept, by result.",
                &["result"],
            )?,
            answers: counters(
                registry,
                "edgeway_region_stage_cache_answers_total",
                "Integrations' answers that could be kept: kept, or why not.",
                &["result"],
            )?,
            gone: counters(
                registry,
                "edgeway_region_stage_cache_evictions_total",
                "Kept answers that are gone, by reason.",
                &["reason"],
            )?,
            bytes: gauge(
                registry,
                "edgeway_region_stage_cache_bytes",
                "Bytes of kept answers.",
            )?,
        })
    }

    pub(crate) fn asked(&self, result: &str) {
        self.requests.with_label_values(&[result]).inc();
    }

    pub(crate) fn ended(&self, result: &str) {
        self.answers.with_label_values(&[result]).inc();
    }

    pub(crate) fn gone(&self, reason: &str) {
        self.gone.with_label_values(&[reason]).inc();
    }
}

fn registered<C>(registry: &Registry, collector: C) -> Result<C, prometheus::Error>
where
    C: Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn key_fetches(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    counters(
        registry,
        "edgeway_region_key_fetches_total",
        "Fetches of the keys of tokens' issuers, by result.",
        &["result"],
    )
}

fn authorizer_decisions(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    counters(
        registry,
        "edgeway_region_authorizer_decisions_total",
        "Decisions of authorizing functions that requests needed, by how they were had.",
        &["how"],
    )
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn parts(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    counters(
        registry,
        "edgeway_region_aggregate_parts_total",
        "Parts of aggregates that ended, by result.",
        &["result"],
    )
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    registered(registry, IntCounter::new(name, help)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    registered(registry, IntGauge::new(name, help)?)
}

fn latency(registry: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(LATENCY_BUCKETS.to_vec());
    registered(registry, Histogram::with_opts(options)?)
}
