//! What remains of a request: counters, and one access log event with the target `access`.
//!
//! A record is finished when the last byte of the answer has left, or when the client has gone, so
//! it travels inside the body. While nobody listens to the target, no text is copied for it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};
use http_body::{Frame, SizeHint};
use plan::region::Entrance;
use serve::{Body, BoxError, Response};

use crate::{
    exchange::{Exchange, Facts},
    fault::Fault,
    load::Load,
    metrics::Metrics,
    pipeline::Outcome,
    rest,
};

/// What all records of a region write to.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) load: Arc<Load>,
}

/// A request that has begun; dropping it ends and records it.
pub(crate) struct Record {
    ledger: Ledger,
    entrance: Entrance,
    began: Instant,
    /// None until the answer's head is ready.
    status: Option<StatusCode>,
    bytes: u64,
    broken: bool,
    line: Option<Box<Line>>,
    /// The line of a stage's own log.
    own_line: Option<rest::Line>,
    /// Whether a canary answered; none where the stage is not of a REST API.
    canary: Option<bool>,
}

/// The parts of the access log that are known before the end.
struct Line {
    request_id: String,
    method: Method,
    uri: Uri,
    version: Version,
    source: std::net::IpAddr,
    host: String,
    api: String,
    stage: String,
    route: String,
    /// The UUID by which clients of REST APIs know the request.
    request: String,
    canary: bool,
    replaced_id: bool,
    upstream: Option<Duration>,
    fault: Option<Fault>,
}

/// A body that counts what leaves and records the request when it ends.
struct RecordedBody {
    body: Body,
    record: Record,
}

// === impl Record ===

impl Record {
    /// Begins a request; answers how many are in progress with it.
    pub(crate) fn begin(ledger: &Ledger, facts: &Facts, request: &serve::Request) -> (Self, u32) {
        let in_flight = ledger.load.begin();
        ledger.metrics.in_flight.inc();
        let enabled = tracing::enabled!(target: "access", tracing::Level::INFO);
        let line = enabled.then(|| {
            Box::new(Line {
                request_id: facts.request_id.clone(),
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
                source: facts.client.ip(),
                host: String::new(),
                api: String::new(),
                stage: String::new(),
                route: String::new(),
                request: String::new(),
                canary: false,
                replaced_id: false,
                upstream: None,
                fault: None,
            })
        });
        let record = Self {
            ledger: ledger.clone(),
            entrance: facts.entrance,
            began: Instant::now(),
            status: None,
            bytes: 0,
            broken: false,
            line,
            own_line: None,
            canary: None,
        };
        (record, in_flight)
    }

    /// Notes the answer's head and lets the record travel with the body.
    pub(crate) fn answered(
        mut self,
        mut exchange: Option<&mut Exchange<'_>>,
        outcome: Outcome,
    ) -> Response {
        let Outcome { response, fault } = outcome;
        self.status = Some(response.status());
        self.ledger.load.observe(self.began.elapsed());
        if let Some(rest) = exchange
            .as_mut()
            .and_then(|exchange| exchange.rest.as_mut())
        {
            self.own_line = rest.line.take();
            self.canary = Some(rest.is_canary);
        }
        let exchange = exchange.as_deref();
        if let Some(time) = exchange.and_then(Exchange::upstream_time) {
            self.ledger.metrics.upstream(time);
        }
        if let Some(fault) = &fault {
            self.ledger.metrics.fault(fault);
        }
        if let Some(line) = &mut self.line {
            line.fault = fault;
            if let Some(exchange) = exchange {
                line.note(exchange);
            }
        }
        if response.body().is_empty() {
            // Nothing more will leave; the record ends here.
            return response;
        }
        response.map(|body| Body::wrap(RecordedBody { body, record: self }))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.ledger.load.end();
        self.ledger.metrics.in_flight.dec();
        let time = self.began.elapsed();
        match self.status {
            Some(status) => self.ledger.metrics.ended(self.entrance, status, time),
            None => self.ledger.metrics.aborted(),
        }
        if let (Some(canary), Some(status)) = (self.canary, self.status) {
            self.ledger.metrics.deployment_served(canary, status);
        }
        if let Some(line) = self.own_line.take() {
            let line = line.end(self.bytes, time);
            let canary = self.canary == Some(true);
            tracing::info!(target: "access::stage", canary, "{line}");
        }
        if let Some(line) = self.line.take() {
            line.write(self, time);
        }
    }
}

impl Line {
    fn note(&mut self, exchange: &Exchange<'_>) {
        exchange.host().clone_into(&mut self.host);
        if let Some(found) = &exchange.found {
            found.api.id().as_str().clone_into(&mut self.api);
            found.stage.name().as_str().clone_into(&mut self.stage);
        }
        if let Some(route) = exchange.route {
            (**route.key()).clone_into(&mut self.route);
        }
        if let Some(rest) = &exchange.rest {
            self.request.clone_from(&rest.request_id);
            self.canary = rest.is_canary;
            self.replaced_id = rest.replaced_id;
            if let Some(method) = &rest.method {
                (**method).clone_into(&mut self.route);
            }
        }
        self.upstream = exchange.upstream_time();
    }

    /// One event; the names of its fields are fixed here. Missing texts are `-`, as in API
    /// Gateway's access logs.
    fn write(&self, record: &Record, time: Duration) {
        fn or_dash(text: &str) -> &str {
            if text.is_empty() { "-" } else { text }
        }
        let fault = match (&self.fault, record.status) {
            (Some(fault), _) => fault.reason(),
            (None, None) => "client_aborted",
            (None, Some(_)) if record.broken => "body_cut_off",
            (None, Some(_)) => "-",
        };
        tracing::info!(
            target: "access",
            request_id = %self.request_id,
            request_uuid = or_dash(&self.request),
            canary = self.canary,
            // The words of Amazon's log.
            request_uuid_status = self.replaced_id.then_some("UUID_REPLACED_INVALID_REQUEST_ID"),
            api = or_dash(&self.api),
            stage = or_dash(&self.stage),
            route = or_dash(&self.route),
            method = %self.method,
            host = or_dash(&self.host),
            path = self.uri.path(),
            protocol = ?self.version,
            status = record.status.map_or(0, |status| status.as_u16()),
            bytes = record.bytes,
            latency_ms = time.as_secs_f64() * 1e3,
            integration_latency_ms = self.upstream.map(|time| time.as_secs_f64() * 1e3),
            source_ip = %self.source,
            fault,
            blame = self.fault.as_ref().map(|fault| fault.blame().as_str()),
            retry = self.fault.as_ref().map(|fault| fault.retry().as_str()),
            detail = self.fault.as_ref().map(Fault::detail),
        );
    }
}

// === impl RecordedBody ===

impl http_body::Body for RecordedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(Some(Err(_))) => this.record.broken = true,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
