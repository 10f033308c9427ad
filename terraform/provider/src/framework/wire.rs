//! Schemas and functions as Terraform wants to be told of them.

use super::{
    function::Function,
    schema::{Attribute, Block, Kind, Mode, Nesting, Schema},
};
use crate::{cty::Type, pb};

/// Descriptions are Markdown.
const MARKDOWN: i32 = 1;

pub(crate) fn schema(schema: &Schema) -> pb::Schema {
    pb::Schema {
        version: schema.version,
        block: Some(pb::SchemaBlock {
            version: schema.version,
            attributes: schema.attributes.iter().map(attribute).collect(),
            blocks: schema.blocks.iter().map(block).collect(),
            description: schema.description.clone(),
            description_kind: MARKDOWN,
            deprecated: false,
        }),
    }
}

fn attribute(attribute: &Attribute) -> pb::SchemaAttribute {
    let (ty, nested) = match &attribute.kind {
        Kind::Plain(ty) => (type_bytes(ty), None),
        Kind::Nested(nesting, attributes) => (
            Vec::new(),
            Some(pb::SchemaObject {
                attributes: attributes.iter().map(self::attribute).collect(),
                nesting: number(*nesting),
            }),
        ),
    };
    let mode = attribute.mode;
    pb::SchemaAttribute {
        name: attribute.name.to_owned(),
        r#type: ty,
        description: attribute.description.to_owned(),
        required: mode == Mode::Required,
        optional: matches!(mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: MARKDOWN,
        deprecated: attribute.deprecated,
        nested,
        write_only: attribute.write_only,
    }
}

fn block(block: &Block) -> pb::SchemaNestedBlock {
    let count = |items: usize| i64::try_from(items).unwrap_or(i64::MAX);
    pb::SchemaNestedBlock {
        name: block.name.to_owned(),
        block: Some(pb::SchemaBlock {
            version: 0,
            attributes: block.attributes.iter().map(attribute).collect(),
            blocks: block.blocks.iter().map(self::block).collect(),
            description: block.description.to_owned(),
            description_kind: MARKDOWN,
            deprecated: false,
        }),
        nesting: number(block.nesting),
        min_items: count(block.items_min),
        max_items: count(block.items_max),
    }
}

const fn number(nesting: Nesting) -> i32 {
    match nesting {
        Nesting::Single => 1,
        Nesting::List => 2,
        Nesting::Set => 3,
        Nesting::Map => 4,
    }
}

fn type_bytes(ty: &Type) -> Vec<u8> {
    ty.to_json().to_string().into_bytes()
}

pub(crate) fn function(function: &dyn Function) -> pb::Function {
    let signature = function.signature();
    let parameters = signature
        .parameters
        .iter()
        .map(|parameter| pb::FunctionParameter {
            name: parameter.name.to_owned(),
            r#type: type_bytes(&parameter.ty),
            allow_null: false,
            allow_unknown: false,
            description: parameter.description.to_owned(),
            description_kind: MARKDOWN,
        });
    let mut parameters: Vec<pb::FunctionParameter> = parameters.collect();
    let variadic = if signature.variadic {
        parameters.pop()
    } else {
        None
    };
    pb::Function {
        parameters,
        variadic,
        returned: Some(pb::FunctionReturn {
            r#type: type_bytes(&signature.returns),
        }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_owned(),
        description_kind: MARKDOWN,
        deprecation_message: String::new(),
    }
}
