//! What stages of REST APIs have: caches, canaries, logs, settings of methods. Their JSON and the
//! patches that only stages know.

use std::collections::BTreeMap;

use model::{
    DeploymentId,
    rest::{
        AccessLog, CacheControlStrategy, Canary, LogLevel, MethodSetting, Millionths, StageSettings,
    },
};
use serde_json::{Map, Value};

use super::{
    checks,
    patch::{Step, Verb, unescaped},
    view::{View, double, object},
};
use crate::{document::Document, refusal::Refusal};

/// Sizes of caches in GB.
const CACHE_SIZES: [&str; 8] = ["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"];
/// Which settings of methods a stage may hold. Amazon has no stated limit.
const METHOD_SETTINGS_MAX: usize = 10_000;
/// Settings of all methods that have no own entry.
const ALL_METHODS: &str = "*/*";

pub(super) fn name(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=128).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Refusal::bad("Stage name only allows a-zA-Z0-9_-"))
}

pub(super) fn cache_size(input: &Document) -> Result<Option<String>, Refusal> {
    let known = |word: &str| {
        let known = ["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"];
        known.contains(&word).then(|| word.to_owned())
    };
    input.word("cacheClusterSize", known, &CACHE_SIZES)
}

pub(super) fn canary(input: &Document) -> Result<Canary, Refusal> {
    let percent = checks::rate(input, "percentTraffic")?.unwrap_or_default();
    if percent > Millionths(100_000_000) {
        return Err(Refusal::bad("percentTraffic must be between 0.0 and 100.0"));
    }
    let variables = input.map("stageVariableOverrides")?.unwrap_or_default();
    checks::variables(&variables)?;
    Ok(Canary {
        percent,
        deployment: checks::optional(input, "deploymentId")?.map(DeploymentId::from),
        variables,
        use_stage_cache: input.flag("useStageCache")?.unwrap_or(false),
    })
}

pub(super) fn canary_shape(canary: &Canary) -> Value {
    View::default()
        .put("percentTraffic", double(canary.percent))
        .maybe(
            "deploymentId",
            canary.deployment.as_ref().map(DeploymentId::as_str),
        )
        .filled("stageVariableOverrides", object(&canary.variables))
        .put("useStageCache", canary.use_stage_cache)
        .done()
}

pub(super) fn access_log(input: &Document) -> Result<Option<AccessLog>, Refusal> {
    let Some(input) = input.object("accessLogSettings")? else {
        return Ok(None);
    };
    let log = AccessLog {
        destination: checks::optional(&input, "destinationArn")?,
        format: checks::optional(&input, "format")?,
    };
    if let Some(arn) = &log.destination {
        checks::arn(arn)?;
    }
    Ok(Some(log).filter(|log| log.destination.is_some() || log.format.is_some()))
}

pub(super) fn access_log_shape(log: &AccessLog) -> Value {
    View::default()
        .maybe("destinationArn", log.destination.as_deref())
        .maybe("format", log.format.as_deref())
        .done()
}

pub(super) fn method_settings(settings: &StageSettings) -> Value {
    let all = settings.method_settings.iter();
    let all: Map<String, Value> = all
        .map(|(key, one)| (key.clone(), setting_shape(one)))
        .collect();
    all.into()
}

fn setting_shape(setting: &MethodSetting) -> Value {
    View::default()
        .put("metricsEnabled", setting.metrics)
        .maybe("loggingLevel", setting.log_level.map(LogLevel::as_str))
        .put("dataTraceEnabled", setting.data_trace)
        .put("throttlingBurstLimit", setting.burst_limit)
        .put("throttlingRateLimit", double(setting.rate_limit))
        .put("cachingEnabled", setting.caching)
        .put("cacheTtlInSeconds", setting.cache_ttl_s)
        .put("cacheDataEncrypted", setting.cache_encrypted)
        .put(
            "requireAuthorizationForCacheControl",
            setting.cache_control_authorized,
        )
        .put(
            "unauthorizedCacheControlHeaderStrategy",
            setting.unauthorized_cache_control.as_str(),
        )
        .done()
}

/// A patch of a method's settings: `/PATH/VERB/GROUP/NAME`, or `/PATH/VERB` to remove them. The
/// path may be escaped or plain. False for other steps.
pub(super) fn patch_method(
    all: &mut BTreeMap<String, MethodSetting>,
    step: &Step,
) -> Result<bool, Refusal> {
    let segments: Vec<&str> = step.path.trim_start_matches('/').split('/').collect();
    if let (Verb::Remove, [path @ .., verb]) = (step.verb, segments.as_slice())
        && !path.is_empty()
        && is_verb(verb)
    {
        let key = setting_key(path, verb);
        if all.remove(&key).is_none() {
            let path = &step.path;
            return Err(Refusal::bad(format!(
                "Cannot remove method setting {path} because there is no method setting for this \
                 method "
            )));
        }
        return Ok(true);
    }
    let [path @ .., verb, group, name] = segments.as_slice() else {
        return Ok(false);
    };
    if path.is_empty() || !is_verb(verb) {
        return Ok(false);
    }
    let key = setting_key(path, verb);
    let general = all.get(ALL_METHODS).cloned().unwrap_or_default();
    if !all.contains_key(&key) && all.len() >= METHOD_SETTINGS_MAX {
        return Err(Refusal::bad(format!(
            "at most {METHOD_SETTINGS_MAX} method settings are allowed"
        )));
    }
    let setting = all.entry(key).or_insert(general);
    let usual = MethodSetting::default();
    let value = match step.verb {
        Verb::Remove => None,
        Verb::Add | Verb::Replace | Verb::Copy => step.value.as_deref(),
    };
    set(setting, (group, name), value, &usual).map_err(|problem| match problem {
        Problem::Path => unknown_path(step),
        Problem::Value => Refusal::bad(format!(
            "Invalid patch value '{}' specified for path {}",
            value.unwrap_or_default(),
            step.path
        )),
    })?;
    Ok(true)
}

/// What Amazon says of any path that a stage does not know.
pub(super) fn unknown_path(step: &Step) -> Refusal {
    let path = &step.path;
    Refusal::bad(format!(
        "Invalid method setting path: {path}. Must be one of: [{PATHS}]"
    ))
}

const PATHS: &str = "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, \
     /clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, \
     /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, \
     /{resourcePath}/{httpMethod}/logging/dataTrace, \
     /{resourcePath}/{httpMethod}/logging/loglevel, \
     /{resourcePath}/{httpMethod}/throttling/burstLimit, \
     /{resourcePath}/{httpMethod}/throttling/rateLimit, \
     /{resourcePath}/{httpMethod}/caching/ttlInSeconds, \
     /{resourcePath}/{httpMethod}/caching/enabled, \
     /{resourcePath}/{httpMethod}/caching/dataEncrypted, \
     /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, \
     /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, \
     /*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, \
     /*/*/throttling/burstLimit, /*/*/throttling/rateLimit, /*/*/caching/ttlInSeconds, \
     /*/*/caching/enabled, /*/*/caching/dataEncrypted, \
     /*/*/caching/requireAuthorizationForCacheControl, \
     /*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, \
     /tracingEnabled";

fn is_verb(text: &str) -> bool {
    text == "*" || model::rest::Verb::parse(text).is_some()
}

/// `PATH/VERB` without the path's first slash.
fn setting_key(path: &[&str], verb: &str) -> String {
    let path = unescaped(&path.join("/"));
    format!("{}/{verb}", path.trim_start_matches('/'))
}

enum Problem {
    Path,
    Value,
}

/// Sets one setting; no value sets the usual one.
fn set(
    setting: &mut MethodSetting,
    (group, name): (&str, &str),
    value: Option<&str>,
    usual: &MethodSetting,
) -> Result<(), Problem> {
    match (group, name) {
        ("metrics", "enabled") => setting.metrics = flag(value, usual.metrics)?,
        ("logging", "dataTrace") => setting.data_trace = flag(value, usual.data_trace)?,
        ("logging", "loglevel") => {
            let level = value.map(|word| LogLevel::parse(word).ok_or(Problem::Value));
            setting.log_level = level.transpose()?;
        }
        ("throttling", "burstLimit") => setting.burst_limit = number(value, usual.burst_limit)?,
        ("throttling", "rateLimit") => {
            let rate = value.map(|text| text.parse().ok().and_then(Millionths::of));
            let rate = rate.unwrap_or(Some(usual.rate_limit));
            setting.rate_limit = rate.ok_or(Problem::Value)?;
        }
        ("caching", "enabled") => setting.caching = flag(value, usual.caching)?,
        ("caching", "ttlInSeconds") => {
            let ttl = number(value, usual.cache_ttl_s)?;
            setting.cache_ttl_s = Some(ttl).filter(|ttl| *ttl <= 3600).ok_or(Problem::Value)?;
        }
        ("caching", "dataEncrypted") => {
            setting.cache_encrypted = flag(value, usual.cache_encrypted)?;
        }
        ("caching", "requireAuthorizationForCacheControl") => {
            setting.cache_control_authorized = flag(value, usual.cache_control_authorized)?;
        }
        ("caching", "unauthorizedCacheControlHeaderStrategy") => {
            let strategy =
                value.map(|word| CacheControlStrategy::parse(word).ok_or(Problem::Value));
            let strategy = strategy.transpose()?;
            setting.unauthorized_cache_control =
                strategy.unwrap_or(usual.unauthorized_cache_control);
        }
        _ => return Err(Problem::Path),
    }
    Ok(())
}

fn flag(value: Option<&str>, usual: bool) -> Result<bool, Problem> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(usual),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(Problem::Value),
    }
}

fn number(value: Option<&str>, usual: u32) -> Result<u32, Problem> {
    let number = value.map(|text| text.parse::<u32>().map_err(|_| Problem::Value));
    number.unwrap_or(Ok(usual))
}
