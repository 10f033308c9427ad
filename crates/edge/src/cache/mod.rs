//! The POP's cache: a shared cache as in RFC 9111, in memory.
//!
//! `ask` decides what a request allows, `verdict` what an answer allows, `store` holds answers,
//! `fill` keeps bodies while they stream, `fills` lets one request fetch for many, `reply` makes
//! answers. Nothing here forwards anything, and stale answers are used only where the caller says
//! that no region can be reached.

mod accept;
pub(crate) mod ask;
mod coding;
mod conditional;
mod control;
mod entry;
mod fill;
mod fills;
mod flow;
pub mod fuzz;
mod invalidate;
mod key;
mod part;
mod purge;
mod range;
mod reply;
mod shown;
mod store;
mod structured;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode};
use http_body::Body as _;
use plan::edge::EdgeHost;
use serve::{Body, BoxFuture};

pub(crate) use self::ask::{Fwd, Terms};
use self::coding::{Codable, Workshop};
pub(crate) use self::coding::{Coded, add_vary};
pub(crate) use self::conditional::confirms;
pub(crate) use self::entry::Entry;
use self::entry::{Checked, Pieces};
use self::fill::Tee;
use self::fills::Fills;
pub(crate) use self::fills::{Growing, Part, Progress, Ticket, outcome};
use self::flow::Flow;
pub(crate) use self::key::Key;
pub(crate) use self::part::cut_coming;
pub use self::purge::Purge;
use self::purge::Purges;
pub(crate) use self::reply::{CACHE_STATUS, StatusLine, Use, from_entry, refreshed};
pub(crate) use self::shown::Shown;
use self::store::{Found, Store};
pub(crate) use self::verdict::{Arrival, NoStore, SINGLE_USE};
use self::verdict::{Freshness, judge};
use crate::metrics::Metrics;

/// The cache of a POP, shared by its workers.
#[derive(Debug)]
pub(crate) struct Cache {
    store: Arc<Store>,
    fills: Arc<Fills>,
    purges: Purges,
    metrics: Arc<Metrics>,
    object_bytes_max: usize,
    workshop: Workshop,
}

/// An answer to GET from a region, before its body.
pub(crate) struct Answer<'a> {
    pub(crate) key: Key<'a>,
    pub(crate) request: &'a HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) arrival: Arrival,
    /// Headers that belong to the single answer and are not stored.
    pub(crate) single: &'a [HeaderName],
    pub(crate) now_ms: u64,
    /// The number of purges when it was asked for; see [`Cache::stamp`].
    pub(crate) stamp: u64,
    /// Of when it was asked for; see [`Cache::moment`].
    pub(crate) moment: u64,
    pub(crate) host: Option<Arc<EdgeHost>>,
    /// The body is that of a stored answer that was confirmed.
    pub(crate) codable: Option<Arc<Codable>>,
}

/// What becomes of an answer.
pub(crate) enum Kept {
    /// It is sent as it is; it is stored, or not.
    Now(Body, Result<(), NoStore>),
    /// It is stored once its body has come; the pump, which the caller runs, reads it.
    Growing(Body, BoxFuture<'static, ()>),
}

impl Cache {
    pub(crate) fn new(
        bytes_max: u64,
        object_bytes_max: usize,
        compress: bool,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (store, fills) = (Arc::new(Store::new(bytes_max)), Fills::new());
        Self {
            store,
            fills,
            purges: Purges::default(),
            metrics,
            object_bytes_max,
            workshop: Workshop::new(compress),
        }
    }

    pub(crate) fn find(&self, key: Key<'_>, headers: &HeaderMap) -> Found {
        let mut found = self.store.find(key, headers);
        if let Some(entry) = &found.entry
            && self.purges.covers(entry)
        {
            found.entry = None;
        }
        found
    }

    /// What an answer that is asked for now is to be stored with.
    pub(crate) fn stamp(&self) -> u64 {
        self.purges.stamp()
    }

    /// The same for changes by unsafe requests.
    pub(crate) fn moment(&self) -> u64 {
        self.store.moment()
    }

    /// Takes answers out of use at once, also those that are still on their way here. Returns how
    /// many were stored.
    pub(crate) fn purge(&self, purge: &Purge) -> u64 {
        self.purges.add(purge);
        self.fills.detach();
        self.store.sweep(|entry| self.purges.covers(entry))
    }

    /// Joins or begins the fill of what `find` looked for.
    pub(crate) fn join(&self, slot: u64, now_ms: u64) -> Part {
        self.fills.join(slot, now_ms)
    }

    /// Forgets what a successful unsafe request changes: its own address, and those that its
    /// answer names (RFC 9111, section 4.4).
    ///
    /// Answers that were asked for before are not stored, and nobody joins their fills, so that
    /// who has changed something does not read the old state.
    pub(crate) fn changed(&self, key: Key<'_>, answer: &HeaderMap) {
        let change = |key| self.fills.detach_one(self.store.change(key));
        change(key);
        for path_and_query in &invalidate::named(key, answer) {
            change(Key {
                path_and_query,
                ..key
            });
        }
    }

    /// Forgets what an answer to HEAD says is no longer the present answer to GET
    /// (RFC 9111, section 4.3.5).
    pub(crate) fn compare(&self, key: Key<'_>, request: &HeaderMap, head: &HeaderMap) {
        let stored = self.store.find(key, request).entry;
        if stored.is_some_and(|entry| invalidate::contradicts(head, &entry)) {
            self.store.forget(key);
        }
    }

    /// Entries, bytes, fills in progress.
    pub(crate) fn size(&self) -> (u64, u64, usize) {
        let (entries, bytes) = self.store.size();
        (entries, bytes, self.fills.running())
    }

    /// Decides about an answer. If it may be stored, the body returned stores it once it has
    /// passed whole. Those that wait for the ticket are told in any case.
    pub(crate) fn keep(
        &self,
        answer: &Answer<'_>,
        ticket: Option<Ticket>,
        body: Body,
        wanted: bool,
    ) -> Kept {
        let Answer {
            status,
            headers,
            arrival,
            now_ms,
            ..
        } = *answer;
        let judged = judge(status, headers, arrival, self.object_bytes_max)
            .and_then(|freshness| self.draft(answer, freshness));
        let (names, draft) = match judged {
            Ok(judged) => judged,
            Err(why) => {
                self.metrics.stored(Err(why));
                if why.is_explicit() && !arrival.authorized {
                    // What was stored before must not come back while no region can be reached.
                    self.store.forget(answer.key);
                }
                match ticket {
                    // An error may be over at the next request: nothing is remembered.
                    Some(ticket) if is_failure(status) => ticket.failed(None),
                    Some(ticket) if status.is_server_error() => ticket.release(),
                    Some(ticket) => ticket.release_and_remember(now_ms),
                    None => {}
                }
                return Kept::Now(body, Err(why));
            }
        };
        let size = body.size_hint().exact();
        let streams = ticket.is_some() && body.as_full().is_none() && !body.is_empty();
        let growing = streams.then(|| {
            let flow = Flow::new(size, wanted);
            (
                Arc::new(Growing::new(draft.0.head(), Arc::clone(&flow))),
                flow,
            )
        });
        if let (Some(ticket), Some((growing, _))) = (&ticket, &growing) {
            ticket.growing(Arc::clone(growing));
        }
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        let moment = answer.moment;
        let done = move |pieces: Result<Pieces, NoStore>| {
            let changed = store.is_changed(draft.0.key.borrow(), moment);
            let pieces = pieces.and_then(|pieces| {
                if changed {
                    Err(NoStore::Changed)
                } else {
                    Ok(pieces)
                }
            });
            metrics.stored(pieces.as_ref().map(|_| ()).map_err(|why| *why));
            match (pieces, ticket) {
                (Ok(pieces), ticket) => {
                    let entry = Arc::new(draft.with(pieces));
                    store.put(Arc::clone(&entry), &names);
                    if let Some(ticket) = ticket {
                        ticket.stored(entry);
                    }
                }
                (Err(NoStore::TooLarge), Some(ticket)) => ticket.release_and_remember(now_ms),
                // Dropping the ticket lets one of those that wait take over.
                (Err(_), _) => {}
            }
        };
        if let Some((growing, flow)) = growing
            && let Some(reader) = growing.read()
        {
            let pump = flow.pump(body, self.object_bytes_max, Box::new(done));
            return Kept::Growing(reader, Box::pin(pump));
        }
        let body = Tee::wrap(body, self.object_bytes_max, Box::new(done));
        Kept::Now(body, Ok(()))
    }

    fn draft(
        &self,
        answer: &Answer<'_>,
        freshness: Freshness,
    ) -> Result<(Vec<HeaderName>, Draft), NoStore> {
        let variant = key::variant(&freshness.vary, answer.request).ok_or(NoStore::Vary)?;
        let names = freshness.vary;
        let (headers, at) = (answer.headers, answer.arrival.at);
        let mut headers = reply::stored_headers(answer.status, headers, answer.single, at);
        for name in freshness.withheld {
            headers.remove(name);
        }
        let mut entry = Entry {
            key: answer.key.to_owned(),
            names: names.as_slice().into(),
            variant,
            status: answer.status,
            headers,
            body: Pieces::of(Vec::new()),
            born_ms: answer.now_ms,
            age_on_arrival_ms: freshness.age_ms,
            lifetime_ms: freshness.lifetime_ms,
            stale_allowed: freshness.stale_allowed,
            stale_while_ms: freshness.stale_while_ms,
            stale_error_ms: freshness.stale_error_ms,
            stamp: answer.stamp,
            checked: Checked::default(),
            host: answer.host.clone(),
            for_everybody: freshness.for_everybody,
            codable: None,
        };
        if self.workshop.takes(entry.status, &entry.headers, None) {
            let known = answer.codable.clone();
            entry.codable = known.or_else(|| Some(Codable::new(self.store.next())));
        }
        Ok((names, Draft(entry)))
    }
}

/// Statuses after which an older answer may be better (RFC 5861, section 4).
pub(crate) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// An entry whose body is not there yet.
struct Draft(Entry);

impl Draft {
    fn with(self, body: Pieces) -> Entry {
        let mut entry = Entry { body, ..self.0 };
        if !coding::fits(entry.body.len() as u64) {
            entry.codable = None;
        }
        reply::set_length(&mut entry);
        entry
    }
}
