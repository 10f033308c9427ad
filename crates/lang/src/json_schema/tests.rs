//! Keywords with their sentences, references, hostile schemas, and agreement with another
//! validator.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DEPTH_MAX, NODES_MAX, SENTENCES_MAX, Schema, SchemaError};
use crate::json::Document;

const API: &str = "https://apigateway.amazonaws.com/restapis/abc/models/";

fn compile(texts: &[(&str, &Value)]) -> Result<Schema, SchemaError> {
    let texts: Vec<(String, String)> = texts
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.to_string()))
        .collect();
    let models: BTreeMap<String, &str> = texts
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str()))
        .collect();
    Schema::compile(&texts[0].0, &models)
}

fn sentences(schema: &Value, body: &Value) -> Vec<String> {
    let schema = compile(&[("M", schema)]).unwrap();
    judge(&schema, body).err().unwrap_or_default()
}

fn judge(schema: &Schema, body: &Value) -> Result<(), Vec<String>> {
    schema.check(Document::of(body).unwrap().root())
}

#[track_caller]
fn right(schema: Value, bodies: Vec<Value>) {
    for body in bodies {
        assert_eq!(
            sentences(&schema, &body),
            Vec::<String>::new(),
            "{schema} {body}"
        );
    }
}

#[track_caller]
fn wrong(schema: Value, body: Value, expected: &[&str]) {
    assert_eq!(sentences(&schema, &body), expected, "{schema} {body}");
}

fn not_a(found: &str, wanted: &str) -> String {
    let allowed = format!("(allowed: [\"{wanted}\"])");
    format!("instance type ({found}) does not match any allowed primitive type {allowed}")
}

#[test]
fn objects() {
    let pet = json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "title": "Pet",
        "type": "object",
        "required": ["name", "age"],
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    });
    right(
        pet.clone(),
        vec![json!({"name": "Rex", "age": 3, "more": true})],
    );
    wrong(
        pet.clone(),
        json!({}),
        &[r#"object has missing required properties (["age","name"])"#],
    );
    wrong(
        pet.clone(),
        json!({"age": 1}),
        &[r#"object has missing required properties (["name"])"#],
    );
    wrong(pet.clone(), json!([]), &[&not_a("array", "object")]);
    wrong(
        pet,
        json!({"name": 1, "age": -1}),
        &[
            &not_a("integer", "string"),
            "numeric instance is lower than the required minimum (minimum: 0, found: -1)",
        ],
    );
}

#[test]
fn members() {
    let closed = json!({
        "properties": {"a": {}},
        "patternProperties": {"^x-": {"type": "string"}},
        "additionalProperties": false,
    });
    right(
        closed.clone(),
        vec![json!({"a": 1, "x-b": "c"}), json!({}), json!(7)],
    );
    wrong(
        closed.clone(),
        json!({"z": 1, "b": 2}),
        &[r#"object instance has properties which are not allowed by the schema: ["b","z"]"#],
    );
    wrong(closed, json!({"x-b": 1}), &[&not_a("integer", "string")]);
    let other = json!({"properties": {"a": {}}, "additionalProperties": {"type": "null"}});
    right(other.clone(), vec![json!({"a": 1, "b": null})]);
    assert_eq!(sentences(&other, &json!({"b": 1})).len(), 1);
    let counted = json!({"minProperties": 1, "maxProperties": 2});
    right(counted.clone(), vec![json!({"a": 1}), json!("x")]);
    wrong(
        counted.clone(),
        json!({}),
        &["object has too few properties (found 0 but schema requires at least 1)"],
    );
    wrong(
        counted,
        json!({"a": 1, "b": 2, "c": 3}),
        &["object has too many properties (found 3 but schema requires at most 2)"],
    );
    let needs = json!({"dependencies": {"a": ["b", "c"], "x": {"required": ["y"]}}});
    right(
        needs.clone(),
        vec![
            json!({"a": 1, "b": 1, "c": 1}),
            json!({"x": 1, "y": 2}),
            json!({}),
        ],
    );
    wrong(
        needs.clone(),
        json!({"a": 1, "b": 1}),
        &[concat!(
            r#"property "a" of object has missing property dependencies "#,
            r#"(schema requires ["b","c"]; missing: ["c"])"#
        )],
    );
    assert_eq!(sentences(&needs, &json!({"x": 1})).len(), 1);
}

#[test]
fn lists() {
    right(
        json!({"items": {"type": "integer"}}),
        vec![json!([1, 2]), json!([]), json!("x")],
    );
    assert_eq!(
        sentences(
            &json!({"items": {"type": "integer"}}),
            &json!(["a", 1, "b"])
        )
        .len(),
        2
    );
    let tuple =
        json!({"items": [{"type": "integer"}, {"type": "string"}], "additionalItems": false});
    right(tuple.clone(), vec![json!([1, "a"]), json!([1]), json!([])]);
    assert_eq!(sentences(&tuple, &json!([1, "a", 2])).len(), 1);
    let rest = json!({"items": [{}], "additionalItems": {"type": "null"}});
    right(rest.clone(), vec![json!([1, null])]);
    assert_eq!(sentences(&rest, &json!([1, 2])).len(), 1);
    let sized = json!({"minItems": 1, "maxItems": 2, "uniqueItems": true});
    right(
        sized.clone(),
        vec![json!([1, "1"]), json!([{"a": 1}, {"a": 2}])],
    );
    wrong(
        sized.clone(),
        json!([]),
        &["array is too short: must have at least 1 elements but instance has 0 elements"],
    );
    wrong(
        sized.clone(),
        json!([1, 2, 3]),
        &["array is too long: must have at most 2 elements but instance has 3 elements"],
    );
    let twice = ["array must not contain duplicate elements"];
    wrong(sized.clone(), json!([1, 1.0]), &twice);
    wrong(sized, json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]), &twice);
}

#[test]
fn texts() {
    let code =
        json!({"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z\u{e4}]+$"});
    right(code.clone(), vec![json!("ab"), json!("\u{e4}\u{e4}\u{e4}")]);
    wrong(
        code.clone(),
        json!("a"),
        &[r#"string "a" is too short (length: 1, required minimum: 2)"#],
    );
    wrong(
        code.clone(),
        json!("abcd"),
        &[r#"string "abcd" is too long (length: 4, maximum allowed: 3)"#],
    );
    wrong(
        code,
        json!("A1"),
        &["ECMA 262 regex \"^[a-z\u{e4}]+$\" does not match input string \"A1\""],
    );
    wrong(
        json!({"enum": ["a", 1, {"b": [1]}]}),
        json!("c"),
        &[r#"instance value ("c") not found in enum (possible values: ["a",1,{"b":[1]}])"#],
    );
    right(
        json!({"enum": ["a", 1, {"b": [1]}]}),
        vec![json!(1.0), json!({"b": [1]})],
    );
}

#[test]
fn numbers() {
    let bounded = json!({"minimum": 1, "maximum": 10.5, "exclusiveMinimum": true});
    right(bounded.clone(), vec![json!(1.1), json!(10.5), json!("x")]);
    wrong(
        bounded.clone(),
        json!(1),
        &["numeric instance is not strictly greater than the required minimum 1"],
    );
    wrong(
        bounded,
        json!(11),
        &["numeric instance is greater than the required maximum (maximum: 10.5, found: 11)"],
    );
    wrong(
        json!({"maximum": 2, "exclusiveMaximum": true}),
        json!(2),
        &["numeric instance is not strictly lower than the required maximum 2"],
    );
    right(
        json!({"multipleOf": 0.1}),
        vec![json!(0.3), json!(7), json!(-0.2), json!(1e3)],
    );
    wrong(
        json!({"multipleOf": 2}),
        json!(3),
        &["remainder of division is not zero (3 / 2)"],
    );
    right(
        json!({"type": "number"}),
        vec![json!(1), json!(1.5), json!(1e300)],
    );
    assert_eq!(sentences(&json!({"type": "integer"}), &json!(1.5)).len(), 1);
    assert_eq!(sentences(&json!({"type": "integer"}), &json!(1.0)).len(), 1);
    right(
        json!({"maximum": 9_007_199_254_740_993_u64}),
        vec![json!(9_007_199_254_740_993_u64)],
    );
    let close = json!({"maximum": 9_007_199_254_740_992_u64});
    assert_eq!(
        sentences(&close, &json!(9_007_199_254_740_993_u64)).len(),
        1
    );
}

#[test]
fn combinations() {
    let all = json!({"allOf": [{"required": ["a"]}, {"required": ["b"]}]});
    right(all.clone(), vec![json!({"a": 1, "b": 1})]);
    wrong(
        all,
        json!({"a": 1}),
        &["instance failed to match all required schemas (matched only 1 out of 2)"],
    );
    let any = json!({"anyOf": [{"type": "string"}, {"minimum": 5}]});
    right(any.clone(), vec![json!("x"), json!(7)]);
    wrong(
        any,
        json!(3),
        &["instance failed to match at least one required schema among 2"],
    );
    let one = json!({"oneOf": [{"multipleOf": 3}, {"multipleOf": 5}]});
    right(one.clone(), vec![json!(9), json!(10)]);
    wrong(
        one,
        json!(15),
        &["instance failed to match exactly one schema (matched 2 out of 2)"],
    );
    wrong(
        json!({"not": {"type": "null"}}),
        Value::Null,
        &["instance matched a schema which it should not have"],
    );
    wrong(
        json!({"type": ["string", "null"]}),
        json!(true),
        &[concat!(
            "instance type (boolean) does not match any allowed primitive type ",
            r#"(allowed: ["null","string"])"#
        )],
    );
}

#[test]
fn formats() {
    let check = |format: &str, yes: &[&str], no: &[&str]| {
        let schema = json!({ "format": format });
        for text in yes {
            assert!(
                sentences(&schema, &json!(text)).is_empty(),
                "{format} {text}"
            );
        }
        for text in no {
            assert_eq!(sentences(&schema, &json!(text)).len(), 1, "{format} {text}");
        }
    };
    check(
        "date-time",
        &[
            "2026-11-21T03:00:00Z",
            "2024-02-29T23:59:60.123+01:00",
            "2026-11-21T03:00:00-0800",
        ],
        &[
            "2026-11-21",
            "2026-02-29T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T03:00:00",
            "x",
        ],
    );
    check("email", &["a@b", "a.b+c@d.e"], &["a", "@b", "a@", "a b@c"]);
    check("ipv4", &["1.2.3.4"], &["1.2.3", "256.1.1.1", "::1"]);
    check("ipv6", &["::1", "fe80::1:2"], &["1.2.3.4", "g::"]);
    check(
        "hostname",
        &["a", "a-b.example"],
        &["", "-a", "a..b", "a_b"],
    );
    check(
        "uri",
        &["https://a/b?c#d", "urn:x:y"],
        &["a/b", "https://a b", ":x", "1a:b"],
    );
    check("regex", &["^a+$"], &["["]);
    check("unknown", &["anything"], &[]);
    right(json!({"format": "ipv4"}), vec![json!(7)]);
}

#[test]
fn references_lead_to_other_models() {
    let owner = json!({"type": "object", "properties": {"pet": {"$ref": format!("{API}Pet")}}});
    let pet = json!({
        "properties": {
            "owner": {"$ref": "https://other.example/restapis/xyz/models/Owner"},
            "tag": {"$ref": "#/definitions/tag"},
            "deep": {"$ref": format!("{API}Owner#/properties/pet")},
        },
        "definitions": {"tag": {"type": "string"}, "a/b%": {"$ref": "#/definitions/a~1b%25"}},
    });
    let schema = compile(&[("Owner", &owner), ("Pet", &pet)]).unwrap();
    assert_eq!(
        judge(&schema, &json!({"pet": {"owner": {"pet": {"tag": "x"}}}})),
        Ok(())
    );
    assert!(judge(&schema, &json!({"pet": {"owner": {"pet": {"tag": 1}}}})).is_err());
    assert!(judge(&schema, &json!({"pet": {"owner": []}})).is_err());
    assert!(judge(&schema, &json!({"pet": {"deep": {"tag": 1}}})).is_err());
}

#[test]
fn recursive_models_end() {
    let tree = json!({
        "properties": {"children": {"items": {"$ref": "#"}}, "name": {"type": "string"}},
    });
    let schema = compile(&[("Tree", &tree)]).unwrap();
    assert_eq!(
        judge(
            &schema,
            &json!({"children": [{"children": [{"name": "x"}]}]})
        ),
        Ok(())
    );
    assert!(judge(&schema, &json!({"children": [{"children": [{"name": 1}]}]})).is_err());
}

#[test]
fn wrong_models_are_refused() {
    let check = |schema: Value, keyword: &str, at: &str| match compile(&[("M", &schema)]) {
        Err(SchemaError::Keyword {
            keyword: found,
            at: place,
            ..
        }) => assert_eq!((found, place.as_str()), (keyword, at), "{schema}"),
        other => panic!("{schema}: {other:?}"),
    };
    check(json!([]), "$schema", "");
    check(
        json!({"properties": {"a": true}}),
        "$schema",
        "/properties/a",
    );
    check(json!({"type": "text"}), "type", "");
    check(json!({"type": []}), "type", "");
    check(json!({"required": true}), "required", "");
    check(json!({"minimum": "1"}), "minimum", "");
    check(
        json!({"minimum": 1, "exclusiveMinimum": 1}),
        "exclusiveMinimum",
        "",
    );
    check(json!({"multipleOf": 0}), "multipleOf", "");
    check(json!({"maxLength": -1}), "maxLength", "");
    check(json!({"pattern": "["}), "pattern", "");
    check(
        json!({"patternProperties": {"[": {}}}),
        "patternProperties",
        "",
    );
    check(json!({"allOf": []}), "allOf", "");
    check(json!({"enum": 1}), "enum", "");
    check(
        json!({"items": {"not": {"uniqueItems": 1}}}),
        "uniqueItems",
        "/items/not",
    );
    for reference in ["#/none", "Pet", "https://a/Pet", "#", ""] {
        let schema = json!({ "$ref": reference });
        let found = compile(&[("M", &schema)]);
        assert!(
            matches!(found, Err(SchemaError::Reference { .. })),
            "{reference} {found:?}"
        );
    }
    let circle = json!({"definitions": {"a": {"$ref": "#/definitions/b"},
        "b": {"$ref": "#/definitions/a"}}, "not": {"$ref": "#/definitions/a"}});
    assert!(matches!(
        compile(&[("M", &circle)]),
        Err(SchemaError::Reference { .. })
    ));
    let models = BTreeMap::from([("M".to_owned(), "{")]);
    assert!(matches!(
        Schema::compile("M", &models),
        Err(SchemaError::Json { .. })
    ));
    assert!(matches!(
        Schema::compile("N", &models),
        Err(SchemaError::Model(_))
    ));
    let large = json!({"allOf": vec![json!({}); NODES_MAX]});
    assert!(matches!(
        compile(&[("M", &large)]),
        Err(SchemaError::Size(_))
    ));
}

#[test]
fn hostile_schemas_end() {
    let takes_too_long = vec!["instance takes too long to check".to_owned()];
    // Without a body to go into, this would go on for ever.
    let itself = json!({"allOf": [{"$ref": "#"}]});
    let itself = compile(&[("M", &itself)]).unwrap();
    assert_eq!(judge(&itself, &json!(1)), Err(takes_too_long.clone()));
    // Twice the work for each level of the body.
    let twice = json!({"not": {"required": ["x"]},
        "properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}});
    let twice = compile(&[("M", &twice)]).unwrap();
    let mut body = json!({"x": 1});
    for _ in 0..60 {
        body = json!({ "a": body });
    }
    assert_eq!(judge(&twice, &body), Err(takes_too_long));
    // As deep as JSON is read.
    let deep = json!({"items": {"$ref": "#"}, "type": ["array", "null"]});
    let deep = compile(&[("M", &deep)]).unwrap();
    let mut body = Value::Null;
    for _ in 0..DEPTH_MAX - 2 {
        body = json!([body]);
    }
    assert_eq!(judge(&deep, &body), Ok(()));
    let body = json!([[body, 1], 1]);
    assert!(judge(&deep, &body).is_err());
}

#[test]
fn sentences_are_bounded() {
    let schema = json!({"items": {"maxLength": 1}});
    let long = "x".repeat(10_000);
    let found = sentences(&schema, &json!(vec![long; 200]));
    assert_eq!(found.len(), SENTENCES_MAX);
    assert!(found.iter().all(|sentence| sentence.len() < 400));
}

#[test]
fn large_bodies_are_checked() {
    let schema = json!({"items": {"type": "object", "required": ["id"],
        "properties": {"id": {"type": "integer"}, "name": {"type": "string", "maxLength": 80}}}});
    let schema = compile(&[("M", &schema)]).unwrap();
    let body = json!(vec![
        json!({"id": 1, "name": "some name of something"});
        20_000
    ]);
    assert_eq!(judge(&schema, &body), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What another validator says of the same schema and body.
    #[test]
    fn agrees_with_another_validator(schema in schemas(), body in bodies()) {
        let theirs = jsonschema::draft4::options()
            .should_validate_formats(false)
            .build(&schema);
        if let (Ok(ours), Ok(theirs)) = (compile(&[("M", &schema)]), theirs) {
            let found = judge(&ours, &body).is_ok();
            prop_assert_eq!(found, theirs.is_valid(&body), "{} {}", schema, body);
        }
    }

    #[test]
    fn anything_is_compiled_or_refused(schema in bodies(), body in bodies()) {
        super::fuzz::model(&format!("{schema}\n{body}\n{body}"));
    }
}

fn bodies() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-4_i64..12).prop_map(Value::from),
        (-8_i32..24).prop_map(|value| json!(f64::from(value) / 4.0)),
        prop::sample::select(vec!["", "a", "ab", "abc", "b", "type", "object"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop::sample::select(vec!["a", "b", "c", "type", "not", "items", "$ref"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..4).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, one)| (name.to_owned(), one))
                        .collect(),
                )
            }),
        ]
    })
}

/// Schemas whose keywords have values that they can have.
fn schemas() -> impl Strategy<Value = Value> {
    let types = vec![
        "array", "boolean", "integer", "null", "number", "object", "string",
    ];
    let leaf = prop_oneof![
        Just(json!({})),
        prop::sample::select(types).prop_map(|name| json!({ "type": name })),
        (0_u64..3).prop_map(|size| json!({"minItems": size, "maxLength": size})),
        (0_u64..3).prop_map(|size| json!({"maxItems": size, "minProperties": size})),
        (-2_i64..6, any::<bool>())
            .prop_map(|(least, out)| json!({"minimum": least, "exclusiveMinimum": out})),
        (-2_i64..6, any::<bool>())
            .prop_map(|(most, out)| json!({"maximum": most, "exclusiveMaximum": out})),
        (1_u8..8).prop_map(|of| json!({"multipleOf": f64::from(of) / 4.0})),
        prop::sample::select(vec!["^a", "b$", "^.$", "a|c"])
            .prop_map(|text| json!({ "pattern": text })),
        prop::collection::vec(bodies(), 1..3).prop_map(|values| json!({ "enum": values })),
        Just(json!({"required": ["a"], "uniqueItems": true})),
        Just(json!({"dependencies": {"a": ["b"], "c": {"maxProperties": 1}}})),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            some.clone().prop_map(|all| json!({ "allOf": all })),
            some.clone().prop_map(|any| json!({ "anyOf": any })),
            some.clone().prop_map(|one| json!({ "oneOf": one })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            inner.clone().prop_map(|items| json!({ "items": items })),
            (some, inner.clone())
                .prop_map(|(items, rest)| { json!({"items": items, "additionalItems": rest}) }),
            (inner.clone(), inner.clone()).prop_map(|(a, other)| {
                json!({"properties": {"a": a}, "additionalProperties": other})
            }),
            (inner.clone(), inner).prop_map(|(a, b)| {
                json!({"properties": {"a": a}, "patternProperties": {"^[bc]": b},
                    "additionalProperties": false})
            }),
        ]
    })
}
