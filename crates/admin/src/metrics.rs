//! Counters of the management API.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// What the management API counts. Labels are bounded: names of operations, classes and reasons.
pub struct Metrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    refusals: IntCounterVec,
    running: IntGauge,
}

impl Metrics {
    /// Creates the metrics and registers them; once per registry.
    ///
    /// # Errors
    /// When a metric of the same name is registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new(
                "edgeway_admin_requests_total",
                "Management requests answered",
            ),
            &["operation", "class"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("edgeway_admin_request_seconds", "Time to answer them").buckets(
                vec![0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0],
            ),
            &["operation"],
        )?;
        let refusals = IntCounterVec::new(
            Opts::new(
                "edgeway_admin_refusals_total",
                "Management requests refused, by reason",
            ),
            &["reason"],
        )?;
        let running = IntGauge::new(
            "edgeway_admin_requests_running",
            "Management requests being run",
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(refusals.clone()))?;
        registry.register(Box::new(running.clone()))?;
        Ok(Self {
            requests,
            seconds,
            refusals,
            running,
        })
    }

    pub(crate) fn answered(&self, operation: &str, status: http::StatusCode, took: Duration) {
        let class = match status.as_u16() {
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.requests.with_label_values(&[operation, class]).inc();
        self.seconds
            .with_label_values(&[operation])
            .observe(took.as_secs_f64());
    }

    pub(crate) fn running(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    pub(crate) fn refused(&self, reason: &str) {
        self.refusals.with_label_values(&[reason]).inc();
    }
}

/// Counts a request as running until it is dropped, which also happens when its caller goes away.
pub(crate) struct Running(IntGauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
