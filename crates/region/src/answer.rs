//! Turns a fault into an answer: the only place of the region that makes error bytes.

use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
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
    let own = exchange.deployment.gateway_response(refusal.kind);
    let of_class = exchange
        .deployment
        .gateway_response(if refusal.is_client_error() {
            GatewayResponseType::Default4xx
        } else {
            GatewayResponseType::Default5xx
        });
    let status = own.or(of_class).and_then(|response| response.status);
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let key = if refusal.capital {
        "Message"
    } else {
        "message"
    };
    let message = rest::message_string(refusal.message.as_deref());
    let mut response = Response::new(Body::full(format!("{{\"{key}\":{message}}}")));
    *response.status_mut() = status.unwrap_or(refusal.status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ERROR_TYPE, HeaderValue::from_static(refusal.error_type));
    for (name, value) in &refusal.headers {
        headers.append(name, value.clone());
    }
    exchange.error = Some(refusal);
    response
}
