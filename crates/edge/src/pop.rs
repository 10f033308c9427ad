//! The life of a request at a POP: host, cache, forward, answer.
//!
//! A fresh hit is answered without an asynchronous step, so that it costs a look-up and a copy of
//! a header map. The rest is in `fetch`.

use std::sync::Arc;
use std::time::Instant;

use http::header::{EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use model::Revision;
use plan::edge::EdgeHost;
use serve::{BoxFuture, Conn, Handler, Request, Response, Scheme, strip_hop_by_hop};

use crate::answer::{Fault, REQUEST_ID, answer, id_value};
use crate::cache::{Entry, Fwd, Key, Shown, Terms, Use, from_entry};
use crate::fetch::Obtained;
use crate::forward::{Forwarder, Outgoing};
use crate::ident::Ids;
use crate::marks::{self, Lookup};
use crate::metrics::Hedge;
use crate::paths::Paths;
use crate::record::{Line, Verdict, record};
use crate::shared::Shared;
use crate::turn::Fetch;

/// What REST APIs call a request, and its other name.
const REST_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
/// Names the POP and the region to whoever debugs.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The handler of one worker.
#[derive(Debug)]
pub(crate) struct Pop {
    pub(crate) core: Arc<Shared>,
    pub(crate) forwarder: Forwarder,
    ids: Ids,
}

/// A request that has begun.
pub(crate) struct Visit {
    conn: Arc<Conn>,
    id: String,
    number: u64,
    started: Instant,
    now_ms: u64,
}

/// What is to be done about a request.
enum Step {
    /// Nothing more.
    Done(Response, Verdict),
    /// It goes to a region.
    Forward(Arc<EdgeHost>, Want),
}

/// What a forwarded request has to do with the cache.
enum Want {
    /// Nothing.
    Pass(Fwd),
    /// Its answer may be stored.
    Fetch(Fetch),
}

impl Handler for Pop {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        let started = Instant::now();
        self.core.latency.note(&conn, &self.core.metrics);
        let number = self.ids.number();
        let now_ms = self.core.clock.ms_at(started);
        let visit = Visit {
            conn,
            id: self.ids.id(number),
            number,
            started,
            now_ms,
        };
        match self.enter(&request, &visit) {
            Step::Done(response, verdict) => {
                let host = host_of(request.headers()).unwrap_or_default();
                let (method, path) = (request.method(), request.uri().path());
                self.record(
                    &visit,
                    (method, host, path),
                    (None, None),
                    verdict,
                    &response,
                );
                Box::pin(std::future::ready(response))
            }
            Step::Forward(host, want) => Box::pin(self.visit(request, visit, host, want)),
        }
    }
}

impl Visit {
    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }
}

impl Pop {
    /// The same worker's handler, for work that outlives a request.
    pub(crate) fn again(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            forwarder: self.forwarder.clone(),
            ids: Ids::new(),
        }
    }

    pub(crate) fn new(core: Arc<Shared>, paths: Arc<Paths>) -> Self {
        let forwarder = Forwarder::new(Arc::clone(&core), paths);
        Self {
            core,
            forwarder,
            ids: Ids::new(),
        }
    }

    /// Everything that can be decided at once.
    fn enter(&self, request: &Request, visit: &Visit) -> Step {
        let refuse = |fault| Step::Done(answer(fault, &visit.id), Verdict::Refused(fault));
        let headers = request.headers();
        let plan = self.core.plan.load();
        if plan.revision() == Revision(0) {
            return refuse(Fault::NotReady);
        }
        let name = host_of(headers);
        let Some((name, host)) = name.and_then(|name| Some((name, plan.find(name)?))) else {
            return refuse(Fault::UnknownHost);
        };
        if host.disabled {
            return refuse(Fault::DisabledEndpoint);
        }
        let method = request.method();
        if matches!(*method, Method::CONNECT | Method::TRACE) {
            return refuse(Fault::Method);
        }
        let (query, has_body) = (request.uri().query(), !request.body().is_empty());
        let terms = match Terms::of(method, query, headers, has_body) {
            Ok(terms) => terms,
            Err(why) => return Step::Forward(Arc::clone(host), Want::Pass(Fwd::Bypass(why))),
        };
        let key = key(host, name, &visit.conn, request.uri());
        let (stamp, moment) = (self.core.cache.stamp(), self.core.cache.moment());
        let found = self.core.cache.find(key, headers);
        let fwd = match &found.entry {
            Some(entry) => match terms.accept(entry, visit.now_ms) {
                Ok(()) => {
                    let shown = self.show(entry, &terms, headers);
                    if !shown.refused {
                        let asked = (&terms, headers);
                        let (response, why) = self.reply(
                            (entry, shown),
                            (Use::Hit, None),
                            asked,
                            (visit, visit.now_ms),
                        );
                        return Step::Done(response, Verdict::Used(why));
                    }
                    Fwd::Request
                }
                Err(fwd) => fwd,
            },
            None if found.varies => Fwd::VaryMiss,
            None => Fwd::UriMiss,
        };
        if terms.control.only_if_cached {
            return refuse(Fault::NotCached);
        }
        let old = found.entry.filter(|_| fwd == Fwd::Stale);
        let stale = |allowed: &dyn Fn(&Entry) -> bool| {
            // Who says how old an answer may be means it.
            let exact = terms.control.max_age.is_some() || terms.control.min_fresh.is_some();
            !exact && old.as_deref().is_some_and(allowed)
        };
        let (now_ms, asked) = (visit.now_ms, terms.control.stale_if_error);
        let fetch = Fetch {
            terms,
            fwd,
            slot: found.slot,
            stale_allowed: stale(&|old| old.may_be_stale(now_ms, self.core.stale_ms_max())),
            stale_on_error: stale(&|old| old.may_be_used_on_error(now_ms, asked)),
            stale_while: stale(&|old| old.over_ms(now_ms) < old.stale_while_ms),
            old,
            host: Some(Arc::clone(host)),
            stamp,
            moment,
            permit: None,
        };
        Step::Forward(Arc::clone(host), Want::Fetch(fetch))
    }

    async fn visit(
        &self,
        request: Request,
        visit: Visit,
        host: Arc<EdgeHost>,
        want: Want,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        let name = host_of(&parts.headers).unwrap_or_default().to_owned();
        strip_hop_by_hop(&mut parts.headers);
        // The server has answered it by reading the body.
        parts.headers.remove(EXPECT);
        let key = key(&host, &name, &visit.conn, &parts.uri);
        let validator = match &want {
            Want::Pass(_) => None,
            Want::Fetch(fetch) => fetch.validator(),
        };
        let outgoing = Outgoing {
            validator: validator.as_ref(),
            parts: &parts,
            request_id: &visit.id,
            number: visit.number,
            client: visit.conn.peer,
            https: visit.conn.scheme() == Scheme::Https,
            relayed_to: None,
        };
        let obtained = match want {
            Want::Pass(fwd) => self.pass(outgoing, body, key, fwd).await,
            Want::Fetch(fetch) => self.fetch(outgoing, key, fetch, &visit).await,
        };
        let Obtained {
            response,
            verdict,
            region,
            hedge,
            ..
        } = obtained;
        let line = (&parts.method, name.as_str(), parts.uri.path());
        let region = region.as_ref().map(model::RegionName::as_str);
        self.record(&visit, line, (region, hedge), verdict, &response);
        response
    }

    /// What a request is shown of a stored answer; has a coded body made if there is none yet.
    pub(crate) fn show(&self, entry: &Entry, terms: &Terms, headers: &HeaderMap) -> Shown {
        let mut shown = self.core.cache.show(entry, terms, headers);
        if let Some(work) = shown.work.take() {
            drop(self.core.drain.spawn(work));
        }
        shown
    }

    /// An answer from a stored one, as it is at `now_ms`.
    pub(crate) fn reply(
        &self,
        (entry, shown): (&Entry, Shown),
        why: (Use, Option<Fwd>),
        asked: (&Terms, &HeaderMap),
        (visit, now_ms): (&Visit, u64),
    ) -> (Response, Use) {
        let line = &self.core.status_line;
        let (mut response, why) = from_entry(entry, why, asked, shown.coded, line, now_ms);
        let (status, id) = (response.status(), id_value(&visit.id));
        let headers = response.headers_mut();
        if entry.headers.contains_key(marks::WANTED) {
            let uuid = self.ids.uuid(visit.number);
            headers.insert(REST_REQUEST_ID, id_value(&uuid));
            headers.insert(EXTENDED_ID, id);
            marks::put(
                headers,
                (Lookup::of_use(why), status),
                &self.core,
                &visit.id,
            );
        } else {
            headers.insert(REQUEST_ID, id);
        }
        self.debug(response.headers_mut(), None);
        (response, why)
    }

    pub(crate) fn debug(&self, headers: &mut HeaderMap, region: Option<&str>) {
        if !self.core.settings.debug_headers {
            return;
        }
        let pop = &self.core.settings.pop;
        let region = region.map(|region| format!(", region;desc=\"{region}\""));
        let text = format!("pop;desc=\"{pop}\"{}", region.unwrap_or_default());
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.append(SERVER_TIMING, value);
        }
    }

    fn record(
        &self,
        visit: &Visit,
        (method, host, path): (&Method, &str, &str),
        (region, hedge): (Option<&str>, Option<Hedge>),
        verdict: Verdict,
        response: &Response,
    ) {
        let took = visit.started.elapsed();
        let (request_id, region) = (visit.id.as_str(), region.unwrap_or("-"));
        let line = Line {
            request_id,
            method,
            host,
            path,
            region,
            hedge: hedge.map_or("-", Hedge::as_str),
            took,
        };
        record(&self.core.metrics, &visit.conn, line, verdict, response);
    }
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

fn key<'a>(host: &EdgeHost, name: &'a str, conn: &Conn, uri: &'a Uri) -> Key<'a> {
    Key {
        generation: host.generation,
        https: conn.scheme() == Scheme::Https,
        host: name,
        path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()),
    }
}
