//! Answers of an aggregate's parts, and those that are kept for a while.
//!
//! Kept per core, like connections: nothing is shared and nothing waits. The key is everything
//! that the backend is sent, so that clients only share what they would have been told anyway.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, value::RawValue};

/// Most answers that a core keeps.
const KEPT_MAX: usize = 1024;

/// Most bytes of all answers that a core keeps.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest answer that is kept, bytes.
pub(crate) const KEPT_ONE_BYTES_MAX: usize = 1024 * 1024;

/// What a part's backend answered.
#[derive(Clone, Debug)]
pub(crate) struct PartAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer on its way into the whole.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) answer: Arc<PartAnswer>,
}

/// The answers that a core keeps.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    answers: HashMap<Arc<str>, (Instant, Arc<PartAnswer>)>,
    /// Oldest first.
    order: VecDeque<Arc<str>>,
    bytes: usize,
}

// === impl Given ===

impl Given {
    pub(crate) const fn new(answer: Arc<PartAnswer>) -> Self {
        Self { answer }
    }

    /// Its body as text; none if it is not UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.answer.body).ok()
    }

    /// Its body as a member of an answer: JSON as it came, other text as a string.
    pub(crate) fn json(&self) -> String {
        let text = String::from_utf8_lossy(&self.answer.body);
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(raw) => raw.get().to_owned(),
            Err(_) if text.is_empty() => "null".to_owned(),
            Err(_) => Value::from(text).to_string(),
        }
    }
}

// === impl Kept ===

impl Kept {
    pub(crate) fn find(&self, key: &str, now: Instant) -> Option<Arc<PartAnswer>> {
        let shelf = self.lock();
        let (until, answer) = shelf.answers.get(key)?;
        (now < *until).then(|| Arc::clone(answer))
    }

    /// Keeps an answer; the oldest make room.
    pub(crate) fn keep(&self, key: &str, answer: &Arc<PartAnswer>, now: Instant, ttl: Duration) {
        if answer.body.len() > KEPT_ONE_BYTES_MAX {
            return;
        }
        let mut shelf = self.lock();
        shelf.remove(key);
        let key: Arc<str> = key.into();
        shelf.bytes += weight(&key, answer);
        shelf.order.push_back(Arc::clone(&key));
        shelf.answers.insert(key, (now + ttl, Arc::clone(answer)));
        while shelf.answers.len() > KEPT_MAX || shelf.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = shelf.order.front().cloned() else {
                return;
            };
            shelf.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn remove(&mut self, key: &str) {
        if let Some((key, (_, answer))) = self.answers.remove_entry(key) {
            self.bytes -= weight(&key, &answer);
            self.order.retain(|known| *known != key);
        }
    }
}

/// Bytes of an answer and its key, headers guessed.
fn weight(key: &str, answer: &PartAnswer) -> usize {
    const HEADER_BYTES: usize = 100;
    key.len() + answer.body.len() + answer.headers.len() * HEADER_BYTES
}
