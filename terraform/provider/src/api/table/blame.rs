//! Which attribute the API means when it refuses a change.
//!
//! The API's refusals are sentences. Most name the field as it is on the wire, some only say the
//! value that they do not like. What is found is where the diagnostic is shown, never more: a
//! sentence that names nothing is shown at the whole resource.

use super::field::{Field, How};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Kind, Nesting, Path, Step},
};

/// Values that are shorter stand in sentences by chance.
const VALUE_CHARS_MIN: usize = 3;

/// One attribute of a configuration, however deep, and what is known of it.
struct Leaf<'o> {
    path: Path,
    /// As the API calls it.
    wire: &'static str,
    name: &'static str,
    value: &'o Value,
    /// The value is one of a few words, which sentences have by chance, and has been checked.
    word: bool,
}

/// The attribute of `object` that `message` is about.
pub(super) fn blamed(fields: &[Field], object: &Value, message: &str) -> Option<Path> {
    let mut leaves = Vec::new();
    gather(fields, object, &Path::default(), &mut leaves);
    let in_word = |c: char| c.is_ascii_alphanumeric() || "._/$~*-".contains(c);
    let words = || {
        message
            .split(|c| !in_word(c))
            .filter(|word| !word.is_empty())
    };
    let route = words().find_map(|word| by_route(fields, word));
    let route = route.or_else(|| words().find_map(|word| by_name(&leaves, word, message)));
    let route = route.or_else(|| by_value(&leaves, message));
    let route = route.or_else(|| by_phrase(&leaves, message));
    let route = route.or_else(|| words().find_map(|word| by_word(&leaves, word)));
    route.or_else(|| words().find_map(|word| by_kind(&leaves, word)))
}

/// Fields that a configuration says.
fn said(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|field| !field.is_answer())
}

fn is_word(attribute: &Attribute) -> bool {
    let mut checks = attribute.checks.iter();
    checks.any(|check| matches!(check, Check::OneOf(_)))
}

/// All attributes that are said, those within others after these.
fn gather<'o>(fields: &[Field], object: &'o Value, at: &Path, leaves: &mut Vec<Leaf<'o>>) {
    for field in said(fields) {
        let name = field.attribute.name;
        let (path, value) = (at.attribute(name), object.attribute(name));
        leaves.push(Leaf {
            path: path.clone(),
            wire: field.wire,
            name,
            value,
            word: is_word(&field.attribute),
        });
        let How::Object(fields) = &field.how else {
            continue;
        };
        match (&field.attribute.kind, value) {
            (Kind::Nested(Nesting::Single, _), _) => gather(fields, value, &path, leaves),
            (Kind::Nested(Nesting::List, _), Value::List(items)) => {
                for (index, item) in (0_i64..).zip(items) {
                    gather(fields, item, &path.then(Step::Index(index)), leaves);
                }
            }
            (Kind::Nested(Nesting::Map, _), Value::Map(items)) => {
                for (key, item) in items {
                    gather(fields, item, &path.then(Step::Key(key.clone())), leaves);
                }
            }
            // Elements of sets have no address: the set is shown.
            (Kind::Nested(Nesting::Set, _), Value::List(items)) => {
                let mut inner = Vec::new();
                for item in items {
                    gather(fields, item, &path, &mut inner);
                }
                for leaf in &mut inner {
                    leaf.path = path.clone();
                }
                leaves.append(&mut inner);
            }
            _ => {}
        }
    }
}

/// Of a way from the top, such as `throttle.burstLimit` or `/throttle/burstLimit`.
fn by_route(fields: &[Field], word: &str) -> Option<Path> {
    let parts: Vec<&str> = word
        .split(['.', '/'])
        .filter(|part| !part.is_empty())
        .collect();
    (0..parts.len()).find_map(|from| {
        let (path, names) = walked(fields, parts.get(from..)?, &Path::default())?;
        (names > 1).then_some(path)
    })
}

/// Of a name that no sentence has by chance, such as `certificateArn`; among several of that name,
/// the one whose value is repeated.
fn by_name(leaves: &[Leaf<'_>], word: &str, message: &str) -> Option<Path> {
    let parts = word.split(['.', '/']).filter(|part| !part.is_empty());
    let mut compound = parts.filter(|part| part.chars().skip(1).any(|c| c.is_ascii_uppercase()));
    compound.find_map(|part| {
        let own = |leaf: &&Leaf<'_>| {
            let last = leaf.wire.rsplit('/').next();
            last.is_some_and(|wire| same(wire, part))
        };
        let repeated = |leaf: &&Leaf<'_>| texts(leaf.value).any(|text| stands_in(text, message));
        let mut named = leaves.iter().filter(own);
        let first = named.clone().next();
        let found = named.find(repeated).or(first)?;
        Some(found.path.clone())
    })
}

/// Of an attribute's name in words, such as `route key`.
fn by_phrase(leaves: &[Leaf<'_>], message: &str) -> Option<Path> {
    let message = message.to_ascii_lowercase();
    let phrase = |leaf: &&Leaf<'_>| {
        leaf.name.contains('_') && stands_in(&leaf.name.replace('_', " "), &message)
    };
    let found = leaves.iter().find(phrase)?;
    Some(found.path.clone())
}

/// Of a plain word, such as `name` or `Schema`.
fn by_word(leaves: &[Leaf<'_>], word: &str) -> Option<Path> {
    let word = word.trim_matches('.');
    let own = |leaf: &&Leaf<'_>| {
        leaf.wire.eq_ignore_ascii_case(word) || leaf.name.eq_ignore_ascii_case(word)
    };
    let found = leaves.iter().find(own)?;
    Some(found.path.clone())
}

/// Of a kind of value such as `ARN`, where just one attribute that is set is called that.
fn by_kind(leaves: &[Leaf<'_>], word: &str) -> Option<Path> {
    if word.len() < VALUE_CHARS_MIN || !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let own = |leaf: &&Leaf<'_>| {
        let last = leaf.name.rsplit('_').next();
        leaf.value.is_set() && last.is_some_and(|last| last.eq_ignore_ascii_case(word))
    };
    let mut named = leaves.iter().filter(own);
    let only = named.next().filter(|_| named.next().is_none())?;
    Some(only.path.clone())
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
        Kind::Nested(Nesting::Set, _) | Kind::Plain(_) => None,
    }
}

/// Sentences begin with a capital.
fn same(wire: &str, part: &str) -> bool {
    let tail = |text: &'_ str| -> String { text.chars().skip(1).collect() };
    wire.eq_ignore_ascii_case(part) && tail(wire) == tail(part)
}

/// The texts that a sentence may repeat: values and keys.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.items().iter().filter_map(Value::as_text);
    let entries = value.map().into_iter().flatten();
    let entries = entries.flat_map(|(key, value)| [Some(key.as_str()), value.as_text()]);
    let own = value.as_text().into_iter();
    own.chain(items).chain(entries.flatten())
}

/// Of the longest value that the sentence repeats. What is within objects comes after these.
fn by_value(leaves: &[Leaf<'_>], message: &str) -> Option<Path> {
    let all = leaves
        .iter()
        .filter(|leaf| !leaf.word)
        .flat_map(|leaf| texts(leaf.value).map(move |text| (text, leaf)));
    let repeated = all.filter(|(text, _)| stands_in(text, message));
    let (_, leaf) = repeated.max_by_key(|(text, _)| text.len())?;
    Some(leaf.path.clone())
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
    fn an_attribute_is_found_in_words_and_in_depth() {
        let api = Some(Path::of("api_id"));
        check("The API id is unknown", api);
        let burst = Path::of("throttle").attribute("burst_limit");
        check("burstLimit must be less", Some(burst));
    }

    #[test]
    fn a_word_is_the_last_thing_that_is_looked_for() {
        check("Model name must be alphanumeric", Some(Path::of("name")));
        check("the status is odd", None);
        check("Invalid ID specified", None);
        check("", None);
    }
}
