//! Phase: the stage's cache (docs/aws-behaviour.md, stage cache). One function looks an answer up,
//! the other keeps what the integration answered.
//!
//! What the gateway itself answers never comes here. Who may ask has been decided before; who is
//! told the same is decided by the key, which is the owner's choice as with Amazon: parameters that
//! are not named do not distinguish.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE, WARNING},
};
use lang::mapping::{Source as _, Target};
use model::rest::{
    CacheControlStrategy, GatewayResponseType as Kind, IntegrationSettings, IntegrationType,
    MethodSetting, ResponseTransfer,
};
use serve::{Body, BodyError, Response};

use super::convert;
use crate::{
    fault::Fault,
    limits::claims,
    rest::{
        Exchange, Refusal, coding, ids,
        kept_answers::{
            ANSWER_BYTES_MAX, Fetching, KeptAnswer, KeptAnswers, Place, Turn, stage_bytes_max,
        },
        source::View,
    },
};

/// What a client is told whose wish for a fresh answer is not granted.
const UNAUTHORIZED: HeaderValue =
    HeaderValue::from_static("199 edgeway \"not authorized to invalidate the cache\"");

/// What the cache says.
pub(crate) enum Looked {
    /// This is the answer.
    Kept(Response),
    /// The integration has to be asked.
    Ask(Option<Wanted>),
}

/// An answer that will be kept, if it is fit.
pub(crate) struct Wanted {
    place: Place,
    /// Others may wait for it.
    _fetching: Option<Fetching>,
}

/// Looks an answer up.
pub(crate) async fn look(
    exchange: &mut Exchange<'_>,
    answers: &Arc<KeptAnswers>,
) -> Result<Looked, Fault> {
    let Some((setting, integration)) = active(exchange) else {
        return Ok(Looked::Ask(None));
    };
    let place = place(exchange, setting, integration).await?;
    let metrics = &answers.metrics;
    if wants_fresh(&exchange.headers) {
        if !setting.cache_control_authorized || exchange.may_invalidate {
            answers.forget(&place.key);
            metrics.asked("invalidated");
            return Ok(Looked::Ask(Some(Wanted {
                place,
                _fetching: None,
            })));
        }
        // Only a signer whose policy says so is authorized.
        match setting.unauthorized_cache_control {
            CacheControlStrategy::Fail => {
                metrics.asked("refused");
                let refusal = Refusal::of(Kind::AccessDenied, "cache_control_denied");
                return Err(refusal.into());
            }
            CacheControlStrategy::Warn => exchange.added.push((WARNING, UNAUTHORIZED)),
            CacheControlStrategy::Ignore => {}
        }
    }
    if let Some(kept) = answers.find(&place.key, Instant::now()) {
        metrics.asked("hit");
        return Ok(Looked::Kept(again(exchange, &kept)));
    }
    let turn = answers.turn(&place.key).await;
    // Somebody may have kept it since it was looked for.
    if let Some(kept) = answers.find(&place.key, Instant::now()) {
        metrics.asked("shared");
        return Ok(Looked::Kept(again(exchange, &kept)));
    }
    metrics.asked("miss");
    let fetching = match turn {
        Turn::Fetch(fetching) => Some(fetching),
        Turn::Waited => None,
    };
    Ok(Looked::Ask(Some(Wanted {
        place,
        _fetching: fetching,
    })))
}

/// Keeps what the integration answered, if it is fit for it.
pub(crate) async fn keep(
    exchange: &mut Exchange<'_>,
    answers: &Arc<KeptAnswers>,
    wanted: Option<Wanted>,
    response: Response,
) -> Result<Response, Fault> {
    let Some(Wanted { place, _fetching }) = wanted else {
        return Ok(response);
    };
    if let Some(reason) = unfit(exchange, &response) {
        answers.metrics.ended(reason);
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let (is_large, body) = coding::at_least(body, ANSWER_BYTES_MAX + 1).await;
    if is_large {
        answers.metrics.ended("too_large");
        return Ok(Response::from_parts(head, body));
    }
    let body = body.into_bytes(ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| convert::unreadable(BodyError::of(&*error)))?;
    let mut headers = head.headers.clone();
    let traced = headers.get(ids::TRACE_ID);
    let is_traced = traced.is_some() && !exchange.answer.is_proxy && !exchange.answer.is_final;
    if is_traced {
        headers.remove(ids::TRACE_ID);
    }
    let answer = KeptAnswer {
        status: head.status,
        headers,
        // A copy, since it may be a piece of something larger.
        body: body.to_vec().into(),
        media: exchange.answer,
        is_traced,
        since: Instant::now(),
    };
    answers.keep(&place, answer);
    answers.metrics.ended("kept");
    Ok(Response::from_parts(head, Body::full(body)))
}

/// What is set for the method, if its answers are kept.
fn active<'a>(exchange: &Exchange<'a>) -> Option<(&'a MethodSetting, &'a IntegrationSettings)> {
    let settings = &exchange.stage.settings;
    // A test of a method is about its integration.
    let tried = exchange.trace.as_ref().is_some_and(|trace| trace.is_test());
    if !settings.cache_cluster || tried {
        return None;
    }
    let method = exchange.matched.as_ref()?.method;
    // Aggregates have no parameters that could be named, and keep their parts themselves.
    let integration = &method.source.integration.as_ref()?.settings;
    if integration.response_transfer == ResponseTransfer::Stream {
        return None;
    }
    let own = |verb| {
        let place = claims::Place {
            api: exchange.found.api.id().as_str(),
            stage: exchange.found.stage.name().as_str(),
            path: &method.path,
            verb,
        };
        claims::find(&settings.method_settings, place, 1)
    };
    let setting = own(exchange.method.as_str()).or_else(|| {
        // What is set for many is about GET alone.
        (exchange.method == Method::GET)
            .then(|| own(method.verb.as_str()))?
            .or_else(|| settings.method_settings.get("*/*"))
    })?;
    (setting.caching && setting.cache_ttl_s > 0).then_some((setting, integration))
}

/// Where the answer is kept.
async fn place(
    exchange: &mut Exchange<'_>,
    setting: &MethodSetting,
    integration: &IntegrationSettings,
) -> Result<Place, Fault> {
    let mapping = exchange.matched()?.method.mapping.as_ref().ok();
    let reads_body = !integration.cache_key_parameters.is_empty()
        && mapping.is_some_and(|mapping| mapping.request.reads_body);
    if reads_body {
        exchange.body.whole().await?;
    }
    let settings = &exchange.stage.settings;
    let api = exchange.found.api.id().as_str();
    let stage = format!("{api}/{}", exchange.found.stage.name().as_str());
    Ok(Place {
        key: key(exchange, integration, &stage)?.into(),
        stage: stage.into(),
        stage_bytes_max: stage_bytes_max(settings.cache_size.as_deref()),
        ttl: Duration::from_secs(setting.cache_ttl_s.into()),
    })
}

/// Everything by which answers of a stage are told apart. Values are quoted, so that none of them
/// can look like what follows it.
fn key(
    exchange: &Exchange<'_>,
    integration: &IntegrationSettings,
    stage: &str,
) -> Result<String, Fault> {
    let settings = &exchange.stage.settings;
    let method = exchange.matched()?.method;
    let (own, _) = exchange.stage.choose(|| u64::MAX);
    let canary = settings.canary.as_ref();
    let shares =
        canary.is_some_and(|canary| canary.use_stage_cache) && own.id == exchange.deployment.id;
    let namespace = match integration.cache_namespace.as_str() {
        "" => method.resource.as_str(),
        namespace => namespace,
    };
    let is_proxy = matches!(
        integration.kind,
        IntegrationType::HttpProxy | IntegrationType::AwsProxy
    );
    let mut key = format!(
        "{stage} {} {:?} {} {} {namespace:?} {} {}",
        settings.cache_flushes,
        settings.cache_size,
        exchange.deployment.id,
        exchange.is_canary && !shares,
        exchange.method,
        // A proxied backend may compress for this client and not for the next.
        if is_proxy {
            codings(&exchange.headers)
        } else {
            0
        },
    );
    let body = exchange
        .body
        .read()
        .map(|body| String::from_utf8_lossy(body));
    let view = View::of(exchange, body.as_deref());
    for name in &integration.cache_key_parameters {
        let values = values(&view, name);
        // Writing to a string cannot fail.
        let _ = write!(key, " {name:?}={values:?}");
    }
    Ok(key)
}

/// All values of a parameter, none where it is missing.
fn values(view: &View<'_, '_>, parameter: &str) -> Vec<String> {
    if let Ok(target) = Target::parse_request(parameter) {
        let matched = view.exchange.matched.as_ref();
        let mapping = matched.and_then(|matched| matched.method.mapping.as_ref().ok());
        let mut mappings = mapping.iter().flat_map(|mapping| &mapping.request.mappings);
        if let Some(mapping) = mappings.find(|mapping| mapping.target == target) {
            let mapped = mapping.source.evaluate(view).ok().flatten();
            return mapped
                .map(lang::mapping::Mapped::values)
                .unwrap_or_default();
        }
    }
    // What is not mapped passes under its own name, where anything does.
    let place = parameter.split_once(".request.").map(|(_, place)| place);
    let Some((place, name)) = place.and_then(|place| place.split_once('.')) else {
        return Vec::new();
    };
    let found = match place {
        "path" => view.request_path(name).into_iter().collect(),
        "querystring" | "multivaluequerystring" => view.request_query(name),
        "header" | "multivalueheader" => view.request_header(name),
        _ => Vec::new(),
    };
    found
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Which codings a client names, as bits.
fn codings(headers: &HeaderMap) -> u8 {
    let named = headers.get_all(ACCEPT_ENCODING).into_iter();
    let named = named.filter_map(|value| value.to_str().ok());
    let mut bits = 0;
    for coding in named.flat_map(|value| value.split(',')) {
        let name = coding.split(';').next().unwrap_or_default().trim();
        let known = ["gzip", "br", "deflate", "zstd", "*"];
        let at = known
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name));
        let refused = coding
            .split_once("q=")
            .is_some_and(|(_, q)| q.trim().parse() == Ok(0.0));
        bits |= at.filter(|_| !refused).map_or(0, |at| 1 << at);
    }
    bits
}

/// Whether a client wants a fresh answer, in the only words that count.
fn wants_fresh(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CACHE_CONTROL).into_iter();
    said.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("max-age=0"))
}

/// Why an answer is not kept.
fn unfit(exchange: &Exchange<'_>, response: &Response) -> Option<&'static str> {
    let (status, headers) = (response.status(), response.headers());
    let is_good = status.is_success() || status.is_redirection();
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if matches!(
        status,
        StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        // They answer one client's range or condition.
        return Some("partial");
    }
    if !is_good && !exchange.stage.caches_errors {
        return Some("error");
    }
    if headers.contains_key(SET_COOKIE) {
        return Some("cookie");
    }
    kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
        .then_some("stream")
}

/// A kept answer for another client.
fn again(exchange: &mut Exchange<'_>, kept: &KeptAnswer) -> Response {
    exchange.answer = kept.media;
    let mut response = Response::new(Body::full(kept.body.clone()));
    *response.status_mut() = kept.status;
    *response.headers_mut() = kept.headers.clone();
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    };
    if kept.is_traced {
        put(ids::TRACE_ID, exchange.ids.answered_trace());
    }
    // Added to what it had when it came, so that whoever stores it further on counts right.
    let before = kept.headers.get(AGE).and_then(|age| age.to_str().ok());
    let before: u64 = before.and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    let age = before.saturating_add(kept.since.elapsed().as_secs());
    put(AGE, age.to_string());
    response
}
