//! Compiling and rendering of integration URIs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Extras, UriTemplate, UriTemplateError, Value, ValueError};

fn stage() -> BTreeMap<String, String> {
    let pairs = [
        ("host", "one.test:8080"),
        ("v", "2"),
        ("base", "https://two.test/api"),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn values(name: &str) -> Option<Value<'static>> {
    match name {
        "id" => Some(Value::Segment("a%20b%2Fc&d")),
        "plain" => Some(Value::Segment("plain")),
        "proxy" => Some(Value::Greedy("x/y%2Fz//w")),
        "up" => Some(Value::Segment("%2E.")),
        "over" => Some(Value::Greedy("a/../b")),
        "bytes" => Some(Value::Segment("%ff%fe")),
        _ => None,
    }
}

fn rendered(template: &str, append_path: Option<&str>, query: Option<&str>) -> String {
    let template = UriTemplate::compile(template, &stage()).unwrap();
    template
        .render(values, Extras { append_path, query })
        .unwrap()
}

#[track_caller]
fn check(template: &str, expected: &str) {
    assert_eq!(rendered(template, None, None), expected, "{template}");
}

#[test]
fn values_are_encoded_for_their_place() {
    check("http://h.test", "/");
    check("http://h.test/a b/ä", "/a%20b/%C3%A4");
    check("http://h.test/{plain}", "/plain");
    check("http://h.test/p/{id}/q", "/p/a%20b%2Fc&d/q");
    check("http://h.test/p?x={id}", "/p?x=a%20b%2Fc%26d");
    check("http://h.test/{proxy}", "/x/y%2Fz//w");
    check("http://h.test/{proxy+}", "/x/y%2Fz//w");
    check("http://h.test/{bytes}", "/%ff%fe");
    check(
        "http://h.test/v${stageVariables.v}/{plain}-{plain}",
        "/v2/plain-plain",
    );
}

#[test]
fn client_query_follows_the_own_one() {
    assert_eq!(
        rendered("http://h.test/a", None, Some("b=1&b=2")),
        "/a?b=1&b=2"
    );
    assert_eq!(
        rendered("http://h.test/a?x=1", None, Some("b=1")),
        "/a?x=1&b=1"
    );
    assert_eq!(rendered("http://h.test/a?x=1", None, Some("")), "/a?x=1");
    assert_eq!(rendered("http://h.test?x={plain}", None, None), "/?x=plain");
}

#[test]
fn default_route_appends_the_whole_path() {
    assert_eq!(rendered("http://h.test", Some("a/b"), Some("q")), "/a/b?q");
    assert_eq!(rendered("http://h.test/", Some("a/b/"), None), "/a/b/");
    assert_eq!(
        rendered("http://h.test/base", Some("a%2Fb"), None),
        "/base/a%2Fb"
    );
    assert_eq!(
        rendered("http://h.test/base?x=1", Some(""), None),
        "/base/?x=1"
    );
}

#[test]
fn stage_variables_may_hold_the_authority() {
    let template = UriTemplate::compile("http://${stageVariables.host}/x", &stage()).unwrap();
    assert_eq!((template.host(), template.port()), ("one.test", 8080));
    assert_eq!(template.authority(), "one.test:8080");
    assert!(!template.https());
    let template = UriTemplate::compile("${stageVariables.base}/{id}", &stage()).unwrap();
    assert_eq!((template.authority(), template.port()), ("two.test", 443));
    assert!(template.https());
    assert_eq!(template.parameters().collect::<Vec<_>>(), ["id"]);
}

#[test]
fn authorities() {
    let authority = |text: &str| {
        let template = UriTemplate::compile(text, &stage()).unwrap();
        (
            template.host().to_owned(),
            template.port(),
            template.authority().to_owned(),
        )
    };
    let owned = |host: &str, port, text: &str| (host.to_owned(), port, text.to_owned());
    assert_eq!(
        authority("HTTP://Host.Test:80/"),
        owned("host.test", 80, "host.test")
    );
    assert_eq!(
        authority("https://h.test:8443"),
        owned("h.test", 8443, "h.test:8443")
    );
    assert_eq!(authority("http://[::1]:9/x"), owned("::1", 9, "[::1]:9"));
    assert_eq!(
        authority("https://[2001:db8::1]"),
        owned("2001:db8::1", 443, "[2001:db8::1]")
    );
}

#[test]
fn bad_uris_are_refused() {
    use UriTemplateError as E;
    let error = |text: &str| UriTemplate::compile(text, &stage()).unwrap_err();
    assert_eq!(error("ftp://x"), E::Scheme);
    assert_eq!(error("x.test/a"), E::Scheme);
    assert_eq!(error("http://{id}/a"), E::ParameterInHost);
    assert_eq!(error("http://u:p@x.test/"), E::Credentials);
    assert_eq!(error("http://x.test/#a"), E::Fragment);
    assert_eq!(error("http://x.test:0/"), E::Port("0".into()));
    assert_eq!(error("http://x.test:/"), E::Port(String::new()));
    assert_eq!(error("http:///a"), E::Host(String::new()));
    assert_eq!(error("http://a b/"), E::Host("a b".into()));
    assert_eq!(error("http://[x]/"), E::Host("[x]".into()));
    assert_eq!(error("http://x.test/{a"), E::Parameter);
    assert_eq!(error("http://x.test/a}"), E::Parameter);
    assert_eq!(error("http://x.test/{}"), E::Parameter);
    assert_eq!(
        error("http://x.test/${stageVariables.no}"),
        E::StageVariable("no".into())
    );
    assert_eq!(error("http://x.test/${context.x}"), E::Reference);
    assert_eq!(
        error(&format!("http://x.test/{}", "a".repeat(9000))),
        E::TooLong
    );
}

#[test]
fn values_that_would_leave_the_path_are_refused() {
    let error = |text: &str, append_path| {
        let template = UriTemplate::compile(text, &stage()).unwrap();
        template
            .render(
                values,
                Extras {
                    append_path,
                    query: None,
                },
            )
            .unwrap_err()
    };
    assert_eq!(error("http://x.test/a/{up}", None), ValueError::DotSegment);
    assert_eq!(
        error("http://x.test/a/{over}", None),
        ValueError::DotSegment
    );
    assert_eq!(
        error("http://x.test/a", Some("b%2f%2e%2E")),
        ValueError::DotSegment
    );
    assert_eq!(
        error("http://x.test/a", Some("./b")),
        ValueError::DotSegment
    );
    assert_eq!(
        error("http://x.test/{none}", None),
        ValueError::Missing("none".into())
    );
    // Dots that are not a segment are fine.
    assert_eq!(
        rendered("http://x.test/a", Some(".well-known/x..y/..."), None),
        "/a/.well-known/x..y/..."
    );
}

proptest! {
    /// Whatever a client sends as one segment stays one segment of the backend's path.
    #[test]
    fn a_segment_stays_a_segment(raw in "[ -~&&[^/?#{}]]{1,40}") {
        let template = UriTemplate::compile("http://x.test/a/{id}/b?q={id}", &stage()).unwrap();
        let value = |_: &str| Some(Value::Segment(raw.as_str()));
        if let Ok(out) = template.render(value, Extras::default()) {
            let (path, query) = out.split_once('?').unwrap();
            prop_assert_eq!(path.split('/').count(), 4);
            prop_assert!(path.starts_with("/a/") && path.ends_with("/b"));
            prop_assert_eq!(query.matches(['&', '=', '#', ' ']).count(), 1);
        }
    }

    /// Compiling never panics, whatever the text.
    #[test]
    fn compiling_never_panics(text in "(https?://)?[a-z{}$\\[\\]:@#?/. ]{0,40}") {
        let _ = UriTemplate::compile(&text, &stage());
    }
}
