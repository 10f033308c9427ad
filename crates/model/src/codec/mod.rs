//! The one place where model types become bytes and back: for the log, snapshots, files and feeds.
//!
//! Every record starts with its kind and its format [`Level`], so that a newer format can be told
//! apart and an older one still be read and written. bincode (not self-describing) fills the rest;
//! nothing else in the project depends on its layout, so it could be replaced here alone.

#[cfg(test)]
mod golden;
mod level;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tests;

pub use self::level::{Level, Only, Since};
use self::level::{Mode, within};
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
    /// A `Backup`.
    Backup = 8,
}

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
    /// A format that this build cannot read or write.
    #[error(
        "record has format {0}, this build knows formats {oldest} to {newest}",
        oldest = Level::OLDEST,
        newest = Level::NEWEST
    )]
    Format(Level),
    /// The value holds something that the format asked for has no place for.
    #[error("it needs format {needs}, and the cluster is at format {at}: finish its upgrade first")]
    Needs {
        /// The format that brought it.
        needs: Level,
        /// The format asked for.
        at: Level,
    },
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

/// Encodes `value` as a record of `kind` and of the oldest format: for what has had no other since,
/// and is read by nodes whose build is not known.
///
/// # Errors
/// For a type that bincode cannot represent, and for what needs a newer format.
pub fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    encode_at(Level::OLDEST, kind, value)
}

/// Encodes `value` as a record of `kind` and of format `at`.
///
/// # Errors
/// For a type that bincode cannot represent, a format that this build does not know, and a value
/// that needs a newer one.
pub fn encode_at<T: Serialize>(at: Level, kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    if !at.is_known() {
        return Err(CodecError::Format(at));
    }
    let mut bytes = vec![kind as u8, at.number()];
    within(Mode::At(at), || write(value, &mut bytes, at))?;
    Ok(bytes)
}

/// The bytes that stand for `value` in digests and sizes: the same in every build that knows all of
/// it, whatever format the cluster is at. They are not a record.
///
/// # Errors
/// Only for a type that bincode cannot represent.
pub fn content<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    within(Mode::Content, || write(value, &mut bytes, Level::NEWEST))?;
    Ok(bytes)
}

fn write<T: Serialize>(value: &T, bytes: &mut Vec<u8>, at: Level) -> Result<(), CodecError> {
    let written = bincode::serde::encode_into_std_write(value, bytes, settings());
    written.map(drop).map_err(|error| {
        level::take_needed().map_or_else(
            || CodecError::Encode(error.to_string()),
            |needs| CodecError::Needs { needs, at },
        )
    })
}

/// Decodes a record of `kind`; bytes from a peer or a disk never panic here.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    let [found, format, rest @ ..] = bytes else {
        return Err(CodecError::Length);
    };
    if *found != kind as u8 {
        return Err(CodecError::Kind {
            expected: kind,
            found: *found,
        });
    }
    let format = Level::numbered(*format);
    if !format.is_known() {
        return Err(CodecError::Format(format));
    }
    let read = || bincode::serde::decode_from_slice(rest, settings());
    let (value, used) =
        within(Mode::At(format), read).map_err(|error| CodecError::Content(error.to_string()))?;
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
