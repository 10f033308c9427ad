//! Values, and how code reads and fills them.
//!
//! A list, a set and a tuple look alike here, and so do a map and an object: the schema says which
//! it is, and only the codec has to know.

use std::collections::BTreeMap;

use super::Type;

/// A number as Terraform has it: of any size, so that the odd ones stay text.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
    /// Decimal digits of what fits in neither.
    Text(String),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => self.real() == other.real(),
        }
    }
}

impl Number {
    /// The usual form of a number that is written in decimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        let real: f64 = text.parse().ok().filter(|real: &f64| real.is_finite())?;
        // What a double cannot hold without loss stays as it is.
        let exact = real.to_string() == text.trim_start_matches('+');
        Some(if exact {
            Self::of(real)
        } else {
            Self::Text(text.to_owned())
        })
    }

    /// A whole number if it is one.
    pub(crate) fn of(real: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if real.fract() == 0.0 && real.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
            return Self::Whole(real as i64);
        }
        Self::Real(real)
    }

    pub(crate) fn real(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "only compared with doubles")]
            Self::Whole(whole) => *whole as f64,
            Self::Real(real) => *real,
            Self::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }
}

/// A value of any type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// Not known before something else has been applied.
    Unknown,
    Bool(bool),
    Number(Number),
    String(String),
    /// List, set or tuple.
    List(Vec<Self>),
    /// Map or object.
    Map(BTreeMap<String, Self>),
    /// The value of a dynamic type, with the type it has.
    Typed(Box<Type>, Box<Self>),
}

/// What `attribute` gives for what is not there.
static NULL: Value = Value::Null;

impl Value {
    /// An object without attributes, to be filled by `set`.
    pub(crate) const fn object() -> Self {
        Self::Map(BTreeMap::new())
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Neither null nor unknown.
    pub(crate) const fn is_set(&self) -> bool {
        !self.is_null() && !self.is_unknown()
    }

    /// A collection without elements.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(items) => items.is_empty(),
            _ => false,
        }
    }

    /// Whether nothing in it is unknown.
    pub(crate) fn is_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::List(items) => items.iter().all(Self::is_known),
            Self::Map(items) => items.values().all(Self::is_known),
            Self::Typed(_, value) => value.is_known(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
        }
    }

    /// An attribute of an object; null where there is none.
    pub(crate) fn attribute(&self, name: &str) -> &Self {
        self.map().and_then(|map| map.get(name)).unwrap_or(&NULL)
    }

    /// Sets an attribute of an object; nothing else has attributes.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Self>) {
        if let Self::Map(map) = self {
            map.insert(name.to_owned(), value.into());
        }
    }

    /// As `set`, in a chain.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn map(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The elements of a list or set; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_whole(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Whole(whole)) => Some(*whole),
            _ => None,
        }
    }

    pub(crate) const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// An attribute that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).as_text()
    }

    /// An attribute that is a whole number.
    pub(crate) fn whole(&self, name: &str) -> Option<i64> {
        self.attribute(name).as_whole()
    }

    /// An attribute that is true or false.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.attribute(name).as_bool()
    }

    /// The texts of an attribute that is a list or set of them.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.attribute(name).items().iter();
        items.filter_map(Self::as_text).map(str::to_owned).collect()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(whole: i64) -> Self {
        Self::Number(Number::Whole(whole))
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Number(Number::of(real))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<BTreeMap<String, T>> for Value {
    fn from(items: BTreeMap<String, T>) -> Self {
        let items = items.into_iter().map(|(name, item)| (name, item.into()));
        Self::Map(items.collect())
    }
}
