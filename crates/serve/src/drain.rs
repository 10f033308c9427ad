//! How a process stops: begin, finish what was started, and after a deadline give up.
//!
//! One [`Drain`] is shared by everything in a process. Every task is spawned through it, so that
//! none is forgotten, and every long-lived task listens to it. What "finish" means is known only
//! to the task.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use tokio_util::task::TaskTracker;

/// The two signals of a shutdown, and the list of tasks that hear them. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begun: CancellationToken,
    expired: CancellationToken,
    /// The same two facts for readers on a hot path: asking a token takes a lock that all threads
    /// share. Set before the token is cancelled, so that whoever is woken sees them.
    has_begun: AtomicBool,
    has_expired: AtomicBool,
    tasks: TaskTracker,
    grace: Duration,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every task finished by itself.
    Finished,
    /// The deadline passed with this many tasks left; they were told to give up.
    Expired {
        /// Tasks that were still running at the deadline.
        tasks: usize,
    },
}

/// Time that tasks get to end after [`Drain::expired`], which only has to drop things.
const GIVE_UP_MAX: Duration = Duration::from_secs(1);

impl Drain {
    /// A drain that, once begun, leaves `grace` for tasks to finish.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self(Arc::new(Inner {
            begun: CancellationToken::new(),
            expired: CancellationToken::new(),
            has_begun: AtomicBool::new(false),
            has_expired: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            grace,
        }))
    }

    /// Tells everybody to take no new work. Harmless when repeated.
    pub fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Release);
        self.0.begun.cancel();
    }

    /// Waits until the drain begins. Cancel safe.
    pub fn begun(&self) -> WaitForCancellationFuture<'_> {
        self.0.begun.cancelled()
    }

    /// Whether the drain has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.has_begun.load(Ordering::Acquire)
    }

    /// Waits until the deadline has passed: a task that hears this drops its work. Cancel safe.
    pub fn expired(&self) -> WaitForCancellationFuture<'_> {
        self.0.expired.cancelled()
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.0.has_expired.load(Ordering::Acquire)
    }

    /// The time between [`begin`](Self::begin) and the deadline.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.0.grace
    }

    /// Spawns a task on the current runtime and remembers it. The task must end soon after
    /// [`begun`](Self::begun), or at the latest after [`expired`](Self::expired).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as `tokio::spawn` does.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.tasks.spawn(task)
    }

    /// Makes a future count as a task without spawning it.
    pub fn track<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        self.0.tasks.track_future(task)
    }

    /// Tasks that are running.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.0.tasks.len()
    }

    /// Begins the drain, waits for all tasks up to the deadline, then tells the rest to give up
    /// and waits a second more for that.
    pub async fn finish(&self) -> Drained {
        self.begin();
        self.0.tasks.close();
        if tokio::time::timeout(self.0.grace, self.0.tasks.wait())
            .await
            .is_ok()
        {
            self.expire();
            return Drained::Finished;
        }
        let tasks = self.0.tasks.len();
        self.expire();
        if tokio::time::timeout(GIVE_UP_MAX, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                tasks = self.0.tasks.len(),
                "tasks did not hear the end of the drain"
            );
        }
        Drained::Expired { tasks }
    }

    fn expire(&self) {
        self.0.has_expired.store(true, Ordering::Release);
        self.0.expired.cancel();
    }
}
