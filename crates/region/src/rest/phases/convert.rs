//! Phases: bodies become text or bytes, as the API's binary media types and the integration's
//! content handling say. One function for requests, one for answers.
//!
//! Bodies that need no conversion are not even looked at. Proxied answers of text are never taken
//! for base64: their backend speaks to the client.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderValue,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use lang::media::{self, Conversion, Handling};
use model::rest::{ContentHandling, GatewayResponseType as Kind};
use serve::{Body, BodyError, Response};

use crate::{
    fault::{Blame, Fault},
    rest::{
        Exchange, Refusal,
        body::{BODY_BYTES_MAX, Held},
    },
};

/// How an answer's body is to be treated; set by who makes the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnswerMedia {
    /// What the integration response wants.
    pub(crate) handling: Option<ContentHandling>,
    /// A template made it, whatever type it is said to have.
    pub(crate) is_text: bool,
    /// The backend compressed it itself, even if the header that says so is not passed on.
    pub(crate) is_packed: bool,
    /// The backend's own, passed through.
    pub(crate) is_proxy: bool,
    /// A function made it and said what its body is.
    pub(crate) is_final: bool,
}

/// Converts a request's body on its way to the integration.
pub(crate) async fn request(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let content_type = exchange.header("content-type");
    let content_type = content_type.unwrap_or(media::DEFAULT);
    let binary = exchange.deployment.media().binary.has(Some(content_type));
    let integration = exchange.matched()?.method.source.integration.as_ref();
    let wanted = integration.and_then(|integration| integration.settings.content_handling);
    let converted = match media::request_conversion(binary, wanted.map(handling)) {
        Conversion::Keep => {
            exchange.is_binary = binary;
            return Ok(());
        }
        Conversion::Decode => {
            exchange.is_binary = true;
            decode(exchange.body.whole().await?)?
        }
        Conversion::Encode => {
            exchange.is_binary = false;
            encode(exchange.body.whole().await?)
        }
    };
    exchange.headers.remove(CONTENT_LENGTH);
    exchange.body = Held::Whole(converted);
    Ok(())
}

/// Converts an answer's body on its way to the client.
pub(crate) async fn answer(
    exchange: &mut Exchange<'_>,
    response: Response,
) -> Result<Response, Fault> {
    let list = &exchange.deployment.media().binary;
    let made = exchange.answer;
    let untouched = list.is_empty() && made.handling.is_none() || made.is_final;
    if untouched || response.body().is_empty() {
        return Ok(response);
    }
    let accept = exchange.headers.get(ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let kind = response.headers().get(CONTENT_TYPE);
    let binary = !made.is_text && is_binary(exchange, kind);
    let wanted = !list.is_empty() && list.has(accept);
    let conversion = media::answer_conversion(binary, wanted, made.handling.map(handling));
    let convert: fn(&Bytes) -> Result<Bytes, Fault> = match conversion {
        Conversion::Keep => return Ok(response),
        Conversion::Decode if made.is_proxy => return Ok(response),
        Conversion::Decode => decode,
        Conversion::Encode => |bytes| Ok(encode(bytes)),
    };
    let (mut head, body) = response.into_parts();
    let bytes = body.into_bytes(BODY_BYTES_MAX).await;
    let bytes = bytes.map_err(|error| unreadable(BodyError::of(&*error)))?;
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::full(convert(&bytes)?)))
}

/// Whether a body of the integration's answer is bytes.
pub(crate) fn is_binary(exchange: &Exchange<'_>, kind: Option<&HeaderValue>) -> bool {
    let kind = kind.map_or(Some(media::DEFAULT), |kind| kind.to_str().ok());
    exchange.deployment.media().binary.has(kind)
}

/// A body as templates see it: bytes as base64.
pub(crate) fn shown(bytes: &Bytes, is_binary: bool) -> Cow<'_, str> {
    if is_binary {
        return Cow::Owned(BASE64_STANDARD.encode(bytes));
    }
    String::from_utf8_lossy(bytes)
}

/// What a client is told of an answer that cannot be read whole.
pub(crate) fn unreadable(error: Option<BodyError>) -> Fault {
    let reason = match error {
        Some(BodyError::TooLarge) => "answer_too_large",
        _ => "answer_aborted",
    };
    Refusal::of(Kind::Default5xx, reason)
        .blaming(Blame::Upstream)
        .into()
}

const fn handling(wanted: ContentHandling) -> Handling {
    match wanted {
        ContentHandling::ToBinary => Handling::ToBinary,
        ContentHandling::ToText => Handling::ToText,
    }
}

fn encode(bytes: &Bytes) -> Bytes {
    Bytes::from(BASE64_STANDARD.encode(bytes))
}

fn decode(text: &Bytes) -> Result<Bytes, Fault> {
    BASE64_STANDARD
        .decode(text.trim_ascii())
        .map(Bytes::from)
        .map_err(|error| Refusal::broken(format!("body is not base64: {error}")).into())
}
