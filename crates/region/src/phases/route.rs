//! Phase: from host and path to stage and route (docs/aws-behaviour.md). The plan decides.

use http::HeaderValue;
use plan::region::{Found, Miss, RegionPlan};

use crate::{
    exchange::{Exchange, Facts},
    fault::Fault,
};

/// Names the API where the host is that of a private endpoint.
pub(crate) const API_ID: &str = "x-apigw-api-id";

/// Finds the stage.
pub(crate) fn find_stage(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let host = exchange.host();
    if host.is_empty() {
        return Err(Fault::BadHost);
    }
    let asked = (host, exchange.headers.get(API_ID));
    let found = find(exchange.plan, exchange.facts, asked, exchange.uri.path());
    exchange.found = Some(found.map_err(Fault::Miss)?);
    Ok(())
}

/// Where a host and the header that may name an API lead, by the door that a request came in.
pub(crate) fn find<'p, 'r>(
    plan: &'p RegionPlan,
    facts: &Facts,
    (host, api): (&str, Option<&HeaderValue>),
    path: &'r str,
) -> Result<Found<'p, 'r>, Miss> {
    let Some(id) = &facts.endpoint else {
        return plan.find(facts.entrance, host, path);
    };
    let endpoint = plan.private_endpoint(id).ok_or(Miss::UnknownHost)?;
    let api = api.and_then(|api| api.to_str().ok());
    plan.find_private(endpoint, (host, api), path)
}

/// Finds the route of that stage.
pub(crate) fn find_route(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let found = exchange.found.as_ref().ok_or(Fault::NoRoute)?;
    let route = found.stage.route(exchange.method.as_str(), found.path);
    exchange.route = Some(route.ok_or(Fault::NoRoute)?);
    Ok(())
}
