//! Reads dictionaries of structured fields (RFC 8941, section 4.2.2).
//!
//! A field that does not parse is no field at all: there is no best effort. Parameters are checked
//! and dropped, since nothing here gives them a meaning; so are the items of inner lists.

/// A member's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Integer(i64),
    Boolean(bool),
    /// A string, without its quotes and escapes.
    Text(Vec<u8>),
    Token(Vec<u8>),
    /// A decimal, a byte sequence, or an inner list.
    Other,
}

/// Members in order; of a key that is given twice, the last value, at its first place.
pub(crate) type Dictionary = Vec<(Vec<u8>, Item)>;

/// Most digits of an integer.
const INTEGER_DIGITS_MAX: usize = 15;
/// Most digits of a decimal before and after its point.
const DECIMAL_DIGITS_MAX: (usize, usize) = (12, 3);

/// Reads a field's value (several lines of it are joined by commas). None if it is malformed.
pub(crate) fn dictionary(text: &[u8]) -> Option<Dictionary> {
    let mut members = Dictionary::new();
    let mut rest = Rest(text);
    rest.skip(b" ");
    while !rest.0.is_empty() {
        let key = rest.key()?;
        let item = if rest.take(b'=') {
            rest.item_or_list()?
        } else {
            Item::Boolean(true)
        };
        rest.parameters()?;
        match members.iter_mut().find(|(other, _)| *other == key) {
            Some((_, before)) => *before = item,
            None => members.push((key, item)),
        }
        rest.skip(b" \t");
        if rest.0.is_empty() {
            break;
        }
        rest.take(b',').then_some(())?;
        rest.skip(b" \t");
        // A comma at the end.
        rest.0.first()?;
    }
    Some(members)
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, any: &[u8]) {
        while let [first, rest @ ..] = self.0
            && any.contains(first)
        {
            self.0 = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The longest beginning of allowed bytes.
    fn run(&mut self, allowed: impl Fn(u8) -> bool) -> &[u8] {
        let end = self.0.iter().position(|byte| !allowed(*byte));
        let (run, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        run
    }

    fn key(&mut self) -> Option<Vec<u8>> {
        let first = self.0.first()?;
        (first.is_ascii_lowercase() || *first == b'*').then_some(())?;
        let key = self.run(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        });
        Some(key.to_vec())
    }

    fn item_or_list(&mut self) -> Option<Item> {
        if !self.take(b'(') {
            return self.item();
        }
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Some(Item::Other);
            }
            self.item()?;
            self.parameters()?;
            matches!(self.0.first(), Some(b' ' | b')')).then_some(())?;
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Some(())
    }

    /// A bare item.
    fn item(&mut self) -> Option<Item> {
        match self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.text(),
            b'?' => self.boolean(),
            b':' => self.bytes(),
            first if first.is_ascii_alphabetic() || *first == b'*' => {
                let token = self.run(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                });
                Some(Item::Token(token.to_vec()))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let negative = self.take(b'-');
        let digits = self.run(|byte| byte.is_ascii_digit()).to_vec();
        if self.take(b'.') {
            let (before_max, after_max) = DECIMAL_DIGITS_MAX;
            let after = self.run(|byte| byte.is_ascii_digit()).len();
            let valid = (1..=before_max).contains(&digits.len());
            return (valid && (1..=after_max).contains(&after)).then_some(Item::Other);
        }
        if digits.is_empty() || digits.len() > INTEGER_DIGITS_MAX {
            return None;
        }
        let number = digits
            .iter()
            .fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        Some(Item::Integer(if negative { -number } else { number }))
    }

    fn text(&mut self) -> Option<Item> {
        self.next()?;
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return Some(Item::Text(text)),
                b'\\' => {
                    let escaped = self.next().filter(|byte| b"\"\\".contains(byte))?;
                    text.push(escaped);
                }
                byte @ 0x20..=0x7e => text.push(byte),
                _ => return None,
            }
        }
    }

    fn boolean(&mut self) -> Option<Item> {
        self.next()?;
        match self.next()? {
            b'0' => Some(Item::Boolean(false)),
            b'1' => Some(Item::Boolean(true)),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Item> {
        self.next()?;
        self.run(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        self.take(b':').then_some(Item::Other)
    }
}
