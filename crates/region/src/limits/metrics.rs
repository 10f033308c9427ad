//! What is counted of limits.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use steer::limits::Gauges;

/// Metrics of limits.
pub(super) struct Metrics {
    pub(super) requests: IntCounterVec,
    pub(super) exchanges: IntCounterVec,
    home: IntGauge,
    shares: IntGauge,
    counters: IntGauge,
    connected: IntGauge,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &["result"])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        Ok(Self {
            requests: counters(
                "edgeway_region_limited_requests_total",
                "Requests under a limit, by what was decided.",
            )?,
            exchanges: counters(
                "edgeway_region_limit_exchanges_total",
                "Exchanges with the home of limits, by result.",
            )?,
            home: gauge(
                "edgeway_region_limits_home",
                "Limits that this node keeps for all nodes.",
            )?,
            shares: gauge(
                "edgeway_region_limits_shared",
                "Limits of which this node has a share.",
            )?,
            counters: gauge(
                "edgeway_region_usage_counters",
                "Counters of what keys have used, by plan, key, day and node.",
            )?,
            connected: gauge(
                "edgeway_region_limits_connected",
                "1 while this node is the home of limits or hears from it; else it admits a part.",
            )?,
        })
    }

    pub(super) fn show(&self, now: &Gauges) {
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        self.home.set(number(now.home));
        self.shares.set(number(now.shares));
        self.counters.set(number(now.counters));
        self.connected.set(now.connected.into());
    }
}
