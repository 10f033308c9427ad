//! What an operation answers, before it becomes bytes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use serve::{Body, Response};

use crate::refusal::Refusal;

/// Status, JSON body and extra headers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// `value` as JSON.
    ///
    /// # Errors
    /// Only for a type that JSON cannot represent.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Refusal> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Refusal::Internal(format!("writing the answer failed: {error}")))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            status,
            headers,
            body: body.into(),
        })
    }

    /// 200 with a file.
    pub(crate) fn bytes(kind: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Self {
            status: StatusCode::OK,
            headers,
            body: body.into(),
        }
    }

    /// 200 with `value`.
    pub(crate) fn ok(value: &impl Serialize) -> Result<Self, Refusal> {
        Self::json(StatusCode::OK, value)
    }

    /// A status without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a header, unless its value cannot be one.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::full(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
