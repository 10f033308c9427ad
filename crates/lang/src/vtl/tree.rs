//! A parsed template: what the parser makes and the renderer walks. Names of variables are
//! numbers here, so that rendering looks nothing up by name.

use std::sync::OnceLock;

use crate::json_path::{Path, PathError};

/// A whole template.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) macros: Vec<Macro>,
    /// How many variables the template names, the fixed ones included.
    pub(super) slots: usize,
    /// Length of the source, a first guess at that of the text.
    pub(super) source_bytes: usize,
    pub(super) uses: Uses,
}

/// What of a request a template may look at; more than it does, never less.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Names below `$context`, one or two words each; an empty one stands for all.
    pub(super) context: Vec<Box<str>>,
    /// `$input.params`, or `$input` itself.
    pub(super) parameters: bool,
}

impl Uses {
    /// Notes a reference.
    pub(super) fn note(&mut self, slot: Slot, accesses: &[Access]) {
        if slot == Slot::INPUT {
            self.parameters |= match accesses.first() {
                Some(Access::Method(call)) => !matches!(&*call.name, "path" | "json"),
                Some(Access::Property(name)) => **name != *"body",
                _ => true,
            };
        }
        if slot == Slot::CONTEXT {
            let name = match accesses {
                [Access::Property(group), Access::Property(name), ..] => format!("{group}.{name}"),
                [Access::Property(name), ..] => name.to_string(),
                _ => String::new(),
            };
            if !self.context.iter().any(|known| **known == *name) {
                self.context.push(name.into());
            }
        }
    }

    /// Whether a value below `$context`, or something in it, may be looked at.
    pub(super) fn context(&self, name: &str) -> bool {
        let within = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.context
            .iter()
            .any(|used| used.is_empty() || within(used, name) || within(name, used))
    }
}

/// A variable, as its place in the renderer's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(pub(super) u32);

/// Variables that exist without being set, in the order of their slots.
pub(super) const FIXED: [&str; 8] = [
    "input",
    "util",
    "context",
    "stageVariables",
    "foreach",
    "velocityCount",
    "velocityHasNext",
    "bodyContent",
];

impl Slot {
    pub(super) const INPUT: Self = Self(0);
    pub(super) const UTIL: Self = Self(1);
    pub(super) const CONTEXT: Self = Self(2);
    pub(super) const STAGE_VARIABLES: Self = Self(3);
    pub(super) const FOREACH: Self = Self(4);
    pub(super) const COUNT: Self = Self(5);
    pub(super) const HAS_NEXT: Self = Self(6);
    pub(super) const BODY_CONTENT: Self = Self(7);

    /// Its index in a table of all slots.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(Box<str>),
    Reference(Reference),
    Set {
        target: Reference,
        value: Expression,
    },
    If {
        arms: Vec<(Expression, Vec<Self>)>,
        otherwise: Vec<Self>,
    },
    Foreach {
        item: Slot,
        source: Expression,
        body: Vec<Self>,
    },
    Define {
        slot: Slot,
        body: Vec<Self>,
    },
    /// A call of a macro by its number in [`Tree::macros`].
    Call {
        called: usize,
        arguments: Vec<Expression>,
        /// The block of `#@name() .. #end`.
        body: Vec<Self>,
    },
    Break,
    Stop,
}

/// A macro; `body` is empty for a name that was called but never defined.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) parameters: Vec<Slot>,
    pub(super) body: Vec<Node>,
    pub(super) defined: bool,
}

/// `$name.property[0].method('x')`.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) slot: Slot,
    pub(super) accesses: Vec<Access>,
    /// What is used when the reference finds nothing: `${name|'other'}`.
    pub(super) alternate: Option<Box<Expression>>,
}

/// One step of a reference.
#[derive(Debug)]
pub(super) enum Access {
    Property(Box<str>),
    Index(Expression),
    Method(Call),
}

/// A call of a method.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: Box<str>,
    pub(super) arguments: Vec<Expression>,
    /// The first argument as a JSONPath, where it is a constant of `$input.json` or `.path`.
    pub(super) path: Option<Result<Path, PathError>>,
    /// The first argument as a regular expression, where it is a constant and not too many others
    /// are kept; made when first needed.
    pub(super) pattern: Option<OnceLock<super::regex::Compiled>>,
}

/// A value to be.
#[derive(Debug)]
pub(super) enum Expression {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// A text without anything to fill in.
    Text(Box<str>),
    /// A text in double quotes with references or directives in it.
    Filled(Vec<Node>),
    List(Vec<Self>),
    Range(Box<(Self, Self)>),
    Map(Vec<(Self, Self)>),
    Reference(Box<Reference>),
    Not(Box<Self>),
    Negative(Box<Self>),
    /// Operators of one strength from left to right. A list, so that a long one is not deep.
    Chain(Box<Self>, Vec<(Operator, Self)>),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
