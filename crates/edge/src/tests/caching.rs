//! Tests of the cache over real links: one fill for many, stale answers, purges.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use serve::{Body, Response};
use tokio::time::timeout;

use super::regions::{Bench, HOST, PATIENCE};
use super::{Seen, read};
use crate::Purge;

async fn next(response: &mut Response) -> Option<Bytes> {
    let frame = timeout(PATIENCE, response.body_mut().frame()).await;
    frame
        .unwrap()
        .map(|frame| frame.unwrap().into_data().unwrap())
}

/// Asks until what the cache says ends so.
async fn until(bench: &Bench, path: &str, wanted: &str) -> Seen {
    until_it(bench, path, |cache| cache.ends_with(wanted)).await
}

/// Asks until it is a hit.
async fn until_hit(bench: &Bench, path: &str) -> Seen {
    until_it(bench, path, |cache| cache.starts_with("hit;")).await
}

async fn until_it(bench: &Bench, path: &str, wanted: impl Fn(&str) -> bool) -> Seen {
    let asked = async {
        loop {
            let seen = bench.get(path, &[]).await;
            if wanted(seen.cache()) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap()
}

#[tokio::test]
async fn a_thousand_misses_make_one_fill() {
    let bench = Bench::start(1).await;
    let all = (0..1_000).map(|_| bench.spawn(Method::GET, "/slow-stream", Body::empty()));
    let all: Vec<_> = all.collect();
    bench.regions[0].wait_for_calls(1).await;
    bench.regions[0].release();
    let mut open = Vec::new();
    for one in all {
        open.push(timeout(PATIENCE, one).await.unwrap().unwrap());
    }
    // All heads are there before the first byte of the body is.
    let feed = bench.regions[0].feed();
    feed.send(Ok(Bytes::from("one"))).await.unwrap();
    for response in &mut open {
        assert_eq!(next(response).await.unwrap(), "one");
    }
    feed.send(Ok(Bytes::from("two"))).await.unwrap();
    drop(feed);
    for response in &mut open {
        assert_eq!(next(response).await.unwrap(), "two");
        assert_eq!(next(response).await, None);
    }
    assert_eq!(bench.regions[0].calls(), 1);
    let hit = until_hit(&bench, "/slow-stream").await;
    assert_eq!(hit.body, "onetwo");
}

#[tokio::test]
async fn a_fill_goes_on_while_a_follower_reads() {
    let bench = Bench::start(1).await;
    let first = bench.spawn(Method::GET, "/slow-stream", Body::empty());
    bench.regions[0].wait_for_calls(1).await;
    bench.regions[0].release();
    let mut first = timeout(PATIENCE, first).await.unwrap().unwrap();
    let feed = bench.regions[0].feed();
    feed.send(Ok(Bytes::from("one"))).await.unwrap();
    assert_eq!(next(&mut first).await.unwrap(), "one");
    // A late follower begins at the beginning, and the leader goes away.
    let mut late = bench
        .send(Method::GET, "/slow-stream", &[], Body::empty())
        .await;
    drop(first);
    assert_eq!(next(&mut late).await.unwrap(), "one");
    feed.send(Ok(Bytes::from("two"))).await.unwrap();
    drop(feed);
    assert_eq!(next(&mut late).await.unwrap(), "two");
    assert_eq!(next(&mut late).await, None);
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn a_fill_that_breaks_fails_its_followers_and_is_not_stored() {
    let mut bench = Bench::start(1).await;
    let first = bench.spawn(Method::GET, "/slow-stream", Body::empty());
    bench.regions[0].wait_for_calls(1).await;
    bench.regions[0].release();
    let mut first = timeout(PATIENCE, first).await.unwrap().unwrap();
    let feed = bench.regions[0].feed();
    feed.send(Ok(Bytes::from("one"))).await.unwrap();
    let mut second = bench
        .send(Method::GET, "/slow-stream", &[], Body::empty())
        .await;
    assert_eq!(next(&mut first).await.unwrap(), "one");
    assert_eq!(next(&mut second).await.unwrap(), "one");
    bench.regions[0].kill();
    for response in [&mut first, &mut second] {
        let frame = timeout(PATIENCE, response.body_mut().frame()).await;
        assert!(frame.unwrap().unwrap().is_err());
    }
    assert_ne!(bench.get("/slow-stream", &[]).await.status, 200);
}

#[tokio::test]
async fn a_stale_answer_is_used_while_a_newer_one_comes() {
    let bench = Bench::start(1).await;
    bench.get("/while", &[]).await;
    let stale = until(&bench, "/while", "detail=revalidating").await;
    assert_eq!(stale.body, "r0 #1");
    bench.regions[0].wait_for_calls(2).await;
    let newer = async {
        while bench.get("/while", &[]).await.body == "r0 #1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, newer).await.unwrap();
}

#[tokio::test]
async fn a_confirmation_of_something_else_is_not_believed() {
    let bench = Bench::start(1).await;
    bench.get("/wrong-tag", &[]).await;
    let newer = async {
        loop {
            let seen = bench.get("/wrong-tag", &[]).await;
            if seen.cache() == "fwd=stale; fwd-status=200; stored" {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let newer = timeout(PATIENCE, newer).await.unwrap();
    assert_eq!(newer.body, "r0 #3");
}

#[tokio::test]
async fn a_stale_answer_is_better_than_an_error() {
    let bench = Bench::start(1).await;
    bench.get("/on-error", &[]).await;
    let stale = until(&bench, "/on-error", "detail=region-error").await;
    assert_eq!((stale.status.as_u16(), stale.body.as_str()), (200, "r0 #1"));
}

#[tokio::test]
async fn a_stale_answer_does_not_wait_for_a_slow_region() {
    let bench = Bench::start(1).await;
    bench.regions[0].release();
    bench.get("/slow-on-error", &[]).await;
    bench.regions[0].hold();
    let stale = until(&bench, "/slow-on-error", "detail=soft-timeout").await;
    assert_eq!(stale.body, "r0 #1");
    assert_eq!(bench.regions[0].calls(), 2);
    // The fetch has gone on.
    bench.regions[0].release();
    let newer = async {
        while bench.get("/slow-on-error", &[]).await.body == "r0 #1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, newer).await.unwrap();
}

#[tokio::test]
async fn what_was_asked_for_before_a_change_is_not_served_after_it() {
    let bench = Bench::start(1).await;
    let get = async || {
        let asked = bench.send(Method::GET, "/sized-stream", &[], Body::empty());
        let answer = asked.await;
        (answer, bench.regions[0].feed())
    };
    let (before, old) = get().await;
    bench
        .send(Method::PUT, "/moved-stream", &[], Body::full("x"))
        .await;
    let (after, new) = get().await;
    assert_eq!(bench.regions[0].calls(), 3);
    // What was asked for first comes last.
    for (feed, text, answer) in [(new, "abcdefghij", after), (old, "0123456789", before)] {
        feed.send(Ok(Bytes::from(text))).await.unwrap();
        assert_eq!(read(answer).await.body, text);
    }
    let hit = until_hit(&bench, "/sized-stream").await;
    assert_eq!(hit.body, "abcdefghij");
    assert_eq!(bench.regions[0].calls(), 3);
}

#[tokio::test]
async fn what_is_purged_is_not_served_again() {
    let bench = Bench::start(1).await;
    let url = |path: &str| format!("https://{HOST}:8443{path}");
    let purges = [
        (Purge::Tag("green".into()), "/tagged", true),
        (Purge::Tag("gree".into()), "/tagged", false),
        (Purge::Url(url("/fresh?a")), "/fresh?a", true),
        (Purge::Url(url("/fresh")), "/fresh?a", false),
        (Purge::Prefix(url("/fre")), "/fresh?a", true),
        (Purge::Prefix(url("/x")), "/fresh?a", false),
        (Purge::Api("aaaaaaaaaa".into()), "/fresh?a", true),
        (Purge::Api("bbbbbbbbbb".into()), "/fresh?a", false),
    ];
    for (purge, path, gone) in purges {
        bench.get(path, &[]).await;
        assert!(bench.get(path, &[]).await.cache().starts_with("hit"));
        let count = bench.edge.purge(&purge);
        assert_eq!(count > 0, gone, "{purge:?} {path}");
        let after = bench.get(path, &[]).await;
        assert_eq!(!after.cache().starts_with("hit"), gone, "{purge:?} {path}");
    }
}

#[tokio::test]
async fn what_was_on_its_way_during_a_purge_is_not_stored_for_others() {
    let bench = Bench::start(1).await;
    let first = bench.spawn(Method::GET, "/slow", Body::empty());
    bench.regions[0].wait_for_calls(1).await;
    bench.edge.purge(&Purge::Api("aaaaaaaaaa".into()));
    bench.regions[0].release();
    let first = read(timeout(PATIENCE, first).await.unwrap().unwrap()).await;
    assert_eq!(first.body, "r0 #1");
    assert_eq!(bench.get("/slow", &[]).await.body, "r0 #2");
}
