//! Which attribute a refusal of the cluster is about, so that Terraform shows the line.
//!
//! The cluster speaks of values and of fields in words of its own; it knows no configuration. An
//! attribute is pointed at when its value, or else its name, is in what was said; the longest of
//! several, since `domain_name` says more than `name`. Only what is configured is looked at, and
//! nothing hangs on it: without a match the whole block is shown, as it would be anyway.

use super::{
    note::{Note, Path},
    schema::{Attribute, Kind, Nesting, Schema},
};
use crate::cty::Value;

/// Shorter values and names are in too many sentences.
const VALUE_CHARS_MIN: usize = 3;
const NAME_CHARS_MIN: usize = 5;
/// What the cluster says of a document.
const OF_A_DOCUMENT: [&str; 2] = ["Errors found during import", "Warnings found during import"];

/// Says where, unless the note does already.
pub(super) fn pointed(note: Note, schema: &Schema, config: &Value) -> Note {
    if note.path.is_some() || config.map().is_none() {
        return note;
    }
    if OF_A_DOCUMENT
        .iter()
        .any(|words| note.detail.contains(words))
        && config.attribute("body").is_set()
    {
        return note.at(Path::of("body"));
    }
    let said = without_request(&note.detail);
    let mut search = Search {
        said,
        squeezed: squeezed(said),
        value: None,
        name: None,
    };
    search.walk(&schema.attributes, config, &Path::default());
    match search.value.or(search.name) {
        Some((_, path)) => note.at(path),
        None => note,
    }
}

/// What was asked stands behind the message: `.. (CODE, METHOD PATH).`, and has ids in its path.
fn without_request(detail: &str) -> &str {
    const METHODS: [&str; 4] = [", POST /", ", PUT /", ", PATCH /", ", GET /"];
    let of_request = |(_, rest): &(&str, &str)| METHODS.iter().any(|verb| rest.contains(verb));
    let split = detail.rsplit_once(" (").filter(of_request);
    split.map_or(detail, |(message, _)| message)
}

/// Letters and digits alone: `routeKey`, `route key` and `route_key` are one.
fn squeezed(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The longest so far, and where it is.
type Found = Option<(usize, Path)>;

struct Search<'n> {
    said: &'n str,
    squeezed: String,
    value: Found,
    name: Found,
}

impl Search<'_> {
    fn walk(&mut self, attributes: &[Attribute], config: &Value, at: &Path) {
        for attribute in attributes {
            let value = config.attribute(attribute.name);
            if !value.is_set() {
                continue;
            }
            let path = at.attribute(attribute.name);
            let name = squeezed(attribute.name);
            if name.len() >= NAME_CHARS_MIN && self.squeezed.contains(&name) {
                keep(&mut self.name, name.len(), &path);
            }
            match &attribute.kind {
                Kind::Nested(Nesting::Single, inner) => self.walk(inner, value, &path),
                Kind::Nested(..) | Kind::Plain(_) => self.texts(value, &path),
            }
        }
    }

    /// Texts of an attribute, wherever they are in it.
    fn texts(&mut self, value: &Value, path: &Path) {
        match value {
            Value::String(text) if self.says(text) => keep(&mut self.value, text.len(), path),
            Value::List(items) => items.iter().for_each(|item| self.texts(item, path)),
            Value::Map(entries) => entries.values().for_each(|entry| self.texts(entry, path)),
            _ => {}
        }
    }

    /// Whether the text is there as a word or several.
    fn says(&self, text: &str) -> bool {
        let within = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        text.len() >= VALUE_CHARS_MIN
            && self.said.match_indices(text).any(|(at, _)| {
                let before = self
                    .said
                    .get(..at)
                    .and_then(|head| head.chars().next_back());
                let after = self.said.get(at + text.len()..);
                let after = after.and_then(|tail| tail.chars().next());
                !within(before) && !within(after)
            })
    }
}

fn keep(found: &mut Found, length: usize, path: &Path) {
    if found.as_ref().is_none_or(|(known, _)| *known < length) {
        *found = Some((length, path.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Note, Path, Value, pointed};
    use crate::framework::schema::{Attribute, Nesting, Schema};

    fn schema() -> Schema {
        let jwt = [Attribute::text("issuer", "")];
        Schema::new("")
            .with(Attribute::text("body", ""))
            .with(Attribute::text("name", ""))
            .with(Attribute::text("rest_api_id", ""))
            .with(Attribute::text_set("vpc_endpoint_ids", ""))
            .with(Attribute::text_set("target_arns", ""))
            .with(Attribute::text("route_key", ""))
            .with(Attribute::nested(
                "jwt_configuration",
                Nesting::Single,
                "",
                jwt,
            ))
    }

    fn path(detail: &str) -> Option<Path> {
        let texts = |texts: &[&str]| Value::List(texts.iter().map(|text| (*text).into()).collect());
        let config = Value::object()
            .with("body", "{}")
            .with("name", "pets")
            .with("rest_api_id", "nonexist12")
            .with("vpc_endpoint_ids", texts(&["vpce-1"]))
            .with("target_arns", texts(&["nonsense"]))
            .with("route_key", "GETT /x")
            .with(
                "jwt_configuration",
                Value::object().with("issuer", "ftp://id.example"),
            );
        pointed(Note::error("Could not", detail), &schema(), &config).path
    }

    #[test]
    fn values_and_names_tell_the_attribute() {
        for (detail, wanted) in [
            (
                "Invalid API identifier 0:nonexist12 (NotFoundException, POST /x).",
                "rest_api_id",
            ),
            (
                "ARN is not well formed nonsense (BadRequestException, POST /x).",
                "target_arns",
            ),
            (
                "Cannot specify VPC endpoint ids for a non-private endpoint type.",
                "vpc_endpoint_ids",
            ),
            (
                "The route key is not formatted properly: \"GETT\" (B, POST /x).",
                "route_key",
            ),
            (
                "Errors found during import:\n\tunknown value \"pets\" (at /paths).",
                "body",
            ),
        ] {
            assert_eq!(path(detail), Some(Path::of(wanted)), "{detail}");
        }
        let inner = Path::of("jwt_configuration").attribute("issuer");
        assert_eq!(
            path("Invalid issuer: ftp://id.example. It must be a URL"),
            Some(inner)
        );
    }

    #[test]
    fn what_was_asked_tells_nothing() {
        assert_eq!(
            path("Too many stages (LimitExceeded, POST /restapis/nonexist12/stages)."),
            None
        );
        assert_eq!(path("carpets are no matter"), None);
    }
}
