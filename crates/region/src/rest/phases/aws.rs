//! Functions and AWS services behind mappings and templates: what they are sent, and their answer
//! for the integration responses to choose from (docs/aws-behaviour.md, functions and services).

use std::time::Instant;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{CONTENT_TYPE, USER_AGENT},
};
use lang::{
    aws::{self, Protocol, Service},
    mapping::Mapped,
    rest_path,
};
use plan::region::rest::AwsBackend;
use serve::{Body, Response};

use super::{
    function::{refused, time_limit},
    integrate::Answered,
    map_request::{Call, Set},
};
use crate::{
    fault::{Blame, Fault},
    rest::{Exchange, Refusal, body::Held, headers, ids, trace},
    upstream::{AwsCall, AwsError, Invocation, UpstreamError, Upstreams},
};

const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const FORM: &str = "application/x-www-form-urlencoded";

/// What is sent.
pub(crate) struct AwsRequest {
    /// With its first slash; empty for a function.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Makes what a function or a service is sent.
pub(crate) async fn request<'a>(
    exchange: &mut Exchange<'a>,
    backend: &'a AwsBackend,
    body: Body,
    set: &Set,
) -> Result<Call<'a>, Fault> {
    let body = Held::Unread(body).whole().await?.clone();
    let mut sent = HeaderMap::new();
    for (name, value) in &set.headers {
        let known = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.clone().joined().as_bytes());
        if let (Ok(known), Ok(value)) = (known, value)
            && !headers::is_never_sent(name)
        {
            sent.insert(known, value);
        }
    }
    put(&mut sent, ids::TRACE_ID, &exchange.ids.trace());
    let request = match &backend.uri.call {
        aws::Call::Function { .. } => function(sent, body),
        aws::Call::Action { name, query } => {
            let place = Place { exchange, set };
            action(backend, (name, query), &place, (sent, body))?
        }
        aws::Call::Path(path) => by_path(path, &Place { exchange, set }, (sent, body))?,
    };
    Ok(Call::Aws {
        backend,
        request: Box::new(request),
    })
}

/// Lambda's own headers go on; without a body a function gets an empty object.
fn function(mut headers: HeaderMap, body: Bytes) -> AwsRequest {
    let own = |name: &HeaderName| name.as_str().starts_with("x-am");
    let foreign: Vec<HeaderName> = headers.keys().filter(|name| !own(name)).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
    AwsRequest {
        path: String::new(),
        query: String::new(),
        headers,
        body: if body.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            body
        },
    }
}

/// An operation by its name, as the service's protocol has it.
fn action(
    backend: &AwsBackend,
    (name, query): (&str, &str),
    place: &Place<'_, '_>,
    (mut headers, body): (HeaderMap, Bytes),
) -> Result<AwsRequest, Fault> {
    let extra = aws::render_query(query, |name| place.value(name));
    let extra = extra.map_err(|error| unrendered(&error))?;
    let mapped = place.query();
    let service = Service::named(&backend.uri.service);
    let mut parts = Vec::new();
    match service.protocol {
        Protocol::Json {
            target,
            content_type,
        } => {
            put(&mut headers, TARGET, &format!("{target}.{name}"));
            if !headers.contains_key(CONTENT_TYPE) {
                put(&mut headers, CONTENT_TYPE, content_type);
            }
        }
        Protocol::Query { version } => {
            parts.push(format!("Action={}", aws::encode(name)));
            let is_given = |text: &str| text.contains("Version=");
            if let Some(version) = version.filter(|_| !is_given(&extra) && !is_given(&mapped)) {
                parts.push(format!("Version={version}"));
            }
            if !headers.contains_key(CONTENT_TYPE) {
                put(&mut headers, CONTENT_TYPE, FORM);
            }
        }
        Protocol::Rest => {
            let service = service.name;
            let detail = format!("{service} has no actions: use the path form of the uri");
            return Err(Refusal::broken(detail).into());
        }
    }
    parts.extend([extra, mapped].into_iter().filter(|part| !part.is_empty()));
    place.name_gateway(&mut headers);
    Ok(AwsRequest {
        path: "/".to_owned(),
        query: parts.join("&"),
        headers,
        body,
    })
}

fn by_path(
    path: &str,
    place: &Place<'_, '_>,
    (mut headers, body): (HeaderMap, Bytes),
) -> Result<AwsRequest, Fault> {
    let rendered = aws::render(path, |name| place.value(name));
    let (path, own) = rendered.map_err(|error| unrendered(&error))?;
    let parts = [own, place.query()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if !headers.contains_key(CONTENT_TYPE)
        && !body.is_empty()
        && let Some(kind) = place.exchange.headers.get(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, kind.clone());
    }
    place.name_gateway(&mut headers);
    Ok(AwsRequest {
        path,
        query: parts.join("&"),
        headers,
        body,
    })
}

/// Where values of a URI come from.
struct Place<'a, 'e> {
    exchange: &'a Exchange<'e>,
    set: &'a Set,
}

impl Place<'_, '_> {
    /// What is mapped to a name, else what the request's path has there.
    fn value(&self, name: &str) -> Option<aws::Value> {
        let placed = self.set.path.iter().rev();
        if let Some(placed) = placed.into_iter().find(|placed| placed.name == name) {
            return Some(aws::Value {
                text: placed.value.clone(),
                keeps_slashes: placed.keeps_slashes,
            });
        }
        let matched = self.exchange.matched.as_ref()?;
        let captured = matched.captured.iter().find(|one| one.name == name)?;
        Some(aws::Value {
            text: rest_path::decode(captured.raw.strip_suffix('/').unwrap_or(captured.raw)),
            keeps_slashes: captured.greedy,
        })
    }

    /// The mapped parameters of the query.
    fn query(&self) -> String {
        let pairs = self.set.query.iter().flat_map(|(name, value)| {
            let values = match value {
                Mapped::One(value) => std::slice::from_ref(value),
                Mapped::Many(values) => values,
            };
            let pair = |value: &String| format!("{}={}", aws::encode(name), aws::encode(value));
            values.iter().map(pair).collect::<Vec<_>>()
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn name_gateway(&self, headers: &mut HeaderMap) {
        let api = self.exchange.found.api.id().as_str();
        if !headers.contains_key(USER_AGENT) {
            put(headers, USER_AGENT, &format!("AmazonAPIGateway_{api}"));
        }
        put(headers, API_ID, api);
    }
}

fn unrendered(error: &aws::RenderError) -> Fault {
    let refusal = match error {
        aws::RenderError::Missing(_) => Refusal::broken(error.to_string()),
        aws::RenderError::Leaves => {
            Refusal::bad_request("Bad Request", "bad_path").saying(error.to_string())
        }
    };
    refusal.into()
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Calls the function or the service. If dropped, so is the call.
pub(super) async fn run(
    exchange: &mut Exchange<'_>,
    upstreams: &Upstreams,
    backend: &AwsBackend,
    request: AwsRequest,
) -> Result<Answered, Fault> {
    let limit = time_limit(exchange, backend);
    let now_ms = exchange.arrived_ms;
    let own_method = || exchange.method.clone();
    let method = Method::from_bytes(backend.method.as_bytes());
    let method = method.ok().filter(|method| method.as_str() != "ANY");
    let method = method.unwrap_or_else(own_method);
    let sent = (&request.headers, &*request.body);
    trace::asks(exchange, || address(upstreams, backend, &request), sent);
    let began = Instant::now();
    let calling = async {
        match backend.uri.function() {
            Some((function, _)) => {
                let invocation = Invocation {
                    region: &backend.uri.region,
                    function,
                    credentials: backend.credentials.as_deref(),
                    payload: request.body,
                    headers: request.headers,
                    now_ms,
                };
                invoke(upstreams, invocation).await
            }
            None => {
                let call = AwsCall {
                    region: &backend.uri.region,
                    service: &backend.uri.service,
                    subdomain: backend.uri.subdomain.as_deref(),
                    credentials: backend.credentials.as_deref(),
                    method,
                    path: &request.path,
                    query: &request.query,
                    headers: request.headers,
                    body: request.body,
                    now_ms,
                };
                let response = upstreams.call_aws(call).await?;
                Ok((response.status().as_str().to_owned(), response))
            }
        }
    };
    let result = tokio::time::timeout(limit, calling).await;
    exchange.integration.time = Some(began.elapsed());
    let (selector, response) = match result {
        Err(_) => return Err(Refusal::upstream(UpstreamError::TimedOut).into()),
        // Lambda refused: the function had no say, so no integration response is for it.
        Ok(Err(error @ (AwsError::Refused(_) | AwsError::Function))) => {
            let refusal = Refusal {
                reason: error.reason(),
                ..Refusal::broken(error.to_string()).blaming(Blame::Upstream)
            };
            return Err(refusal.into());
        }
        Ok(Err(error)) => return Err(refused(error).into()),
        Ok(Ok(answered)) => answered,
    };
    exchange.integration.status = Some(response.status().as_u16());
    let response = trace::receives(exchange, response).await?;
    Ok(Answered {
        selector,
        response,
        is_proxy: false,
        is_final: false,
    })
}

/// Where it goes.
fn address(upstreams: &Upstreams, backend: &AwsBackend, request: &AwsRequest) -> String {
    let uri = &backend.uri;
    if let Some((function, _)) = uri.function() {
        return upstreams.function_uri(&uri.region, function, false);
    }
    let question = if request.query.is_empty() { "" } else { "?" };
    let path = format!("{}{question}{}", request.path, request.query);
    let place = (&*uri.service, &*uri.region, uri.subdomain.as_deref());
    upstreams.aws_uri(place, &path)
}

/// The selector of a function's answer is the message of its error; empty when it has none.
async fn invoke(
    upstreams: &Upstreams,
    invocation: Invocation<'_>,
) -> Result<(String, Response), AwsError> {
    let invoked = upstreams.invoke(invocation).await?;
    let message = invoked.failed.then(|| {
        let error = serde_json::from_slice::<serde_json::Value>(&invoked.payload).ok();
        let message = error.as_ref().and_then(|error| error.get("errorMessage"));
        message
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    });
    let mut response = Response::new(Body::full(invoked.payload));
    *response.status_mut() = invoked.status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok((message.unwrap_or_default(), response))
}
