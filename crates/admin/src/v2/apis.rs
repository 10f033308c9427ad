//! `Api`: HTTP and WebSocket APIs, quick create included.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    Api, ApiId, ApiKind, ApiPatch, Config, CreateHttpApi, EndpointType, HttpApi, HttpContent, Op,
    QuickCreate, ResourceKind, Revision, Route, Stage, v2::WebSocketApi,
};
use serde::Serialize;

use super::{api, checks, cors, cors::CorsShape, integrations, route_settings};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    ids,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_schema_validation: Option<bool>,
    ip_address_type: &'static str,
    name: &'a str,
    protocol_type: &'static str,
    route_selection_expression: &'a str,
    tags: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

fn shape<'a>(config: &Config, api: &'a Api) -> Option<ApiShape<'a>> {
    let (id, home, base) = (&api.id, &api.home, config.base_domain());
    let content = api.v2_content()?;
    let (selection, routes, unchecked) = match &api.kind {
        ApiKind::Http(http) => (
            http.api_key_selection_expression.as_deref(),
            http.route_selection_expression.as_deref(),
            None,
        ),
        ApiKind::WebSocket(socket) => (
            socket.api_key_selection_expression.as_deref(),
            Some(socket.route_selection_expression.as_str()),
            Some(socket.disable_schema_validation),
        ),
        ApiKind::Rest(_) => return None,
    };
    let scheme = if unchecked.is_some() { "wss" } else { "https" };
    Some(ApiShape {
        api_endpoint: format!("{scheme}://{id}.execute-api.{home}.{base}"),
        api_id: id.as_str(),
        api_key_selection_expression: selection.unwrap_or(API_KEY_SELECTION),
        cors_configuration: content.cors.as_ref().map(cors::shape),
        created_date: clock::iso(api.created_ms),
        description: api.description.as_deref(),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        disable_schema_validation: unchecked.filter(|unchecked| *unchecked),
        ip_address_type: checks::ip_address_type_text(api.ip_address_type),
        name: &api.name,
        protocol_type: if unchecked.is_some() {
            "WEBSOCKET"
        } else {
            "HTTP"
        },
        route_selection_expression: routes.unwrap_or(ROUTE_SELECTION),
        tags: &api.tags,
        version: api.version.as_deref(),
    })
}

fn shown<'c>(config: &'c Config, id: &str) -> Result<ApiShape<'c>, Refusal> {
    let missing = || Refusal::not_found(ResourceKind::Api, id);
    shape(config, api(config, id)?).ok_or_else(missing)
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let apis = call.config.apis.values();
    let shown = apis.filter_map(|api| Some((api.id.as_str(), shape(call.config, api)?)));
    page(call, shown)
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&shown(call.config, call.argument(0))?)
}

fn showing(op: Op, id: ApiId, status: StatusCode) -> Write {
    Write::showing(op, move |config| {
        Answer::json(status, &shown(config, id.as_str())?)
    })
}

/// An API that a file has made or changed, with what there is to say of the file.
pub(super) fn imported(config: &Config, id: &str, warnings: &[String]) -> Result<Answer, Refusal> {
    let mut value = serde_json::to_value(shown(config, id)?)
        .map_err(|error| Refusal::Internal(error.to_string()))?;
    if let Some(fields) = value.as_object_mut().filter(|_| !warnings.is_empty()) {
        fields.insert("warnings".to_owned(), warnings.into());
    }
    Answer::json(StatusCode::CREATED, &value)
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let socket = match document.text("protocolType")?.as_deref() {
        Some("HTTP") => false,
        Some("WEBSOCKET") => true,
        _ => {
            return Err(Refusal::bad(
                "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]",
            ));
        }
    };
    let tags = document.map("tags")?.unwrap_or_default();
    checks::tags(&tags)?;
    let kind = if socket {
        web_socket(call)?
    } else {
        http(call)?
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
        kind,
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    let quick = if socket { None } else { quick(call)? };
    let op = Op::CreateHttpApi(Box::new(CreateHttpApi { api: new, quick }));
    Ok(showing(op, id, StatusCode::CREATED))
}

fn http(call: &Call<'_>) -> Result<ApiKind, Refusal> {
    call.document.unsupported(&["disableSchemaValidation"])?;
    let content = HttpContent {
        cors: cors::read(&call.document)?,
        ..HttpContent::default()
    };
    Ok(ApiKind::Http(HttpApi {
        content,
        api_key_selection_expression: api_key_selection(call)?,
        route_selection_expression: route_selection(call)?,
    }))
}

/// Fields that only HTTP APIs have.
const HTTP_ONLY: [&str; 4] = ["corsConfiguration", "credentialsArn", "routeKey", "target"];

fn web_socket(call: &Call<'_>) -> Result<ApiKind, Refusal> {
    let document = &call.document;
    http_only(document)?;
    let selection = present(document.sized("routeSelectionExpression", 0, 128)?);
    let selection = selection.ok_or_else(|| {
        Refusal::bad("RouteSelectionExpression is a required parameter for WebSocket APIs")
    })?;
    Ok(ApiKind::WebSocket(Box::new(WebSocketApi {
        content: HttpContent::default(),
        route_selection_expression: socket_selection(selection)?,
        api_key_selection_expression: api_key_selection(call)?,
        disable_schema_validation: document.flag("disableSchemaValidation")?.unwrap_or(false),
    })))
}

fn http_only(document: &Document) -> Result<(), Refusal> {
    match HTTP_ONLY
        .iter()
        .find(|name| document.unsupported(&[name]).is_err())
    {
        Some(name) => Err(Refusal::bad(format!(
            "{name} is supported only for HTTP APIs"
        ))),
        None => Ok(()),
    }
}

/// Parts of a message's body, alone or between `${` and `}` with other text.
fn socket_selection(text: String) -> Result<String, Refusal> {
    let part = |part: &str| part.starts_with("request.body.") && !part.contains(['{', '}', '$']);
    let whole = text.strip_prefix('$').is_some_and(part);
    let mut pieces = text.split("${").skip(1).peekable();
    let several = pieces.peek().is_some()
        && pieces.all(|piece| piece.split_once('}').is_some_and(|(name, _)| part(name)));
    if whole || several {
        return Ok(text);
    }
    Err(Refusal::bad(format!(
        "Invalid routeSelectionExpression {text}: it must be of the form $request.body.NAME or \
         ${{request.body.NAME}}"
    )))
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
    let credentials = present(call.document.sized("credentialsArn", 0, 2048)?);
    let integration = integrations::quick(quick_target(target)?, credentials);
    let route = Route {
        id: ids::short().into(),
        key: checks::route_key(key.as_deref().unwrap_or("$default"))?,
        target: Some(integration.id.clone()),
        operation_name: None,
        managed: true,
        rules: Box::default(),
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
        v2: None,
    };
    Ok(Some(QuickCreate {
        integration,
        route,
        stage,
    }))
}

/// An HTTP backend, or a function by its ARN.
fn quick_target(uri: String) -> Result<String, Refusal> {
    if uri.starts_with("arn:") {
        return Ok(uri);
    }
    checks::uri("target", uri)
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let id = ApiId::from(call.argument(0));
    let socket = route_settings::is_socket(call)?;
    let mut patch = ApiPatch {
        name: document.sized("name", 1, 128)?,
        description: document.sized("description", 0, 1024)?,
        version: document.sized("version", 0, 64)?,
        disable_execute_api_endpoint: document.flag("disableExecuteApiEndpoint")?,
        ip_address_type: checks::ip_address_type(document)?,
        api_key_selection_expression: api_key_selection(call)?,
        ..ApiPatch::default()
    };
    if socket {
        http_only(document)?;
        let selection = document.sized("routeSelectionExpression", 1, 128)?;
        patch.route_selection_expression = selection.map(socket_selection).transpose()?;
        patch.disable_schema_validation = document.flag("disableSchemaValidation")?;
    } else {
        document.unsupported(&["disableSchemaValidation"])?;
        route_selection(call)?;
        let target = present(document.sized("target", 0, 2048)?);
        let key = present(document.sized("routeKey", 0, 512)?);
        patch.cors = cors::read(document)?;
        patch.quick_target = target.map(quick_target).transpose()?;
        patch.quick_route_key = key.map(|key| checks::route_key(&key)).transpose()?;
        patch.quick_credentials = document.sized("credentialsArn", 0, 2048)?;
    }
    let op = Op::UpdateApi(id.clone(), Box::new(patch));
    Ok(showing(op, id, StatusCode::OK))
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
