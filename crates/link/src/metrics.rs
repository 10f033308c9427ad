//! The link's metrics. Labels are closed sets: sides, services and reasons, never peers.

use std::sync::Arc;

use prometheus::core::{AtomicI64, AtomicU64, Collector, GenericCounter, GenericGauge};
use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::carrier::LinkTransport;
use crate::error::CallFailure;
use crate::services::Service;

type Counter = GenericCounter<AtomicU64>;
type Gauge = GenericGauge<AtomicI64>;

const RTT_BUCKETS: [f64; 12] = [
    0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.6,
];

/// In the order of their numbers.
const TRANSPORTS: [LinkTransport; 2] = [LinkTransport::Quic, LinkTransport::Http2];

/// Which side of a connection or call we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Why something was refused or given up on the serving side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Connections,
    PerNode,
    Removed,
    ConnectorStreams,
    Unauthenticated,
    Handshakes,
    AddressProof,
    Draining,
    Calls,
    Streams,
    Service,
    Malformed,
    TooLarge,
    Deadline,
    BodyIdle,
    ProbeQueue,
}

impl Refused {
    const ALL: [Self; 16] = [
        Self::Connections,
        Self::PerNode,
        Self::Removed,
        Self::ConnectorStreams,
        Self::Unauthenticated,
        Self::Handshakes,
        Self::AddressProof,
        Self::Draining,
        Self::Calls,
        Self::Streams,
        Self::Service,
        Self::Malformed,
        Self::TooLarge,
        Self::Deadline,
        Self::BodyIdle,
        Self::ProbeQueue,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections_max",
            Self::PerNode => "connections_per_node_max",
            Self::Removed => "removed_node",
            Self::ConnectorStreams => "connector_streams_max",
            Self::Unauthenticated => "unauthenticated_max",
            Self::Handshakes => "handshakes_max",
            Self::AddressProof => "address_proof",
            Self::Draining => "draining",
            Self::Calls => "calls_max",
            Self::Streams => "streams_waiting_max",
            Self::Service => "unknown_service",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Deadline => "deadline",
            Self::BodyIdle => "body_idle",
            Self::ProbeQueue => "probe_queue_full",
        }
    }
}

/// The metrics of all links of a process.
#[derive(Debug)]
pub struct Metrics {
    connections: [Gauge; 2],
    carried: [[Gauge; 2]; 2],
    switches: [Counter; 2],
    in_flight: [Gauge; 2],
    handshakes: IntCounterVec,
    answered: [Counter; 2],
    failed: Vec<Counter>,
    cancelled: Counter,
    rpcs: IntCounterVec,
    refused: Vec<Counter>,
    probes: [Counter; 2],
    probe_rtt: Histogram,
}

struct Made {
    metrics: Metrics,
    collectors: Vec<Box<dyn Collector>>,
}

impl Metrics {
    /// Makes the metrics and registers them; once per registry.
    pub fn new(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let made = make()?;
        for collector in made.collectors {
            registry.register(collector)?;
        }
        Ok(Arc::new(made.metrics))
    }

    /// Metrics that nobody reads, for tests and one-off commands.
    pub fn unregistered() -> Arc<Self> {
        let made = make().expect("invariant: the metric names of this file are valid");
        Arc::new(made.metrics)
    }

    /// Counts an open connection, and what carries it.
    pub(crate) fn connection(
        self: &Arc<Self>,
        side: Side,
        transport: LinkTransport,
    ) -> [GaugeGuard; 2] {
        let carried = &self.carried[side as usize][transport as usize];
        [&self.connections[side as usize], carried].map(GaugeGuard::new)
    }

    /// Counts a peer that is now reached by another transport than before.
    pub(crate) fn switched(&self, to: LinkTransport) {
        self.switches[to as usize].inc();
    }

    pub(crate) fn call(self: &Arc<Self>, side: Side) -> GaugeGuard {
        GaugeGuard::new(&self.in_flight[side as usize])
    }

    pub(crate) fn handshake(&self, side: Side, outcome: &'static str) {
        self.handshakes
            .with_label_values(&[side.as_str(), outcome])
            .inc();
    }

    pub(crate) fn answered(&self, side: Side) {
        self.answered[side as usize].inc();
    }

    pub(crate) fn failed(&self, reason: CallFailure) {
        if let Some(counter) = self.failed.get(usize::from(reason as u8)) {
            counter.inc();
        }
    }

    pub(crate) fn cancelled(&self) {
        self.cancelled.inc();
    }

    pub(crate) fn rpc(&self, service: Service, outcome: &'static str) {
        self.rpcs
            .with_label_values(&[service.as_str(), outcome])
            .inc();
    }

    pub(crate) fn refused(&self, reason: Refused) {
        if let Some(counter) = self.refused.get(reason as usize) {
            counter.inc();
        }
    }

    pub(crate) fn probed(&self, rtt: Option<std::time::Duration>) {
        match rtt {
            Some(rtt) => {
                self.probes[0].inc();
                self.probe_rtt.observe(rtt.as_secs_f64());
            }
            None => self.probes[1].inc(),
        }
    }
}

impl Side {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Counts one thing up while it lives.
#[derive(Debug)]
pub(crate) struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Metrics of what carries connections.
fn transports() -> Result<(IntGaugeVec, IntCounterVec), prometheus::Error> {
    let carried = IntGaugeVec::new(
        Opts::new(
            "edgeway_link_transport_connections",
            "Open connections between nodes by what carries them.",
        ),
        &["side", "transport"],
    )?;
    let switches = IntCounterVec::new(
        Opts::new(
            "edgeway_link_transport_switches_total",
            "Peers that went over to another transport: to h2 where UDP does not pass, and back.",
        ),
        &["to"],
    )?;
    Ok((carried, switches))
}

fn by_transport(carried: &IntGaugeVec) -> [[Gauge; 2]; 2] {
    [Side::Client, Side::Server].map(|side| {
        TRANSPORTS.map(|over| carried.with_label_values(&[side.as_str(), over.as_str()]))
    })
}

fn probe_rtt() -> Result<Histogram, prometheus::Error> {
    Histogram::with_opts(
        HistogramOpts::new(
            "edgeway_link_probe_rtt_seconds",
            "Round trip of answered probes.",
        )
        .buckets(RTT_BUCKETS.to_vec()),
    )
}

fn make() -> Result<Made, prometheus::Error> {
    let counters = |name: &str, help: &str, labels: &[&str]| {
        IntCounterVec::new(Opts::new(format!("edgeway_link_{name}"), help), labels)
    };
    let gauges = |name: &str, help: &str| {
        IntGaugeVec::new(Opts::new(format!("edgeway_link_{name}"), help), &["side"])
    };
    let connections = gauges("connections", "Open connections between nodes.")?;
    let (carried, switches) = transports()?;
    let in_flight = gauges("calls_in_flight", "Calls that have no response head yet.")?;
    let handshakes = counters(
        "handshakes_total",
        "Finished and failed handshakes.",
        &["side", "outcome"],
    )?;
    let calls = counters(
        "calls_total",
        "Calls by how they ended.",
        &["side", "outcome"],
    )?;
    let rpcs = counters(
        "rpcs_total",
        "Answered rpcs by outcome.",
        &["service", "outcome"],
    )?;
    let refused = counters(
        "refused_total",
        "What limits refused or ended.",
        &["reason"],
    )?;
    let probes = counters("probes_total", "Probes sent, by outcome.", &["outcome"])?;
    let probe_rtt = probe_rtt()?;
    let both = |vec: &IntGaugeVec| {
        [Side::Client, Side::Server].map(|side| vec.with_label_values(&[side.as_str()]))
    };
    let metrics = Metrics {
        connections: both(&connections),
        carried: by_transport(&carried),
        switches: TRANSPORTS.map(|to| switches.with_label_values(&[to.as_str()])),
        in_flight: both(&in_flight),
        answered: [Side::Client, Side::Server]
            .map(|side| calls.with_label_values(&[side.as_str(), "answered"])),
        failed: CallFailure::ALL
            .map(|why| calls.with_label_values(&["client", why.as_str()]))
            .to_vec(),
        cancelled: calls.with_label_values(&["server", "cancelled"]),
        refused: Refused::ALL
            .map(|why| refused.with_label_values(&[why.as_str()]))
            .to_vec(),
        probes: ["answered", "lost"].map(|outcome| probes.with_label_values(&[outcome])),
        handshakes: handshakes.clone(),
        rpcs: rpcs.clone(),
        probe_rtt: probe_rtt.clone(),
    };
    let collectors: Vec<Box<dyn Collector>> = vec![
        Box::new(connections),
        Box::new(carried),
        Box::new(switches),
        Box::new(in_flight),
        Box::new(handshakes),
        Box::new(calls),
        Box::new(rpcs),
        Box::new(refused),
        Box::new(probes),
        Box::new(probe_rtt),
    ];
    Ok(Made {
        metrics,
        collectors,
    })
}
