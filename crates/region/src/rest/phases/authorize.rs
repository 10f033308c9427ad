//! Phase: who may call the method (docs/aws-behaviour.md, authorizers). A function decides; its
//! decision is kept, and held against each request, together with what the resource policy said.
//! Methods whose callers sign are in `iam`, those whose callers bring a token in `token`.

mod iam;
mod token;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use lang::{
    lambda::{Decision, RequestEvent, TokenEvent},
    policy::{Caller, Request, Verdict},
};
use model::{
    AuthorizerId,
    rest::{AuthorizationType, GatewayResponseType as Kind},
};
use plan::region::rest::{AuthorizerPlan, FunctionAuthorizer, IdentitySource};
use serde_json::{Map, Value};

use super::{
    function::{Request as Parts, trace},
    policy::{arn, conditions},
};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, context, trace as log},
    upstream::{Invocation, Key, Upstreams},
};

/// Longest ARN of a method that an authorizer is asked about.
const ARN_BYTES_MAX: usize = 1600;
/// A function may take as long as an integration by default.
const TIMEOUT: Duration = Duration::from_secs(29);

/// Lets the request go on, or not.
pub(crate) async fn run(exchange: &mut Exchange<'_>, upstreams: &Upstreams) -> Result<(), Fault> {
    let method = &exchange.matched()?.method.source.settings;
    match method.authorization {
        AuthorizationType::None => return Ok(()),
        AuthorizationType::Iam => return iam::run(exchange).await,
        AuthorizationType::Custom | AuthorizationType::Cognito | AuthorizationType::Jwt => {}
    }
    let id = method.authorizer.clone();
    let id = id.ok_or_else(|| misconfigured("the method names no authorizer"))?;
    let wants_function = method.authorization == AuthorizationType::Custom;
    let plan = match (find(exchange, &id)?, wants_function) {
        (AuthorizerPlan::Function(plan), true) => &**plan,
        (AuthorizerPlan::Token(plan), false) => {
            return token::run(exchange, upstreams.issuers(), plan).await;
        }
        (AuthorizerPlan::Function(_), false) | (AuthorizerPlan::Token(_), true) => {
            return Err(misconfigured("the method's authorizer is of another type"));
        }
    };
    decided(exchange, upstreams, &id, plan).await
}

/// The authorizer of that id.
fn find<'p>(exchange: &Exchange<'p>, id: &AuthorizerId) -> Result<&'p AuthorizerPlan, Fault> {
    match exchange.deployment.authorizer(id) {
        Some(Ok(plan)) => Ok(plan),
        Some(Err(reason)) => Err(misconfigured(reason.to_owned())),
        None => Err(misconfigured("the authorizer does not exist")),
    }
}

/// Lets the request go on if a function allows it.
async fn decided(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    id: &AuthorizerId,
    plan: &FunctionAuthorizer,
) -> Result<(), Fault> {
    let arn = arn(exchange, exchange.plan.account());
    if arn.len() > ARN_BYTES_MAX {
        let refusal = Refusal::bad_request("Request URI too long", "uri_too_long");
        return Err(Refusal {
            status: http::StatusCode::URI_TOO_LONG,
            ..refusal
        }
        .into());
    }
    let identity = identity(exchange, plan)?;
    let key = Key {
        authorizer: (
            exchange.found.api.id().as_str().to_owned(),
            exchange.found.stage.name().as_str().to_owned(),
            id.as_str().to_owned(),
            exchange.stage.settings.authorizer_flushes,
        ),
        identity,
    };
    let life = Duration::from_secs(plan.ttl_s.into());
    let began = Instant::now();
    let asking = async || ask(&mut *exchange, upstreams, plan, (&arn, &key)).await;
    let decision = upstreams.decisions().decide(&key, life, asking).await?;
    let allowed = allowed(exchange, &decision, &arn);
    remember(exchange, &decision, began.elapsed());
    allowed
}

/// The values that identify who asks.
fn identity(exchange: &Exchange<'_>, plan: &FunctionAuthorizer) -> Result<Vec<String>, Fault> {
    let value = |source: &IdentitySource| match source {
        IdentitySource::Header(name) => exchange.header(name).map(str::to_owned),
        IdentitySource::Query(name) => {
            let pairs = exchange.parameters.querystring.iter();
            let mut found = pairs.filter(|(key, _)| **key == **name);
            found.next_back().map(|(_, value)| value.clone())
        }
        IdentitySource::StageVariable(name) => exchange.variables().get(&**name).cloned(),
        IdentitySource::Context(name) => context::text(exchange, name),
    };
    let values = plan.sources.iter().map(|source| {
        let found = value(source).filter(|value| !value.is_empty());
        found.ok_or_else(|| Refusal::of(Kind::Unauthorized, "no_identity").into())
    });
    let values: Vec<String> = values.collect::<Result<_, Fault>>()?;
    let fits = plan.validation.as_ref().is_none_or(|pattern| {
        values
            .first()
            .is_some_and(|token| pattern.is_full_match(token))
    });
    if fits {
        Ok(values)
    } else {
        Err(Refusal::of(Kind::Unauthorized, "identity_malformed").into())
    }
}

/// What an authorizer says of a request of a test.
pub(crate) enum Consulted {
    /// What its function decided, without a look at what was decided before; and its answer.
    Function(Decision, Bytes),
    /// What the token claims, which is good.
    Token(BTreeMap<String, String>),
}

/// Asks an authorizer for a test.
pub(crate) async fn consult(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    id: &AuthorizerId,
) -> Result<Consulted, Fault> {
    let plan = match find(exchange, id)? {
        AuthorizerPlan::Function(plan) => plan,
        AuthorizerPlan::Token(plan) => {
            let claims = token::claims(exchange, upstreams.issuers(), plan).await?;
            let shown = token::shown(&claims, plan.is_user_pool);
            let shown = shown.map(|(name, text)| (name.to_owned(), text));
            return Ok(Consulted::Token(shown.collect()));
        }
    };
    let arn = arn(exchange, exchange.plan.account());
    let identity = identity(exchange, plan)?;
    exchange.say(|| "Incoming identity: ****".to_owned());
    let payload = call(exchange, upstreams, plan, (&arn, &identity)).await?;
    let decision = Decision::parse(&payload).map_err(|error| misconfigured(error.to_string()))?;
    Ok(Consulted::Function(decision, payload))
}

/// Asks the function.
async fn ask(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    plan: &FunctionAuthorizer,
    (arn, key): (&str, &Key),
) -> Result<Decision, Fault> {
    let payload = call(exchange, upstreams, plan, (arn, &key.identity)).await?;
    Decision::parse(&payload).map_err(|error| misconfigured(error.to_string()))
}

/// What the function answers.
async fn call(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    plan: &FunctionAuthorizer,
    (arn, identity): (&str, &[String]),
) -> Result<Bytes, Fault> {
    let payload = Bytes::from(event(exchange, plan, (arn, identity))?);
    let function = plan.uri.function().map_or("", |(name, _)| name);
    let sent = trace(exchange);
    let uri = || upstreams.function_uri(&plan.uri.region, function, false);
    log::asks(exchange, uri, (&sent, &payload));
    let invocation = Invocation {
        region: &plan.uri.region,
        function,
        credentials: plan.credentials.as_deref(),
        payload,
        headers: sent,
        now_ms: exchange.arrived_ms,
    };
    let deadline = exchange.facts.deadline;
    let limit = deadline.map_or(TIMEOUT, |deadline| deadline.min(TIMEOUT));
    let failed = |detail: &'static str| -> Fault {
        let refusal = Refusal::of(Kind::AuthorizerFailure, "authorizer_failed");
        refusal.saying(detail).into()
    };
    let invoked = match tokio::time::timeout(limit, upstreams.invoke(invocation)).await {
        Ok(Ok(invoked)) => invoked,
        Ok(Err(error)) => return Err(misconfigured(error.to_string())),
        Err(_) => return Err(failed("the authorizer did not answer in time")),
    };
    log::authorizer_answered(exchange, &invoked.payload);
    if invoked.failed {
        let error: Option<Value> = serde_json::from_slice(&invoked.payload).ok();
        let message = error.as_ref().and_then(|error| error.get("errorMessage"));
        return Err(if message.and_then(Value::as_str) == Some("Unauthorized") {
            Refusal::of(Kind::Unauthorized, "authorizer_unauthorized").into()
        } else {
            failed("the authorizer failed")
        });
    }
    Ok(invoked.payload)
}

fn event(
    exchange: &Exchange<'_>,
    plan: &FunctionAuthorizer,
    (arn, identity): (&str, &[String]),
) -> Result<Vec<u8>, Fault> {
    if !plan.sees_request {
        let event = TokenEvent {
            method_arn: arn,
            token: identity.first().map_or("", String::as_str),
        };
        return Ok(event.to_json());
    }
    let context = context::tree(exchange);
    let parts = Parts::of(exchange)?;
    let event = RequestEvent {
        method_arn: arn,
        resource: &exchange.matched()?.method.path,
        path: &parts.path,
        http_method: exchange.method.as_str(),
        headers: &parts.headers,
        query: &parts.query,
        path_parameters: &parts.path_parameters,
        stage_variables: exchange.variables(),
        context: &context,
    };
    Ok(event.to_json())
}

/// Either policy may allow; any denial counts.
fn allowed(exchange: &Exchange<'_>, decision: &Decision, arn: &str) -> Result<(), Fault> {
    let verdict = decision.policy.evaluate(&Request {
        action: "execute-api:Invoke",
        resource: arn,
        caller: Caller::default(),
        context: &conditions(exchange),
    });
    let by_resource = exchange.policy == Some(Verdict::Allowed);
    let message = match verdict {
        Verdict::Allowed => return Ok(()),
        Verdict::NotAllowed if by_resource => return Ok(()),
        Verdict::NotAllowed => "User is not authorized to access this resource",
        Verdict::Denied | Verdict::TooCostly => {
            "User is not authorized to access this resource with an explicit deny"
        }
    };
    let refusal = Refusal::of(Kind::AccessDenied, "access_denied").with_message(message);
    Err(Refusal {
        capital: true,
        ..refusal
    }
    .into())
}

/// What templates, integrations and logs see of the decision.
fn remember(exchange: &mut Exchange<'_>, decision: &Arc<Decision>, took: Duration) {
    let context = decision.context.iter();
    let mut known: Map<String, Value> = context
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    known.insert(
        "principalId".to_owned(),
        Value::from(decision.principal_id.as_str()),
    );
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    known.insert("integrationLatency".to_owned(), Value::from(ms));
    // Where the key of a request comes from its authorizer, it is found here.
    if let Some(key) = &decision.usage_identifier_key {
        known.insert("usageIdentifierKey".to_owned(), Value::from(key.as_str()));
    }
    exchange.authorizer = Some(known);
}

fn misconfigured(detail: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Refusal::of(
        Kind::AuthorizerConfigurationError,
        "authorizer_configuration",
    )
    .saying(detail)
    .into()
}
