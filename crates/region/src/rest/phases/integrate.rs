//! Phase: the backend is called and the head of its answer awaited, within the time-out.

use std::time::{Duration, Instant};

use http::StatusCode;
use plan::region::rest::HttpBackend;
use serve::{Body, Request, Response};
use tracing::{Instrument as _, debug_span};

use super::{aggregate, aws, function, map_request::Call};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, body, trace},
    upstream::{UpstreamError, Upstreams},
};

/// What an integration answered.
pub(crate) struct Answered {
    /// What selection patterns are matched against.
    pub(crate) selector: String,
    /// The backend's answer; empty for a mock.
    pub(crate) response: Response,
    /// It is passed through, without integration responses.
    pub(crate) is_proxy: bool,
    /// It is the client's answer already.
    pub(crate) is_final: bool,
}

/// Calls the backend. If dropped, so is the call.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    call: Call<'_>,
) -> Result<Answered, Fault> {
    match call {
        Call::Mock { status } => Ok(Answered {
            selector: status.to_string(),
            response: Response::new(Body::empty()),
            is_proxy: false,
            is_final: false,
        }),
        Call::Aggregate(plan) => aggregate::run(exchange, upstreams, plan).await,
        Call::Aws { backend, request } => aws::run(exchange, upstreams, backend, *request).await,
        Call::Function(backend) => function::run(exchange, upstreams, backend).await,
        Call::Http { backend, request } => http(exchange, upstreams, backend, *request).await,
    }
}

async fn http(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    backend: &HttpBackend,
    mut request: Request,
) -> Result<Answered, Fault> {
    if backend.origin.via.is_some() {
        let whose = exchange.facts.whose();
        request.extensions_mut().insert(whose);
    }
    trace::sends(exchange, backend, &request);
    let began = Instant::now();
    let span = debug_span!("upstream", host = %backend.origin.host, port = backend.origin.port);
    let calling = upstreams.call(&backend.origin, request).instrument(span);
    let timeout = Duration::from_millis(backend.timeout_ms.into());
    let deadline = exchange.facts.deadline;
    let timeout = deadline.map_or(timeout, |deadline| deadline.min(timeout));
    let result = tokio::time::timeout(timeout, calling).await;
    exchange.integration.time = Some(began.elapsed());
    let response = match result {
        Err(_) => return Err(Refusal::upstream(UpstreamError::TimedOut).into()),
        Ok(Err(UpstreamError::RequestBody(error))) => return Err(body::refused(Some(error))),
        Ok(Err(error)) => return Err(Refusal::upstream(error).into()),
        // We never ask for another protocol, so nobody may switch to one.
        Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            return Err(Refusal::upstream(UpstreamError::Malformed).into());
        }
        Ok(Ok(response)) => response,
    };
    exchange.integration.status = Some(response.status().as_u16());
    let response = trace::receives(exchange, response).await?;
    Ok(Answered {
        selector: response.status().as_str().to_owned(),
        response,
        is_proxy: backend.is_proxy,
        is_final: false,
    })
}
