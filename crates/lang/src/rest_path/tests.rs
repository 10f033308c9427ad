//! Decoding and encoding, and that they undo each other.

use proptest::prelude::*;

use super::{QueryError, Slashes, decode, encode, encode_query, query, segments};

fn check(path: &str, expected: &[&str]) {
    assert_eq!(segments(path), expected, "{path}");
}

#[test]
fn segments_are_cut_before_they_are_decoded() {
    check("", &[]);
    check("/", &[]);
    check("//", &[]);
    check("/a", &["a"]);
    check("/a/", &["a"]);
    check("/a//", &["a", ""]);
    check("//a/b", &["a", "b"]);
    check("/a//b", &["a", "", "b"]);
    check("/a%2Fb/c%2fd", &["a/b", "c/d"]);
    check("/%61%20b", &["a b"]);
    check("/100%/%zz/%4", &["100%", "%zz", "%4"]);
    check("/%C3%A4/ä", &["ä", "ä"]);
    check("/%FF", &["\u{fffd}"]);
    check("/a+b", &["a+b"]);
    check("/a%252Fb", &["a%2Fb"]);
}

fn pairs(text: &str, expected: &[(&str, &str)]) {
    let found = query(text).unwrap();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn queries_keep_order_and_repetition() {
    pairs("", &[]);
    pairs("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]);
    pairs("a=1;b=2", &[("a", "1"), ("b", "2")]);
    pairs("a&&b=&=c", &[("a", ""), ("b", ""), ("", "c")]);
    pairs("a=b=c", &[("a", "b=c")]);
    pairs("a+b=c+d%2Be", &[("a b", "c d+e")]);
    pairs("%7Bx%7D=%7C", &[("{x}", "|")]);
    pairs("A=1&a=2", &[("A", "1"), ("a", "2")]);
}

#[test]
fn queries_with_bare_delimiters_are_refused() {
    assert_eq!(query("a={b"), Err(QueryError::Delimiter('{')));
    assert_eq!(query("a|b"), Err(QueryError::Delimiter('|')));
    assert_eq!(query(&"a&".repeat(1024)).map(|all| all.len()), Ok(1024));
    assert_eq!(query(&"a&".repeat(1025)), Err(QueryError::Pairs));
}

#[test]
fn values_cannot_become_delimiters() {
    assert_eq!(
        encode("a/b?c#d%e f", Slashes::Encode),
        "a%2Fb%3Fc%23d%25e%20f"
    );
    assert_eq!(encode("a/b?c", Slashes::Keep), "a/b%3Fc");
    assert_eq!(
        encode("ä:@!$&'()*+,;=-._~", Slashes::Encode),
        "%C3%A4:@!$&'()*+,;=-._~"
    );
    let text = encode_query([("a b", "1&2"), ("c", "x=y;+/?%"), ("a b", "")]);
    assert_eq!(text, "a%20b=1%262&c=x%3Dy%3B%2B/?%25&a%20b=");
}

proptest! {
    #[test]
    fn encoding_is_undone(value in "\\PC{0,40}", other in "\\PC{0,10}") {
        let encoded = encode(&value, Slashes::Encode);
        prop_assert!(!encoded.contains('/'));
        prop_assert_eq!(&decode(&encoded), &value);
        prop_assert_eq!(&decode(&encode(&value, Slashes::Keep)), &value);
        let text = encode_query([(value.as_str(), other.as_str())]);
        prop_assert_eq!(query(&text).unwrap(), [(value, other)]);
    }

    #[test]
    fn bytes_at_random_are_read(path in "[%/a-fA-F0-9+&;=\u{e4}]{0,60}") {
        let found = segments(&path);
        prop_assert!(found.len() <= path.len());
        let _ = query(&path);
    }
}
