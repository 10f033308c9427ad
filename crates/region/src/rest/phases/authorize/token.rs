//! Part of the phase that authorizes: methods whose callers bring a token of a user pool or of
//! another issuer (docs/aws-behaviour.md, tokens). No function is asked; only keys that are not
//! there yet are fetched.
//!
//! Where there is a resource policy, it must allow the request too: a token alone says who asks.

use lang::{
    jwt::{self, Claims, Refused},
    policy::Verdict,
};
use model::rest::GatewayResponseType as Kind;
use plan::region::token::{TokenAuthorizer, TokenPlace};
use serde_json::{Map, Value};

use super::super::policy::{NOBODY, denied};
use crate::{
    fault::Fault,
    issuers::{Issuers, Unfit, judge},
    rest::{Exchange, Refusal, time},
};

/// Lets the request go on if its token is good.
pub(super) async fn run(
    exchange: &mut Exchange<'_>,
    issuers: &Issuers,
    plan: &TokenAuthorizer,
) -> Result<(), Fault> {
    let scopes = exchange.matched()?.method.clone();
    let scopes = &scopes.source.settings.scopes;
    let claims = claims(exchange, issuers, plan).await?;
    let granted = granted(plan, &claims, scopes)?;
    remember(exchange, plan, &claims, granted);
    match exchange.policy {
        None | Some(Verdict::Allowed) => Ok(()),
        Some(verdict) => Err(denied(exchange, NOBODY, verdict)),
    }
}

/// What the request's token says, if it is good.
pub(super) async fn claims(
    exchange: &mut Exchange<'_>,
    issuers: &Issuers,
    plan: &TokenAuthorizer,
) -> Result<Claims, Fault> {
    let text = text(exchange, &plan.place).map(jwt::bare);
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Refusal::of(Kind::Unauthorized, "no_identity"))?;
    let judged = judge(issuers, plan, text, exchange.arrived_ms).await;
    let claims = judged.map_err(unfit)?;
    if let Some(pattern) = &plan.validation
        && !claims
            .audiences()
            .any(|client| pattern.is_full_match(client))
    {
        return Err(unfit(Refused::Audience.into()));
    }
    Ok(claims)
}

/// The token's text. One that is there twice is none: a backend might read the other.
fn text<'e>(exchange: &'e Exchange<'_>, place: &TokenPlace) -> Option<&'e str> {
    match place {
        TokenPlace::Header(name) => {
            let mut values = exchange.headers.get_all(&**name).iter();
            let value = values.next()?.to_str().ok();
            value.filter(|_| values.next().is_none())
        }
        TokenPlace::Query(name) => {
            let pairs = exchange.parameters.querystring.iter();
            let mut values = pairs.filter(|(key, _)| **key == **name);
            let (_, value) = values.next()?;
            values.next().is_none().then_some(value)
        }
    }
}

/// Which of the scopes that the method names the token has; one is enough. A pool's tokens say
/// what they are for: without scopes, a method wants to know who asks, with them, what was granted.
fn granted(
    plan: &TokenAuthorizer,
    claims: &Claims,
    scopes: &[String],
) -> Result<Option<Vec<String>>, Fault> {
    let wanted = if scopes.is_empty() { "id" } else { "access" };
    if plan.is_user_pool && claims.text("token_use") != Some(wanted) {
        return Err(Refusal::of(Kind::Unauthorized, "token_use").into());
    }
    if scopes.is_empty() {
        return Ok(None);
    }
    let has = |scope: &&String| claims.scopes().any(|own| own == scope.as_str());
    let granted: Vec<String> = scopes.iter().filter(has).cloned().collect();
    if !granted.is_empty() {
        return Ok(Some(granted));
    }
    if plan.is_user_pool {
        return Err(Refusal::of(Kind::Unauthorized, "token_scope").into());
    }
    let refusal = Refusal::of(Kind::AccessDenied, "token_scope");
    Err(Refusal {
        capital: true,
        ..refusal
    }
    .into())
}

fn unfit(unfit: Unfit) -> Fault {
    let reason = unfit.reason();
    let refusal = match &unfit {
        // Nobody can tell whether the token is good: that is not its bearer's fault.
        Unfit::Keys(_) => Refusal::of(Kind::AuthorizerFailure, reason),
        Unfit::Token(Refused::Expired) => {
            let refusal = Refusal::of(Kind::Unauthorized, reason);
            refusal.with_message("The incoming token has expired")
        }
        Unfit::Token(_) => Refusal::of(Kind::Unauthorized, reason),
    };
    refusal.saying(unfit.to_string()).into()
}

/// What templates, integrations and logs see of the token.
fn remember(
    exchange: &mut Exchange<'_>,
    plan: &TokenAuthorizer,
    claims: &Claims,
    granted: Option<Vec<String>>,
) {
    let shown = shown(claims, plan.is_user_pool);
    let shown = shown.map(|(name, text)| (name.to_owned(), Value::from(text)));
    let mut known = Map::new();
    known.insert("claims".to_owned(), Value::Object(shown.collect()));
    if !plan.is_user_pool {
        known.insert(
            "scopes".to_owned(),
            granted.map_or(Value::Null, Value::from),
        );
    }
    exchange.authorizer = Some(known);
}

/// Claims as texts, as Amazon has them: times of a pool's tokens are written out, and its lists
/// are joined.
pub(super) fn shown(claims: &Claims, is_user_pool: bool) -> impl Iterator<Item = (&str, String)> {
    claims.all().iter().map(move |(name, value)| {
        let is_time = is_user_pool && matches!(name.as_str(), "exp" | "iat");
        let text = match value {
            Value::Number(number) if is_time => {
                let seconds = number.as_u64();
                let text = seconds.and_then(|seconds| seconds.checked_mul(1000));
                text.map_or_else(|| number.to_string(), time::log)
            }
            Value::String(text) => text.clone(),
            Value::Array(list) if is_user_pool => joined(list, ","),
            Value::Array(list) => format!("[{}]", joined(list, " ")),
            other => other.to_string(),
        };
        (name.as_str(), text)
    })
}

fn joined(list: &[Value], between: &str) -> String {
    let texts: Vec<String> = list
        .iter()
        .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
        .collect();
    texts.join(between)
}
