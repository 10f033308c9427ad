//! Who asks: Signature Version 4 with the cluster's own access keys.
//!
//! The key is looked up before the body is read, so that strangers cannot make this node hold large
//! bodies. What its owner may do is decided in `access`.

use http::request::Parts;
use lang::sigv4::{Claim, Expected, Message, Refusal};
use model::{AccessKey, Config, KeyState};

/// The service name that clients of API Gateway sign for.
const SERVICE: &str = "apigateway";

/// A request whose signer is known by name, but not yet for sure.
pub(crate) struct Claimed<'a> {
    claim: Claim,
    key: &'a AccessKey,
}

/// Finds the signature and the key that it names.
pub(crate) fn claimed<'a>(parts: &Parts, config: &'a Config) -> Result<Claimed<'a>, Refusal> {
    let claim = with_message(parts, b"", Claim::read)?;
    let key = config.access_keys.get(claim.access_key_id());
    let key = key
        .filter(|key| key.state == KeyState::Active)
        .ok_or(Refusal::UnknownKey)?;
    Ok(Claimed { claim, key })
}

impl<'a> Claimed<'a> {
    /// Checks the signature; the answer is the signer's key.
    pub(crate) fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        now_ms: u64,
    ) -> Result<&'a AccessKey, Refusal> {
        let verify = |secret: &str| {
            let expected = Expected {
                secret,
                service: SERVICE,
                now_ms,
            };
            with_message(parts, body, |message| self.claim.verify(message, &expected))
        };
        let previous = self.key.previous.as_ref();
        match (verify(&self.key.secret), previous) {
            // While a rotation lasts, the secret before it is as good.
            (Err(Refusal::Mismatch), Some(previous)) if now_ms < previous.until_ms => {
                verify(&previous.secret)?;
            }
            (verified, _) => verified?,
        }
        Ok(self.key)
    }
}

fn with_message<T>(parts: &Parts, body: &[u8], then: impl FnOnce(&Message<'_>) -> T) -> T {
    let mut headers: Vec<(&str, &[u8])> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    // HTTP/2 names the host in `:authority`, which is signed under its older name.
    let authority = parts.uri.authority().map(|named| named.as_str().as_bytes());
    if let Some(authority) = authority.filter(|_| !parts.headers.contains_key("host")) {
        headers.push(("host", authority));
    }
    then(&Message {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body,
    })
}
