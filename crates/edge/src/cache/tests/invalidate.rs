//! Tests of the addresses that an unsafe request changes.

use super::super::invalidate::named;
use super::super::key::Key;
use super::map;

fn resolved(reference: &str) -> Option<String> {
    let key = Key {
        generation: 1,
        https: true,
        host: "Api.test:443",
        path_and_query: "/a/b/c?q=1",
    };
    named(key, &map(&[("location", reference)])).pop()
}

#[test]
fn references_are_resolved_within_the_origin() {
    for (reference, expected) in [
        ("https://api.test/x?y#z", "/x?y"),
        ("HTTPS://API.TEST:443", "/"),
        ("https://api.test?y", "/?y"),
        ("//api.test/x", "/x"),
        ("/x/../y", "/y"),
        ("/../../y", "/y"),
        ("d", "/a/b/d"),
        ("d:e/f", ""),
        ("./d:e", "/a/b/d:e"),
        ("../d?e", "/a/d?e"),
        ("..", "/a/"),
        (".", "/a/b/"),
        ("?e", "/a/b/c?e"),
        ("#e", "/a/b/c?q=1"),
        ("", "/a/b/c?q=1"),
        ("http://api.test/x", ""),
        ("https://other.test/x", ""),
        ("https://api.test:8443/x", ""),
        ("https://me@api.test/x", ""),
        ("https:x", ""),
        ("mailto:x@api.test", ""),
    ] {
        let expected = Some(expected.to_owned()).filter(|path| !path.is_empty());
        assert_eq!(resolved(reference), expected, "{reference}");
    }
}

#[test]
fn both_fields_count() {
    let key = Key {
        generation: 1,
        https: false,
        host: "api.test",
        path_and_query: "/a",
    };
    let answer = map(&[("content-location", "/c"), ("location", "/b")]);
    assert_eq!(named(key, &answer), ["/b", "/c"]);
}
