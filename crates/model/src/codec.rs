//! The one place where model types become bytes and back: for the log, snapshots, files and feeds.
//!
//! Every record starts with its kind and the format's version, so that a newer format can be told
//! apart and an older one still be read. bincode (not self-describing) fills the rest; nothing else
//! in the project depends on its layout, so it could be replaced here alone.

use serde::{Serialize, de::DeserializeOwned};

/// What a record holds; the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A `Change`.
    Change = 1,
    /// A `Machine`: configuration and remembered outcomes.
    Machine = 2,
    /// An `EdgeView`.
    EdgeView = 3,
    /// A `ZoneView`.
    ZoneView = 4,
    /// A `FeedFrame` or `FeedHello`.
    Feed = 5,
    /// The result of applying a change.
    Applied = 6,
    /// Something private to one crate.
    Other = 7,
}

/// The format written now; the second byte.
pub const VERSION: u8 = 1;

/// Largest record that is decoded: a configuration of 10,000 APIs takes about a tenth of it.
pub const RECORD_BYTES_MAX: usize = 1 << 30;

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Fewer than two bytes, or more behind the record's end.
    #[error("record has a wrong length")]
    Length,
    /// Another kind than asked for.
    #[error("record is of kind {found}, not {expected:?}")]
    Kind {
        /// What was asked for.
        expected: Kind,
        /// What the first byte says.
        found: u8,
    },
    /// A version this build cannot read.
    #[error("record has format version {0}, this build reads version {VERSION}")]
    Version(u8),
    /// The rest does not decode.
    #[error("record does not decode: {0}")]
    Content(String),
    /// The value cannot be encoded; only a mistake in a type's derive leads here.
    #[error("value does not encode: {0}")]
    Encode(String),
}

const fn settings() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<RECORD_BYTES_MAX>()
}

/// Encodes `value` as a record of `kind`.
///
/// # Errors
/// Only for a type that bincode cannot represent.
pub fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![kind as u8, VERSION];
    bincode::serde::encode_into_std_write(value, &mut bytes, settings())
        .map_err(|error| CodecError::Encode(error.to_string()))?;
    Ok(bytes)
}

/// Decodes a record of `kind`; bytes from a peer or a disk never panic here.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    let [found, version, rest @ ..] = bytes else {
        return Err(CodecError::Length);
    };
    if *found != kind as u8 {
        return Err(CodecError::Kind {
            expected: kind,
            found: *found,
        });
    }
    if *version != VERSION {
        return Err(CodecError::Version(*version));
    }
    let (value, used) = bincode::serde::decode_from_slice(rest, settings())
        .map_err(|error| CodecError::Content(error.to_string()))?;
    // bincode accepts trailing bytes; a record never has any.
    if used == rest.len() {
        Ok(value)
    } else {
        Err(CodecError::Length)
    }
}

/// A 64-bit FNV-1a digest: tells a lost or torn delivery, not an adversary's.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
