//! Keeps a revision that makes the process crash from being applied for ever.
//!
//! A marker with the revision is synced to disk before the revision is applied, and taken away once
//! the process has lived `SURVIVED_AFTER` with it or has ended in order. A start that finds the
//! marker follows a crash; after `CRASHES_MAX` of them in a row the revision counts as bad: the
//! node starts on the one before, says so, and takes only newer ones. What made the process crash
//! is not looked into, so two power cuts in half a minute count as well: a newer revision (any
//! accepted change) is the way out.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{Revision, codec};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::store::write_atomically;

/// Crashes in a row, each within [`SURVIVED_AFTER`] of applying, that make a revision bad.
const CRASHES_MAX: u8 = 2;
/// A process that lives this long with a revision has survived it.
const SURVIVED_AFTER: Duration = Duration::from_secs(30);
/// Bad revisions remembered; the oldest are forgotten first. More than views are kept on disk.
const BAD_MAX: usize = 16;

/// What is on disk; pure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// Applied, and not yet survived.
    applying: Option<Revision>,
    /// Ends without warning since the last time a revision was survived.
    crashes: u8,
    /// Never applied again.
    bad: BTreeSet<Revision>,
}

impl State {
    /// A process starts; answers the revision that turned out to be bad.
    fn started(&mut self) -> Option<Revision> {
        let applying = self.applying?;
        self.crashes += 1;
        if self.crashes < CRASHES_MAX {
            return None;
        }
        self.bad.insert(applying);
        while self.bad.len() > BAD_MAX {
            self.bad.pop_first();
        }
        self.applying = None;
        self.crashes = 0;
        Some(applying)
    }

    /// A revision is about to be applied; true when the disk has to be told first. Crashes count
    /// on: a stream of changes, each of them deadly, must not begin anew with each one.
    fn apply(&mut self, revision: Revision) -> bool {
        // A start after one crash begins with the view on disk, which may be the one before.
        if self.applying >= Some(revision) {
            return false;
        }
        self.applying = Some(revision);
        true
    }

    /// The process has lived long enough with `revision`; true when the disk has to be told.
    fn survived(&mut self, revision: Revision) -> bool {
        let before = self.clone();
        self.crashes = 0;
        self.applying = self.applying.filter(|applying| *applying > revision);
        *self != before
    }

    /// The process ends in order.
    fn ended(&mut self) {
        self.applying = None;
        self.crashes = 0;
    }
}

/// The guard of one node's views.
#[derive(Clone)]
pub(crate) struct Guard {
    file: PathBuf,
    state: Arc<Mutex<State>>,
    applied: watch::Sender<Option<Revision>>,
}

impl Guard {
    /// Reads the marker; answers the revision that has just turned out to be bad, if one has.
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<Revision>) {
        let file = data_dir.join("views").join("applying.bin");
        let read = std::fs::read(&file).ok();
        let state = read.and_then(|bytes| codec::decode(codec::Kind::Other, &bytes).ok());
        let mut state: State = state.unwrap_or_default();
        let marked = state.applying.is_some();
        let bad = state.started();
        if marked {
            write(&file, &state);
        }
        let guard = Self {
            file,
            state: Arc::new(Mutex::new(state)),
            applied: watch::Sender::new(None),
        };
        (guard, bad)
    }

    /// Whether `revision` has made this node crash.
    pub(crate) fn is_bad(&self, revision: Revision) -> bool {
        self.state().bad.contains(&revision)
    }

    /// The last revision that has made this node crash.
    pub(crate) fn last_bad(&self) -> Option<Revision> {
        self.state().bad.last().copied()
    }

    /// Marks `revision` on disk; returns once the marker would survive a crash. Blocks on the disk.
    pub(crate) fn mark(&self, revision: Revision) {
        {
            let mut state = self.state();
            if state.apply(revision) {
                // Written under the lock: whoever applies the same revision waits for the disk too.
                write(&self.file, &state);
            }
        }
        self.applied.send_replace(Some(revision));
    }

    /// As `mark`, without blocking the runtime.
    pub(crate) async fn marked(&self, revision: Revision) {
        let guard = self.clone();
        let marking = tokio::task::spawn_blocking(move || guard.mark(revision));
        drop(marking.await);
    }

    /// Takes the marker away once its revision has been survived, or when the process drains.
    pub(crate) async fn watch(self, drain: serve::Drain) {
        let mut applied = self.applied.subscribe();
        loop {
            let revision = *applied.borrow_and_update();
            let survived = async {
                match revision {
                    Some(revision) => {
                        tokio::time::sleep(SURVIVED_AFTER).await;
                        revision
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                revision = survived => {
                    self.settle(move |state| state.survived(revision)).await;
                    if applied.changed().await.is_err() { return }
                }
                // A change while one is being survived does not put that off.
                changed = applied.changed(), if revision.is_none() => {
                    if changed.is_err() { return }
                }
                () = drain.begun() => {
                    self.settle(|state| { state.ended(); true }).await;
                    return;
                }
            }
        }
    }

    async fn settle(&self, change: impl FnOnce(&mut State) -> bool + Send + 'static) {
        let guard = self.clone();
        let settling = tokio::task::spawn_blocking(move || {
            let mut state = guard.state();
            if change(&mut state) {
                write(&guard.file, &state);
            }
        });
        drop(settling.await);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node whose disk is full still serves: it only loses the guard.
fn write(file: &Path, state: &State) {
    let written = codec::encode(codec::Kind::Other, state)
        .map_err(anyhow::Error::from)
        .and_then(|bytes| Ok(write_atomically(file, &bytes)?));
    if let Err(error) = written {
        tracing::error!(%error, "cannot mark the revision; a crash would not be noticed");
    }
}

#[cfg(test)]
mod tests;
