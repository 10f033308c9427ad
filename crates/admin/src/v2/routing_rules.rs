//! `RoutingRule`: conditions on requests to a custom domain, and the stage that they lead to.

use http::StatusCode;
use model::{
    Config, DomainId, Op, ResourceKind, RoutingRuleId,
    rest::Seen,
    v2::{RoutingChange, RoutingCondition, RoutingRule},
};
use serde_json::{Value, json};

use super::domains::domain;
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    page::{self, Names},
    refusal::Refusal,
    v1::view::View,
};

const ALL: &str = "/v2/domainnames/{domain}/routingrules";
const ONE: &str = "/v2/domainnames/{domain}/routingrules/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("ListRoutingRules", ALL, list),
    write("CreateRoutingRule", "POST", ALL, create),
    read("GetRoutingRule", ONE, show),
    write("PutRoutingRule", "PUT", ONE, put),
    write("DeleteRoutingRule", "DELETE", ONE, delete),
];

/// Lower priorities are tried first.
const PRIORITY_MAX: i64 = 1_000_000;
/// Conditions on headers, which all must fit.
const HEADERS_MAX: usize = 2;
const HEADER_NAME_MAX: usize = 40;
const TEXT_MAX: usize = 128;

/// What showing a rule needs besides.
struct Shown {
    region: String,
    account: String,
}

impl Shown {
    fn of(call: &Call<'_>) -> Self {
        let cluster = call.config.cluster.as_ref();
        Self {
            region: call.settings.region.to_string(),
            account: cluster.map_or_else(String::new, |cluster| cluster.account_id.clone()),
        }
    }

    fn shape(&self, name: &DomainId, rule: &RoutingRule) -> Value {
        let invoke = View::default()
            .put("apiId", rule.api.as_str())
            .put("stage", rule.stage.as_str())
            .maybe("stripBasePath", rule.strip_base_path)
            .done();
        let condition = |one: &RoutingCondition| match one {
            RoutingCondition::BasePaths(paths) => json!({ "matchBasePaths": { "anyOf": paths } }),
            RoutingCondition::Headers(all) => {
                let all = all.iter();
                let all = all.map(|(name, glob)| json!({ "header": name, "valueGlob": glob }));
                json!({ "matchHeaders": { "anyOf": all.collect::<Vec<_>>() } })
            }
        };
        let conditions: Vec<Value> = rule.conditions.iter().map(condition).collect();
        let Self { region, account } = self;
        let arn = format!(
            "arn:aws:apigateway:{region}:{account}:/domainnames/{name}/routingrules/{}",
            rule.id
        );
        View::default()
            .put("actions", vec![json!({ "invokeApi": invoke })])
            .put("conditions", conditions)
            .put("priority", rule.priority)
            .put("routingRuleArn", arn)
            .put("routingRuleId", rule.id.as_str())
            .done()
    }
}

fn found<'c>(config: &'c Config, name: &str, id: &str) -> Result<&'c RoutingRule, Refusal> {
    let found = domain(config, name)?.routing.rules.get(id);
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::RoutingRule, id))?)
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let domain = domain(call.config, call.argument(0))?;
    let shown = Shown::of(call);
    let names = Names {
        token: "nextToken",
        count: "maxResults",
    };
    let all = domain.routing.rules.values();
    let all = all.map(|rule| (rule.id.as_str(), shown.shape(&domain.name, rule)));
    let (rules, next) = page::cut(call, &names, all)?;
    let view = View::default().maybe("nextToken", next);
    Answer::ok(&view.put("routingRules", rules).done())
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = &domain(call.config, call.argument(0))?.name;
    let rule = found(call.config, name.as_str(), call.argument(1))?;
    Answer::ok(&Shown::of(call).shape(name, rule))
}

fn writing(call: &Call<'_>, rule: RoutingRule, seen: Seen) -> Result<Write, Refusal> {
    let status = match seen {
        Seen::Nothing => StatusCode::CREATED,
        Seen::Anything | Seen::This(_) => StatusCode::OK,
    };
    let name = domain(call.config, call.argument(0))?.name.clone();
    let (id, shown) = (rule.id.clone(), Shown::of(call));
    let change = RoutingChange {
        id: id.clone(),
        seen,
        put: Some(rule),
    };
    let op = Op::Routing(name.clone(), Box::new(change));
    Ok(Write::showing(op, move |config| {
        let rule = found(config, name.as_str(), id.as_str())?;
        Answer::json(status, &shown.shape(&name, rule))
    }))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let rule = rule(&call.document, RoutingRuleId::from(ids::deployment()))?;
    writing(call, rule, Seen::Nothing)
}

fn put(call: &Call<'_>) -> Result<Write, Refusal> {
    let known = found(call.config, call.argument(0), call.argument(1))?;
    let rule = rule(&call.document, known.id.clone())?;
    writing(call, rule, Seen::of(Some(known)))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = domain(call.config, call.argument(0))?.name.clone();
    let rule = found(call.config, name.as_str(), call.argument(1))?;
    let change = RoutingChange {
        id: rule.id.clone(),
        seen: Seen::Anything,
        put: None,
    };
    Ok(Write::silent(Op::Routing(name, Box::new(change))))
}

fn rule(document: &Document, id: RoutingRuleId) -> Result<RoutingRule, Refusal> {
    let priority = document.integer("priority", 1, PRIORITY_MAX)?;
    let priority = priority.and_then(|priority| u32::try_from(priority).ok());
    let actions = document.objects("actions")?.unwrap_or_default();
    let invoke = match actions.as_slice() {
        [one] => one.object("invokeApi")?,
        [] | [..] => None,
    };
    let invoke = invoke.ok_or_else(|| Refusal::bad("actions must hold exactly one invokeApi"))?;
    let conditions = document.objects("conditions")?;
    let conditions = conditions.ok_or_else(|| Refusal::bad("conditions must be given"))?;
    let conditions: Vec<RoutingCondition> =
        conditions.iter().map(condition).collect::<Result<_, _>>()?;
    let headers = |one: &&RoutingCondition| matches!(one, RoutingCondition::Headers(_));
    let named = conditions.iter().filter(headers).count();
    if named > HEADERS_MAX || conditions.len() - named > 1 {
        return Err(Refusal::bad(
            "a rule has at most two conditions on headers and one on base paths",
        ));
    }
    Ok(RoutingRule {
        id,
        priority: priority.ok_or_else(|| Refusal::bad("priority must be given"))?,
        conditions,
        api: invoke.required("apiId", 128)?.into(),
        stage: invoke.required("stage", 128)?.into(),
        strip_base_path: invoke.flag("stripBasePath")?,
    })
}

fn condition(one: &Document) -> Result<RoutingCondition, Refusal> {
    let paths = one.object("matchBasePaths")?;
    match (paths, one.object("matchHeaders")?) {
        (Some(paths), None) => {
            let paths = paths.texts("anyOf")?.unwrap_or_default();
            let fits = |path: &String| (1..=TEXT_MAX).contains(&path.len());
            if paths.is_empty() || !paths.iter().all(fits) {
                return Err(Refusal::bad(format!(
                    "matchBasePaths.anyOf must hold base paths of 1 to {TEXT_MAX} characters"
                )));
            }
            Ok(RoutingCondition::BasePaths(paths))
        }
        (None, Some(headers)) => {
            let all = headers.objects("anyOf")?.unwrap_or_default();
            if all.is_empty() {
                return Err(Refusal::bad("matchHeaders.anyOf must hold a header"));
            }
            let all = all.iter().map(header).collect::<Result<_, Refusal>>()?;
            Ok(RoutingCondition::Headers(all))
        }
        _ => Err(Refusal::bad(
            "a condition is either matchBasePaths or matchHeaders",
        )),
    }
}

/// A header and a pattern with `*` at its start, its end, or both.
fn header(one: &Document) -> Result<(String, String), Refusal> {
    let name = one.required("header", HEADER_NAME_MAX)?;
    let glob = one.required("valueGlob", TEXT_MAX)?;
    let inner = glob.strip_prefix('*').unwrap_or(&glob);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    if inner.contains('*') {
        return Err(Refusal::bad(format!(
            "Invalid valueGlob {glob}: '*' may only stand at the start and at the end"
        )));
    }
    Ok((name, glob))
}
