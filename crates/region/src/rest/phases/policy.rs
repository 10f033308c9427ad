//! Phase: the resource policy (docs/aws-behaviour.md, access to REST APIs).
//!
//! Where nobody else is asked, a policy must allow the request. Where an authorizer has a say too,
//! only a denial counts here: it spares the authorizer; what the policy says otherwise is kept for
//! the phase that asks the authorizer. Where requests bring tokens, nothing counts before those are
//! judged. Where requests are signed, that phase asks the policy.

use lang::{
    policy::{Caller, Context, Policy, Request, Verdict},
    rest_path,
};
use model::rest::{AuthorizationType, GatewayResponseType};
use plan::region::Entrance;

use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, time},
};

/// What is asked for.
pub(super) const ACTION: &str = "execute-api:Invoke";
/// Who asks, where nobody has to say.
pub(super) const NOBODY: &str = "anonymous";

/// Longest ARN that a policy is asked about at a private endpoint, where one always is: Amazon's
/// limit, which its users know as the length of a URL.
const ARN_BYTES_MAX: usize = 1600;

/// Asks the policies: of the private endpoint and of the private domain that it came by, then the
/// API's own. All have to allow it.
pub(crate) fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let method = &exchange.matched()?.method.source.settings;
    let authorization = method.authorization;
    if authorization != AuthorizationType::Iam {
        let nobody = (NOBODY, Caller::default());
        on_the_way(exchange, nobody, &conditions(exchange))?;
    }
    let policy = match exchange.deployment.policy() {
        Ok(Some(policy)) => policy,
        // A private API belongs to whom its policy names, and to nobody without one.
        Ok(None) if exchange.facts.entrance == Entrance::Private => {
            return Err(denied(exchange, NOBODY, Verdict::NotAllowed));
        }
        Ok(None) => return Ok(()),
        Err(reason) => return Err(Refusal::broken(reason.to_owned()).into()),
    };
    // It may name whom it is about, who is known once the signature is read.
    if authorization == AuthorizationType::Iam {
        return Ok(());
    }
    let verdict = evaluate(exchange, policy);
    match (verdict, authorization) {
        (Verdict::Allowed, _) => {}
        (Verdict::NotAllowed, AuthorizationType::Custom) => {}
        // Who brings a bad token is told so first.
        (_, AuthorizationType::Cognito | AuthorizationType::Jwt) => {}
        (verdict, _) => return Err(denied(exchange, NOBODY, verdict)),
    }
    exchange.policy = Some(verdict);
    Ok(())
}

/// Policies of the way that a request took through a private network, asked about its caller.
pub(super) fn on_the_way(
    exchange: &Exchange<'_>,
    (who, caller): (&str, Caller<'_>),
    context: &Context,
) -> Result<(), Fault> {
    let Some(endpoint) = exchange.endpoint() else {
        return Ok(());
    };
    let asked = arn(exchange, exchange.plan.account());
    if asked.len() > ARN_BYTES_MAX {
        return Err(Refusal::uri_too_long().into());
    }
    let broken = |reason: &str| Fault::from(Refusal::broken(reason.to_owned()));
    let decide = |policy: &Policy, resource: &str| {
        policy.evaluate(&Request {
            action: ACTION,
            resource,
            caller,
            context,
        })
    };
    if let Some(policy) = endpoint.policy().map_err(broken)? {
        let verdict = decide(policy, &asked);
        if !verdict.is_allowed() {
            return Err(denied(exchange, who, verdict));
        }
    }
    let Some(domain) = exchange.found.domain else {
        return Ok(());
    };
    let shown = |account: &str| {
        let (home, name) = (exchange.found.api.home(), domain.name());
        let id = domain.private_id().unwrap_or_default();
        format!("arn:aws:execute-api:{home}:{account}:/domainnames/{name}+{id}")
    };
    let verdict = match domain.policy().map_err(broken)? {
        Some(policy) => decide(policy, &shown(exchange.plan.account())),
        None => Verdict::NotAllowed,
    };
    if verdict.is_allowed() {
        return Ok(());
    }
    let masked = shown(&masked_account(exchange));
    Err(denied_at(who, verdict, &masked))
}

/// The ARN of what is asked for: `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`.
/// The account is given because answers must not show all of it. The path is the one that was
/// matched, whichever way it was written: nobody gets around a denial by escaping a letter or by a
/// slash at the end. An escaped slash stays one.
pub(crate) fn arn(exchange: &Exchange<'_>, account: &str) -> String {
    let api = exchange.found.api;
    let (home, id, stage) = (api.home(), api.id(), exchange.found.stage.name());
    let (method, path) = (&exchange.method, exchange.found.path);
    let segments = path.strip_suffix('/').unwrap_or(path).split('/');
    let segments = segments.map(|one| rest_path::decode(one).replace('/', "%2F"));
    let path = segments.collect::<Vec<_>>().join("/");
    format!("arn:aws:execute-api:{home}:{account}:{id}/{stage}/{method}/{path}")
}

/// What is known of any request.
pub(super) fn conditions(exchange: &Exchange<'_>) -> Context {
    let mut context = Context::new();
    let now_ms = exchange.arrived_ms;
    context.add("aws:CurrentTime", time::iso(now_ms));
    context.add("aws:EpochTime", (now_ms / 1000).to_string());
    context.add("aws:SecureTransport", exchange.facts.https.to_string());
    let source = exchange.facts.client.ip().to_canonical().to_string();
    match exchange.endpoint() {
        None => context.add("aws:SourceIp", source),
        // An address of a private network says something only together with the network.
        Some(endpoint) => {
            context.add("aws:SourceVpce", endpoint.id());
            context.add("aws:VpcSourceIp", source);
            if let Some(vpc) = endpoint.vpc() {
                context.add("aws:SourceVpc", vpc);
            }
        }
    }
    for (key, header) in [("aws:Referer", "referer"), ("aws:UserAgent", "user-agent")] {
        if let Some(value) = exchange.header(header) {
            context.add(key, value);
        }
    }
    context
}

fn evaluate(exchange: &Exchange<'_>, policy: &Policy) -> Verdict {
    policy.evaluate(&Request {
        action: ACTION,
        resource: &arn(exchange, exchange.plan.account()),
        caller: Caller::default(),
        context: &conditions(exchange),
    })
}

/// What is answered to `who`, whom policies keep out.
pub(super) fn denied(exchange: &Exchange<'_>, who: &str, verdict: Verdict) -> Fault {
    denied_at(who, verdict, &arn(exchange, &masked_account(exchange)))
}

/// The account as answers show it.
fn masked_account(exchange: &Exchange<'_>) -> String {
    let account = exchange.plan.account();
    let shown = account.get(account.len().saturating_sub(4)..).unwrap_or("");
    format!("********{shown}")
}

fn denied_at(who: &str, verdict: Verdict, resource: &str) -> Fault {
    let explicit = if verdict == Verdict::Denied {
        " with an explicit deny"
    } else {
        ""
    };
    let message = format!(
        "User: {who} is not authorized to perform: {ACTION} on resource: {resource}{explicit}"
    );
    let refusal = Refusal::of(GatewayResponseType::AccessDenied, "access_denied");
    let mut refusal = refusal.with_message(message);
    refusal.capital = true;
    refusal.into()
}
