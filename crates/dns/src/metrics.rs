//! What is counted. Labels are closed sets: a question's type is one of a few or `other`.
//!
//! A worker counts in a [`Tally`] of its own and adds it to the shared counters once per batch, so
//! that workers do not fight over the counters' cache lines for every query.

use hickory_proto::{op::ResponseCode, rr::RecordType};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use steer::latency::LatencyMap;

use crate::{CookieState, Verdict};

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

/// The crate's metrics.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    queries: IntCounterVec,
    responses: IntCounterVec,
    malformed: IntCounterVec,
    closed: IntCounterVec,
    truncated: IntCounter,
    fallback: IntCounter,
    explored: IntCounter,
    map_epoch: IntGauge,
    map_rows: IntGauge,
    unsent: IntCounter,
    limited: IntCounterVec,
    cookies: IntCounterVec,
    transfers: IntCounterVec,
    pub(crate) tcp_open: IntGauge,
    pub(crate) installs: IntCounterVec,
    pub(crate) revision: IntGauge,
    pub(crate) diagnostics: IntGauge,
}

/// Types with a label of their own; the rest is `other`, and no type at all is `none`.
const KINDS: [(RecordType, &str); 12] = [
    (RecordType::A, "A"),
    (RecordType::AAAA, "AAAA"),
    (RecordType::HTTPS, "HTTPS"),
    (RecordType::NS, "NS"),
    (RecordType::SOA, "SOA"),
    (RecordType::CNAME, "CNAME"),
    (RecordType::TXT, "TXT"),
    (RecordType::MX, "MX"),
    (RecordType::DS, "DS"),
    (RecordType::DNSKEY, "DNSKEY"),
    (RecordType::CAA, "CAA"),
    (RecordType::ANY, "ANY"),
];
const OTHER: usize = KINDS.len();
const NONE: usize = KINDS.len() + 1;

/// Every code that we give, by number.
const CODES: [(u16, &str); 8] = [
    (0, "NOERROR"),
    (3, "NXDOMAIN"),
    (5, "REFUSED"),
    (1, "FORMERR"),
    (4, "NOTIMP"),
    (9, "NOTAUTH"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

/// Counts of one worker since it last passed them on.
#[derive(Debug)]
pub(crate) struct Tally {
    transport: Transport,
    metrics: Metrics,
    kinds: [u64; KINDS.len() + 2],
    codes: [u64; CODES.len()],
    truncated: u64,
    fallback: u64,
    /// Unproven and proven.
    cookies: [u64; 2],
    explored: u64,
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
        Ok(Self {
            queries: vec(
                "queries_total",
                "Queries, by type asked.",
                &["type", "transport"],
            )?,
            responses: vec(
                "responses_total",
                "Answers, by code.",
                &["rcode", "transport"],
            )?,
            limited: vec(
                "limited_total",
                "Answers over the rate limit, by what became of them.",
                &["outcome"],
            )?,
            cookies: vec(
                "cookies_total",
                "Queries with a cookie, by what it proves.",
                &["state"],
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

    pub(crate) fn transfer(&self, outcome: &str) {
        self.transfers.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn unsent(&self) {
        self.unsent.inc();
    }
}

impl Tally {
    pub(crate) fn new(transport: Transport, metrics: Metrics) -> Self {
        Self {
            transport,
            metrics,
            kinds: [0; KINDS.len() + 2],
            codes: [0; CODES.len()],
            truncated: 0,
            fallback: 0,
            cookies: [0; 2],
            explored: 0,
        }
    }

    pub(crate) fn count(&mut self, verdict: &Verdict) {
        let kind = verdict
            .kind
            .map_or(NONE, |kind| position(&KINDS, &kind.into()).unwrap_or(OTHER));
        bump(&mut self.kinds, kind);
        if let Some(code) = verdict.code.and_then(|code| position(&CODES, &code)) {
            bump(&mut self.codes, code);
        }
        self.truncated += u64::from(verdict.truncated);
        self.fallback += u64::from(verdict.fallback);
        match verdict.cookie {
            CookieState::Absent => {}
            CookieState::Unproven => bump(&mut self.cookies, 0),
            CookieState::Proven => bump(&mut self.cookies, 1),
        }
        self.explored += u64::from(verdict.explores);
        if let Some(malformed) = verdict.malformed {
            self.metrics
                .malformed
                .with_label_values(&[malformed.reason()])
                .inc();
        }
    }

    /// Adds what was counted to the shared counters.
    pub(crate) fn pass_on(&mut self) {
        let transport = self.transport.label();
        let kinds = KINDS
            .iter()
            .map(|(_, label)| *label)
            .chain(["other", "none"]);
        for (count, label) in self
            .kinds
            .iter_mut()
            .zip(kinds)
            .filter(|(count, _)| **count > 0)
        {
            self.metrics
                .queries
                .with_label_values(&[label, transport])
                .inc_by(*count);
            *count = 0;
        }
        for (count, label) in self.cookies.iter_mut().zip(["unproven", "proven"]) {
            self.metrics
                .cookies
                .with_label_values(&[label])
                .inc_by(std::mem::take(count));
        }
        let codes = CODES.iter().map(|(_, label)| *label);
        for (count, label) in self
            .codes
            .iter_mut()
            .zip(codes)
            .filter(|(count, _)| **count > 0)
        {
            self.metrics
                .responses
                .with_label_values(&[label, transport])
                .inc_by(*count);
            *count = 0;
        }
        self.metrics
            .truncated
            .inc_by(std::mem::take(&mut self.truncated));
        self.metrics
            .fallback
            .inc_by(std::mem::take(&mut self.fallback));
        self.metrics
            .explored
            .inc_by(std::mem::take(&mut self.explored));
    }
}

fn position<K: PartialEq>(known: &[(K, &str)], wanted: &K) -> Option<usize> {
    known.iter().position(|(one, _)| one == wanted)
}

fn bump(counts: &mut [u64], index: usize) {
    if let Some(count) = counts.get_mut(index) {
        *count += 1;
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
