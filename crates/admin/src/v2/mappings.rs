//! `ApiMapping`: from a custom domain and base path to a stage.

use http::StatusCode;
use model::{ApiMapping, Config, MappingId, MappingPatch, Op, ResourceKind};
use serde::Serialize;

use super::{checks, domains::domain};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    page::page,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MappingShape<'a> {
    api_id: &'a str,
    api_mapping_id: &'a str,
    api_mapping_key: &'a str,
    stage: &'a str,
}

fn shape(mapping: &ApiMapping) -> MappingShape<'_> {
    MappingShape {
        api_id: mapping.api.as_str(),
        api_mapping_id: mapping.id.as_str(),
        api_mapping_key: &mapping.key,
        stage: mapping.stage.as_str(),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let mappings = domain(call.config, call.argument(0))?.mappings.values();
    page(
        call,
        mappings.map(|mapping| (mapping.id.as_str(), shape(mapping))),
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

fn render(config: &Config, name: &str, id: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = domain(config, name)?.mappings.get(id);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::ApiMapping, id))?;
    Answer::json(status, &shape(found))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let key = document.text("apiMappingKey")?.unwrap_or_default();
    checks::mapping_key(&key)?;
    let id = MappingId::from(ids::short());
    let mapping = ApiMapping {
        id: id.clone(),
        api: document.required("apiId", 128)?.into(),
        stage: document.required("stage", 128)?.into(),
        key,
    };
    let name = domain(call.config, call.argument(0))?.name.clone();
    let op = Op::CreateMapping(name.clone(), mapping);
    Ok(Write::showing(op, move |config| {
        render(config, name.as_str(), id.as_str(), StatusCode::CREATED)
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    let key = document.text("apiMappingKey")?;
    checks::mapping_key(key.as_deref().unwrap_or_default())?;
    let patch = MappingPatch {
        api: document.sized("apiId", 1, 128)?.map(Into::into),
        stage: document.sized("stage", 1, 128)?.map(Into::into),
        key,
    };
    let name = domain(call.config, call.argument(0))?.name.clone();
    let id = MappingId::from(call.argument(1));
    let op = Op::UpdateMapping(name.clone(), id.clone(), patch);
    Ok(Write::showing(op, move |config| {
        render(config, name.as_str(), id.as_str(), StatusCode::OK)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = domain(call.config, call.argument(0))?.name.clone();
    Ok(Write::silent(Op::DeleteMapping(
        name,
        call.argument(1).into(),
    )))
}
