//! What is known of one region node: path latency, load, health.
//!
//! The path is judged by the smallest round trip of the last ten seconds, because everything above
//! it is queueing on the way; the load by what the node itself reports.

use model::{NodeId, RegionName};

use super::{RegionSettings, tally::Tally, window::LeastWindow};

/// Seconds over which the smallest round trip is taken.
const WINDOW_S: usize = 10;
/// Taken for a path that was never measured: far, so that measured ones come first.
const UNKNOWN_PATH_US: u64 = 1_000_000;
/// Utilisation, in percent, at which the queue's penalty stops growing.
const QUEUE_PERCENT_MAX: u64 = 95;
/// The largest number of microseconds that counts: what a peer reports must not overflow sums.
const MICROS_MAX: u64 = 60_000_000;

/// How good a node is to forward to; earlier is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It answers probes and takes calls.
    Live,
    /// Nothing has been heard from it yet.
    Unknown,
    /// It answers probes, but calls to it failed in a row.
    Ejected,
    /// It is shutting down and refuses new calls.
    Draining,
    /// It does not answer.
    Lost,
}

/// The outcome of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It was answered.
    Answered(Answer),
    /// It was not answered in time, or there is no connection to probe over. The latter counts
    /// no more than the former: the prober's connection is not the one that calls use.
    Lost,
}

/// What a node says when probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Round trip of the probe in microseconds.
    pub rtt_us: u64,
    /// Calls it works on.
    pub in_flight: u32,
    /// Calls it is willing to work on at once; 0 means that it does not say.
    pub limit: u32,
    /// Its median time to answer a call in microseconds; 0 means that it has no recent sample.
    pub service_p50_us: u32,
    /// The configuration revision it serves.
    pub revision: u64,
    /// It is shutting down.
    pub draining: bool,
}

/// The outcome of a call to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// It answered, whatever the status.
    Answered,
    /// The node or the way to it failed.
    Failed,
    /// It refused because it is shutting down.
    Draining,
}

/// Everything known of one node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) region: RegionName,
    pub(super) standing: Standing,
    /// Smoothed service time; none before the first report.
    pub(super) service_us: Option<u64>,
    pub(super) tally: Tally,
    /// The POP by which it is reached, and the round trip that way in microseconds.
    pub(super) via: Option<(NodeId, u64)>,
    path: LeastWindow<WINDOW_S>,
    in_flight: u32,
    limit: u32,
    revision: u64,
    draining: bool,
    heard_ms: Option<u64>,
    misses: u32,
    failures: u32,
    ejected_until_ms: Option<u64>,
    ejections: u32,
    /// It stopped answering, and its connections are still in use.
    fell: bool,
    /// When it came back after having been live and then not; none once its ramp is over.
    returned_ms: Option<u64>,
    was_live: bool,
}

impl Node {
    pub(super) fn new(region: RegionName) -> Self {
        Self {
            region,
            standing: Standing::Unknown,
            service_us: None,
            tally: Tally::default(),
            via: None,
            path: LeastWindow::default(),
            in_flight: 0,
            limit: 0,
            revision: 0,
            draining: false,
            heard_ms: None,
            misses: 0,
            failures: 0,
            ejected_until_ms: None,
            ejections: 0,
            fell: false,
            returned_ms: None,
            was_live: false,
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Calls in flight in percent of the limit; 0 when the node states none.
    pub(super) fn load_percent(&self) -> u64 {
        match u64::from(self.limit) {
            0 => 0,
            limit => u64::from(self.in_flight) * 100 / limit,
        }
    }

    /// The straight way's round trip.
    pub(super) fn path_us(&self) -> Option<u64> {
        self.path.least()
    }

    /// Whether calls get there, straight or by way of another POP.
    pub(super) fn is_reached(&self) -> bool {
        self.standing == Standing::Live || self.via.is_some()
    }

    pub(super) fn probed(&mut self, probe: Probe, now_ms: u64) {
        match probe {
            Probe::Answered(answer) => {
                self.heard_ms = Some(now_ms);
                self.misses = 0;
                self.path.add(answer.rtt_us.min(MICROS_MAX), now_ms);
                self.in_flight = answer.in_flight;
                self.limit = answer.limit;
                self.revision = answer.revision;
                self.draining = answer.draining;
                if answer.service_p50_us > 0 {
                    let sample = u64::from(answer.service_p50_us).min(MICROS_MAX);
                    let old = self.service_us.unwrap_or(sample);
                    self.service_us = Some((old * 3 + sample) / 4);
                }
            }
            Probe::Lost => self.misses = self.misses.saturating_add(1),
        }
    }

    pub(super) fn called(
        &mut self,
        called: Called,
        may_eject: bool,
        settings: &RegionSettings,
        now_ms: u64,
    ) {
        match called {
            Called::Answered => self.failures = 0,
            // The next probe says whether it still is.
            Called::Draining => self.draining = true,
            Called::Failed => {
                self.failures = self.failures.saturating_add(1);
                let due = self.failures >= settings.failures_max && !self.is_ejected(now_ms);
                if due && may_eject {
                    self.eject(settings, now_ms);
                }
            }
        }
    }

    pub(super) fn eject(&mut self, settings: &RegionSettings, now_ms: u64) {
        let ended_ms = self.ejected_until_ms.unwrap_or(0);
        if now_ms.saturating_sub(ended_ms) >= settings.forgive_ms {
            self.ejections = 0;
        }
        let factor = 1_u64
            .checked_shl(self.ejections.min(32))
            .unwrap_or(u64::MAX);
        let lasts_ms = settings
            .eject_ms
            .saturating_mul(factor)
            .min(settings.eject_ms_max);
        self.ejections += 1;
        // What led to it must not eject it again when it is over.
        self.tally.clear();
        self.failures = 0;
        self.ejected_until_ms = Some(now_ms.saturating_add(lasts_ms));
    }

    pub(super) fn is_ejected(&self, now_ms: u64) -> bool {
        self.ejected_until_ms
            .is_some_and(|until_ms| now_ms < until_ms)
    }

    /// Takes the standing that is due at `now_ms`.
    pub(super) fn settle(&mut self, settings: &RegionSettings, now_ms: u64) {
        let before = self.standing;
        self.standing = self.stand(settings, now_ms);
        if self.standing == Standing::Live && before != Standing::Live {
            self.returned_ms = self.was_live.then_some(now_ms);
            self.was_live = true;
        }
        let was_heard = !matches!(before, Standing::Lost | Standing::Unknown);
        self.fell = self.standing == Standing::Lost && (self.fell || was_heard);
    }

    /// Whether the node has stopped answering since its connections were last given up. They are
    /// then given up by whoever asks.
    pub(super) fn take_fall(&mut self) -> bool {
        std::mem::take(&mut self.fell)
    }

    fn stand(&self, settings: &RegionSettings, now_ms: u64) -> Standing {
        if self.misses >= settings.misses_max {
            return Standing::Lost;
        }
        let Some(heard_ms) = self.heard_ms else {
            return Standing::Unknown;
        };
        let patience_ms = settings.patience_ms(self.path.least().unwrap_or(0) / 1_000);
        if now_ms.saturating_sub(heard_ms) > patience_ms {
            return Standing::Lost;
        }
        if self.draining {
            return Standing::Draining;
        }
        if self.is_ejected(now_ms) {
            Standing::Ejected
        } else {
            Standing::Live
        }
    }

    /// Expected time of a call: path, service, and waiting behind others.
    pub(super) fn score_us(&self, assumed_service_us: u64) -> u64 {
        let path_us = self.via.map(|(_, legs_us)| legs_us);
        let path_us = path_us.or(self.path.least()).unwrap_or(UNKNOWN_PATH_US);
        let service_us = self.service_us.unwrap_or(assumed_service_us);
        // Waiting in a queue grows with u / (1 - u).
        let busy = self.load_percent().min(QUEUE_PERCENT_MAX);
        let queue_us = service_us * busy / (100 - busy);
        path_us + service_us + queue_us
    }

    /// Since when the node has been getting more and more requests; none when it gets all that
    /// are its. `moved_ms` is when traffic moved to its region, if it was moved there.
    pub(super) fn ramp_from(
        &mut self,
        moved_ms: Option<u64>,
        settings: &RegionSettings,
        now_ms: u64,
    ) -> Option<u64> {
        let from_ms = self.returned_ms?.max(moved_ms.unwrap_or(0));
        if now_ms.saturating_sub(from_ms) < settings.ramp_ms {
            return Some(from_ms);
        }
        if moved_ms.is_some() {
            self.returned_ms = None;
        }
        None
    }
}
