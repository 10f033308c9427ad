//! A value within a document.

use std::hash::{Hash, Hasher};

use serde_json::{Map, Value};

use super::{Document, Kind, Node};

/// A value within a document; as cheap to copy as a reference.
#[derive(Debug, Clone, Copy)]
pub struct View<'d> {
    document: &'d Document<'d>,
    at: usize,
}

/// A number, as exact as a machine has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// One without a fraction that fits.
    Integer(i64),
    /// Any other.
    Float(f64),
}

/// The elements of a list.
#[derive(Debug, Clone)]
pub struct Items<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Entries<'d>(Items<'d>);

/// The same place, not the same value.
impl PartialEq for View<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.at == other.at
    }
}

impl Eq for View<'_> {}

impl Hash for View<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (std::ptr::from_ref(self.document) as usize, self.at).hash(state);
    }
}

impl<'d> View<'d> {
    pub(super) const fn new(document: &'d Document<'d>, at: usize) -> Self {
        Self { document, at }
    }

    fn node(self) -> Node {
        let null = Node { what: 0, end: 0 };
        self.document
            .notes
            .nodes
            .get(self.at)
            .copied()
            .unwrap_or(null)
    }

    fn kind(self) -> Kind {
        self.node().kind()
    }

    /// The number of the value behind this one.
    fn behind(self) -> usize {
        let node = self.node();
        match node.kind() {
            Kind::Array | Kind::Object => node.end(),
            _ => self.at + 1,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether it is a list or an object.
    #[must_use]
    pub fn is_container(self) -> bool {
        matches!(self.kind(), Kind::Array | Kind::Object)
    }

    /// A truth value.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A text.
    #[must_use]
    pub fn as_str(self) -> Option<&'d str> {
        let node = self.node();
        let from = match node.kind() {
            Kind::Text => &*self.document.text,
            Kind::Decoded => &self.document.notes.decoded,
            _ => return None,
        };
        from.get(node.start()..node.end())
    }

    /// A text that is written as it is, without escapes.
    #[must_use]
    pub fn as_plain_str(self) -> Option<&'d str> {
        match self.kind() {
            Kind::Text => self.as_str(),
            _ => None,
        }
    }

    /// A number.
    #[must_use]
    pub fn as_number(self) -> Option<Number> {
        let kind = self.kind();
        if !matches!(kind, Kind::Integer | Kind::Float) {
            return None;
        }
        let written = self.written();
        if kind == Kind::Integer
            && let Some(number) = integer(written)
        {
            return Some(Number::Integer(number));
        }
        written.parse().ok().map(Number::Float)
    }

    /// A number as floating.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "as Java widens a long to a double"
    )]
    pub fn as_f64(self) -> Option<f64> {
        Some(match self.as_number()? {
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        })
    }

    /// The digits of a number without fraction or exponent, as they are written.
    #[must_use]
    pub fn as_integer_digits(self) -> Option<&'d str> {
        (self.kind() == Kind::Integer).then(|| self.written())
    }

    /// A number or a word as it is written; nothing for texts, lists and objects.
    #[must_use]
    pub fn written(self) -> &'d str {
        let node = self.node();
        match node.kind() {
            Kind::Text | Kind::Decoded | Kind::Array | Kind::Object => "",
            _ => self
                .document
                .text
                .get(node.start()..node.end())
                .unwrap_or_default(),
        }
    }

    /// How many elements or members it has; nothing else has any.
    #[must_use]
    pub fn len(self) -> usize {
        if !self.is_container() {
            return 0;
        }
        self.document
            .notes
            .nodes
            .get(self.at + 1)
            .map_or(0, |node| node.end())
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// About how many values it holds, itself included.
    #[must_use]
    pub fn weight(self) -> usize {
        self.behind().saturating_sub(self.at)
    }

    /// The elements of a list; nothing else has any.
    #[must_use]
    pub fn items(self) -> Items<'d> {
        self.parts(self.is_array())
    }

    /// The members of an object; nothing else has any.
    #[must_use]
    pub fn entries(self) -> Entries<'d> {
        Entries(self.parts(self.is_object()))
    }

    /// What is in an object or list.
    fn parts(self, is_there: bool) -> Items<'d> {
        Items {
            document: self.document,
            at: self.at + 2,
            end: if is_there { self.behind() } else { 0 },
        }
    }

    /// The member of this name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        self.entries()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The element at this place; takes as long as there are elements before.
    #[must_use]
    pub fn element(self, index: usize) -> Option<Self> {
        if index >= self.len() {
            return None;
        }
        self.items().nth(index)
    }

    /// The value as a tree of its own.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Text | Kind::Decoded => Value::from(self.as_str().unwrap_or_default()),
            Kind::Integer | Kind::Float => serde_json::from_str(self.written()).unwrap_or_default(),
            Kind::Array => self.items().map(Self::to_value).collect(),
            Kind::Object => {
                let members = self.entries();
                let members = members.map(|(name, value)| (name.to_owned(), value.to_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Whether two values are the same: members in any order, whole numbers apart from others.
    #[must_use]
    pub fn equals(self, other: Self) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Text | Kind::Decoded, _) => {
                other.as_str().is_some() && self.as_str() == other.as_str()
            }
            (Kind::Integer, Kind::Integer) | (Kind::Float, Kind::Float) => {
                self.as_number() == other.as_number()
            }
            (Kind::Array, Kind::Array) => {
                let mut pairs = self.items().zip(other.items());
                self.len() == other.len() && pairs.all(|(one, other)| one.equals(other))
            }
            (Kind::Object, Kind::Object) => {
                let same = |(name, one): (&str, Self)| {
                    other.get(name).is_some_and(|other| one.equals(other))
                };
                self.len() == other.len() && self.entries().all(same)
            }
            (one, other) => one == other,
        }
    }
}

/// Digits as a number, where they fit.
fn integer(written: &str) -> Option<i64> {
    written.parse().ok()
}

impl<'d> Iterator for Items<'d> {
    type Item = View<'d>;

    fn next(&mut self) -> Option<View<'d>> {
        if self.at >= self.end {
            return None;
        }
        let view = View::new(self.document, self.at);
        self.at = view.behind();
        Some(view)
    }
}

impl Items<'_> {
    /// Whether none is left.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.at >= self.end
    }
}

impl<'d> Iterator for Entries<'d> {
    type Item = (&'d str, View<'d>);

    fn next(&mut self) -> Option<(&'d str, View<'d>)> {
        let name = self.0.next()?;
        let value = self.0.next()?;
        Some((name.as_str().unwrap_or_default(), value))
    }
}

impl Entries<'_> {
    /// Whether none is left.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.0.is_over()
    }
}
