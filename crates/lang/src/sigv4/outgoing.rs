//! Signing calls to AWS services: temporary credentials, the payload's hash, the rules of S3.
//!
//! S3 alone signs a path as it is on the wire (nothing normalised, nothing encoded twice) and
//! wants the hash of the payload in a header; all others are signed as `Signer` does it.

use aws_lc_rs::hmac;

use super::{ALGORITHM, Message, Scope, canonical, sign::signed_headers, string_to_sign, time};

/// With what a call is signed.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The public half of the access key.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret: &'a str,
    /// Comes with temporary credentials.
    pub session_token: Option<&'a str>,
}

/// What a call is signed for.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// The name that the service signs with, such as `dynamodb`.
    pub service: &'a str,
}

/// The headers that make `message` a signed call. It must have `host` and none of those added:
/// `x-amz-date`, `authorization`, and where they apply `x-amz-security-token` and
/// `x-amz-content-sha256`.
#[must_use]
pub fn sign_call(
    message: &Message<'_>,
    credentials: &Credentials<'_>,
    destination: &Destination<'_>,
    now_ms: u64,
) -> Vec<(&'static str, String)> {
    let is_s3 = destination.service == "s3";
    let date = time::format(now_ms);
    let mut added = vec![("x-amz-date", date.clone())];
    if let Some(token) = credentials.session_token {
        added.push(("x-amz-security-token", token.to_owned()));
    }
    if is_s3 {
        added.push(("x-amz-content-sha256", canonical::sha256_hex(message.body)));
    }
    let mut headers = message.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let message = Message {
        headers: &headers,
        ..*message
    };
    let names = signed_headers(&message);
    let query = canonical::query(&canonical::pairs(message.query));
    let path = if is_s3 {
        message.path.to_owned()
    } else {
        canonical::path(message.path)
    };
    let scope = Scope {
        date: date.chars().take(8).collect(),
        region: destination.region.to_owned(),
        service: destination.service.to_owned(),
    };
    let canonical = canonical::request_at(&message, &path, &names, &query);
    let text = string_to_sign(&date, &scope, &canonical);
    let tag = hmac::sign(&scope.key(credentials.secret), text.as_bytes());
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
        credentials.access_key_id,
        scope.text(),
        names.join(";"),
        canonical::hex(tag.as_ref()),
    );
    added.push(("authorization", authorization));
    added
}
