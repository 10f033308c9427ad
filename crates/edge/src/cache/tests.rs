//! Tests of the cache's rules: what is asked, what is stored, what is used.

mod accept;
mod coding;
mod conformance;
mod invalidate;
mod model;
mod purge;
mod range;
mod structured;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serve::{Body, BoxError};

use super::ask::{Bypass, Fwd, Terms};
use super::conditional::is_not_modified;
use super::control::CacheControl;
use super::entry::{Entry, Pieces};
use super::fills::{Fills, Part, Progress, outcome};
use super::key::Key;
use super::store::Store;
use super::verdict::{Arrival, Freshness, NoStore, judge};
use super::{Answer, Cache, Kept};
use crate::metrics::Metrics;

const DATE: &str = "Sat, 21 Nov 2026 08:00:00 GMT";
const OBJECT_MAX: usize = 1_000;

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let parsed = headers.iter().map(|(name, value)| {
        (
            HeaderName::try_from(*name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    parsed.collect()
}

/// Two seconds after `DATE`, half a second after the request.
fn arrival(authorized: bool) -> Arrival {
    let at = httpdate::parse_http_date(DATE).unwrap() + Duration::from_secs(2);
    Arrival {
        at,
        delay_ms: 500,
        authorized,
    }
}

fn judged(status: u16, headers: &[(&str, &str)], authorized: bool) -> Result<Freshness, NoStore> {
    let status = StatusCode::from_u16(status).unwrap();
    judge(status, &map(headers), arrival(authorized), OBJECT_MAX)
}

/// Checks the verdict on a 200: milliseconds it stays fresh, or why it is not stored.
#[track_caller]
fn check(headers: &[(&str, &str)], expected: Result<u64, NoStore>) {
    let left = judged(200, headers, false).map(|found| found.lifetime_ms - found.age_ms);
    assert_eq!(left, expected, "{headers:?}");
}

#[test]
fn freshness_comes_from_the_most_specific_source() {
    check(&[("cache-control", "max-age=60")], Ok(59_500));
    check(&[("cache-control", "max-age=60, s-maxage=10")], Ok(9_500));
    check(
        &[("cache-control", "public"), ("cache-control", "MAX-AGE=60")],
        Ok(59_500),
    );
    check(&[("cache-control", "max-age=\"60\"")], Ok(59_500));
    check(
        &[("cache-control", "max-age=60"), ("expires", "0")],
        Ok(59_500),
    );
    check(
        &[("expires", "Sat, 21 Nov 2026 08:01:00 GMT"), ("date", DATE)],
        Ok(58_000),
    );
    check(&[("expires", "Sat, 21 Nov 2026 08:01:02 GMT")], Ok(59_500));
    check(
        &[("cache-control", "max-age=99999999999999999999")],
        Ok((1 << 31) * 1_000 - 500),
    );
}

#[test]
fn without_explicit_freshness_nothing_is_stored() {
    check(&[], Err(NoStore::NoFreshness));
    check(
        &[("last-modified", DATE), ("etag", "\"a\"")],
        Err(NoStore::NoFreshness),
    );
    check(&[("cache-control", "public")], Err(NoStore::NoFreshness));
}

#[test]
fn what_is_malformed_is_stale() {
    check(&[("cache-control", "max-age=soon")], Err(NoStore::Expired));
    check(&[("cache-control", "max-age")], Err(NoStore::Expired));
    check(&[("cache-control", "max-age=-1")], Err(NoStore::Expired));
    check(
        &[("cache-control", "max-age=60, max-age=0")],
        Err(NoStore::Expired),
    );
    check(&[("expires", "0")], Err(NoStore::Expired));
    check(
        &[("cache-control", "x=\"a, max-age=60")],
        Err(NoStore::Forbidden),
    );
}

#[test]
fn age_counts() {
    check(
        &[("cache-control", "max-age=60"), ("age", "20")],
        Ok(39_500),
    );
    check(
        &[("cache-control", "max-age=60"), ("age", "60")],
        Err(NoStore::Expired),
    );
    let old = "Sat, 21 Nov 2026 07:59:30 GMT";
    check(
        &[("cache-control", "max-age=60"), ("date", old)],
        Ok(60_000 - 32_000),
    );
    let ahead = "Sat, 21 Nov 2026 09:00:00 GMT";
    check(
        &[("cache-control", "max-age=60"), ("date", ahead)],
        Ok(59_500),
    );
}

#[test]
fn directives_forbid() {
    check(
        &[
            ("edgeway-single-use", "?1"),
            ("cache-control", "max-age=60"),
        ],
        Err(NoStore::SingleUse),
    );
    check(
        &[("cache-control", "no-store, max-age=60")],
        Err(NoStore::Forbidden),
    );
    check(
        &[("cache-control", "private, max-age=60")],
        Err(NoStore::Private),
    );
    check(
        &[("cache-control", "private=\"x-a\", max-age=60")],
        Ok(59_500),
    );
    check(
        &[("cache-control", "no-cache, max-age=60")],
        Err(NoStore::NoCache),
    );
    check(
        &[("cache-control", "x=\"no-store, private\", max-age=60")],
        Ok(59_500),
    );
    check(
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        Err(NoStore::SetCookie),
    );
    check(
        &[("cache-control", "max-age=60"), ("content-length", "1001")],
        Err(NoStore::TooLarge),
    );
}

#[test]
fn vary_is_understood_or_nothing_is_stored() {
    let with = |vary| [("cache-control", "max-age=60"), ("vary", vary)];
    check(&with("*"), Err(NoStore::Vary));
    check(&with("accept, *"), Err(NoStore::Vary));
    check(&with("not a name"), Err(NoStore::Vary));
    check(&with("a,b,c,d,e,f,g,h,i"), Err(NoStore::Vary));
    let found = judged(200, &with("Origin, accept-encoding,,origin"), false).unwrap();
    assert_eq!(found.vary, ["accept-encoding", "origin"]);
}

#[test]
fn statuses_and_authorization() {
    let fresh = &[("cache-control", "max-age=60")];
    for status in [
        200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 501,
    ] {
        assert!(judged(status, fresh, false).is_ok(), "{status}");
    }
    for status in [201, 304, 400, 401, 403, 429, 500, 502, 503, 504] {
        assert_eq!(
            judged(status, fresh, false),
            Err(NoStore::Status),
            "{status}"
        );
    }
    assert_eq!(judged(206, fresh, false), Err(NoStore::Partial));
    assert_eq!(judged(200, fresh, true), Err(NoStore::Authorization));
    for more in [
        "public, max-age=60",
        "s-maxage=60",
        "must-revalidate, max-age=60",
    ] {
        assert!(
            judged(200, &[("cache-control", more)], true).is_ok(),
            "{more}"
        );
    }
}

#[test]
fn some_answers_are_never_used_stale() {
    let stale = |control| {
        judged(200, &[("cache-control", control)], false)
            .unwrap()
            .stale_allowed
    };
    assert!(stale("max-age=60"));
    assert!(stale("max-age=60, public"));
    for control in [
        "must-revalidate, max-age=60",
        "proxy-revalidate, max-age=60",
        "s-maxage=60",
    ] {
        assert!(!stale(control), "{control}");
    }
}

/// Checks what a GET with `headers` allows.
#[track_caller]
fn check_ask(headers: &[(&str, &str)], expected: Option<Bypass>) {
    let terms = Terms::of(&Method::GET, None, &map(headers), false);
    assert_eq!(terms.err(), expected, "{headers:?}");
}

#[test]
fn requests_that_have_nothing_to_do_with_the_cache() {
    check_ask(&[], None);
    check_ask(&[("range", "bytes=0-1")], None);
    check_ask(&[("range", "items=0-1")], Some(Bypass::Range));
    check_ask(&[("if-match", "\"a\"")], Some(Bypass::Precondition));
    check_ask(&[("if-unmodified-since", DATE)], Some(Bypass::Precondition));
    check_ask(&[("cache-control", "no-store")], Some(Bypass::NoStore));
    check_ask(&[("x-http-method-override", "PUT")], Some(Bypass::Override));
    check_ask(
        &[
            ("if-none-match", "\"a\""),
            ("cookie", "a=b"),
            ("authorization", "x"),
        ],
        None,
    );
    let none = HeaderMap::new();
    assert_eq!(
        Terms::of(&Method::POST, None, &none, false),
        Err(Bypass::Method)
    );
    assert_eq!(
        Terms::of(&Method::GET, None, &none, true),
        Err(Bypass::Body)
    );
    assert!(Terms::of(&Method::HEAD, None, &none, false).unwrap().head);
    for (query, expected) in [
        ("X-Amz-SignedHeaders=host&X-Amz-Signature=00", None),
        (
            "a=1&X-Amz-SignedHeaders=host%3Brange&X-Amz-Signature=00",
            Some(Bypass::Signed),
        ),
        (
            "X-Amz-SignedHeaders=if-none-match;host",
            Some(Bypass::Signed),
        ),
        ("X-Amz-SignedHeaders", None),
    ] {
        let terms = Terms::of(&Method::GET, Some(query), &none, false);
        assert_eq!(terms.err(), expected, "{query}");
    }
}

fn entry(key: Key<'_>, body: &'static str) -> Entry {
    Entry {
        key: key.to_owned(),
        variant: Box::default(),
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Pieces::One(Bytes::from_static(body.as_bytes())),
        born_ms: 1_000,
        age_on_arrival_ms: 5_000,
        lifetime_ms: 60_000,
        stale_allowed: true,
        stale_while_ms: 0,
        stale_error_ms: None,
        names: Arc::new([]),
        stamp: 0,
        checked: super::entry::Checked::default(),
        host: None,
        for_everybody: false,
        codable: None,
    }
}

fn key(path: &str) -> Key<'_> {
    Key {
        generation: 1,
        https: true,
        host: "a.test",
        path_and_query: path,
    }
}

/// Checks whether an entry that is fresh for 60 s, and 5 s old at 1 s, answers a GET.
#[track_caller]
fn check_accept(headers: &[(&str, &str)], now_ms: u64, expected: Result<(), Fwd>) {
    let terms = Terms::of(&Method::GET, None, &map(headers), false).unwrap();
    assert_eq!(
        terms.accept(&entry(key("/"), ""), now_ms),
        expected,
        "{headers:?} at {now_ms}"
    );
}

#[test]
fn the_terms_of_a_request() {
    check_accept(&[], 1_000, Ok(()));
    check_accept(&[], 55_999, Ok(()));
    check_accept(&[], 56_000, Err(Fwd::Stale));
    check_accept(&[("cache-control", "no-cache")], 1_000, Err(Fwd::Request));
    check_accept(&[("pragma", "no-cache")], 1_000, Err(Fwd::Request));
    check_accept(
        &[("pragma", "no-cache"), ("cache-control", "x")],
        1_000,
        Ok(()),
    );
    check_accept(&[("cache-control", "max-age=5")], 1_999, Ok(()));
    check_accept(&[("cache-control", "max-age=5")], 2_000, Err(Fwd::Request));
    check_accept(&[("cache-control", "max-age=0")], 2_000, Err(Fwd::Request));
    check_accept(&[("cache-control", "min-fresh=55")], 1_000, Ok(()));
    check_accept(
        &[("cache-control", "min-fresh=56")],
        1_000,
        Err(Fwd::Request),
    );
    let withheld = Err(Fwd::Bypass(Bypass::Authorization));
    check_accept(&[("authorization", "x")], 1_000, withheld);
}

#[test]
fn times_of_an_entry() {
    let entry = entry(key("/"), "");
    assert_eq!((entry.age_ms(0), entry.age_ms(11_000)), (5_000, 15_000));
    assert_eq!((entry.ttl_s(1_000), entry.ttl_s(66_000)), (55, -10));
    assert!(entry.may_be_stale(66_000, 10_000));
    assert!(!entry.may_be_stale(66_001, 10_000));
}

#[test]
fn a_clients_own_copy() {
    let check = |request: (&str, &str), stored: (&str, &str), expected| {
        let found = is_not_modified(&map(&[request]), &map(&[stored]));
        assert_eq!(found, expected, "{request:?} {stored:?}");
    };
    let etag = ("etag", "\"a\"");
    check(("if-none-match", "\"a\""), etag, true);
    check(("if-none-match", "\"b\", W/\"a\""), etag, true);
    check(("if-none-match", "*"), etag, true);
    check(("if-none-match", "\"b\""), etag, false);
    check(("if-none-match", "a"), etag, false);
    check(("if-none-match", "*"), ("x", "y"), false);
    check(("if-none-match", "\"a\""), ("etag", "W/\"a\""), true);
    check(("if-modified-since", DATE), ("last-modified", DATE), true);
    check(
        ("if-modified-since", "Sat, 21 Nov 2026 07:59:59 GMT"),
        ("last-modified", DATE),
        false,
    );
    check(
        ("if-modified-since", "yesterday"),
        ("last-modified", DATE),
        false,
    );
    check(("if-modified-since", DATE), ("x", "y"), false);
    // If-None-Match decides alone where it is given.
    let both = map(&[("if-none-match", "\"b\""), ("if-modified-since", DATE)]);
    assert!(!is_not_modified(
        &both,
        &map(&[etag, ("last-modified", DATE)])
    ));
}

#[test]
fn the_store_finds_by_key_and_by_variant() {
    let store = Store::new(1 << 20);
    let put = |path, headers: &[(&str, &str)], names: &[HeaderName], body| {
        let variant = super::key::variant(names, &map(headers)).unwrap();
        store.put(
            Arc::new(Entry {
                variant,
                ..entry(key(path), body)
            }),
            names,
        );
    };
    let find = |path, headers: &[(&str, &str)]| {
        let found = store.find(key(path), &map(headers));
        let text = found.entry.map(|entry| match &entry.body {
            Pieces::One(piece) => String::from_utf8(piece.to_vec()).unwrap(),
            Pieces::Many(_) => unreachable!(),
        });
        (text, found.varies)
    };
    put("/a?b", &[], &[], "plain");
    assert_eq!(find("/a?b", &[]), (Some("plain".into()), false));
    assert_eq!(find("/a?c", &[]), (None, false));
    let other = Key {
        generation: 2,
        ..key("/a?b")
    };
    assert!(store.find(other, &HeaderMap::new()).entry.is_none());

    let names = [HeaderName::from_static("accept-language")];
    put("/v", &[("accept-language", "de")], &names, "deutsch");
    put("/v", &[("accept-language", "en")], &names, "english");
    put("/v", &[], &names, "none");
    assert_eq!(
        find("/v", &[("accept-language", " de ")]),
        (Some("deutsch".into()), true)
    );
    assert_eq!(
        find("/v", &[("accept-language", "en")]),
        (Some("english".into()), true)
    );
    assert_eq!(find("/v", &[]), (Some("none".into()), true));
    assert_eq!(find("/v", &[("accept-language", "")]), (None, true));
    assert_eq!(find("/v", &[("accept-language", "fr")]), (None, true));

    // What an old mark led to does not come back with a new one.
    store.forget(key("/v"));
    assert_eq!(find("/v", &[]), (None, false));
    put("/v", &[("accept-language", "fr")], &names, "neuf");
    assert_eq!(find("/v", &[("accept-language", "de")]), (None, true));
}

#[test]
fn variants_are_told_apart() {
    let names = [HeaderName::from_static("a"), HeaderName::from_static("b")];
    let of = |headers: &[(&str, &str)]| super::key::variant(&names, &map(headers)).unwrap();
    let all = [
        of(&[]),
        of(&[("a", "")]),
        of(&[("a", "1")]),
        of(&[("b", "1")]),
        of(&[("a", "1"), ("a", "2")]),
        of(&[("a", "1, 2")]),
        of(&[("a", "1"), ("b", "2")]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| other != one), "{at}");
    }
    let long = "x".repeat(5_000);
    assert!(super::key::variant(&names, &map(&[("a", &long)])).is_none());
}

fn cache() -> Cache {
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    Cache::new(1 << 20, OBJECT_MAX, true, metrics)
}

/// Keeps an answer of `parts`, reads it as a client would, `reads` frames of it, and answers what
/// the fill came to and what is then stored.
async fn kept(
    parts: Vec<Result<&'static str, BoxError>>,
    length: Option<usize>,
    reads: usize,
) -> (Option<Progress>, Option<usize>) {
    let cache = cache();
    let slot = cache.find(key("/"), &HeaderMap::new()).slot;
    let Part::Lead(ticket) = cache.join(slot, 0) else {
        unreachable!()
    };
    let Part::Follow(progress) = cache.join(slot, 0) else {
        unreachable!()
    };
    let headers = map(&[("cache-control", "max-age=60"), ("x-once", "1")]);
    let answer = Answer {
        key: key("/"),
        request: &HeaderMap::new(),
        status: StatusCode::OK,
        headers: &headers,
        arrival: Arrival {
            at: SystemTime::now(),
            delay_ms: 0,
            authorized: false,
        },
        single: &[HeaderName::from_static("x-once")],
        now_ms: 0,
        stamp: 0,
        moment: 0,
        host: None,
        codable: None,
    };
    let frames = parts
        .into_iter()
        .map(|part| part.map(|text| http_body::Frame::data(Bytes::from_static(text.as_bytes()))));
    let body = Sized {
        inner: http_body_util::StreamBody::new(futures_of(frames.collect())),
        length,
    };
    let kept = cache.keep(&answer, Some(ticket), Body::wrap(body), false);
    let Kept::Growing(mut body, pump) = kept else {
        unreachable!()
    };
    let pump = tokio::spawn(pump);
    for _ in 0..reads {
        let _ = body.frame().await;
    }
    drop(body);
    pump.await.unwrap();
    let found = cache.find(key("/"), &HeaderMap::new()).entry;
    let stored = found.map(|entry| {
        assert!(!entry.headers.contains_key("x-once"));
        assert_eq!(
            entry.headers["content-length"],
            entry.body.len().to_string().as_str()
        );
        entry.body.len()
    });
    (outcome(progress).await, stored)
}

/// A body that announces a length, true or not.
struct Sized<B> {
    inner: B,
    length: Option<usize>,
}

impl<B: http_body::Body + Unpin> http_body::Body for Sized<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<B::Data>, B::Error>>> {
        std::pin::Pin::new(&mut self.get_mut().inner).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map_or_else(http_body::SizeHint::new, |length| {
            http_body::SizeHint::with_exact(length as u64)
        })
    }
}

type Frames = Vec<Result<http_body::Frame<Bytes>, BoxError>>;

fn futures_of(
    frames: Frames,
) -> impl futures_util::Stream<Item = Result<http_body::Frame<Bytes>, BoxError>> + Send + Unpin {
    futures_util::stream::iter(frames)
}

#[tokio::test]
async fn only_whole_bodies_are_stored() {
    let stored = |(progress, stored): (Option<Progress>, Option<usize>)| {
        (matches!(progress, Some(Progress::Stored(_))), stored)
    };
    let all = || vec![Ok("abc"), Ok("def")];
    assert_eq!(stored(kept(all(), None, 3).await), (true, Some(6)));
    // Of a body of known size the end need not be asked for.
    assert_eq!(stored(kept(all(), Some(6), 2).await), (true, Some(6)));
    // The client goes away.
    assert_eq!(stored(kept(all(), Some(6), 0).await), (false, None));
    assert_eq!(stored(kept(all(), None, 0).await), (false, None));
    // Shorter than announced.
    assert_eq!(stored(kept(all(), Some(7), 3).await), (false, None));
    // Broken in the middle.
    let broken = vec![Ok("abc"), Err("broken".into()), Ok("def")];
    assert_eq!(stored(kept(broken, None, 3).await), (false, None));
}

#[tokio::test]
async fn a_leader_that_goes_away_leaves_the_fill_to_another() {
    let (progress, _) = kept(vec![Ok("abc"), Ok("def")], None, 0).await;
    assert!(!matches!(progress, Some(Progress::Stored(_))));
    let large = "x".repeat(OBJECT_MAX).leak();
    let (progress, stored) = kept(vec![Ok("abc"), Ok(large)], None, 3).await;
    assert!(matches!(progress, Some(Progress::Released)));
    assert_eq!(stored, None);
}

#[test]
fn what_cannot_be_stored_is_not_waited_for() {
    let fills = Fills::new();
    let Part::Lead(ticket) = fills.join(1, 0) else {
        unreachable!()
    };
    assert!(matches!(fills.join(1, 0), Part::Follow(_)));
    assert!(matches!(fills.join(2, 0), Part::Lead(_)));
    ticket.release_and_remember(0);
    assert!(matches!(fills.join(1, 59_999), Part::Alone));
    assert!(matches!(fills.join(1, 60_000), Part::Lead(_)));
    assert_eq!(fills.running(), 0);
}

#[test]
fn large_bodies_are_kept_in_pieces() {
    let large = Bytes::from(vec![7_u8; 600 * 1024]);
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let cache = Cache::new(1 << 20, 1 << 20, true, metrics);
    let answer = Answer {
        key: key("/"),
        request: &HeaderMap::new(),
        status: StatusCode::OK,
        headers: &map(&[("cache-control", "max-age=60")]),
        arrival: Arrival {
            at: SystemTime::now(),
            delay_ms: 0,
            authorized: false,
        },
        single: &[],
        now_ms: 0,
        stamp: 0,
        moment: 0,
        host: None,
        codable: None,
    };
    let kept = cache.keep(&answer, None, Body::full(large.clone()), false);
    let Kept::Now(body, _) = kept else {
        unreachable!()
    };
    assert_eq!(body.as_full(), Some(&large));
    let found = cache.find(key("/"), &HeaderMap::new()).entry.unwrap();
    assert!(matches!(&found.body, Pieces::Many(pieces) if pieces.len() == 3));
    assert_eq!(found.body.len(), large.len());
}

proptest! {
    #[test]
    fn no_header_makes_the_rules_panic(
        headers in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "cache-control", "expires", "age", "date", "vary", "pragma", "set-cookie",
                    "content-length", "etag", "last-modified", "if-none-match",
                    "if-modified-since", "authorization",
                ]),
                prop_oneof![
                    "[\\x20-\\x7e]{0,40}",
                    "(max-age|s-maxage|min-fresh|private|public|no-cache)?=?\"?[0-9]{0,30}\"?,?",
                ],
            ),
            0..12,
        ),
        status in 100..600_u16,
        authorized in any::<bool>(),
        now_ms in any::<u64>(),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let control = CacheControl::of_response(&map);
        if let Ok(fresh) = judge(status, &map, arrival(authorized), OBJECT_MAX) {
            // What is stored says so itself.
            prop_assert!(fresh.lifetime_ms > fresh.age_ms);
            prop_assert!(!control.no_store && !control.private && !control.no_cache);
            prop_assert!(!map.contains_key("set-cookie"));
            prop_assert!(!authorized || fresh.for_everybody);
        }
        if let Ok(terms) = Terms::of(&Method::GET, None, &map, false) {
            let _ = terms.accept(&entry(key("/"), ""), now_ms);
        }
        let _ = is_not_modified(&map, &map);
    }
}
