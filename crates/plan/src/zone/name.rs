//! Domain names in wire form (RFC 1035, section 3.1), always in lower case, so that the bytes of a
//! question can be looked up without building anything.

use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

/// Longest name in wire form, with its final zero byte.
pub const NAME_BYTES_MAX: usize = 255;
/// Longest label.
const LABEL_BYTES_MAX: usize = 63;

/// A name in wire form and lower case: length and bytes of each label, then a zero byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireName(Box<[u8]>);

/// Why a text is not a name that we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, a dot in front, or nothing.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 bytes.
    #[error("a label is longer than 63 bytes")]
    LongLabel,
    /// More than 255 bytes.
    #[error("the name is longer than 255 bytes")]
    LongName,
    /// Something other than letters, digits, `-`, `_` and a leading `*`.
    #[error("a label has a character other than letters, digits, '-' and '_'")]
    Character,
}

impl WireName {
    /// Reads `a.example.com`, with or without a final dot, in any case; `*` may be a whole label.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if label != "*" && !label.bytes().all(plain) {
                return Err(NameError::Character);
            }
            match u8::try_from(label.len()) {
                Ok(0) => return Err(NameError::EmptyLabel),
                Ok(length) if label.len() <= LABEL_BYTES_MAX => wire.push(length),
                _ => return Err(NameError::LongLabel),
            }
            wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        wire.push(0);
        if wire.len() > NAME_BYTES_MAX {
            return Err(NameError::LongName);
        }
        Ok(Self(wire.into()))
    }

    /// `label` in front of this name.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn child(&self, label: &str) -> Result<Self, NameError> {
        let mut wire = Self::parse(label)?.0.into_vec();
        wire.pop();
        wire.extend_from_slice(&self.0);
        if wire.len() > NAME_BYTES_MAX {
            return Err(NameError::LongName);
        }
        Ok(Self(wire.into()))
    }

    /// The bytes, with the final zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is `zone` or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        suffixes(&self.0).any(|suffix| suffix == zone.as_bytes())
    }

    /// The name without its first label; none for a name of one label.
    pub(crate) fn parent(&self) -> Option<Self> {
        suffixes(&self.0).nth(1).map(|wire| Self(wire.into()))
    }

    /// Whether the first label is `*`.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }
}

/// The name itself, its parent and so on, without the root. Ends early where the bytes are not a
/// name in wire form.
pub fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(wire), |name| Some(split_label(name)?.1))
        .take_while(|name| name.len() > 1)
}

/// The first label and the name behind it; none for the root.
#[must_use]
pub fn split_label(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = wire.split_first()?;
    if *length == 0 {
        return None;
    }
    rest.split_at_checked(usize::from(*length))
}

// The derived order and hash are those of the bytes, as `Borrow` asks for.
impl Borrow<[u8]> for WireName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for WireName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, suffix) in suffixes(&self.0).enumerate() {
            let label = split_label(suffix).map_or(&[][..], |(label, _)| label);
            if at > 0 {
                out.write_str(".")?;
            }
            out.write_str(&String::from_utf8_lossy(label))?;
        }
        Ok(())
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A map by the bytes of names or labels.
pub(crate) type NameMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<NameHasher>>;

/// Eight bytes at a time. Keys come from the configuration, so nobody who asks can make them
/// collide, and a hash without a random key keeps this crate pure.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.add(word);
        }
        let rest = chunks
            .remainder()
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.add(rest);
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes the uppermost bits and the lowest ones; mix them.
        self.0 ^ (self.0 >> 29)
    }
}

impl NameHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
