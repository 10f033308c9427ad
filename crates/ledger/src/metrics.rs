//! The ledger's metrics. Labels are closed sets.

use std::sync::Arc;

use prometheus::{
    Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

const SECONDS: [f64; 12] = [
    0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The metrics of one node's ledger.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) term: IntGauge,
    pub(crate) is_leader: IntGauge,
    pub(crate) healthy: IntGauge,
    pub(crate) applied_revision: IntGauge,
    pub(crate) applied_index: IntGauge,
    pub(crate) history_bytes: IntGauge,
    pub(crate) history_oldest: IntGauge,
    pub(crate) lag_max: IntGauge,
    pub(crate) proposals: IntCounterVec,
    pub(crate) propose_seconds: Histogram,
    pub(crate) batch_changes: Histogram,
    pub(crate) append_fsync: Histogram,
    pub(crate) snapshot_bytes: IntGauge,
    pub(crate) snapshots: IntCounterVec,
    pub(crate) refused: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them; once per registry.
    pub(crate) fn new(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name, help| keep(registry, IntGauge::new(name, help)?);
        let counter = |name, help, label| {
            keep(
                registry,
                IntCounterVec::new(Opts::new(name, help), &[label])?,
            )
        };
        let seconds = |name, help| {
            let opts = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            keep(registry, Histogram::with_opts(opts)?)
        };
        let sizes = HistogramOpts::new(
            "edgeway_ledger_batch_changes",
            "Changes that shared a log entry on the leader",
        )
        .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]);
        Ok(Arc::new(Self {
            term: gauge("edgeway_ledger_term", "Raft term of this node")?,
            is_leader: gauge("edgeway_ledger_is_leader", "1 while this node leads")?,
            healthy: gauge("edgeway_ledger_healthy", "1 while a live leader is known")?,
            applied_revision: gauge(
                "edgeway_ledger_applied_revision",
                "Revision of the configuration this node has applied",
            )?,
            applied_index: gauge("edgeway_ledger_applied_index", "Last log entry applied")?,
            history_bytes: gauge(
                "edgeway_ledger_history_bytes",
                "Bytes that past revisions take in a snapshot",
            )?,
            history_oldest: gauge(
                "edgeway_ledger_history_oldest_revision",
                "Oldest revision that can be shown and gone back to",
            )?,
            lag_max: gauge(
                "edgeway_ledger_replication_lag_entries",
                "Entries by which the furthest follower is behind, on the leader",
            )?,
            proposals: counter(
                "edgeway_ledger_proposals_total",
                "Changes proposed at this node, by what became of them",
                "result",
            )?,
            propose_seconds: seconds(
                "edgeway_ledger_propose_seconds",
                "Time from a proposal to its outcome being applied here",
            )?,
            batch_changes: keep(registry, Histogram::with_opts(sizes)?)?,
            append_fsync: seconds(
                "edgeway_ledger_append_fsync_seconds",
                "Time to make queued log writes durable",
            )?,
            snapshot_bytes: gauge("edgeway_ledger_snapshot_bytes", "Size of the last snapshot")?,
            snapshots: counter(
                "edgeway_ledger_snapshots_total",
                "Snapshots stored, by where they came from",
                "from",
            )?,
            refused: counter(
                "edgeway_ledger_refused_total",
                "Messages and proposals this node refused, by reason",
                "reason",
            )?,
        }))
    }
}

fn keep<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
