//! Codings made at the POP, over real links.

use std::time::Duration;

use http::{HeaderMap, Method};
use serve::{Body, Response};
use tokio::time::timeout;

use super::regions::{Bench, PATIENCE};

/// Long enough to be coded.
pub(super) fn text() -> String {
    "all work and no play makes a dull boy. ".repeat(200)
}

struct Raw {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Raw {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

async fn raw(response: Response) -> Raw {
    let (head, body) = response.into_parts();
    Raw {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.into_bytes(1 << 20).await.unwrap().to_vec(),
    }
}

async fn ask(bench: &Bench, path: &str, headers: &[(&str, &str)]) -> Raw {
    raw(bench.send(Method::GET, path, headers, Body::empty()).await).await
}

/// Asks until the answer has this coding.
async fn until_coded(bench: &Bench, path: &str, coding: &str) -> Raw {
    let asked = async {
        loop {
            let seen = ask(bench, path, &[("accept-encoding", coding)]).await;
            if seen.header("content-encoding") == coding {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap()
}

fn plain(coding: &str, body: &[u8]) -> String {
    let mut plain = String::new();
    match coding {
        "br" => {
            std::io::Read::read_to_string(&mut brotli::Decompressor::new(body, 4_096), &mut plain)
        }
        _ => std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut plain),
    }
    .unwrap();
    plain
}

#[tokio::test]
async fn stored_answers_are_coded_for_those_who_accept_it() {
    let bench = Bench::start(1).await;
    let miss = ask(&bench, "/text", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(miss.header("vary"), "accept-encoding");
    assert_eq!(miss.header("content-encoding"), "");
    for coding in ["br", "gzip"] {
        let coded = until_coded(&bench, "/text", coding).await;
        assert_eq!(plain(coding, &coded.body), text());
        assert!(coded.body.len() < 500);
        assert_eq!(coded.header("content-length"), coded.body.len().to_string());
        assert_eq!(coded.header("etag"), "W/\"tag\"");
        assert_eq!(coded.header("vary"), "accept-encoding");
        let detail = format!("detail={coding}");
        assert!(coded.header("cache-status").ends_with(&detail));
        let accept = ("accept-encoding", coding);
        let head = bench.send(Method::HEAD, "/text", &[accept], Body::empty());
        let head = raw(head.await).await;
        assert_eq!(
            (head.header("content-encoding"), head.body.len()),
            (coding, 0)
        );
        assert_eq!(
            head.header("content-length"),
            coded.header("content-length")
        );
        let same = ask(&bench, "/text", &[accept, ("if-none-match", "W/\"tag\"")]).await;
        assert_eq!((same.status, same.header("etag")), (304, "W/\"tag\""));
        assert_eq!(same.header("content-encoding"), "");
        // Parts are of the plain body.
        let part = ask(&bench, "/text", &[accept, ("range", "bytes=4-7")]).await;
        assert_eq!((part.status, part.body.as_slice()), (206, &b"work"[..]));
        assert_eq!(
            (part.header("content-encoding"), part.header("etag")),
            ("", "\"tag\"")
        );
        assert_eq!(part.header("vary"), "accept-encoding");
    }
    let both = ask(&bench, "/text", &[("accept-encoding", "gzip, deflate, br")]).await;
    assert_eq!(both.header("content-encoding"), "br");
    for nothing in [vec![], vec![("accept-encoding", "gzip;q=0")]] {
        let plain = ask(&bench, "/text", &nothing).await;
        assert_eq!(plain.body, text().as_bytes());
        assert_eq!(
            (plain.header("etag"), plain.header("vary")),
            ("\"tag\"", "accept-encoding")
        );
    }
    assert_eq!(bench.regions[0].calls(), 1);
    // What is purged is gone in all codings.
    bench.edge.purge(&crate::Purge::Api("aaaaaaaaaa".into()));
    let after = ask(&bench, "/text", &[("accept-encoding", "br")]).await;
    assert!(after.header("cache-status").contains("fwd=uri-miss"));
    assert_eq!(after.header("content-encoding"), "");
}

#[tokio::test]
async fn a_client_that_refuses_plain_bodies_is_sent_on_until_there_is_a_coded_one() {
    let bench = Bench::start(1).await;
    ask(&bench, "/text", &[]).await;
    let strict = [("accept-encoding", "gzip, identity;q=0")];
    let first = ask(&bench, "/text", &strict).await;
    assert!(first.header("cache-status").contains("fwd=request"));
    until_coded(&bench, "/text", "gzip").await;
    let then = ask(&bench, "/text", &strict).await;
    assert_eq!(then.header("content-encoding"), "gzip");
    assert!(then.header("cache-status").ends_with("detail=gzip"));
}

#[tokio::test]
async fn what_must_not_be_transformed_is_not() {
    let bench = Bench::start(1).await;
    for _ in 0..3 {
        let seen = ask(&bench, "/fixed-text", &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(
            (seen.header("content-encoding"), seen.header("vary")),
            ("", "")
        );
        assert_eq!(seen.body, text().as_bytes());
    }
}

#[tokio::test]
async fn a_confirmed_answer_keeps_its_codings() {
    let bench = Bench::start(1).await;
    ask(&bench, "/confirmed-text", &[]).await;
    until_coded(&bench, "/confirmed-text", "gzip").await;
    // Until it has been confirmed, which leaves a header.
    let confirmed = async {
        loop {
            let seen = ask(&bench, "/confirmed-text", &[("accept-encoding", "gzip")]).await;
            if seen.header("x-new") == "1" && seen.header("cache-status").contains("hit") {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = timeout(PATIENCE, confirmed).await.unwrap();
    assert_eq!(seen.header("content-encoding"), "gzip");
    assert_eq!(plain("gzip", &seen.body), text());
}
