//! `Stage`.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    Api, ApiKind, Config, Op, ResourceKind, Stage, StageName, StagePatch,
    v2::{RouteSettings, StageSettings},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    api,
    apis::present,
    checks,
    route_settings::{self, is_socket},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    operation::{Operation, read, write},
    page::page,
    refusal::Refusal,
};

const ALL: &str = "/v2/apis/{api}/stages";
const ONE: &str = "/v2/apis/{api}/stages/{name}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetStages", ALL, list),
    write("CreateStage", "POST", ALL, create),
    read("GetStage", ONE, show),
    write("UpdateStage", "PATCH", ONE, update),
    write("DeleteStage", "DELETE", ONE, delete),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_log_settings: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_gateway_managed: Option<bool>,
    auto_deploy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate_id: Option<&'a str>,
    created_date: String,
    default_route_settings: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_deployment_status_message: Option<&'a str>,
    last_updated_date: String,
    route_settings: Value,
    stage_name: &'a str,
    stage_variables: &'a BTreeMap<String, String>,
    tags: &'a BTreeMap<String, String>,
}

fn shape(api: &Api, stage: &Stage) -> Result<Value, Refusal> {
    let socket = matches!(api.kind, ApiKind::WebSocket(_));
    let settings = stage.v2().cloned().unwrap_or_default();
    let log = settings.access_log.as_ref();
    let certificate = settings.client_certificate.as_ref();
    let shape = StageShape {
        access_log_settings: log.map(route_settings::access_log_shape),
        api_gateway_managed: stage.managed.then_some(true),
        auto_deploy: stage.auto_deploy,
        created_date: clock::iso(stage.created_ms),
        client_certificate_id: certificate.map(|id| id.as_str()),
        default_route_settings: route_settings::settings_shape(&settings.default_route, socket),
        deployment_id: stage.deployment.as_ref().map(|id| id.as_str()),
        description: stage.description.as_deref(),
        last_deployment_status_message: stage.last_deployment_status.as_deref(),
        last_updated_date: clock::iso(stage.updated_ms),
        route_settings: route_settings::all_shape(&settings.routes, socket),
        stage_name: stage.name.as_str(),
        stage_variables: &stage.variables,
        tags: &stage.tags,
    };
    serde_json::to_value(shape).map_err(|error| Refusal::Internal(error.to_string()))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let api = api(call.config, call.argument(0))?;
    let shown = api.stages.values().map(|stage| {
        let name = stage.name.as_str();
        shape(api, stage).map(|shape| (name, shape))
    });
    let shown: Vec<_> = shown.collect::<Result<_, _>>()?;
    page(call, shown.into_iter())
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(
        call.config,
        call.argument(0),
        call.argument(1),
        StatusCode::OK,
    )
}

fn render(config: &Config, id: &str, name: &str, status: StatusCode) -> Result<Answer, Refusal> {
    Answer::json(status, &shape(api(config, id)?, found(config, id, name)?)?)
}

fn found<'c>(config: &'c Config, id: &str, name: &str) -> Result<&'c Stage, Refusal> {
    let found = api(config, id)?.stages.get(name);
    found.ok_or_else(|| Refusal::not_found(ResourceKind::Stage, name))
}

/// The stage that the path names must be there.
pub(super) fn there(call: &Call<'_>) -> Result<(), Refusal> {
    found(call.config, call.argument(0), call.argument(1)).map(|_| ())
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let socket = is_socket(call)?;
    let name = document.required("stageName", 128)?;
    checks::stage_name(&name)?;
    if socket && name == "$default" {
        return Err(Refusal::bad("Stage name only allows a-zA-Z0-9_-"));
    }
    let variables = document.map("stageVariables")?.unwrap_or_default();
    checks::stage_variables(&variables)?;
    let tags = document.map("tags")?.unwrap_or_default();
    checks::tags(&tags)?;
    let deployment = present(document.sized("deploymentId", 0, 128)?);
    let auto_deploy = document.flag("autoDeploy")?.unwrap_or(false);
    if auto_deploy && deployment.is_some() {
        return Err(Refusal::bad(
            "deploymentId cannot be given for a stage with autoDeploy",
        ));
    }
    let stage = Stage {
        name: StageName::from(name.as_str()),
        description: present(document.sized("description", 0, 1024)?),
        deployment: deployment.map(Into::into),
        auto_deploy,
        variables,
        tags,
        created_ms: call.now_ms,
        updated_ms: call.now_ms,
        managed: false,
        last_deployment_status: None,
        rest: None,
        v2: settings(document, socket)?,
    };
    let api = call.argument(0).to_owned();
    let op = Op::CreateStage(api.as_str().into(), stage);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &name, StatusCode::CREATED)
    }))
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let socket = is_socket(call)?;
    let stage = found(call.config, call.argument(0), call.argument(1))?;
    let variables = document.map("stageVariables")?;
    let variables = variables.map(|given| merged(&stage.variables, given));
    checks::stage_variables(variables.as_ref().unwrap_or(&BTreeMap::new()))?;
    let patch = StagePatch {
        description: document.sized("description", 0, 1024)?,
        deployment: present(document.sized("deploymentId", 0, 128)?).map(Into::into),
        auto_deploy: document.flag("autoDeploy")?,
        variables,
        access_log: route_settings::access_log(document)?.map(Some),
        client_certificate: document.sized("clientCertificateId", 0, 128)?,
        default_route: default_route(document, socket)?,
        route_settings: route_settings::all_settings(document, socket)?
            .into_iter()
            .map(|(key, one)| (key, Some(one)))
            .collect(),
        reset_authorizers: false,
    };
    let (api, name) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let op = Op::UpdateStage(api.as_str().into(), name.as_str().into(), patch);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &name, StatusCode::OK)
    }))
}

/// Variables are altered one by one: those that are not given stay, an empty text takes one away.
fn merged(
    present: &BTreeMap<String, String>,
    given: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all = present.clone();
    all.extend(given);
    all.retain(|_, value| !value.is_empty());
    all
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, name) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteStage(api, name)))
}

fn default_route(document: &Document, socket: bool) -> Result<Option<RouteSettings>, Refusal> {
    let given = document.object("defaultRouteSettings")?;
    let read = |given: Document| route_settings::settings(&given, socket);
    given.map(read).transpose()
}

/// What a new stage has beside the rest; nothing for most.
fn settings(document: &Document, socket: bool) -> Result<Option<Box<StageSettings>>, Refusal> {
    let certificate = present(document.sized("clientCertificateId", 0, 128)?);
    let settings = StageSettings {
        access_log: route_settings::access_log(document)?,
        client_certificate: certificate.map(Into::into),
        default_route: default_route(document, socket)?.unwrap_or_default(),
        routes: route_settings::all_settings(document, socket)?,
        authorizer_resets: 0,
    };
    Ok((settings != StageSettings::default()).then(|| Box::new(settings)))
}
