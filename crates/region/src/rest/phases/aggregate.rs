//! Phase: several backends are called, and their answers become one (docs/aggregation.md).
//!
//! A part is called as soon as the parts that it needs have ended. All calls run within this one
//! future: dropping it drops them, and the first failure that may not be drops the others.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use lang::{
    mapping::{Target, Towards},
    rest_path::{self, Slashes},
    uri_template::{Extras, Value as UriValue},
};
use model::rest::{GatewayResponseType as Kind, OnFailure};
use plan::region::rest::{AggregatePlan, Given as Origin, PartPlan};
use serve::{Body, BodyError, Request};

use super::{integrate::Answered, merge};
use crate::{
    fault::{Blame, Fault},
    rest::{
        Exchange, Refusal, View,
        body::BODY_BYTES_MAX,
        ids,
        parts::{Given, PartAnswer},
        trace,
    },
    upstream::{UpstreamError, Upstreams},
};

const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");

/// Longest body whose call may share an answer, bytes.
const KEY_BODY_BYTES_MAX: usize = 4096;

/// Why a part has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Upstream(UpstreamError),
    /// The backend's status says so.
    Status(u16),
    /// Its body broke off.
    Broken,
    /// All bodies together are too large.
    TooLarge,
    /// Something that its URL or headers need is not there, or cannot be sent.
    Input,
}

/// A part on its way.
struct Running<'a> {
    index: usize,
    ending: Pin<Box<dyn Future<Output = Result<Arc<PartAnswer>, Failure>> + Send + 'a>>,
}

/// How parts ended, by number; none for those that have not.
pub(super) type Ended = Vec<Option<Result<Given, Failure>>>;

/// Calls all parts and makes the answer.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    plan: &AggregatePlan,
) -> Result<Answered, Fault> {
    let began = Instant::now();
    if plan.reads_body {
        exchange.body.whole().await?;
    }
    let mut ended: Ended = plan.parts.iter().map(|_| None).collect();
    let mut running: Vec<Running<'_>> = Vec::new();
    let mut is_begun = vec![false; plan.parts.len()];
    let mut left = BODY_BYTES_MAX;
    loop {
        for (index, part) in plan.parts.iter().enumerate() {
            let is_ready = part
                .after
                .iter()
                .all(|one| matches!(ended.get(*one), Some(Some(_))));
            let Some(begun) = is_begun.get_mut(index).filter(|begun| is_ready && !**begun) else {
                continue;
            };
            *begun = true;
            let request = request(exchange, &ended, part);
            if let Ok(call) = &request {
                trace::part_asks(exchange, part, &call.request);
            }
            let timeout = time_left(exchange, part, began);
            let ending = Box::pin(fetch(upstreams, part, request, timeout));
            running.push(Running { index, ending });
        }
        if running.is_empty() {
            break;
        }
        let (index, mut result) = first(&mut running).await;
        if let Some(part) = plan.parts.get(index) {
            let ended = result.as_ref().map(|answer| answer.status);
            trace::part_ended(exchange, part, ended.map_err(|why| why.reason()));
        }
        if let Ok(answer) = &result {
            match left.checked_sub(answer.body.len()) {
                Some(rest) => left = rest,
                None => result = Err(Failure::TooLarge),
            }
        }
        if let (Err(failure), Some(part)) = (&result, plan.parts.get(index))
            && part.on_failure == OnFailure::Fail
        {
            exchange.integration.time = Some(began.elapsed());
            return Err(refusal(part, *failure));
        }
        if let Some(end) = ended.get_mut(index) {
            *end = Some(result.map(Given::new));
        }
    }
    exchange.integration.time = Some(began.elapsed());
    exchange.integration.status = Some(plan.status);
    merge::answer(exchange, plan, &ended)
}

/// The next part that ends.
async fn first(running: &mut Vec<Running<'_>>) -> (usize, Result<Arc<PartAnswer>, Failure>) {
    poll_fn(|context| {
        for at in 0..running.len() {
            let Some(one) = running.get_mut(at) else {
                break;
            };
            if let Poll::Ready(result) = one.ending.as_mut().poll(context) {
                return Poll::Ready((running.swap_remove(at).index, result));
            }
        }
        Poll::Pending
    })
    .await
}

fn time_left(exchange: &Exchange<'_>, part: &PartPlan, began: Instant) -> Duration {
    let timeout = Duration::from_millis(part.timeout_ms.into());
    let deadline = exchange.facts.deadline;
    deadline.map_or(timeout, |all| {
        timeout.min(all.saturating_sub(began.elapsed()))
    })
}

/// A call, and what it is known by among those that are kept.
struct Call {
    request: Request,
    key: Option<String>,
}

/// A part's answer, from those that are kept or from its backend.
async fn fetch(
    upstreams: &Upstreams,
    part: &PartPlan,
    call: Result<Call, Failure>,
    timeout: Duration,
) -> Result<Arc<PartAnswer>, Failure> {
    let kept = match &call {
        Ok(Call { key: Some(key), .. }) => upstreams.kept().find(key, Instant::now()),
        _ => None,
    };
    if let Some(kept) = kept {
        upstreams.count_part("kept");
        return Ok(kept);
    }
    let ended = match call {
        Ok(call) => tokio::time::timeout(timeout, ask(upstreams, part, call)).await,
        Err(failure) => Ok(Err(failure)),
    };
    let ended = ended.unwrap_or(Err(Failure::Upstream(UpstreamError::TimedOut)));
    upstreams.count_part(ended.as_ref().map_or_else(|why| why.reason(), |_| "ok"));
    ended
}

/// Calls a backend and reads its whole answer.
async fn ask(
    upstreams: &Upstreams,
    part: &PartPlan,
    call: Call,
) -> Result<Arc<PartAnswer>, Failure> {
    let response = upstreams.call(&part.origin, call.request).await;
    let (head, body) = response.map_err(Failure::Upstream)?.into_parts();
    let status = head.status.as_u16();
    if status >= 400 {
        return Err(Failure::Status(status));
    }
    let body = body.into_bytes(BODY_BYTES_MAX).await;
    let body = body.map_err(|error| match BodyError::of(&*error) {
        Some(BodyError::TooLarge) => Failure::TooLarge,
        _ => Failure::Broken,
    })?;
    let headers = head.headers;
    let answer = Arc::new(PartAnswer {
        status,
        headers,
        body,
    });
    if let Some(key) = &call.key {
        let ttl = Duration::from_secs(part.cache_ttl_s.into());
        upstreams.kept().keep(key, &answer, Instant::now(), ttl);
    }
    Ok(answer)
}

/// What a part's backend is sent.
fn request(exchange: &Exchange<'_>, ended: &Ended, part: &PartPlan) -> Result<Call, Failure> {
    let value = |origin: &Origin| value(exchange, ended, origin);
    let mut path: BTreeMap<&str, String> = BTreeMap::new();
    for (name, origin) in &part.path {
        let value = value(origin).and_then(|mut values| values.pop());
        let value = value
            .filter(|value| !value.is_empty())
            .ok_or(Failure::Input)?;
        path.insert(name, rest_path::encode(&value, Slashes::Encode));
    }
    let pairs = part.query.iter().flat_map(|(name, origin)| {
        let values = value(origin).unwrap_or_default();
        values.into_iter().map(move |value| (name.as_str(), value))
    });
    let pairs: Vec<(&str, String)> = pairs.collect();
    let pairs = rest_path::encode_query(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    let uri = uri(exchange, part, &path, &pairs)?;
    let mut own = HeaderMap::new();
    for (name, origin) in &part.headers {
        let target = Target::Header(name.clone());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::Input)?;
        let values = value(origin).unwrap_or_default();
        if target.is_forbidden(Towards::Http) || values.is_empty() {
            continue;
        }
        let joined = HeaderValue::try_from(values.join(",")).map_err(|_| Failure::Input)?;
        own.insert(name, joined);
    }
    let body = part.body.as_ref().and_then(value).unwrap_or_default();
    let body = Bytes::from(body.join(","));
    let api = exchange.found.api.id().as_str();
    let keeps = part.cache_ttl_s > 0 && body.len() <= KEY_BODY_BYTES_MAX;
    let key = keeps.then(|| {
        let to = &part.origin;
        let (method, https) = (&part.method, to.https);
        format!(
            "{api} {method} {https} {} {uri} {own:?} {body:?}",
            to.authority
        )
    });
    complete(exchange, &mut own, !body.is_empty());
    let mut request = Request::new(Body::full(body));
    *request.method_mut() =
        Method::from_bytes(part.method.as_bytes()).map_err(|_| Failure::Input)?;
    *request.uri_mut() = uri;
    *request.headers_mut() = own;
    Ok(Call { request, key })
}

/// Headers that every backend gets unless the owner has set them.
fn complete(exchange: &Exchange<'_>, headers: &mut HeaderMap, has_body: bool) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let api = exchange.found.api.id().as_str();
    headers.entry(ACCEPT).or_insert(JSON);
    if has_body {
        headers.entry(CONTENT_TYPE).or_insert(JSON);
    }
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.entry(name).or_insert(value);
        }
    };
    put(USER_AGENT, format!("AmazonAPIGateway_{api}"));
    put(API_ID, api.to_owned());
    put(ids::TRACE_ID, exchange.ids.trace());
}

fn uri(
    exchange: &Exchange<'_>,
    part: &PartPlan,
    path: &BTreeMap<&str, String>,
    query: &str,
) -> Result<Uri, Failure> {
    let captured = exchange.matched.as_ref().map(|matched| &matched.captured);
    let value_of = |name: &str| {
        if let Some(value) = path.get(name) {
            return Some(UriValue::Segment(value.as_str()));
        }
        let one = captured?.iter().find(|one| one.name == name)?;
        Some(if one.greedy {
            UriValue::Greedy(one.raw.strip_suffix('/').unwrap_or(one.raw))
        } else {
            UriValue::Segment(one.raw)
        })
    };
    let extras = Extras {
        append_path: None,
        query: Some(query).filter(|query| !query.is_empty()),
    };
    let rendered = part
        .uri
        .render(value_of, extras)
        .map_err(|_| Failure::Input)?;
    let path = PathAndQuery::from_maybe_shared(Bytes::from(rendered));
    path.map(Uri::from).map_err(|_| Failure::Input)
}

/// What an expression stands for; none where its source is absent.
fn value(exchange: &Exchange<'_>, ended: &Ended, origin: &Origin) -> Option<Vec<String>> {
    let part = |number: &usize| match ended.get(*number) {
        Some(Some(Ok(given))) => Some(given),
        _ => None,
    };
    let expression = match origin {
        Origin::Status(number) => return Some(vec![part(number)?.answer.status.to_string()]),
        Origin::Request(expression) | Origin::Part(_, expression) => expression,
    };
    let given = match origin {
        Origin::Part(number, _) => Some(part(number)?),
        Origin::Request(_) | Origin::Status(_) => None,
    };
    let body = exchange.body.read();
    let source = View {
        headers: given.map(|given| &given.answer.headers),
        answer: given.and_then(Given::text),
        ..View::of(
            exchange,
            body.and_then(|body| std::str::from_utf8(body).ok()),
        )
    };
    let mapped = expression.evaluate(&source).ok().flatten();
    mapped.map(lang::mapping::Mapped::values)
}

/// What the client is told where a part must not fail.
fn refusal(part: &PartPlan, failure: Failure) -> Fault {
    let detail = format!("part {:?}: {}", part.name, failure.reason());
    let failed =
        || Refusal::of(Kind::IntegrationFailure, failure.reason()).blaming(Blame::Upstream);
    match failure {
        Failure::Upstream(error) => Refusal::upstream(error).saying(detail),
        Failure::Status(status) => Refusal {
            status: StatusCode::BAD_GATEWAY,
            ..failed()
        }
        .saying(format!("{detail} {status}")),
        Failure::Broken | Failure::TooLarge => Refusal {
            status: StatusCode::BAD_GATEWAY,
            ..failed()
        }
        .saying(detail),
        Failure::Input => Refusal::broken(detail),
    }
    .into()
}

impl Failure {
    /// Its name in metrics and logs.
    const fn reason(self) -> &'static str {
        match self {
            Self::Upstream(error) => error.reason(),
            Self::Status(_) => "part_status",
            Self::Broken => "part_broken",
            Self::TooLarge => "part_too_large",
            Self::Input => "part_input",
        }
    }
}
