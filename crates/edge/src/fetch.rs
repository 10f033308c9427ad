//! What a POP does about a request that it cannot answer at once: takes turns with others, sends it
//! to a region, keeps the answer, or falls back to a stale one.

use std::time::{Duration, SystemTime};

use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use serve::{Body, BoxFuture, Response, strip_hop_by_hop};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Fault, REQUEST_ID, answer};
use crate::cache::{
    Answer, Arrival, CACHE_STATUS, Entry, Fwd, Kept, Key, Part, SINGLE_USE, Terms, Ticket, Use,
    add_vary, confirms, is_failure, refreshed,
};
use crate::forward::{Forwarded, Outgoing};
use crate::metrics::Hedge;
use crate::pop::{Pop, SERVER_TIMING, Visit};
use crate::record::Verdict;
use crate::turn::{Fetch, Turn, turn};

/// Headers that belong to the single answer and are not stored.
static SINGLE: [HeaderName; 5] = [
    REQUEST_ID,
    SERVER_TIMING,
    HeaderName::from_static("x-amzn-requestid"),
    HeaderName::from_static("x-amz-apigw-id"),
    HeaderName::from_static("x-amzn-trace-id"),
];

/// An answer and where it came from.
pub(crate) struct Obtained {
    pub(crate) response: Response,
    pub(crate) verdict: Verdict,
    pub(crate) region: Option<model::RegionName>,
    pub(crate) hedge: Option<Hedge>,
    /// A region's answer that is not stored although that was tried.
    pub(crate) unkept: bool,
}

impl Pop {
    /// A request that the cache has nothing to do with.
    pub(crate) async fn pass(
        &self,
        outgoing: Outgoing<'_>,
        body: Body,
        key: Key<'_>,
        fwd: Fwd,
    ) -> Obtained {
        let forwarded = match self.forwarder.forward(outgoing, body).await {
            Ok(forwarded) => self.tidy(forwarded),
            Err(fault) => return refused(fault, outgoing.request_id),
        };
        let status = forwarded.response.status();
        // RFC 9111, section 4.4.
        let changed = !outgoing.parts.method.is_safe() && status.as_u16() < 400;
        if changed {
            let answer = forwarded.response.headers();
            self.core.cache.changed(key, answer);
        }
        let line = self.core.status_line.forwarded(fwd, status, None);
        self.finish(forwarded, line, fwd)
    }

    /// A request whose answer may be shared.
    pub(crate) async fn fetch(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        mut fetch: Fetch,
        visit: &Visit,
    ) -> Obtained {
        let asked = &outgoing.parts.headers;
        let terms = fetch.terms;
        let used = |entry: &Entry, why| self.stored(entry, (why, None), (&terms, asked), visit);
        if let Some(entry) = fetch.stale()
            && self.core.steering.all_lost()
        {
            return used(entry, Use::Stale);
        }
        if let Some(entry) = fetch.stale_while().cloned() {
            if let Part::Lead(ticket) = self.core.cache.join(fetch.slot, visit.now_ms()) {
                drop(self.apart(outgoing, key, fetch, ticket));
            }
            return used(&entry, Use::StaleWhile);
        }
        let soft = fetch.stale_on_error().map(|_| {
            let soft = Duration::from_millis(self.core.heads.soft_timeout_ms());
            Instant::now() + soft
        });
        let deadline = soft.unwrap_or_else(|| Instant::now() + self.core.settings.fill_wait);
        let turn = turn(&self.core, key, asked, &mut fetch, deadline).await;
        let old = fetch.stale_on_error().cloned();
        let lost = fetch.stale().cloned();
        let collapsed = (Use::Collapsed, Some(fetch.fwd));
        // What comes was asked for as a whole, whatever the client wants of it.
        let mut whole = terms.ranged;
        let led = match (turn, soft) {
            (Turn::Share(entry), _) => {
                return self.stored(&entry, collapsed, (&terms, asked), visit);
            }
            (Turn::Read(growing, body), _) => {
                return self
                    .read(&growing, body, (collapsed, visit), (terms, asked))
                    .await;
            }
            (Turn::Late, Some(_)) => None,
            (Turn::Failed(fault), _) => Some(Err(fault.unwrap_or(Fault::NoRegion))),
            (Turn::Lead(ticket), Some(soft)) => {
                let answer = self.apart(outgoing, key, fetch.clone(), ticket);
                match timeout_at(soft, answer).await {
                    Ok(answer) => Some(answer.unwrap_or(Err(Fault::NoRegion))),
                    Err(_) => None,
                }
            }
            (Turn::Lead(ticket), None) => {
                let (led, all) = self.lead_whole(outgoing, key, &fetch, ticket).await;
                whole = all;
                Some(led)
            }
            (Turn::Alone | Turn::Late, _) => {
                whole = false;
                Some(self.lead(outgoing, key, &fetch, None, false).await)
            }
        };
        match (led, old, lost) {
            (None, Some(old), _) => used(&old, Use::StaleSlow),
            (Some(Err(_)), Some(old), _) => used(&old, Use::StaleError),
            (Some(Ok(got)), Some(old), _) if is_failure(got.response.status()) => {
                used(&old, Use::StaleError)
            }
            (Some(Err(Fault::NoRegion | Fault::Overloaded)), None, Some(lost)) => {
                used(&lost, Use::Stale)
            }
            (Some(Ok(led)), ..) if whole => self.cut_led(outgoing, key, &fetch, led).await,
            (Some(Ok(obtained)), ..) => obtained,
            (Some(Err(fault)), ..) => refused(fault, outgoing.request_id),
            (None, None, _) => refused(Fault::Timeout, outgoing.request_id),
        }
    }

    /// Fetches and keeps an answer in a task of its own, which goes on when nobody waits for it.
    fn apart(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        mut fetch: Fetch,
        ticket: Ticket,
    ) -> oneshot::Receiver<Result<Obtained, Fault>> {
        let (tell, told) = oneshot::channel();
        let (pop, key) = (self.again(), key.to_owned());
        let mut parts = outgoing.parts.clone();
        // What is fetched for everybody is not asked for on one client's terms.
        parts.method = Method::GET;
        parts.headers.remove(IF_NONE_MATCH);
        parts.headers.remove(IF_MODIFIED_SINCE);
        parts.headers.remove(RANGE);
        parts.headers.remove(IF_RANGE);
        fetch.terms.ranged = false;
        fetch.terms.head = false;
        fetch.terms.conditional = false;
        let request_id = outgoing.request_id.to_owned();
        let (number, client, https) = (outgoing.number, outgoing.client, outgoing.https);
        let work = async move {
            let validator = fetch.validator();
            let outgoing = Outgoing {
                parts: &parts,
                validator: validator.as_ref(),
                request_id: &request_id,
                number,
                client,
                https,
                relayed_to: None,
            };
            let led = pop
                .lead(outgoing, key.borrow(), &fetch, Some(ticket), true)
                .await;
            // Nobody may be waiting any more.
            drop(tell.send(led));
        };
        drop(self.core.drain.spawn(work));
        told
    }

    /// Gets an answer from a region and keeps it, in any case if it is `wanted`, or else while
    /// somebody reads it.
    pub(crate) async fn lead(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        fetch: &Fetch,
        ticket: Option<Ticket>,
        wanted: bool,
    ) -> Result<Obtained, Fault> {
        let asked_ms = self.core.clock.now_ms();
        match self.ask(outgoing, fetch).await {
            Ok((outgoing, forwarded)) => {
                let took_ms = self.core.clock.now_ms().saturating_sub(asked_ms);
                self.core.heads.observe(took_ms);
                let forwarded = self.tidy(forwarded);
                Ok(self.keep(outgoing, key, (fetch, ticket, wanted), forwarded, took_ms))
            }
            Err(fault) => {
                if let Some(ticket) = ticket {
                    ticket.failed(Some(fault));
                }
                Err(fault)
            }
        }
    }

    /// Asks a region; once more without the cache's own condition if the region confirms what is
    /// not stored.
    async fn ask<'a>(
        &self,
        outgoing: Outgoing<'a>,
        fetch: &Fetch,
    ) -> Result<(Outgoing<'a>, Forwarded), Fault> {
        let forwarded = self.forwarder.forward(outgoing, Body::empty()).await?;
        let about_other = outgoing.validator.is_some()
            && forwarded.response.status() == StatusCode::NOT_MODIFIED
            && fetch
                .old
                .as_ref()
                .is_some_and(|old| !confirms(forwarded.response.headers(), &old.headers));
        if !about_other {
            return Ok((outgoing, forwarded));
        }
        let outgoing = Outgoing {
            validator: None,
            ..outgoing
        };
        let forwarded = self.forwarder.forward(outgoing, Body::empty()).await?;
        Ok((outgoing, forwarded))
    }

    fn keep(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        (fetch, ticket, wanted): (&Fetch, Option<Ticket>, bool),
        forwarded: Forwarded,
        delay_ms: u64,
    ) -> Obtained {
        let Forwarded {
            mut response,
            region,
            hedge,
        } = forwarded;
        let status = response.status();
        let mut codable = None;
        if let Some(old) = &fetch.old
            && outgoing.validator.is_some()
            && status == StatusCode::NOT_MODIFIED
        {
            response = refreshed(old, response.headers());
            codable = old.codable.clone();
        }
        let (mut head, body) = response.into_parts();
        let now_ms = self.core.clock.now_ms();
        let authorized = fetch.terms.authorized;
        let (body, kept) = if fetch.terms.head {
            if head.status == StatusCode::OK {
                let request = &outgoing.parts.headers;
                self.core.cache.compare(key, request, &head.headers);
            }
            (body, None)
        } else {
            let arrival = Arrival {
                at: SystemTime::now(),
                delay_ms,
                authorized,
            };
            let answer = Answer {
                key,
                request: &outgoing.parts.headers,
                status: head.status,
                headers: &head.headers,
                arrival,
                single: &SINGLE,
                now_ms,
                stamp: fetch.stamp,
                moment: fetch.moment,
                host: fetch.host.clone(),
                codable,
            };
            match self.core.cache.keep(&answer, ticket, body, wanted) {
                Kept::Now(body, kept) => (body, Some(kept)),
                Kept::Growing(body, pump) => {
                    self.run(pump, fetch);
                    (body, Some(Ok(())))
                }
            }
        };
        let bytes = body.size_hint().exact();
        let cache = &self.core.cache;
        if kept == Some(Ok(())) && cache.may_code(head.status, &head.headers, bytes) {
            add_vary(&mut head.headers);
        }
        let unkept = kept.is_some_and(|kept| kept.is_err());
        let line = self.core.status_line.forwarded(fetch.fwd, status, kept);
        head.extensions.clear();
        let response = Response::from_parts(head, body);
        let forwarded = Forwarded {
            response,
            region,
            hedge,
        };
        let mut obtained = self.finish(forwarded, line, fetch.fwd);
        obtained.unkept = unkept;
        obtained
    }

    /// Reads a fill to its end, apart from the request that began it.
    fn run(&self, pump: BoxFuture<'static, ()>, fetch: &Fetch) {
        let permit = fetch.permit.clone();
        drop(self.core.drain.spawn(async move {
            pump.await;
            drop(permit);
        }));
    }

    /// What every answer of a region needs before it is stored or sent.
    fn tidy(&self, mut forwarded: Forwarded) -> Forwarded {
        let headers = forwarded.response.headers_mut();
        strip_hop_by_hop(headers);
        headers.append(VIA, self.core.via.clone());
        forwarded
    }

    fn finish(&self, forwarded: Forwarded, line: HeaderValue, fwd: Fwd) -> Obtained {
        let Forwarded {
            mut response,
            region,
            hedge,
        } = forwarded;
        response.headers_mut().remove(SINGLE_USE);
        response.headers_mut().append(CACHE_STATUS, line);
        self.debug(response.headers_mut(), Some(region.as_str()));
        Obtained {
            response,
            verdict: Verdict::Forwarded(fwd),
            region: Some(region),
            hedge,
            unkept: false,
        }
    }

    pub(crate) fn stored(
        &self,
        entry: &Entry,
        why: (Use, Option<Fwd>),
        asked: (&Terms, &HeaderMap),
        visit: &Visit,
    ) -> Obtained {
        let shown = self.show(entry, asked.0, asked.1);
        let now_ms = self.core.clock.now_ms();
        let (response, why) = self.reply((entry, shown), why, asked, (visit, now_ms));
        Obtained {
            response,
            verdict: Verdict::Used(why),
            region: None,
            hedge: None,
            unkept: false,
        }
    }
}

pub(crate) fn refused(fault: Fault, request_id: &str) -> Obtained {
    let response = answer(fault, request_id);
    Obtained {
        response,
        verdict: Verdict::Refused(fault),
        region: None,
        hedge: None,
        unkept: false,
    }
}
