//! `Api`: HTTP APIs, quick create included.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    Api, ApiId, ApiKind, ApiPatch, Config, CreateHttpApi, EndpointType, HttpApi, HttpContent, Op,
    QuickCreate, Revision, Route, Stage,
};
use serde::Serialize;

use super::{checks, cors, cors::CorsShape, http, http_api, integrations};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    page::page,
    refusal::Refusal,
};

const ROUTE_SELECTION: &str = "$request.method $request.path";
const API_KEY_SELECTION: &str = "$request.header.x-api-key";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiShape<'a> {
    api_endpoint: String,
    api_id: &'a str,
    api_key_selection_expression: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cors_configuration: Option<CorsShape<'a>>,
    created_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    disable_execute_api_endpoint: bool,
    ip_address_type: &'static str,
    name: &'a str,
    protocol_type: &'static str,
    route_selection_expression: &'a str,
    tags: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

fn shape<'a>(config: &Config, (api, http): (&'a Api, &'a HttpApi)) -> ApiShape<'a> {
    let (id, home, base) = (&api.id, &api.home, config.base_domain());
    let selection = http.api_key_selection_expression.as_deref();
    let routes = http.route_selection_expression.as_deref();
    ApiShape {
        api_endpoint: format!("https://{id}.execute-api.{home}.{base}"),
        api_id: id.as_str(),
        api_key_selection_expression: selection.unwrap_or(API_KEY_SELECTION),
        cors_configuration: http.content.cors.as_ref().map(cors::shape),
        created_date: clock::iso(api.created_ms),
        description: api.description.as_deref(),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        ip_address_type: checks::ip_address_type_text(api.ip_address_type),
        name: &api.name,
        protocol_type: "HTTP",
        route_selection_expression: routes.unwrap_or(ROUTE_SELECTION),
        tags: &api.tags,
        version: api.version.as_deref(),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let apis = call.config.apis.values();
    let apis = apis.filter_map(|api| Some((&**api, http(api)?)));
    page(
        call,
        apis.map(|found| (found.0.id.as_str(), shape(call.config, found))),
    )
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&shape(
        call.config,
        http_api(call.config, call.argument(0))?,
    ))
}

fn showing(op: Op, id: ApiId, status: StatusCode) -> Write {
    Write::showing(op, move |config| {
        Answer::json(status, &shape(config, http_api(config, id.as_str())?))
    })
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    match document.text("protocolType")?.as_deref() {
        Some("HTTP") => {}
        Some("WEBSOCKET") => return Err(Refusal::unsupported("protocolType WEBSOCKET")),
        _ => {
            return Err(Refusal::bad(
                "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]",
            ));
        }
    }
    document.unsupported(&["credentialsArn", "disableSchemaValidation"])?;
    let tags = document.map("tags")?.unwrap_or_default();
    checks::tags(&tags)?;
    let content = HttpContent {
        cors: cors::read(document)?,
        ..HttpContent::default()
    };
    let http = HttpApi {
        content,
        api_key_selection_expression: api_key_selection(call)?,
        route_selection_expression: route_selection(call)?,
    };
    let id = ApiId::from(ids::long());
    let new = Api {
        id: id.clone(),
        name: document.required("name", 128)?,
        description: present(document.sized("description", 0, 1024)?),
        version: present(document.sized("version", 0, 64)?),
        home: call.settings.region.clone(),
        endpoint: checks::endpoint_tag(&tags)?.unwrap_or(EndpointType::Edge),
        created_ms: call.now_ms,
        served: Revision::default(),
        disable_execute_api_endpoint: document.flag("disableExecuteApiEndpoint")?.unwrap_or(false),
        ip_address_type: checks::ip_address_type(document)?.unwrap_or(model::IpAddressType::Ipv4),
        tags,
        kind: ApiKind::Http(http),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    let op = Op::CreateHttpApi(Box::new(CreateHttpApi {
        api: new,
        quick: quick(call)?,
    }));
    Ok(showing(op, id, StatusCode::CREATED))
}

/// `target` makes an integration, a catch-all route and a stage that deploys by itself.
fn quick(call: &Call<'_>) -> Result<Option<QuickCreate>, Refusal> {
    let key = present(call.document.sized("routeKey", 0, 512)?);
    let Some(target) = present(call.document.sized("target", 0, 2048)?) else {
        return match key {
            Some(_) => Err(Refusal::bad(
                "routeKey is for quick create, which needs target",
            )),
            None => Ok(None),
        };
    };
    let integration = integrations::quick(checks::uri("target", target)?);
    let route = Route {
        id: ids::short().into(),
        key: checks::route_key(key.as_deref().unwrap_or("$default"))?,
        target: Some(integration.id.clone()),
        operation_name: None,
        managed: true,
    };
    let stage = Stage {
        name: "$default".into(),
        description: None,
        deployment: None,
        auto_deploy: true,
        variables: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_ms: call.now_ms,
        updated_ms: call.now_ms,
        managed: true,
        last_deployment_status: None,
        rest: None,
    };
    Ok(Some(QuickCreate {
        integration,
        route,
        stage,
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    document.unsupported(&["credentialsArn", "disableSchemaValidation"])?;
    route_selection(call)?;
    let target = present(document.sized("target", 0, 2048)?);
    let key = present(document.sized("routeKey", 0, 512)?);
    let patch = ApiPatch {
        name: document.sized("name", 1, 128)?,
        description: document.sized("description", 0, 1024)?,
        version: document.sized("version", 0, 64)?,
        disable_execute_api_endpoint: document.flag("disableExecuteApiEndpoint")?,
        ip_address_type: checks::ip_address_type(document)?,
        cors: cors::read(document)?,
        api_key_selection_expression: api_key_selection(call)?,
        endpoint: None,
        quick_target: target.map(|uri| checks::uri("target", uri)).transpose()?,
        quick_route_key: key.map(|key| checks::route_key(&key)).transpose()?,
    };
    let id = ApiId::from(call.argument(0));
    Ok(showing(
        Op::UpdateApi(id.clone(), Box::new(patch)),
        id,
        StatusCode::OK,
    ))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteApi(call.argument(0).into())))
}

pub(super) fn delete_cors(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteCors(call.argument(0).into())))
}

/// HTTP APIs route by method and path; Amazon accepts two spellings of that and nothing else.
fn route_selection(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let text = present(call.document.text("routeSelectionExpression")?);
    match text.as_deref() {
        None | Some(ROUTE_SELECTION | "${request.method} ${request.path}") => Ok(None),
        Some(other) => Err(Refusal::bad(format!(
            "Invalid routeSelectionExpression {other}: HTTP APIs use {ROUTE_SELECTION}"
        ))),
    }
}

fn api_key_selection(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let text = present(call.document.text("apiKeySelectionExpression")?);
    match text.as_deref() {
        None | Some(API_KEY_SELECTION | "$context.authorizer.usageIdentifierKey") => Ok(text),
        Some(other) => Err(Refusal::bad(format!(
            "Invalid apiKeySelectionExpression specified: {other}"
        ))),
    }
}

/// An empty text counts as absent when something is made.
pub(super) fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
