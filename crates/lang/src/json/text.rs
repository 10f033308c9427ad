//! Texts in quotes: where they end, and what their escapes stand for.

use super::{
    Kind,
    scan::{Problem, Scan},
};

impl Scan<'_> {
    pub(super) fn string(&mut self) -> Result<(), Problem> {
        let start = self.at + 1;
        let end = plain_end(self.bytes, start);
        match self.bytes.get(end) {
            Some(b'"') => {
                self.push(Kind::Text, start, end);
                self.at = end + 1;
                Ok(())
            }
            Some(b'\\') => self.escaped(start, end),
            _ => Err(Problem::Syntax),
        }
    }

    /// A text that begins at `start` and has its first escape at `at`.
    fn escaped(&mut self, start: usize, mut at: usize) -> Result<(), Problem> {
        let from = self.found.notes.decoded.len();
        let mut done = start;
        loop {
            let plain = self.text.get(done..at).unwrap_or_default();
            self.found.notes.decoded.push_str(plain);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at = at + 1;
                    self.escape()?;
                    done = self.at;
                    at = plain_end(self.bytes, done);
                }
                _ => return Err(Problem::Syntax),
            }
        }
        self.push(Kind::Decoded, from, self.found.notes.decoded.len());
        self.at = at + 1;
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), Problem> {
        let byte = self.peek().ok_or(Problem::Syntax)?;
        self.at += 1;
        let character = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(Problem::Syntax),
        };
        self.found.notes.decoded.push(character);
        Ok(())
    }

    /// Four digits, or two times four where they are halves of one character.
    fn unicode(&mut self) -> Result<char, Problem> {
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return Err(Problem::Syntax);
        }
        self.at += 2;
        let second = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
            return Err(Problem::Syntax);
        }
        let both = 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00));
        char::from_u32(both).ok_or(Problem::Syntax)
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Problem::Syntax)?;
        self.at += 4;
        digits.chars().try_fold(0, |number, digit| {
            let digit = digit.to_digit(16).ok_or(Problem::Syntax)?;
            Ok(number << 4 | digit)
        })
    }
}

pub(super) const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// Where the first byte of a text is that does not stand for itself: a quote, a backslash or a
/// control character.
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    let zero = |eight: u64| eight.wrapping_sub(ONES) & !eight;
    while let Some(eight) = eight(bytes, at) {
        let quote = zero(eight ^ (ONES * u64::from(b'"')));
        let backslash = zero(eight ^ (ONES * u64::from(b'\\')));
        let control = eight.wrapping_sub(ONES * u64::from(b' ')) & !eight;
        let found = (quote | backslash | control) & HIGH;
        at += first_byte(found);
        if found != 0 {
            return at;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
    at + found.unwrap_or(rest.len())
}

/// The place of the first byte that is not zero; eight where all are.
pub(super) const fn first_byte(eight: u64) -> usize {
    (eight.trailing_zeros() / 8) as usize
}

pub(super) fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    let eight = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*eight))
}
