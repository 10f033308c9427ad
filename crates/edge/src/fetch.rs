//! What a POP does about a request that it cannot answer at once: takes turns with others, sends it
//! to a region, keeps the answer, or falls back to a stale one.

use std::time::SystemTime;

use http::header::VIA;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serve::{Body, Response, strip_hop_by_hop};

use crate::answer::{Fault, REQUEST_ID, answer};
use crate::cache::{Answer, Arrival, CACHE_STATUS, Entry, Fwd, Key, Terms, Ticket, Use, refreshed};
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
            self.core.cache.forget(key);
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
        let headers = &outgoing.parts.headers;
        if let Some(entry) = fetch.stale()
            && self.core.steering.all_lost()
        {
            return self.stored(entry, (Use::Stale, None), (&fetch.terms, headers), visit);
        }
        let ticket = match turn(&self.core, key, headers, &mut fetch).await {
            Turn::Lead(ticket) => Some(ticket),
            Turn::Alone => None,
            Turn::Share(entry) => {
                let why = (Use::Collapsed, Some(fetch.fwd));
                return self.stored(&entry, why, (&fetch.terms, headers), visit);
            }
        };
        let asked_ms = self.core.clock.now_ms();
        let forwarded = match self.forwarder.forward(outgoing, Body::empty()).await {
            Ok(forwarded) => self.tidy(forwarded),
            Err(fault) => {
                if let Some(ticket) = ticket {
                    ticket.release();
                }
                let stale = fetch
                    .stale()
                    .filter(|_| matches!(fault, Fault::NoRegion | Fault::Overloaded));
                return match stale {
                    Some(entry) => {
                        self.stored(entry, (Use::Stale, None), (&fetch.terms, headers), visit)
                    }
                    None => refused(fault, outgoing.request_id),
                };
            }
        };
        self.keep(outgoing, key, (&fetch, ticket), forwarded, asked_ms)
    }

    fn keep(
        &self,
        outgoing: Outgoing<'_>,
        key: Key<'_>,
        (fetch, ticket): (&Fetch, Option<Ticket>),
        forwarded: Forwarded,
        asked_ms: u64,
    ) -> Obtained {
        let Forwarded {
            mut response,
            region,
            hedge,
        } = forwarded;
        let status = response.status();
        if let Some(old) = &fetch.old
            && outgoing.validator.is_some()
            && status == StatusCode::NOT_MODIFIED
        {
            response = refreshed(old, response.headers());
        }
        let (mut head, body) = response.into_parts();
        let now_ms = self.core.clock.now_ms();
        let delay_ms = now_ms.saturating_sub(asked_ms);
        let authorized = fetch.terms.authorized;
        let (body, kept) = if fetch.terms.head {
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
            };
            let (body, kept) = self.core.cache.keep(&answer, ticket, body);
            (body, Some(kept))
        };
        let line = self.core.status_line.forwarded(fetch.fwd, status, kept);
        head.extensions.clear();
        let response = Response::from_parts(head, body);
        let forwarded = Forwarded {
            response,
            region,
            hedge,
        };
        self.finish(forwarded, line, fetch.fwd)
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
        response.headers_mut().append(CACHE_STATUS, line);
        self.debug(response.headers_mut(), Some(region.as_str()));
        Obtained {
            response,
            verdict: Verdict::Forwarded(fwd),
            region: Some(region),
            hedge,
        }
    }

    fn stored(
        &self,
        entry: &Entry,
        why: (Use, Option<Fwd>),
        asked: (&Terms, &HeaderMap),
        visit: &Visit,
    ) -> Obtained {
        let (response, why) = self.reply(entry, why, asked, visit);
        Obtained {
            response,
            verdict: Verdict::Used(why),
            region: None,
            hedge: None,
        }
    }
}

fn refused(fault: Fault, request_id: &str) -> Obtained {
    let response = answer(fault, request_id);
    Obtained {
        response,
        verdict: Verdict::Refused(fault),
        region: None,
        hedge: None,
    }
}
