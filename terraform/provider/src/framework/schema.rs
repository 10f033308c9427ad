//! Schemas: what may be written in a block, what the provider fills in, and what a change means.
//!
//! A schema is data. `plan` and `check` act on it, `wire` and `docs` show it.

use std::collections::BTreeMap;

use super::check::Check;
use crate::cty::{Type, Value};

/// Everything about one kind of resource, data source, ephemeral or the provider's own block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// Grows when stored states have to be rewritten.
    pub(crate) version: i64,
    /// Markdown.
    pub(crate) description: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
}

/// Who gives an attribute its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The configuration has to.
    Required,
    /// The configuration may; null otherwise.
    Optional,
    /// The provider does.
    Computed,
    /// The configuration may, the provider does otherwise.
    OptionalComputed,
}

/// What an attribute holds.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Plain(Type),
    /// Objects with attributes of their own.
    Nested(Nesting, Vec<Attribute>),
}

/// How many objects there are, and how they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    Single,
    List,
    Set,
    /// Of attributes only.
    Map,
}

/// Whether two values mean the same, however they are written.
pub(crate) type Same = fn(&Value, &Value) -> bool;

/// One attribute.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) mode: Mode,
    /// Markdown.
    pub(crate) description: &'static str,
    pub(crate) default: Option<Value>,
    pub(crate) sensitive: bool,
    pub(crate) write_only: bool,
    /// A change makes a new object.
    pub(crate) replaces: bool,
    /// Once computed, no change of other attributes alters it.
    pub(crate) stable: bool,
    pub(crate) deprecated: bool,
    pub(crate) checks: Vec<Check>,
    pub(crate) same: Option<Same>,
}

/// A block within a block, such as `route { .. }`.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) name: &'static str,
    pub(crate) nesting: Nesting,
    pub(crate) description: &'static str,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Self>,
    pub(crate) items_min: usize,
    /// 0 is any number.
    pub(crate) items_max: usize,
}

impl Schema {
    pub(crate) fn new(description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    #[must_use]
    pub(crate) fn all(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    #[must_use]
    #[cfg_attr(not(test), expect(dead_code, reason = "no resource has blocks by now"))]
    pub(crate) fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    pub(crate) fn ty(&self) -> Type {
        object_type(&self.attributes, &self.blocks)
    }

    /// An object of this schema in which nothing is set.
    pub(crate) fn empty(&self) -> Value {
        let mut value = Value::object();
        for attribute in &self.attributes {
            value.set(attribute.name, Value::Null);
        }
        for block in &self.blocks {
            value.set(block.name, block.none());
        }
        value
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|known| known.name == name)
    }
}

pub(crate) fn object_type(attributes: &[Attribute], blocks: &[Block]) -> Type {
    let attributes = attributes.iter().map(|one| (one.name, one.ty()));
    let blocks = blocks.iter().map(|one| (one.name, one.ty()));
    let all = attributes.chain(blocks);
    let all: BTreeMap<String, Type> = all.map(|(name, ty)| (name.to_owned(), ty)).collect();
    Type::Object(all)
}

fn nested_type(nesting: Nesting, of: Type) -> Type {
    match nesting {
        Nesting::Single => of,
        Nesting::List => Type::list(of),
        Nesting::Set => Type::set(of),
        Nesting::Map => Type::map(of),
    }
}

impl Attribute {
    /// A plain attribute that may be left out.
    pub(crate) fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self::of(name, Kind::Plain(ty), description)
    }

    pub(crate) fn of(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            mode: Mode::Optional,
            description,
            default: None,
            sensitive: false,
            write_only: false,
            replaces: false,
            stable: false,
            deprecated: false,
            checks: Vec::new(),
            same: None,
        }
    }

    pub(crate) fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::String, description)
    }

    pub(crate) fn flag(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::Bool, description)
    }

    pub(crate) fn number(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::Number, description)
    }

    /// A map of texts.
    pub(crate) fn texts_by_name(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::map(Type::String), description)
    }

    /// A set of texts: their order means nothing.
    pub(crate) fn text_set(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::set(Type::String), description)
    }

    /// A list of texts: their order means something.
    pub(crate) fn text_list(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::list(Type::String), description)
    }

    /// Objects with attributes of their own, written `name = { .. }` or a collection of those.
    pub(crate) fn nested(
        name: &'static str,
        nesting: Nesting,
        description: &'static str,
        attributes: impl IntoIterator<Item = Self>,
    ) -> Self {
        let attributes = attributes.into_iter().collect();
        Self::of(name, Kind::Nested(nesting, attributes), description)
    }

    #[must_use]
    pub(crate) fn required(mut self) -> Self {
        self.mode = Mode::Required;
        self
    }

    #[must_use]
    pub(crate) fn computed(mut self) -> Self {
        self.mode = match self.mode {
            Mode::Optional if self.default.is_none() => Mode::Computed,
            mode => mode,
        };
        self
    }

    /// What the configuration leaves out is the cluster's to say.
    #[must_use]
    pub(crate) fn or_computed(mut self) -> Self {
        self.mode = Mode::OptionalComputed;
        self
    }

    #[must_use]
    pub(crate) fn or(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self.mode = Mode::OptionalComputed;
        self
    }

    #[must_use]
    pub(crate) fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Only ever in the configuration: never in a plan or state.
    #[must_use]
    pub(crate) fn write_only(mut self) -> Self {
        self.write_only = true;
        self
    }

    #[must_use]
    pub(crate) fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }

    #[must_use]
    pub(crate) fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    #[must_use]
    pub(crate) fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Two values that `same` calls the same are no change.
    #[must_use]
    pub(crate) fn same(mut self, same: Same) -> Self {
        self.same = Some(same);
        self
    }

    /// The `id` that every object has.
    pub(crate) fn id(description: &'static str) -> Self {
        Self::text("id", description).computed().stable()
    }

    pub(crate) fn ty(&self) -> Type {
        match &self.kind {
            Kind::Plain(ty) => ty.clone(),
            Kind::Nested(nesting, attributes) => {
                nested_type(*nesting, object_type(attributes, &[]))
            }
        }
    }

    pub(crate) fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }
}

impl Block {
    #[cfg_attr(not(test), expect(dead_code, reason = "no resource has blocks by now"))]
    pub(crate) fn new(
        name: &'static str,
        nesting: Nesting,
        description: &'static str,
        attributes: impl IntoIterator<Item = Attribute>,
    ) -> Self {
        Self {
            name,
            nesting,
            description,
            attributes: attributes.into_iter().collect(),
            blocks: Vec::new(),
            items_min: 0,
            items_max: 0,
        }
    }

    pub(crate) fn ty(&self) -> Type {
        nested_type(self.nesting, object_type(&self.attributes, &self.blocks))
    }

    /// What a block is that was not written: never null where there may be several.
    pub(crate) const fn none(&self) -> Value {
        match self.nesting {
            Nesting::Single => Value::Null,
            Nesting::List | Nesting::Set | Nesting::Map => Value::List(Vec::new()),
        }
    }
}
