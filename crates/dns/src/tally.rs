//! Counting answers. A worker counts in a [`Tally`] of its own and adds it to the shared counters
//! once per batch, so that workers do not fight over the counters' cache lines for every query.
//! Labels are closed sets: a question's type is one of a few or `other`.

use std::sync::Arc;

use hickory_proto::rr::RecordType;
use prometheus::{IntCounter, IntCounterVec};

use crate::{
    CookieState, Responder, Verdict,
    metrics::{Metrics, Transport},
};

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
    shared: Arc<Counters>,
    metrics: Metrics,
    kinds: [u64; KINDS.len() + 2],
    codes: [u64; CODES.len()],
    truncated: u64,
    fallback: u64,
    /// Unproven and proven.
    cookies: [u64; 2],
    explored: u64,
}

/// The shared counters of one transport, by position; looked up once.
#[derive(Debug)]
pub(crate) struct Counters {
    kinds: Vec<IntCounter>,
    codes: Vec<IntCounter>,
    cookies: Vec<IntCounter>,
}

impl Tally {
    pub(crate) fn new(transport: Transport, metrics: Metrics) -> Self {
        Self {
            shared: metrics.counters(transport),
            metrics,
            kinds: [0; KINDS.len() + 2],
            codes: [0; CODES.len()],
            truncated: 0,
            fallback: 0,
            cookies: [0; 2],
            explored: 0,
        }
    }

    /// Counts an answer of this responder.
    pub(crate) fn count(&mut self, verdict: &Verdict, responder: &Responder) {
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
        if let Some(place) = verdict.spilled.and_then(|spill| responder.spilling(spill)) {
            self.metrics.spilled(place);
        }
        if let Some(malformed) = verdict.malformed {
            self.metrics.malformed(malformed);
        }
    }

    /// Adds what was counted to the shared counters.
    pub(crate) fn pass_on(&mut self) {
        let Counters {
            kinds,
            codes,
            cookies,
        } = &*self.shared;
        pass(&mut self.kinds, kinds);
        pass(&mut self.codes, codes);
        pass(&mut self.cookies, cookies);
        let metrics = &self.metrics;
        for (count, counter) in [
            (&mut self.truncated, &metrics.truncated),
            (&mut self.fallback, &metrics.fallback),
            (&mut self.explored, &metrics.explored),
        ] {
            pass_one(count, counter);
        }
    }
}

impl Counters {
    /// From the vectors of queries, responses and cookies.
    pub(crate) fn of(
        (queries, responses, states): (&IntCounterVec, &IntCounterVec, &IntCounterVec),
        transport: &str,
    ) -> Self {
        let kinds = KINDS.iter().map(|(_, label)| *label);
        let kinds = kinds.chain(["other", "none"]);
        let codes = CODES.iter().map(|(_, label)| *label);
        let cookies = ["unproven", "proven"].into_iter();
        Self {
            kinds: kinds
                .map(|label| queries.with_label_values(&[label, transport]))
                .collect(),
            codes: codes
                .map(|label| responses.with_label_values(&[label, transport]))
                .collect(),
            cookies: cookies
                .map(|label| states.with_label_values(&[label]))
                .collect(),
        }
    }
}

fn pass(counts: &mut [u64], counters: &[IntCounter]) {
    for (count, counter) in counts.iter_mut().zip(counters) {
        pass_one(count, counter);
    }
}

/// The counter's cache line is other workers', too, and not touched for nothing.
fn pass_one(count: &mut u64, counter: &IntCounter) {
    if *count > 0 {
        counter.inc_by(std::mem::take(count));
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
