//! One attribute and the field of the API that it is.

use crate::framework::{Attribute, Kind, Mode, Nesting};

/// How a field is written.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// As one value.
    Plain,
    /// A list of texts whose items are added and removed one by one.
    Items,
    /// An object of texts whose entries are altered one by one. New ones are `add`ed, or else put
    /// in place by `replace`.
    Entries { add: bool },
    /// An object with fields of its own.
    Object(Vec<Field>),
    /// Nowhere: the attribute is of the path, or Terraform's own.
    Local,
}

/// An attribute and its field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) attribute: Attribute,
    /// The field's name, or the names on the way to it with `/` between.
    pub(crate) wire: &'static str,
    pub(crate) how: How,
    /// Said when the object is made and never altered.
    pub(crate) once: bool,
    /// Answered, but said by hooks alone.
    pub(crate) silent: bool,
    /// Where a `DELETE` takes it away, below the object's path: with an entry's key at the end
    /// where it has entries. Partial documents cannot take such fields away.
    pub(crate) removed_at: Option<&'static str>,
}

impl Field {
    pub(crate) fn plain(attribute: Attribute, wire: &'static str) -> Self {
        Self {
            attribute,
            wire,
            how: How::Plain,
            once: false,
            silent: false,
            removed_at: None,
        }
    }

    pub(crate) fn items(attribute: Attribute, wire: &'static str) -> Self {
        Self {
            how: How::Items,
            ..Self::plain(attribute, wire)
        }
    }

    /// Entries that `add` makes.
    pub(crate) fn entries(attribute: Attribute, wire: &'static str) -> Self {
        Self {
            how: How::Entries { add: true },
            ..Self::plain(attribute, wire)
        }
    }

    /// Entries that `replace` makes.
    pub(crate) fn variables(attribute: Attribute, wire: &'static str) -> Self {
        Self {
            how: How::Entries { add: false },
            ..Self::plain(attribute, wire)
        }
    }

    pub(crate) fn local(attribute: Attribute) -> Self {
        Self {
            how: How::Local,
            ..Self::plain(attribute, "")
        }
    }

    /// One object, written `name = { .. }`.
    pub(crate) fn object(
        name: &'static str,
        wire: &'static str,
        description: &'static str,
        fields: Vec<Self>,
    ) -> Self {
        Self::nested(Nesting::Single, name, wire, description, fields)
    }

    /// Objects in a collection.
    pub(crate) fn nested(
        nesting: Nesting,
        name: &'static str,
        wire: &'static str,
        description: &'static str,
        fields: Vec<Self>,
    ) -> Self {
        let attributes = fields.iter().map(|field| field.attribute.clone());
        let attribute = Attribute::nested(name, nesting, description, attributes);
        Self {
            how: How::Object(fields),
            ..Self::plain(attribute, wire)
        }
    }

    #[must_use]
    pub(crate) fn or_computed(mut self) -> Self {
        self.attribute = self.attribute.or_computed();
        self
    }

    /// Said once; a change makes a new object.
    #[must_use]
    pub(crate) fn once(mut self) -> Self {
        self.attribute = self.attribute.replaces();
        self.once = true;
        self
    }

    #[must_use]
    pub(crate) fn required(mut self) -> Self {
        self.attribute = self.attribute.required();
        self
    }

    /// Taken away by a `DELETE` at this path below the object.
    #[must_use]
    pub(crate) const fn removed_at(mut self, below: &'static str) -> Self {
        self.removed_at = Some(below);
        self
    }

    /// Whether it has entries with keys.
    pub(crate) const fn has_entries(&self) -> bool {
        let map = matches!(self.attribute.kind, Kind::Nested(Nesting::Map, _));
        map || matches!(self.how, How::Entries { .. })
    }

    pub(crate) fn is_single(&self) -> bool {
        matches!(self.attribute.kind, Kind::Nested(Nesting::Single, _))
    }

    /// Whether the API says it and nobody else.
    pub(crate) fn is_answer(&self) -> bool {
        self.attribute.mode == Mode::Computed
    }
}
