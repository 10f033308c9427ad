//! Phase: rates and quotas, of the key's usage plan, of the stage and of the account
//! (docs/operations/limits.md). A request takes one of each, or of none.

use model::rest::GatewayResponseType;
use steer::limits::{Claim, Verdict};

use crate::{
    fault::{Blame, Fault},
    limits::claims::{self, Limit, Place, Scope},
    rest::{Exchange, Refusal},
};

/// Admits the request or says which limit is used up.
pub(crate) async fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let limits = exchange.limits;
    let now_ms = limits.now_ms();
    let method = exchange.matched()?.method;
    let place = Place {
        api: exchange.found.api.id().as_str(),
        stage: exchange.found.stage.name().as_str(),
        path: &method.path,
        verb: method.verb.as_str(),
    };
    let bearer = exchange.bearer.as_ref();
    let settings = limits.settings();
    let stage = &exchange.stage.settings;
    let all = claims::of(now_ms, place, bearer, stage, settings.account);
    let meter = bearer.map(|bearer| bearer.meter());
    let mode = bearer.and_then(|bearer| bearer.mode());
    if all.is_empty() && meter.is_none() {
        return Ok(());
    }
    let asked: Vec<Claim> = all.iter().map(|limit| limit.claim.clone()).collect();
    match limits.admit(&asked, meter.as_ref(), mode).await {
        Verdict::Granted(left) => {
            limits.decided("granted");
            if settings.headers {
                exchange.added = claims::headers(now_ms, &all, &left);
            }
            Ok(())
        }
        Verdict::Over { claim, left } => {
            let over = all.get(claim);
            let scope = over.map_or(Scope::Account, |limit| limit.scope);
            limits.decided(scope.as_str());
            let mut refusal = refused(scope);
            if let Some(limit) = over.filter(|_| settings.headers) {
                let only: &[Limit] = std::slice::from_ref(limit);
                refusal.headers = claims::headers(now_ms, only, &[left]);
                refusal
                    .headers
                    .extend(claims::retry_after(now_ms, limit, &left));
            }
            Err(refusal.into())
        }
        Verdict::Unknown => {
            limits.decided("unknown");
            let refusal = Refusal::of(GatewayResponseType::Throttled, "limit_unknown");
            Err(refusal.blaming(Blame::Us).into())
        }
    }
}

fn refused(scope: Scope) -> Refusal {
    match scope {
        Scope::Quota => Refusal::of(GatewayResponseType::QuotaExceeded, scope.as_str()),
        Scope::PlanMethod | Scope::Plan | Scope::Method | Scope::Account => {
            Refusal::of(GatewayResponseType::Throttled, scope.as_str())
        }
    }
}
