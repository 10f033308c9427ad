//! Functions: invoked at once, without waiting, or with their answer as a stream.
//!
//! The wire format is Lambda's own, so that an endpoint may be Lambda, a runtime's emulator or any
//! server that speaks it. What services say when they refuse is never shown to clients.

use std::future::poll_fn;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use lang::lambda::{Prelude, PreludeReader};
use serve::Body;

use super::{
    AwsCall, AwsError, Upstreams,
    lambda_stream::{Payloads, Streamed},
};

/// Most bytes of a whole answer. Amazon's limit on functions is 6 MB, on answers 10 MB.
const ANSWER_BYTES_MAX: usize = 10 << 20;

/// Version and name of the operations that call functions.
const WHOLE: (&str, &str) = ("2015-03-31", "invocations");
const STREAMED: (&str, &str) = ("2021-11-15", "response-streaming-invocations");

/// A function and what it is given.
pub(crate) struct Invocation<'a> {
    /// Where it is.
    pub(crate) region: &'a str,
    /// Name or ARN, as integrations have it.
    pub(crate) function: &'a str,
    /// The role whose secret signs.
    pub(crate) credentials: Option<&'a str>,
    /// The event, JSON.
    pub(crate) payload: Bytes,
    /// Further headers, such as `x-amz-invocation-type`.
    pub(crate) headers: HeaderMap,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
}

/// What a function answered.
#[derive(Debug)]
pub(crate) struct Invoked {
    /// Of Lambda, not of the function: 200, or 202 when nobody waits for the function.
    pub(crate) status: StatusCode,
    /// The function failed; the payload says how.
    pub(crate) failed: bool,
    /// Lambda's.
    pub(crate) headers: HeaderMap,
    /// JSON, if the function returned something.
    pub(crate) payload: Bytes,
}

impl Upstreams {
    /// Where a function is called, for the log of a test.
    pub(crate) fn function_uri(&self, region: &str, function: &str, streams: bool) -> String {
        let (version, operation) = if streams { STREAMED } else { WHOLE };
        let path = path(version, function, operation);
        self.aws_uri(("lambda", region, None), &path)
    }

    /// Calls a function and reads all that it answers. The caller limits the time.
    pub(crate) async fn invoke(&self, invocation: Invocation<'_>) -> Result<Invoked, AwsError> {
        let path = path(WHOLE.0, invocation.function, WHOLE.1);
        let answer = self.post(invocation, &path).await?;
        let (parts, body) = answer.into_parts();
        let payload = body.into_bytes(ANSWER_BYTES_MAX).await;
        Ok(Invoked {
            status: parts.status,
            failed: parts.headers.contains_key("x-amz-function-error"),
            headers: parts.headers,
            payload: payload.map_err(|_| AwsError::Answer)?,
        })
    }

    /// Calls a function by the operation that streams, and waits for the head of its answer.
    pub(crate) async fn invoke_streamed(
        &self,
        invocation: Invocation<'_>,
    ) -> Result<(Prelude, Body), AwsError> {
        let path = path(STREAMED.0, invocation.function, STREAMED.1);
        let answer = self.post(invocation, &path).await?;
        let mut payloads = Payloads::new(answer.into_body());
        let mut reader = PreludeReader::default();
        loop {
            let next = poll_fn(|cx| payloads.poll_next(cx)).await;
            let chunk = match next {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(AwsError::Answer),
            };
            let found = reader.push(&chunk).map_err(|error| {
                tracing::debug!(%error, "a function's stream has no head");
                AwsError::Answer
            })?;
            if let Some((prelude, rest)) = found {
                return Ok((prelude, Body::wrap(Streamed::new(rest.into(), payloads))));
            }
        }
    }

    /// Posts to Lambda and turns its refusals into errors.
    async fn post(
        &self,
        invocation: Invocation<'_>,
        path: &str,
    ) -> Result<Response<Body>, AwsError> {
        let mut headers = invocation.headers;
        let json = HeaderValue::from_static("application/json");
        headers.insert(http::header::CONTENT_TYPE, json);
        let kind = HeaderName::from_static("x-amz-invocation-type");
        headers
            .entry(kind)
            .or_insert(HeaderValue::from_static("RequestResponse"));
        let call = AwsCall {
            region: invocation.region,
            service: "lambda",
            subdomain: None,
            credentials: invocation.credentials,
            method: Method::POST,
            path,
            query: "",
            headers,
            body: invocation.payload,
            now_ms: invocation.now_ms,
        };
        let answer = self.call_aws(call).await?;
        match answer.status().as_u16() {
            200..=299 => Ok(answer),
            403 => Err(AwsError::Denied),
            413 => Err(AwsError::TooLarge),
            status => Err(AwsError::Refused(status)),
        }
    }
}

/// Colons are encoded, as the AWS SDKs do it; all other characters of ARNs need not be.
fn path(version: &str, function: &str, operation: &str) -> String {
    let function = function.replace(':', "%3A").replace('$', "%24");
    format!("/{version}/functions/{function}/{operation}")
}
