//! Evens out what places report, so that the burst of a second changes no share.

use std::collections::BTreeMap;

use super::PlaceKey;

/// Levels follow most of the way within the rest after a change divided by this.
const PART_OF_REST: u64 = 10;

/// The loads of places, evened out over time.
#[derive(Clone, Debug, Default)]
pub struct Smoother {
    at_ms: u64,
    levels: BTreeMap<PlaceKey, u32>,
}

impl Smoother {
    /// Takes in reports, and gives what to go by; a place that does not report is left out and
    /// begins anew with its next report.
    pub fn smooth(
        &mut self,
        loads: BTreeMap<PlaceKey, u32>,
        now_ms: u64,
        rest_ms: u64,
    ) -> &BTreeMap<PlaceKey, u32> {
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(1);
        let whole_ms = passed_ms.saturating_add(rest_ms / PART_OF_REST);
        let level = |(place, load): (PlaceKey, u32)| {
            let before = self.levels.get(&place).copied().unwrap_or(load);
            let part = |load: u32, ms: u64| u128::from(load) * u128::from(ms);
            let sum = part(before, whole_ms - passed_ms) + part(load, passed_ms);
            let level = u32::try_from(sum / u128::from(whole_ms)).unwrap_or(u32::MAX);
            (place, level)
        };
        self.levels = loads.into_iter().map(level).collect();
        self.at_ms = now_ms;
        &self.levels
    }
}
