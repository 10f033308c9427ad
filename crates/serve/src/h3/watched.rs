//! What a request's task knows of its stream besides what the HTTP/3 library tells.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send + Sync>>;

/// How a stream's sending side ended, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client has all of it.
    Delivered,
    /// The client does not want it, or is gone.
    Unwanted,
}

/// What a request's task knows of its stream besides what the HTTP/3 library tells.
pub(crate) struct Watched {
    /// Completes when the answer is delivered or unwanted.
    pub(crate) ended: Boxed<Ended>,
    pub(crate) pulled: Pulled,
}

/// Bytes taken from a stream since the reader last got something out of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulled(Arc<AtomicUsize>);

/// Where the connection leaves what belongs to the stream that it accepted last.
#[derive(Clone, Default)]
pub(crate) struct Last(Arc<Mutex<Option<Watched>>>);

impl Pulled {
    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// The reader got something.
    pub(crate) fn progress(&self) {
        self.0.store(0, Relaxed);
    }
}

impl Last {
    pub(super) fn put(&self, watched: Watched) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(watched);
    }

    pub(crate) fn take(&self) -> Option<Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
