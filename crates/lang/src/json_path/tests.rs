//! Paths and what they find.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Found, Path, PathError};
use crate::json::{Document, View};

fn document() -> Value {
    json!({
        "store": {
            "book": [
                {"category": "reference", "author": "Rees", "title": "Sayings", "price": 8.95},
                {"category": "fiction", "author": "Waugh", "title": "Sword", "price": 12.99},
                {"category": "fiction", "author": "Melville", "title": "Moby Dick",
                 "isbn": "0-553-21311-3", "price": 8.99},
                {"category": "fiction", "author": "Tolkien", "title": "The Lord",
                 "isbn": "0-395-19395-8", "price": 22.99, "tags": ["a", "b"]},
            ],
            "bicycle": {"colour": "red", "price": 19.95},
        },
        "expensive": 10,
        "odd.name": {"it's": null},
        "empty": [],
    })
}

fn find(path: &str) -> Value {
    let document = Document::of(&document()).unwrap();
    let parsed = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    match parsed.find(document.root()) {
        Found::One(None) => json!("nothing"),
        Found::One(Some(one)) => one.to_value(),
        Found::Many(places) => places.into_iter().map(View::to_value).collect(),
        Found::Made(made) => made.root().to_value(),
    }
}

fn check(path: &str, expected: Value) {
    assert_eq!(find(path), expected, "{path}");
}

#[test]
fn definite_paths() {
    check("$.expensive", json!(10));
    check("expensive", json!(10));
    check("$['expensive']", json!(10));
    check("$.store.bicycle.colour", json!("red"));
    check("$.store['bicycle'][\"price\"]", json!(19.95));
    check("$.store.book[0].author", json!("Rees"));
    check("$.store.book[-1].author", json!("Tolkien"));
    check("$['odd.name']['it\\'s']", Value::Null);
    check(
        "$.store.bicycle['colour', 'price', 'none']",
        json!({"colour": "red", "price": 19.95}),
    );
    for missing in [
        "$.x",
        "$.x.y",
        "$.store.book.author",
        "$.expensive[0]",
        "$.store.book[9]",
        "$.store.book[-9]",
    ] {
        check(missing, json!("nothing"));
    }
    assert_eq!(find("$"), document());
}

#[test]
fn indefinite_paths() {
    check(
        "$.store.book[*].author",
        json!(["Rees", "Waugh", "Melville", "Tolkien"]),
    );
    check("$..author", json!(["Rees", "Waugh", "Melville", "Tolkien"]));
    check("$.store..price", json!([8.95, 12.99, 8.99, 22.99, 19.95]));
    check("$..book[2].title", json!(["Moby Dick"]));
    check("$..book[0,1].title", json!(["Sayings", "Sword"]));
    check("$..book[:2].title", json!(["Sayings", "Sword"]));
    check("$..book[-2:].title", json!(["Moby Dick", "The Lord"]));
    check("$..book[1:3].title", json!(["Sword", "Moby Dick"]));
    check("$..book[3:1]", json!([]));
    check("$.store.bicycle.*", json!(["red", 19.95]));
    check(
        "$.store.book[*]['author','title']",
        json!([
            "Rees",
            "Sayings",
            "Waugh",
            "Sword",
            "Melville",
            "Moby Dick",
            "Tolkien",
            "The Lord"
        ]),
    );
    check("$.none[*]", json!([]));
    check("$.empty[*]", json!([]));
}

#[test]
fn filters() {
    let titles = |filter: &str, expected: &[&str]| {
        check(&format!("$.store.book[?({filter})].title"), json!(expected));
    };
    titles("@.isbn", &["Moby Dick", "The Lord"]);
    titles("!@.isbn", &["Sayings", "Sword"]);
    titles("@.price < 10", &["Sayings", "Moby Dick"]);
    titles("@.price <= $.expensive", &["Sayings", "Moby Dick"]);
    titles("@['category'] == 'fiction' && @.price > 20", &["The Lord"]);
    titles(
        "@.price < 9 || (@.author == \"Waugh\" && !(@.price > 13))",
        &["Sayings", "Sword", "Moby Dick"],
    );
    titles("@.category != 'fiction'", &["Sayings"]);
    titles("@.title =~ /^the.*/i", &["The Lord"]);
    titles("@.author in ['Rees', 'Waugh']", &["Sayings", "Sword"]);
    titles("@.author nin ['Rees', 'Waugh']", &["Moby Dick", "The Lord"]);
    titles("@.tags contains 'a'", &["The Lord"]);
    titles("@.title contains 'o'", &["Sword", "Moby Dick", "The Lord"]);
    titles("@.tags size 2", &["The Lord"]);
    titles("@.tags anyof ['b', 'c']", &["The Lord"]);
    titles("@.tags empty false", &["The Lord"]);
    titles("@.tags.length() == 2", &["The Lord"]);
    titles("@.price == '8.95'", &["Sayings"]);
    titles("'Rees' == @.author", &["Sayings"]);
    titles("@.none == null", &[]);
}

#[test]
fn functions() {
    check("$.store.book.length()", json!(4));
    check("$.store.length()", json!(2));
    check("$.store.bicycle.colour.length()", json!(3));
    check("$.store.bicycle.keys()", json!(["colour", "price"]));
    check("$..price.max()", json!(22.99));
    check("$..price.min()", json!(8.95));
    check("$.store.book[*].price.sum()", json!(53.92));
    check("$.store.book[*].title.first()", json!("Sayings"));
    check("$.store.book[*].title.index(-1)", json!("The Lord"));
}

#[test]
fn what_is_no_path_is_refused() {
    for text in [
        "",
        "$.",
        "$[",
        "$['a'",
        "$[?(@.a == )]",
        "$.a.b(",
        "$.a.nope()",
        "$x y",
        "$[1:2:3]",
        "$[?(@.a =~ /x)]",
        "$[a]",
    ] {
        assert!(
            matches!(Path::parse(text), Err(PathError::Syntax { .. })),
            "{text}"
        );
    }
    assert_eq!(
        Path::parse(&"$.a".repeat(5_000)).err(),
        Some(PathError::Length)
    );
    let deep = format!("$[?({}@.a{})]", "(".repeat(1_000), ")".repeat(1_000));
    assert!(matches!(Path::parse(&deep), Err(PathError::Syntax { .. })));
    let deep = "$[?(@".repeat(1_000);
    assert!(matches!(Path::parse(&deep), Err(PathError::Syntax { .. })));
}

#[test]
fn costly_paths_are_given_up() {
    let wide: Value = (0..3_000).map(|number| json!([number, [number]])).collect();
    let path = Path::parse("$..*..*..*..*..*").unwrap();
    let wide = Document::of(&wide).unwrap();
    let found = path.find_within(wide.root(), &mut 20_000);
    assert!(matches!(found, Err(PathError::Steps)));
    let path = Path::parse("$[?(@ == $..*)]").unwrap();
    let found = path.find(wide.root());
    assert!(matches!(found, Found::Many(none) if none.is_empty()));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$",
        "@",
        ".",
        "..",
        "a",
        "b",
        "*",
        "['a']",
        "[0]",
        "[-1]",
        "[0,1]",
        "[1:]",
        "[:-1]",
        "[*]",
        "[?(",
        ")]",
        "@.a",
        " == ",
        " && ",
        "||",
        "!",
        "(",
        ")",
        "'x'",
        "1",
        "=~ /a.*/i",
        " in ['x']",
        ".length()",
        ".sum()",
        "$..a",
        " ",
        "null",
        "[",
        "]",
        "'",
        "é",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_pieces_end_in_places_of_the_document(path in pieces()) {
        let document = json!({"a": [{"a": 1, "b": "x"}, {"a": [2, "x"]}], "b": {"a": null}});
        super::fuzz::path(&path, &document);
        super::fuzz::path(&format!("$.{path}"), &document);
    }
}
