//! Tests of the request checks: one line per case, through one helper.

use http::{Method, Request, Version};

use super::{Head, Refusal};
use crate::handler::Scheme;
use crate::limits::Limits;

/// Checks a request written as `VERSION METHOD TARGET` and header lines; gives the verdict.
fn verdict(request: &str) -> Result<(), Refusal> {
    let mut lines = request.lines();
    let mut first = lines.next().expect("a request line").split(' ');
    let version = match first.next().expect("a version") {
        "1.0" => Version::HTTP_10,
        "1.1" => Version::HTTP_11,
        "2" => Version::HTTP_2,
        other => panic!("version {other}"),
    };
    let method: Method = first
        .next()
        .expect("a method")
        .parse()
        .expect("a good method");
    let mut builder = Request::builder()
        .method(method)
        .uri(first.next().expect("a target"));
    for line in lines {
        let (name, value) = line.trim_start().split_once(':').expect("a header line");
        builder = builder.header(name, value.trim());
    }
    let request = builder.body(()).expect("a good request");
    let length = request.headers().get("content-length");
    let head = Head {
        version,
        method: request.method(),
        uri: request.uri(),
        headers: request.headers(),
        scheme: Scheme::Http,
        body_length: length.map(|length| length.to_str().unwrap().parse().unwrap()),
    };
    let limits = Limits {
        headers_max: 4,
        body_bytes_max: 10,
        ..Limits::default()
    };
    super::check(&head, &limits)
}

fn check_request(request: &str, expected: Result<(), Refusal>) {
    assert_eq!(verdict(request), expected, "{request}");
}

#[test]
fn hosts() {
    check_request("1.1 GET /\nhost: a.example", Ok(()));
    check_request("1.1 GET /\nhost: a.example:8080", Ok(()));
    check_request("1.1 GET /\nhost: 127.0.0.1:80", Ok(()));
    check_request("1.1 GET /\nhost: [::1]:80", Ok(()));
    check_request("1.1 GET /\nhost: [::1]", Ok(()));
    check_request("1.1 GET /\nhost: under_score.example", Ok(()));
    check_request("1.0 GET /", Ok(()));
    check_request("1.1 GET /", Err(Refusal::HostMissing));
    check_request("2 GET /", Err(Refusal::HostMissing));
    check_request("1.1 GET /\nhost: a\nhost: a", Err(Refusal::HostRepeated));
    check_request("1.0 GET /\nhost: a\nhost: b", Err(Refusal::HostRepeated));
    for bad in [
        // RFC 3986 3.2.3 would allow an empty port; two spellings of one host help nobody.
        "", "a b", "a/b", "a:", "a:x", "a:70000", "a:1:2", ":80", "[::1", "[::1]x", "[x]", "[]",
        "::1", "a\\b", "a,b c", "a%00b", "a\"b", "http://a", "a?b", "a#b",
    ] {
        check_request(
            &format!("1.1 GET /\nhost: {bad}"),
            Err(Refusal::HostMalformed),
        );
    }
    check_request("1.1 GET /\nhost: user@a.example", Err(Refusal::UserInfo));
    check_request("1.1 GET /\nhost: user:pw@a.example", Err(Refusal::UserInfo));
    let long = "a".repeat(256);
    check_request(
        &format!("1.1 GET /\nhost: {long}"),
        Err(Refusal::HostMalformed),
    );
}

#[test]
fn targets() {
    check_request("1.1 GET http://a.example/x\nhost: a.example", Ok(()));
    check_request("1.1 GET http://A.example:80/x\nhost: a.EXAMPLE", Ok(()));
    check_request(
        "1.1 GET http://a.example/x\nhost: b.example",
        Err(Refusal::HostMismatch),
    );
    check_request(
        "1.1 GET http://a.example:81/\nhost: a.example",
        Err(Refusal::HostMismatch),
    );
    check_request("1.1 GET http://[::1]:81/\nhost: [::1]:81", Ok(()));
    check_request(
        "1.1 GET http://u@a.example/\nhost: a.example",
        Err(Refusal::UserInfo),
    );
    check_request("1.1 GET http://a.example/x", Err(Refusal::HostMissing));
    check_request(
        "1.1 GET ftp://a.example/\nhost: a.example",
        Err(Refusal::TargetMalformed),
    );
    check_request(
        "1.1 GET a.example:80\nhost: a.example",
        Err(Refusal::TargetMalformed),
    );
    check_request(
        "1.1 CONNECT a.example:80\nhost: a.example:80",
        Err(Refusal::Connect),
    );
    check_request("1.1 CONNECT /\nhost: a.example", Err(Refusal::Connect));
    check_request("1.1 OPTIONS *\nhost: a", Ok(()));
    check_request("1.1 GET *\nhost: a", Err(Refusal::AsteriskForm));
    check_request("2 GET http://a.example/", Ok(()));
    check_request("2 GET http://a.example/\nhost: a.example", Ok(()));
    check_request(
        "2 GET http://a.example/\nhost: b.example",
        Err(Refusal::HostMismatch),
    );
    check_request("2 GET http://u@a.example/", Err(Refusal::UserInfo));
}

#[test]
fn framings() {
    check_request("1.1 POST /\nhost: a\ntransfer-encoding: chunked", Ok(()));
    check_request("1.1 POST /\nhost: a\ntransfer-encoding: Chunked", Ok(()));
    check_request("1.1 POST /\nhost: a\ncontent-length: 10", Ok(()));
    check_request(
        "1.1 POST /\nhost: a\ncontent-length: 11",
        Err(Refusal::BodyTooLarge),
    );
    check_request(
        "1.1 POST /\nhost: a\ncontent-length: 1\ntransfer-encoding: chunked",
        Err(Refusal::BothFramings),
    );
    for coding in ["gzip, chunked", "identity", "chunked, chunked", "x"] {
        let request = format!("1.1 POST /\nhost: a\ntransfer-encoding: {coding}");
        check_request(&request, Err(Refusal::CodingUnsupported));
    }
    check_request(
        "1.1 POST /\nhost: a\ntransfer-encoding: chunked\ntransfer-encoding: chunked",
        Err(Refusal::CodingUnsupported),
    );
    check_request("1.1 GET /\nhost: a\na: 1\nb: 2\nc: 3", Ok(()));
    check_request(
        "1.1 GET /\nhost: a\na: 1\nb: 2\nc: 3\nd: 4",
        Err(Refusal::HeadersTooMany),
    );
}

#[test]
fn every_refusal_is_a_client_error_or_unsupported() {
    for refusal in [
        Refusal::Syntax,
        Refusal::HeadTimedOut,
        Refusal::Connect,
        Refusal::CodingUnsupported,
        Refusal::BodyTooLarge,
    ] {
        let status = refusal.status();
        assert!(status.is_client_error() || status == http::StatusCode::NOT_IMPLEMENTED);
        assert!(!refusal.reason().is_empty());
    }
}
