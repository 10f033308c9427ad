//! Takes turns: of requests that want the same, one goes to a region and the others wait for it.

use std::sync::Arc;

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
use plan::edge::EdgeHost;
use serve::Body;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::answer::Fault;
use crate::cache::{Entry, Fwd, Growing, Key, Part, Progress, Terms, Ticket, outcome};
use crate::shared::Shared;

/// How often a request joins a fill before it goes by itself: leaders may go away, and an answer
/// may turn out to depend on request headers.
const TURNS_MAX: usize = 3;

/// A request whose answer may be shared.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) terms: Terms,
    pub(crate) fwd: Fwd,
    /// Identifies what was looked for.
    pub(crate) slot: u64,
    /// What is stored and would do if it were fresh.
    pub(crate) old: Option<Arc<Entry>>,
    /// `old` may be used as it is when no region can be reached.
    pub(crate) stale_allowed: bool,
    /// `old` may be used as it is when a region fails or is slow.
    pub(crate) stale_on_error: bool,
    /// `old` may be used as it is while a newer one is fetched.
    pub(crate) stale_while: bool,
    /// What it is for.
    pub(crate) host: Option<Arc<EdgeHost>>,
    /// Purges before it was looked up.
    pub(crate) stamp: u64,
    /// Changes before it was looked up.
    pub(crate) moment: u64,
    /// The right to fetch the whole for a part, kept until it has come.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Fetch {
    /// What may be used when a region fails or is slow.
    pub(crate) fn stale_on_error(&self) -> Option<&Arc<Entry>> {
        self.old.as_ref().filter(|_| self.stale_on_error)
    }

    /// What may be used while a newer one is fetched.
    pub(crate) fn stale_while(&self) -> Option<&Arc<Entry>> {
        self.old.as_ref().filter(|_| self.stale_while)
    }

    /// Whether others can use the answer: a 304 or an answer for one person is of no use to them;
    /// who insists on a new answer gets one.
    pub(crate) fn shares(&self) -> bool {
        let Terms {
            head,
            authorized,
            conditional,
            ..
        } = self.terms;
        !(head || conditional || authorized || self.fwd == Fwd::Request)
    }

    /// What may be used while no region can be reached.
    pub(crate) fn stale(&self) -> Option<&Arc<Entry>> {
        self.old.as_ref().filter(|_| self.stale_allowed)
    }

    /// What the region is asked, so that it need not send again what is stored already
    /// (RFC 9111, section 4.3.1). Not if the client asks on its own account.
    pub(crate) fn validator(&self) -> Option<(HeaderName, HeaderValue)> {
        let Terms {
            head,
            authorized,
            conditional,
            ..
        } = self.terms;
        let old = self
            .old
            .as_ref()
            .filter(|_| !(head || authorized || conditional))?;
        let etag = old
            .headers
            .get(ETAG)
            .map(|tag| (IF_NONE_MATCH, tag.clone()));
        etag.or_else(|| {
            let modified = old.headers.get(LAST_MODIFIED)?;
            Some((IF_MODIFIED_SINCE, modified.clone()))
        })
    }
}

/// How a request that may share an answer goes on.
pub(crate) enum Turn {
    /// It fetches the answer, and tells the others.
    Lead(Ticket),
    /// It fetches the answer for itself.
    Alone,
    /// Another one has fetched it.
    Share(Arc<Entry>),
    /// Another one fetches it: the head, and the body as it comes.
    Read(Arc<Growing>, Body),
    /// The region failed another one that asked for the same.
    Failed(Option<Fault>),
    /// It has waited long enough.
    Late,
}

/// Waits while another request fetches the same, until `deadline`.
pub(crate) async fn turn(
    core: &Shared,
    key: Key<'_>,
    headers: &HeaderMap,
    fetch: &mut Fetch,
    deadline: Instant,
) -> Turn {
    if !fetch.shares() {
        return Turn::Alone;
    }
    for _ in 0..TURNS_MAX {
        let now_ms = core.clock.now_ms();
        let progress = match core.cache.join(fetch.slot, now_ms) {
            Part::Alone => return Turn::Alone,
            Part::Lead(ticket) => {
                // It may have been stored since this request looked.
                let found = core.cache.find(key, headers).entry;
                let fresh = found.filter(|entry| fetch.terms.accept(entry, now_ms).is_ok());
                return match fresh {
                    Some(entry) => {
                        ticket.stored(Arc::clone(&entry));
                        Turn::Share(entry)
                    }
                    None => Turn::Lead(ticket),
                };
            }
            Part::Follow(progress) => progress,
        };
        let Ok(progress) = timeout_at(deadline, outcome(progress)).await else {
            return Turn::Late;
        };
        // Nothing: the leader went away, or its answer is for other headers.
        if let Some(turn) = follow(core, key, headers, fetch, progress) {
            return turn;
        }
    }
    Turn::Alone
}

/// What a follower does once it knows how its leader fares.
fn follow(
    core: &Shared,
    key: Key<'_>,
    headers: &HeaderMap,
    fetch: &mut Fetch,
    progress: Option<Progress>,
) -> Option<Turn> {
    let (terms, now_ms) = (fetch.terms, core.clock.now_ms());
    let fresh = |entry: &Entry| terms.accept(entry, now_ms).is_ok();
    match progress? {
        Progress::Running => None,
        Progress::Released => Some(Turn::Alone),
        Progress::Failed(None) if fetch.stale_on_error().is_none() => Some(Turn::Alone),
        Progress::Failed(fault) => Some(Turn::Failed(fault)),
        Progress::Growing(growing) => {
            if !growing.entry.answers(headers) {
                // Which headers matter is known once the answer is stored; until then it cannot
                // be waited for.
                return Some(Turn::Alone);
            }
            let body = growing.read().filter(|_| fresh(&growing.entry));
            Some(body.map_or(Turn::Alone, |body| Turn::Read(growing, body)))
        }
        Progress::Stored(entry) if entry.variant.is_empty() => {
            let usable = fresh(&entry);
            Some(if usable {
                Turn::Share(entry)
            } else {
                Turn::Alone
            })
        }
        Progress::Stored(_) => {
            let found = core.cache.find(key, headers);
            fetch.slot = found.slot;
            found.entry.filter(|entry| fresh(entry)).map(Turn::Share)
        }
    }
}
