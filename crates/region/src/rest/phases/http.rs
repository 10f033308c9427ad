//! The request to an HTTP backend: method, URI and headers (docs/aws-behaviour.md).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use lang::{
    mapping::Mapped,
    rest_path,
    uri_template::{Extras, Value, ValueError},
};
use plan::region::rest::HttpBackend;
use serve::{Body, Request};

use super::map_request::{Call, Set};
use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, headers, ids},
};

const API_ID: HeaderName = HeaderName::from_static("x-amzn-apigateway-api-id");

/// A call to an HTTP backend.
pub(crate) fn request<'a>(
    exchange: &Exchange<'a>,
    backend: &'a HttpBackend,
    body: Body,
    set: &Set,
) -> Result<Call<'a>, Fault> {
    let mut request = Request::new(body);
    *request.uri_mut() = uri(exchange, backend, set)?;
    *request.method_mut() = method(exchange, backend);
    let mut sent = own_headers(exchange, backend.is_proxy);
    put_mapped(&mut sent, set);
    *request.headers_mut() = sent;
    Ok(Call::Http {
        backend,
        request: Box::new(request),
    })
}

fn method(exchange: &Exchange<'_>, backend: &HttpBackend) -> Method {
    let own = backend.method.as_ref();
    let own = own.and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    own.unwrap_or_else(|| exchange.method.clone())
}

/// What a backend gets before any mapping.
fn own_headers(exchange: &Exchange<'_>, is_proxy: bool) -> HeaderMap {
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
        set_header(&mut sent, USER_AGENT, &format!("AmazonAPIGateway_{api}"));
    }
    set_header(&mut sent, API_ID, api);
    set_header(&mut sent, ids::TRACE_ID, &exchange.ids.trace());
    sent
}

/// Mapped headers stand over what is there.
fn put_mapped(sent: &mut HeaderMap, set: &Set) {
    for (name, value) in &set.headers {
        if headers::is_never_sent(name) {
            continue;
        }
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        set_header(sent, name, &value.clone().joined());
    }
}

fn set_header(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

fn uri(exchange: &Exchange<'_>, backend: &HttpBackend, set: &Set) -> Result<Uri, Fault> {
    let captured = &exchange.matched()?.captured;
    let query = query(exchange, backend.is_proxy, set);
    let value_of = |name: &str| {
        if let Some(placed) = set.path.iter().rev().find(|placed| placed.name == name) {
            return Some(if placed.keeps_slashes {
                Value::DecodedPath(&placed.value)
            } else {
                Value::Decoded(&placed.value)
            });
        }
        let captured = captured.iter().find(|one| one.name == name)?;
        Some(if captured.greedy {
            Value::Greedy(captured.raw)
        } else {
            Value::Segment(captured.raw)
        })
    };
    let extras = Extras {
        append_path: None,
        query: Some(&query),
    };
    let rendered = backend.uri.render(value_of, extras);
    let rendered = rendered.map_err(|error| match error {
        ValueError::Missing(_) => Refusal::broken(error.to_string()).into(),
        ValueError::DotSegment => bad_path(error.to_string()),
    })?;
    let path = PathAndQuery::from_maybe_shared(Bytes::from(rendered));
    path.map(Uri::from)
        .map_err(|error| bad_path(error.to_string()))
}

/// The client's query where it is passed through, encoded anew, and what is mapped; a mapped
/// parameter takes the place of the client's.
fn query(exchange: &Exchange<'_>, is_proxy: bool, set: &Set) -> String {
    let known = exchange.parameters.querystring.iter();
    let is_mapped = |name: &str| set.query.iter().any(|(own, _)| own == name);
    let passed = known
        .filter(|(name, _)| is_proxy && !is_mapped(name))
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mapped = set.query.iter().flat_map(|(name, value)| {
        let values = match value {
            Mapped::One(value) => std::slice::from_ref(value),
            Mapped::Many(values) => values,
        };
        values.iter().map(|value| (name.as_str(), value.as_str()))
    });
    rest_path::encode_query(passed.chain(mapped))
}

fn bad_path(detail: String) -> Fault {
    Refusal::bad_request("Bad Request", "bad_path")
        .saying(detail)
        .into()
}
