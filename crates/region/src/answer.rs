//! Turns a fault into an answer: the only place of the region that makes error bytes.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, WWW_AUTHENTICATE},
};
use lang::media;
use serve::{Body, Response};

use model::rest::GatewayResponseType;

use crate::{
    fault::Fault,
    rest::{self, Refusal},
};

/// The header that names the request towards the client, on answers and errors.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The answer to a request that met `fault` (docs/aws-behaviour.md). The request id is added where
/// all answers get theirs, in the pipeline.
pub(crate) fn answer(fault: &Fault) -> Response {
    let body = format!("{{\"message\":\"{}\"}}", fault.message());
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = fault.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Fault::Unauthorized(token) = fault {
        put(headers, WWW_AUTHENTICATE.as_str(), &token.challenge);
    }
    if let Some(kind) = fault.error_type() {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
    }
    response
}

/// The answer to a request to a REST API that met `fault`: a gateway response, as the API's owner
/// wants it. Ids are added where all answers get theirs.
pub(crate) fn rest(fault: &Fault, exchange: &mut rest::Exchange<'_>) -> Response {
    let refusal = match fault {
        Fault::Rest(refusal) => (**refusal).clone(),
        // Only phases of REST APIs have run, and they fail with nothing else.
        other => Refusal::of(GatewayResponseType::Default5xx, other.reason()),
    };
    let headers = refusal.headers.clone();
    let usual = (refusal.status, refusal.capital, refusal.error_type);
    let (kind, is_client_error) = (refusal.kind, refusal.is_client_error());
    exchange.error = Some(refusal);
    let exchange = &*exchange;
    let responses = exchange.deployment.gateway_responses();
    let wording = responses.wording(kind, is_client_error);
    let view = rest::View::of(exchange, None);
    let (status, capital, error_type) = usual;
    let chosen = wording
        .plan
        .and_then(|plan| media::for_answer(&plan.templates, exchange.header("accept")));
    let (media, body) = match chosen {
        Some((media, template)) => (media, template.render(&view)),
        None => (media::DEFAULT, usual_body(exchange, capital)),
    };
    let mut response = Response::new(Body::full(body));
    let own = wording
        .status
        .and_then(|own| StatusCode::from_u16(own).ok());
    *response.status_mut() = own.unwrap_or(status);
    let made = response.headers_mut();
    put(made, CONTENT_TYPE.as_str(), media);
    made.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    for (name, value) in headers {
        made.append(name, value);
    }
    for (name, source) in wording.plan.into_iter().flat_map(|plan| &plan.headers) {
        // What cannot be evaluated is left out: an error about an error helps nobody.
        if let Ok(Some(value)) = source.evaluate(&view) {
            put(made, name, &value.joined());
        }
    }
    response
}

/// `{"message":$context.error.messageString}`, and `Message` where policies refuse.
fn usual_body(exchange: &rest::Exchange<'_>, capital: bool) -> String {
    let message = exchange
        .error
        .as_ref()
        .and_then(|error| error.message.as_deref());
    let key = if capital { "Message" } else { "message" };
    format!("{{\"{key}\":{}}}", rest::message_string(message))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
}
