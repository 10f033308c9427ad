//! The parser of paths.

use super::{PATH_BYTES_MAX, Path, PathError, Step, filter, function::Function};

/// Deepest nesting of filters and of parentheses within them.
const DEPTH_MAX: u32 = 24;

/// Parses a whole path.
pub(super) fn path(text: &str) -> Result<Path, PathError> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathError::Length);
    }
    let text = text.trim();
    let mut cursor = Cursor {
        text,
        at: 0,
        depth: 0,
    };
    if text.is_empty() {
        return Err(cursor.fail("path is empty"));
    }
    let path = if text.starts_with(['$', '@']) {
        cursor.at = 1;
        cursor.path(false)?
    } else {
        cursor.path(true)?
    };
    match cursor.peek() {
        None => Ok(path),
        Some(_) => Err(cursor.fail("path goes on unexpectedly")),
    }
}

/// A place in a path's text.
pub(super) struct Cursor<'s> {
    pub(super) text: &'s str,
    pub(super) at: usize,
    depth: u32,
}

impl<'s> Cursor<'s> {
    pub(super) fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), PathError> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(self.fail(&format!("{wanted:?} is missing")))
    }

    pub(super) fn fail(&self, what: &str) -> PathError {
        PathError::Syntax {
            at: self.at,
            what: what.to_owned(),
        }
    }

    pub(super) fn deeper(&mut self) -> Result<(), PathError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fail("nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) const fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The steps behind the root sign; `bare` when the first is a name without a dot.
    pub(super) fn path(&mut self, bare: bool) -> Result<Path, PathError> {
        let mut steps = Vec::new();
        let mut function = None;
        let mut is_first = bare;
        while function.is_none() {
            if self.peek() == Some(b'[') {
                steps.push(self.bracket()?);
            } else if self.take("..") {
                steps.push(Step::Scan);
                if self.peek() != Some(b'[') {
                    function = self.named(&mut steps)?;
                }
            } else if std::mem::take(&mut is_first) || self.take(".") {
                if self.peek() != Some(b'[') {
                    function = self.named(&mut steps)?;
                }
            } else {
                break;
            }
        }
        let last = steps.len().saturating_sub(1);
        let is_definite = steps.iter().enumerate().all(|(number, step)| match step {
            Step::Property(_) | Step::Index(_) => true,
            Step::Properties(_) => number == last,
            _ => false,
        });
        Ok(Path {
            steps,
            function,
            is_definite,
        })
    }

    /// A name behind a dot: a property, a wildcard, or a function.
    fn named(&mut self, steps: &mut Vec<Step>) -> Result<Option<Function>, PathError> {
        if self.take("*") {
            steps.push(Step::Wildcard);
            return Ok(None);
        }
        let is_end = |c: char| ".[()]&|=<>!~,".contains(c) || c.is_ascii_whitespace();
        let rest = self.rest();
        let length = rest.find(is_end).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        if name.is_empty() {
            return Err(self.fail("a name is missing"));
        }
        self.at += length;
        if self.peek() == Some(b'(') {
            return self.function(name).map(Some);
        }
        steps.push(Step::Property(name.to_owned()));
        Ok(None)
    }

    fn function(&mut self, name: &str) -> Result<Function, PathError> {
        self.expect("(")?;
        self.skip_space();
        let mut numbers = Vec::new();
        while !self.take(")") {
            numbers.push(self.number()?);
            self.skip_space();
            self.take(",");
            self.skip_space();
        }
        match Function::named(name, &numbers) {
            Some(function) => Ok(function),
            None => Err(self.fail(&format!("there is no function {name} with such arguments"))),
        }
    }

    pub(super) fn number(&mut self) -> Result<f64, PathError> {
        let rest = self.rest();
        let is_end = |c: char| !(c.is_ascii_digit() || "+-.eE".contains(c));
        let length = rest.find(is_end).unwrap_or(rest.len());
        match rest.get(..length).unwrap_or_default().parse() {
            Ok(number) => {
                self.at += length;
                Ok(number)
            }
            Err(_) => Err(self.fail("a number is missing")),
        }
    }

    fn integer(&mut self) -> Option<i64> {
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let sign = rest.len() - digits.len();
        let length = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let number = rest.get(..sign + length)?.parse().ok()?;
        self.at += sign + length;
        Some(number)
    }

    fn bracket(&mut self) -> Result<Step, PathError> {
        self.expect("[")?;
        self.skip_space();
        let step = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Step::Wildcard
            }
            Some(b'\'' | b'"') => self.properties()?,
            Some(b'?') => {
                self.at += 1;
                self.skip_space();
                self.expect("(")?;
                let filter = filter::parse(self)?;
                self.skip_space();
                self.expect(")")?;
                Step::Filter(filter)
            }
            _ => self.indexes()?,
        };
        self.skip_space();
        self.expect("]")?;
        Ok(step)
    }

    fn properties(&mut self) -> Result<Step, PathError> {
        let mut names = vec![self.quoted()?];
        self.skip_space();
        while self.take(",") {
            self.skip_space();
            names.push(self.quoted()?);
            self.skip_space();
        }
        match names.pop() {
            Some(name) if names.is_empty() => Ok(Step::Property(name)),
            Some(name) => {
                names.push(name);
                Ok(Step::Properties(names))
            }
            None => Err(self.fail("a name is missing")),
        }
    }

    fn indexes(&mut self) -> Result<Step, PathError> {
        let first = self.integer();
        self.skip_space();
        if self.take(":") {
            self.skip_space();
            let end = self.integer();
            return Ok(Step::Slice(first, end));
        }
        let Some(first) = first else {
            return Err(self.fail("an index or a name is missing"));
        };
        let mut indexes = vec![first];
        while self.take(",") {
            self.skip_space();
            match self.integer() {
                Some(index) => indexes.push(index),
                None => return Err(self.fail("an index is missing")),
            }
            self.skip_space();
        }
        Ok(if indexes.len() == 1 {
            Step::Index(first)
        } else {
            Step::Indexes(indexes)
        })
    }

    /// A text in quotes, in which a backslash takes the next character as it is.
    pub(super) fn quoted(&mut self) -> Result<String, PathError> {
        let mut chars = self.rest().char_indices();
        let Some((_, quote @ ('\'' | '"'))) = chars.next() else {
            return Err(self.fail("a text in quotes is missing"));
        };
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            if char == quote {
                self.at += at + 1;
                return Ok(text);
            }
            match char {
                '\\' => text.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 't')) => '\t',
                    Some((_, 'r')) => '\r',
                    Some((_, escaped)) => escaped,
                    None => break,
                }),
                char => text.push(char),
            }
        }
        Err(self.fail("the closing quote is missing"))
    }
}
