//! Phase: the integration's answer becomes the client's (docs/aws-behaviour.md).
//!
//! A proxied answer is passed on but for the headers that the gateway has itself. Any other answer
//! is made from the integration response that the backend's status (or a function's error)
//! selects: its status, its headers, and a body made by a template or passed on as it comes.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use lang::{mapping::MappingError, media};
use plan::region::rest::{Backend, ResponsePlan};
use serve::{Body, BodyError, Response};

use super::{convert, integrate::Answered, map_request::text};
use crate::{
    fault::{Blame, Fault},
    rest::{Exchange, Refusal, body::BODY_BYTES_MAX, headers, ids, render::render, source::View},
};

/// Makes the client's answer.
pub(crate) async fn run(
    exchange: &mut Exchange<'_>,
    answered: Answered,
) -> Result<Response, Fault> {
    let Answered {
        selector,
        mut response,
        is_proxy,
        is_final,
    } = answered;
    exchange.answer.is_proxy = is_proxy;
    exchange.answer.is_final = is_final;
    exchange.answer.is_packed = response.headers().contains_key(CONTENT_ENCODING);
    if is_final {
        return Ok(response);
    }
    if is_proxy {
        headers::remap_proxied(response.headers_mut());
        return Ok(response);
    }
    let matched = exchange.matched()?;
    let is_mock = matches!(matched.backend, Backend::Mock);
    // Services have media types of their own, which clients get only by a mapping.
    let has_own_type = matches!(matched.backend, Backend::Aws(_));
    let mapping = matched.method.mapping.as_ref();
    let plan = mapping.ok().and_then(|mapping| mapping.response(&selector));
    let Some(plan) = plan else {
        return Err(unmatched(exchange, selector));
    };
    exchange.answer.handling = plan.content_handling;
    let accept = exchange.header("accept");
    let template = media::for_answer(&plan.templates, accept).map(|(_, template)| template);
    let (parts, body) = response.into_parts();
    let mut made = Response::new(Body::empty());
    if template.is_some() || plan.reads_body {
        let whole = if is_mock {
            exchange.body.whole().await?.clone()
        } else {
            collected(body).await?
        };
        let own = match template {
            Some(template) => {
                let kind = parts.headers.get(CONTENT_TYPE);
                let is_binary = match is_mock {
                    true => exchange.is_binary,
                    false => convert::is_binary(exchange, kind),
                };
                exchange.answer.is_text = true;
                let shown = convert::shown(&whole, is_binary);
                let rendered = render(exchange, template, &shown);
                let failed =
                    |error| Refusal::broken(format!("Unable to transform response: {error}"));
                Bytes::from(rendered.map_err(failed)?)
            }
            None if is_mock => Bytes::new(),
            None => whole.clone(),
        };
        *made.headers_mut() = mapped(exchange, plan, &parts.headers, Some(&whole))?;
        *made.body_mut() = Body::full(own);
    } else {
        *made.headers_mut() = mapped(exchange, plan, &parts.headers, None)?;
        *made.body_mut() = body;
    }
    if !has_own_type && !made.headers().contains_key(CONTENT_TYPE) {
        let kind = parts.headers.get(CONTENT_TYPE).cloned();
        made.headers_mut()
            .extend(kind.map(|kind| (CONTENT_TYPE, kind)));
    }
    complete(exchange, &mut made, plan, is_mock);
    Ok(made)
}

/// No integration response is for the answer; Amazon's words.
fn unmatched(exchange: &Exchange<'_>, selector: String) -> Fault {
    let status = exchange.integration.status;
    let status = status.map_or(selector, |status| status.to_string());
    Refusal::broken(format!(
        "No match for output mapping and no default output mapping configured. \
         Endpoint Response Status Code: {status}"
    ))
    .into()
}

/// The headers that the integration response sets.
fn mapped(
    exchange: &Exchange<'_>,
    plan: &ResponsePlan,
    answered: &HeaderMap,
    body: Option<&Bytes>,
) -> Result<HeaderMap, Fault> {
    let mut made = HeaderMap::new();
    let body = body.map(|bytes| text(bytes));
    let view = View {
        headers: Some(answered),
        answer: body.as_deref(),
        ..View::of(exchange, None)
    };
    for (name, source) in &plan.headers {
        let value = source.evaluate(&view).map_err(|error| not_json(&error))?;
        if let Some(value) = value {
            put(&mut made, name, &value.joined());
        }
    }
    Ok(made)
}

/// Overrides, and what an answer has without being told.
fn complete(exchange: &Exchange<'_>, made: &mut Response, plan: &ResponsePlan, is_mock: bool) {
    let overrides = &exchange.overrides.response;
    let status = overrides.status.unwrap_or(plan.status);
    *made.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = made.headers_mut();
    for (name, value) in &overrides.header {
        put(headers, name, value);
    }
    if !is_mock && let Ok(trace) = HeaderValue::from_str(&exchange.ids.answered_trace()) {
        headers.insert(ids::TRACE_ID, trace);
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let name: Option<HeaderName> = headers::mapped_name(name);
    if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
}

/// A backend's whole body.
async fn collected(body: Body) -> Result<Bytes, Fault> {
    let read = body.into_bytes(BODY_BYTES_MAX).await;
    read.map_err(|error| {
        let refusal = if BodyError::of(&*error) == Some(BodyError::TooLarge) {
            Refusal::broken("backend's answer is too large")
        } else {
            Refusal::broken("backend's answer was cut off")
        };
        refusal.blaming(Blame::Upstream).into()
    })
}

fn not_json(error: &MappingError) -> Fault {
    Refusal::broken(format!("response mapping: {error}")).into()
}
