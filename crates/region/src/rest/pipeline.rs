//! The life of a request to a REST API: the phases in order, and nothing but the order.
//!
//! Each line says why its phase stands where it does; the order is Amazon's, and clients can see
//! it. A phase is one file with one function over the `Exchange`; it lets the request go on,
//! answers it, or fails with a `Fault` that `answer.rs` puts into the words of the API's owner.

use http::HeaderMap;
use serve::{Body, Response};
use tracing::{Instrument as _, Span, debug_span};

use super::{
    Exchange, execution_log,
    ids::Ids,
    phases::{
        authorize, cache, convert, cors, finish, integrate, key, map_request, map_response,
        matching, pack, policy, throttle, unpack, validate,
    },
    trace,
};
use crate::{answer, exchange::Facts, fault::Fault, pipeline::Outcome, upstream::Upstreams};

/// Takes a request through all phases. If dropped, the backend's call is dropped too.
pub(crate) async fn run(exchange: &mut Exchange<'_>, upstreams: &Upstreams) -> Outcome {
    let (mut response, fault) = match phases(exchange, upstreams).await {
        Ok(response) => (response, None),
        Err(fault) => {
            let mut response = answer::rest(&fault, exchange);
            cors::decorate(exchange, response.headers_mut());
            (response, Some(fault))
        }
    };
    finish::run(exchange, &mut response);
    trace::concludes(exchange, &response, fault.as_ref());
    Outcome { response, fault }
}

async fn phases(exchange: &mut Exchange<'_>, upstreams: &Upstreams) -> Result<Response, Fault> {
    // First the method, because everything behind it is configured there.
    phase("match").in_scope(|| matching::run(exchange))?;
    execution_log::begin(exchange);
    trace::request(exchange);
    // The policy, because it may refuse whoever asks without asking anybody.
    phase("policy").in_scope(|| policy::run(exchange))?;
    // Whoever decides by who asks; a function may be asked, so it comes behind what costs nothing.
    authorize::run(exchange, upstreams)
        .instrument(phase("authorize"))
        .await?;
    // The key, because an authorizer may be who finds it.
    phase("key").in_scope(|| key::run(exchange))?;
    // Rates and quotas before anything is read: what is over a limit costs next to nothing.
    throttle::run(exchange)
        .instrument(phase("throttle"))
        .await?;
    // Models are about what was compressed, and so are templates.
    unpack::run(exchange).instrument(phase("unpack")).await?;
    // Before the cache and the backend, so that they only see requests that the owner expects.
    validate::run(exchange)
        .instrument(phase("validate"))
        .await?;
    // Behind all that asks who it is and what they sent; what is kept costs the backend nothing.
    let looking = cache::look(exchange, upstreams.answers());
    let response = match looking.instrument(phase("cache")).await? {
        cache::Looked::Kept(response) => response,
        cache::Looked::Ask(wanted) => {
            let response = ask(exchange, upstreams).await?;
            let keeping = cache::keep(exchange, upstreams.answers(), wanted, response);
            keeping.instrument(phase("cache_keep")).await?
        }
    };
    // What the integration response says applies to what the template made.
    let converting = convert::answer(exchange, response);
    let response = converting.instrument(phase("convert_answer")).await?;
    // The last, because it is about bytes on the wire.
    Ok(pack::run(exchange, response)
        .instrument(phase("pack"))
        .await)
}

/// The phases between the cache and the backend, both ways.
async fn ask(exchange: &mut Exchange<'_>, upstreams: &Upstreams) -> Result<Response, Fault> {
    let converting = convert::request(exchange);
    converting.instrument(phase("convert_request")).await?;
    let mapping = map_request::run(exchange);
    let call = mapping.instrument(phase("map_request")).await?;
    let integrating = integrate::run(exchange, upstreams, call);
    let answered = integrating.instrument(phase("integrate")).await?;
    let mapping = map_response::run(exchange, answered);
    mapping.instrument(phase("map_response")).await
}

/// Finds the method alone, for who tries an authorizer.
pub(crate) fn matched(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    matching::run(exchange)?;
    trace::request(exchange);
    Ok(())
}

/// The answer where a REST API has no stage for the path, or no default endpoint: nothing of the
/// API's is known, so nobody but the gateway can word it.
pub(crate) fn unknown(fault: Fault, facts: &Facts, asked: &HeaderMap) -> Outcome {
    let mut response = answer::answer(&fault);
    finish::identify(&Ids::of(asked, 0), facts, response.headers_mut());
    Outcome {
        response,
        fault: Some(fault),
    }
}

/// What Amazon's own health checks get at `/ping` and `/sping`.
pub(crate) fn health() -> Response {
    Response::new(Body::full("healthy"))
}

/// The span of one phase, inside its request's; free unless debug spans are on.
fn phase(name: &'static str) -> Span {
    debug_span!("phase", name)
}
