//! Tests of codings: what is coded, and that the bytes come back.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use super::super::coding::{Codable, Coded, Coding, Workshop, add_vary, code_headers};
use super::super::entry::Pieces;
use super::map;

fn takes(headers: &[(&str, &str)], bytes: Option<u64>) -> bool {
    Workshop::new(true).takes(StatusCode::OK, &map(headers), bytes)
}

#[test]
fn some_answers_are_coded() {
    for kind in [
        "text/html; charset=utf-8",
        "Text/CSS",
        "application/json",
        "application/problem+json",
        "image/svg+xml",
        "application/wasm",
    ] {
        assert!(takes(&[("content-type", kind)], None), "{kind}");
    }
    for kind in [
        "image/png",
        "video/mp4",
        "text",
        "text/event-stream",
        "application/zip",
    ] {
        assert!(!takes(&[("content-type", kind)], None), "{kind}");
    }
    let json = ("content-type", "application/json");
    assert!(!takes(&[], None));
    assert!(takes(&[json], Some(1_000)));
    assert!(!takes(&[json], Some(999)));
    assert!(!takes(&[json], Some(10_000_001)));
    for other in [
        ("content-encoding", "gzip"),
        ("cache-control", "public, no-transform"),
        ("cdn-cache-control", "no-transform"),
        ("content-digest", "sha-256=:x:"),
        ("content-md5", "x"),
    ] {
        assert!(!takes(&[json, other], None), "{other:?}");
    }
    // What the targeted field does not say, the other one still does.
    let both = [
        json,
        ("cdn-cache-control", "max-age=1"),
        ("cache-control", "no-transform"),
    ];
    assert!(!takes(&both, None));
    let headers = map(&[json]);
    assert!(!Workshop::new(true).takes(StatusCode::NOT_FOUND, &headers, None));
    assert!(!Workshop::new(false).takes(StatusCode::OK, &headers, None));
}

#[test]
fn headers_tell_of_the_coding() {
    let mut headers = map(&[
        ("etag", "\"a\""),
        ("content-length", "5000"),
        ("accept-ranges", "bytes"),
        ("vary", "origin"),
    ]);
    code_headers(&mut headers, Coding::Brotli, 77);
    add_vary(&mut headers);
    add_vary(&mut headers);
    let expected = map(&[
        ("etag", "W/\"a\""),
        ("content-length", "77"),
        ("content-encoding", "br"),
        ("vary", "origin"),
        ("vary", "accept-encoding"),
    ]);
    assert_eq!(headers, expected);
    let mut weak = map(&[("etag", "W/\"a\"")]);
    code_headers(&mut weak, Coding::Gzip, 77);
    assert_eq!(weak["etag"], "W/\"a\"");
    let mut listed = map(&[("vary", "Origin, Accept-Encoding")]);
    add_vary(&mut listed);
    assert_eq!(listed, map(&[("vary", "Origin, Accept-Encoding")]));
    let _: HeaderMap = listed;
}

#[test]
fn one_body_is_coded_once_at_a_time_and_not_for_ever() {
    let workshop = Workshop::new(true);
    let one = Codable::new(1);
    let job = workshop.job(&one, Coding::Gzip).unwrap().unwrap();
    assert!(workshop.job(&one, Coding::Gzip).is_none());
    let other = workshop.job(&one, Coding::Brotli).unwrap().unwrap();
    let third = Codable::new(2);
    let busy = workshop.job(&third, Coding::Gzip).unwrap();
    assert_eq!(busy.unwrap_err(), Coded::Busy);
    job.done(true);
    assert!(workshop.job(&one, Coding::Gzip).is_none());
    other.done(false);
    for _ in 0..2 {
        let again = workshop.job(&one, Coding::Brotli).unwrap().unwrap();
        again.done(false);
    }
    assert!(workshop.job(&one, Coding::Brotli).is_none());
    assert!(workshop.job(&third, Coding::Gzip).unwrap().is_ok());
}

proptest! {
    #[test]
    fn what_is_coded_comes_back(
        words in prop::collection::vec("[a-z]{1,8} ", 200..600),
        cut in 1..1_000_usize,
    ) {
        let plain = words.concat().into_bytes();
        let pieces = plain.chunks(cut).map(Bytes::copy_from_slice).collect();
        let body = Pieces::of(pieces);
        for coding in Coding::ALL {
            let coded = coding.apply(&body).unwrap().unwrap();
            prop_assert!(coded.len() < plain.len());
            prop_assert_eq!(coding.undo(&coded), plain.clone());
        }
    }
}

#[test]
fn what_does_not_get_smaller_is_left() {
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let body = Pieces::of(vec![noise.take(5_000).collect()]);
    for coding in Coding::ALL {
        assert_eq!(coding.apply(&body).unwrap(), None);
    }
}
