//! The public keys of an issuer (RFC 7517), read once and ready to verify.

use std::collections::HashMap;

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    Refused, Token,
    algorithm::{Accepted, Algorithm, Verifier},
    claims::Claims,
};

/// Longest document of keys that is read, bytes, as Amazon's.
pub const KEYS_BYTES_MAX: usize = 150_000;
/// Most keys of one issuer; those behind them are left out.
pub const KEYS_MAX: usize = 100;

/// Public keys by their ids.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<String, Vec<Key>>);

/// Not a document of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than [`KEYS_BYTES_MAX`].
    #[error("the document of keys is too long")]
    TooLong,
    /// It has no list `keys`.
    #[error("the document of keys is not JSON with a list 'keys'")]
    Malformed,
}

#[derive(Debug)]
struct Key {
    /// It says how it signs.
    is_named: bool,
    /// One for each way in which it may sign.
    ways: Vec<(Algorithm, ParsedPublicKey)>,
}

impl KeySet {
    /// Reads a document of keys. What is in it that verifies no tokens is left out, such as keys
    /// for encryption; so are keys without an id.
    ///
    /// # Errors
    /// It is no such document.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > KEYS_BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        let document: Value =
            serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        let keys = document.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(KeySetError::Malformed)?;
        let mut set: HashMap<String, Vec<Key>> = HashMap::new();
        let read = keys.iter().filter_map(Value::as_object).filter_map(read);
        for (id, key) in read.take(KEYS_MAX) {
            set.entry(id).or_default().push(key);
        }
        Ok(Self(set))
    }

    /// Whether there is a key of that id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a token's signature, which makes its claims its signer's.
    ///
    /// # Errors
    /// No key of the issuer has signed it, or not in a way that is accepted.
    pub fn verify(&self, token: Token<'_>, accepted: &Accepted) -> Result<Claims, Refused> {
        let keys = self.0.get(&token.key_id).ok_or(Refused::UnknownKey)?;
        let algorithm = token.algorithm;
        if !accepted.named.contains(&algorithm) && !accepted.unnamed.contains(&algorithm) {
            return Err(Refused::Algorithm(algorithm.as_str().to_owned()));
        }
        let fit = keys.iter().filter(|key| {
            let accepted = if key.is_named {
                &accepted.named
            } else {
                &accepted.unnamed
            };
            accepted.contains(&algorithm)
        });
        let ways = fit.flat_map(|key| &key.ways);
        let mut ways = ways.filter(|(way, _)| *way == algorithm).peekable();
        if ways.peek().is_none() {
            return Err(Refused::KeyType(algorithm));
        }
        let (signed, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        if ways.any(|(_, key)| key.verify_sig(signed, signature).is_ok()) {
            Ok(Claims(token.claims))
        } else {
            Err(Refused::Signature)
        }
    }
}

/// A key of use, and its id.
fn read(source: &Map<String, Value>) -> Option<(String, Key)> {
    let text = |name: &str| source.get(name).and_then(Value::as_str);
    let id = text("kid").filter(|id| !id.is_empty())?;
    let signs = source.get("use").is_none_or(|it| it == "sig");
    let verifies = source.get("key_ops").is_none_or(|operations| {
        let mut operations = operations.as_array().into_iter().flatten();
        operations.any(|one| one == "verify")
    });
    if !signs || !verifies {
        return None;
    }
    let named = match source.get("alg") {
        None => None,
        Some(name) => Some(Algorithm::parse(name.as_str()?)?),
    };
    let ways = Algorithm::ALL.into_iter();
    let ways = ways.filter(|way| named.is_none_or(|named| named == *way));
    let ways: Vec<_> = ways
        .filter_map(|way| Some((way, public_key(way, &text)?)))
        .collect();
    let is_named = named.is_some();
    (!ways.is_empty()).then(|| (id.to_owned(), Key { is_named, ways }))
}

/// The key for that way to sign, if it is of that type.
fn public_key<'s>(
    algorithm: Algorithm,
    text: &impl Fn(&str) -> Option<&'s str>,
) -> Option<ParsedPublicKey> {
    match algorithm.verifier() {
        Verifier::Rsa(parameters) if text("kty")? == "RSA" => {
            let key = RsaPublicKeyComponents {
                n: number(text("n")?)?,
                e: number(text("e")?)?,
            };
            key.to_parsed_public_key(parameters).ok()
        }
        Verifier::Curve {
            algorithm,
            curve,
            size,
        } if text("kty")? == "EC" && text("crv")? == curve => {
            let (x, y) = (decode(text("x")?)?, decode(text("y")?)?);
            if x.len() != size || y.len() != size {
                return None;
            }
            // SEC 1, 2.3.3: a point that is not compressed.
            let point = [&[4][..], &x, &y].concat();
            ParsedPublicKey::new(algorithm, point).ok()
        }
        Verifier::Rsa(_) | Verifier::Curve { .. } => None,
    }
}

/// A positive number without the zeros that some issuers put before it.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}

/// Some issuers pad what is to have no padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
