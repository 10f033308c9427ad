//! The plan engine and the alignment of answers, by schemas of a few lines.

use proptest::prelude::*;

use super::{
    Attribute, Block, Check, Nesting, Path, Schema, align::align, check, plan::plan, schema::Mode,
};
use crate::{
    cty::{Type, Value, encode, from_json, to_json},
    registry::registry,
};

fn schema() -> Schema {
    let part = [
        Attribute::text("key", "").required(),
        Attribute::text("part_id", "").computed(),
    ];
    Schema::new("")
        .with(Attribute::id(""))
        .with(Attribute::text("name", "").required())
        .with(Attribute::text("kind", "").or("plain").replaces())
        .with(Attribute::text("etag", "").computed())
        .with(Attribute::text("secret_wo", "").write_only())
        .with(Attribute::text_set("tags", ""))
        .with(Attribute::text("body", "").same(same_json))
        .block(Block::new("part", Nesting::List, "", part))
}

fn same_json(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| {
        serde_json::from_str::<serde_json::Value>(value.as_text().unwrap_or_default()).ok()
    };
    read(a) == read(b)
}

/// An object of the schema: what is not given is not set.
fn object(json: serde_json::Value) -> Value {
    let given = from_json(&json, &schema().ty());
    let mut value = schema().empty();
    for (name, item) in given.map().unwrap() {
        if item.is_set() {
            value.set(name, item.clone());
        }
    }
    value
}

use serde_json::json;

#[test]
fn what_is_to_be_made_has_defaults_and_unknowns() {
    let config = object(json!({ "name": "a", "part": [{ "key": "k" }] }));
    let planned = plan(&schema(), &Value::Null, &config, &config).value;
    assert_eq!(planned.text("kind"), Some("plain"));
    assert_eq!(*planned.attribute("id"), Value::Unknown);
    assert_eq!(*planned.attribute("etag"), Value::Unknown);
    let part = &planned.attribute("part").items()[0];
    assert_eq!(*part.attribute("part_id"), Value::Unknown);
    assert_eq!(part.text("key"), Some("k"));
}

#[test]
fn nothing_changes_where_nothing_differs() {
    let prior = object(json!({
        "id": "1", "name": "a", "kind": "plain", "etag": "e",
        "part": [{ "key": "k", "part_id": "p" }]
    }));
    let config = object(json!({ "name": "a", "part": [{ "key": "k" }] }));
    let planned = plan(&schema(), &prior, &prior, &config);
    assert_eq!(planned.value, prior);
    assert!(planned.replace.is_empty());
}

#[test]
fn a_change_keeps_what_is_stable_and_the_parts_at_the_same_place() {
    let prior = object(json!({
        "id": "1", "name": "a", "kind": "plain", "etag": "e",
        "part": [{ "key": "k", "part_id": "p" }]
    }));
    let parts = json!([{ "key": "k" }, { "key": "l" }]);
    let config = object(json!({ "name": "b", "part": parts }));
    let proposed = object(json!({
        "id": "1", "name": "b", "kind": "plain", "etag": "e",
        "part": [{ "key": "k", "part_id": "p" }, { "key": "l" }]
    }));
    let planned = plan(&schema(), &prior, &proposed, &config).value;
    assert_eq!(planned.text("id"), Some("1"));
    assert_eq!(*planned.attribute("etag"), Value::Unknown);
    let parts = planned.attribute("part").items();
    assert_eq!(parts[0].text("part_id"), Some("p"));
    assert_eq!(*parts[1].attribute("part_id"), Value::Unknown);
}

#[test]
fn leaving_a_default_out_again_brings_it_back_and_replaces() {
    let prior = object(json!({ "id": "1", "name": "a", "kind": "odd", "etag": "e" }));
    let config = object(json!({ "name": "a" }));
    let planned = plan(&schema(), &prior, &prior, &config);
    assert_eq!(planned.value.text("kind"), Some("plain"));
    assert_eq!(planned.replace, [Path::of("kind")]);
}

#[test]
fn what_is_write_only_is_in_no_plan() {
    let config = object(json!({ "name": "a", "secret_wo": "s" }));
    let planned = plan(&schema(), &Value::Null, &config, &config).value;
    assert!(planned.attribute("secret_wo").is_null());
}

#[test]
fn the_same_meaning_is_no_change() {
    let prior = object(json!({ "id": "1", "name": "a", "kind": "plain", "body": "{\"a\": 1}" }));
    let config = object(json!({ "name": "a", "body": "{ \"a\":1 }" }));
    let mut proposed = prior.clone();
    proposed.set("body", "{ \"a\":1 }");
    assert_eq!(plan(&schema(), &prior, &proposed, &config).value, prior);
}

#[test]
fn an_answer_takes_the_form_of_what_it_answers() {
    let reference = object(json!({ "name": "a", "kind": "plain", "body": "{ \"a\": 1 }" }));
    let answer = Value::object()
        .with("id", "1")
        .with("name", "a")
        .with("etag", "e")
        .with("tags", Vec::<String>::new())
        .with("body", "{\"a\":1}");
    let state = align(&schema(), &reference, &answer);
    assert!(state.attribute("tags").is_null(), "nothing is not empty");
    assert_eq!(state.text("body"), Some("{ \"a\": 1 }"));
    assert_eq!(
        state.text("kind"),
        Some("plain"),
        "what is not answered stays"
    );
    assert_eq!(*state.attribute("part"), Value::List(Vec::new()));
    assert!(encode(&state, &schema().ty()).is_ok());
}

#[test]
fn sets_are_equal_in_any_order() {
    let reference = object(json!({ "name": "a", "tags": ["x", "y"] }));
    let answer = Value::object().with("tags", vec!["y", "x"]);
    let state = align(&schema(), &reference, &answer);
    assert_eq!(state.texts("tags"), ["x", "y"]);
}

#[test]
fn problems_say_where_they_are() {
    let part = [Attribute::number("port", "").check(Check::Range(1, 9))];
    let schema = Schema::new("").block(Block::new("part", Nesting::List, "", part));
    let config = Value::object().with(
        "part",
        Value::List(vec![
            Value::object().with("port", 3),
            Value::object().with("port", 10),
        ]),
    );
    let notes = check::config(&schema, &config, true);
    assert_eq!(notes.len(), 1);
    let steps = notes[0].path.as_ref().unwrap().to_wire().steps;
    assert_eq!(steps.len(), 3);
    assert_eq!(notes[0].detail, "10 is not between 1 and 9.");

    // Within attributes Terraform finds only the first.
    let port = || Attribute::number("port", "").check(Check::Range(1, 9));
    let part = || Attribute::nested("part", Nesting::Single, "", [port()]);
    let whole = Attribute::nested("whole", Nesting::Single, "", [part()]);
    let part = Value::object().with("port", 10);
    let config = Value::object().with("whole", Value::object().with("part", part));
    let notes = check::config(&Schema::new("").with(whole), &config, true);
    let wire = notes[0].to_wire();
    assert_eq!(wire.path.unwrap().steps.len(), 1);
    let detail = "10 is not between 1 and 9. It is about whole.part.port.";
    assert_eq!(wire.detail, detail);
}

/// Rules that the protocol has for schemas, and ours for sets.
#[test]
fn every_schema_keeps_the_rules() {
    fn check(at: &str, attributes: &[Attribute], in_set: bool) {
        for one in attributes {
            let at = format!("{at}.{}", one.name);
            assert!(!one.description.is_empty(), "{at} has no description");
            let usual = one.default.is_some();
            assert!(
                !usual || one.mode == Mode::OptionalComputed,
                "{at}: default"
            );
            assert!(
                !(in_set && one.mode == Mode::Computed),
                "{at}: computed in a set"
            );
            assert!(
                !(one.write_only && one.is_computed()),
                "{at}: write-only, computed"
            );
            if let Some(default) = &one.default {
                assert!(encode(default, &one.ty()).is_ok(), "{at}: default's type");
            }
            if let super::Kind::Nested(nesting, attributes) = &one.kind {
                check(&at, attributes, in_set || *nesting == Nesting::Set);
            }
        }
    }
    fn blocks(at: &str, all: &[Block], in_set: bool) {
        for one in all {
            let at = format!("{at}.{}", one.name);
            let in_set = in_set || one.nesting == Nesting::Set;
            assert_ne!(one.nesting, Nesting::Map, "{at}: blocks are no maps");
            check(&at, &one.attributes, in_set);
            blocks(&at, &one.blocks, in_set);
        }
    }
    let registry = registry();
    for (name, entry) in &registry.resources {
        check(name, &entry.schema.attributes, false);
        blocks(name, &entry.schema.blocks, false);
        assert!(entry.schema.attribute("id").is_some(), "{name} has no id");
    }
    for (name, entry) in &registry.data_sources {
        check(name, &entry.schema.attributes, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is configured is planned so, and planning a plan again changes nothing.
    #[test]
    fn plans_keep_what_is_configured_and_are_stable(
        name in "[a-z]{1,3}",
        kind in prop::option::of("[a-z]{1,3}"),
        tags in prop::option::of(prop::collection::vec("[a-z]", 0..3)),
        keys in prop::collection::vec("[a-z]", 0..3),
    ) {
        let parts: Vec<_> = keys.iter().map(|key| json!({ "key": key })).collect();
        let config = object(json!({ "name": name, "kind": kind, "tags": tags, "part": parts }));
        let planned = plan(&schema(), &Value::Null, &config, &config).value;
        prop_assert_eq!(planned.text("name"), Some(name.as_str()));
        prop_assert_eq!(planned.attribute("tags"), config.attribute("tags"));
        // As if it had been applied: every unknown has become something.
        let text = to_json(&planned).to_string().replace(":null", ":\"x\"");
        let mut state = from_json(&serde_json::from_str(&text).unwrap(), &schema().ty());
        for name in ["secret_wo", "body", "tags"] {
            state.set(name, config.attribute(name).clone());
        }
        let again = plan(&schema(), &state, &state, &config);
        prop_assert_eq!(again.value, state);
        prop_assert!(again.replace.is_empty());
    }
}

#[test]
fn types_of_schemas_are_those_of_their_parts() {
    let Type::Object(of) = schema().ty() else {
        panic!("a schema's type is an object");
    };
    assert_eq!(of["tags"], Type::set(Type::String));
    assert!(matches!(&of["part"], Type::List(of) if matches!(**of, Type::Object(_))));
}
