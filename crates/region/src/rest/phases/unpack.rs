//! Phase: a compressed request becomes what was compressed.
//!
//! Only for APIs that have a minimum compression size, as with Amazon's; others pass such bodies on
//! as they are. What comes out has the same limit as every body, however small what went in.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use lang::media::{Coding, request_codings};
use model::rest::GatewayResponseType as Kind;

use crate::{
    fault::Fault,
    rest::{
        Exchange, Refusal,
        body::{BODY_BYTES_MAX, Held},
        coding::{self, DecodeError},
    },
};

/// Undoes the codings of a request's body.
pub(crate) async fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    if exchange.deployment.media().compress_from.is_none() {
        return Ok(());
    }
    let Some(said) = exchange.headers.get(CONTENT_ENCODING) else {
        return Ok(());
    };
    let codings = said
        .to_str()
        .ok()
        .and_then(|text| request_codings(text).ok());
    let codings: Vec<Coding> = codings
        .ok_or_else(|| Refusal::of(Kind::UnsupportedMediaType, "unknown_content_encoding"))?;
    let mut body = exchange.body.whole().await?.clone();
    if !body.is_empty() {
        for coding in codings {
            body = coding::decode(coding, body, BODY_BYTES_MAX)
                .await
                .map_err(refused)?;
        }
    }
    exchange.headers.remove(CONTENT_ENCODING);
    exchange.headers.remove(CONTENT_LENGTH);
    exchange.body = Held::Whole(body);
    Ok(())
}

fn refused(error: DecodeError) -> Fault {
    match error {
        DecodeError::TooLarge => Refusal::too_large().into(),
        DecodeError::Malformed => {
            Refusal::bad_request("Bad Request", "bad_content_encoding").into()
        }
    }
}
