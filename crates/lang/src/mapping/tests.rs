//! Targets, every kind of source, and texts at random.

use std::{borrow::Cow, collections::BTreeMap};

use proptest::prelude::*;

use super::{Expression, Mapped, MappingError, Source, Target, Towards};

/// A request and an answer in a few words.
#[derive(Default)]
struct Words {
    path: BTreeMap<&'static str, &'static str>,
    query: Vec<(&'static str, &'static str)>,
    header: Vec<(&'static str, &'static str)>,
    body: Option<&'static str>,
    answer_header: Vec<(&'static str, &'static str)>,
    answer_body: Option<&'static str>,
}

fn all<'a>(pairs: &[(&'a str, &'a str)], name: &str) -> Vec<Cow<'a, str>> {
    pairs
        .iter()
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| Cow::Borrowed(*value))
        .collect()
}

impl Source for Words {
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>> {
        self.path.get(name).map(|value| Cow::Borrowed(*value))
    }
    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>> {
        all(&self.query, name)
    }
    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        all(&self.header, name)
    }
    fn body(&self) -> Option<&str> {
        self.body
    }
    fn integration_header(&self, name: &str) -> Vec<Cow<'_, str>> {
        all(&self.answer_header, name)
    }
    fn integration_body(&self) -> Option<&str> {
        self.answer_body
    }
    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "v").then_some(Cow::Borrowed("variable"))
    }
    fn context(&self, path: &str) -> Option<String> {
        (path == "identity.sourceIp").then(|| "1.2.3.4".to_owned())
    }
}

fn words() -> Words {
    Words {
        path: BTreeMap::from([("id", "a/b")]),
        query: vec![("q", "1"), ("q", "2"), ("one", "x"), ("Q", "other")],
        header: vec![("X-A", "1"), ("X-A", "2"), ("a.b", "dotted")],
        body: Some(r#"{"pet":{"name":"Rex","age":3,"tags":["x","y"],"gone":null,"price":1.50}}"#),
        answer_header: vec![("Set-Cookie", "a"), ("Set-Cookie", "b")],
        answer_body: Some(r#"["first",{"k":true}]"#),
    }
}

fn check(expression: &str, expected: Option<&str>) {
    let found = Expression::parse(expression).unwrap().evaluate(&words());
    let expected = expected.map(|value| Mapped::One(value.to_owned()));
    assert_eq!(found, Ok(expected), "{expression}");
}

#[test]
fn sources_of_requests() {
    check("method.request.path.id", Some("a/b"));
    check("method.request.path.other", None);
    check("method.request.querystring.q", Some("2"));
    check("method.request.querystring.Q", Some("other"));
    check("method.request.querystring.none", None);
    check("method.request.header.X-A", Some("2"));
    check("method.request.header.x-a", None);
    check("method.request.header.a.b", Some("dotted"));
    check("method.request.multivalueheader.X-A", Some("1,2"));
    check("method.request.multivalueheader.none", None);
    check("method.request.multivaluequerystring.none", None);
    check("stageVariables.v", Some("variable"));
    check("stageVariables.w", None);
    check("context.identity.sourceIp", Some("1.2.3.4"));
    check("context.identity.user", None);
    check(
        "'static text, with ''quotes'",
        Some("static text, with ''quotes"),
    );
    check("''", Some(""));
    let all = Expression::parse("method.request.multivaluequerystring.q").unwrap();
    let expected = Mapped::Many(vec!["1".to_owned(), "2".to_owned()]);
    assert_eq!(all.evaluate(&words()), Ok(Some(expected)));
}

#[test]
fn sources_of_answers() {
    check("integration.response.header.Set-Cookie", Some("b"));
    check(
        "integration.response.multivalueheader.Set-Cookie",
        Some("a,b"),
    );
    check("integration.response.header.none", None);
    check("integration.response.body", Some(r#"["first",{"k":true}]"#));
    check("integration.response.body.[0]", Some("first"));
    check("integration.response.body[1].k", Some("true"));
    check("integration.response.body.$[1]", Some(r#"{"k":true}"#));
}

#[test]
fn paths_into_bodies() {
    check("method.request.body.pet.name", Some("Rex"));
    check("method.request.body.$.pet.name", Some("Rex"));
    check("method.request.body.pet.age", Some("3"));
    check("method.request.body.pet.tags", Some(r#"["x","y"]"#));
    check("method.request.body.pet.tags[1]", Some("y"));
    check("method.request.body.pet.gone", None);
    check("method.request.body.none", None);
    check("method.request.body.pet.name.deeper", None);
}

#[test]
fn bodies_that_are_not_json() {
    let within = |body: Option<&'static str>| {
        let source = Words {
            body,
            ..Words::default()
        };
        Expression::parse("method.request.body.a")
            .unwrap()
            .evaluate(&source)
    };
    assert_eq!(within(None), Ok(None));
    assert_eq!(within(Some("")), Ok(None));
    assert_eq!(within(Some("plain")), Ok(None));
    assert_eq!(within(Some("12")), Ok(None));
    assert_eq!(within(Some("{broken")), Err(MappingError::Body));
    assert_eq!(within(Some("[1,2")), Err(MappingError::Body));
    let whole = Expression::parse("method.request.body").unwrap();
    assert!(whole.reads_body());
    let source = Words {
        body: Some("{broken"),
        ..Words::default()
    };
    let found = whole.evaluate(&source).unwrap().map(Mapped::joined);
    assert_eq!(found.as_deref(), Some("{broken"));
}

#[test]
fn wrong_expressions_are_refused() {
    for text in [
        "",
        "'",
        "'open",
        "text",
        "method.request.header.",
        "method.request.header.a b",
        "method.request.cookie.a",
        "method.request.bodyx",
        "method.request.body.",
        "method.response.header.a",
        "integration.request.header.a",
        "integration.response.querystring.a",
        "stageVariables.",
        "stagevariables.a",
        "context.",
        "context.a b",
        "$context.stage",
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
    let long = format!("'{}'", "x".repeat(3000));
    let error = Expression::parse(&long).unwrap_err();
    assert!(error.to_string().len() < 300);
}

#[test]
fn targets_are_of_their_kind() {
    let header = || Target::Header("X-a.b$".to_owned());
    assert_eq!(
        Target::parse_request("integration.request.header.X-a.b$"),
        Ok(header())
    );
    assert_eq!(
        Target::parse_request("integration.request.querystring.q"),
        Ok(Target::Query("q".to_owned()))
    );
    assert_eq!(
        Target::parse_request("integration.request.path.p"),
        Ok(Target::Path("p".to_owned()))
    );
    assert_eq!(
        Target::parse_response("method.response.header.X-a.b$"),
        Ok(header())
    );
    assert_eq!(
        Target::parse_gateway("gatewayresponse.header.X-a.b$"),
        Ok(header())
    );
    for text in [
        "",
        "integration.request.header.",
        "integration.request.body.a",
        "header.a",
    ] {
        assert!(Target::parse_request(text).is_err(), "{text}");
        assert!(Target::parse_response(text).is_err(), "{text}");
        assert!(Target::parse_gateway(text).is_err(), "{text}");
    }
}

#[test]
fn some_headers_are_the_gateways() {
    let check = |name: &str, http: bool, aws: bool| {
        let target = Target::Header(name.to_owned());
        assert_eq!(target.is_forbidden(Towards::Http), http, "{name}");
        assert_eq!(target.is_forbidden(Towards::Aws), aws, "{name}");
    };
    check("Content-Length", true, true);
    check("Transfer-Encoding", true, true);
    check("X-Amzn-Trace-Id", true, true);
    check("x-amzn-apigateway-api-id", true, true);
    check("Authorization", false, true);
    check("TE", false, true);
    check("Expect", false, true);
    check("X-Custom", false, false);
    assert!(!Target::Query("te".to_owned()).is_forbidden(Towards::Aws));
}

proptest! {
    #[test]
    fn texts_at_random_are_read_or_refused(text in expressions()) {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.evaluate(&words());
        }
        let _ = Target::parse_request(&text);
    }
}

fn expressions() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "method",
        "request",
        "integration",
        "response",
        ".",
        ".",
        ".",
        "body",
        "header",
        "path",
        "querystring",
        "multivalueheader",
        "stageVariables",
        "context",
        "'",
        "$",
        "[",
        "]",
        "*",
        "?",
        "(",
        ")",
        "@",
        "..",
        "0",
        "-1",
        ":",
        "==",
        "a",
        "pet",
        "\u{e4}",
        " ",
    ]);
    let words = prop::collection::vec(word, 0..14).prop_map(|words| words.concat());
    prop_oneof![
        words.clone(),
        words
            .clone()
            .prop_map(|rest| format!("method.request.body.{rest}")),
        words.prop_map(|rest| format!("integration.response.body{rest}")),
        "\\PC{0,40}",
    ]
}
