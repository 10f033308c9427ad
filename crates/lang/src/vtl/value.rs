//! Values of a rendering. Texts and JSON of the inputs are borrowed; what a template makes lives
//! in a [`Heap`] that is dropped as a whole, so that neither cycles nor deep nesting can hurt.

use std::{collections::HashMap, rc::Rc};

use super::overrides::Target;
use crate::json::{Number, View};
use indexmap::IndexMap;

/// A value. Cloning is cheap; lists and maps are shared, as objects are in Java.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Text<'a>),
    /// An array or object of a parsed JSON text, as long as nothing changes it.
    Json(View<'a>),
    List(ListId),
    Map(MapId),
    Entry(EntryId),
    /// `$input`, `$util` and the like.
    Native(Native),
    /// What `#define` has named, by its number in the renderer.
    Block(usize),
}

/// Objects of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    Input,
    Util,
    Context,
    RequestOverride,
    ResponseOverride,
    OverrideMap(Target),
    /// `$foreach` of the loop at this depth.
    Loop(usize),
}

/// A text, of the inputs or made while rendering.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Made(Rc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId(usize);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MapId(usize);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryId(usize);

/// How a list prints: those of JSON documents print as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Java,
    Json,
}

#[derive(Debug)]
pub(super) struct List<'a> {
    pub(super) style: Style,
    pub(super) items: Vec<Value<'a>>,
}

/// A map in order of insertion.
pub(super) type Map<'a> = IndexMap<Text<'a>, Value<'a>>;

/// Lists, maps and entries of one rendering.
#[derive(Debug, Default)]
pub(super) struct Heap<'a> {
    lists: Vec<List<'a>>,
    maps: Vec<Map<'a>>,
    entries: Vec<(Text<'a>, Value<'a>)>,
    /// JSON values that were changed, by their place, and what stands for them since.
    changed: HashMap<View<'a>, Value<'a>>,
}

impl<'a> Text<'a> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl std::hash::Hash for Text<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl<'a> Value<'a> {
    pub(super) const fn text(text: &'a str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(super) fn made(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Made(text.into()))
    }

    /// A count or position; those of this engine are far below the limit of the type.
    pub(super) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A value of a JSON document as templates see it.
    pub(super) fn json(value: View<'a>) -> Self {
        if value.is_container() {
            return Self::Json(value);
        }
        if let Some(text) = value.as_str() {
            return Self::text(text);
        }
        match value.as_number() {
            Some(Number::Integer(number)) => Self::Int(number),
            Some(Number::Float(number)) => Self::Double(number),
            None => value.as_bool().map_or(Self::Null, Self::Bool),
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A value that is kept: nothing is kept as an empty text, as API Gateway does.
    pub(super) fn kept(self) -> Self {
        if self.is_null() { Self::text("") } else { self }
    }
}

impl<'a> Heap<'a> {
    pub(super) fn new_list(&mut self, style: Style, items: Vec<Value<'a>>) -> Value<'a> {
        self.lists.push(List { style, items });
        Value::List(ListId(self.lists.len() - 1))
    }

    pub(super) fn new_map(&mut self, map: Map<'a>) -> Value<'a> {
        self.maps.push(map);
        Value::Map(MapId(self.maps.len() - 1))
    }

    pub(super) fn new_entry(&mut self, key: Text<'a>, value: Value<'a>) -> Value<'a> {
        self.entries.push((key, value));
        Value::Entry(EntryId(self.entries.len() - 1))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made with its list, and none is removed"
    )]
    pub(super) fn list(&self, id: ListId) -> &List<'a> {
        &self.lists[id.0]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made with its list, and none is removed"
    )]
    pub(super) fn list_mut(&mut self, id: ListId) -> &mut Vec<Value<'a>> {
        &mut self.lists[id.0].items
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made with its map, and none is removed"
    )]
    pub(super) fn map(&self, id: MapId) -> &Map<'a> {
        &self.maps[id.0]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made with its map, and none is removed"
    )]
    pub(super) fn map_mut(&mut self, id: MapId) -> &mut Map<'a> {
        &mut self.maps[id.0]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made with its entry; none is removed"
    )]
    pub(super) fn entry(&self, id: EntryId) -> &(Text<'a>, Value<'a>) {
        &self.entries[id.0]
    }

    /// The value itself, or what stands for a JSON value since it was changed.
    pub(super) fn current(&self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Json(json) if !self.changed.is_empty() => {
                self.changed.get(&json).cloned().unwrap_or(value)
            }
            value => value,
        }
    }

    /// A value that can be changed: a JSON value is copied, one level deep, and the copy stands
    /// for it from then on.
    pub(super) fn changeable(&mut self, value: Value<'a>) -> Value<'a> {
        let Value::Json(json) = value else {
            return value;
        };
        if let Some(known) = self.changed.get(&json) {
            return known.clone();
        }
        let copy = if json.is_array() {
            self.new_list(Style::Json, json.items().map(Value::json).collect())
        } else {
            let entry =
                |(key, value): (&'a str, View<'a>)| (Text::Borrowed(key), Value::json(value));
            self.new_map(json.entries().map(entry).collect())
        };
        self.changed.insert(json, copy.clone());
        copy
    }
}
