//! Phase: who may use the route (docs/aws-behaviour.md, tokens). Routes of HTTP APIs ask for tokens
//! of an issuer; other authorizers are not served, and routes that want them are broken.
//!
//! Clients are told what is wrong as RFC 6750 wants it, in Amazon's words.

use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use lang::{jwt, rest_path};
use plan::region::token::TokenPlace;

use crate::{
    exchange::Exchange,
    fault::Fault,
    issuers::{FetchError, Issuers, Unfit, judge},
};

/// Why a token does not let a request use a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unauthorized {
    /// Its name in metrics and logs.
    pub(crate) reason: &'static str,
    /// Of the answer.
    pub(crate) status: StatusCode,
    /// `www-authenticate` of the answer.
    pub(crate) challenge: String,
    /// More for the log, never for the client.
    pub(crate) detail: String,
}

/// Lets the request go on, or not.
pub(crate) async fn run(exchange: &mut Exchange<'_>, issuers: &Issuers) -> Result<(), Fault> {
    let Some(guard) = exchange.route.and_then(|route| route.guard()) else {
        return Ok(());
    };
    let (plan, scopes) = (&guard.authorizer, guard.scopes.join(" "));
    let text = text(exchange, &plan.place);
    let text = text.as_deref().map(jwt::bare).unwrap_or_default();
    if text.is_empty() {
        return Err(Fault::Unauthorized(Box::new(Unauthorized {
            reason: "no_identity",
            status: StatusCode::UNAUTHORIZED,
            challenge: "Bearer".to_owned(),
            detail: String::new(),
        })));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
    let judged = judge(issuers, plan, text, now_ms).await;
    let claims = judged.map_err(|unfit| {
        let said = said(&unfit);
        Fault::Unauthorized(Box::new(Unauthorized {
            reason: unfit.reason(),
            status: StatusCode::UNAUTHORIZED,
            challenge: format!(
                "Bearer scope=\"{scopes}\" error=\"invalid_token\" error_description=\"{said}\""
            ),
            detail: unfit.to_string(),
        }))
    })?;
    let is_wanted = |own: &str| guard.scopes.iter().any(|scope| scope.as_str() == own);
    if guard.scopes.is_empty() || claims.scopes().any(is_wanted) {
        return Ok(());
    }
    Err(Fault::Unauthorized(Box::new(Unauthorized {
        reason: "token_scope",
        status: StatusCode::FORBIDDEN,
        challenge: format!(
            "Bearer scope=\"{scopes}\" error=\"insufficient_scope\" \
             error_description=\"expected scopes: [{scopes}]\""
        ),
        detail: String::new(),
    })))
}

/// The token's text. One that is there twice is none: a backend might read the other.
fn text(exchange: &Exchange<'_>, place: &TokenPlace) -> Option<String> {
    match place {
        TokenPlace::Header(name) => {
            let mut values = exchange.headers.get_all(&**name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then(|| value.to_owned())
        }
        TokenPlace::Query(name) => {
            let query = exchange.uri.query().unwrap_or_default();
            let pairs = rest_path::query(query).ok()?;
            let mut values = pairs.into_iter().filter(|(key, _)| **key == **name);
            let (_, value) = values.next()?;
            values.next().is_none().then_some(value)
        }
    }
}

/// What the client is told: nothing of where issuers are.
fn said(unfit: &Unfit) -> String {
    match unfit {
        Unfit::Token(refused) => refused.to_string().replace(['"', '\\'], ""),
        Unfit::Keys(FetchError::Discovery | FetchError::OtherIssuer) => {
            "OIDC discovery endpoint communication error".to_owned()
        }
        Unfit::Keys(_) => "JWKS communication error".to_owned(),
    }
}
