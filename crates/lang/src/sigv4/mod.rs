//! Signature Version 4, as services other than S3 check it: who signed a request, and whether so.
//!
//! Verification has two steps, because the secret is not known before the caller is: `Claim::read`
//! finds the signature in the `Authorization` header or in the query, and `Claim::verify` checks it
//! with the secret that belongs to `Claim::access_key_id`. Signing is the same code the other way
//! round. The text that is signed is built in `canonical`. Calls that go out to AWS services are
//! signed in `outgoing`.
//!
//! Deliberately not here: looking up keys, SigV4a, chunked or unsigned payloads (the body is always
//! hashed by whoever verifies), verifying temporary credentials.

mod canonical;
mod claim;
pub mod fuzz;
mod outgoing;
mod refusal;
mod sign;
#[cfg(test)]
mod tests;
mod time;

pub use claim::Claim;
pub use outgoing::{Credentials, Destination, sign_call};
pub use refusal::Refusal;
pub use sign::{Signed, Signer};
pub(crate) use time::days_from_civil;

use aws_lc_rs::hmac;

/// The only algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the signer's clock may be from the verifier's.
pub const SKEW_MAX_MS: u64 = 5 * 60 * 1000;
/// Longest life of a presigned request, seconds: a week.
pub const EXPIRES_MAX_S: u32 = 604_800;
/// Most headers that one signature may cover.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// A request as it was sent: nothing decoded, nothing normalised.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Percent-encoded as on the wire.
    pub path: &'a str,
    /// Without the question mark; may be empty.
    pub query: &'a str,
    /// In the order received; names may repeat and be of any case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// All of it; may be empty.
    pub body: &'a [u8],
}

/// What a claim is checked against.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The secret half of the access key.
    pub secret: &'a str,
    /// `apigateway` or `execute-api`; any region is accepted.
    pub service: &'a str,
    /// The verifier's clock, milliseconds since 1970.
    pub now_ms: u64,
}

/// What a signature is bound to besides the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// `YYYYMMDD`
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl<'a> Message<'a> {
    /// The values of all headers called `name` (lower case), in order.
    pub(crate) fn header(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let same = move |(key, _): &&(&str, &[u8])| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| *value)
    }

    /// The only header called `name`, if it is visible ASCII and there is exactly one.
    pub(crate) fn single(&self, name: &str) -> Option<&'a str> {
        let mut values = self.header(name);
        let value = values
            .next()
            .and_then(|value| std::str::from_utf8(value).ok());
        if values.next().is_some() { None } else { value }
    }
}

impl Scope {
    /// `YYYYMMDD/REGION/SERVICE/aws4_request`
    pub(crate) fn text(&self) -> String {
        format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        )
    }

    /// The key that signs within this scope.
    pub(crate) fn key(&self, secret: &str) -> hmac::Key {
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        let parts = [
            self.date.as_str(),
            &self.region,
            &self.service,
            "aws4_request",
        ];
        parts.iter().fold(first, |key, part| {
            let tag = hmac::sign(&key, part.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        })
    }
}

/// The text whose HMAC is the signature.
pub(crate) fn string_to_sign(date: &str, scope: &Scope, canonical_request: &str) -> String {
    let digest = canonical::sha256_hex(canonical_request.as_bytes());
    format!("{ALGORITHM}\n{date}\n{}\n{digest}", scope.text())
}
