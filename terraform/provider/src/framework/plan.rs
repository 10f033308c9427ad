//! From what Terraform proposes to what is planned: defaults, unknowns, replacements.
//!
//! Terraform's proposal holds the configuration where that is set and the prior state where it is
//! not. A plan must keep what is configured; the rest is the provider's to say: a default, the
//! prior value, or unknown.

use super::{
    note::Path,
    schema::{Attribute, Block, Kind, Nesting, Schema},
};
use crate::cty::Value;

/// What the schema alone makes of a proposal.
#[derive(Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) value: Value,
    pub(crate) replace: Vec<Path>,
}

/// `proposed` and `config` are objects; `prior` is null when the object is to be made.
pub(crate) fn plan(schema: &Schema, prior: &Value, proposed: &Value, config: &Value) -> Planned {
    let (attributes, blocks) = (schema.attributes.as_slice(), schema.blocks.as_slice());
    let mut value = object(attributes, blocks, prior, proposed, config);
    let changed = value != *prior;
    if changed {
        for attribute in attributes {
            if is_open(attribute, config) && !(attribute.stable && prior.is_set()) {
                value.set(attribute.name, Value::Unknown);
            }
        }
    }
    let mut replace = Vec::new();
    if prior.is_set() {
        let at = Path::default();
        replacements(attributes, prior, &value, &at, &mut replace);
    }
    Planned { value, replace }
}

/// Whether the provider alone says what it is.
fn is_open(attribute: &Attribute, config: &Value) -> bool {
    let configured = !config.attribute(attribute.name).is_null();
    attribute.is_computed() && attribute.default.is_none() && !configured
}

fn object(
    attributes: &[Attribute],
    blocks: &[Block],
    prior: &Value,
    proposed: &Value,
    config: &Value,
) -> Value {
    let mut value = Value::object();
    for attribute in attributes {
        let name = attribute.name;
        let parts = Parts {
            prior: prior.attribute(name),
            proposed: proposed.attribute(name),
            config: config.attribute(name),
        };
        value.set(name, field(attribute, parts, prior.is_set()));
    }
    for block in blocks {
        let name = block.name;
        let parts = Parts {
            prior: prior.attribute(name),
            proposed: proposed.attribute(name),
            config: config.attribute(name),
        };
        let of = (block.attributes.as_slice(), block.blocks.as_slice());
        value.set(name, nested(block.nesting, of, parts));
    }
    value
}

/// The same place in the three values that a plan is made of.
#[derive(Clone, Copy)]
struct Parts<'v> {
    prior: &'v Value,
    proposed: &'v Value,
    config: &'v Value,
}

/// `known` says that the object around it exists, so that a null is its value and not a gap.
fn field(attribute: &Attribute, parts: Parts<'_>, known: bool) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    if parts.config.is_null() {
        if let Some(default) = &attribute.default {
            return default.clone();
        }
        if attribute.is_computed() {
            let value = if known { parts.prior } else { parts.proposed };
            let gap = value.is_null() && !known;
            return if gap { Value::Unknown } else { value.clone() };
        }
    }
    let value = match &attribute.kind {
        Kind::Plain(_) => parts.proposed.clone(),
        Kind::Nested(nesting, attributes) => nested(*nesting, (attributes, &[]), parts),
    };
    let comparable = parts.prior.is_set() && value.is_known();
    match attribute.same {
        Some(same) if comparable && same(parts.prior, &value) => parts.prior.clone(),
        _ => value,
    }
}

fn nested(
    nesting: Nesting,
    (attributes, blocks): (&[Attribute], &[Block]),
    parts: Parts<'_>,
) -> Value {
    let one = |parts: Parts<'_>| {
        if parts.proposed.is_set() {
            object(
                attributes,
                blocks,
                parts.prior,
                parts.proposed,
                parts.config,
            )
        } else {
            parts.proposed.clone()
        }
    };
    match (nesting, parts.proposed) {
        (Nesting::Single, _) => one(parts),
        // Elements of a set have nothing by which an old one could be found again: what is
        // configured is all there is.
        (Nesting::Set, Value::List(_)) => {
            let items = parts.config.items().iter().map(|item| {
                let prior = &Value::Null;
                one(Parts {
                    prior,
                    proposed: item,
                    config: item,
                })
            });
            Value::List(items.collect())
        }
        (Nesting::List, Value::List(items)) => {
            let items = items.iter().enumerate().map(|(index, proposed)| {
                let at = |value: &'_ Value| value.items().get(index).cloned();
                one(Parts {
                    prior: &at(parts.prior).unwrap_or(Value::Null),
                    proposed,
                    config: &at(parts.config).unwrap_or(Value::Null),
                })
            });
            Value::List(items.collect())
        }
        (Nesting::Map, Value::Map(items)) => {
            let items = items.iter().map(|(key, proposed)| {
                let parts = Parts {
                    prior: parts.prior.attribute(key),
                    proposed,
                    config: parts.config.attribute(key),
                };
                (key.clone(), one(parts))
            });
            Value::Map(items.collect())
        }
        (_, other) => other.clone(),
    }
}

/// The attributes whose change needs a new object.
fn replacements(
    attributes: &[Attribute],
    prior: &Value,
    planned: &Value,
    at: &Path,
    replace: &mut Vec<Path>,
) {
    for attribute in attributes {
        let name = attribute.name;
        let (old, new) = (prior.attribute(name), planned.attribute(name));
        if old == new {
            continue;
        }
        let at = at.attribute(name);
        if attribute.replaces {
            replace.push(at);
        } else if let Kind::Nested(Nesting::Single, attributes) = &attribute.kind {
            replacements(attributes, old, new, &at, replace);
        }
    }
}
