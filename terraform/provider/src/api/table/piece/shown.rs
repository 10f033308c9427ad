//! A kind of object that is only looked at: the data source beside a resource.

use async_trait::async_trait;
use serde_json::Value as Json;

use super::Piece;
use crate::{
    api::table::path::names,
    cty::Value,
    framework::{Attribute, Call, DataSource, Failure, Kind, Mode, Note, Path, Schema},
};

/// A data source with the attributes of a resource: those by which it is imported are asked, the
/// others told.
pub(crate) struct Shown {
    pub(crate) piece: Piece,
    pub(crate) description: &'static str,
}

/// As the API says it; nothing of it is configured.
fn told(attribute: &Attribute) -> Attribute {
    let kind = match &attribute.kind {
        Kind::Plain(ty) => Kind::Plain(ty.clone()),
        Kind::Nested(nesting, of) => Kind::Nested(*nesting, of.iter().map(told).collect()),
    };
    Attribute {
        sensitive: attribute.sensitive,
        mode: Mode::Computed,
        ..Attribute::of(attribute.name, kind, attribute.description)
    }
}

impl Shown {
    fn is_asked(&self, name: &str) -> bool {
        let asked = self.piece.import.0.contains(&name);
        asked || names(self.piece.one).any(|known| known == name)
    }
}

#[async_trait]
impl DataSource for Shown {
    fn name(&self) -> &'static str {
        self.piece.name
    }

    fn schema(&self) -> Schema {
        let mut schema = Schema::new(self.description);
        for field in &self.piece.fields {
            let attribute = &field.attribute;
            if self.is_asked(attribute.name) {
                let description = attribute.description;
                let asked = Attribute::text(attribute.name, description).required();
                schema = schema.with(asked);
            } else if !field.wire.is_empty() && !attribute.write_only {
                schema = schema.with(told(attribute));
            }
        }
        if schema.attribute("id").is_none() {
            schema = schema.with(Attribute::id("Its place."));
        }
        schema
    }

    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let found: Option<Json> = self.piece.look(call, config).await?;
        let Some(found) = found else {
            let noun = self.piece.noun;
            let asked = self.piece.import.0.last().copied().unwrap_or("id");
            let detail = format!("No {noun} is {:?}.", config.text(asked).unwrap_or_default());
            let note = Note::error(format!("There is no such {noun}"), detail);
            return Err(note.at(Path::of(asked)).into());
        };
        let state = self.piece.state(config, &found);
        let attributes = self.schema().attributes.into_iter();
        let attributes = attributes.map(|attribute| attribute.name);
        Ok(attributes.fold(Value::object(), |told, name| {
            let value = if self.is_asked(name) { config } else { &state };
            told.with(name, value.attribute(name).clone())
        }))
    }
}
