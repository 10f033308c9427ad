//! What is counted of certificates: orders by outcome, and what is about to expire.

use model::Config;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// A certificate with less left than this is about to expire.
const WARN_MS: u64 = 21 * 24 * 3_600_000;
/// Where certificates come from.
const SOURCES: [&str; 3] = ["own", "acme", "imported"];

/// Counters of certificates.
pub(crate) struct Metrics {
    orders: IntCounterVec,
    left: IntGaugeVec,
    expiring: IntGaugeVec,
}

impl Metrics {
    /// Registers them; once per registry.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let orders = IntCounterVec::new(
            Opts::new("edgeway_acme_orders_total", "ACME orders by outcome"),
            &["outcome"],
        )?;
        let left = IntGaugeVec::new(
            Opts::new(
                "edgeway_certificate_left_seconds",
                "Time until the first certificate in use expires, by where certificates come from",
            ),
            &["source"],
        )?;
        let expiring = IntGaugeVec::new(
            Opts::new(
                "edgeway_certificates_expiring",
                "Certificates in use that expire within 21 days",
            ),
            &["source"],
        )?;
        registry.register(Box::new(orders.clone()))?;
        registry.register(Box::new(left.clone()))?;
        registry.register(Box::new(expiring.clone()))?;
        Ok(Self {
            orders,
            left,
            expiring,
        })
    }

    pub(super) fn ordered(&self, outcome: &str) {
        self.orders.with_label_values(&[outcome]).inc();
    }

    /// An order waits for the hourly limit.
    pub(super) fn limited(&self) {
        self.ordered("limited");
    }

    /// Looks at every certificate that handshakes are answered with.
    pub(super) fn look(&self, config: &Config, now_ms: u64) {
        let names = config.served_names(|_| true);
        for source in SOURCES {
            let of_source = config.certificates.values().filter(|certificate| {
                let own = match (certificate.own, &certificate.acme) {
                    (true, _) => "own",
                    (false, Some(_)) => "acme",
                    (false, None) => "imported",
                };
                let used = names.contains_key(&certificate.id);
                own == source && used && certificate.is_issued()
            });
            let left_ms: Vec<u64> = of_source
                .map(|certificate| certificate.not_after_ms.saturating_sub(now_ms))
                .collect();
            let expiring = left_ms.iter().filter(|left| **left < WARN_MS).count();
            let expiring = i64::try_from(expiring).unwrap_or(i64::MAX);
            self.expiring.with_label_values(&[source]).set(expiring);
            match left_ms.iter().min() {
                Some(least) => {
                    let seconds = i64::try_from(least / 1000).unwrap_or(i64::MAX);
                    self.left.with_label_values(&[source]).set(seconds);
                }
                // No series rather than a number that an alert would take for "expired".
                None => drop(self.left.remove_label_values(&[source])),
            }
        }
    }
}
