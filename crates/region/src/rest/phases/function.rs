//! Part of the phase that integrates: a function gets the whole request as an event and answers as
//! it likes (docs/aws-behaviour.md, functions).

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST},
};
use lang::{
    lambda::{ProxyAnswer, ProxyEvent, header_name},
    rest_path,
};
use model::rest::GatewayResponseType;
use plan::region::rest::AwsBackend;
use serve::{Body, Response};

use super::integrate::Answered;
use crate::{
    fault::{Blame, Fault, Retry},
    rest::{Exchange, Refusal, context, headers, ids, trace as log},
    upstream::{AwsError, Invocation, UpstreamError, Upstreams},
};

/// Calls the function. If dropped, so is the call.
pub(super) async fn run(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    backend: &AwsBackend,
) -> Result<Answered, Fault> {
    let Some((function, _)) = backend.uri.function() else {
        return Err(Refusal::broken("the integration calls no function").into());
    };
    let payload = Bytes::from(event(exchange).await?);
    let sent = trace(exchange);
    let uri = || upstreams.function_uri(&backend.uri.region, function, backend.streams);
    log::asks(exchange, uri, (&sent, &payload));
    let invocation = Invocation {
        region: &backend.uri.region,
        function,
        credentials: backend.credentials.as_deref(),
        payload,
        headers: sent,
        now_ms: exchange.arrived_ms,
    };
    let began = Instant::now();
    let limit = time_limit(exchange, backend);
    let response = if backend.streams {
        let calling = tokio::time::timeout(limit, upstreams.invoke_streamed(invocation)).await;
        exchange.integration.time = Some(began.elapsed());
        let (prelude, body) = in_time(calling)?;
        log::receives_stream(exchange, prelude.status, &prelude.headers);
        response(prelude.status, prelude.headers, body)?
    } else {
        let calling = tokio::time::timeout(limit, upstreams.invoke(invocation)).await;
        exchange.integration.time = Some(began.elapsed());
        let invoked = in_time(calling)?;
        let (headers, payload) = (&invoked.headers, &invoked.payload);
        log::received(exchange, invoked.status.as_u16(), (headers, payload));
        if invoked.failed {
            log::function_failed(exchange, headers, payload);
            return Err(bad_gateway("function_failed").into());
        }
        let answer = ProxyAnswer::parse(&invoked.payload).map_err(|error| {
            Fault::from(bad_gateway("function_malformed").saying(error.to_string()))
        })?;
        let body = body_of(&answer, exchange)?;
        response(answer.status, answer.headers, Body::full(body))?
    };
    Ok(answered(exchange, response))
}

fn answered(exchange: &mut Exchange<'_>, mut response: Response) -> Answered {
    exchange.integration.status = Some(response.status().as_u16());
    if let Ok(trace) = HeaderValue::from_str(&exchange.ids.answered_trace()) {
        response.headers_mut().insert(ids::TRACE_ID, trace);
    }
    Answered {
        selector: response.status().as_str().to_owned(),
        response,
        is_proxy: true,
        is_final: true,
    }
}

/// Until the head of the answer.
pub(super) fn time_limit(exchange: &Exchange<'_>, backend: &AwsBackend) -> Duration {
    let own = Duration::from_millis(backend.timeout_ms.into());
    let deadline = exchange.facts.deadline;
    deadline.map_or(own, |deadline| deadline.min(own))
}

/// The trace goes on in the function.
pub(super) fn trace(exchange: &Exchange<'_>) -> HeaderMap {
    let mut sent = HeaderMap::new();
    if let Ok(trace) = HeaderValue::from_str(&exchange.ids.trace()) {
        sent.insert(ids::TRACE_ID, trace);
    }
    sent
}

/// What came of a call whose time was limited.
fn in_time<T, E>(result: Result<Result<T, AwsError>, E>) -> Result<T, Fault> {
    match result {
        Err(_) => Err(Refusal::upstream(UpstreamError::TimedOut).into()),
        Ok(Err(error)) => Err(refused(error).into()),
        Ok(Ok(value)) => Ok(value),
    }
}

/// What a client is told of a call that gave no answer. What the service said is not shown.
pub(super) fn refused(error: AwsError) -> Refusal {
    let detail = error.to_string();
    let unsafe_to_repeat = |refusal: Refusal| Refusal {
        retry: Retry::Unsafe,
        reason: error.reason(),
        ..refusal
    };
    match error {
        AwsError::Upstream(error) => Refusal::upstream(error),
        AwsError::CallerCredentials
        | AwsError::NoCredentials
        | AwsError::BadCall
        | AwsError::Denied => Refusal {
            reason: error.reason(),
            ..Refusal::broken(detail)
        },
        AwsError::TooLarge => Refusal::too_large().saying(detail),
        AwsError::Refused(_) | AwsError::Function => {
            unsafe_to_repeat(bad_gateway(error.reason()).saying(detail))
        }
        AwsError::Answer => unsafe_to_repeat(Refusal::broken(detail)).blaming(Blame::Upstream),
    }
}

fn bad_gateway(reason: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_GATEWAY,
        retry: Retry::Unsafe,
        ..Refusal::of(GatewayResponseType::Default5xx, reason).blaming(Blame::Upstream)
    }
}

/// The request as an event.
async fn event(exchange: &mut Exchange<'_>) -> Result<Vec<u8>, Fault> {
    let whole = exchange.body.whole().await?.clone();
    let is_base64_encoded = exchange.is_binary;
    let body = if is_base64_encoded {
        STANDARD.encode(&whole)
    } else {
        String::from_utf8_lossy(&whole).into_owned()
    };
    let context = context::tree(exchange);
    let request = Request::of(exchange)?;
    let matched = exchange.matched()?;
    let event = ProxyEvent {
        resource: &matched.method.path,
        path: &request.path,
        http_method: exchange.method.as_str(),
        headers: &request.headers,
        query: &request.query,
        path_parameters: &request.path_parameters,
        stage_variables: exchange.variables(),
        context: &context,
        body: Some(body.as_str()).filter(|body| !body.is_empty()),
        is_base64_encoded: is_base64_encoded && !body.is_empty(),
    };
    Ok(event.to_json())
}

/// The parts of a request that events show, decoded.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) path_parameters: Vec<(String, String)>,
}

impl Request {
    /// Reads them.
    pub(crate) fn of(exchange: &Exchange<'_>) -> Result<Self, Fault> {
        // Without the stage, but with a custom domain's own part.
        let path = if exchange.found.domain.is_some() {
            rest_path::decode(exchange.uri.path())
        } else {
            format!("/{}", rest_path::decode(exchange.found.path))
        };
        let query = rest_path::query(exchange.uri.query().unwrap_or_default());
        let query = query.map_err(|error| {
            Refusal::bad_request("Bad Request", "bad_query").saying(error.to_string())
        })?;
        let captured = exchange.matched()?.captured.iter();
        let path_parameters = captured.map(|one| {
            let raw = if one.greedy {
                one.raw.strip_suffix('/').unwrap_or(one.raw)
            } else {
                one.raw
            };
            (one.name.to_owned(), rest_path::decode(raw))
        });
        Ok(Self {
            path,
            headers: event_headers(exchange),
            query,
            path_parameters: path_parameters.collect(),
        })
    }
}

/// The client's, and what the gateway adds to events.
fn event_headers(exchange: &Exchange<'_>) -> Vec<(String, String)> {
    const FORWARDED: [&str; 3] = ["x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];
    let facts = exchange.facts;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut push = |name: &str, value: &str| {
        all.push((header_name(name).to_owned(), value.to_owned()));
    };
    if let Some(host) = exchange.host.as_ref().and_then(|host| host.to_str().ok()) {
        push(HOST.as_str(), host);
    }
    for (name, value) in &exchange.headers {
        let own = FORWARDED.contains(&name.as_str()) || *name == ids::TRACE_ID || *name == HOST;
        if !own {
            push(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    push(ids::TRACE_ID.as_str(), &exchange.ids.trace());
    let client = facts.client.ip().to_canonical().to_string();
    let earlier = exchange.headers.get_all("x-forwarded-for").iter();
    let mut chain: Vec<&str> = earlier.filter_map(|value| value.to_str().ok()).collect();
    chain.push(&client);
    push("x-forwarded-for", &chain.join(", "));
    let (port, scheme) = if facts.https {
        ("443", "https")
    } else {
        ("80", "http")
    };
    push("x-forwarded-port", port);
    push("x-forwarded-proto", scheme);
    all
}

/// The answer's body: bytes only for clients that want them first of all.
fn body_of(answer: &ProxyAnswer, exchange: &Exchange<'_>) -> Result<Bytes, Fault> {
    let binary = &exchange.deployment.media().binary;
    let text = answer.body.clone().unwrap_or_default();
    if !answer.is_base64_encoded || !binary.has(exchange.header(ACCEPT.as_str())) {
        return Ok(text.into());
    }
    let decoded = STANDARD.decode(text.trim());
    let decoded = decoded.map_err(|_| {
        Fault::from(Refusal::broken(
            "body of the function's answer is not base64",
        ))
    })?;
    Ok(decoded.into())
}

/// An answer with a function's headers under the names that clients get.
fn response(status: u16, list: Vec<(String, String)>, body: Body) -> Result<Response, Fault> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let malformed = || {
        let detail = "a header of the function's answer cannot be sent";
        Fault::from(bad_gateway("function_malformed").saying(detail))
    };
    for (name, value) in list {
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| malformed())?;
        // The length is that of what is sent.
        if known == CONTENT_LENGTH {
            continue;
        }
        if let Some(name) = headers::answered_name(&known) {
            if name == CONTENT_TYPE {
                response.headers_mut().insert(name, value);
            } else {
                response.headers_mut().append(name, value);
            }
        }
    }
    Ok(response)
}
