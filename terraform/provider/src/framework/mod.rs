//! The framework that resources are written upon.
//!
//! # How to add a resource
//!
//! 1. Write a file beside its family (`api/`, `cluster/`) with a type that implements [`Resource`],
//!    and add it to the family's `resources()` list, which `registry.rs` gathers.
//! 2. `schema()`: `Schema::new("What it is.").with(Attribute::text("name", "..").required())`.
//!    `required`, `computed`, `or_computed` (optional and computed), `or(default)`, otherwise
//!    optional. `replaces` = a change needs a new object. `stable` = once computed it stays (ids,
//!    ARNs): without it, it is shown as unknown whenever anything changes. `write_only` values are
//!    in `config` only; pair them with a `.._version` number that says when they have changed.
//!    Nested objects are `Attribute::nested(..)` (`x = { }`) or `Block::new(..)` (`x { }`); no
//!    computed attributes within sets. `check(..)` for what can be said before planning, `same(..)`
//!    for texts that mean the same though written otherwise.
//! 3. `create` gets the plan (unknowns where the provider says the value) and the configuration.
//!    It returns an object, built with `Value::object().with("id", ..)`. An attribute that is
//!    absent from it stays as planned (or as it was), one that is `Value::Null` becomes null.
//!    Failing after something was made: `Err(Failure::from(note).having(state))`; Terraform then
//!    knows the object and replaces it next time.
//! 4. `read` gets the state (after an import: only what `import` gave), and returns `None` if the
//!    object is gone. Return what the API says: nulls, empty collections and sets are brought into
//!    Terraform's form by `align`.
//! 5. `update` gets prior state, plan and configuration; `delete` succeeds if it is gone already.
//! 6. `plan` (optional) alters the plan after the schema's rules: set what you know to be
//!    unchanged, add to `replace`. `validate` (optional) sees the configuration, unknowns included.
//! 7. Errors are `Note::error("One line", "Sentences: what and what to do").at(Path::of("attr"))`;
//!    `?` on a `Note` gives a `Failure`. Warnings are pushed to `call.notes`.
//! 8. `call.session.client()?` is the management API. A resource that needs no cluster says
//!    `fn in_cluster(&self) -> bool { false }` and is then used without any provider configuration.
//! 9. `call.private` holds small texts between runs that nobody is to see.
//! 10. Run `UPDATE_DOCS=1` with this crate's tests to write its page, and add its configuration to
//!     the acceptance tests: create, no change, update, import, drift, replace, destroy.
//!
//! Terraform runs ten operations at once: nothing may depend on the order of calls.

mod align;
mod check;
mod function;
mod interrupt;
mod note;
mod plan;
mod registry;
mod resource;
mod schema;
mod server;
#[cfg(test)]
mod tests;
mod unpack;
mod wire;

pub(crate) use check::{Check, json};
pub(crate) use function::{Function, Misused, Parameter, Signature};
pub(crate) use interrupt::{is_interrupted, pause};
pub(crate) use note::{Note, Path, Step};
pub(crate) use registry::Registry;
pub(crate) use resource::{
    Call, DataSource, EphemeralResource, Failure, Opened, Planning, Resource,
};
pub(crate) use schema::{Attribute, Block, Kind, Mode, Nesting, Schema};
pub(crate) use server::Provider;
