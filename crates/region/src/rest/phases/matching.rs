//! Phase: from method and path to the resource's method (docs/aws-behaviour.md). The plan decides.

use model::rest::GatewayResponseType;

use crate::{
    fault::Fault,
    rest::{Exchange, Refusal},
};

/// Finds the method.
pub(crate) fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let path = exchange.found.path;
    let matched = exchange.deployment.find(exchange.method.as_str(), path);
    if matched.is_none() {
        // Amazon cannot tell a path that is not there from a request that should be signed.
        let kind = GatewayResponseType::MissingAuthenticationToken;
        return Err(Refusal::of(kind, "no_method").into());
    }
    exchange.matched = matched;
    Ok(())
}
