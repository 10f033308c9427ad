//! `Deployment`: frozen copies of a REST API.

use http::StatusCode;
use model::{
    Api, Config, Content, Deployment, DeploymentId, Op,
    rest::{Canary, Deploy, DeployStage},
};
use serde_json::{Map, Value};

use super::{
    checks,
    kind::{self, api},
    patch::{self, Holds, R, Rule, rule},
    stage_settings,
    view::{View, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/restapis/{api}/deployments";
const ONE: &str = "/restapis/{api}/deployments/{deployment}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetDeployments", ALL, list),
    write("CreateDeployment", "POST", ALL, create),
    read("GetDeployment", ONE, show),
    write("UpdateDeployment", "PATCH", ONE, update),
    write("DeleteDeployment", "DELETE", ONE, delete),
];

const RULES: &[Rule] = &[rule("/description", R, Holds::Text)];

fn fields(deployment: &Deployment) -> View {
    View::default()
        .put("id", deployment.id.as_str())
        .maybe("description", deployment.description.as_deref())
        .put("createdDate", seconds(deployment.created_ms))
}

/// `{PATH: {VERB: {authorizationType, apiKeyRequired}}}`
fn summary(deployment: &Deployment) -> Value {
    let Content::Rest(content) = &deployment.content else {
        return Value::Object(Map::new());
    };
    let resources = content.resources.values();
    let resources = resources.filter(|resource| !resource.methods.is_empty());
    let paths = resources.map(|resource| {
        let methods = resource.methods.iter().map(|(verb, method)| {
            let view = View::default()
                .put("authorizationType", method.settings.authorization.as_str())
                .put("apiKeyRequired", method.settings.api_key_required);
            (verb.to_string(), view.done())
        });
        (content.path(&resource.id), Value::Object(methods.collect()))
    });
    Value::Object(paths.collect())
}

fn found<'a>(api: &'a Api, id: &str) -> Result<&'a Deployment, Refusal> {
    let found = api.deployments.get(id);
    found
        .map(|found| &**found)
        .ok_or_else(|| Refusal::Missing("Invalid Deployment identifier specified".to_owned()))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let deployments = api(call)?.0.deployments.values();
    kind::list(
        call,
        deployments.map(|one| (one.id.as_str(), fields(one).done())),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let deployment = found(api(call)?.0, call.argument(1))?;
    let view = fields(deployment);
    let mut asked = call.query.iter().filter(|(name, _)| name == "embed");
    let embedded = asked.any(|(_, what)| what.split(',').any(|one| one == "apisummary"));
    Answer::ok(&if embedded {
        view.put("apiSummary", summary(deployment)).done()
    } else {
        view.done()
    })
}

fn showing(call: &Call<'_>, op: Op, id: DeploymentId, status: StatusCode) -> Write {
    let api = call.argument(0).to_owned();
    Write::showing(op, move |config: &Config| {
        let known = config.rest_api(&api);
        let (known, _) = known.ok_or_else(|| kind::unknown_api(config, &api))?;
        Answer::json(status, &fields(found(known, id.as_str())?).done())
    })
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = api(call)?.0.id.clone();
    let deployment = DeploymentId::from(ids::deployment());
    let deploy = Deploy {
        id: deployment.clone(),
        description: checks::optional(&call.document, "description")?,
        stage: stage(&call.document)?,
    };
    let op = Op::DeployRest(id, Box::new(deploy));
    Ok(showing(call, op, deployment, StatusCode::CREATED))
}

/// What is to happen to the stage that the request names.
fn stage(input: &Document) -> Result<Option<DeployStage>, Refusal> {
    let canary = input.object("canarySettings")?;
    let canary = canary.as_ref().map(canary_settings).transpose()?;
    let Some(name) = checks::optional(input, "stageName")? else {
        if canary.is_some() {
            return Err(Refusal::bad(
                "Invalid deployment content specified.Non null and non empty stageName must be \
                 provided for canary deployment. Provided value is null",
            ));
        }
        return Ok(None);
    };
    stage_settings::name(&name)?;
    let variables = input.map("variables")?;
    checks::variables(variables.as_ref().unwrap_or(&Default::default()))?;
    Ok(Some(DeployStage {
        name: name.into(),
        description: checks::optional(input, "stageDescription")?,
        variables,
        cache_cluster: input.flag("cacheClusterEnabled")?,
        cache_size: stage_settings::cache_size(input)?,
        tracing: input.flag("tracingEnabled")?,
        canary,
    }))
}

fn canary_settings(input: &Document) -> Result<Canary, Refusal> {
    let canary = stage_settings::canary(input)?;
    Ok(Canary {
        deployment: None,
        ..canary
    })
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let api = api(call)?.0;
    let deployment = found(api, call.argument(1))?;
    let view = View::default().maybe("description", deployment.description.as_deref());
    let patched = patch::apply(view.done(), RULES, &patch::steps(call)?)?;
    let description = patched.get("description").and_then(Value::as_str);
    let id = deployment.id.clone();
    let op = Op::UpdateDeployment(api.id.clone(), id.clone(), description.map(str::to_owned));
    Ok(showing(call, op, id, StatusCode::OK))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let api = api(call)?.0;
    let id = found(api, call.argument(1))?.id.clone();
    let op = Op::DeleteDeployment(api.id.clone(), id);
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
