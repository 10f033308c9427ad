//! `Deployment`.

use http::StatusCode;
use model::{Config, Deployment, DeploymentId, Op, ResourceKind};
use serde::Serialize;

use super::{api, apis::present};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    page::page,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentShape<'a> {
    auto_deployed: bool,
    created_date: String,
    deployment_id: &'a str,
    /// An applied change is deployed; how far it has spread is told by revisions.
    deployment_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

fn shape(deployment: &Deployment) -> DeploymentShape<'_> {
    DeploymentShape {
        auto_deployed: deployment.auto,
        created_date: clock::iso(deployment.created_ms),
        deployment_id: deployment.id.as_str(),
        deployment_status: "DEPLOYED",
        description: deployment.description.as_deref(),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let deployments = api(call.config, call.argument(0))?.deployments.values();
    page(call, deployments.map(|one| (one.id.as_str(), shape(one))))
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
    let found = api(config, id)?.deployments.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Deployment, name))?;
    Answer::json(status, &shape(found))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = DeploymentId::from(ids::deployment());
    let stage = present(call.document.sized("stageName", 0, 128)?);
    let api = call.argument(0).to_owned();
    let op = Op::CreateDeployment {
        api: api.as_str().into(),
        id: id.clone(),
        description: present(call.document.sized("description", 0, 1024)?),
        stage: stage.map(Into::into),
    };
    Ok(Write::showing(op, move |config| {
        render(config, &api, id.as_str(), StatusCode::CREATED)
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let Some(description) = call.document.sized("description", 0, 1024)? else {
        // Nothing to alter: showing it is all there is to do.
        let missing = || Refusal::not_found(ResourceKind::Deployment, &id);
        let found = super::api(call.config, &api)?.deployments.get(id.as_str());
        let kept = found.ok_or_else(missing)?.description.clone();
        return Ok(updating(api, id, kept));
    };
    Ok(updating(api, id, Some(description)))
}

fn updating(api: String, id: String, description: Option<String>) -> Write {
    let op = Op::UpdateDeployment(api.as_str().into(), id.as_str().into(), description);
    Write::showing(op, move |config| render(config, &api, &id, StatusCode::OK))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteDeployment(api, id)))
}
