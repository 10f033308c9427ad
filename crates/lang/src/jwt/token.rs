//! A token as it came: taken apart, but not believed.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, Refused};

/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Longest part of a strange algorithm's name that is repeated.
const NAME_CHARS_MAX: usize = 16;

/// A token that nobody has verified.
#[derive(Debug)]
pub struct Token<'t> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: String,
    pub(super) claims: Map<String, Value>,
    /// What is signed: the first two segments and the dot between them.
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is none, or signed in a way that nobody accepts.
    pub fn parse(text: &'t str) -> Result<Self, Refused> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Segments)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Segments)?;
        if claims.contains('.') {
            return Err(Refused::Segments);
        }
        let header = object(header)?;
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.ok_or(Refused::Malformed)?;
        let algorithm =
            Algorithm::parse(algorithm).ok_or_else(|| Refused::Algorithm(shown(algorithm)))?;
        // RFC 7515, 4.1.11: what is critical must be understood, and nothing of it is.
        if header.contains_key("crit") {
            return Err(Refused::Critical);
        }
        let key_id = match header.get("kid") {
            Some(Value::String(id)) if !id.is_empty() => id.clone(),
            _ => return Err(Refused::NoKeyId),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature);
        Ok(Self {
            algorithm,
            key_id,
            claims: object(claims)?,
            signed,
            signature: signature.map_err(|_| Refused::Malformed)?,
        })
    }

    /// A hash of what is signed, in hexadecimal: it tells tokens apart. The signature is left out,
    /// since one and the same can be written in several ways.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, self.signed.as_bytes());
        let bytes = hash.as_ref().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Which key it says that it was signed with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whose it says it is: good for finding keys, and for nothing else.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

fn object(segment: &str) -> Result<Map<String, Value>, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(segment);
    let bytes = bytes.map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

/// A stranger's word, fit to be repeated in a header.
fn shown(name: &str) -> String {
    let fit = name.chars().filter(char::is_ascii_alphanumeric);
    fit.take(NAME_CHARS_MAX).collect()
}
