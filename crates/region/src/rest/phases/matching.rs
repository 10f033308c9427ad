//! Phase: from method and path to the resource's method, and the parameters that the client gave
//! (docs/aws-behaviour.md). The plan decides.

use lang::rest_path;
use model::rest::GatewayResponseType;

use crate::{
    fault::Fault,
    rest::{Exchange, Refusal},
};

/// Finds the method and decodes the parameters of path and query.
pub(crate) fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    // Read even for what is refused: gateway responses may name parameters.
    let query = exchange.uri.query().unwrap_or_default();
    let query = rest_path::query(query)
        .map(|pairs| exchange.parameters.querystring = pairs)
        .map_err(|error| {
            Refusal::bad_request("Bad Request", "bad_query").saying(error.to_string())
        });
    let path = exchange.found.path;
    let matched = exchange.deployment.find(exchange.method.as_str(), path);
    let Some(matched) = matched else {
        // Amazon cannot tell a path that is not there from a request that should be signed.
        let kind = GatewayResponseType::MissingAuthenticationToken;
        return Err(Refusal::of(kind, "no_method").into());
    };
    let captured = matched.captured.iter();
    exchange.parameters.path = captured
        .map(|one| (one.name.to_owned(), rest_path::decode(one.raw)))
        .collect();
    exchange.matched = Some(matched);
    Ok(query?)
}
