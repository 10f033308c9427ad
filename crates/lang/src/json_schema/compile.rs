//! From the JSON of models to nodes.
//!
//! Every schema is compiled once, by its place, and never inside of the compiling of another: the
//! depth of nesting costs nothing, and references in circles end.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{
    Schema, SchemaError,
    document::{Documents, Place, below},
    format::Format,
    node::{Bound, Id, Items, Members, Named, Node, Rule, Types},
};
use crate::pattern_java::Pattern;

/// Most schemas in a model and in all models that it refers to.
pub const NODES_MAX: usize = 20_000;

struct Compiler<'a> {
    documents: Documents<'a>,
    ids: BTreeMap<Place, Id>,
    /// Places by id; those behind the compiled nodes are still to do.
    places: Vec<Place>,
}

/// One schema while it is read.
struct Keywords<'a> {
    place: &'a Place,
    schema: &'a Map<String, Value>,
}

/// A keyword with a value that it cannot have.
struct Wrong(&'static str);

/// Why one schema is not compiled.
enum Fail {
    Here(Wrong),
    Elsewhere(SchemaError),
}

impl From<Wrong> for Fail {
    fn from(wrong: Wrong) -> Self {
        Self::Here(wrong)
    }
}

impl From<SchemaError> for Fail {
    fn from(error: SchemaError) -> Self {
        Self::Elsewhere(error)
    }
}

pub(super) fn compile(name: &str, models: &BTreeMap<String, &str>) -> Result<Schema, SchemaError> {
    let mut compiler = Compiler {
        documents: Documents::new(models),
        ids: BTreeMap::new(),
        places: Vec::new(),
    };
    let place = compiler.documents.model(name)?;
    let root = compiler.id(place)?;
    let mut nodes = Vec::new();
    while let Some(place) = compiler.places.get(nodes.len()).cloned() {
        let document = compiler.documents.document(&place);
        let schema = document.pointer(&place.at).and_then(Value::as_object);
        let node = match schema {
            Some(schema) => compiler.node(&Keywords {
                place: &place,
                schema,
            }),
            None => Err(Fail::Here(Wrong("$schema"))),
        };
        nodes.push(node.map_err(|fail| match fail {
            Fail::Elsewhere(error) => error,
            Fail::Here(Wrong(keyword)) => SchemaError::Keyword {
                model: compiler.documents.name(&place),
                at: place.at.clone(),
                keyword,
            },
        })?);
    }
    Ok(Schema { nodes, root })
}

// === impl Compiler ===

impl Compiler<'_> {
    fn id(&mut self, place: Place) -> Result<Id, SchemaError> {
        let place = self.documents.resolve(place)?;
        if let Some(known) = self.ids.get(&place) {
            return Ok(*known);
        }
        if self.places.len() == NODES_MAX {
            return Err(SchemaError::Size(self.documents.name(&place)));
        }
        let id = self.places.len();
        self.ids.insert(place.clone(), id);
        self.places.push(place);
        Ok(id)
    }

    /// The id of the schema under some keys of a schema.
    fn under(&mut self, schema: &Keywords<'_>, keys: &[&str]) -> Result<Id, SchemaError> {
        let mut at = schema.place.at.clone();
        for key in keys {
            at = below(&at, key);
        }
        self.id(Place {
            document: schema.place.document,
            at,
        })
    }

    fn node(&mut self, schema: &Keywords<'_>) -> Result<Node, Fail> {
        let items = self.items(schema)?;
        let mut rules = Vec::new();
        if let Items::Each(each, None) = &items
            && schema.get("additionalItems") == Some(&Value::Bool(false))
        {
            rules.push(Rule::AdditionalItems(each.len()));
        }
        if schema.closed()? {
            rules.push(Rule::AdditionalProperties);
        }
        rules.extend(self.list(schema, "allOf")?.map(Rule::AllOf));
        rules.extend(self.list(schema, "anyOf")?.map(Rule::AnyOf));
        self.dependencies(schema, &mut rules)?;
        schema.values(&mut rules)?;
        schema.sizes(&mut rules)?;
        schema.numbers(&mut rules)?;
        if schema.get("not").is_some() {
            rules.push(Rule::Not(self.under(schema, &["not"])?));
        }
        rules.extend(self.list(schema, "oneOf")?.map(Rule::OneOf));
        schema.names(&mut rules)?;
        Ok(Node {
            rules,
            items,
            members: self.members(schema)?,
        })
    }

    fn items(&mut self, schema: &Keywords<'_>) -> Result<Items, Fail> {
        let each = match schema.get("items") {
            None => return Ok(Items::Any),
            Some(Value::Array(each)) => each.len(),
            Some(_) => return Ok(Items::All(self.under(schema, &["items"])?)),
        };
        let mut ids = Vec::new();
        for index in 0..each {
            ids.push(self.under(schema, &["items", &index.to_string()])?);
        }
        let other = match schema.get("additionalItems") {
            None | Some(Value::Bool(_)) => None,
            Some(_) => Some(self.under(schema, &["additionalItems"])?),
        };
        Ok(Items::Each(ids, other))
    }

    fn members(&mut self, schema: &Keywords<'_>) -> Result<Members, Fail> {
        let mut named = Vec::new();
        for name in schema.keys("properties")? {
            named.push((
                name.as_str().into(),
                self.under(schema, &["properties", name])?,
            ));
        }
        let mut patterns = Vec::new();
        for text in schema.keys("patternProperties")? {
            let pattern = Pattern::parse_ecma(text).map_err(|_| Wrong("patternProperties"))?;
            patterns.push((pattern, self.under(schema, &["patternProperties", text])?));
        }
        let other = match schema.get("additionalProperties") {
            None | Some(Value::Bool(_)) => None,
            Some(_) => Some(self.under(schema, &["additionalProperties"])?),
        };
        Ok(Members {
            named: Named::new(named),
            patterns,
            other,
        })
    }

    /// The schemas of `allOf` and its like.
    fn list(
        &mut self,
        schema: &Keywords<'_>,
        keyword: &'static str,
    ) -> Result<Option<Vec<Id>>, Fail> {
        let length = match schema.get(keyword) {
            None => return Ok(None),
            Some(Value::Array(all)) if !all.is_empty() => all.len(),
            Some(_) => return Err(Wrong(keyword).into()),
        };
        let mut ids = Vec::new();
        for index in 0..length {
            ids.push(self.under(schema, &[keyword, &index.to_string()])?);
        }
        Ok(Some(ids))
    }

    fn dependencies(&mut self, schema: &Keywords<'_>, rules: &mut Vec<Rule>) -> Result<(), Fail> {
        for name in schema.keys("dependencies")? {
            let needed = schema.get("dependencies").and_then(|all| all.get(name));
            rules.push(match needed {
                Some(Value::Array(_)) => {
                    let names = needed.and_then(strings).ok_or(Wrong("dependencies"))?;
                    Rule::DependsOnMembers(name.clone(), names)
                }
                _ => {
                    let id = self.under(schema, &["dependencies", name])?;
                    Rule::DependsOnSchema(name.clone(), id)
                }
            });
        }
        Ok(())
    }
}

// === impl Keywords ===

impl<'a> Keywords<'a> {
    fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    /// The keys of an object of schemas.
    fn keys(&self, keyword: &'static str) -> Result<Vec<&'a String>, Wrong> {
        match self.get(keyword) {
            None => Ok(Vec::new()),
            Some(Value::Object(object)) => Ok(object.keys().collect()),
            Some(_) => Err(Wrong(keyword)),
        }
    }

    fn closed(&self) -> Result<bool, Wrong> {
        match self.get("additionalProperties") {
            None | Some(Value::Bool(true) | Value::Object(_)) => Ok(false),
            Some(Value::Bool(false)) => Ok(true),
            Some(_) => Err(Wrong("additionalProperties")),
        }
    }

    fn values(&self, rules: &mut Vec<Rule>) -> Result<(), Wrong> {
        match self.get("enum") {
            None => {}
            Some(Value::Array(values)) => rules.push(Rule::Enum(values.clone())),
            Some(_) => return Err(Wrong("enum")),
        }
        if let Some(format) = self.get("format") {
            let name = format.as_str().ok_or(Wrong("format"))?;
            rules.extend(Format::read(name).map(Rule::Format));
        }
        Ok(())
    }

    fn sizes(&self, rules: &mut Vec<Rule>) -> Result<(), Wrong> {
        type Make = fn(u64) -> Rule;
        const SIZES: [(&str, Make); 6] = [
            ("maxItems", Rule::MaxItems),
            ("maxLength", Rule::MaxLength),
            ("maxProperties", Rule::MaxProperties),
            ("minItems", Rule::MinItems),
            ("minLength", Rule::MinLength),
            ("minProperties", Rule::MinProperties),
        ];
        for (keyword, make) in SIZES {
            if let Some(value) = self.get(keyword) {
                rules.push(make(value.as_u64().ok_or(Wrong(keyword))?));
            }
        }
        Ok(())
    }

    fn numbers(&self, rules: &mut Vec<Rule>) -> Result<(), Wrong> {
        if let Some(most) = self.number("maximum")? {
            rules.push(Rule::Maximum(most, self.bound("exclusiveMaximum")?));
        }
        if let Some(least) = self.number("minimum")? {
            rules.push(Rule::Minimum(least, self.bound("exclusiveMinimum")?));
        }
        if let Some(of) = self.number("multipleOf")? {
            if of.as_f64().is_none_or(|of| of <= 0.0) {
                return Err(Wrong("multipleOf"));
            }
            rules.push(Rule::MultipleOf(of));
        }
        Ok(())
    }

    fn names(&self, rules: &mut Vec<Rule>) -> Result<(), Wrong> {
        if let Some(pattern) = self.get("pattern") {
            let text = pattern.as_str().ok_or(Wrong("pattern"))?;
            let pattern = Pattern::parse_ecma(text).map_err(|_| Wrong("pattern"))?;
            rules.push(Rule::Pattern(pattern, text.to_owned()));
        }
        if let Some(required) = self.get("required") {
            let mut names = strings(required).ok_or(Wrong("required"))?;
            names.sort_unstable();
            rules.push(Rule::Required(names));
        }
        if let Some(value) = self.get("type") {
            let one = || value.as_str().map(|name| vec![name.to_owned()]);
            let names = strings(value).or_else(one).ok_or(Wrong("type"))?;
            let mut types = Types::default();
            if names.is_empty() || !names.iter().all(|name| types.add(name)) {
                return Err(Wrong("type"));
            }
            rules.push(Rule::Type(types));
        }
        match self.get("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => rules.push(Rule::UniqueItems),
            Some(_) => return Err(Wrong("uniqueItems")),
        }
        Ok(())
    }

    fn number(&self, keyword: &'static str) -> Result<Option<Number>, Wrong> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(Wrong(keyword)),
        }
    }

    fn bound(&self, keyword: &'static str) -> Result<Bound, Wrong> {
        match self.get(keyword) {
            None | Some(Value::Bool(false)) => Ok(Bound::Inclusive),
            Some(Value::Bool(true)) => Ok(Bound::Exclusive),
            Some(_) => Err(Wrong(keyword)),
        }
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let all = value.as_array()?;
    all.iter()
        .map(|one| one.as_str().map(str::to_owned))
        .collect()
}
