//! Phase: from host and path to stage and route (docs/aws-behaviour.md). The plan decides.

use crate::{exchange::Exchange, fault::Fault};

/// Finds the stage.
pub(crate) fn find_stage(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let host = exchange.host();
    if host.is_empty() {
        return Err(Fault::BadHost);
    }
    let found = exchange
        .plan
        .find(exchange.facts.entrance, host, exchange.uri.path());
    exchange.found = Some(found.map_err(Fault::Miss)?);
    Ok(())
}

/// Finds the route of that stage.
pub(crate) fn find_route(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let found = exchange.found.as_ref().ok_or(Fault::NoRoute)?;
    let route = found.stage.route(exchange.method.as_str(), found.path);
    exchange.route = Some(route.ok_or(Fault::NoRoute)?);
    Ok(())
}
