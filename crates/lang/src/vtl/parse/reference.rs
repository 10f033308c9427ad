//! References: `$name`, `$!name`, `${name}`, with properties, indexes and calls of methods.

use std::sync::OnceLock;

use super::{Parsed, Parser};
use crate::{
    json_path::Path,
    vtl::{
        limits::PATTERNS_KEPT_MAX,
        tree::{Access, Call, Expression, Reference, Slot},
    },
};

const fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

const fn is_name_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

impl Parser<'_, '_> {
    /// The reference at hand, or `None` with the parser anywhere when there is none.
    pub(super) fn reference(&mut self) -> Parsed<Option<Reference>> {
        if !self.take("$") {
            return Ok(None);
        }
        // A reference that finds nothing is empty anyhow, so the quiet form has no other meaning.
        self.take("!");
        let is_formal = self.take("{");
        if !self.peek().is_some_and(is_name_start) {
            return Ok(None);
        }
        let name = self.take_while(is_name_part);
        let slot = self.scope.slot(name);
        let accesses = self.accesses(slot)?;
        self.scope.uses.note(slot, &accesses);
        let mut alternate = None;
        if is_formal {
            if self.take("|") {
                alternate = Some(Box::new(self.expression()?));
            }
            self.expect("}", "reference")?;
        }
        Ok(Some(Reference {
            slot,
            accesses,
            alternate,
        }))
    }

    fn accesses(&mut self, slot: Slot) -> Parsed<Vec<Access>> {
        let mut accesses = Vec::new();
        loop {
            if self.take("[") {
                let index = self.expression()?;
                self.expect("]", "index")?;
                accesses.push(Access::Index(index));
                continue;
            }
            let is_name = self
                .peek_at(1)
                .is_some_and(|byte| byte.is_ascii_alphabetic());
            if self.peek() != Some(b'.') || !is_name {
                return Ok(accesses);
            }
            self.at += 1;
            let name = self.take_while(is_name_part);
            if self.starts_arguments() {
                let arguments = self.arguments()?;
                let is_input = slot == Slot::INPUT && accesses.is_empty();
                accesses.push(Access::Method(self.call_of(name, arguments, is_input)));
            } else {
                accesses.push(Access::Property(name.into()));
            }
        }
    }

    /// Whether the parenthesis at hand, if any, can hold arguments; else it is text behind a
    /// property, as in `$name.first(see below)`.
    fn starts_arguments(&self) -> bool {
        let Some(inside) = self.rest().strip_prefix('(') else {
            return false;
        };
        let inside = inside.trim_start_matches([' ', '\t', '\n', '\r']);
        let is_word = |word| inside.starts_with(word);
        inside.starts_with(|c: char| c.is_ascii_digit() || "\"'$[{)-.!(".contains(c))
            || ["true", "false", "null"].into_iter().any(is_word)
    }

    fn arguments(&mut self) -> Parsed<Vec<Expression>> {
        self.expect("(", "method")?;
        let mut arguments = Vec::new();
        self.skip_space();
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.take(")") {
                return Ok(arguments);
            }
            self.expect(",", "method")?;
        }
    }

    /// A call; what its constant arguments mean is worked out here, once for all renderings.
    fn call_of(&mut self, name: &str, arguments: Vec<Expression>, is_input: bool) -> Call {
        let mut call = Call {
            name: name.into(),
            arguments,
            path: None,
            pattern: None,
        };
        let Some(Expression::Text(text)) = call.arguments.first() else {
            return call;
        };
        if is_input && matches!(name, "json" | "path") {
            call.path = Some(Path::parse(text));
        }
        let is_pattern = matches!(name, "matches" | "split" | "replaceAll" | "replaceFirst");
        if is_pattern && self.scope.patterns < PATTERNS_KEPT_MAX {
            self.scope.patterns += 1;
            call.pattern = Some(OnceLock::new());
        }
        call
    }
}
