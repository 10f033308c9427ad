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

/// Asks the policy.
pub(crate) fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let policy = match exchange.deployment.policy() {
        Ok(Some(policy)) => policy,
        // A private API belongs to whom its policy names, and to nobody without one.
        Ok(None) if exchange.facts.entrance == Entrance::Private => {
            return Err(denied(exchange, NOBODY, Verdict::NotAllowed));
        }
        Ok(None) => return Ok(()),
        Err(reason) => return Err(Refusal::broken(reason.to_owned()).into()),
    };
    let method = &exchange.matched()?.method.source.settings;
    // It may name whom it is about, who is known once the signature is read.
    if method.authorization == AuthorizationType::Iam {
        return Ok(());
    }
    let verdict = evaluate(exchange, policy);
    let authorization = method.authorization;
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
    context.add("aws:SourceIp", source);
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
    let account = exchange.plan.account();
    let shown = account.get(account.len().saturating_sub(4)..).unwrap_or("");
    let resource = arn(exchange, &format!("********{shown}"));
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
