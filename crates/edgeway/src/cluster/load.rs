//! How full this node is: what it has counted anyway, beside its own caps. It is evened out by
//! whoever decides.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Asked again sooner, a meter says the same.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Reads a figure of this node.
type Read = Box<dyn Fn() -> u64 + Send + Sync>;

/// Something that has a cap.
pub(crate) enum Capped {
    /// What `read` counts may rise by `cap` a second.
    PerSecond { read: Read, cap: u64 },
    /// What `read` tells may be `cap`.
    Level { read: Read, cap: u64 },
}

/// Says how full a node is, in thousandths of its fullest cap.
pub(crate) struct Meter {
    capped: Vec<Capped>,
    state: Mutex<State>,
}

struct State {
    at: Instant,
    /// Of each, what was read last and the level in thousandths of its cap.
    each: Vec<(u64, f64)>,
}

impl Meter {
    /// Begins empty; a cap of 0 is none.
    pub(crate) fn new(capped: Vec<Capped>) -> Self {
        let capped: Vec<Capped> = capped.into_iter().filter(|one| one.cap() > 0).collect();
        let each = capped.iter().map(|one| (one.read(), 0.0)).collect();
        Self {
            capped,
            state: Mutex::new(State {
                at: Instant::now(),
                each,
            }),
        }
    }

    /// The load now; 0 without caps.
    pub(crate) fn per_mille(&self) -> u32 {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> u32 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at);
        if passed >= LOOK_EVERY {
            state.at = now;
            let seconds = passed.as_secs_f64();
            for (capped, (last, level)) in self.capped.iter().zip(&mut state.each) {
                let read = capped.read();
                *level = capped.thousandths(read, *last, seconds);
                *last = read;
            }
        }
        let fullest = state
            .each
            .iter()
            .map(|(_, level)| *level)
            .fold(0.0, f64::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and a cast stops at the ends"
        )]
        let fullest = fullest.round() as u32;
        fullest
    }
}

impl Capped {
    const fn cap(&self) -> u64 {
        let (Self::PerSecond { cap, .. } | Self::Level { cap, .. }) = self;
        *cap
    }

    fn read(&self) -> u64 {
        let (Self::PerSecond { read, .. } | Self::Level { read, .. }) = self;
        read()
    }

    fn thousandths(&self, read: u64, last: u64, seconds: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let float = |number: u64| number as f64;
        let level = match self {
            Self::PerSecond { .. } => float(read.saturating_sub(last)) / seconds,
            Self::Level { .. } => float(read),
        };
        1_000.0 * level / float(self.cap().max(1))
    }
}

#[cfg(test)]
mod tests {
    //! A meter follows what it reads, and the fullest counts.

    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    fn figure() -> (Arc<AtomicU64>, Read) {
        let figure = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&figure);
        (figure, Box::new(move || read.load(Ordering::Relaxed)))
    }

    #[test]
    fn the_fullest_cap_counts() {
        let (requests, read_requests) = figure();
        let (open, read_open) = figure();
        let (_, uncapped) = figure();
        let meter = Meter::new(vec![
            Capped::PerSecond {
                read: read_requests,
                cap: 100,
            },
            Capped::Level {
                read: read_open,
                cap: 10,
            },
            Capped::Level {
                read: uncapped,
                cap: 0,
            },
        ]);
        let start = meter.state.lock().unwrap().at;
        let second = Duration::from_secs(1);
        assert_eq!(meter.at(start), 0);
        requests.store(150, Ordering::Relaxed);
        assert_eq!(meter.at(start + second), 1_500);
        requests.store(400, Ordering::Relaxed);
        open.store(5, Ordering::Relaxed);
        let soon = start + second + Duration::from_millis(100);
        assert_eq!(meter.at(soon), 1_500, "time must pass");
        assert_eq!(meter.at(start + 3 * second), 1_250);
        open.store(50, Ordering::Relaxed);
        assert_eq!(meter.at(start + 4 * second), 5_000);
        open.store(0, Ordering::Relaxed);
        assert_eq!(meter.at(start + 5 * second), 0);
        assert_eq!(Meter::new(Vec::new()).per_mille(), 0);
    }
}
