//! The two entrances: a region's own listener and POPs over the link. They only differ in where the
//! facts about the client come from; from there on it is one pipeline. What other regions send is
//! no client's request but on its way to a connector.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::header::HOST;
use link::{CallHandler, CallMeta, NodeIdentity, PeerRole, Shed};
use plan::region::{Entrance, RegionPlan};
use serve::{BoxFuture, Conn, Handler, Request, Response};

use crate::{
    answer,
    exchange::{Exchange, Facts},
    fault::Fault,
    forwarded::By,
    phases::route,
    pipeline::{self, Outcome},
    record::Record,
    region::Region,
    request_id,
    trials::Counted,
    upstream::Upstreams,
};

/// What answers requests in one worker: the shared plan and this worker's own connections.
pub(crate) struct Worker {
    region: Arc<Region>,
    upstreams: Upstreams,
}

impl Worker {
    pub(crate) const fn new(region: Arc<Region>, upstreams: Upstreams) -> Self {
        Self { region, upstreams }
    }

    async fn answer(&self, facts: Facts, request: Request) -> Response {
        let (record, in_flight) = Record::begin(self.region.ledger(), &facts, &request);
        if in_flight > self.region.in_flight_max() {
            let mut outcome = refused(&facts, Fault::Overloaded);
            // A POP may send it to another region: nothing has been done about it.
            outcome.response.extensions_mut().insert(Shed);
            return record.answered(None, outcome);
        }
        // One plan from the first phase to the last, whatever is published meanwhile.
        let Some(plan) = self.region.plan() else {
            return record.answered(None, refused(&facts, Fault::NotReady));
        };
        // An endpoint is of one region, and leads nowhere once it has been deleted.
        if let Some(id) = &facts.endpoint {
            let known = plan.private_endpoint(id);
            if known.is_none_or(|known| known.region().as_str() != self.region.name()) {
                return record.answered(None, refused(&facts, Fault::UnknownEndpoint));
            }
        }
        let uri = request.uri().clone();
        let trial = self.trial(&plan, &facts, &request);
        let (plan, counted) = trial.map_or((plan, None), |(plan, counted)| (plan, Some(counted)));
        let began = Instant::now();
        let limits = self.region.limits();
        let mut exchange = Exchange::new(&plan, (&facts, limits), &uri, request);
        exchange.viewers = self.region.viewers();
        let outcome = pipeline::run(&mut exchange, &self.upstreams).await;
        if let Some(counted) = counted {
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            counted.answered(outcome.response.status(), ms);
        }
        record.answered(Some(&mut exchange), outcome)
    }
}

impl Worker {
    /// The version of an API that is being rolled out which this request gets.
    fn trial(
        &self,
        released: &Arc<RegionPlan>,
        facts: &Facts,
        request: &Request,
    ) -> Option<(Arc<RegionPlan>, Counted)> {
        let trials = self.region.running_trials()?;
        let host = request.headers().get(HOST)?.to_str().ok()?;
        let asked = (host, request.headers().get(route::API_ID));
        let place = (self.region.name(), request.uri().path());
        trials.choose(released, facts, asked, place)
    }
}

impl Handler for Worker {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        // Only listeners of private endpoints say by which one a connection came.
        let entrance = match conn.endpoint {
            Some(_) => Entrance::Private,
            None => Entrance::Regional,
        };
        let facts = Facts {
            entrance,
            endpoint: conn.endpoint.clone(),
            client: conn.peer,
            by: By::Address(conn.local),
            https: conn.tls.is_some(),
            request_id: request_id::fresh(),
            deadline: None,
        };
        Box::pin(self.answer(facts, request))
    }
}

impl CallHandler for Worker {
    fn call(
        &self,
        request: Request,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response> {
        if from.role == PeerRole::Region {
            // Not a client's request: another region node has no connector of its own.
            return Box::pin(self.region.connectors().relay(request, meta));
        }
        let facts = Facts {
            entrance: Entrance::Pop,
            endpoint: None,
            client: meta.client,
            by: By::Pop(from.place.clone()),
            https: meta.scheme_https,
            request_id: meta.request_id,
            deadline: Some(Duration::from_millis(meta.deadline_ms.into())),
        };
        Box::pin(async move {
            // The wiring restricts the service too; only POPs vouch for clients' addresses.
            if from.role != PeerRole::Pop {
                let (record, _) = Record::begin(self.region.ledger(), &facts, &request);
                return record.answered(None, refused(&facts, Fault::PeerNotAllowed));
            }
            self.answer(facts, request).await
        })
    }
}

/// An answer to a request that does not reach the pipeline.
fn refused(facts: &Facts, fault: Fault) -> Outcome {
    let mut response = answer::answer(&fault);
    if let Ok(id) = http::HeaderValue::from_str(&facts.request_id) {
        response.headers_mut().insert(answer::REQUEST_ID, id);
    }
    Outcome {
        response,
        fault: Some(fault),
    }
}
