//! Documents beside the trees that serde_json makes of the same texts.

use proptest::prelude::*;
use serde_json::Value;

use super::{DEPTH_MAX, Document, Number};

fn same(text: &str) {
    let ours = Document::read(text).map(|document| document.root().to_value());
    let theirs = serde_json::from_str::<Value>(text);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{text}");
            // Members in the same order, too.
            assert_eq!(ours.to_string(), theirs.to_string(), "{text}");
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{text:?}: {ours:?}, {theirs:?}"),
    }
}

#[test]
fn texts_are_read_as_by_serde() {
    for text in [
        "",
        " ",
        "null",
        "true",
        "tru",
        "truex",
        "nul",
        "false ",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        ".5",
        "-1.5e+3",
        "1e",
        "1e400",
        "-1e-400",
        "12345678901234567890",
        "9223372036854775807",
        "-9223372036854775808",
        "123456789012345678901234567890",
        r#""""#,
        r#""a"#,
        r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ude00\ud83d""#,
        r#""\ud83d\u0041""#,
        r#""\u12"#,
        r#""\u+123""#,
        r#""\uzzzz""#,
        r#""\x""#,
        "\"a\nb\"",
        "\"a long text with a control \u{1} in it\"",
        "\"Grüße, 世界, and more than eight\"",
        "[]",
        "[1, 2 , [3], {}]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{}",
        r#"{"a": 1, "b": {"c": [true, null]}}"#,
        r#"{"a" 1}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        r#"{"a":1]"#,
        r#"{"a":1}}"#,
        "\u{feff}{}",
        "\u{a0}1",
        "                                 7",
        "\t\r\n\n      [\n         1]\n",
    ] {
        same(text);
    }
}

#[test]
fn of_two_members_with_a_name_the_last_counts() {
    same(r#"{"a":1,"b":2,"a":{"x":3,"x":4}}"#);
    same(r#"{"é":1,"\u00e9":2}"#);
    same(r#"[{"a":1},{"a":2,"a":"\n"}]"#);
    let many = |last: &str| {
        let members: Vec<String> = (0..100).map(|n| format!("\"name{n}\":{n}")).collect();
        format!("{{{},\"{last}\":[]}}", members.join(","))
    };
    same(&many("name50"));
    same(&many("other"));
}

#[test]
fn nesting_is_bounded() {
    for depth in [DEPTH_MAX, DEPTH_MAX + 1, 100_000] {
        same(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        same(&format!(
            "{}1{}",
            "{\"a\":".repeat(depth),
            "}".repeat(depth)
        ));
    }
}

#[test]
fn values_are_found_where_they_are() {
    let text = r#"{"a": [1, {"b": "x\ty"}, 2.5], "n": 12345678901234567890, "t": true}"#;
    let document = Document::read(text).unwrap();
    let root = document.root();
    let list = root.get("a").unwrap();
    assert_eq!((root.len(), list.len()), (3, 3));
    let b = list.element(1).and_then(|it| it.get("b")).unwrap();
    assert_eq!((b.as_str(), b.as_plain_str()), (Some("x\ty"), None));
    assert_eq!(
        list.element(2).unwrap().as_number(),
        Some(Number::Float(2.5))
    );
    assert_eq!(list.element(3), None);
    let n = root.get("n").unwrap();
    assert_eq!(n.as_integer_digits(), Some("12345678901234567890"));
    assert!(matches!(n.as_number(), Some(Number::Float(_))));
    assert_eq!(root.get("t").unwrap().as_bool(), Some(true));
    assert!(root.get("none").is_none() && list.get("a").is_none());
}

#[test]
fn notes_are_kept_beside_their_text() {
    let text = r#"{"a": ["x\ty"]}"#;
    let notes = Document::read(text).unwrap().into_notes().unwrap();
    let document = Document::noted(text, &notes);
    assert_eq!(
        document.root().to_value(),
        serde_json::json!({"a": ["x\ty"]})
    );
    // Of another text they say nothing, and nothing happens.
    for other in ["", "é", "{}", "[[[["] {
        let wrong = Document::noted(other, &notes);
        let _ = (wrong.root().to_value(), wrong.root().get("a"));
    }
    let twice = Document::read(r#"{"a":1,"a":2}"#).unwrap();
    assert!(twice.into_notes().is_none());
}

#[test]
fn a_document_is_small() {
    for (text, factor) in [("[],", 6), ("1,", 5), ("{\"a\":1},", 5), ("\"\\n\",", 3)] {
        let text = format!("[{}0]", text.repeat(10_000));
        let document = Document::read(text.as_str()).unwrap();
        assert!(
            document.bytes() <= text.len() * factor,
            "{}",
            document.bytes()
        );
    }
}

/// Any JSON value.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_back(value in value(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        same(&text);
        let document = Document::read(text.as_str()).unwrap();
        let other = Document::of(&value).unwrap();
        prop_assert!(document.root().equals(other.root()));
    }

    #[test]
    fn any_text_is_read_or_refused(text in r#"[\[\]{}",:\\ 0-9a-fnrtuE.+\-]{0,24}"#) {
        same(&text);
    }
}
