//! `Route`: open routes to an integration.

use http::StatusCode;
use model::{Config, IntegrationId, Op, ResourceKind, Route, RouteId, RoutePatch};
use serde::Serialize;

use super::{apis::present, checks, content};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    page::page,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_gateway_managed: Option<bool>,
    api_key_required: bool,
    authorization_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
    route_id: &'a str,
    route_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

fn shape(route: &Route) -> RouteShape<'_> {
    RouteShape {
        api_gateway_managed: route.managed.then_some(true),
        api_key_required: false,
        authorization_type: "NONE",
        operation_name: route.operation_name.as_deref(),
        route_id: route.id.as_str(),
        route_key: route.key.to_string(),
        target: route.target.as_ref().map(|id| format!("integrations/{id}")),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let routes = content(call.config, call.argument(0))?.routes.values();
    page(call, routes.map(|route| (route.id.as_str(), shape(route))))
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(
        call.config,
        call.argument(0),
        call.argument(1),
        StatusCode::OK,
    )
}

fn render(config: &Config, api: &str, id: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = content(config, api)?.routes.get(id);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Route, id))?;
    Answer::json(status, &shape(found))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    supported(document)?;
    let id = RouteId::from(ids::short());
    let route = Route {
        id: id.clone(),
        key: checks::route_key(&document.required("routeKey", 512)?)?,
        target: target(document)?.flatten(),
        operation_name: present(document.sized("operationName", 0, 64)?),
        managed: false,
    };
    let api = call.argument(0).to_owned();
    let op = Op::CreateRoute(api.as_str().into(), route);
    Ok(Write::showing(op, move |config| {
        render(config, &api, id.as_str(), StatusCode::CREATED)
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    supported(document)?;
    let key = document.sized("routeKey", 1, 512)?;
    let patch = RoutePatch {
        key: key.map(|key| checks::route_key(&key)).transpose()?,
        target: target(document)?,
        operation_name: document.sized("operationName", 0, 64)?,
    };
    let (api, id) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let op = Op::UpdateRoute(api.as_str().into(), id.as_str().into(), patch);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &id, StatusCode::OK)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteRoute(api, id)))
}

fn supported(document: &Document) -> Result<(), Refusal> {
    document.unsupported(&[
        "apiKeyRequired",
        "authorizationScopes",
        "authorizerId",
        "modelSelectionExpression",
        "requestModels",
        "requestParameters",
        "routeResponseSelectionExpression",
    ])?;
    document.only("authorizationType", "NONE", &["AWS_IAM", "CUSTOM", "JWT"])
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
