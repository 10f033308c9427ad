//! The numbers of the rule, with their defaults.

/// When a node is healthy, when a region is better, and how failures are bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSettings {
    /// A node that has not answered a probe for this long, plus what a long path takes, is lost.
    pub silence_ms: u64,
    /// How long a prober waits for an answer, unless three round trips are longer.
    pub probe_timeout_ms: u64,
    /// How long a prober waits at most.
    pub probe_timeout_ms_max: u64,
    /// Probes lost in a row that make a node lost.
    pub misses_max: u32,
    /// Failed calls in a row that eject a node.
    pub failures_max: u32,
    /// How long the first ejection lasts; each further one doubles.
    pub eject_ms: u64,
    /// The longest ejection.
    pub eject_ms_max: u64,
    /// A node that was not ejected for this long starts again with the first duration.
    pub forgive_ms: u64,
    /// A region must be better by this part of the current score...
    pub margin_percent: u64,
    /// ...and by at least this much...
    pub margin_us_min: u64,
    /// ...for this long, before traffic moves to it.
    pub switch_after_ms: u64,
    /// How long a node that returns takes to get its full share.
    pub ramp_ms: u64,
    /// The share, in percent, with which it begins.
    pub ramp_percent_min: u64,
    /// Calls in flight, in percent of the limit, above which half of the requests go elsewhere.
    pub hot_percent: u64,
}

impl Default for RegionSettings {
    fn default() -> Self {
        Self {
            silence_ms: 750,
            probe_timeout_ms: 250,
            probe_timeout_ms_max: 1_000,
            misses_max: 3,
            failures_max: 5,
            eject_ms: 5_000,
            eject_ms_max: 300_000,
            forgive_ms: 60_000,
            margin_percent: 10,
            margin_us_min: 3_000,
            switch_after_ms: 2_000,
            ramp_ms: 10_000,
            ramp_percent_min: 10,
            hot_percent: 90,
        }
    }
}

impl RegionSettings {
    /// How long silence is borne on a path with this round trip: an answer is one round trip old
    /// when it arrives, and on a long path a prober waits longer before it asks again. Without
    /// that a single lost probe would look like a dead node.
    pub(super) fn patience_ms(&self, rtt_ms: u64) -> u64 {
        let timeout_ms = (rtt_ms * 3).min(self.probe_timeout_ms_max);
        let longer_ms = timeout_ms.saturating_sub(self.probe_timeout_ms);
        self.silence_ms + rtt_ms + 2 * longer_ms
    }

    /// By how much another score must be below `score_us`.
    pub(super) fn margin_us(&self, score_us: u64) -> u64 {
        (score_us.saturating_mul(self.margin_percent) / 100).max(self.margin_us_min)
    }
}
