//! Somebody wants the run to end: waits give up, changes under way go on to their end.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How soon a wait notices.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Of the run; one process serves one run after another when Terraform attaches to it.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// A new run has begun.
pub(super) fn begin() {
    INTERRUPTED.store(false, Ordering::Relaxed);
}

/// Whether what only waits should give up.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Sleeps, but not longer than until the run is to end.
pub(crate) async fn pause(length: Duration) {
    let end = Instant::now() + length;
    while !is_interrupted() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}
