//! What a request went through, in Amazon's words: the log of a test (docs/aws-behaviour.md,
//! trying a method), and of clients' requests where their stage wants it (`execution_log`). Others
//! have none, and pay for a look at an `Option`. Secrets are never said.

use std::fmt::Write as _;

use bytes::Bytes;
use http::HeaderMap;
use plan::region::rest::{HttpBackend, PartPlan};
use serve::{Body, Request, Response};

use super::{Exchange, Refusal, body::BODY_BYTES_MAX, execution_log::Live, secrets, time};
use crate::fault::{Blame, Fault};

/// Longest event, bytes, as Amazon's; what is longer is cut.
const EVENT_BYTES_MAX: usize = 1_024;
const CUT: &str = "[TRUNCATED]";

/// Where lines go.
#[derive(Debug)]
pub(crate) enum Trace {
    /// To who tries a method: all of them, each with the time.
    Test(String),
    /// To the log of this node.
    Live(Live),
}

/// How much a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// What was sent and received.
    Data,
    /// What was done.
    Step,
    /// What went wrong.
    Failure,
}

impl Trace {
    /// Begins with the line that has no time.
    pub(crate) fn of(request_id: &str) -> Self {
        Self::Test(format!("Execution log for request {request_id}\n"))
    }

    /// Whether a line of that weight is to be said.
    pub(crate) fn wants(&self, weight: Weight) -> bool {
        match self {
            Self::Test(_) => true,
            Self::Live(live) => live.wants(weight),
        }
    }

    /// Whether a method is being tried.
    pub(crate) const fn is_test(&self) -> bool {
        matches!(self, Self::Test(_))
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
        match self {
            Self::Test(text) => {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{} : {shown}", time::log(now_ms));
            }
            Self::Live(live) => live.say(&shown),
        }
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Test(text) => text,
            Self::Live(_) => String::new(),
        }
    }
}

/// Says what came, once the method is known.
pub(crate) fn request(exchange: &mut Exchange<'_>) {
    let resource = exchange
        .matched
        .as_ref()
        .map(|matched| matched.method.path.to_string());
    let (method, resource) = (exchange.method.clone(), resource.unwrap_or_default());
    exchange.say(|| format!("HTTP Method: {method}, Resource Path: {resource}"));
    if !exchange.shows_data() {
        return;
    }
    let pairs = |pairs: &[(String, String)]| {
        shown(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    };
    let body = match &exchange.body {
        super::body::Held::Whole(bytes) => Some(bytes.clone()),
        super::body::Held::Unread(body) => body.as_full().cloned(),
    };
    let lines = [
        format!("Method request path: {}", pairs(&exchange.parameters.path)),
        format!(
            "Method request query string: {}",
            pairs(&exchange.parameters.querystring)
        ),
        format!(
            "Method request headers: {}",
            headers(exchange, &exchange.headers)
        ),
        format!(
            "Method request body before transformations: {}",
            text(&body.unwrap_or_default())
        ),
    ];
    for line in lines {
        exchange.say_as(Weight::Data, || line);
    }
}

/// Says what is sent to an HTTP backend.
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
    asks(exchange, || uri, (request.headers(), &body));
}

/// Says what is sent to anybody. A signature is made behind this, and never shown.
pub(crate) fn asks(
    exchange: &mut Exchange<'_>,
    uri: impl FnOnce() -> String,
    (sent, body): (&HeaderMap, &[u8]),
) {
    if exchange.trace.is_none() {
        return;
    }
    let uri = uri();
    if exchange.shows_data() {
        let lines = [
            format!("Endpoint request URI: {uri}"),
            format!("Endpoint request headers: {}", headers(exchange, sent)),
            format!(
                "Endpoint request body after transformations: {}",
                secrets::masked_event(exchange, body)
            ),
        ];
        for line in lines {
            exchange.say_as(Weight::Data, || line);
        }
    }
    exchange.say(|| format!("Sending request to {uri}"));
}

/// Says what the backend answered, whose body is read for it.
pub(crate) async fn receives(
    exchange: &mut Exchange<'_>,
    response: Response,
) -> Result<Response, Fault> {
    let Some(trace) = &exchange.trace else {
        return Ok(response);
    };
    let (parts, body) = response.into_parts();
    if !trace.is_test() {
        // What streams goes on streaming.
        let whole = body.as_full().cloned().unwrap_or_default();
        received(exchange, parts.status.as_u16(), (&parts.headers, &whole));
        return Ok(Response::from_parts(parts, body));
    }
    let body = body.into_bytes(BODY_BYTES_MAX).await.map_err(|_| {
        let refusal = Refusal::broken("backend's answer is cut off or too large");
        Fault::from(refusal.blaming(Blame::Upstream))
    })?;
    received(exchange, parts.status.as_u16(), (&parts.headers, &body));
    Ok(Response::from_parts(parts, Body::full(body)))
}

/// Says what was answered, whose body is read already.
pub(crate) fn received(
    exchange: &mut Exchange<'_>,
    status: u16,
    (answered, body): (&HeaderMap, &[u8]),
) {
    if exchange.trace.is_none() {
        return;
    }
    let latency = exchange.integration.time.unwrap_or_default().as_millis();
    exchange
        .say(|| format!("Received response. Status: {status}, Integration latency: {latency} ms"));
    if !exchange.shows_data() {
        return;
    }
    let lines = [
        format!("Endpoint response headers: {}", headers(exchange, answered)),
        format!(
            "Endpoint response body before transformations: {}",
            text(body)
        ),
    ];
    for line in lines {
        exchange.say_as(Weight::Data, || line);
    }
}

/// Says what is asked for a part of an answer that several backends make.
pub(crate) fn part_asks(exchange: &mut Exchange<'_>, part: &PartPlan, request: &Request) {
    exchange.say(|| {
        let scheme = if part.origin.https { "https" } else { "http" };
        let (name, authority) = (&part.name, &part.origin.authority);
        let uri = request.uri();
        format!("Sending request for part {name} to {scheme}://{authority}{uri}")
    });
}

/// Says how a part ended.
pub(crate) fn part_ended(
    exchange: &mut Exchange<'_>,
    part: &PartPlan,
    ended: Result<u16, &'static str>,
) {
    let name = &part.name;
    exchange.say(|| match ended {
        Ok(status) => format!("Received response for part {name}. Status: {status}"),
        Err(reason) => format!("Part {name} failed: {reason}"),
    });
}

/// Says what begins to be answered; what follows is the answer's body.
pub(crate) fn receives_stream(
    exchange: &mut Exchange<'_>,
    status: u16,
    answered: &[(String, String)],
) {
    let latency = exchange.integration.time.unwrap_or_default().as_millis();
    exchange
        .say(|| format!("Received response. Status: {status}, Integration latency: {latency} ms"));
    exchange.say_as(Weight::Data, || {
        let pairs = answered.iter();
        let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
        format!("Endpoint response headers: {}", shown(pairs))
    });
}

/// Says what an authorizer's function answered.
pub(crate) fn authorizer_answered(exchange: &mut Exchange<'_>, payload: &[u8]) {
    exchange.say_as(Weight::Data, || {
        format!("Authorizer result body before parsing: {}", text(payload))
    });
}

/// Says how a function failed, in its own words, which no client gets.
pub(crate) fn function_failed(exchange: &mut Exchange<'_>, answered: &HeaderMap, payload: &[u8]) {
    let error: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    let message = error.as_ref().and_then(|error| error.get("errorMessage"));
    let message = message.and_then(serde_json::Value::as_str);
    let id = answered.get("x-amzn-requestid");
    let id = id.and_then(|id| id.to_str().ok());
    exchange.say_as(Weight::Failure, || {
        format!(
            "Lambda execution failed with status 200 due to customer function error: {}. \
             Lambda request id: {}",
            message.unwrap_or_default(),
            id.unwrap_or_default()
        )
    });
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
            if exchange.shows_data() {
                let shown = text(body);
                let line = format!("Method response body after transformations: {shown}");
                exchange.say_as(Weight::Data, || line);
                let shown = headers(exchange, response.headers());
                exchange.say_as(Weight::Data, || format!("Method response headers: {shown}"));
            }
            exchange.say(|| "Successfully completed execution".to_owned());
        }
        Some(fault) => fails(exchange, fault),
    }
    let status = response.status().as_u16();
    let weight = fault.map_or(Weight::Step, |_| Weight::Failure);
    exchange.say_as(weight, || format!("Method completed with status: {status}"));
}

/// Says how a client's request ended.
pub(crate) fn concludes(exchange: &mut Exchange<'_>, response: &Response, fault: Option<&Fault>) {
    if exchange.trace.as_ref().is_none_or(|trace| trace.is_test()) {
        return;
    }
    let whole = response.body().as_full().cloned().unwrap_or_default();
    ends(exchange, response, &whole, fault);
}

/// Says why it failed.
pub(crate) fn fails(exchange: &mut Exchange<'_>, fault: &Fault) {
    let kind = exchange.header("content-type").unwrap_or_default();
    let event = match fault {
        Fault::Rest(refusal) => failure(refusal, kind),
        other => Some(format!("Execution failed due to {}", other.reason())),
    };
    if let Some(event) = event {
        exchange.say_as(Weight::Failure, || event);
    }
}

/// None for what has been said already.
fn failure(refusal: &Refusal, content_type: &str) -> Option<String> {
    use model::rest::GatewayResponseType as Kind;
    let said = match &*refusal.detail {
        "" => refusal.message.as_deref().unwrap_or_default(),
        detail => detail,
    };
    let what = match (refusal.reason, refusal.kind) {
        ("function_failed", _) => return None,
        ("function_malformed", _) => "configuration error: Malformed Lambda proxy response",
        ("aws_denied", _) => "configuration error: Invalid permissions on Lambda function",
        (_, Kind::IntegrationTimeout) => "a timeout error",
        (_, Kind::BadRequestParameters) => return Some(said.to_owned()),
        (_, Kind::BadRequestBody) => {
            return Some(format!(
                "Request body does not match model schema for content type {content_type}: {said}"
            ));
        }
        (
            _,
            Kind::ApiConfigurationError
            | Kind::AuthorizerConfigurationError
            | Kind::AuthorizerFailure,
        ) => &format!("configuration error: {said}"),
        (_, Kind::IntegrationFailure) => &format!("an unavailable endpoint: {said}"),
        (_, Kind::Default5xx) => &format!("an internal error: {said}"),
        (_, kind) => &format!("{}: {said}", kind.as_str()),
    };
    Some(format!("Execution failed due to {what}"))
}

fn headers(exchange: &Exchange<'_>, headers: &HeaderMap) -> String {
    let names = secrets::names(exchange);
    let values = headers.iter();
    let values: Vec<(&str, String)> = values
        .map(|(name, value)| {
            let shown = if secrets::is(&names, name.as_str()) {
                secrets::MASK.to_owned()
            } else {
                text(value.as_bytes())
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
