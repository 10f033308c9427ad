//! Follows the framing of an HTTP/1.1 connection beside the HTTP library, to see what it hides.
//!
//! The library drops `Content-Length` when `Transfer-Encoding` is present, and merges repeated
//! lengths, before a service sees the request. RFC 9112 6.3 leaves no doubt that such a request is
//! an attack or a defect, so this scanner reads the same bytes once more, looks only at these two
//! fields, and says which request of the connection is at fault. It changes nothing and keeps no
//! bytes. Where it cannot follow, it fails closed: every later request is at fault.
//!
//! Cost: one search for the end of each header line, and a skip over bodies.

use crate::check::Refusal;

/// The scanner of one connection.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    head: Fields,
    /// Heads seen to their end.
    heads: u64,
}

/// The first request that must be refused, counted from 0, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) request: u64,
    pub(crate) refusal: Refusal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte of a request line; empty lines are passed over (RFC 9112 2.2).
    Between,
    /// In the request line or in a field of no interest.
    Line,
    /// At the start of a field line, or of the empty line that ends the head.
    Start,
    /// After a carriage return that can only be the end of the head.
    HeadEnd,
    /// In a field name that so far equals the beginning of an interesting one.
    Name(Field, usize),
    /// In the value of a `Content-Length`.
    Length(Number),
    /// In a body with this many bytes left.
    Body(u64),
    /// In the size line of a chunk.
    Size(u64, SizePart),
    /// In a chunk with this many bytes left.
    Chunk(u64),
    /// In the line end after a chunk; `true` after its carriage return.
    ChunkEnd(bool),
    /// At the start of a trailer line; `true` after a carriage return there.
    Trailer(bool),
    /// In a trailer line; `true` after a carriage return.
    TrailerLine(bool),
    /// Not followed any more.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    ContentLength,
    TransferEncoding,
}

impl Field {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::ContentLength => b"content-length:",
            Self::TransferEncoding => b"transfer-encoding:",
        }
    }
}

/// A decimal number being read, with optional white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Before,
    Digits(u64),
    After(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SizePart {
    /// Before the first digit.
    Empty,
    Digits,
    /// In white space or an extension.
    Rest,
    /// After the carriage return.
    End,
}

/// What the head being read has shown of its framing.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    lengths: u32,
    length: u64,
    coded: bool,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Between,
            head: Fields {
                lengths: 0,
                length: 0,
                coded: false,
            },
            heads: 0,
        }
    }

    /// Whether a head has begun and not ended.
    pub(crate) const fn in_head(&self) -> bool {
        matches!(
            self.state,
            State::Line | State::Start | State::HeadEnd | State::Name(..) | State::Length(_)
        )
    }

    /// Reads on. Gives the first fault of the connection, once.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Option<Fault> {
        while let Some((first, rest)) = bytes.split_first() {
            if matches!(self.state, State::Lost) {
                return None;
            }
            let request = self.heads;
            // States that skip many bytes at once come first; all others take one byte.
            bytes = match self.state {
                State::Line => self.skip_line(bytes),
                State::Body(left) => self.skip_data(bytes, left, State::Between, State::Body),
                State::Chunk(left) => {
                    self.skip_data(bytes, left, State::ChunkEnd(false), State::Chunk)
                }
                _ => {
                    let next = self.step(*first);
                    self.state = next.unwrap_or(State::Lost);
                    if let Err(refusal) = next {
                        return Some(Fault { request, refusal });
                    }
                    rest
                }
            };
        }
        None
    }

    fn skip_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.state = State::Start;
                bytes.get(end + 1..).unwrap_or_default()
            }
            None => &[],
        }
    }

    fn skip_data<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        then: State,
        more: impl FnOnce(u64) -> State,
    ) -> &'a [u8] {
        let there = bytes.len() as u64;
        if there < left {
            self.state = more(left - there);
            return &[];
        }
        self.state = then;
        // `left` is at most the length of the slice, so that it fits.
        usize::try_from(left)
            .ok()
            .and_then(|left| bytes.get(left..))
            .unwrap_or_default()
    }

    /// The state after one byte, or why the request (or what follows) must be refused.
    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Between, b'\r' | b'\n') => Ok(State::Between),
            (State::Between, _) => {
                self.head = Fields::default();
                Ok(State::Line)
            }
            (State::Start, b'\r') => Ok(State::HeadEnd),
            (State::Start | State::HeadEnd, b'\n') => self.end_head(),
            (State::Start, b'c' | b'C') => Ok(State::Name(Field::ContentLength, 1)),
            (State::Start, b't' | b'T') => Ok(State::Name(Field::TransferEncoding, 1)),
            (State::Start, _) => Ok(State::Line),
            (State::Name(field, at), _) => Ok(self.step_name(field, at, byte)),
            (State::Length(number), _) => self.step_length(number, byte),
            (State::Size(size, part), _) => step_size(size, part, byte),
            (State::ChunkEnd(false), b'\r') => Ok(State::ChunkEnd(true)),
            (State::ChunkEnd(true), b'\n') => Ok(State::Size(0, SizePart::Empty)),
            (State::Trailer(false), b'\r') => Ok(State::Trailer(true)),
            (State::TrailerLine(false), b'\r') => Ok(State::TrailerLine(true)),
            (State::Trailer(true), b'\n') => Ok(State::Between),
            (State::TrailerLine(true), b'\n') => Ok(State::Trailer(false)),
            (State::Trailer(false) | State::TrailerLine(false), 0x20.. | b'\t') => {
                Ok(State::TrailerLine(false))
            }
            (
                State::HeadEnd
                | State::ChunkEnd(_)
                | State::Trailer(_)
                | State::TrailerLine(_)
                | State::Line
                | State::Body(_)
                | State::Chunk(_)
                | State::Lost,
                _,
            ) => Err(Refusal::FramingUnclear),
        }
    }

    fn step_name(&mut self, field: Field, at: usize, byte: u8) -> State {
        if byte == b'\n' {
            return State::Start;
        }
        let name = field.name();
        if name
            .get(at)
            .is_none_or(|expected| !byte.eq_ignore_ascii_case(expected))
        {
            return State::Line;
        }
        if at + 1 < name.len() {
            return State::Name(field, at + 1);
        }
        match field {
            Field::ContentLength => State::Length(Number::Before),
            Field::TransferEncoding => {
                self.head.coded = true;
                State::Line
            }
        }
    }

    fn step_length(&mut self, number: Number, byte: u8) -> Result<State, Refusal> {
        match (number, byte) {
            (Number::Digits(length) | Number::After(length), b'\n') => {
                self.head.lengths = self.head.lengths.saturating_add(1);
                self.head.length = length;
                Ok(State::Start)
            }
            (Number::Before, b' ' | b'\t') => Ok(State::Length(Number::Before)),
            (Number::Before, b'0'..=b'9') => {
                Ok(State::Length(Number::Digits(u64::from(byte - b'0'))))
            }
            (Number::Digits(length), b'0'..=b'9') => length
                .checked_mul(10)
                .and_then(|length| length.checked_add(u64::from(byte - b'0')))
                .map(|length| State::Length(Number::Digits(length)))
                .ok_or(Refusal::FramingUnclear),
            (Number::Digits(length) | Number::After(length), b' ' | b'\t' | b'\r') => {
                Ok(State::Length(Number::After(length)))
            }
            // The library refuses it too; this is for the case that it ever does not.
            (Number::Before | Number::Digits(_) | Number::After(_), _) => {
                Err(Refusal::FramingUnclear)
            }
        }
    }

    fn end_head(&mut self) -> Result<State, Refusal> {
        self.heads += 1;
        match self.head {
            Fields {
                coded: true,
                lengths: 1..,
                ..
            } => Err(Refusal::BothFramings),
            Fields { lengths: 2.., .. } => Err(Refusal::LengthRepeated),
            Fields { coded: true, .. } => Ok(State::Size(0, SizePart::Empty)),
            Fields { length: 0, .. } => Ok(State::Between),
            Fields { length, .. } => Ok(State::Body(length)),
        }
    }
}

/// Chunk framing has no lenient line ends (RFC 9112 7.1): a bare line feed is where readers differ.
fn step_size(size: u64, part: SizePart, byte: u8) -> Result<State, Refusal> {
    match (part, byte) {
        (SizePart::End, b'\n') if size == 0 => Ok(State::Trailer(false)),
        (SizePart::End, b'\n') => Ok(State::Chunk(size)),
        (SizePart::Digits | SizePart::Rest, b'\r') => Ok(State::Size(size, SizePart::End)),
        (SizePart::Digits, b' ' | b'\t' | b';') => Ok(State::Size(size, SizePart::Rest)),
        (SizePart::Rest, 0x20.. | b'\t') => Ok(State::Size(size, SizePart::Rest)),
        (SizePart::End | SizePart::Rest, _) => Err(Refusal::FramingUnclear),
        (SizePart::Empty | SizePart::Digits, _) => {
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or(Refusal::FramingUnclear)?;
            let size = size
                .checked_mul(16)
                .and_then(|size| size.checked_add(u64::from(digit)))
                .ok_or(Refusal::FramingUnclear)?;
            Ok(State::Size(size, SizePart::Digits))
        }
    }
}

#[cfg(test)]
mod tests;
