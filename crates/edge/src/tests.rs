//! Tests of the POP against real links: regions are listeners of this process, each with a runtime
//! of its own, so that dropping it is as sudden as killing a process.

mod caching;
mod codings;
mod hedging;
mod outage;
mod ranges;
mod regions;
mod relaying;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use serve::{Body, BodyError, Response};
use tokio::time::timeout;

use self::regions::{Bench, HOST, PATIENCE};

/// What a test looks at.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn read(response: Response) -> Seen {
    let (head, body) = response.into_parts();
    let body = timeout(PATIENCE, body.into_bytes(1 << 24))
        .await
        .unwrap()
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Seen {
        status: head.status,
        headers: head.headers,
        body,
    }
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The cache's own words, without its name.
    fn cache(&self) -> &str {
        let status = self.header("cache-status");
        status.strip_prefix("edgeway-pop-1; ").unwrap_or(status)
    }
}

impl Bench {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Seen {
        read(self.send(Method::GET, path, headers, Body::empty()).await).await
    }
}

#[tokio::test]
async fn hosts_and_methods_are_checked_here() {
    let bench = Bench::start(1).await;
    let unknown = bench.get("/", &[("host", "unknown.test")]).await;
    assert_eq!(unknown.status, 403);
    assert_eq!(unknown.body, r#"{"message":"Forbidden"}"#);
    assert_eq!(unknown.header("x-amzn-errortype"), "ForbiddenException");
    assert_eq!(unknown.header("content-type"), "application/json");
    assert_eq!(unknown.header("apigw-requestid").len(), 16);
    let off = bench
        .get("/", &[("host", "bbbbbbbbbb.execute-api.r0.edgeway.test")])
        .await;
    assert_eq!(
        (off.status.as_u16(), off.body.as_str()),
        (404, r#"{"message":"Not Found"}"#)
    );
    let trace = read(bench.send(Method::TRACE, "/", &[], Body::empty()).await).await;
    assert_eq!(trace.status, 405);
    let only = bench
        .get("/fresh", &[("cache-control", "only-if-cached")])
        .await;
    assert_eq!(only.status, 504);
    assert_eq!(bench.regions[0].calls(), 0);
}

#[tokio::test]
async fn a_miss_is_stored_and_hit() {
    let bench = Bench::start(1).await;
    let miss = bench.get("/fresh?a=1", &[]).await;
    assert_eq!((miss.status.as_u16(), miss.body.as_str()), (200, "r0 #1"));
    assert_eq!(miss.cache(), "fwd=uri-miss; fwd-status=200; stored");
    assert_eq!(miss.header("via"), "1.1 pop-1.edgeway (edgeway)");
    assert_eq!(
        miss.header("server-timing"),
        "pop;desc=\"pop-1\", region;desc=\"r0\""
    );
    assert!(!miss.headers.contains_key("keep-alive"));
    let hit = bench.get("/fresh?a=1", &[]).await;
    assert_eq!((hit.status.as_u16(), hit.body.as_str()), (200, "r0 #1"));
    assert!(hit.cache().starts_with("hit; ttl="), "{}", hit.cache());
    assert_eq!(hit.header("age"), "0");
    assert_eq!(hit.header("via"), "1.1 pop-1.edgeway (edgeway)");
    assert_eq!(hit.header("server-timing"), "pop;desc=\"pop-1\"");
    assert_ne!(
        hit.header("apigw-requestid"),
        miss.header("apigw-requestid")
    );
    let other = bench.get("/fresh?a=2", &[]).await;
    assert_eq!(other.body, "r0 #2");
    assert_eq!(bench.regions[0].calls(), 2);
}

#[tokio::test]
async fn head_and_conditional_requests_are_answered_from_a_stored_get() {
    let bench = Bench::start(1).await;
    bench.get("/fresh", &[]).await;
    let head = read(bench.send(Method::HEAD, "/fresh", &[], Body::empty()).await).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), "5");
    let same = bench.get("/fresh", &[("if-none-match", "\"tag\"")]).await;
    assert_eq!((same.status.as_u16(), same.body.as_str()), (304, ""));
    assert_eq!(same.header("etag"), "\"tag\"");
    assert!(same.cache().starts_with("hit; "));
    assert!(!same.headers.contains_key("content-length"));
    assert!(!same.headers.contains_key("content-type"));
    let other = bench.get("/fresh", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn what_must_not_be_stored_is_fetched_each_time() {
    let bench = Bench::start(1).await;
    for (path, why) in [
        ("/private", "private"),
        ("/cookie", "set-cookie"),
        ("/plain", "no-freshness"),
        ("/error", "status"),
    ] {
        for _ in 0..2 {
            let seen = bench.get(path, &[]).await;
            let ending = format!("detail={why}");
            assert!(seen.cache().ends_with(&ending), "{path}: {}", seen.cache());
        }
    }
    assert_eq!(bench.regions[0].calls(), 8);
    let reload = bench.get("/fresh", &[]).await;
    assert_eq!(reload.body, "r0 #9");
    let reload = bench.get("/fresh", &[("cache-control", "no-cache")]).await;
    assert_eq!(
        (reload.body.as_str(), reload.cache()),
        ("r0 #10", "fwd=request; fwd-status=200; stored")
    );
    let range = bench.get("/fresh", &[("range", "items=0-1")]).await;
    assert_eq!(range.cache(), "fwd=bypass; detail=range; fwd-status=206");
}

#[tokio::test]
async fn answers_that_vary_are_kept_apart() {
    let bench = Bench::start(1).await;
    let get = async |language| bench.get("/vary", &[("accept-language", language)]).await;
    assert_eq!(get("de").await.body, "r0 #1");
    let other = get("en").await;
    assert_eq!(other.body, "r0 #2");
    assert_eq!(other.cache(), "fwd=vary-miss; fwd-status=200; stored");
    assert_eq!(get("de").await.body, "r0 #1");
    assert_eq!(get("en").await.body, "r0 #2");
}

#[tokio::test]
async fn an_unsafe_request_forgets_what_is_stored() {
    let bench = Bench::start(1).await;
    bench.get("/fresh", &[]).await;
    let posted = read(
        bench
            .send(Method::POST, "/fresh", &[], Body::full("x"))
            .await,
    )
    .await;
    assert_eq!(posted.cache(), "fwd=method; fwd-status=200");
    assert_eq!(
        bench.get("/fresh", &[]).await.cache(),
        "fwd=uri-miss; fwd-status=200; stored"
    );
}

#[tokio::test]
async fn an_unsafe_request_forgets_what_its_answer_names() {
    let bench = Bench::start(1).await;
    for path in ["/fresh", "/fresh?a=1", "/fresh?a=2"] {
        bench.get(path, &[]).await;
    }
    bench
        .send(Method::PUT, "/moved", &[], Body::full("x"))
        .await;
    for (path, kept) in [
        ("/fresh", false),
        ("/fresh?a=1", false),
        ("/fresh?a=2", true),
    ] {
        let cache = bench.get(path, &[]).await.cache().to_owned();
        assert_eq!(cache.starts_with("hit"), kept, "{path}: {cache}");
    }
}

#[tokio::test]
async fn an_answer_to_head_can_tell_that_the_stored_one_is_old() {
    let bench = Bench::start(1).await;
    bench.get("/fresh", &[]).await;
    let fresh = [("cache-control", "no-cache")];
    // It has a length, and a body of another length will come: "r0 #1", then "r0 #10".
    for _ in 0..8 {
        bench
            .send(Method::HEAD, "/fresh", &fresh, Body::empty())
            .await;
        assert!(bench.get("/fresh", &[]).await.cache().starts_with("hit"));
    }
    bench
        .send(Method::HEAD, "/fresh", &fresh, Body::empty())
        .await;
    let after = bench.get("/fresh", &[]).await;
    assert_eq!(after.cache(), "fwd=uri-miss; fwd-status=200; stored");
}

#[tokio::test]
async fn a_new_generation_leaves_the_old_answers_behind() {
    let bench = Bench::start(1).await;
    bench.get("/fresh", &[]).await;
    assert!(bench.get("/fresh", &[]).await.cache().starts_with("hit"));
    bench.deploy().await;
    assert_eq!(bench.get("/fresh", &[]).await.body, "r0 #2");
}

#[tokio::test]
async fn requests_for_the_same_wait_for_one_fetch() {
    let bench = Bench::start(1).await;
    let both = futures_util::future::join_all((0..10).map(|_| bench.get("/slow", &[])));
    let release = async {
        bench.regions[0].wait_for_calls(1).await;
        bench.regions[0].release();
    };
    let (all, ()) = timeout(PATIENCE, async { tokio::join!(both, release) })
        .await
        .unwrap();
    assert_eq!(bench.regions[0].calls(), 1);
    assert!(all.iter().all(|seen| seen.body == "r0 #1"));
    let collapsed = all
        .iter()
        .filter(|seen| seen.cache().contains("collapsed"))
        .count();
    assert_eq!(collapsed, 9);
}

#[tokio::test]
async fn nobody_waits_for_what_is_not_stored() {
    let bench = Bench::start(1).await;
    let get = || futures_util::future::join_all((0..10).map(|_| bench.get("/slow-private", &[])));
    let first = async {
        bench.regions[0].wait_for_calls(1).await;
        bench.regions[0].release();
    };
    let (all, ()) = timeout(PATIENCE, async { tokio::join!(get(), first) })
        .await
        .unwrap();
    assert_eq!((all.len(), bench.regions[0].calls()), (10, 10));
    // From now on all of them arrive at once.
    bench.regions[0].hold();
    let next = async {
        bench.regions[0].wait_for_calls(20).await;
        bench.regions[0].release();
    };
    timeout(PATIENCE, async { tokio::join!(get(), next) })
        .await
        .unwrap();
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let bench = Bench::start(1).await;
    let (sender, body) = regions::channel_body();
    let echo = bench.send(Method::POST, "/echo", &[], body);
    let talk = async {
        sender.send(Ok(Bytes::from("one"))).await.unwrap();
        let mut response = echo.await;
        let mut next = async || {
            let frame = timeout(PATIENCE, response.body_mut().frame())
                .await
                .unwrap();
            frame.map(|frame| frame.unwrap().into_data().unwrap())
        };
        assert_eq!(next().await.unwrap(), "one");
        sender.send(Ok(Bytes::from("two"))).await.unwrap();
        assert_eq!(next().await.unwrap(), "two");
        drop(sender);
        assert_eq!(next().await, None);
    };
    timeout(PATIENCE, talk).await.unwrap();
}

#[tokio::test]
async fn a_client_body_that_fails_is_the_clients_fault() {
    let bench = Bench::start(1).await;
    let (sender, body) = regions::channel_body();
    sender.send(Err(BodyError::TooLarge.into())).await.unwrap();
    let seen = read(bench.send(Method::POST, "/slow", &[], body).await).await;
    assert_eq!(seen.status, 413);
    assert_eq!(seen.body, r#"{"message":"Request Entity Too Large"}"#);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_call() {
    let bench = Bench::start(1).await;
    let call = bench.send(Method::GET, "/slow", &[], Body::empty());
    let begun = bench.regions[0].wait_for_calls(1);
    tokio::select! {
        _ = call => panic!("the region does not answer"),
        () = begun => {}
    }
    timeout(PATIENCE, bench.regions[0].wait_for_cancelled(1))
        .await
        .unwrap();
    // The fill is free again.
    bench.regions[0].release();
    assert_eq!(bench.get("/slow", &[]).await.body, "r0 #2");
}

#[tokio::test]
async fn a_request_survives_the_death_of_its_region() {
    let mut bench = Bench::start(2).await;
    let first = bench.first();
    let pending = bench.spawn(Method::GET, "/slow", Body::empty());
    bench.regions[first].wait_for_calls(1).await;
    let other = 1 - first;
    bench.regions[other].release();
    bench.regions[first].kill();
    let seen = read(timeout(PATIENCE, pending).await.unwrap().unwrap()).await;
    assert_eq!(
        (seen.status.as_u16(), seen.body),
        (200, format!("r{other} #1"))
    );
}

#[tokio::test]
async fn a_request_with_an_effect_is_not_repeated() {
    let mut bench = Bench::start(2).await;
    let first = bench.first();
    let pending = bench.spawn(Method::POST, "/slow", Body::full("pay"));
    bench.regions[first].wait_for_calls(1).await;
    bench.regions[first].kill();
    let seen = read(timeout(PATIENCE, pending).await.unwrap().unwrap()).await;
    assert_eq!(seen.status, 503);
    assert_eq!(seen.header("retry-after"), "1");
    assert_eq!(bench.regions[1 - first].calls(), 0);
}

#[tokio::test]
async fn a_streamed_body_goes_elsewhere_when_nothing_was_sent() {
    let bench = Bench::start_with_ghost(1).await;
    let (sender, body) = regions::channel_body();
    sender.send(Ok(Bytes::from("whole"))).await.unwrap();
    drop(sender);
    let seen = read(bench.send(Method::POST, "/echo", &[], body).await).await;
    assert_eq!((seen.status.as_u16(), seen.body.as_str()), (200, "whole"));
}

#[tokio::test]
async fn a_body_cut_off_by_a_dying_region_fails_and_is_not_stored() {
    let mut bench = Bench::start(2).await;
    let first = bench.first();
    let mut response = bench.send(Method::GET, "/stream", &[], Body::empty()).await;
    let begin = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(begin.into_data().unwrap(), "begin");
    bench.regions[first].kill();
    let next = timeout(PATIENCE, response.body_mut().frame())
        .await
        .unwrap();
    assert!(next.unwrap().is_err());
    drop(response);
    let again = bench.send(Method::GET, "/stream", &[], Body::empty()).await;
    let status = again.headers()["cache-status"].to_str().unwrap().to_owned();
    assert!(status.contains("fwd=uri-miss"), "{status}");
}

#[tokio::test]
async fn with_every_region_dead_what_is_stored_is_served() {
    let mut bench = Bench::start(2).await;
    bench.get("/fresh", &[]).await;
    bench.get("/short", &[]).await;
    bench.get("/short-strict", &[]).await;
    for region in &mut bench.regions {
        region.kill();
    }
    bench.wait_until_dead().await;
    assert!(bench.get("/fresh", &[]).await.cache().starts_with("hit"));
    let none = bench.get("/other", &[]).await;
    assert_eq!(
        (none.status.as_u16(), none.body.as_str()),
        (503, r#"{"message":"Service Unavailable"}"#)
    );
    assert_eq!(none.header("retry-after"), "1");
    // Both lived for one second.
    let stale = async {
        loop {
            let seen = bench.get("/short", &[]).await;
            assert_eq!(seen.status, 200);
            if seen.cache().ends_with("detail=no-region") {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let stale = timeout(PATIENCE, stale).await.unwrap();
    assert!(stale.cache().starts_with("hit; ttl="), "{}", stale.cache());
    // It was stored a little later, so it may live a little longer.
    let strict = async {
        loop {
            let seen = bench.get("/short-strict", &[]).await;
            if seen.status == 503 {
                return;
            }
            assert!(!seen.cache().contains("detail"), "{}", seen.cache());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, strict).await.unwrap();
    assert_eq!(
        bench
            .get("/short", &[("cache-control", "no-cache")])
            .await
            .status,
        503
    );
    assert!(bench.edge.ready());
}

#[tokio::test]
async fn what_is_stale_is_confirmed_instead_of_sent_again() {
    let bench = Bench::start(1).await;
    assert_eq!(bench.get("/confirm", &[]).await.body, "r0 #1");
    let confirmed = async {
        loop {
            let seen = bench.get("/confirm", &[]).await;
            assert_eq!((seen.status.as_u16(), seen.body.as_str()), (200, "r0 #1"));
            if !seen.cache().starts_with("hit") {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let confirmed = timeout(PATIENCE, confirmed).await.unwrap();
    assert_eq!(confirmed.cache(), "fwd=stale; fwd-status=304; stored");
    assert_eq!(confirmed.header("x-new"), "1");
    let hit = bench.get("/confirm", &[]).await;
    assert!(hit.cache().starts_with("hit; ttl=59"), "{}", hit.cache());
    assert_eq!(hit.header("x-new"), "1");
    assert_eq!(bench.regions[0].calls(), 2);
}

#[tokio::test]
async fn metrics_and_names_are_there() {
    let bench = Bench::start(1).await;
    bench.get("/fresh", &[]).await;
    bench.get("/fresh", &[("host", "nobody.test")]).await;
    let names: Vec<String> = bench
        .registry
        .gather()
        .iter()
        .map(|family| family.name().to_owned())
        .collect();
    for name in [
        "requests_total",
        "cache_requests_total",
        "forwards_total",
        "request_seconds",
    ] {
        assert!(names.contains(&format!("edgeway_edge_{name}")), "{name}");
    }
    assert!(HOST.starts_with("aaaaaaaaaa."));
}
