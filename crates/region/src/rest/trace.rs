//! What a request went through, in Amazon's words: the log of a test (docs/aws-behaviour.md, trying a
//! method). Kept only for tests; a request of a client has none, and pays for a look at an `Option`.

use std::fmt::Write as _;

use bytes::Bytes;
use http::HeaderMap;
use plan::region::rest::HttpBackend;
use serve::{Body, Request, Response};

use super::{Exchange, Refusal, body::BODY_BYTES_MAX, time};
use crate::fault::{Blame, Fault};

/// Longest event, bytes, as Amazon's; what is longer is cut.
const EVENT_BYTES_MAX: usize = 1_024;
const CUT: &str = "[TRUNCATED]";

/// Lines, each with the time.
#[derive(Debug, Default)]
pub(crate) struct Trace(String);

impl Trace {
    /// Begins with the line that has no time.
    pub(crate) fn of(request_id: &str) -> Self {
        Self(format!("Execution log for request {request_id}\n"))
    }

    /// Adds a line.
    pub(crate) fn say(&mut self, now_ms: u64, event: &str) {
        let shown = if event.len() > EVENT_BYTES_MAX {
            let end = (0..=EVENT_BYTES_MAX - CUT.len()).rev();
            let mut end = end.filter(|at| event.is_char_boundary(*at));
            let kept = end.next().and_then(|end| event.get(..end));
            format!("{}{CUT}", kept.unwrap_or_default())
        } else {
            event.to_owned()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{} : {shown}", time::log(now_ms));
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Says what came, once the method is known.
pub(crate) fn request(exchange: &mut Exchange<'_>) {
    if exchange.trace.is_none() {
        return;
    }
    let pairs = |pairs: &[(String, String)]| {
        shown(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    };
    let resource = exchange
        .matched
        .as_ref()
        .map(|matched| matched.method.path.to_string());
    let body = match &exchange.body {
        super::body::Held::Whole(bytes) => Some(bytes.clone()),
        super::body::Held::Unread(body) => body.as_full().cloned(),
    };
    let lines = [
        format!(
            "HTTP Method: {}, Resource Path: {}",
            exchange.method,
            resource.unwrap_or_default()
        ),
        format!("Method request path: {}", pairs(&exchange.parameters.path)),
        format!(
            "Method request query string: {}",
            pairs(&exchange.parameters.querystring)
        ),
        format!("Method request headers: {}", headers(&exchange.headers)),
        format!(
            "Method request body before transformations: {}",
            text(&body.unwrap_or_default())
        ),
    ];
    for line in lines {
        exchange.say(|| line);
    }
}

/// Says what is sent to the backend.
pub(crate) fn sends(exchange: &mut Exchange<'_>, backend: &HttpBackend, request: &Request) {
    if exchange.trace.is_none() {
        return;
    }
    let origin = &backend.origin;
    let scheme = if origin.https { "https" } else { "http" };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let uri = format!("{scheme}://{}{path}", origin.authority);
    let body = request.body().as_full().cloned().unwrap_or_default();
    let lines = [
        format!("Endpoint request URI: {uri}"),
        format!("Endpoint request headers: {}", headers(request.headers())),
        format!(
            "Endpoint request body after transformations: {}",
            text(&body)
        ),
        format!("Sending request to {uri}"),
    ];
    for line in lines {
        exchange.say(|| line);
    }
}

/// Says what the backend answered, whose body is read for it.
pub(crate) async fn receives(
    exchange: &mut Exchange<'_>,
    response: Response,
) -> Result<Response, Fault> {
    if exchange.trace.is_none() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.into_bytes(BODY_BYTES_MAX).await.map_err(|_| {
        let refusal = Refusal::broken("backend's answer is cut off or too large");
        Fault::from(refusal.blaming(Blame::Upstream))
    })?;
    let latency = exchange.integration.time.unwrap_or_default().as_millis();
    let lines = [
        format!(
            "Received response. Status: {}, Integration latency: {latency} ms",
            parts.status.as_u16()
        ),
        format!("Endpoint response headers: {}", headers(&parts.headers)),
        format!(
            "Endpoint response body before transformations: {}",
            text(&body)
        ),
    ];
    for line in lines {
        exchange.say(|| line);
    }
    Ok(Response::from_parts(parts, Body::full(body)))
}

/// Says how it ended; `body` is what the client gets.
pub(crate) fn ends(
    exchange: &mut Exchange<'_>,
    response: &Response,
    body: &Bytes,
    fault: Option<&Fault>,
) {
    match fault {
        None => {
            let shown = text(body);
            exchange.say(|| format!("Method response body after transformations: {shown}"));
            let shown = headers(response.headers());
            exchange.say(|| format!("Method response headers: {shown}"));
            exchange.say(|| "Successfully completed execution".to_owned());
        }
        Some(fault) => {
            let reason = match fault {
                Fault::Rest(refusal) => failure(refusal),
                other => other.reason().to_owned(),
            };
            exchange.say(|| format!("Execution failed due to {reason}"));
        }
    }
    let status = response.status().as_u16();
    exchange.say(|| format!("Method completed with status: {status}"));
}

fn failure(refusal: &Refusal) -> String {
    use model::rest::GatewayResponseType as Kind;
    let what = match refusal.kind {
        Kind::ApiConfigurationError => "configuration error",
        Kind::IntegrationTimeout => return "a timeout error".to_owned(),
        Kind::IntegrationFailure => "an unavailable endpoint",
        _ => refusal.kind.as_str(),
    };
    let said = match &*refusal.detail {
        "" => refusal.message.as_deref().unwrap_or_default(),
        detail => detail,
    };
    format!("{what}: {said}")
}

fn headers(headers: &HeaderMap) -> String {
    let values = headers.iter();
    let values: Vec<(&str, String)> = values
        .map(|(name, value)| {
            let secret = name == http::header::AUTHORIZATION || name == "x-api-key";
            let shown = if secret {
                "****".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.as_str(), shown)
        })
        .collect();
    shown(values.iter().map(|(name, value)| (*name, value.as_str())))
}

/// `{a=1, b=2}`
fn shown<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
