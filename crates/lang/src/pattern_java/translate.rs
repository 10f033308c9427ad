//! From Java's syntax to the engine's: everything outside of classes.

use super::{Dialect, PatternError, class, escape};

/// A pattern in the engine's syntax.
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) is_linear: bool,
}

/// The text of a pattern, and how far it is read.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    pub(super) dialect: Dialect,
}

/// The end of a text, or before its last line terminator: what `$` and `\Z` are in Java.
pub(super) const END: &str = r"(?=(?:\x{D}\x{A}|[\x{A}\x{D}\x{85}\x{2028}\x{2029}])?\z)";

/// What `.` is in Java.
const DOT_JAVA: &str = r"[^\x{A}\x{D}\x{85}\x{2028}\x{2029}]";
const DOT_ECMA: &str = r"[^\x{A}\x{D}\x{2028}\x{2029}]";

/// Most groups inside of each other.
const DEPTH_MAX: usize = 48;

#[derive(Clone, Copy, Default)]
struct Flags {
    dot_all: bool,
    multi_line: bool,
    comments: bool,
}

/// The state of one translation.
struct Writer {
    out: String,
    flags: Flags,
    /// Of the groups around.
    outer: Vec<Flags>,
    /// Characters, classes and the like.
    atoms: usize,
    /// Some quantifier has no upper bound.
    unbounded: bool,
    /// Something looks around, refers back or chooses.
    intricate: bool,
}

// === impl Reader ===

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Whether `text` is next; it is then read.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Reads up to `end`, which is read too.
    pub(super) fn until(&mut self, end: char) -> Option<String> {
        let (inside, _) = self.rest().split_once(end)?;
        let inside = inside.to_owned();
        self.at += inside.len() + end.len_utf8();
        Some(inside)
    }

    pub(super) fn wrong(&self, what: &'static str) -> PatternError {
        let before = self.text.get(..self.at).unwrap_or_default();
        PatternError::Syntax {
            what,
            at: before.chars().count().saturating_sub(1),
        }
    }
}

/// Writes a character that stands for itself.
pub(super) fn literal(out: &mut String, one: char) {
    use std::fmt::Write as _;
    if one.is_ascii_alphanumeric() || !one.is_ascii() {
        out.push(one);
    } else {
        let _ = write!(out, r"\x{{{:X}}}", u32::from(one));
    }
}

pub(super) fn translate(text: &str, dialect: Dialect) -> Result<Translated, PatternError> {
    let mut reader = Reader {
        text,
        at: 0,
        dialect,
    };
    let mut writer = Writer {
        out: String::with_capacity(text.len() * 2),
        flags: Flags::default(),
        outer: Vec::new(),
        atoms: 0,
        unbounded: false,
        intricate: false,
    };
    while let Some(one) = reader.next() {
        writer.one(one, &mut reader)?;
    }
    let is_linear = !writer.intricate && (!writer.unbounded || writer.atoms == 1);
    Ok(Translated {
        text: writer.out,
        is_linear,
    })
}

// === impl Writer ===

impl Writer {
    fn one(&mut self, one: char, reader: &mut Reader<'_>) -> Result<(), PatternError> {
        match one {
            '\\' => return self.escaped(reader),
            '[' => {
                self.atoms += 1;
                return class::translate(reader, &mut self.out, 0);
            }
            '(' => return self.open(reader),
            ')' => {
                self.flags = self.outer.pop().unwrap_or(self.flags);
                self.out.push(')');
            }
            '|' => {
                self.intricate = true;
                self.out.push('|');
            }
            '*' | '+' => {
                self.unbounded = true;
                self.out.push(one);
            }
            '?' | '^' => self.out.push(one),
            '{' => return self.counted(reader),
            '.' => self.dot(reader.dialect),
            '$' => self.end(reader.dialect),
            '#' if self.flags.comments => {
                while reader.peek().is_some_and(|next| next != '\n') {
                    reader.next();
                }
            }
            _ if self.flags.comments && one.is_ascii_whitespace() => {}
            _ => self.literal(one),
        }
        Ok(())
    }

    fn literal(&mut self, one: char) {
        self.atoms += 1;
        literal(&mut self.out, one);
    }

    fn dot(&mut self, dialect: Dialect) {
        self.atoms += 1;
        self.out.push_str(match (self.flags.dot_all, dialect) {
            (true, _) => "(?s:.)",
            (false, Dialect::Java) => DOT_JAVA,
            (false, Dialect::Ecma) => DOT_ECMA,
        });
    }

    fn end(&mut self, dialect: Dialect) {
        self.out.push_str(match (self.flags.multi_line, dialect) {
            (true, _) => "$",
            (false, Dialect::Ecma) => r"\z",
            (false, Dialect::Java) => {
                self.intricate = true;
                END
            }
        });
    }

    /// `{n}`, `{n,}`, `{n,m}`.
    fn counted(&mut self, reader: &mut Reader<'_>) -> Result<(), PatternError> {
        let inside = reader.rest().split_once('}').map(|(inside, _)| inside);
        let counts = inside.filter(|inside| {
            let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
            !least.is_empty()
                && least.len() + most.len() <= COUNT_DIGITS_MAX
                && (least.bytes().chain(most.bytes())).all(|digit| digit.is_ascii_digit())
        });
        let nothing = self.out.is_empty() || self.out.ends_with(['(', '|', ':']);
        match (counts, reader.dialect) {
            (Some(_), _) if nothing => Err(reader.wrong("a '{' that counts nothing")),
            (Some(counts), _) => {
                self.unbounded |= counts.ends_with(',');
                let counts = counts.len();
                self.out.push('{');
                for _ in 0..=counts {
                    self.out.extend(reader.next());
                }
                Ok(())
            }
            (None, Dialect::Ecma) => {
                self.literal('{');
                Ok(())
            }
            (None, Dialect::Java) => Err(reader.wrong("a '{' that counts nothing")),
        }
    }

    /// After a `(`.
    fn open(&mut self, reader: &mut Reader<'_>) -> Result<(), PatternError> {
        if self.outer.len() == DEPTH_MAX {
            return Err(PatternError::Depth);
        }
        if !reader.eat("?") {
            self.outer.push(self.flags);
            self.out.push('(');
            return Ok(());
        }
        for kind in ["<=", "<!", "=", "!", ">", ":"] {
            if reader.eat(kind) {
                self.intricate |= kind != ":";
                self.outer.push(self.flags);
                self.out.push_str("(?");
                self.out.push_str(kind);
                return Ok(());
            }
        }
        if reader.eat("<") {
            let name = reader.until('>').filter(|name| escape::is_group_name(name));
            let name = name.ok_or_else(|| reader.wrong("a group without a name"))?;
            self.outer.push(self.flags);
            self.out.push_str(&format!("(?<{name}>"));
            return Ok(());
        }
        self.flags(reader)
    }

    /// `(?ims-x)` and `(?ims-x:`.
    fn flags(&mut self, reader: &mut Reader<'_>) -> Result<(), PatternError> {
        let before = self.flags;
        let (mut on, mut plus, mut minus) = (true, String::new(), String::new());
        loop {
            let flag = reader.next();
            match flag {
                Some('s') => self.flags.dot_all = on,
                Some('m') => self.flags.multi_line = on,
                Some('x') => self.flags.comments = on,
                Some('d' | 'u' | 'U' | 'i') => {}
                Some('-') if on => on = false,
                Some(')' | ':') => {
                    let minus = if minus.is_empty() {
                        minus
                    } else {
                        format!("-{minus}")
                    };
                    // An empty list of flags is no group that the engine knows.
                    let flags = format!("{plus}{minus}");
                    if flag == Some(':') {
                        self.outer.push(before);
                        self.out.push_str(&format!("(?{flags}:"));
                    } else if !flags.is_empty() {
                        self.out.push_str(&format!("(?{flags})"));
                    }
                    return Ok(());
                }
                _ => return Err(reader.wrong("a group of an unknown kind")),
            }
            if let Some(flag @ ('i' | 'm')) = flag {
                if on {
                    plus.push(flag)
                } else {
                    minus.push(flag)
                }
            }
        }
    }

    /// After a `\`.
    fn escaped(&mut self, reader: &mut Reader<'_>) -> Result<(), PatternError> {
        if reader.dialect == Dialect::Java && reader.eat("Q") {
            let quoted = match reader.rest().split_once(r"\E") {
                Some((quoted, _)) => quoted.to_owned(),
                None => reader.rest().to_owned(),
            };
            for one in quoted.chars() {
                self.literal(one);
            }
            for _ in quoted.chars() {
                reader.next();
            }
            reader.eat(r"\E");
            return Ok(());
        }
        self.atoms += 1;
        let found = escape::outside(reader)?;
        self.intricate |= found.intricate;
        self.out.push_str(&found.text);
        Ok(())
    }
}

/// Most digits of both counts together.
const COUNT_DIGITS_MAX: usize = 8;
