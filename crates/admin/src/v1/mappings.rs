//! `BasePathMapping`: the same objects as v2's API mappings, called by their base path.

use http::StatusCode;
use model::{ApiId, ApiMapping, Config, DomainId, MappingId, MappingPatch, Op, StageName};
use serde_json::Value;

use super::{
    checks, domains, input, kind,
    patch::{self, Holds, R, Rule, rule},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/domainnames/{domain}/basepathmappings";
const ONE: &str = "/domainnames/{domain}/basepathmappings/{path}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetBasePathMappings", ALL, list),
    write("CreateBasePathMapping", "POST", ALL, create),
    read("GetBasePathMapping", ONE, show),
    write("UpdateBasePathMapping", "PATCH", ONE, update),
    write("DeleteBasePathMapping", "DELETE", ONE, delete),
];

const RULES: &[Rule] = &[
    rule("/basePath", R, Holds::Text),
    rule("/restapiId", R, Holds::Text),
    // Terraform writes it so.
    rule("/restApiId", R, Holds::Text),
    rule("/stage", R, Holds::Text),
];

/// How an empty base path is written.
const NONE: &str = "(none)";

fn shape(mapping: &ApiMapping) -> Value {
    let path = if mapping.key.is_empty() {
        NONE
    } else {
        &mapping.key
    };
    let stage = Some(mapping.stage.as_str()).filter(|stage| !stage.is_empty());
    View::default()
        .put("basePath", path)
        .put("restApiId", mapping.api.as_str())
        .maybe("stage", stage)
        .done()
}

fn found<'c>(config: &'c Config, name: &str, path: &str) -> Result<&'c ApiMapping, Refusal> {
    let key = if path == NONE { "" } else { path };
    let mut mappings = domains::domain(config, name)?.mappings.values();
    mappings.find(|mapping| mapping.key == key).ok_or_else(|| {
        Refusal::Missing("Invalid base path mapping identifier specified".to_owned())
    })
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let domain = domains::domain(call.config, call.argument(0))?;
    let mut mappings: Vec<&ApiMapping> = domain.mappings.values().collect();
    mappings.sort_by(|a, b| a.key.cmp(&b.key));
    // The token is never empty, even if the key is.
    let named = mappings
        .into_iter()
        .map(|one| (format!("/{}", one.key), shape(one)));
    kind::list(call, named)
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&shape(found(
        call.config,
        call.argument(0),
        call.argument(1),
    )?))
}

fn showing(op: Op, name: DomainId, id: MappingId, status: StatusCode) -> Write {
    Write::showing(op, move |config| {
        let domain = domains::domain(config, name.as_str())?;
        let mapping = domain.mappings.get(&id).ok_or_else(domains::missing)?;
        Answer::json(status, &shape(mapping))
    })
}

/// The base path as it is kept.
fn base_path(text: Option<String>) -> Result<String, Refusal> {
    let text = text.filter(|text| text != NONE).unwrap_or_default();
    if text.contains('/') {
        return Err(Refusal::bad(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To \
             create a multi-level base path mapping, use API Gateway V2.",
        ));
    }
    crate::v2::mapping_key(&text)?;
    Ok(text)
}

fn free(config: &Config, name: &str, key: &str) -> Result<(), Refusal> {
    if found(config, name, key).is_err() {
        return Ok(());
    }
    Err(Refusal::Conflict(
        "Base path already exists for this domain name".to_owned(),
    ))
}

/// An API and a stage that a domain may lead to; a REST API's stage may be left to the path.
fn target(config: &Config, api: &str, stage: &str) -> Result<(ApiId, StageName), Refusal> {
    let known = config.apis.get(api);
    let known = known.ok_or_else(|| Refusal::bad("Invalid REST API identifier specified"))?;
    let named = known.stages.contains_key(stage);
    if named || (stage.is_empty() && config.rest_api(api).is_some()) {
        return Ok((api.into(), stage.into()));
    }
    Err(Refusal::bad("Invalid stage identifier specified"))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let input = input(call);
    let domain = domains::domain(call.config, call.argument(0))?;
    let key = base_path(input.text("basePath")?)?;
    let api = input.text("restApiId")?.unwrap_or_default();
    let stage = checks::optional(&input, "stage")?.unwrap_or_default();
    let (api, stage) = target(call.config, &api, &stage)?;
    free(call.config, domain.name.as_str(), &key)?;
    let id = MappingId::from(ids::short());
    let mapping = ApiMapping {
        id: id.clone(),
        api,
        stage,
        key,
    };
    let name = domain.name.clone();
    let op = Op::CreateMapping(name.clone(), mapping);
    Ok(showing(op, name, id, StatusCode::CREATED))
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let domain = domains::domain(call.config, call.argument(0))?;
    let known = found(call.config, call.argument(0), call.argument(1))?;
    let patched = patch::apply(shape(known), RULES, &patch::steps(call)?)?;
    let text = |name: &str| patched.get(name).and_then(Value::as_str).map(str::to_owned);
    let key = base_path(text("basePath"))?;
    if key != known.key {
        free(call.config, domain.name.as_str(), &key)?;
    }
    let own = text("restApiId").filter(|id| *id != known.api.as_str());
    let api = own.or_else(|| text("restapiId"));
    let api = api.unwrap_or_else(|| known.api.to_string());
    let stage = text("stage").unwrap_or_default();
    let (api, stage) = target(call.config, &api, &stage)?;
    let patch = MappingPatch {
        api: Some(api).filter(|new| *new != known.api),
        stage: Some(stage).filter(|new| *new != known.stage),
        key: Some(key).filter(|new| *new != known.key),
    };
    let (name, id) = (domain.name.clone(), known.id.clone());
    let op = Op::UpdateMapping(name.clone(), id.clone(), patch);
    Ok(showing(op, name, id, StatusCode::OK))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = domains::domain(call.config, call.argument(0))?.name.clone();
    let id = found(call.config, call.argument(0), call.argument(1))?
        .id
        .clone();
    Ok(Write::showing(Op::DeleteMapping(name, id), |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
