//! Waits for a connection to come back when a worker has lost all of them at once.
//!
//! Where UDP stops passing, every region goes at the same moment, and is back over TCP within a
//! few round trips. A request that no region has begun with can wait so long; when the connections
//! have been gone for longer, it is told at once. It does not decide what may be sent again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use link::{Peer, PeerState};
use serve::Drain;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long after a connection was lost requests wait for one to come back. Three round trips to
/// a far region take a second; this also covers attempts that are lost on the way.
const PATIENCE: Duration = Duration::from_secs(8);

/// When connections of a worker went and came.
#[derive(Debug)]
pub(crate) struct Outage {
    up: Notify,
    /// When a connection was last lost, or the worker began.
    since: Mutex<Instant>,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            up: Notify::new(),
            since: Mutex::new(Instant::now()),
        }
    }
}

impl Outage {
    /// Waits until `any_up`, at most until `deadline` and only while the loss is fresh; whether it
    /// is.
    pub(crate) async fn over(&self, deadline: Instant, any_up: impl Fn() -> bool) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let until = deadline.min(since + PATIENCE);
        loop {
            let mut up = std::pin::pin!(self.up.notified());
            // Before the look, so that nothing is missed between the two.
            up.as_mut().enable();
            if any_up() {
                return true;
            }
            if timeout_at(until, up).await.is_err() {
                return false;
            }
        }
    }

    /// Follows a connection until it is closed for good.
    pub(crate) fn follow(self: Arc<Self>, peer: &Peer, drain: &Drain) {
        let (mut state, ended) = (peer.watch(), drain.clone());
        drain.spawn(async move {
            let mut was_up = false;
            loop {
                match *state.borrow_and_update() {
                    PeerState::Up => {
                        was_up = true;
                        self.up.notify_waiters();
                    }
                    PeerState::Closed => return,
                    PeerState::Idle | PeerState::Connecting | PeerState::Down if was_up => {
                        was_up = false;
                        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                    }
                    PeerState::Idle | PeerState::Connecting | PeerState::Down => {}
                }
                tokio::select! {
                    changed = state.changed() => if changed.is_err() { return },
                    () = ended.begun() => return,
                }
            }
        });
    }
}
