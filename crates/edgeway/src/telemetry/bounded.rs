//! Bounds what a library may say: openraft logs every message that a lost peer does not answer,
//! several lines for each, which during a partition is more than anybody reads and some disks bear.
//!
//! Only lines of the named targets are bounded, so nothing of our own is ever left out. What is
//! left out is counted.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Instant,
};

use prometheus::IntCounter;
use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

/// Whose lines are bounded: this crate and the modules in it.
const CRATE: &str = "openraft";
/// Lines at once, so that what begins to go wrong is there as a whole.
const LINES_AT_ONCE: f64 = 100.0;
/// Lines a second from then on.
const LINES_PER_SECOND: f64 = 1.0;

/// Lines of this process that were left out.
static LEFT_OUT: LazyLock<Option<IntCounter>> = LazyLock::new(|| {
    IntCounter::new(
        "edgeway_node_log_lines_left_out_total",
        "Lines of openraft beyond what the log takes of them.",
    )
    .ok()
});

/// The count of lines left out, to be registered.
pub(crate) fn left_out() -> Option<IntCounter> {
    LEFT_OUT.clone()
}

/// Leaves out lines beyond the bound.
pub(super) struct Bounded(Mutex<Bucket>);

/// Room for lines.
#[derive(Debug)]
struct Bucket {
    lines: f64,
    at: Instant,
}

impl Bounded {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Bucket {
            lines: LINES_AT_ONCE,
            at: Instant::now(),
        }))
    }
}

impl<S: Subscriber> Layer<S> for Bounded {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if !is_bounded(event.metadata().target()) {
            return true;
        }
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = bucket.take(Instant::now());
        if let Some(left_out) = LEFT_OUT.as_ref().filter(|_| !taken) {
            left_out.inc();
        }
        taken
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.lines = (self.lines + passed * LINES_PER_SECOND).min(LINES_AT_ONCE);
        self.at = now;
        let takes = self.lines >= 1.0;
        if takes {
            self.lines -= 1.0;
        }
        takes
    }
}

fn is_bounded(target: &str) -> bool {
    let rest = target.strip_prefix(CRATE);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    //! Who is bounded, and how much passes.

    use std::{
        io,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tracing_subscriber::{fmt, layer::SubscriberExt as _};

    use super::*;

    #[test]
    fn a_flood_is_cut_and_what_trickles_passes() {
        let start = Instant::now();
        let mut bucket = Bucket {
            lines: LINES_AT_ONCE,
            at: start,
        };
        let passed = (0..1_000).filter(|_| bucket.take(start)).count();
        assert_eq!(passed, 100);
        let second = Duration::from_secs(1);
        let slow = (1..=50).filter(|after| bucket.take(start + *after * second));
        assert_eq!(slow.count(), 50);
        assert!(!bucket.take(start + 50 * second));
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_the_named_crate_is_bounded_and_what_is_left_out_is_counted() {
        let written = Written::default();
        let writer = written.clone();
        let layer = fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry()
            .with(Bounded::new())
            .with(layer);
        let before = left_out().unwrap().get();
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..300 {
                tracing::warn!(target: "openraft::replication", "lost");
                tracing::warn!(target: "openrafts", "ours");
            }
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("ours").count(), 300);
        let lost = text.matches("lost").count();
        assert!((100..=200).contains(&lost), "{lost}");
        assert_eq!(left_out().unwrap().get() - before, 300 - lost as u64);
    }
}
