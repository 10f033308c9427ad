//! Whether the pseudo-header fields of a request are where they belong.
//!
//! The HTTP/3 library keeps the last of several `:path` fields, and takes a `:status`, or a `:path`
//! behind other fields. All of these make a request malformed (RFC 9114 section 4.3), and two
//! servers that read such a request differently can be played against each other. So the encoded
//! field section is looked through once more: it is not decoded, only names that begin with a
//! colon are told apart, and what cannot be read is left to the library to refuse.

/// Pseudo-header fields that a request may have, once each, as bits.
const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const AUTHORITY: u8 = 4;
const PATH: u8 = 8;
const PROTOCOL: u8 = 16;

/// What the name of a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Pseudo(u8),
    /// A pseudo-header field that is none of a request's.
    Foreign,
    Regular,
}

/// Names that are written out, plain and in Huffman code (RFC 7541 appendix B).
const WRITTEN: [(&[u8], &[u8], u8); 5] = [
    (b":method", &[0xb9, 0x49, 0x53, 0x39, 0xe4], METHOD),
    (b":scheme", &[0xb8, 0x82, 0x4e, 0x5a, 0x4b], SCHEME),
    (
        b":authority",
        &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f],
        AUTHORITY,
    ),
    (b":path", &[0xb9, 0x58, 0xd3, 0x3f], PATH),
    (
        b":protocol",
        &[0xb9, 0x5d, 0x87, 0x49, 0xc8, 0x7a, 0x3f],
        PROTOCOL,
    ),
];

/// False if a pseudo-header field is repeated, foreign to requests, or behind a regular one.
pub(super) fn pseudo_fields_fit(section: &[u8]) -> bool {
    let mut section = Section(section);
    if section.skip_prefix().is_none() {
        return true;
    }
    let (mut seen, mut regular) = (0_u8, false);
    while let Some(name) = section.next_name() {
        match name {
            Name::Regular => regular = true,
            Name::Pseudo(bit) if !regular && seen & bit == 0 => seen |= bit,
            Name::Pseudo(_) | Name::Foreign => return false,
        }
    }
    true
}

/// What is left of an encoded field section (RFC 9204 section 4.5).
struct Section<'a>(&'a [u8]);

impl<'a> Section<'a> {
    fn skip_prefix(&mut self) -> Option<()> {
        self.integer(8)?;
        self.integer(7)?;
        Some(())
    }

    /// The name of the next field, whose value is skipped. `None` at the end, and where something
    /// stands that is not for us to judge: the table that such a field refers to has no entries.
    fn next_name(&mut self) -> Option<Name> {
        let first = *self.0.first()?;
        match first {
            // Indexed, in the static table.
            0xc0.. => self.integer(6).map(indexed),
            // Value written out, name from the static table.
            0x50..=0x5f | 0x70..=0x7f => {
                let name = self.integer(4).map(indexed)?;
                self.skip_value()?;
                Some(name)
            }
            // All written out.
            0x20..=0x3f => {
                let length = self.integer(3)?;
                let name = self.take(length)?;
                self.skip_value()?;
                Some(written(name, first & 0x08 != 0))
            }
            0x00..=0x1f | 0x40..=0x4f | 0x60..=0x6f | 0x80..=0xbf => None,
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        let length = self.integer(7)?;
        self.take(length).map(drop)
    }

    /// An integer that begins in the last `bits` of the next byte (section 4.1.1).
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let (first, mut rest) = self.0.split_first()?;
        let limit = 0xff_u8 >> (8 - bits);
        let mut value = usize::from(first & limit);
        if first & limit == limit {
            for shift in [0, 7, 14, 21] {
                let (byte, after) = rest.split_first()?;
                rest = after;
                value = value.checked_add(usize::from(byte & 0x7f) << shift)?;
                if byte & 0x80 == 0 {
                    self.0 = rest;
                    return Some(value);
                }
            }
            // No section is that long.
            return None;
        }
        self.0 = rest;
        Some(value)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Names of the static table (RFC 9204 appendix A).
const fn indexed(index: usize) -> Name {
    match index {
        0 => Name::Pseudo(AUTHORITY),
        1 => Name::Pseudo(PATH),
        15..=21 => Name::Pseudo(METHOD),
        22 | 23 => Name::Pseudo(SCHEME),
        // `:status`
        24..=28 | 63..=71 => Name::Foreign,
        _ => Name::Regular,
    }
}

fn written(name: &[u8], huffman: bool) -> Name {
    // A colon has seven bits in Huffman code.
    let colon = name.first().is_some_and(|first| match huffman {
        true => first >> 1 == 0x5c,
        false => *first == b':',
    });
    if !colon {
        return Name::Regular;
    }
    let known = WRITTEN.iter().find(|(plain, coded, _)| match huffman {
        true => *coded == name,
        false => *plain == name,
    });
    known.map_or(Name::Foreign, |(_, _, bit)| Name::Pseudo(*bit))
}

#[cfg(test)]
mod tests;
