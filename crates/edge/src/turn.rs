//! Takes turns: of requests that want the same, one goes to a region and the others wait for it.

use std::sync::Arc;

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout_at;

use crate::cache::{Entry, Fwd, Key, Part, Progress, Terms, Ticket, outcome};
use crate::shared::Shared;

/// How often a request joins a fill before it goes by itself: leaders may go away, and an answer
/// may turn out to depend on request headers.
const TURNS_MAX: usize = 3;

/// A request whose answer may be shared.
pub(crate) struct Fetch {
    pub(crate) terms: Terms,
    pub(crate) fwd: Fwd,
    /// Identifies what was looked for.
    pub(crate) slot: u64,
    /// What is stored and would do if it were fresh.
    pub(crate) old: Option<Arc<Entry>>,
    /// `old` may be used as it is when no region can be reached.
    pub(crate) stale_allowed: bool,
}

impl Fetch {
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
}

/// Waits while another request fetches the same.
pub(crate) async fn turn(
    core: &Shared,
    key: Key<'_>,
    headers: &HeaderMap,
    fetch: &mut Fetch,
) -> Turn {
    let Fetch { terms, fwd, .. } = *fetch;
    // A 304 or an answer for one person is of no use to others; who insists on a new answer
    // gets one.
    let shares = !(terms.head || terms.conditional || terms.authorized || fwd == Fwd::Request);
    if !shares {
        return Turn::Alone;
    }
    let deadline = tokio::time::Instant::now() + core.settings.fill_wait;
    for _ in 0..TURNS_MAX {
        let now_ms = core.clock.now_ms();
        let fresh = |entry: &Arc<Entry>| terms.accept(entry, now_ms).is_ok();
        match core.cache.join(fetch.slot, now_ms) {
            Part::Alone => return Turn::Alone,
            Part::Lead(ticket) => {
                // It may have been stored since this request looked.
                let found = core.cache.find(key, headers);
                return match found.entry.filter(fresh) {
                    Some(entry) => {
                        ticket.stored(Arc::clone(&entry));
                        Turn::Share(entry)
                    }
                    None => Turn::Lead(ticket),
                };
            }
            Part::Follow(progress) => match timeout_at(deadline, outcome(progress)).await {
                Err(_) | Ok(Some(Progress::Released)) => return Turn::Alone,
                Ok(Some(Progress::Stored(entry))) if entry.variant.is_empty() => {
                    let now_ms = core.clock.now_ms();
                    let fresh = terms.accept(&entry, now_ms).is_ok();
                    return if fresh {
                        Turn::Share(entry)
                    } else {
                        Turn::Alone
                    };
                }
                Ok(Some(Progress::Stored(_))) => {
                    let found = core.cache.find(key, headers);
                    fetch.slot = found.slot;
                    if let Some(entry) = found.entry.filter(fresh) {
                        return Turn::Share(entry);
                    }
                }
                Ok(Some(Progress::Running) | None) => {}
            },
        }
    }
    Turn::Alone
}
