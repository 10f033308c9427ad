//! Which attribute the API means when it refuses a change.
//!
//! The API's refusals are sentences. Most name the field as it is on the wire, some only say the
//! value that they do not like. What is found is where the diagnostic is shown, never more: a
//! sentence that names nothing is shown at the whole resource.

use super::field::{Field, How};
use crate::{
    cty::Value,
    framework::{Kind, Nesting, Path, Step},
};

/// Values that are shorter stand in sentences by chance.
const VALUE_CHARS_MIN: usize = 3;

/// The attribute of `object` that `message` is about.
pub(super) fn blamed(fields: &[Field], object: &Value, message: &str) -> Option<Path> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || "._/$~*-".contains(c);
    let words = || {
        message
            .split(|c| !in_word(c))
            .filter(|word| !word.is_empty())
    };
    let named = words().find_map(|word| by_name(fields, word));
    let named = named.or_else(|| by_value(fields, object, message));
    named.or_else(|| words().find_map(|word| by_word(fields, word)))
}

/// Fields that a configuration says.
fn said(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|field| !field.is_answer())
}

/// Of a name that no sentence has by chance: `throttle.burstLimit`, `certificateArn`.
fn by_name(fields: &[Field], word: &str) -> Option<Path> {
    let parts: Vec<&str> = word
        .split(['.', '/'])
        .filter(|part| !part.is_empty())
        .collect();
    (0..parts.len()).find_map(|from| {
        let parts = parts.get(from..)?;
        let (path, names) = walked(fields, parts, &Path::default())?;
        let compound = |part: &&str| part.chars().skip(1).any(|c| c.is_ascii_uppercase());
        let sure = names > 1 || parts.iter().take(names).any(compound);
        sure.then_some(path)
    })
}

/// Of a plain word, such as `name` or `Schema`.
fn by_word(fields: &[Field], word: &str) -> Option<Path> {
    let word = word.trim_matches('.');
    let found = said(fields).find(|field| field.wire.eq_ignore_ascii_case(word))?;
    Some(Path::of(found.attribute.name))
}

/// The deepest attribute that the parts lead to, and how many of them are names.
fn walked(fields: &[Field], parts: &[&str], at: &Path) -> Option<(Path, usize)> {
    said(fields).find_map(|field| {
        let wire: Vec<&str> = field.wire.split('/').collect();
        let begins = parts.len() >= wire.len()
            && wire.iter().zip(parts).all(|(wire, part)| same(wire, part));
        if field.wire.is_empty() || !begins {
            return None;
        }
        let at = at.attribute(field.attribute.name);
        let rest = parts.get(wire.len()..).unwrap_or_default();
        let below = below(field, rest, &at);
        Some(below.map_or((at, wire.len()), |(path, more)| (path, wire.len() + more)))
    })
}

/// Into an object of the field.
fn below(field: &Field, rest: &[&str], at: &Path) -> Option<(Path, usize)> {
    let How::Object(fields) = &field.how else {
        return None;
    };
    let (first, later) = rest.split_first()?;
    match &field.attribute.kind {
        Kind::Nested(Nesting::Single, _) => walked(fields, rest, at),
        Kind::Nested(Nesting::Map, _) => {
            let at = at.then(Step::Key((*first).to_owned()));
            walked(fields, later, &at)
        }
        Kind::Nested(Nesting::List, _) => {
            let at = at.then(Step::Index(first.parse().ok()?));
            walked(fields, later, &at)
        }
        // Elements of sets have no address.
        Kind::Nested(Nesting::Set, _) | Kind::Plain(_) => None,
    }
}

/// Sentences begin with a capital.
fn same(wire: &str, part: &str) -> bool {
    let tail = |text: &'_ str| -> String { text.chars().skip(1).collect() };
    wire.eq_ignore_ascii_case(part) && tail(wire) == tail(part)
}

/// Of the longest value that the sentence repeats.
fn by_value(fields: &[Field], object: &Value, message: &str) -> Option<Path> {
    let values = said(fields).flat_map(|field| {
        let name = field.attribute.name;
        let value = object.attribute(name);
        let texts = value.as_text().into_iter().map(str::to_owned);
        let texts = texts.chain(value.items().iter().filter_map(|item| {
            let text = item.as_text()?;
            Some(text.to_owned())
        }));
        texts.map(move |text| (text, name))
    });
    let repeated = values.filter(|(text, _)| stands_in(text, message));
    let longest = repeated.max_by_key(|(text, _)| text.len())?;
    Some(Path::of(longest.1))
}

/// Whether a text stands in a sentence as a whole.
fn stands_in(text: &str, message: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
    let mut pieces = message.split(text);
    let Some(mut before) = pieces.next().filter(|_| text.len() >= VALUE_CHARS_MIN) else {
        return false;
    };
    pieces.any(|after| {
        let whole = !part(before.chars().next_back()) && !part(after.chars().next());
        before = after;
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::{Field, blamed};
    use crate::{
        cty::Value,
        framework::{Attribute, Nesting, Path, Step},
    };

    fn fields() -> Vec<Field> {
        let limit = || Field::plain(Attribute::number("burst_limit", ""), "burstLimit");
        let text = |name, wire| Field::plain(Attribute::text(name, ""), wire);
        vec![
            text("name", "name"),
            text("uri", "integrationUri"),
            text("address_type", "endpointConfiguration/ipAddressType"),
            Field::object("throttle", "throttle", "", vec![limit()]),
            Field::nested(Nesting::Map, "routes", "routeSettings", "", vec![limit()]),
            Field::local(Attribute::text("api_id", "")),
            Field::plain(Attribute::text("status", "").computed(), "status"),
        ]
    }

    #[track_caller]
    fn check(message: &str, expected: Option<Path>) {
        let object = Value::object()
            .with("api_id", "a1b2c3")
            .with("name", "pets");
        let found = blamed(&fields(), &object, message);
        assert_eq!(found, expected, "{message}");
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        check("integrationUri must be given", Some(Path::of("uri")));
        check("IntegrationUri is required", Some(Path::of("uri")));
        let burst = Path::of("throttle").attribute("burst_limit");
        check("throttle.burstLimit must be less", Some(burst.clone()));
        check("Invalid patch path /throttle/burstLimit", Some(burst));
        let key = Path::of("routes").then(Step::Key("$default".to_owned()));
        let expected = Some(key.attribute("burst_limit"));
        check("routeSettings.$default.burstLimit is odd", expected);
        let place = "createApiInput.endpointConfiguration.ipAddressType";
        let message = format!("Value 'x' at '{place}' failed");
        check(&message, Some(Path::of("address_type")));
    }

    #[test]
    fn an_attribute_is_found_by_its_value() {
        let message = "Invalid API identifier specified a1b2c3";
        check(message, Some(Path::of("api_id")));
        check("there is another called pets.", Some(Path::of("name")));
        check("there are petshops", None);
    }

    #[test]
    fn a_word_is_the_last_thing_that_is_looked_for() {
        check("Model name must be alphanumeric", Some(Path::of("name")));
        check("the status is odd", None);
        check("", None);
    }
}
