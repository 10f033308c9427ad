//! Reading a text once from its begin to its end, noting where values are.

use std::collections::HashSet;

use super::{
    Kind, Node, NotJson, Notes, TEXT_BYTES_MAX, count,
    text::{ONES, eight, first_byte},
};

/// What a text holds.
pub(super) struct Found {
    pub(super) notes: Notes,
    /// Some object has two members of the same name.
    pub(super) has_doubles: bool,
}

/// Members up to which each new name is compared with those before, if its bit says that one may
/// be the same; larger objects are looked through at their end.
const COMPARED_MAX: u32 = 64;

/// Bytes of text for a value, a first guess.
const BYTES_PER_NODE: usize = 10;

pub(super) enum Problem {
    Syntax,
    Depth,
    Range,
    Size,
}

/// A list or object that has not ended.
struct Open {
    header: usize,
    is_object: bool,
    count: u32,
    /// A bit for each name, so that a new one is rarely compared with all.
    seen: u64,
}

pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
    depth: usize,
    open: Vec<Open>,
    pub(super) found: Found,
}

pub(super) fn scan(text: &str, depth: usize) -> Result<Found, NotJson> {
    let mut scan = Scan {
        text,
        bytes: text.as_bytes(),
        at: 0,
        depth,
        open: Vec::new(),
        found: Found {
            notes: Notes {
                nodes: Vec::new(),
                decoded: String::new(),
            },
            has_doubles: false,
        },
    };
    let done = if text.len() > TEXT_BYTES_MAX {
        Err(Problem::Size)
    } else {
        scan.found
            .notes
            .nodes
            .reserve(text.len() / BYTES_PER_NODE + 2);
        scan.all()
    };
    match done {
        Ok(()) => Ok(scan.found),
        Err(problem) => Err(scan.explain(&problem)),
    }
}

impl Scan<'_> {
    fn all(&mut self) -> Result<(), Problem> {
        loop {
            if self.value()? {
                continue;
            }
            if self.ended()? {
                return Ok(());
            }
        }
    }

    /// What stands behind a value: true where that is the end of the text, false where another
    /// value follows.
    fn ended(&mut self) -> Result<bool, Problem> {
        loop {
            self.skip_blanks();
            let Some(open) = self.open.last_mut() else {
                return match self.peek() {
                    None => Ok(true),
                    Some(_) => Err(Problem::Syntax),
                };
            };
            let is_object = open.is_object;
            match (self.bytes.get(self.at), is_object) {
                (Some(b','), false) => {
                    open.count += 1;
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b','), true) => {
                    self.at += 1;
                    self.name()?;
                    return Ok(false);
                }
                (Some(b']'), false) | (Some(b'}'), true) => {
                    self.at += 1;
                    self.close();
                }
                _ => return Err(Problem::Syntax),
            }
        }
    }

    /// A value; true where it has begun a list or object, whose first value follows.
    fn value(&mut self) -> Result<bool, Problem> {
        self.skip_blanks();
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.begin(Kind::Object, b'}'),
            Some(b'[') => return self.begin(Kind::Array, b']'),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::True)?,
            Some(b'f') => self.word("false", Kind::False)?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return Err(Problem::Syntax),
        }
        Ok(false)
    }

    fn begin(&mut self, kind: Kind, end: u8) -> Result<bool, Problem> {
        if self.open.len() == self.depth {
            return Err(Problem::Depth);
        }
        let header = self.found.notes.nodes.len();
        self.push(kind, self.at, header + 2);
        self.push(Kind::Null, 0, 0);
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(false);
        }
        let is_object = kind == Kind::Object;
        self.open.push(Open {
            header,
            is_object,
            count: u32::from(!is_object),
            seen: 0,
        });
        if is_object {
            self.name()?;
        }
        Ok(true)
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let end = self.found.notes.nodes.len();
        if open.is_object && open.count > COMPARED_MAX && !self.found.has_doubles {
            let mut seen = HashSet::new();
            let is_once = self.names(&open, end).all(|name| seen.insert(name));
            self.found.has_doubles = !is_once;
        }
        if let Some(header) = self.found.notes.nodes.get_mut(open.header) {
            header.end = count(end);
        }
        if let Some(length) = self.found.notes.nodes.get_mut(open.header + 1) {
            length.end = open.count;
        }
    }

    /// The name of a member, and the colon behind it.
    fn name(&mut self) -> Result<(), Problem> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return Err(Problem::Syntax);
        }
        self.string()?;
        self.note_name();
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(Problem::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// Counts the name read last, and sees whether there was one like it.
    fn note_name(&mut self) {
        let own = self.found.notes.nodes.len() - 1;
        let name = self.text_at(own).unwrap_or_default();
        let bit = 1_u64 << hash(name.as_bytes());
        let Some(open) = self.open.last() else { return };
        let (was_seen, count) = (open.seen & bit != 0, open.count + 1);
        let is_double = was_seen
            && count <= COMPARED_MAX
            && self.names(open, own).any(|earlier| earlier == name);
        if let Some(open) = self.open.last_mut() {
            open.seen |= bit;
            open.count = count;
        }
        self.found.has_doubles |= is_double;
    }

    /// The names of an object's members before the node `end`.
    fn names<'s>(&'s self, open: &Open, end: usize) -> impl Iterator<Item = &'s str> + use<'s> {
        let mut at = open.header + 2;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let name = self.text_at(at)?;
            let value = self.found.notes.nodes.get(at + 1)?;
            at = match value.kind() {
                Kind::Array | Kind::Object => value.end(),
                _ => at + 2,
            };
            Some(name)
        })
    }

    fn text_at(&self, at: usize) -> Option<&str> {
        let node = self.found.notes.nodes.get(at)?;
        let from = match node.kind() {
            Kind::Decoded => self.found.notes.decoded.as_str(),
            _ => self.text,
        };
        from.get(node.start()..node.end())
    }

    pub(super) fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.found.notes.nodes.push(Node::new(kind, start, end));
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
            // Lines are indented: eight blanks at a time.
            while let Some(eight) = eight(self.bytes, self.at) {
                let other = eight ^ (ONES * u64::from(b' '));
                self.at += first_byte(other);
                if other != 0 {
                    break;
                }
            }
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Problem> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(Problem::Syntax);
        }
        self.push(kind, self.at, end);
        self.at = end;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Problem> {
        /// Digits up to which an integer has a floating number.
        const DIGITS_SAFE: usize = 300;
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Problem::Syntax),
        }
        let mut kind = Kind::Integer;
        if self.peek() == Some(b'.') {
            kind = Kind::Float;
            self.at += 1;
            self.digits()?;
        }
        let mut is_small = self.at - start <= DIGITS_SAFE;
        if let Some(b'e' | b'E') = self.peek() {
            kind = Kind::Float;
            is_small = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !is_small && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(Problem::Range);
        }
        if text == "-0" {
            kind = Kind::Float;
        }
        self.push(kind, start, self.at);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(Problem::Syntax);
        }
        Ok(())
    }

    /// The problem in words; of syntax in those of the library that reads JSON elsewhere.
    fn explain(&self, problem: &Problem) -> NotJson {
        let what = match problem {
            Problem::Syntax => {
                let read = serde_json::from_str::<serde_json::Value>(self.text);
                if let Err(error) = read {
                    return NotJson(error.to_string());
                }
                "invalid JSON"
            }
            Problem::Depth => "recursion limit exceeded",
            Problem::Range => "number out of range",
            Problem::Size => "text too long",
        };
        let before = self.bytes.get(..self.at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n');
        let (lines, last) = line.fold((0, 0), |(lines, _), line| (lines + 1, line.len()));
        NotJson(format!("{what} at line {lines} column {}", last + 1))
    }
}

/// Tells most names apart, and need not do more.
fn hash(name: &[u8]) -> u64 {
    let byte = |byte: Option<&u8>| byte.copied().map_or(0, u64::from);
    let (first, last) = (byte(name.first()), byte(name.last()));
    let middle = byte(name.get(name.len() / 2));
    let length = u64::from(count(name.len()));
    let mixed = first | last << 8 | middle << 16 | length << 24;
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58
}
