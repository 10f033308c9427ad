//! The metrics of the edge role. Labels are closed sets, but for region names, of which there are
//! as many as regions.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use crate::answer::Fault;
use crate::cache::{Coded, Fwd, NoStore, Use};
use crate::lane::Lane;
use crate::record::Verdict;

const SECONDS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0,
    30.0,
];

/// Why a failed call was not tried again, or that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It was.
    Made,
    /// It may have had an effect, or its body is gone.
    Unsafe,
    /// The budget is used up.
    Budget,
    /// It was tried often enough.
    Tries,
    /// Every node has been tried.
    NoNode,
    /// Made after a connection came back, when all had just been lost.
    Waited,
}

impl Retry {
    const ALL: [Self; 6] = [
        Self::Made,
        Self::Unsafe,
        Self::Budget,
        Self::Tries,
        Self::NoNode,
        Self::Waited,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Unsafe => "unsafe",
            Self::Budget => "budget",
            Self::Tries => "tries_max",
            Self::NoNode => "no_node",
            Self::Waited => "waited",
        }
    }
}

/// What came of a call by way of another POP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relayed {
    /// Another POP handed over an answer.
    Answered,
    /// It did not.
    Failed,
    /// This POP handed over an answer.
    Served,
    /// It had none.
    Unserved,
    /// It was asked by somebody who may not.
    Refused,
}

impl Relayed {
    const ALL: [Self; 5] = [
        Self::Answered,
        Self::Failed,
        Self::Served,
        Self::Unserved,
        Self::Refused,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Served => "served",
            Self::Unserved => "unserved",
            Self::Refused => "refused",
        }
    }
}

/// What came of a call that was late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hedge {
    /// A second call answered first.
    Won,
    /// A second call was made, and the first answered nevertheless.
    Lost,
    /// Both calls failed.
    Failed,
    /// The budget allows no second call.
    Budget,
    /// There is no other node with room.
    NoNode,
}

impl Hedge {
    const ALL: [Self; 5] = [
        Self::Won,
        Self::Lost,
        Self::Failed,
        Self::Budget,
        Self::NoNode,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Budget => "budget",
            Self::NoNode => "no_node",
        }
    }
}

/// Counters with their labels resolved, since they are used by every request.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// By class of status, 1xx first.
    requests: Vec<IntCounter>,
    seconds: [Histogram; 2],
    used: Vec<IntCounter>,
    fwd: Vec<IntCounter>,
    stored: IntCounter,
    not_stored: Vec<IntCounter>,
    codings: Vec<IntCounter>,
    faults: Vec<IntCounter>,
    retries: Vec<IntCounter>,
    hedges: Vec<IntCounter>,
    spills: IntCounter,
    forwards: IntCounterVec,
    in_flight: IntGaugeVec,
    limit: IntGaugeVec,
    pub(crate) entries: IntGauge,
    pub(crate) bytes: IntGauge,
    pub(crate) fills: IntGauge,
    pub(crate) revision: IntGauge,
    pub(crate) diagnostics: IntGauge,
    relayed: Vec<IntCounter>,
    pub(crate) nodes_down: IntCounter,
    pub(crate) purges: IntCounter,
    pub(crate) whole_fills_refused: IntCounter,
    /// Kept and dropped.
    samples: [IntCounter; 2],
}

/// Makes and registers one metric after the other.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn add<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let name = format!("edgeway_edge_{name}");
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(&self, name: &str, help: &str) -> Result<IntGaugeVec, prometheus::Error> {
        let name = format!("edgeway_edge_{name}");
        self.add(IntGaugeVec::new(Opts::new(name, help), &["region"])?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.add(IntGauge::new(format!("edgeway_edge_{name}"), help)?)
    }
}

fn each<const N: usize>(vec: &IntCounterVec, labels: [&str; N]) -> Vec<IntCounter> {
    labels.map(|label| vec.with_label_values(&[label])).to_vec()
}

impl Metrics {
    /// A client's handshake was measured.
    pub(crate) fn sampled(&self, kept: bool) {
        let [counted, dropped] = &self.samples;
        if kept { counted } else { dropped }.inc();
    }

    pub(crate) fn register(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let make = Maker(registry);
        let requests = make.counters("requests_total", "Requests by class.", &["class"])?;
        let seconds = HistogramOpts::new(
            "edgeway_edge_request_seconds",
            "Time from a request's head to its answer's head.",
        );
        let seconds = HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["from"])?;
        let seconds = make.add(seconds)?;
        let verdicts =
            make.counters("cache_requests_total", "What the cache did.", &["verdict"])?;
        let fills = make.counters("cache_fills_total", "Answers kept or not.", &["result"])?;
        let codings = make.counters("compressions_total", "Bodies coded or not.", &["result"])?;
        let faults = make.counters("refused_total", "Answers made by the POP.", &["reason"])?;
        let retries =
            make.counters("retries_total", "What followed a failed call.", &["result"])?;
        let forwards =
            make.counters("forwards_total", "Calls to regions.", &["region", "result"])?;
        let hedges = make.counters("hedges_total", "Calls that were late.", &["result"])?;
        let relayed = make.counters("relayed_calls_total", "Calls by another POP.", &["result"])?;
        let spilled = "Requests that a hot region left to another.";
        let samples =
            make.counters("latency_samples_total", "Handshakes measured.", &["result"])?;
        let down = "Times a region node was found not to answer.";
        Ok(Arc::new(Self {
            requests: each(&requests, ["1xx", "2xx", "3xx", "4xx", "5xx"]),
            seconds: ["cache", "region"].map(|from| seconds.with_label_values(&[from])),
            used: each(&verdicts, Use::ALL.map(Use::label)),
            fwd: each(&verdicts, Fwd::ALL.map(Fwd::label)),
            stored: fills.with_label_values(&["stored"]),
            not_stored: each(&fills, NoStore::ALL.map(NoStore::as_str)),
            codings: each(&codings, Coded::ALL.map(Coded::as_str)),
            faults: each(&faults, Fault::ALL.map(Fault::as_str)),
            retries: each(&retries, Retry::ALL.map(Retry::as_str)),
            hedges: each(&hedges, Hedge::ALL.map(Hedge::as_str)),
            spills: make.add(IntCounter::new("edgeway_edge_spills_total", spilled)?)?,
            relayed: each(&relayed, Relayed::ALL.map(Relayed::as_str)),
            forwards,
            in_flight: make.gauges("region_in_flight", "Calls to a region under way.")?,
            limit: make.gauges("region_limit", "Calls to a region that may be under way.")?,
            entries: make.gauge("cache_entries", "Stored answers.")?,
            bytes: make.gauge("cache_bytes", "Bytes that stored answers take.")?,
            fills: make.gauge("cache_fills_running", "Answers being fetched for several.")?,
            revision: make.gauge("plan_revision", "Revision of the plan in use.")?,
            diagnostics: make.gauge("plan_diagnostics", "Parts of the plan that are broken.")?,
            purges: make.add(IntCounter::new(
                "edgeway_edge_cache_purges_total",
                "Purges carried out.",
            )?)?,
            whole_fills_refused: make.add(IntCounter::new(
                "edgeway_edge_cache_whole_fills_refused_total",
                "Parts for which the whole was not fetched, since too many were.",
            )?)?,
            samples: ["kept", "no_room"].map(|result| samples.with_label_values(&[result])),
            nodes_down: make.add(IntCounter::new("edgeway_edge_nodes_down_total", down)?)?,
        }))
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.iter().map(IntCounter::get).sum()
    }

    pub(crate) fn request(&self, verdict: Verdict, status: http::StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        add(&self.requests, Some(class));
        match verdict {
            Verdict::Used(why) => {
                add(&self.used, Use::ALL.iter().position(|one| *one == why));
                self.seconds[0].observe(took.as_secs_f64());
            }
            Verdict::Forwarded(fwd) => {
                add(&self.fwd, Fwd::ALL.iter().position(|one| *one == fwd));
                self.seconds[1].observe(took.as_secs_f64());
            }
            Verdict::Refused(fault) => {
                add(
                    &self.faults,
                    Fault::ALL.iter().position(|one| *one == fault),
                );
            }
        }
    }

    pub(crate) fn stored(&self, result: Result<(), NoStore>) {
        match result {
            Ok(()) => self.stored.inc(),
            Err(why) => add(
                &self.not_stored,
                NoStore::ALL.iter().position(|one| *one == why),
            ),
        }
    }

    pub(crate) fn coded(&self, result: Coded) {
        add(
            &self.codings,
            Coded::ALL.iter().position(|one| *one == result),
        );
    }

    pub(crate) fn forward(&self, region: &str, result: &str) {
        self.forwards.with_label_values(&[region, result]).inc();
    }

    pub(crate) fn hedge(&self, hedge: Hedge) {
        add(
            &self.hedges,
            Hedge::ALL.iter().position(|one| *one == hedge),
        );
    }

    pub(crate) fn relayed(&self, result: Relayed) {
        add(
            &self.relayed,
            Relayed::ALL.iter().position(|one| *one == result),
        );
    }

    pub(crate) fn spilled(&self) {
        self.spills.inc();
    }

    /// Tells how much is under way to a region.
    pub(crate) fn lane(&self, region: &str, lane: &Lane) {
        let set = |gauge: &IntGaugeVec, number: u32| {
            gauge.with_label_values(&[region]).set(number.into());
        };
        set(&self.in_flight, lane.in_flight());
        set(&self.limit, lane.limit());
    }

    pub(crate) fn retry(&self, retry: Retry) {
        add(
            &self.retries,
            Retry::ALL.iter().position(|one| *one == retry),
        );
    }
}

fn add(counters: &[IntCounter], at: Option<usize>) {
    if let Some(counter) = at.and_then(|at| counters.get(at)) {
        counter.inc();
    }
}
