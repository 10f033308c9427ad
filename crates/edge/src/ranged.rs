//! Requests for parts of an answer that is not stored yet.
//!
//! A POP asks a region for the whole answer, so that the next part, and everybody else, is served
//! from the copy, and sends the client its part as soon as its bytes are there. An answer that
//! turns out not to be storable is given up, and the request is sent again as the client made it:
//! that is remembered, so later ones go that way at once. Parts that a region sends are never
//! stored. Whole answers are fetched for parts only so many at a time: who asks for one byte each
//! of many answers would otherwise make the backend send them all.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};
use serve::Body;
use tokio::time::Instant;

use crate::answer::Fault;
use crate::cache::{Fwd, Growing, Key, Terms, Ticket, Use, cut_coming};
use crate::fetch::{Obtained, refused};
use crate::forward::Outgoing;
use crate::pop::{Pop, Visit};
use crate::turn::Fetch;

/// Answers that one POP fetches whole at the same time for clients that want parts; beyond it, the
/// region is asked for the part.
pub(crate) const WHOLE_FILLS_MAX: usize = 64;

impl Pop {
    /// Leads a fill, also for a client that wants only a part; whether it is one of the whole.
    pub(crate) async fn lead_whole(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        fetch: &Fetch,
        ticket: Ticket,
    ) -> (Result<Obtained, Fault>, bool) {
        if !fetch.terms.ranged {
            let led = self.lead(outgoing, key, fetch, Some(ticket), false).await;
            return (led, false);
        }
        let Ok(permit) = Arc::clone(&self.core.whole_fills).try_acquire_owned() else {
            self.core.metrics.whole_fills_refused.inc();
            ticket.release();
            return (self.lead(outgoing, key, fetch, None, false).await, false);
        };
        let fetch = &Fetch {
            permit: Some(Arc::new(permit)),
            ..fetch.clone()
        };
        let mut parts = outgoing.parts.clone();
        parts.headers.remove(RANGE);
        parts.headers.remove(IF_RANGE);
        let outgoing = Outgoing {
            parts: &parts,
            ..outgoing
        };
        // Who wants the first bytes leaves long before the last ones are there.
        let led = self.lead(outgoing, key, fetch, Some(ticket), true).await;
        (led, true)
    }

    /// Reads an answer that another request fetches.
    pub(crate) async fn read(
        &self,
        growing: &Growing,
        body: Body,
        (collapsed, visit): ((Use, Option<Fwd>), &Visit),
        (terms, asked): (Terms, &HeaderMap),
    ) -> Obtained {
        let whole = Terms {
            ranged: false,
            ..terms
        };
        let mut obtained = self.stored(&growing.entry, collapsed, (&whole, asked), visit);
        *obtained.response.body_mut() = body;
        self.cut(obtained, terms, asked).await
    }

    /// Sends the part of an answer that was asked for as a whole.
    pub(crate) async fn cut_led(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        fetch: &Fetch,
        obtained: Obtained,
    ) -> Obtained {
        let asked = &outgoing.parts.headers;
        if !(obtained.unkept && obtained.response.status() == http::StatusCode::OK) {
            return self.cut(obtained, fetch.terms, asked).await;
        }
        drop(obtained);
        match self.lead(outgoing, key, fetch, None, false).await {
            Ok(obtained) => obtained,
            Err(fault) => refused(fault, outgoing.request_id),
        }
    }

    /// Sends the part of an answer whose body may still arrive.
    pub(crate) async fn cut(
        &self,
        mut obtained: Obtained,
        terms: Terms,
        asked: &HeaderMap,
    ) -> Obtained {
        if !terms.ranged || obtained.response.status() != http::StatusCode::OK {
            return obtained;
        }
        let settings = &self.core.settings;
        let deadline = Instant::now() + settings.fill_wait;
        let response = std::mem::take(&mut obtained.response);
        let bytes_max = settings.object_bytes_max;
        obtained.response = cut_coming(response, asked, deadline, bytes_max).await;
        obtained
    }
}
