//! The parser of templates: one pass over the text, without going back further than a character,
//! so that its time is linear in the length. The grammar is that of Velocity 1.x; where that
//! refuses an expression in a place, such as arithmetic among arguments, this one takes it.

mod cursor;
mod directive;
mod expression;
mod reference;
mod string;

use std::collections::HashMap;

use super::{
    ParseError,
    limits::{PARSE_DEPTH_MAX, TEMPLATE_BYTES_MAX},
    tree::{FIXED, Macro, Node, Slot, Tree, Uses},
};

/// Parses a whole template.
pub(super) fn template(text: &str) -> Result<Tree, ParseError> {
    if text.len() > TEMPLATE_BYTES_MAX {
        let what = format!("template is longer than {TEMPLATE_BYTES_MAX} bytes");
        return Err(ParseError {
            line: 1,
            column: 1,
            what,
        });
    }
    let mut scope = Scope::new(text);
    let mut parser = Parser {
        text,
        at: 0,
        may_end_with_sign: false,
        scope: &mut scope,
    };
    let nodes = match parser.block() {
        Ok((nodes, End::Text)) => nodes,
        Ok((_, end)) => {
            return Err(parser
                .fail(format!("{} without #if", end.name()))
                .locate(text));
        }
        Err(problem) => return Err(problem.locate(text)),
    };
    let slots = scope.slots.len();
    Ok(Tree {
        nodes,
        macros: scope.macros,
        slots,
        source_bytes: text.len(),
        uses: scope.uses,
    })
}

/// A parser of one text: the template, or the content of a string within it.
struct Parser<'s, 'p> {
    text: &'s str,
    /// Where it stands; always at the border of a character.
    at: usize,
    /// Whether a sign that the text ends with is a character. In a template it is an error, as
    /// recorded on API Gateway.
    may_end_with_sign: bool,
    scope: &'p mut Scope,
}

/// What the texts of one template share.
struct Scope {
    slots: HashMap<Box<str>, u32>,
    macros: Vec<Macro>,
    macro_numbers: HashMap<Box<str>, usize>,
    depth: u32,
    /// Regular expressions that the template keeps compiled.
    patterns: u32,
    uses: Uses,
}

/// What is wrong, and where in the text at hand.
#[derive(Debug)]
struct Problem {
    at: usize,
    what: String,
}

type Parsed<T> = Result<T, Problem>;

/// What ended a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Text,
    Close,
    Else,
    ElseIf,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "end of the template",
            Self::Close => "#end",
            Self::Else => "#else",
            Self::ElseIf => "#elseif",
        }
    }
}

impl Problem {
    fn locate(self, text: &str) -> ParseError {
        let before = text.get(..self.at.min(text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        ParseError {
            line,
            column,
            what: self.what,
        }
    }
}

impl Scope {
    fn new(text: &str) -> Self {
        let mut slots = HashMap::new();
        for name in FIXED {
            let number = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            slots.insert(name.into(), number);
        }
        let mut scope = Self {
            slots,
            macros: Vec::new(),
            macro_numbers: HashMap::new(),
            depth: 0,
            patterns: 0,
            uses: Uses::default(),
        };
        // A macro may be called before the place where it is defined.
        for found in text.split("#macro").skip(1) {
            let Some(rest) = found.trim_start().strip_prefix('(') else {
                continue;
            };
            let rest = rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            scope.declare(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        }
        scope
    }

    fn declare(&mut self, name: &str) {
        if name.is_empty() || self.macro_numbers.contains_key(name) {
            return;
        }
        self.macro_numbers.insert(name.into(), self.macros.len());
        let parameters = Vec::new();
        self.macros.push(Macro {
            parameters,
            body: Vec::new(),
            defined: false,
        });
    }

    fn slot(&mut self, name: &str) -> Slot {
        if let Some(number) = self.slots.get(name) {
            return Slot(*number);
        }
        // A template is far shorter than there are numbers.
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.insert(name.into(), number);
        Slot(number)
    }
}

/// Nodes of a block, with adjoining texts joined.
#[derive(Default)]
struct Block {
    nodes: Vec<Node>,
    text: String,
}

impl Block {
    fn push(&mut self, node: Node) {
        self.flush();
        self.nodes.push(node);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.nodes.push(Node::Text(text.into_boxed_str()));
        }
    }
}

impl Parser<'_, '_> {
    /// Parses up to what ends a block, and says what that was.
    fn block(&mut self) -> Parsed<(Vec<Node>, End)> {
        self.deeper()?;
        let mut block = Block::default();
        let end = loop {
            if self.set(&mut block)? {
                continue;
            }
            let plain = self.take_until(|byte| matches!(byte, b'$' | b'#' | b'\\'));
            if !plain.is_empty() {
                block.text.push_str(plain);
                continue;
            }
            match self.peek() {
                None => break End::Text,
                Some(b'$') => self.dollar(&mut block, 0)?,
                Some(b'\\') => self.backslashes(&mut block)?,
                Some(_) => {
                    if let Some(end) = self.hash(&mut block)? {
                        break end;
                    }
                }
            }
        };
        block.flush();
        self.scope.depth -= 1;
        Ok((block.nodes, end))
    }

    /// A block that must be closed by `#end`.
    fn closed_block(&mut self, of: &str) -> Parsed<Vec<Node>> {
        let start = self.at;
        match self.block()? {
            (nodes, End::Close) => Ok(nodes),
            (_, End::Text) => Err(Problem {
                at: start,
                what: format!("{of} without #end"),
            }),
            (_, end) => Err(self.fail(format!("{} within {of}", end.name()))),
        }
    }

    /// Backslashes: they escape a reference or a directive, and are text before anything else.
    fn backslashes(&mut self, block: &mut Block) -> Parsed<()> {
        let slashes = self.take_until(|byte| byte != b'\\');
        let count = slashes.len();
        match self.peek() {
            Some(b'$') => return self.dollar(block, count),
            Some(b'#') => {}
            _ => {
                block.text.push_str(slashes);
                return Ok(());
            }
        }
        let start = self.at;
        self.at += 1;
        let word = self.directive_word();
        let known = word.is_some_and(|word| self.is_directive(word));
        if count.is_multiple_of(2) {
            // The directive stands; pairs before it are single ones when it is one that renders.
            self.at = start;
            let kept = if known && word != Some("set") {
                count / 2
            } else {
                count
            };
            block.text.push_str(slashes.get(..kept).unwrap_or_default());
            return Ok(());
        }
        let kept = if known { count / 2 } else { count };
        block.text.push_str(slashes.get(..kept).unwrap_or_default());
        if word.is_none() {
            self.at = start;
            // Not a directive at all: the hash is text, unless it begins a comment.
            if !matches!(self.peek_at(1), Some(b'#' | b'*' | b'[')) {
                self.at += 1;
                block.text.push('#');
            }
            return Ok(());
        }
        block
            .text
            .push_str(self.text.get(start..self.at).unwrap_or_default());
        Ok(())
    }

    /// A dollar sign behind `slashes` backslashes.
    fn dollar(&mut self, block: &mut Block, slashes: usize) -> Parsed<()> {
        let start = self.at;
        let Some(reference) = self.reference()? else {
            block.text.extend(std::iter::repeat_n('\\', slashes));
            self.at = start + 1;
            block.text.push('$');
            if self.peek().is_none() && !self.may_end_with_sign {
                return Err(self.fail("a dollar sign ends the template".to_owned()));
            }
            return Ok(());
        };
        block.text.extend(std::iter::repeat_n('\\', slashes / 2));
        if !slashes.is_multiple_of(2) {
            // Escaped: it shows as it is written.
            block
                .text
                .push_str(self.text.get(start..self.at).unwrap_or_default());
        } else {
            block.push(Node::Reference(reference));
        }
        Ok(())
    }

    /// Counts a level of nesting in; whoever calls counts it out.
    fn deeper(&mut self) -> Parsed<()> {
        if self.scope.depth >= PARSE_DEPTH_MAX {
            return Err(self.fail(format!("nested deeper than {PARSE_DEPTH_MAX} levels")));
        }
        self.scope.depth += 1;
        Ok(())
    }
}
