//! `RouteSettings` and `AccessLogSettings` of stages, and the operations that take them away.

use std::collections::BTreeMap;

use model::{
    ApiKind, Op, StagePatch,
    rest::{AccessLog, LogLevel, Millionths},
    v2::RouteSettings,
};
use serde_json::{Map, Value};

use super::{api, stages, word};
use crate::{
    call::{Call, Write},
    document::Document,
    operation::{Operation, write},
    refusal::Refusal,
    v1::view::{View, double},
};

pub(super) const OPERATIONS: &[Operation] = &[
    write(
        "DeleteAccessLogSettings",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/accesslogsettings",
        delete_access_log,
    ),
    write(
        "ResetAuthorizersCache",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/cache/authorizers",
        reset_authorizers,
    ),
    write(
        "DeleteRouteSettings",
        "DELETE",
        "/v2/apis/{api}/stages/{name}/routesettings/{key+}",
        delete_route_settings,
    ),
];

/// Bytes of a line of an access log's format, as at Amazon.
const FORMAT_MAX: usize = 3_072;

pub(super) fn settings_shape(settings: &RouteSettings, socket: bool) -> Value {
    View::default()
        .maybe(
            "dataTraceEnabled",
            settings.data_trace.or(socket.then_some(false)),
        )
        .put("detailedMetricsEnabled", settings.metrics.unwrap_or(false))
        .maybe("loggingLevel", settings.log_level.map(LogLevel::as_str))
        .maybe("throttlingBurstLimit", settings.burst)
        .maybe("throttlingRateLimit", settings.rate.map(double))
        .done()
}

pub(super) fn all_shape(all: &BTreeMap<String, RouteSettings>, socket: bool) -> Value {
    let fields = all.iter();
    let fields = fields.map(|(key, one)| (key.clone(), settings_shape(one, socket)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// One object of settings; it stands in the place of what was.
pub(super) fn settings(given: &Document, socket: bool) -> Result<RouteSettings, Refusal> {
    if !socket {
        let traced = given.flag("dataTraceEnabled")? == Some(true);
        let level = given.text("loggingLevel")?;
        let logged = level.is_some_and(|level| !matches!(level.as_str(), "" | "OFF"));
        if logged || traced {
            return Err(Refusal::bad(
                "Execution logs are not supported on protocolType HTTP",
            ));
        }
    }
    let rate = given.number("throttlingRateLimit")?.map(|rate| {
        let path = given.path("throttlingRateLimit");
        Millionths::of(rate)
            .ok_or_else(|| Refusal::bad(format!("{path} must be a number of at least 0")))
    });
    let burst = given.integer("throttlingBurstLimit", 0, i64::from(i32::MAX))?;
    Ok(RouteSettings {
        data_trace: given.flag("dataTraceEnabled")?.filter(|_| socket),
        metrics: given.flag("detailedMetricsEnabled")?,
        log_level: word(given, "loggingLevel", LogLevel::parse, LogLevel::WORDS)?
            .filter(|_| socket),
        burst: burst.and_then(|burst| u32::try_from(burst).ok()),
        rate: rate.transpose()?,
    })
}

/// `routeSettings`, by route key.
pub(super) fn all_settings(
    document: &Document,
    socket: bool,
) -> Result<BTreeMap<String, RouteSettings>, Refusal> {
    let Some(given) = document.object("routeSettings")? else {
        return Ok(BTreeMap::new());
    };
    let names: Vec<String> = given.names().map(str::to_owned).collect();
    let members = given.members()?;
    let pairs = names.into_iter().zip(&members);
    pairs
        .map(|(name, one)| Ok((name, settings(one, socket)?)))
        .collect()
}

pub(super) fn access_log(document: &Document) -> Result<Option<AccessLog>, Refusal> {
    let Some(given) = document.object("accessLogSettings")? else {
        return Ok(None);
    };
    let present = |name, max| -> Result<Option<String>, Refusal> {
        Ok(given.sized(name, 0, max)?.filter(|text| !text.is_empty()))
    };
    let log = AccessLog {
        destination: present("destinationArn", 2_048)?,
        format: present("format", FORMAT_MAX)?,
    };
    match (&log.destination, &log.format) {
        (Some(arn), Some(_)) if arn.starts_with("arn:") => Ok(Some(log)),
        (None, None) => Ok(None),
        (Some(arn), Some(_)) => Err(Refusal::bad(format!(
            "Invalid ARN specified in the request: {arn}"
        ))),
        _ => Err(Refusal::bad(
            "accessLogSettings must hold destinationArn and format",
        )),
    }
}

pub(super) fn access_log_shape(log: &AccessLog) -> Value {
    View::default()
        .maybe("destinationArn", log.destination.as_deref())
        .maybe("format", log.format.as_deref())
        .done()
}

/// Whether the API of the path is a WebSocket API.
pub(super) fn is_socket(call: &Call<'_>) -> Result<bool, Refusal> {
    let api = api(call.config, call.argument(0))?;
    Ok(matches!(api.kind, ApiKind::WebSocket(_)))
}

fn patching(call: &Call<'_>, patch: StagePatch) -> Result<Write, Refusal> {
    stages::there(call)?;
    let (api, name) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::UpdateStage(api, name, patch)))
}

fn delete_access_log(call: &Call<'_>) -> Result<Write, Refusal> {
    let patch = StagePatch {
        access_log: Some(None),
        ..StagePatch::default()
    };
    patching(call, patch)
}

fn reset_authorizers(call: &Call<'_>) -> Result<Write, Refusal> {
    let patch = StagePatch {
        reset_authorizers: true,
        ..StagePatch::default()
    };
    patching(call, patch)
}

/// A route key holds slashes, which clients may or may not encode.
fn delete_route_settings(call: &Call<'_>) -> Result<Write, Refusal> {
    let patch = StagePatch {
        route_settings: [(call.argument(2).to_owned(), None)].into(),
        ..StagePatch::default()
    };
    patching(call, patch)
}
