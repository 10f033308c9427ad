//! What begins with a hash: directives, calls of macros, comments and verbatim text.

use super::{Block, End, Parsed, Parser};
use crate::vtl::tree::{Expression, Node, Slot};

/// Directives that are known by name; the rest are macros, or text.
const NAMES: [&str; 14] = [
    "set", "if", "elseif", "else", "end", "foreach", "define", "macro", "break", "stop", "include",
    "parse", "evaluate", "literal",
];

impl<'s> Parser<'s, '_> {
    /// `#set`, with the blanks before it. Only where a piece begins: blanks behind other text
    /// belong to that text. Says whether there was one.
    pub(super) fn set(&mut self, block: &mut Block) -> Parsed<bool> {
        let start = self.at;
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        if self.take("#set") || self.take("#{set}") {
            self.take_while(|byte| matches!(byte, b' ' | b'\t'));
            if self.take("(") {
                self.skip_space();
                let Some(target) = self.reference()? else {
                    return Err(self.fail("#set needs a reference to set".to_owned()));
                };
                self.skip_space();
                self.expect("=", "#set")?;
                let value = self.expression()?;
                self.expect(")", "#set")?;
                self.skip_line_end();
                block.push(Node::Set { target, value });
                return Ok(true);
            }
        }
        self.at = start;
        Ok(false)
    }

    /// The word of a directive behind its hash: `if`, `{else}`, `@name`.
    pub(super) fn directive_word(&mut self) -> Option<&'s str> {
        let start = self.at;
        let is_bracketed = self.take("{");
        let first = self.peek()?;
        if first.is_ascii_alphabetic() || first == b'_' || (first == b'@' && !is_bracketed) {
            let word = self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@'));
            if !is_bracketed || self.take("}") {
                return Some(word);
            }
        }
        self.at = start;
        None
    }

    pub(super) fn is_directive(&self, word: &str) -> bool {
        let name = word.strip_prefix('@').unwrap_or(word);
        NAMES.contains(&word) || self.scope.macro_numbers.contains_key(name)
    }

    /// Whatever begins with the hash at hand. Says when it ends the block.
    pub(super) fn hash(&mut self, block: &mut Block) -> Parsed<Option<End>> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            None if !self.may_end_with_sign => {
                return Err(self.fail("a hash ends the template".to_owned()));
            }
            Some(b'#') => {
                self.take_until(|byte| matches!(byte, b'\n' | b'\r'));
                self.skip_line_break();
                return Ok(None);
            }
            Some(b'*') => {
                self.at += 1;
                self.take_through("*#", "comment")?;
                return Ok(None);
            }
            Some(b'[') if self.peek_at(1) == Some(b'[') => {
                self.at += 2;
                let text = self.take_through("]]#", "verbatim text")?;
                block.text.push_str(text);
                return Ok(None);
            }
            _ => {}
        }
        let Some(word) = self.directive_word() else {
            block.text.push('#');
            return Ok(None);
        };
        match word {
            "end" => return Ok(Some(self.ends_with(End::Close))),
            "else" => return Ok(Some(self.ends_with(End::Else))),
            "elseif" => return Ok(Some(End::ElseIf)),
            _ => {}
        }
        if !self.directive(word, block)? {
            block
                .text
                .push_str(self.text.get(start..self.at).unwrap_or_default());
        }
        Ok(None)
    }

    fn ends_with(&mut self, end: End) -> End {
        self.skip_line_end();
        end
    }

    fn take_through(&mut self, mark: &str, what: &str) -> Parsed<&'s str> {
        let rest = self.rest();
        let Some(length) = rest.find(mark) else {
            return Err(self.fail(format!("{what} without {mark}")));
        };
        self.at += length + mark.len();
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A directive by its word. False when there is none of this name, so that it is text.
    fn directive(&mut self, word: &str, block: &mut Block) -> Parsed<bool> {
        let node = match word {
            "if" => self.if_directive()?,
            "foreach" => self.foreach()?,
            "define" => self.define()?,
            "macro" => return self.macro_directive().map(|()| true),
            "break" => self.bare(Node::Break),
            "stop" => self.bare(Node::Stop),
            "include" | "parse" | "evaluate" => {
                return Err(self.fail(format!("#{word} is not available in templates")));
            }
            _ => return self.call(word, block),
        };
        block.push(node);
        Ok(true)
    }

    fn bare(&mut self, node: Node) -> Node {
        if self.take("()") {
            self.skip_line_end();
        }
        node
    }

    fn open(&mut self, directive: &str) -> Parsed<()> {
        self.skip_space();
        self.expect("(", directive)
    }

    fn condition(&mut self, directive: &str) -> Parsed<Expression> {
        self.open(directive)?;
        let condition = self.expression()?;
        self.expect(")", directive)?;
        self.skip_line_end();
        Ok(condition)
    }

    fn if_directive(&mut self) -> Parsed<Node> {
        let start = self.at;
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        let mut condition = self.condition("#if")?;
        loop {
            let (nodes, end) = self.block()?;
            arms.push((condition, nodes));
            match end {
                End::Close => break,
                End::ElseIf => condition = self.condition("#elseif")?,
                End::Else => {
                    otherwise = self.closed_block("#else")?;
                    break;
                }
                End::Text => {
                    self.at = start;
                    return Err(self.fail("#if without #end".to_owned()));
                }
            }
        }
        Ok(Node::If { arms, otherwise })
    }

    fn foreach(&mut self) -> Parsed<Node> {
        self.open("#foreach")?;
        let item = self.variable("#foreach")?;
        self.skip_space();
        self.expect("in", "#foreach")?;
        let source = self.expression()?;
        self.expect(")", "#foreach")?;
        self.skip_line_end();
        let body = self.closed_block("#foreach")?;
        Ok(Node::Foreach { item, source, body })
    }

    fn define(&mut self) -> Parsed<Node> {
        self.open("#define")?;
        let slot = self.variable("#define")?;
        self.skip_space();
        self.expect(")", "#define")?;
        self.skip_line_end();
        let body = self.closed_block("#define")?;
        Ok(Node::Define { slot, body })
    }

    /// A reference that is a name alone.
    fn variable(&mut self, directive: &str) -> Parsed<Slot> {
        self.skip_space();
        match self.reference()? {
            Some(reference) if reference.accesses.is_empty() => Ok(reference.slot),
            _ => Err(self.fail(format!("{directive} needs a variable such as $item"))),
        }
    }

    /// `#macro(name $a $b)`: nothing is rendered where it stands.
    fn macro_directive(&mut self) -> Parsed<()> {
        self.open("#macro")?;
        self.skip_space();
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        self.scope.declare(name);
        let Some(number) = self.scope.macro_numbers.get(name).copied() else {
            return Err(self.fail("#macro needs a name".to_owned()));
        };
        let mut parameters = Vec::new();
        loop {
            self.skip_separators();
            if self.peek() != Some(b'$') {
                break;
            }
            parameters.push(self.variable("#macro")?);
        }
        self.expect(")", "#macro")?;
        self.skip_line_end();
        let body = self.closed_block("#macro")?;
        // The first definition stands, as everything of a template is one name space.
        if let Some(known) = self
            .scope
            .macros
            .get_mut(number)
            .filter(|known| !known.defined)
        {
            known.parameters = parameters;
            known.body = body;
            known.defined = true;
        }
        Ok(())
    }

    fn skip_separators(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b','));
    }

    /// `#name(arguments)` and `#@name(arguments) .. #end`.
    fn call(&mut self, word: &str, block: &mut Block) -> Parsed<bool> {
        let name = word.strip_prefix('@').unwrap_or(word);
        let Some(called) = self.scope.macro_numbers.get(name).copied() else {
            return Ok(false);
        };
        let mut arguments = Vec::new();
        let start = self.at;
        self.skip_space();
        if !self.take("(") {
            self.at = start;
            return Ok(false);
        }
        loop {
            self.skip_separators();
            if self.take(")") {
                break;
            }
            arguments.push(self.primary()?);
        }
        self.skip_line_end();
        let body = if word.starts_with('@') {
            self.closed_block("macro call")?
        } else {
            Vec::new()
        };
        block.push(Node::Call {
            called,
            arguments,
            body,
        });
        Ok(true)
    }
}
