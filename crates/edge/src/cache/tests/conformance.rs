//! Compares the cache with the model of RFC 9111, on exchanges made at random.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use serve::Body;

use super::super::ask::{Fwd, Terms};
use super::super::entry::Entry;
use super::super::reply::{StatusLine, Use, from_entry, refreshed};
use super::super::verdict::Arrival;
use super::super::{Answer, Cache, Kept};
use super::model::{Directive, Request, Reserve, Response, Stamp, Timing, Verdict};
use super::{cache, key};

/// Seconds since 1970 when answers arrive.
const ARRIVED_S: u64 = 1_790_000_000;
/// The cache's clock at that moment.
const NOW_MS: u64 = 5_000_000;
const STALE_MS_MAX: u64 = 3_600_000;
const FIELDS: [&str; 3] = ["accept-language", "origin", "x-kind"];

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..40_u64, 1 => 40..10_000_u64]
}

fn directive() -> impl Strategy<Value = Directive> {
    prop_oneof![
        1 => Just(Directive::NoStore),
        1 => Just(Directive::NoCache),
        1 => Just(Directive::NoCacheFields("set-cookie")),
        1 => Just(Directive::Private),
        1 => Just(Directive::PrivateFields("x-secret")),
        3 => Just(Directive::Public),
        2 => Just(Directive::MustRevalidate),
        1 => Just(Directive::ProxyRevalidate),
        12 => seconds().prop_map(Directive::MaxAge),
        4 => seconds().prop_map(Directive::SMaxAge),
        1 => Just(Directive::BadMaxAge),
        3 => seconds().prop_map(Directive::StaleWhileRevalidate),
        3 => seconds().prop_map(Directive::StaleIfError),
        2 => Just(Directive::Unknown),
    ]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    prop_oneof![8 => (-30..40_i64).prop_map(Stamp::At), 1 => Just(Stamp::Malformed)]
}

fn sometimes<T: Clone + std::fmt::Debug>(
    of: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.3, of)
}

fn response() -> impl Strategy<Value = Response> {
    let status = prop_oneof![
        8 => Just(200_u16),
        2 => prop::sample::select(vec![204, 301, 404, 201, 206, 403, 500, 503, 302, 307]),
    ];
    let controls = (
        prop::collection::vec(directive(), 0..5),
        prop::option::weighted(0.2, prop::collection::vec(directive(), 0..4)),
    );
    let times = (sometimes(stamp()), sometimes(stamp()), sometimes(0..30_u64));
    let vary = prop::sample::subsequence(FIELDS.to_vec(), 0..3);
    let flags = (prop::bool::weighted(0.05), prop::bool::weighted(0.1));
    let etag = sometimes(prop::sample::select(vec!["\"a\"", "\"b\""]));
    (status, controls, times, vary, flags, etag).prop_map(
        |(status, (control, targeted), (date, expires, age), vary, (vary_star, cookie), etag)| {
            Response {
                status,
                control,
                targeted,
                date,
                expires,
                age,
                vary,
                vary_star,
                cookie,
                etag,
            }
        },
    )
}

fn request(methods: Vec<&'static str>) -> impl Strategy<Value = Request> {
    let fields = prop::collection::btree_map(
        prop::sample::select(FIELDS.to_vec()),
        prop::sample::select(vec!["de", "en"]),
        0..3,
    );
    let rare = || prop::bool::weighted(0.08);
    let flags = (rare(), rare(), rare(), rare(), rare());
    let limits = (sometimes(seconds()), sometimes(seconds()));
    let none_match = sometimes(prop::sample::select(vec!["\"a\"", "\"b\""]));
    (
        prop::sample::select(methods),
        fields,
        flags,
        limits,
        none_match,
    )
        .prop_map(
            |(method, fields, flags, (max_age, min_fresh), none_match)| {
                let (authorization, no_store, no_cache, pragma_no_cache, max_stale) = flags;
                Request {
                    method,
                    authorization,
                    fields,
                    no_store,
                    no_cache,
                    pragma_no_cache,
                    max_age,
                    min_fresh,
                    max_stale,
                    none_match,
                }
            },
        )
}

/// How a directive may be spelled; `style` chooses. Structured fields know but one spelling.
fn spell(one: &Directive, style: u8, structured: bool) -> String {
    let text = match one {
        Directive::NoStore => "no-store".to_owned(),
        Directive::NoCache => "no-cache".to_owned(),
        Directive::NoCacheFields(name) => format!("no-cache=\"{name}\""),
        Directive::Private => "private".to_owned(),
        Directive::PrivateFields(name) => format!("private=\"{name}, x-other\""),
        Directive::Public => "public".to_owned(),
        Directive::MustRevalidate => "must-revalidate".to_owned(),
        Directive::ProxyRevalidate => "proxy-revalidate".to_owned(),
        Directive::MaxAge(seconds) if style == 1 && !structured => {
            format!("max-age=\"{seconds}\"")
        }
        Directive::MaxAge(seconds) => format!("max-age={seconds}"),
        Directive::SMaxAge(seconds) => format!("s-maxage={seconds}"),
        Directive::BadMaxAge => "max-age=soon".to_owned(),
        Directive::StaleWhileRevalidate(seconds) => format!("stale-while-revalidate={seconds}"),
        Directive::StaleIfError(seconds) => format!("stale-if-error={seconds}"),
        Directive::Unknown => "x-thing=\"no-store, max-age=1\"".to_owned(),
    };
    match style {
        2 if !structured => text.to_ascii_uppercase(),
        3 if structured => format!("{text};a;b=1"),
        _ => text,
    }
}

fn add(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let name = HeaderName::from_static(name);
    headers.append(name, HeaderValue::from_str(value).unwrap());
}

fn date(stamp: Stamp) -> String {
    match stamp {
        Stamp::Malformed => "0".to_owned(),
        Stamp::At(offset) => {
            let seconds = ARRIVED_S.checked_add_signed(offset).unwrap();
            httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
        }
    }
}

impl Response {
    fn headers(&self, style: u8) -> HeaderMap {
        let mut headers = HeaderMap::new();
        // In one line, or in several.
        let lines = |all: &[Directive], structured: bool| -> Vec<String> {
            let all = all.iter().map(|one| spell(one, style, structured));
            let all: Vec<String> = all.collect();
            if style.is_multiple_of(2) {
                vec![all.join(", ")]
            } else {
                all
            }
        };
        if !self.control.is_empty() {
            for line in lines(&self.control, false) {
                add(&mut headers, "cache-control", &line);
            }
        }
        if let Some(targeted) = &self.targeted {
            // A key that is given twice counts once: the last one.
            let last = targeted.iter().enumerate().filter(|(at, one)| {
                let name =
                    |one: &Directive| spell(one, 0, true).split('=').next().map(str::to_owned);
                targeted
                    .iter()
                    .skip(at + 1)
                    .all(|later| name(later) != name(one))
            });
            let last: Vec<Directive> = last.map(|(_, one)| one.clone()).collect();
            let text = lines(&last, true).join(",");
            add(&mut headers, "cdn-cache-control", &text);
        }
        let dates = [("date", self.date), ("expires", self.expires)];
        for (name, stamp) in dates {
            if let Some(stamp) = stamp {
                add(&mut headers, name, &date(stamp));
            }
        }
        if let Some(age) = self.age {
            add(&mut headers, "age", &age.to_string());
        }
        for name in &self.vary {
            add(&mut headers, "vary", name);
        }
        if self.vary_star {
            add(&mut headers, "vary", "*");
        }
        if self.cookie {
            add(&mut headers, "set-cookie", "a=b");
        }
        if let Some(etag) = self.etag {
            add(&mut headers, "etag", etag);
        }
        add(&mut headers, "x-secret", "1");
        headers
    }

    /// As the origin means it once keys given twice count once.
    fn settled(mut self) -> Self {
        if let Some(targeted) = &mut self.targeted {
            let mut kept: Vec<Directive> = Vec::new();
            for one in targeted.drain(..) {
                let name =
                    |one: &Directive| spell(one, 0, true).split('=').next().map(str::to_owned);
                kept.retain(|before| name(before) != name(&one));
                kept.push(one);
            }
            *targeted = kept;
        }
        self
    }
}

impl Request {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            add(&mut headers, name, value);
        }
        if self.authorization {
            add(&mut headers, "authorization", "me");
        }
        if self.no_store {
            add(&mut headers, "cache-control", "no-store");
        }
        if self.no_cache {
            add(&mut headers, "cache-control", "No-Cache");
        }
        if self.pragma_no_cache {
            add(&mut headers, "pragma", "no-cache");
        }
        if self.max_stale {
            add(&mut headers, "cache-control", "max-stale");
        }
        let limits = [("max-age", self.max_age), ("min-fresh", self.min_fresh)];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                add(&mut headers, "cache-control", &format!("{name}={limit}"));
            }
        }
        if let Some(tag) = self.none_match {
            add(&mut headers, "if-none-match", tag);
        }
        headers
    }
}

/// Lets the cache keep the answer to a request, if the request lets it; whether it is stored.
fn keep(
    cache: &Cache,
    request: &Request,
    headers: &HeaderMap,
    (status, timing): (u16, Timing),
) -> bool {
    let asked = request.headers();
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let Ok(terms) = Terms::of(&method, None, &asked, false) else {
        return false;
    };
    if terms.head {
        return false;
    }
    let arrived = Duration::from_millis(ARRIVED_S * 1_000 + timing.fraction_ms);
    let answer = Answer {
        key: key("/"),
        request: &asked,
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        arrival: Arrival {
            at: UNIX_EPOCH + arrived,
            delay_ms: timing.delay_ms,
            authorized: terms.authorized,
        },
        single: &[],
        now_ms: NOW_MS,
        stamp: 0,
        moment: 0,
        host: None,
        codable: None,
    };
    match cache.keep(&answer, None, Body::full("body"), false) {
        Kept::Now(_, kept) => kept.is_ok(),
        Kept::Growing(..) => unreachable!(),
    }
}

/// What the POP does about a request (`Pop::enter`), as the model would say it.
fn verdict(cache: &Cache, request: &Request, now_ms: u64) -> Verdict {
    let asked = request.headers();
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let Ok(terms) = Terms::of(&method, None, &asked, false) else {
        return Verdict::Pass;
    };
    let Some(entry) = cache.find(key("/"), &asked).entry else {
        return Verdict::Miss;
    };
    match terms.accept(&entry, now_ms) {
        Ok(()) => {
            let line = StatusLine::new("pop");
            let shown = cache.show(&entry, &terms, &asked).coded;
            let why = (Use::Hit, None);
            let (answer, _) = from_entry(&entry, why, (&terms, &asked), shown, &line, now_ms);
            assert_eq!(
                answer.body().is_empty(),
                terms.head || answer.status() == 304
            );
            Verdict::Use {
                status: answer.status().as_u16(),
                age_s: answer.headers()["age"].to_str().unwrap().parse().unwrap(),
            }
        }
        Err(Fwd::Stale) => Verdict::Confirm(reserve(&entry, &terms, now_ms)),
        Err(_) => Verdict::Unwanted,
    }
}

fn reserve(entry: &Arc<Entry>, terms: &Terms, now_ms: u64) -> Reserve {
    let exact = terms.control.max_age.is_some() || terms.control.min_fresh.is_some();
    let asked = terms.control.stale_if_error;
    Reserve {
        disconnected: !exact && entry.may_be_stale(now_ms, STALE_MS_MAX),
        on_error: !exact && entry.may_be_used_on_error(now_ms, asked),
        while_confirming: !exact && entry.over_ms(now_ms) < entry.stale_while_ms,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// What is stored, when it may be used, and how old it is said to be.
    #[test]
    fn the_cache_does_what_the_model_says(
        response in response(),
        first in request(vec!["GET", "GET", "GET", "HEAD"]),
        second in request(vec!["GET", "GET", "HEAD", "POST"]),
        delay_ms in 0..3_000_u64,
        fraction_ms in 0..1_000_u64,
        later_ms in 0..60_000_u64,
        style in 0..4_u8,
    ) {
        let (cache, timing) = (cache(), Timing { delay_ms, fraction_ms });
        let headers = response.headers(style);
        let response = response.settled();
        let stored = keep(&cache, &first, &headers, (response.status, timing));
        prop_assert_eq!(stored, response.is_stored(&first, timing), "{:?}", headers);
        let said = verdict(&cache, &second, NOW_MS + later_ms);
        let expected = response.verdict(&first, &second, timing, later_ms);
        prop_assert_eq!(said, expected, "{:?} {:?}", headers, second.headers());
        if let Some(entry) = cache.find(key("/"), &first.headers()).entry {
            for name in response.withheld() {
                prop_assert!(!entry.headers.contains_key(name));
            }
        }
    }

    /// A 304 replaces headers (sections 3.2 and 4.3.4), but not those that describe the body.
    #[test]
    fn a_confirmation_brings_headers_up_to_date(
        stored in prop::collection::btree_map(name(), "[a-z]{1,3}", 0..6),
        newer in prop::collection::btree_map(name(), "[a-z]{1,3}", 0..6),
    ) {
        let write = |all: &std::collections::BTreeMap<&'static str, String>| {
            let mut headers = HeaderMap::new();
            all.iter().for_each(|(name, value)| add(&mut headers, name, value));
            headers
        };
        let cache = cache();
        let mut first = write(&stored);
        add(&mut first, "cache-control", "max-age=10");
        let timing = Timing { delay_ms: 0, fraction_ms: 0 };
        let request = Request { method: "GET", ..Request::default() };
        prop_assert!(keep(&cache, &request, &first, (200, timing)));
        let entry = cache.find(key("/"), &HeaderMap::new()).entry.unwrap();
        let confirmed = refreshed(&entry, &write(&newer));
        prop_assert_eq!(confirmed.status(), 200);
        for name in NAMES {
            let updated = newer.get(name).filter(|_| !OF_BODY.contains(&name));
            let expected = updated.or(stored.get(name)).map(String::as_str);
            let expected = if name == "content-length" { Some("4") } else { expected };
            let found = confirmed.headers().get(name);
            let found = found.map(|value| value.to_str().unwrap());
            prop_assert_eq!(found, expected, "{}", name);
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

const OF_BODY: [&str; 4] = [
    "content-type",
    "content-encoding",
    "content-length",
    "content-range",
];
const NAMES: [&str; 10] = [
    "content-type",
    "content-encoding",
    "content-length",
    "content-range",
    "content-language",
    "content-disposition",
    "x-any",
    "last-modified",
    "cache-tag",
    "content-location",
];
