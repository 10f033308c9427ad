//! The smallest value of each of the last seconds.
//!
//! What is above the smallest of many latencies is queueing, so that the smallest is what the path
//! or the work takes by itself.

/// Keeps one value for each of the last `SECONDS` seconds.
#[derive(Clone, Debug)]
pub(super) struct LeastWindow<const SECONDS: usize> {
    /// (second, smallest value in it)
    seconds: [Option<(u64, u64)>; SECONDS],
    newest_s: u64,
}

impl<const SECONDS: usize> Default for LeastWindow<SECONDS> {
    fn default() -> Self {
        Self {
            seconds: [None; SECONDS],
            newest_s: 0,
        }
    }
}

impl<const SECONDS: usize> LeastWindow<SECONDS> {
    pub(super) fn add(&mut self, value: u64, now_ms: u64) {
        let second = now_ms / 1_000;
        self.newest_s = self.newest_s.max(second);
        let slot = usize::try_from(second % SECONDS as u64).unwrap_or(0);
        if let Some(slot) = self.seconds.get_mut(slot) {
            *slot = match *slot {
                Some((of, least)) if of == second => Some((of, least.min(value))),
                _ => Some((second, value)),
            };
        }
    }

    /// Over the window that ends with the newest sample, so that silence does not forget.
    pub(super) fn least(&self) -> Option<u64> {
        let oldest_s = self.newest_s.saturating_sub(SECONDS as u64 - 1);
        let recent = self
            .seconds
            .iter()
            .flatten()
            .filter(|(of, _)| *of >= oldest_s);
        recent.map(|(_, least)| *least).min()
    }
}
