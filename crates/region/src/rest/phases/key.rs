//! Phase: the API key, and the usage plan by which it opens the stage (docs/aws-behaviour.md).
//!
//! Only methods that want a key look at it. How much the plan allows is checked behind, in
//! `throttle`.

use model::rest::{ApiKeySource, GatewayResponseType};
use serde_json::Value;

use crate::{
    fault::Fault,
    limits::claims::Bearer,
    rest::{Exchange, Refusal},
};

const HEADER: &str = "x-api-key";
/// What an authorizer's answer calls the key that it has found.
const FROM_AUTHORIZER: &str = "usageIdentifierKey";

/// Finds the bearer of the request's key, where the method wants one.
pub(crate) fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    if !exchange.matched()?.method.source.settings.api_key_required {
        return Ok(());
    }
    let value = match exchange.deployment.source().api_key_source {
        ApiKeySource::Header => exchange.header(HEADER).map(str::to_owned),
        ApiKeySource::Authorizer => from_authorizer(exchange),
    };
    let forbidden = |reason| Refusal::of(GatewayResponseType::InvalidApiKey, reason);
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Err(forbidden("api_key_missing").into());
    };
    let plan = exchange.plan;
    let known = plan.keys().find(&value);
    exchange.identity.api_key = Some(value);
    let Some(known) = known else {
        return Err(forbidden("api_key_unknown").into());
    };
    if !known.key().enabled {
        return Err(forbidden("api_key_disabled").into());
    }
    let (api, stage) = (exchange.found.api.id(), exchange.found.stage.name());
    let Some((plan, covered)) = known.grant(api.as_str(), stage.as_str()) else {
        return Err(forbidden("api_key_without_plan").into());
    };
    exchange.identity.api_key_id = Some(known.key().id.as_str().to_owned());
    exchange.bearer = Some(Bearer {
        key: known.key(),
        plan,
        covered,
    });
    Ok(())
}

fn from_authorizer(exchange: &Exchange<'_>) -> Option<String> {
    let said = exchange.authorizer.as_ref()?.get(FROM_AUTHORIZER)?;
    said.as_str().map(str::to_owned).or_else(|| match said {
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
