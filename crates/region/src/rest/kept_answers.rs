//! The answers that stages of REST APIs keep, and who is fetching which of them just now.
//!
//! One shelf per node, for all cores, since a stage's cache is worth what it saves backends. Every
//! stage has a bound of its own and all of them together another; what was used least lately goes.
//! It knows keys, ages and sizes; what a key is made of and what may be kept is said in
//! `phases/cache.rs`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use prometheus::Registry;
use tokio::sync::Semaphore;

use super::phases::convert::AnswerMedia;
use crate::metrics::StageCacheMetrics;

/// Largest answer that is kept, bytes; Amazon's limit.
pub(crate) const ANSWER_BYTES_MAX: usize = 1_048_576;

/// Most bytes that the stages of a node keep together.
pub(crate) const NODE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes that a stage may keep at a node for each GB that its cache is said to have.
const STAGE_BYTES_PER_GB: usize = 64 * 1024 * 1024;

/// What an answer takes besides its body and its key: the entry, and each of its headers.
const ENTRY_BYTES: usize = 256;

/// Longest wait for another request's fetch; as long as an integration may take by default.
const WAIT_MAX: Duration = Duration::from_secs(29);

/// An integration's answer as the client would get it, before its bytes are converted or packed.
#[derive(Debug)]
pub(crate) struct KeptAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) media: AnswerMedia,
    /// It named its request's trace, so it has to name that of whoever gets it.
    pub(crate) is_traced: bool,
    /// When it was kept.
    pub(crate) since: Instant,
}

/// Where an answer is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) key: Arc<str>,
    /// The stage, and how much of it may be kept.
    pub(crate) stage: Arc<str>,
    pub(crate) stage_bytes_max: usize,
    pub(crate) ttl: Duration,
}

/// The shelf.
pub(crate) struct KeptAnswers {
    shelf: Mutex<Shelf>,
    fetches: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    pub(crate) metrics: StageCacheMetrics,
}

/// What is to be done about an answer that is not kept.
pub(crate) enum Turn {
    /// Fetch it; others wait for as long as this is held.
    Fetch(Fetching),
    /// Somebody else was fetching it and is done, or took too long.
    Waited,
}

/// A fetch that others wait for.
pub(crate) struct Fetching {
    answers: Arc<KeptAnswers>,
    key: Arc<str>,
    done: Arc<Semaphore>,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<Arc<str>, Entry>,
    /// By the tick of their last use.
    order: BTreeMap<u64, Arc<str>>,
    stages: HashMap<Arc<str>, StageShelf>,
    bytes: usize,
    tick: u64,
}

struct Entry {
    tick: u64,
    until: Instant,
    bytes: usize,
    stage: Arc<str>,
    answer: Arc<KeptAnswer>,
}

#[derive(Default)]
struct StageShelf {
    order: BTreeMap<u64, Arc<str>>,
    bytes: usize,
}

/// How much a stage whose cache has this size may keep at a node.
pub(crate) fn stage_bytes_max(size_gb: Option<&str>) -> usize {
    const SMALLEST_GB: f64 = 0.5;
    let size = size_gb.and_then(|size| size.trim().parse::<f64>().ok());
    let size = size.filter(|size| *size >= SMALLEST_GB);
    // In tenths, since Amazon's sizes have one decimal.
    let tenths = (size.unwrap_or(SMALLEST_GB) * 10.0).round().min(1e4);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number between 5 and 10,000"
    )]
    let tenths = tenths as usize;
    (STAGE_BYTES_PER_GB / 10 * tenths).min(NODE_BYTES_MAX)
}

// === impl KeptAnswers ===

impl KeptAnswers {
    pub(crate) fn new(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        Ok(Arc::new(Self {
            shelf: Mutex::default(),
            fetches: Mutex::default(),
            metrics: StageCacheMetrics::register(registry)?,
        }))
    }

    /// An answer that is fresh.
    pub(crate) fn find(&self, key: &str, now: Instant) -> Option<Arc<KeptAnswer>> {
        let mut shelf = self.shelf();
        let until = shelf.entries.get(key)?.until;
        if now < until {
            return shelf.touch(key);
        }
        shelf.remove(key);
        self.gone(&shelf, "expired");
        None
    }

    /// Keeps an answer; those used least lately make room.
    pub(crate) fn keep(&self, place: &Place, answer: KeptAnswer) {
        let bytes = weight(&place.key, &answer);
        if bytes > place.stage_bytes_max {
            return;
        }
        let mut shelf = self.shelf();
        shelf.remove(&place.key);
        shelf.insert(place, bytes, answer);
        while let Some(oldest) = shelf.too_many_of(&place.stage, place.stage_bytes_max) {
            shelf.remove(&oldest);
            self.gone(&shelf, "stage_full");
        }
        while shelf.bytes > NODE_BYTES_MAX {
            let Some(oldest) = shelf.order.values().next().cloned() else {
                break;
            };
            shelf.remove(&oldest);
            self.gone(&shelf, "node_full");
        }
        self.measure(&shelf);
    }

    /// Forgets an answer, if there is one.
    pub(crate) fn forget(&self, key: &str) {
        let mut shelf = self.shelf();
        if shelf.remove(key) {
            self.gone(&shelf, "invalidated");
        }
    }

    /// Whose turn it is to fetch what is not kept; waits while it is somebody else's. Waits once
    /// only, so that answers which cannot be kept do not make a queue. Cancel safe.
    pub(crate) async fn turn(self: &Arc<Self>, key: &Arc<str>) -> Turn {
        let done = {
            let mut fetches = self.fetches();
            let Some(done) = fetches.get(key) else {
                let done = Arc::new(Semaphore::new(0));
                fetches.insert(Arc::clone(key), Arc::clone(&done));
                return Turn::Fetch(Fetching {
                    answers: Arc::clone(self),
                    key: Arc::clone(key),
                    done,
                });
            };
            Arc::clone(done)
        };
        // It never has a permit: the wait ends when it is closed.
        let _ = tokio::time::timeout(WAIT_MAX, done.acquire()).await;
        Turn::Waited
    }

    fn gone(&self, shelf: &Shelf, reason: &str) {
        self.metrics.gone(reason);
        self.measure(shelf);
    }

    fn measure(&self, shelf: &Shelf) {
        let bytes = i64::try_from(shelf.bytes).unwrap_or(i64::MAX);
        self.metrics.bytes.set(bytes);
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetches(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Semaphore>>> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.answers.fetches().remove(&self.key);
        self.done.close();
    }
}

// === impl Shelf ===

impl Shelf {
    /// An entry, as the one that was used last.
    fn touch(&mut self, key: &str) -> Option<Arc<KeptAnswer>> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        let last = std::mem::replace(&mut entry.tick, self.tick);
        let stage = self.stages.get_mut(&entry.stage);
        for order in [Some(&mut self.order), stage.map(|stage| &mut stage.order)] {
            if let Some(order) = order
                && let Some(key) = order.remove(&last)
            {
                order.insert(self.tick, key);
            }
        }
        Some(Arc::clone(&entry.answer))
    }

    fn insert(&mut self, place: &Place, bytes: usize, answer: KeptAnswer) {
        self.tick += 1;
        self.bytes += bytes;
        self.order.insert(self.tick, Arc::clone(&place.key));
        let stage = self.stages.entry(Arc::clone(&place.stage)).or_default();
        stage.bytes += bytes;
        stage.order.insert(self.tick, Arc::clone(&place.key));
        let entry = Entry {
            tick: self.tick,
            until: answer.since + place.ttl,
            bytes,
            stage: Arc::clone(&place.stage),
            answer: Arc::new(answer),
        };
        self.entries.insert(Arc::clone(&place.key), entry);
    }

    fn remove(&mut self, key: &str) -> bool {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        self.bytes -= entry.bytes;
        self.order.remove(&entry.tick);
        if let Some(stage) = self.stages.get_mut(&entry.stage) {
            stage.bytes -= entry.bytes;
            stage.order.remove(&entry.tick);
            if stage.order.is_empty() {
                self.stages.remove(&entry.stage);
            }
        }
        true
    }

    /// What a stage has to give up first, if it has too much.
    fn too_many_of(&self, stage: &str, bytes_max: usize) -> Option<Arc<str>> {
        let stage = self.stages.get(stage)?;
        if stage.bytes <= bytes_max {
            return None;
        }
        stage.order.values().next().cloned()
    }
}

fn weight(key: &str, answer: &KeptAnswer) -> usize {
    // The key is held once and shared.
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    key.len() + answer.body.len() + ENTRY_BYTES + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use prometheus::Registry;

    use super::{ENTRY_BYTES, KeptAnswer, KeptAnswers, NODE_BYTES_MAX, Place, stage_bytes_max};

    const TTL: Duration = Duration::from_mins(5);

    fn place(stage: &str, key: &str, stage_bytes_max: usize) -> Place {
        Place {
            key: key.into(),
            stage: stage.into(),
            stage_bytes_max,
            ttl: TTL,
        }
    }

    fn answer(bytes: usize, since: Instant) -> KeptAnswer {
        KeptAnswer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from(vec![b'x'; bytes]),
            media: Default::default(),
            is_traced: false,
            since,
        }
    }

    fn answers() -> Arc<KeptAnswers> {
        KeptAnswers::new(&Registry::new()).unwrap()
    }

    #[test]
    fn sizes_scale_and_end_at_the_nodes_bound() {
        let half = stage_bytes_max(Some("0.5"));
        assert!(half.abs_diff(32 << 20) < 64, "{half}");
        assert_eq!(stage_bytes_max(None), half);
        assert_eq!(stage_bytes_max(Some("?")), half);
        let larger = stage_bytes_max(Some("1.6"));
        assert!(half < larger && larger < NODE_BYTES_MAX, "{larger}");
        assert_eq!(stage_bytes_max(Some("237")), NODE_BYTES_MAX);
    }

    #[test]
    fn an_answer_lives_for_its_time() {
        let (answers, began) = (answers(), Instant::now());
        answers.keep(&place("s", "a", 10_000), answer(5, began));
        let just = began + TTL - Duration::from_nanos(1);
        assert!(answers.find("a", just).is_some());
        assert!(answers.metrics.bytes.get() > 5);
        assert!(answers.find("a", began + TTL).is_none());
        assert_eq!(answers.metrics.bytes.get(), 0);
        assert!(answers.shelf().stages.is_empty());
    }

    #[test]
    fn a_full_stage_gives_up_what_was_used_least_lately() {
        let (answers, now) = (answers(), Instant::now());
        let room = 3 * (1000 + ENTRY_BYTES + 1);
        for key in ["a", "b", "c"] {
            answers.keep(&place("s", key, room), answer(1000, now));
        }
        answers.keep(&place("other", "o", room), answer(1000, now));
        assert!(answers.find("a", now).is_some());
        answers.keep(&place("s", "d", room), answer(1000, now));
        let found = ["a", "b", "c", "d", "o"].map(|key| answers.find(key, now).is_some());
        assert_eq!(found, [true, false, true, true, true]);
        // One that is too large for its stage is not kept, and costs nobody a place.
        answers.keep(&place("s", "e", room), answer(room, now));
        assert!(answers.find("e", now).is_none() && answers.find("a", now).is_some());
        answers.forget("a");
        assert!(answers.find("a", now).is_none());
    }

    #[test]
    fn a_full_node_gives_up_what_was_used_least_lately() {
        let (answers, now) = (answers(), Instant::now());
        // The bytes are shared by all of them, so the test itself takes few.
        let body = answer(1 << 20, now).body;
        let count = NODE_BYTES_MAX / (1 << 20) + 1;
        for index in 0..count {
            let one = KeptAnswer {
                body: body.clone(),
                ..answer(0, now)
            };
            let stage = format!("s{}", index % 7);
            let place = place(&stage, &index.to_string(), NODE_BYTES_MAX);
            answers.keep(&place, one);
        }
        assert!(answers.find("0", now).is_none());
        assert!(answers.find(&(count - 1).to_string(), now).is_some());
        assert!(answers.shelf().bytes <= NODE_BYTES_MAX);
    }
}
