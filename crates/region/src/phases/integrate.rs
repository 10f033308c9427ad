//! Phase: the backend is called and the head of its answer awaited, within the time-out.

use std::time::Instant;

use http::StatusCode;
use serve::Response;
use tracing::{Instrument as _, debug_span};

use super::map_request::Call;
use crate::{
    exchange::Exchange,
    fault::Fault,
    upstream::{UpstreamError, Upstreams},
};

/// Calls the backend. If dropped, so is the call.
pub(crate) async fn call(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    mut call: Call<'_>,
) -> Result<Response, Fault> {
    if call.origin.via.is_some() {
        let whose = exchange.facts.whose();
        call.request.extensions_mut().insert(whose);
    }
    let began = Instant::now();
    let span = debug_span!("upstream", host = %call.origin.host, port = call.origin.port);
    let calling = upstreams.call(call.origin, call.request).instrument(span);
    let answer = tokio::time::timeout(call.timeout, calling);
    let result = answer.await;
    exchange.upstream_time = Some(began.elapsed());
    match result {
        Err(_) => Err(Fault::Upstream(UpstreamError::TimedOut)),
        Ok(Err(error)) => Err(Fault::Upstream(error)),
        // We never ask for another protocol, so nobody may switch to one.
        Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Err(Fault::Upstream(UpstreamError::Malformed))
        }
        Ok(Ok(response)) => Ok(response),
    }
}
