//! Turns a fault into an answer: the only place of the region that makes error bytes.

use http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use serve::{Body, Response};

use crate::fault::Fault;

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
