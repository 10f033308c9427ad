//! `Stage`.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{Config, Op, ResourceKind, Stage, StageName, StagePatch};
use serde::Serialize;

use super::{api, apis::present, checks};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    page::page,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_gateway_managed: Option<bool>,
    auto_deploy: bool,
    created_date: String,
    default_route_settings: RouteSettingsShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_deployment_status_message: Option<&'a str>,
    last_updated_date: String,
    route_settings: BTreeMap<&'a str, RouteSettingsShape>,
    stage_name: &'a str,
    stage_variables: &'a BTreeMap<String, String>,
    tags: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteSettingsShape {
    detailed_metrics_enabled: bool,
}

fn shape(stage: &Stage) -> StageShape<'_> {
    StageShape {
        api_gateway_managed: stage.managed.then_some(true),
        auto_deploy: stage.auto_deploy,
        created_date: clock::iso(stage.created_ms),
        default_route_settings: RouteSettingsShape {
            detailed_metrics_enabled: false,
        },
        deployment_id: stage.deployment.as_ref().map(|id| id.as_str()),
        description: stage.description.as_deref(),
        last_deployment_status_message: stage.last_deployment_status.as_deref(),
        last_updated_date: clock::iso(stage.updated_ms),
        route_settings: BTreeMap::new(),
        stage_name: stage.name.as_str(),
        stage_variables: &stage.variables,
        tags: &stage.tags,
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let stages = api(call.config, call.argument(0))?.stages.values();
    page(
        call,
        stages.map(|stage| (stage.name.as_str(), shape(stage))),
    )
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(
        call.config,
        call.argument(0),
        call.argument(1),
        StatusCode::OK,
    )
}

fn render(config: &Config, id: &str, name: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = api(config, id)?.stages.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Stage, name))?;
    Answer::json(status, &shape(found))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    supported(document)?;
    let name = document.required("stageName", 128)?;
    checks::stage_name(&name)?;
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
    };
    let api = call.argument(0).to_owned();
    let op = Op::CreateStage(api.as_str().into(), stage);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &name, StatusCode::CREATED)
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    supported(document)?;
    let variables = document.map("stageVariables")?;
    checks::stage_variables(variables.as_ref().unwrap_or(&BTreeMap::new()))?;
    let patch = StagePatch {
        description: document.sized("description", 0, 1024)?,
        deployment: present(document.sized("deploymentId", 0, 128)?).map(Into::into),
        auto_deploy: document.flag("autoDeploy")?,
        variables,
    };
    let (api, name) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let op = Op::UpdateStage(api.as_str().into(), name.as_str().into(), patch);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &name, StatusCode::OK)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, name) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteStage(api, name)))
}

fn supported(document: &Document) -> Result<(), Refusal> {
    document.unsupported(&["clientCertificateId"])?;
    if let Some(log) = document.object("accessLogSettings")? {
        log.unsupported(&["destinationArn", "format"])?;
    }
    if let Some(settings) = document.object("defaultRouteSettings")? {
        checks::route_settings(&settings)?;
    }
    let routes = document.object("routeSettings")?.unwrap_or_default();
    routes
        .members()?
        .iter()
        .try_for_each(checks::route_settings)
}
