//! Everything that the provider has, found by name, with its schema made once.

use std::collections::BTreeMap;

use super::{
    function::Function,
    resource::{DataSource, EphemeralResource, Resource},
    schema::Schema,
};
use crate::cty::Type;

/// One kind of thing with its schema.
pub(crate) struct Entry<T: ?Sized> {
    pub(crate) schema: Schema,
    pub(crate) ty: Type,
    pub(crate) it: Box<T>,
}

/// What the provider has.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) resources: BTreeMap<&'static str, Entry<dyn Resource>>,
    pub(crate) data_sources: BTreeMap<&'static str, Entry<dyn DataSource>>,
    pub(crate) ephemerals: BTreeMap<&'static str, Entry<dyn EphemeralResource>>,
    pub(crate) functions: BTreeMap<&'static str, Box<dyn Function>>,
}

fn entry<T: ?Sized>(schema: Schema, it: Box<T>) -> Entry<T> {
    Entry {
        ty: schema.ty(),
        schema,
        it,
    }
}

impl Registry {
    #[must_use]
    pub(crate) fn resources(mut self, all: Vec<Box<dyn Resource>>) -> Self {
        let all = all.into_iter();
        self.resources
            .extend(all.map(|it| (it.name(), entry(it.schema(), it))));
        self
    }

    #[must_use]
    pub(crate) fn data_sources(mut self, all: Vec<Box<dyn DataSource>>) -> Self {
        let all = all.into_iter();
        self.data_sources
            .extend(all.map(|it| (it.name(), entry(it.schema(), it))));
        self
    }

    #[must_use]
    pub(crate) fn ephemerals(mut self, all: Vec<Box<dyn EphemeralResource>>) -> Self {
        let all = all.into_iter();
        self.ephemerals
            .extend(all.map(|it| (it.name(), entry(it.schema(), it))));
        self
    }

    #[must_use]
    pub(crate) fn functions(mut self, all: Vec<Box<dyn Function>>) -> Self {
        self.functions
            .extend(all.into_iter().map(|it| (it.name(), it)));
        self
    }
}
