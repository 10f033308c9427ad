//! When to end: not at an interrupt, which the whole group of processes gets and Terraform turns
//! into an orderly stop, but when Terraform is gone.

use std::time::Duration;

use rustix::process::getppid;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often it is looked after the parent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Keeps serving through interrupts.
pub(crate) fn ignore_interrupts() {
    // Being listened to is what keeps a signal from ending the process.
    if let Ok(mut interrupts) = signal(SignalKind::interrupt()) {
        tokio::spawn(async move { while interrupts.recv().await.is_some() {} });
    }
}

/// Ends when whoever started this process is gone.
pub(crate) fn on_orphaned(end: &CancellationToken) {
    let end = end.clone();
    let parent = getppid();
    tokio::spawn(async move {
        while getppid() == parent {
            tokio::select! {
                () = end.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        end.cancel();
    });
}

/// Ends at an interrupt or termination: for a process that a person has started.
pub(crate) fn on_signals(end: &CancellationToken) {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        if let Ok(mut signals) = signal(kind) {
            let end = end.clone();
            tokio::spawn(async move {
                signals.recv().await;
                end.cancel();
            });
        }
    }
}
