//! What is counted. Labels are closed sets: a question's type is one of a few or `other`.

use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use steer::{caps::Shares, latency::LatencyMap};

use crate::tally::Counters;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As a datagram.
    Udp,
    /// On a connection.
    Tcp,
    /// On a connection over TLS.
    Tls,
    /// On a stream of a QUIC connection.
    Quic,
    /// In an HTTP request.
    Https,
}

/// What is wrong with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Too short for a header. Not answered.
    Short,
    /// It is a response. Not answered.
    Response,
    /// Not a query but an update, a notification or the like.
    Opcode,
    /// It does not hold exactly one question.
    Questions,
    /// The question cannot be read.
    Question,
    /// A record cannot be read.
    Record,
    /// The OPT record is misplaced, repeated or cannot be read.
    Edns,
    /// The client subnet breaks RFC 7871.
    ClientSubnet,
    /// An EDNS version that we do not know.
    Version,
    /// The TSIG record is not the last one or cannot be read.
    Signature,
}

/// Why a TCP connection was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Too many are open.
    Limit,
    /// No whole query came for too long.
    Idle,
    /// A query is longer than any should be.
    Oversized,
    /// The client does not take its answers.
    Unread,
}

/// The crate's metrics. Labels are closed sets, but for places, of which there are as many as POPs
/// and regions.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// By transport, in the order of `Transport::ALL`.
    counters: [Arc<Counters>; Transport::ALL.len()],
    malformed: IntCounterVec,
    closed: IntCounterVec,
    pub(crate) truncated: IntCounter,
    pub(crate) fallback: IntCounter,
    pub(crate) explored: IntCounter,
    places: Places,
    map_epoch: IntGauge,
    map_rows: IntGauge,
    unsent: IntCounter,
    limited: IntCounterVec,
    transfers: IntCounterVec,
    pub(crate) tcp_open: IntGauge,
    pub(crate) installs: IntCounterVec,
    pub(crate) revision: IntGauge,
    pub(crate) diagnostics: IntGauge,
}

/// Figures of load caps, by place.
#[derive(Clone, Debug)]
struct Places {
    spilled: IntCounterVec,
    shares: IntGaugeVec,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let vec = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(format!("edgeway_dns_{name}"), help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok::<_, prometheus::Error>(vec)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("edgeway_dns_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("edgeway_dns_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let queries = vec(
            "queries_total",
            "Queries, by type asked.",
            &["type", "transport"],
        )?;
        let responses = vec(
            "responses_total",
            "Answers, by code.",
            &["rcode", "transport"],
        )?;
        let cookies = vec(
            "cookies_total",
            "Queries with a cookie, by what it proves.",
            &["state"],
        )?;
        let counters = Transport::ALL
            .map(|one| Arc::new(Counters::of((&queries, &responses, &cookies), one.label())));
        Ok(Self {
            counters,
            limited: vec(
                "limited_total",
                "Answers over the rate limit, by what became of them.",
                &["outcome"],
            )?,
            malformed: vec(
                "malformed_total",
                "Queries with something wrong.",
                &["reason"],
            )?,
            closed: vec(
                "tcp_closed_total",
                "TCP and TLS connections ended by us.",
                &["reason", "transport"],
            )?,
            transfers: vec(
                "transfers_total",
                "Copies of zones, by how they ended.",
                &["outcome"],
            )?,
            truncated: counter("truncated_total", "UDP answers that told to use TCP.")?,
            fallback: counter("fallback_total", "Steered answers while no place was up.")?,
            explored: counter("explored_total", "Answers given to measure another POP.")?,
            places: Places::register(registry)?,
            map_epoch: gauge("latency_map_epoch", "Epoch of the latency map.")?,
            map_rows: gauge("latency_map_rows", "Prefixes in the latency map.")?,
            unsent: counter("unsent_total", "UDP answers that the system did not take.")?,
            tcp_open: gauge("tcp_connections_open", "TCP connections open now.")?,
            installs: vec(
                "installs_total",
                "Configurations, by what became of them.",
                &["outcome"],
            )?,
            revision: gauge("revision", "Revision answered from.")?,
            diagnostics: gauge("diagnostics", "Parts of it that could not be served.")?,
        })
    }

    /// Counters of one transport.
    pub(crate) fn counters(&self, transport: Transport) -> Arc<Counters> {
        let [udp, tcp, tls, quic, https] = &self.counters;
        Arc::clone(match transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
            Transport::Tls => tls,
            Transport::Quic => quic,
            Transport::Https => https,
        })
    }

    pub(crate) fn malformed(&self, malformed: Malformed) {
        self.malformed
            .with_label_values(&[malformed.reason()])
            .inc();
    }

    pub(crate) fn closed(&self, closed: Closed, transport: Transport) {
        let labels = [closed.reason(), transport.label()];
        self.closed.with_label_values(&labels).inc();
    }

    pub(crate) fn limited(&self, outcome: &str) {
        self.limited.with_label_values(&[outcome]).inc();
    }

    /// Tells which latency map is answered from.
    pub(crate) fn map(&self, map: &LatencyMap) {
        self.map_epoch
            .set(i64::try_from(map.epoch).unwrap_or(i64::MAX));
        self.map_rows
            .set(i64::try_from(map.rows.len()).unwrap_or(i64::MAX));
    }

    /// Tells which shares are answered by; those of places that take all are left away.
    pub(crate) fn shares(&self, shares: &Shares) {
        self.places.shares.reset();
        for ((kind, place), share) in &shares.places {
            let labels = [kind.as_str(), place];
            let gauge = self.places.shares.with_label_values(&labels);
            gauge.set((*share).into());
        }
    }

    pub(crate) fn spilled(&self, (kind, place): (&'static str, &str)) {
        self.places.spilled.with_label_values(&[kind, place]).inc();
    }

    pub(crate) fn transfer(&self, outcome: &str) {
        self.transfers.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn unsent(&self) {
        self.unsent.inc();
    }
}

impl Places {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = |name: &str, help: &str| Opts::new(format!("edgeway_dns_{name}"), help);
        let spilled = "Answers that named another place, since this one has too many clients.";
        let shares = "Which part of its clients a place takes, for those that do not take all.";
        let labels = ["kind", "place"];
        let places = Self {
            spilled: IntCounterVec::new(opts("spilled_total", spilled), &labels)?,
            shares: IntGaugeVec::new(opts("place_share_per_mille", shares), &labels)?,
        };
        registry.register(Box::new(places.spilled.clone()))?;
        registry.register(Box::new(places.shares.clone()))?;
        Ok(places)
    }
}

impl Malformed {
    /// What the client is told; the first two are told nothing.
    pub(crate) const fn code(self) -> ResponseCode {
        match self {
            Self::Opcode => ResponseCode::NotImp,
            Self::Version => ResponseCode::BADVERS,
            Self::Short
            | Self::Response
            | Self::Questions
            | Self::Question
            | Self::Record
            | Self::Edns
            | Self::ClientSubnet
            | Self::Signature => ResponseCode::FormErr,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Response => "response",
            Self::Opcode => "opcode",
            Self::Questions => "questions",
            Self::Question => "question",
            Self::Record => "record",
            Self::Edns => "edns",
            Self::ClientSubnet => "client_subnet",
            Self::Version => "version",
            Self::Signature => "signature",
        }
    }
}

impl Closed {
    const fn reason(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Idle => "idle",
            Self::Oversized => "oversized",
            Self::Unread => "unread",
        }
    }
}

impl Transport {
    const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Quic, Self::Https];

    /// Nobody between can read the messages, but their lengths may tell them (RFC 7830).
    pub(crate) const fn is_secret(self) -> bool {
        match self {
            Self::Udp | Self::Tcp => false,
            Self::Tls | Self::Quic | Self::Https => true,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Https => "https",
        }
    }
}
