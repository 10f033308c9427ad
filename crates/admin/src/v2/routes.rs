//! `Route`: what a request or message leads to, and who may use it.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    ApiId, Config, IntegrationId, Op, ResourceKind, Route, RouteId, RouteKey, RoutePatch,
    rest::AuthorizationType, v2::RouteRules,
};
use serde_json::{Map, Value, json};

use super::{checks, content, kept, route_settings::is_socket, word};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    page::page,
    refusal::Refusal,
    v1::view::{View, object},
};

const ALL: &str = "/v2/apis/{api}/routes";
const ONE: &str = "/v2/apis/{api}/routes/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetRoutes", ALL, list),
    write("CreateRoute", "POST", ALL, create),
    read("GetRoute", ONE, show),
    write("UpdateRoute", "PATCH", ONE, update),
    write("DeleteRoute", "DELETE", ONE, delete),
    write(
        "DeleteRouteRequestParameter",
        "DELETE",
        "/v2/apis/{api}/routes/{id}/requestparameters/{key}",
        delete_parameter,
    ),
];

/// Scopes of one route, as at Amazon.
const SCOPES_MAX: usize = 10;
const AUTHORIZATIONS: [&str; 4] = ["NONE", "AWS_IAM", "CUSTOM", "JWT"];
/// Fields that only routes of WebSocket APIs have.
const SOCKET_ONLY: [&str; 4] = [
    "modelSelectionExpression",
    "requestModels",
    "requestParameters",
    "routeResponseSelectionExpression",
];

fn shape(route: &Route) -> Value {
    let rules = &route.rules;
    let target = route.target.as_ref().map(|id| format!("integrations/{id}"));
    View::default()
        .maybe("apiGatewayManaged", route.managed.then_some(true))
        .put("apiKeyRequired", rules.api_key_required)
        .filled("authorizationScopes", rules.scopes.as_slice().into())
        .put("authorizationType", rules.authorization.as_str())
        .maybe(
            "authorizerId",
            rules.authorizer.as_ref().map(|id| id.as_str()),
        )
        .maybe("modelSelectionExpression", rules.model_selection.as_deref())
        .maybe("operationName", route.operation_name.as_deref())
        .filled("requestModels", object(&rules.request_models))
        .filled(
            "requestParameters",
            constraints_shape(&rules.request_parameters),
        )
        .put("routeId", route.id.as_str())
        .put("routeKey", route.key.to_string())
        .maybe(
            "routeResponseSelectionExpression",
            rules.response_selection.as_deref(),
        )
        .maybe("target", target)
        .done()
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let routes = content(call.config, call.argument(0))?.routes.values();
    page(call, routes.map(|route| (route.id.as_str(), shape(route))))
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(
        call.config,
        call.argument(0),
        call.argument(1),
        StatusCode::OK,
    )
}

fn render(config: &Config, api: &str, id: &str, status: StatusCode) -> Result<Answer, Refusal> {
    Answer::json(status, &shape(found(config, api, id)?))
}

fn found<'c>(config: &'c Config, api: &str, id: &str) -> Result<&'c Route, Refusal> {
    let found = content(config, api)?.routes.get(id);
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::Route, id))?)
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let socket = is_socket(call)?;
    protocol(document, socket)?;
    let id = RouteId::from(ids::short());
    let route = Route {
        id: id.clone(),
        key: route_key(&document.required("routeKey", 512)?, socket)?,
        target: target(document)?.flatten(),
        operation_name: kept(document, "operationName", None)?,
        managed: false,
        rules: Box::new(rules(document)?),
    };
    let api = call.argument(0).to_owned();
    let op = Op::CreateRoute(api.as_str().into(), route);
    Ok(Write::showing(op, move |config| {
        render(config, &api, id.as_str(), StatusCode::CREATED)
    }))
}

fn rules(document: &Document) -> Result<RouteRules, Refusal> {
    let given = document.object("requestParameters")?.unwrap_or_default();
    let authorizer = kept(document, "authorizerId", None)?;
    let authorization = authorization(document)?.unwrap_or(AuthorizationType::None);
    let judged = matches!(
        authorization,
        AuthorizationType::Custom | AuthorizationType::Jwt
    );
    Ok(RouteRules {
        authorization,
        authorizer: authorizer.filter(|_| judged).map(Into::into),
        scopes: scopes(document)?.filter(|_| judged).unwrap_or_default(),
        api_key_required: document.flag("apiKeyRequired")?.unwrap_or(false),
        model_selection: kept(document, "modelSelectionExpression", None)?,
        request_models: document.map("requestModels")?.unwrap_or_default(),
        request_parameters: constraints(&given)?,
        response_selection: response_selection(document)?.filter(|text| !text.is_empty()),
        responses: BTreeMap::new(),
    })
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let socket = is_socket(call)?;
    protocol(document, socket)?;
    let key = document.sized("routeKey", 1, 512)?;
    let given = document.object("requestParameters")?.unwrap_or_default();
    let parameters = constraints(&given)?.into_iter();
    let patch = RoutePatch {
        key: key.map(|key| route_key(&key, socket)).transpose()?,
        target: target(document)?,
        operation_name: document.sized("operationName", 0, 64)?,
        authorization: authorization(document)?,
        authorizer: document.sized("authorizerId", 0, 128)?,
        scopes: scopes(document)?,
        api_key_required: document.flag("apiKeyRequired")?,
        model_selection: document.sized("modelSelectionExpression", 0, 128)?,
        request_models: document.map("requestModels")?,
        request_parameters: parameters.map(|(name, one)| (name, Some(one))).collect(),
        response_selection: response_selection(document)?,
    };
    Ok(patching(call, patch))
}

fn patching(call: &Call<'_>, patch: RoutePatch) -> Write {
    let (api, id) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let op = Op::UpdateRoute(api.as_str().into(), id.as_str().into(), patch);
    Write::showing(op, move |config| render(config, &api, &id, StatusCode::OK))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteRoute(api, id)))
}

fn delete_parameter(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id, name) = (call.argument(0), call.argument(1), call.argument(2));
    let route = found(call.config, api, id)?;
    if !route.rules.request_parameters.contains_key(name) {
        return Err(Refusal::bad(format!(
            "Invalid request parameter key specified {name}"
        )));
    }
    let patch = RoutePatch {
        request_parameters: [(name.to_owned(), None)].into(),
        ..RoutePatch::default()
    };
    let op = Op::UpdateRoute(ApiId::from(api), RouteId::from(id), patch);
    Ok(Write::silent(op))
}

/// What one protocol has and the other has not.
fn protocol(document: &Document, socket: bool) -> Result<(), Refusal> {
    if socket {
        if document.text("authorizationType")?.as_deref() == Some("JWT") {
            return Err(Refusal::bad(
                "JWT authorization is supported only for HTTP APIs",
            ));
        }
        return Ok(());
    }
    for name in SOCKET_ONLY {
        let mut given = document.names();
        if given.any(|given| given == name) && document.unsupported(&[name]).is_err() {
            return Err(Refusal::bad(format!(
                "{name} is supported only for WebSocket APIs"
            )));
        }
    }
    if document.flag("apiKeyRequired")? == Some(true) {
        return Err(Refusal::bad(
            "API keys are not supported for protocolType HTTP",
        ));
    }
    Ok(())
}

pub(super) fn route_key(text: &str, socket: bool) -> Result<RouteKey, Refusal> {
    if !socket {
        return checks::route_key(text);
    }
    match text {
        "$default" => Ok(RouteKey::Default),
        "$connect" | "$disconnect" => Ok(RouteKey::Message(text.to_owned())),
        own if !own.starts_with('$') && !own.chars().any(char::is_control) => {
            Ok(RouteKey::Message(own.to_owned()))
        }
        _ => Err(Refusal::bad(
            "The provided route key is not formatted properly: only $connect, $disconnect and \
             $default begin with '$'",
        )),
    }
}

fn authorization(document: &Document) -> Result<Option<AuthorizationType>, Refusal> {
    let known = |word: &str| {
        AuthorizationType::parse(word).filter(|kind| AUTHORIZATIONS.contains(&kind.as_str()))
    };
    word(document, "authorizationType", known, &AUTHORIZATIONS)
}

fn scopes(document: &Document) -> Result<Option<Vec<String>>, Refusal> {
    let scopes = document.texts("authorizationScopes")?;
    if scopes
        .as_ref()
        .is_some_and(|scopes| scopes.len() > SCOPES_MAX)
    {
        return Err(Refusal::bad(format!(
            "at most {SCOPES_MAX} authorizationScopes are allowed"
        )));
    }
    Ok(scopes)
}

fn response_selection(document: &Document) -> Result<Option<String>, Refusal> {
    let text = document.text("routeResponseSelectionExpression")?;
    match text.as_deref() {
        None | Some("" | "$default") => Ok(text),
        Some(other) => Err(Refusal::bad(format!(
            "Invalid routeResponseSelectionExpression {other}: only $default is allowed"
        ))),
    }
}

/// `{NAME: {"required": FLAG}}`.
pub(super) fn constraints(given: &Document) -> Result<BTreeMap<String, bool>, Refusal> {
    let names: Vec<String> = given.names().map(str::to_owned).collect();
    let members = given.members()?;
    let pairs = names.into_iter().zip(&members);
    pairs
        .map(|(name, one)| Ok((name, one.flag("required")?.unwrap_or(false))))
        .collect()
}

pub(super) fn constraints_shape(all: &BTreeMap<String, bool>) -> Value {
    let fields = all.iter();
    let fields = fields.map(|(name, required)| (name.clone(), json!({ "required": required })));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// `integrations/ID`; an empty text takes the target away.
fn target(document: &Document) -> Result<Option<Option<IntegrationId>>, Refusal> {
    let Some(text) = document.sized("target", 0, 128)? else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(Some(None));
    }
    match text
        .strip_prefix("integrations/")
        .filter(|id| !id.is_empty())
    {
        Some(id) => Ok(Some(Some(id.into()))),
        None => Err(Refusal::bad(format!(
            "Invalid target {text}: it must be of the form integrations/{{integrationId}}"
        ))),
    }
}
