//! Part of the phase that authorizes: methods of type `AWS_IAM`, whose callers sign with one of the
//! cluster's access keys (docs/aws-behaviour.md, signed requests).
//!
//! The key is looked up before the body is read, so that strangers cannot make this node hold
//! large bodies. The key's policy and the API's then decide together. Deliberately not here:
//! SigV4a, temporary credentials, and callers of other accounts, of which there are none.

use http::header::AUTHORIZATION;
use lang::{
    policy::{Caller, Request, Verdict},
    sigv4::{Claim, Expected, Message, Refusal as Unsigned},
};
use model::rest::GatewayResponseType as Kind;
use plan::region::AccessKeyPlan;

use super::super::policy::{ACTION, arn, conditions, denied, on_the_way};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal},
};

/// May ask the stage's cache for fresh answers.
const INVALIDATE: &str = "execute-api:InvalidateCache";

/// What presigning adds to a query.
const PRESIGNED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// The service name that clients of APIs sign for.
const SERVICE: &str = "execute-api";

/// Lets the request go on if its signer may send it.
pub(super) async fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let claim = with_message(exchange, b"", Claim::read);
    let claim = claim.map_err(|error| unsigned(exchange, &error))?;
    let known = exchange.plan.access_keys().find(claim.access_key_id());
    let key = known.ok_or_else(|| unsigned(exchange, &Unsigned::UnknownKey))?;
    let body = exchange.body.whole().await?.clone();
    verify(exchange, &claim, key, &body).map_err(|error| unsigned(exchange, &error))?;
    remember(exchange, key);
    // Whoever has it could send the request again.
    if exchange.headers.remove(AUTHORIZATION).is_none() {
        let query = &mut exchange.parameters.querystring;
        query.retain(|(name, _)| !PRESIGNED.contains(&name.as_str()));
    }
    decide(exchange, key)
}

fn verify(
    exchange: &Exchange<'_>,
    claim: &Claim,
    plan: &AccessKeyPlan,
    body: &[u8],
) -> Result<(), Unsigned> {
    let (key, now_ms) = (plan.key(), exchange.arrived_ms);
    let verify = |secret: &str| {
        let expected = Expected {
            secret,
            service: SERVICE,
            now_ms,
        };
        with_message(exchange, body, |message| claim.verify(message, &expected))
    };
    match (verify(&key.secret), &key.previous) {
        // While a rotation lasts, the secret before it is as good.
        (Err(Unsigned::Mismatch), Some(previous)) if now_ms < previous.until_ms => {
            verify(&previous.secret)
        }
        (verified, _) => verified,
    }
}

/// The request as its client sent it. One that does not say that it is signed was not kept, and
/// all that is read of it is what is missing.
fn with_message<T>(
    exchange: &Exchange<'_>,
    body: &[u8],
    then: impl FnOnce(&Message<'_>) -> T,
) -> T {
    let (method, headers) = match &exchange.signed {
        Some(signed) => (&signed.method, &signed.headers),
        None => (&exchange.method, &exchange.headers),
    };
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    then(&Message {
        method: method.as_str(),
        path: exchange.uri.path(),
        query: exchange.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    })
}

/// What templates, integrations and logs see of the caller.
fn remember(exchange: &mut Exchange<'_>, plan: &AccessKeyPlan) {
    let id = Some(plan.key().id.as_str().to_owned());
    let account = exchange.plan.account().to_owned();
    let identity = &mut exchange.identity;
    identity.account_id = Some(account);
    identity.user_arn = Some(plan.arn().to_owned());
    identity.access_key.clone_from(&id);
    identity.caller.clone_from(&id);
    identity.user = id;
}

/// Either policy may allow; any denial counts.
fn decide(exchange: &mut Exchange<'_>, plan: &AccessKeyPlan) -> Result<(), Fault> {
    let account = exchange.plan.account();
    let mut context = conditions(exchange);
    context.add("aws:username", plan.key().name.as_str());
    context.add("aws:userid", plan.key().id.as_str());
    context.add("aws:PrincipalArn", plan.arn());
    context.add("aws:PrincipalAccount", account);
    context.add("aws:PrincipalType", "User");
    let resource = arn(exchange, account);
    let request = Request {
        action: ACTION,
        resource: &resource,
        caller: Caller {
            arn: Some(plan.arn()),
            account: Some(account),
            service: None,
        },
        context: &context,
    };
    on_the_way(exchange, (plan.arn(), request.caller), &context)?;
    // The cache asks for this only if its settings say so.
    let invalidating = Request {
        action: INVALIDATE,
        ..request
    };
    let by_key = plan.evaluate(&request);
    let fresh_by_key = plan.evaluate(&invalidating);
    let policy = exchange.deployment.policy();
    let policy = policy.map_err(|reason| Fault::from(Refusal::broken(reason.to_owned())))?;
    exchange.policy = policy.map(|policy| policy.evaluate(&request));
    let fresh_by_policy = policy.map(|policy| policy.evaluate(&invalidating));
    let fresh = [fresh_by_key, fresh_by_policy.unwrap_or(Verdict::NotAllowed)];
    let verdicts = [by_key, exchange.policy.unwrap_or(Verdict::NotAllowed)];
    let denies = |verdict: &Verdict| matches!(verdict, Verdict::Denied | Verdict::TooCostly);
    exchange.may_invalidate = fresh.contains(&Verdict::Allowed) && !fresh.iter().any(denies);
    if verdicts.iter().any(denies) {
        Err(denied(exchange, plan.arn(), Verdict::Denied))
    } else if verdicts.contains(&Verdict::Allowed) {
        Ok(())
    } else {
        Err(denied(exchange, plan.arn(), Verdict::NotAllowed))
    }
}

/// What is answered to whoever has not signed, or not well.
fn unsigned(exchange: &Exchange<'_>, error: &Unsigned) -> Fault {
    let (kind, reason) = match error {
        Unsigned::Missing => (Kind::MissingAuthenticationToken, "signature_missing"),
        Unsigned::UnknownKey => (Kind::InvalidSignature, "access_key_unknown"),
        Unsigned::Expired { .. } | Unsigned::NotYet { .. } => {
            (Kind::InvalidSignature, "signature_expired")
        }
        Unsigned::Mismatch => (Kind::InvalidSignature, "signature_mismatch"),
        _ => (Kind::InvalidSignature, "signature_malformed"),
    };
    let message = match error {
        Unsigned::Algorithm | Unsigned::Part(_) => incomplete(exchange),
        other => other.to_string(),
    };
    let refusal = Refusal::of(kind, reason);
    let refusal = refusal.with_message(message).saying(error.reason());
    Refusal {
        error_type: error.code(),
        ..refusal
    }
    .into()
}

/// Everything that an `Authorization` header lacks, a sentence each: what clients get that send
/// another kind of header. Its value is not repeated to them.
fn incomplete(exchange: &Exchange<'_>) -> String {
    let header = exchange.header(AUTHORIZATION.as_str()).unwrap_or_default();
    let has = |name: &str| header.contains(&format!("{name}="));
    let parts = ["Credential", "Signature", "SignedHeaders"];
    let mut said: Vec<String> = parts
        .iter()
        .filter(|name| !has(name))
        .map(|name| Unsigned::Part(name).to_string())
        .collect();
    if exchange.header("x-amz-date").is_none() && exchange.header("date").is_none() {
        said.push(Unsigned::Date.to_string());
    }
    if said.is_empty() {
        // All is there, but not as it should be.
        said.push(Unsigned::Algorithm.to_string());
    }
    said.join(" ")
}
