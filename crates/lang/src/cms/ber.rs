//! Elements of ASN.1's basic encoding (X.690), as far as signed messages need them.
//!
//! Lengths may be indefinite, since what EC2 signs has them; DER readers refuse those. Nothing is
//! copied but texts that come in pieces. Deliberately not here: tags of more than one byte, and any
//! value but bytes.

use super::CmsError;

/// How deep elements may stand in each other.
const DEPTH_MAX: u8 = 12;

pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const CONSTRUCTED: u8 = 0x20;
const END: [u8; 2] = [0, 0];

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// What is in it, without the marks of its end.
    pub(super) body: &'a [u8],
    /// Its length stood before it.
    pub(super) is_definite: bool,
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            depth: 0,
        }
    }

    /// Whether nothing is left.
    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of what comes next.
    pub(super) const fn peek(&self) -> Option<u8> {
        match self.rest {
            [tag, ..] => Some(*tag),
            [] => None,
        }
    }

    /// The next element.
    pub(super) fn next(&mut self) -> Result<Element<'a>, CmsError> {
        let (tag, rest) = self.rest.split_first().ok_or(CmsError::Encoding)?;
        let (length, rest) = length(rest)?;
        // A number of 31 says that the tag goes on; tag 0 is the mark of an end.
        if tag & 0x1f == 0x1f || *tag == 0 {
            return Err(CmsError::Encoding);
        }
        let Some(length) = length else {
            return self.until_end(*tag, rest);
        };
        let (body, rest) = rest.split_at_checked(length).ok_or(CmsError::Encoding)?;
        self.rest = rest;
        Ok(Element {
            tag: *tag,
            body,
            is_definite: true,
        })
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, CmsError> {
        let element = self.next()?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(CmsError::Structure)
        }
    }

    /// What is in the next element, which must have this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Result<Self, CmsError> {
        self.expect(tag).map(|element| Self::new(element.body))
    }

    /// Nothing may be left.
    pub(super) const fn end(self) -> Result<(), CmsError> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(CmsError::Structure)
        }
    }

    fn until_end(&mut self, tag: u8, body: &'a [u8]) -> Result<Element<'a>, CmsError> {
        if tag & CONSTRUCTED == 0 || self.depth >= DEPTH_MAX {
            return Err(CmsError::Encoding);
        }
        let mut inner = Self {
            rest: body,
            depth: self.depth + 1,
        };
        while !inner.rest.starts_with(&END) {
            inner.next()?;
        }
        let length = body.len() - inner.rest.len();
        let (body, rest) = body.split_at_checked(length).ok_or(CmsError::Encoding)?;
        self.rest = rest.get(END.len()..).ok_or(CmsError::Encoding)?;
        Ok(Element {
            tag,
            body,
            is_definite: false,
        })
    }
}

/// A length, or that it is indefinite.
fn length(bytes: &[u8]) -> Result<(Option<usize>, &[u8]), CmsError> {
    let (first, rest) = bytes.split_first().ok_or(CmsError::Encoding)?;
    match first {
        0x80 => Ok((None, rest)),
        0..0x80 => Ok((Some(usize::from(*first)), rest)),
        // Four bytes are more than any message that is read has.
        0x81..=0x84 => {
            let (bytes, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .ok_or(CmsError::Encoding)?;
            let length = bytes
                .iter()
                .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
            Ok((Some(length), rest))
        }
        _ => Err(CmsError::Encoding),
    }
}

/// The bytes of an octet string, which may come in pieces.
pub(super) fn octets(element: Element<'_>) -> Result<Vec<u8>, CmsError> {
    if element.tag & CONSTRUCTED == 0 {
        return Ok(element.body.to_vec());
    }
    let mut pieces = Reader::new(element.body);
    let mut whole = Vec::with_capacity(element.body.len());
    while !pieces.is_at_end() {
        whole.extend_from_slice(pieces.expect(OCTETS)?.body);
    }
    Ok(whole)
}
