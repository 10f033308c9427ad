//! The life of a request in a region: the phases in order, and nothing but the order.
//!
//! Both entrances (POPs over the link, the region's own listener) run this one list. A phase is one
//! file with one function over the `Exchange`; it lets the request go on, answers it, or fails with
//! a `Fault`. Where a phase stands is part of the design, so each line says why it stands there.

use http::HeaderValue;
use plan::region::{Entrance, Miss};
use serve::Response;
use tracing::{Instrument as _, Span, debug_span};

use crate::{
    answer,
    exchange::Exchange,
    fault::Fault,
    phases::{authorize, cors, integrate, map_request, map_response, route},
    rest,
    upstream::Upstreams,
};

/// How a request ended.
pub(crate) struct Outcome {
    pub(crate) response: Response,
    pub(crate) fault: Option<Fault>,
}

/// Takes a request through all phases. If dropped, the backend's call is dropped too.
pub(crate) async fn run(exchange: &mut Exchange<'_>, upstreams: &Upstreams) -> Outcome {
    // First the stage, because everything behind it is configured there.
    let found = phase("stage").in_scope(|| route::find_stage(exchange));
    match found {
        Err(Fault::Miss(Miss::Health)) => {
            return Outcome {
                response: rest::health(),
                fault: None,
            };
        }
        Err(fault @ Fault::Miss(Miss::UnknownRestPath)) => {
            return rest::unknown(fault, exchange.facts, &exchange.headers);
        }
        Ok(()) | Err(_) => {}
    }
    // REST APIs have phases of their own from here on.
    if let Some(found) = exchange.found
        && let Some(stage) = found.stage.rest()
    {
        let mut own = rest::Exchange::new(exchange, found, stage);
        let outcome = rest::run(&mut own, upstreams).await;
        exchange.rest = Some(own.note(outcome.response.status()));
        return outcome;
    }
    let (mut response, fault) = match phases(exchange, upstreams, found).await {
        Ok(response) => (response, None),
        Err(fault) => (answer::answer(&fault), Some(fault)),
    };
    // Errors need them too: a script may only read a 404 that carries them.
    cors::decorate(exchange, response.headers_mut());
    // What one was let in for is not for others, nor is what one was told who was not.
    let guarded = exchange.route.is_some_and(|route| route.guard().is_some());
    if guarded && exchange.facts.entrance == Entrance::Pop {
        response
            .headers_mut()
            .insert(rest::SINGLE_USE, HeaderValue::from_static("?1"));
    }
    if let Ok(id) = HeaderValue::from_str(&exchange.facts.request_id) {
        response.headers_mut().insert(answer::REQUEST_ID, id);
    }
    Outcome { response, fault }
}

async fn phases(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    found: Result<(), Fault>,
) -> Result<Response, Fault> {
    found?;
    // A preflight needs no route and no permission: browsers send it without credentials.
    if let Some(preflight) = phase("preflight").in_scope(|| cors::preflight(exchange)) {
        return Ok(preflight);
    }
    // The route, because permissions, limits and integrations belong to routes.
    phase("route").in_scope(|| route::find_route(exchange))?;
    // Who asks, because nothing unauthorised costs a backend.
    authorize::run(exchange, upstreams.issuers())
        .instrument(phase("authorize"))
        .await?;
    let call = phase("map_request").in_scope(|| map_request::map(exchange))?;
    let integrating = integrate::call(exchange, upstreams, call);
    let response = integrating.instrument(phase("integrate")).await?;
    Ok(map_response::map(response))
}

/// The span of one phase, inside its request's; free unless debug spans are on.
fn phase(name: &'static str) -> Span {
    debug_span!("phase", name)
}
