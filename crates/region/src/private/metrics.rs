//! What both halves count. Labels are results, and upstreams by the names in a connector's
//! settings.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Of a region node.
pub(super) struct RegionMetrics {
    pub(super) connections: IntGauge,
    calls: IntCounterVec,
    pub(super) retries: IntCounter,
    pub(super) elsewhere: IntCounter,
    pub(super) refused_offers: IntCounter,
}

impl RegionMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            connections: IntGauge::new(
                "edgeway_region_connector_connections",
                "Connections of connectors that calls can use.",
            )?,
            calls: IntCounterVec::new(
                Opts::new(
                    "edgeway_region_connector_calls_total",
                    "Calls to connectors, by result.",
                ),
                &["result"],
            )?,
            retries: IntCounter::new(
                "edgeway_region_connector_retries_total",
                "Calls made once more, over another connection.",
            )?,
            elsewhere: IntCounter::new(
                "edgeway_region_connector_elsewhere_total",
                "Calls handed to another region node, because no connector is connected here.",
            )?,
            refused_offers: IntCounter::new(
                "edgeway_region_connector_offers_refused_total",
                "Connections of connectors that are not used for what they say they offer.",
            )?,
        };
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.retries.clone()))?;
        registry.register(Box::new(metrics.elsewhere.clone()))?;
        registry.register(Box::new(metrics.refused_offers.clone()))?;
        Ok(metrics)
    }

    pub(super) fn called(&self, result: &str) {
        self.calls.with_label_values(&[result]).inc();
    }
}

/// Of a connector.
pub(super) struct ConnectorMetrics {
    calls: IntCounterVec,
    pub(super) in_flight: IntGauge,
    healthy: IntGaugeVec,
    checks: IntCounterVec,
}

impl ConnectorMetrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            calls: IntCounterVec::new(
                Opts::new(
                    "edgeway_connector_calls_total",
                    "Calls of regions, by upstream (none: not one of ours) and result.",
                ),
                &["upstream", "result"],
            )?,
            in_flight: IntGauge::new(
                "edgeway_connector_calls_in_flight",
                "Calls of regions in progress, answers' bodies included.",
            )?,
            healthy: IntGaugeVec::new(
                Opts::new(
                    "edgeway_connector_upstream_healthy",
                    "1 unless the upstream's last checks failed.",
                ),
                &["upstream"],
            )?,
            checks: IntCounterVec::new(
                Opts::new(
                    "edgeway_connector_health_checks_total",
                    "Checks of upstreams, by result.",
                ),
                &["upstream", "result"],
            )?,
        };
        registry.register(Box::new(metrics.calls.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.healthy.clone()))?;
        registry.register(Box::new(metrics.checks.clone()))?;
        Ok(metrics)
    }

    pub(super) fn called(&self, upstream: &str, result: &str) {
        self.calls.with_label_values(&[upstream, result]).inc();
    }

    pub(super) fn checked(&self, upstream: &str, result: &str, healthy: bool) {
        self.checks.with_label_values(&[upstream, result]).inc();
        let gauge = self.healthy.with_label_values(&[upstream]);
        gauge.set(i64::from(healthy));
    }
}
