//! The head of a streamed answer: JSON, eight NUL bytes, then the payload.

use serde_json::Value;

use super::{
    MalformedAnswer,
    answer::{head, scalar},
};

/// The payload begins within so many bytes.
pub const PRELUDE_BYTES_MAX: usize = 16 << 10;
const SEPARATOR: [u8; 8] = [0; 8];

/// Status and headers of a streamed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prelude {
    /// From 200 to 599; 200 unless said.
    pub status: u16,
    /// Both maps merged, and a `set-cookie` for each cookie; names may repeat.
    pub headers: Vec<(String, String)>,
}

/// Why a stream has no head. Each is answered 500.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreludeError {
    /// No separator within [`PRELUDE_BYTES_MAX`].
    #[error("the function's stream has no head within {PRELUDE_BYTES_MAX} bytes")]
    TooLong,
    /// The stream ended before the separator.
    #[error("the function's stream ended within its head")]
    Ended,
    /// The head is not what it must be.
    #[error(transparent)]
    Malformed(#[from] MalformedAnswer),
}

/// Collects the head of a stream.
#[derive(Debug, Default)]
pub struct PreludeReader {
    bytes: Vec<u8>,
}

impl PreludeReader {
    /// Adds what has come. Once the separator is there: the head, and what came after it.
    ///
    /// # Errors
    /// The head is too long or malformed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<(Prelude, Vec<u8>)>, PreludeError> {
        // The separator may have begun with what came before.
        let from = self.bytes.len().saturating_sub(SEPARATOR.len() - 1);
        self.bytes.extend_from_slice(bytes);
        let new = self.bytes.get(from..).unwrap_or_default();
        let found = new
            .windows(SEPARATOR.len())
            .position(|window| window == SEPARATOR);
        let Some(at) = found
            .map(|at| at + from)
            .filter(|at| *at <= PRELUDE_BYTES_MAX)
        else {
            return if self.bytes.len() > PRELUDE_BYTES_MAX + SEPARATOR.len() {
                Err(PreludeError::TooLong)
            } else {
                Ok(None)
            };
        };
        let payload = self.bytes.split_off(at + SEPARATOR.len());
        self.bytes.truncate(at);
        Ok(Some((Prelude::parse(&self.bytes)?, payload)))
    }
}

impl Prelude {
    fn parse(bytes: &[u8]) -> Result<Self, MalformedAnswer> {
        let value = serde_json::from_slice(bytes).map_err(|_| MalformedAnswer::Json)?;
        let Value::Object(mut fields) = value else {
            return Err(MalformedAnswer::Object);
        };
        let (status, mut headers) = head(&mut fields)?;
        match fields.remove("cookies") {
            None | Some(Value::Null) => {}
            Some(Value::Array(cookies)) => {
                for cookie in cookies {
                    let cookie = scalar(&cookie).ok_or(MalformedAnswer::Cookies)?;
                    headers.push(("set-cookie".to_owned(), cookie));
                }
            }
            Some(_) => return Err(MalformedAnswer::Cookies),
        }
        match fields.into_iter().next() {
            Some((name, _)) => Err(MalformedAnswer::Key(name)),
            None => Ok(Self { status, headers }),
        }
    }
}
