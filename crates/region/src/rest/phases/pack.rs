//! Phase: an answer is compressed, if the API wants it, the client can read it, and it is worth it.
//!
//! The beginning of a body is held back until it is clear that it is large enough; what follows is
//! compressed as it comes. Answers that stream are left alone.

use http::{
    HeaderValue, Method, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, VARY,
    },
};
use lang::media::{Coding, answer_coding, compressible};
use model::rest::ResponseTransfer;
use serve::Response;

use crate::rest::{Exchange, coding};

/// Compresses an answer.
pub(crate) async fn run(exchange: &mut Exchange<'_>, response: Response) -> Response {
    let Some(least) = exchange.deployment.media().compress_from else {
        return response;
    };
    if !is_fit(exchange, &response) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // Whether it is compressed depends on what the client said, for whoever stores it.
    head.headers
        .append(VARY, HeaderValue::from_static("accept-encoding"));
    let accept = exchange.headers.get(ACCEPT_ENCODING);
    let coding = answer_coding(accept.and_then(|accept| accept.to_str().ok()));
    if coding == Coding::Identity {
        return Response::from_parts(head, body);
    }
    let least = usize::try_from(least).unwrap_or(usize::MAX);
    let (is_large, body) = coding::at_least(body, least).await;
    if !is_large {
        return Response::from_parts(head, body);
    }
    head.headers.remove(CONTENT_LENGTH);
    head.headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    // The bytes are others than the tag is about.
    let weak = head.headers.get(ETAG).and_then(weakened);
    if let Some(weak) = weak {
        head.headers.insert(ETAG, weak);
    }
    Response::from_parts(head, coding::encode(coding, body))
}

fn is_fit(exchange: &Exchange<'_>, response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.map(|kind| kind.to_str().unwrap_or_default());
    let matched = exchange.matched.as_ref();
    let integration = matched.and_then(|matched| matched.method.source.integration.as_ref());
    let streams =
        integration.is_some_and(|one| one.settings.response_transfer == ResponseTransfer::Stream);
    let is_bodiless = exchange.method == Method::HEAD
        || response.status().is_informational()
        || matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT
        );
    !streams
        && !is_bodiless
        && !response.body().is_empty()
        && !exchange.answer.is_packed
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && compressible(kind)
}

fn weakened(tag: &HeaderValue) -> Option<HeaderValue> {
    let tag = tag.to_str().ok()?;
    if tag.starts_with("W/") {
        return None;
    }
    HeaderValue::from_str(&format!("W/{tag}")).ok()
}
