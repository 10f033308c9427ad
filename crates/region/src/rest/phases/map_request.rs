//! Phase: the client's request becomes the integration's (docs/aws-behaviour.md).
//!
//! A proxied request keeps the client's headers and its body goes on as it comes; everything else
//! begins with nothing but what the gateway adds.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use lang::uri_template::{Extras, Value};
use plan::region::rest::{Backend, HttpBackend, Matched};
use serve::Request;

use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, headers, ids},
};

/// What the integration is to do.
pub(crate) enum Call<'a> {
    /// Answer with this status.
    Mock { status: u16 },
    /// Call an HTTP backend.
    Http {
        backend: &'a HttpBackend,
        request: Box<Request>,
    },
}

const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");

/// Makes the integration's request.
pub(crate) fn run<'a>(exchange: &mut Exchange<'a>) -> Result<Call<'a>, Fault> {
    let matched = exchange.matched()?;
    match matched.backend {
        Backend::Broken(reason) => Err(broken(reason)),
        Backend::Mock => Ok(Call::Mock { status: 200 }),
        Backend::Http(backend) => {
            let uri = uri(exchange, matched, backend)?;
            let mut request = Request::new(exchange.body.pass());
            *request.method_mut() = method(exchange, backend);
            *request.uri_mut() = uri;
            *request.headers_mut() = own_headers(exchange, backend.is_proxy);
            let request = Box::new(request);
            Ok(Call::Http { backend, request })
        }
    }
}

fn broken(reason: &Arc<str>) -> Fault {
    Refusal::broken(reason.to_string()).into()
}

fn method(exchange: &Exchange<'_>, backend: &HttpBackend) -> Method {
    let own = backend.method.as_ref();
    let own = own.and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    own.unwrap_or_else(|| exchange.method.clone())
}

/// What a backend gets before any mapping.
fn own_headers(exchange: &mut Exchange<'_>, is_proxy: bool) -> HeaderMap {
    let mut sent = if is_proxy {
        let mut sent = exchange.headers.clone();
        headers::strip_proxied(&mut sent);
        sent
    } else {
        let mut sent = HeaderMap::new();
        sent.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(kind) = exchange.headers.get(CONTENT_TYPE) {
            sent.insert(CONTENT_TYPE, kind.clone());
        }
        sent
    };
    let api = exchange.found.api.id().as_str();
    if !sent.contains_key(USER_AGENT) {
        set(&mut sent, USER_AGENT, &format!("AmazonAPIGateway_{api}"));
    }
    set(&mut sent, API_ID, api);
    set(&mut sent, ids::TRACE_ID, &exchange.ids.trace());
    sent
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn uri(
    exchange: &Exchange<'_>,
    matched: &Matched<'_, '_>,
    backend: &HttpBackend,
) -> Result<Uri, Fault> {
    let extras = Extras {
        append_path: None,
        query: exchange.uri.query().filter(|_| backend.is_proxy),
    };
    let value_of = |name: &str| {
        let captured = matched.captured.iter().find(|one| one.name == name)?;
        Some(if captured.greedy {
            Value::Greedy(captured.raw.strip_suffix('/').unwrap_or(captured.raw))
        } else {
            Value::Segment(captured.raw)
        })
    };
    let rendered = backend.uri.render(value_of, extras);
    let rendered = rendered.map_err(|error| bad_path(error.to_string()))?;
    let path = PathAndQuery::from_maybe_shared(Bytes::from(rendered));
    path.map(Uri::from)
        .map_err(|error| bad_path(error.to_string()))
}

fn bad_path(detail: String) -> Fault {
    Refusal::bad_request("Bad Request", "bad_path")
        .saying(detail)
        .into()
}
