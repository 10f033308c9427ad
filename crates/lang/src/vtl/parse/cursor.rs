//! Moving over the text. All marks of the grammar are ASCII, so bytes are compared and every stop
//! is at the border of a character.

use super::{Parsed, Parser, Problem};

impl<'s> Parser<'s, '_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub(super) fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes everything before the first byte that `is_end`; that must be an ASCII byte.
    pub(super) fn take_until(&mut self, is_end: impl Fn(u8) -> bool) -> &'s str {
        let start = self.at;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let is_ascii_end = |byte: &u8| byte.is_ascii() && is_end(*byte);
        self.at += bytes.iter().position(is_ascii_end).unwrap_or(bytes.len());
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Takes ASCII bytes as long as they are `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'s str {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii() && wanted(byte))
        {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Skips blanks and a line break behind a directive; blanks alone stay.
    pub(super) fn skip_line_end(&mut self) {
        let start = self.at;
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        if !self.skip_line_break() {
            self.at = start;
        }
    }

    pub(super) fn skip_line_break(&mut self) -> bool {
        self.take("\r\n") || self.take("\n") || self.take("\r")
    }

    pub(super) fn expect(&mut self, wanted: &str, place: &str) -> Parsed<()> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = match self.rest().chars().next() {
            Some(char) => format!("{char:?}"),
            None => "the end".to_owned(),
        };
        Err(self.fail(format!("{place} needs {wanted:?} here, not {found}")))
    }

    pub(super) const fn fail(&self, what: String) -> Problem {
        Problem { at: self.at, what }
    }
}
