//! `Stage`: where a deployment is served.

use model::{
    ClientCertificateId, Config, DeploymentId, Stage, StageName,
    rest::{RestKey, RestPart, StageSettings},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part, api},
    patch::{self, ARD, Absent, D, Holds, R, RD, Rule, Step, Verb, rule},
    stage_settings,
    view::{View, object, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/restapis/{api}/stages";
const ONE: &str = "/restapis/{api}/stages/{stage}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetStages", ALL, list),
    write("CreateStage", "POST", ALL, create),
    read("GetStage", ONE, kind::show::<Stages>),
    write("UpdateStage", "PATCH", ONE, kind::update::<Stages>),
    write("DeleteStage", "DELETE", ONE, delete),
    write(
        "FlushStageAuthorizersCache",
        "DELETE",
        "/restapis/{api}/stages/{stage}/cache/authorizers",
        flush_authorizers,
    ),
    write(
        "FlushStageCache",
        "DELETE",
        "/restapis/{api}/stages/{stage}/cache/data",
        flush_cache,
    ),
];

struct Stages;

impl Kind for Stages {
    type Item = Stage;

    const RULES: &'static [Rule] = &[
        rule("/deploymentId", R, Holds::Text),
        rule("/variables", D, Holds::Object),
        rule("/variables/*", RD, Holds::Entry(Absent::Added)),
        rule("/description", R, Holds::Text),
        rule("/documentationVersion", R, Holds::Text),
        rule("/clientCertificateId", R, Holds::Text),
        rule("/cacheClusterEnabled", R, Holds::Flag),
        rule("/cacheClusterSize", R, Holds::Text),
        rule("/tracingEnabled", R, Holds::Flag),
        rule("/accessLogSettings", D, Holds::Object),
        rule("/accessLogSettings/destinationArn", ARD, Holds::Text),
        rule("/accessLogSettings/format", ARD, Holds::Text),
        rule("/canarySettings", D, Holds::Object),
        rule("/canarySettings/deploymentId", R, Holds::Text),
        rule("/canarySettings/percentTraffic", R, Holds::Double),
        rule("/canarySettings/stageVariableOverrides", D, Holds::Object),
        rule(
            "/canarySettings/stageVariableOverrides/*",
            RD,
            Holds::Entry(Absent::Added),
        ),
        rule("/canarySettings/useStageCache", R, Holds::Flag),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        Ok(Key::Rest(id, RestKey::Stage(call.argument(1).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        missing()
    }

    fn item(part: Part) -> Option<Stage> {
        match part {
            Part::Rest(RestPart::Stage(stage)) => Some(*stage),
            _ => None,
        }
    }

    fn part(stage: Stage) -> Part {
        Part::Rest(RestPart::Stage(stage.into()))
    }

    fn view(stage: &Stage) -> Value {
        fields(stage).done()
    }

    fn read(call: &Call<'_>, input: &Document, old: Option<&Stage>) -> Result<Stage, Refusal> {
        let name = input.text("stageName")?.unwrap_or_default();
        stage_settings::name(&name)?;
        let deployment = checks::optional(input, "deploymentId")?.map(DeploymentId::from);
        if deployment.is_none() {
            return Err(Refusal::bad("Deployment id does not exist"));
        }
        let variables = input.map("variables")?.unwrap_or_default();
        checks::variables(&variables)?;
        let canary = input.object("canarySettings")?;
        let canary = canary.as_ref().map(stage_settings::canary).transpose()?;
        let certificate = checks::optional(input, "clientCertificateId")?;
        let known = old.and_then(Stage::rest);
        let settings = StageSettings {
            cache_cluster: input.flag("cacheClusterEnabled")?.unwrap_or(false),
            cache_size: stage_settings::cache_size(input)?,
            method_settings: known
                .map(|rest| rest.method_settings.clone())
                .unwrap_or_default(),
            documentation_version: checks::optional(input, "documentationVersion")?,
            access_log: stage_settings::access_log(input)?,
            canary,
            tracing: input.flag("tracingEnabled")?.unwrap_or(false),
            client_certificate: certificate.map(ClientCertificateId::from),
            cache_flushes: known.map_or(0, |rest| rest.cache_flushes),
            authorizer_flushes: known.map_or(0, |rest| rest.authorizer_flushes),
        };
        let tags = match old {
            Some(old) => old.tags.clone(),
            None => checks::tags(input)?,
        };
        Ok(Stage {
            description: checks::optional(input, "description")?,
            deployment,
            variables,
            tags,
            created_ms: old.map_or(call.now_ms, |old| old.created_ms),
            updated_ms: call.now_ms,
            rest: Some(Box::new(settings)),
            ..Stage::of_rest(StageName::from(name))
        })
    }

    fn shown(_config: &Config, _key: &Key, stage: &Stage) -> Value {
        shape(stage)
    }

    fn special(stage: &mut Stage, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        let mut rest = Vec::new();
        for step in steps {
            if let Some(left) = special(stage, step)? {
                rest.push(left);
            }
        }
        Ok(rest)
    }
}

/// Settings of methods, canary promotion, and what has a text of its own.
fn special(stage: &mut Stage, step: Step) -> Result<Option<Step>, Refusal> {
    let path = step.path.as_str();
    if step.verb == Verb::Copy {
        return promote(stage, &step).map(|()| None);
    }
    let first = step.segments.first().map_or("", String::as_str);
    match first {
        "accessLogSettings" => {
            let known = [
                "/accessLogSettings/destinationArn",
                "/accessLogSettings/format",
            ];
            if path != "/accessLogSettings" && !known.contains(&path) {
                return Err(Refusal::bad(
                    "Invalid accessLogSettings path. Must be one of : \
                     [/accessLogSettings/destinationArn, /accessLogSettings/format]",
                ));
            }
            let empty = step.value.as_deref().unwrap_or_default().is_empty();
            if step.verb != Verb::Remove && empty {
                return Err(Refusal::bad("Access Log value must not be empty"));
            }
            Ok(Some(step))
        }
        "canarySettings" if step.verb == Verb::Add => Err(Refusal::bad(format!(
            "Invalid add operation with path: {path}"
        ))),
        "canarySettings" | "variables" => Ok(Some(step)),
        _ => {
            let settings = stage.rest.get_or_insert_default();
            let taken = stage_settings::patch_method(&mut settings.method_settings, &step)?;
            if taken {
                return Ok(None);
            }
            if !patch::known(Stages::RULES, &step) {
                return Err(stage_settings::unknown_path(&step));
            }
            Ok(Some(step))
        }
    }
}

/// Copies from the canary to the stage.
fn promote(stage: &mut Stage, step: &Step) -> Result<(), Refusal> {
    let canary = stage.rest().and_then(|rest| rest.canary.clone());
    let from = step.from.as_deref().unwrap_or_default();
    let pairs = (step.path.as_str(), from);
    let none = || Refusal::bad("Promotion not available. Canary does not exist.");
    match pairs {
        ("/deploymentId", "/canarySettings/deploymentId") => {
            stage.deployment = canary.ok_or_else(none)?.deployment;
        }
        ("/variables", "/canarySettings/stageVariableOverrides") => {
            stage.variables.extend(canary.ok_or_else(none)?.variables);
        }
        (path, from) => {
            return Err(Refusal::bad(format!(
                "Invalid copy operation with path: {path} and from {from}. Valid copy:path are \
                 [/deploymentId, /variables] and valid copy:from are \
                 [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
            )));
        }
    }
    Ok(())
}

/// What can be given when a stage is made.
fn fields(stage: &Stage) -> View {
    let usual = StageSettings::default();
    let rest = stage.rest().unwrap_or(&usual);
    let certificate = rest.client_certificate.as_ref();
    View::default()
        .put("stageName", stage.name.as_str())
        .maybe(
            "deploymentId",
            stage.deployment.as_ref().map(DeploymentId::as_str),
        )
        .maybe("description", stage.description.as_deref())
        .put("cacheClusterEnabled", rest.cache_cluster)
        .maybe("cacheClusterSize", rest.cache_size.as_deref())
        .filled("variables", object(&stage.variables))
        .maybe(
            "documentationVersion",
            rest.documentation_version.as_deref(),
        )
        .maybe(
            "accessLogSettings",
            rest.access_log
                .as_ref()
                .map(stage_settings::access_log_shape),
        )
        .maybe(
            "canarySettings",
            rest.canary.as_ref().map(stage_settings::canary_shape),
        )
        .put("tracingEnabled", rest.tracing)
        .maybe(
            "clientCertificateId",
            certificate.map(ClientCertificateId::as_str),
        )
}

fn shape(stage: &Stage) -> Value {
    let usual = StageSettings::default();
    let rest = stage.rest().unwrap_or(&usual);
    let cache = if rest.cache_cluster {
        "AVAILABLE"
    } else {
        "NOT_AVAILABLE"
    };
    fields(stage)
        .put("cacheClusterStatus", cache)
        .put("methodSettings", stage_settings::method_settings(rest))
        .filled("tags", object(&stage.tags))
        .put("createdDate", seconds(stage.created_ms))
        .put("lastUpdatedDate", seconds(stage.updated_ms))
        .done()
}

fn missing() -> Refusal {
    Refusal::Missing("Invalid stage identifier specified".to_owned())
}

/// All stages: this list has no pages.
fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let api = api(call)?.0;
    let wanted = call.query("deploymentId").filter(|id| !id.is_empty());
    if wanted.is_some_and(|id| !api.deployments.contains_key(id)) {
        return Err(Refusal::Missing(
            "Invalid Deployment identifier specified".to_owned(),
        ));
    }
    let serves = |stage: &&Stage| {
        let id = stage.deployment.as_ref().map(DeploymentId::as_str);
        wanted.is_none() || id == wanted
    };
    let stages: Vec<Value> = api.stages.values().filter(serves).map(shape).collect();
    Answer::ok(&View::default().put("item", stages).done())
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = api(call)?.0.id.clone();
    kind::create::<Stages>(call, |stage| {
        Key::Rest(id, RestKey::Stage(stage.name.clone()))
    })
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let api = api(call)?.0;
    let stage = api.stages.get(call.argument(1)).ok_or_else(missing)?;
    let op = model::Op::DeleteStage(api.id.clone(), stage.name.clone());
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(http::StatusCode::ACCEPTED))
    }))
}

fn flush_cache(call: &Call<'_>) -> Result<Write, Refusal> {
    flush(call, |settings| settings.cache_flushes += 1)
}

fn flush_authorizers(call: &Call<'_>) -> Result<Write, Refusal> {
    flush(call, |settings| settings.authorizer_flushes += 1)
}

/// Everything that was kept is under an old number from then on.
fn flush(call: &Call<'_>, count: fn(&mut StageSettings)) -> Result<Write, Refusal> {
    let key = Stages::key(call)?;
    let part = key.now(call.config).ok_or_else(missing)?;
    let seen = part.seen();
    let mut stage = Stages::item(part).ok_or_else(missing)?;
    count(stage.rest.get_or_insert_default());
    let op = key.change(seen, Some(Stages::part(stage)));
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(http::StatusCode::ACCEPTED))
    }))
}
