//! Tests of the removal of hop-by-hop headers.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Strips headers written as lines; the rest must be `expected`, in any order.
fn check(input: &str, expected: &str) {
    let mut headers = HeaderMap::new();
    for line in input.lines() {
        let (name, value) = line.split_once(": ").expect("a header line");
        let name: HeaderName = name.parse().expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    super::strip_hop_by_hop(&mut headers);
    let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
    let mut left: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    left.sort();
    let mut expected: Vec<&str> = expected.lines().collect();
    expected.sort_unstable();
    assert_eq!(left, expected, "{input}");
}

#[test]
fn removes_the_fixed_ones() {
    check(
        "a: 1\nconnection: close\nkeep-alive: 5\nproxy-connection: x",
        "a: 1",
    );
    check(
        "transfer-encoding: chunked\nupgrade: h2c\nproxy-authorization: x\nb: 2",
        "b: 2",
    );
    check("proxy-authenticate: x", "");
    check("trailer: x-sum", "trailer: x-sum");
}

#[test]
fn removes_what_connection_names() {
    check("connection: close, X-One\nx-one: 1\nx-two: 2", "x-two: 2");
    check(
        "connection: x-one\nconnection: x-two,,\nx-one: 1\nx-one: 1\nx-two: 2",
        "",
    );
    check(
        "connection: \u{1}? ()\nx: y".replace('\u{1}', "").as_str(),
        "x: y",
    );
    check("connection: connection", "");
}

#[test]
fn connection_cannot_name_away_the_message() {
    let kept = "host: a\ncontent-length: 5\ntrailer: b";
    check(
        &format!("connection: host, content-length, trailer\n{kept}"),
        kept,
    );
}

#[test]
fn keeps_only_trailers_in_te() {
    check("te: trailers", "te: trailers");
    check("connection: te\nte: trailers", "te: trailers");
    check("te: gzip, Trailers", "te: trailers");
    check("te: gzip\nte: trailers", "te: trailers");
    check("te: gzip", "");
}
