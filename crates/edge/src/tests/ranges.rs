//! Parts of answers, over real links: from what is stored, from what still arrives, and from what
//! cannot be stored.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serve::Body;
use tokio::time::timeout;

use super::regions::{Bench, PATIENCE};

/// 300,000 bytes: more than one piece of the cache, each place recognisable.
pub(super) fn numbers() -> String {
    (0..50_000).map(|number| format!("{number:05};")).collect()
}

#[tokio::test]
async fn parts_come_from_what_is_stored() {
    let bench = Bench::start(1).await;
    let whole = bench.get("/numbers", &[]).await;
    assert_eq!(whole.body, numbers());
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-5", 0, 6),
        ("bytes=262140-262150", 262_140, 262_151),
        ("bytes=299994-", 299_994, 300_000),
        ("bytes=-7", 299_993, 300_000),
        ("BYTES=10-999999999", 10, 300_000),
        ("bytes=0-10, 5-20, 60-61", 0, 62),
    ] {
        let part = bench.get("/numbers", &[("range", range)]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body.as_bytes(), &numbers().as_bytes()[from..to]);
        let expected = format!("bytes {from}-{}/300000", to - 1);
        assert_eq!(part.header("content-range"), expected);
        assert_eq!(part.header("content-length"), (to - from).to_string());
        assert_eq!(part.header("etag"), "\"tag\"");
        assert!(part.cache().ends_with("detail=range"), "{}", part.cache());
    }
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn a_signed_range_arrives_as_it_was_signed() {
    let bench = Bench::start(1).await;
    let range = ("range", "bytes=0-1");
    let (signed, host) = ("host%3Brange", "host");
    for _ in 0..2 {
        let path = format!("/numbers?X-Amz-SignedHeaders={signed}&X-Amz-Signature=00");
        let part = bench.get(&path, &[range]).await;
        assert_eq!(
            (part.status.as_u16(), part.header("x-asked")),
            (206, "bytes=0-1")
        );
        assert!(part.cache().contains("detail=signed"), "{}", part.cache());
    }
    // A range that is not signed can be left out: the whole is fetched, and the part cut from it.
    let path = format!("/numbers?X-Amz-SignedHeaders={host}&X-Amz-Signature=00");
    let part = bench.get(&path, &[range]).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "00"));
}

#[tokio::test]
async fn several_parts_are_sent_in_one_body() {
    let bench = Bench::start(1).await;
    bench.get("/numbers", &[]).await;
    let range = ("range", "bytes=600-605,0-5,-6,300000-300001");
    let parts = bench.get("/numbers", &[range]).await;
    assert_eq!(parts.status, 206);
    let kind = parts.header("content-type").to_owned();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let part = |from: usize, to: usize, text: &str| {
        let range = format!("Content-Range: bytes {from}-{to}/300000");
        format!("--{boundary}\r\nContent-Type: text/plain\r\n{range}\r\n\r\n{text}\r\n")
    };
    let expected = [
        part(600, 605, "00100;"),
        part(0, 5, "00000;"),
        part(299_994, 299_999, "49999;"),
    ];
    assert_eq!(
        parts.body,
        format!("{}--{boundary}--\r\n", expected.concat())
    );
    assert_eq!(parts.header("content-length"), parts.body.len().to_string());
    assert!(!parts.headers.contains_key("content-range"));
}

#[tokio::test]
async fn a_range_that_cannot_be_had_or_is_not_meant_is_not_cut() {
    let bench = Bench::start(1).await;
    bench.get("/numbers", &[]).await;
    let none = bench.get("/numbers", &[("range", "bytes=300000-")]).await;
    assert_eq!((none.status.as_u16(), none.body.as_str()), (416, ""));
    assert_eq!(none.header("content-range"), "bytes */300000");
    assert!(!none.headers.contains_key("cache-control"));
    let many = (0..40).map(|at| format!("{}-{}", at * 1_000, at * 1_000));
    let many = format!("bytes={}", many.collect::<Vec<_>>().join(","));
    for (headers, why) in [
        (vec![("range", "bytes=5-1")], "range-malformed"),
        (vec![("range", "bytes=a-b")], "range-malformed"),
        (vec![("range", many.as_str())], "ranges-too-many"),
        (
            vec![("range", "bytes=0-1"), ("if-range", "\"x\"")],
            "if-range",
        ),
        (
            vec![("range", "bytes=0-1"), ("if-range", "W/\"tag\"")],
            "if-range",
        ),
    ] {
        let whole = bench.get("/numbers", &headers).await;
        assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 300_000));
        assert!(whole.cache().ends_with(why), "{}", whole.cache());
    }
    let same = [("range", "bytes=0-1"), ("if-range", "\"tag\"")];
    assert_eq!(bench.get("/numbers", &same).await.body, "00");
    let head = bench.send(Method::HEAD, "/numbers", &same[..1], Body::empty());
    let head = super::read(head.await).await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (StatusCode::OK, "300000")
    );
    let unchanged = [("range", "bytes=0-1"), ("if-none-match", "\"tag\"")];
    assert_eq!(bench.get("/numbers", &unchanged).await.status, 304);
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn a_part_that_is_not_stored_makes_the_whole_be_stored() {
    let bench = Bench::start(1).await;
    let part = bench.get("/numbers", &[("range", "bytes=6-11")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "00001;"));
    assert_eq!(part.cache(), "fwd=uri-miss; fwd-status=200; stored");
    assert_eq!(part.header("content-range"), "bytes 6-11/300000");
    let settled = async { while !bench.get("/numbers", &[]).await.cache().starts_with("hit") {} };
    timeout(PATIENCE, settled).await.unwrap();
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn a_part_is_sent_before_the_rest_is_there() {
    let bench = Bench::start(1).await;
    let range = [("range", "bytes=2-4")];
    let mut first = bench
        .send(Method::GET, "/sized-stream", &range, Body::empty())
        .await;
    let feed = bench.regions[0].feed();
    let range = [("range", "bytes=-3")];
    let mut last = bench
        .send(Method::GET, "/sized-stream", &range, Body::empty())
        .await;
    for (response, range) in [(&first, "bytes 2-4/10"), (&last, "bytes 7-9/10")] {
        assert_eq!(response.status(), 206);
        assert_eq!(response.headers()["content-range"], range);
    }
    feed.send(Ok(Bytes::from("012345"))).await.unwrap();
    let begin = timeout(PATIENCE, first.body_mut().collect()).await.unwrap();
    assert_eq!(begin.unwrap().to_bytes(), "234");
    // Its client is gone, and the fill goes on.
    drop(first);
    feed.send(Ok(Bytes::from("6789"))).await.unwrap();
    let end = timeout(PATIENCE, last.body_mut().collect()).await.unwrap();
    assert_eq!(end.unwrap().to_bytes(), "789");
    let whole = bench.get("/sized-stream", &[]).await;
    assert_eq!(whole.body, "0123456789");
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn parts_of_a_growing_answer_without_length_wait_for_its_end() {
    let bench = Bench::start(1).await;
    bench.regions[0].release();
    let range = [("range", "bytes=-3")];
    let asked = bench.send(Method::GET, "/slow-stream", &range, Body::empty());
    let fed = async {
        bench.regions[0].wait_for_calls(1).await;
        let feed = loop {
            match bench.regions[0].try_feed() {
                Some(feed) => break feed,
                None => tokio::task::yield_now().await,
            }
        };
        for piece in ["0123", "456", "789"] {
            feed.send(Ok(Bytes::from(piece))).await.unwrap();
        }
    };
    let (response, ()) = tokio::join!(asked, fed);
    let part = super::read(response).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "789"));
    assert_eq!(part.header("content-range"), "bytes 7-9/10");
}

#[tokio::test]
async fn so_many_whole_answers_are_fetched_for_parts() {
    let bench = Bench::start(1).await;
    let fills = Arc::clone(&bench.edge.core.whole_fills);
    let all = fills.available_permits();
    let held = fills
        .acquire_many(u32::try_from(all).unwrap())
        .await
        .unwrap();
    let range = [("range", "bytes=6-11")];
    let part = bench.get("/numbers", &range).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "pa"));
    drop(held);
    let part = bench.get("/numbers", &range).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "00001;"));
    // It is given back once the whole has come.
    let back = async {
        while fills.available_permits() < all {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
}

#[tokio::test]
async fn a_part_of_what_is_not_storable_is_left_to_the_region() {
    let bench = Bench::start(1).await;
    for calls in [2, 3] {
        let part = bench.get("/private", &[("range", "bytes=0-1")]).await;
        assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "pa"));
        assert_eq!(part.header("x-asked"), "bytes=0-1");
        assert!(part.cache().ends_with("detail=partial"), "{}", part.cache());
        // The second time it is known.
        assert_eq!(bench.regions[0].calls(), calls);
    }
    let named = [("range", "bytes=0-1"), ("authorization", "me")];
    let part = bench.get("/fresh", &named).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "pa"));
}
