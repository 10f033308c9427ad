//! Aggregates: several real backends, some slow, some dead, and one answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Response;
use model::rest::{Aggregate, AggregatePart, IntegrationType, Merge, OnFailure, Resource, Verb};
use serve::Body;
use tokio::sync::Barrier;

use super::{
    backend::{Backend, echo},
    harness::{Rig, get, request},
    rest::method,
    rest_bodies::rig,
};

fn part(name: &str, uri: String) -> AggregatePart {
    AggregatePart {
        name: name.to_owned(),
        uri,
        http_method: "GET".to_owned(),
        timeout_ms: 10_000,
        path: BTreeMap::new(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: None,
        after: Vec::new(),
        on_failure: OnFailure::Fail,
        default: None,
        cache_ttl_s: 0,
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A region whose `/prod/{id}` calls these parts.
async fn region(parts: Vec<AggregatePart>, merge: Merge) -> Rig {
    let mut content = model::rest::Content::empty("root".into());
    let mut own = method(IntegrationType::Mock, None);
    own.integration = None;
    own.aggregate = Some(Arc::new(Aggregate {
        parts,
        merge,
        template: None,
        status: 200,
    }));
    let resource = Resource {
        id: "id".into(),
        parent: Some("root".into()),
        part: "{id}".to_owned(),
        methods: [(Verb::Any, Arc::new(own))].into(),
    };
    content.resources.insert("id".into(), Arc::new(resource));
    rig(content).await
}

/// Answers every request with this JSON.
async fn json(text: &'static str) -> Backend {
    Backend::http(move |_| async move { Response::new(Body::full(text)) }).await
}

#[tokio::test]
async fn parts_are_called_at_once() {
    // Each backend answers only when both have been asked.
    let both = Arc::new(Barrier::new(2));
    let meet = |text: &'static str| {
        let both = Arc::clone(&both);
        Backend::http(move |_| {
            let both = Arc::clone(&both);
            async move {
                both.wait().await;
                Response::new(Body::full(text))
            }
        })
    };
    let (one, other) = (meet(r#"{"price": 10.00}"#).await, meet("plain words").await);
    let parts = vec![part("b", one.url()), part("a", other.url())];
    let rig = region(parts, Merge::Named).await;
    let answer = rig.get("/prod/7").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.text, r#"{"b":{"price": 10.00},"a":"plain words"}"#);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("edgeway-missing-parts"), "");
}

#[tokio::test]
async fn one_part_feeds_the_next() {
    let customer = json(r#"{"owner": "o/1", "tags": ["x", "y"]}"#).await;
    let seen = Backend::echo().await;
    let mut orders = part("orders", format!("{}/{{id}}/orders/{{owner}}", seen.url()));
    orders.path = map(&[("owner", "parts.customer.body.owner")]);
    orders.query = map(&[
        ("status", "parts.customer.status"),
        ("page", "method.request.querystring.page"),
        ("none", "parts.customer.body.none"),
        ("a", "'x y'"),
    ]);
    orders.headers = map(&[
        ("x-api", "context.apiId"),
        ("x-kind", "parts.customer.header.content-type"),
        ("content-length", "'5'"),
    ]);
    orders.http_method = "POST".to_owned();
    orders.body = Some("parts.customer.body.tags".to_owned());
    let parts = vec![orders, part("customer", customer.url())];
    let rig = region(parts, Merge::Named).await;
    let answer = rig.ask(get("/prod/7?page=2")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let found: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    let told = found["orders"].as_str().unwrap();
    let line = "POST /7/orders/o%2F1?a=x%20y&page=2&status=200\n";
    assert!(told.starts_with(line), "{told}");
    assert!(told.contains("x-api: a1\n"), "{told}");
    assert!(!told.contains("x-kind"), "{told}");
    assert!(told.contains("accept: application/json\n"), "{told}");
    assert!(told.ends_with("\n\n[\"x\",\"y\"]"), "{told}");
}

/// Takes connections and closes them.
async fn dead() -> Backend {
    Backend::raw(|stream| async move { drop(stream) }).await
}

#[tokio::test]
async fn failures_are_left_out_replaced_or_fatal() {
    let good = json(r#"{"x":1}"#).await;
    // Never answers; its time-out ends it.
    let slow = Backend::http(|_| std::future::pending::<Response<Body>>()).await;
    let failing = Backend::http(|_| async {
        let mut response = Response::new(Body::full("{}"));
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
    .await;
    let dead = dead().await;
    let with = |name: &str, uri: String, on_failure| AggregatePart {
        on_failure,
        timeout_ms: if uri == slow.url() { 100 } else { 10_000 },
        default: Some(r#"{"none":true}"#.to_owned()),
        ..part(name, uri)
    };
    let mut needs = part("needs", format!("{}/{{y}}", good.url()));
    needs.path = map(&[("y", "parts.slow.body.y")]);
    needs.on_failure = OnFailure::Omit;
    let parts = vec![
        part("good", good.url()),
        with("slow", slow.url(), OnFailure::Omit),
        with("dead", dead.url(), OnFailure::Default),
        with("failing", failing.url(), OnFailure::Omit),
        needs,
    ];
    let rig = region(parts, Merge::Named).await;
    let answer = rig.get("/prod/7").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.text, r#"{"good":{"x":1},"dead":{"none":true}}"#);
    let missing = answer.header("edgeway-missing-parts");
    assert_eq!(missing, "slow, dead, failing, needs");
    let count = |result: &str| rig.metric("edgeway_region_aggregate_parts_total", result);
    for result in [
        "\"ok\"",
        "upstream_timeout",
        "upstream_closed",
        "part_status",
        "part_input",
    ] {
        assert_eq!(count(result), 1, "{result}");
    }
    for (uri, status, message) in [
        (slow.url(), 504, "Endpoint request timed out"),
        (dead.url(), 504, "Network error communicating with endpoint"),
        (failing.url(), 502, "Internal server error"),
    ] {
        let parts = vec![
            part("waits", slow.url()),
            with("fatal", uri, OnFailure::Fail),
        ];
        let rig = region(parts, Merge::Named).await;
        let answer = rig.get("/prod/7").await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.text, format!(r#"{{"message":"{message}"}}"#));
    }
}

#[tokio::test]
async fn members_can_be_merged_flat() {
    let (one, other) = (json(r#"{"a":1,"b":1}"#).await, json(r#"{"b":2}"#).await);
    let list = json("[3]").await;
    let parts = vec![
        part("one", one.url()),
        part("other", other.url()),
        part("list", list.url()),
    ];
    let rig = region(parts, Merge::Flat).await;
    assert_eq!(rig.get("/prod/7").await.text, r#"{"a":1,"b":2,"list":[3]}"#);
}

#[tokio::test]
async fn equal_calls_share_what_is_kept() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let backend = Backend::http(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        echo(request)
    })
    .await;
    let mut kept = part("kept", format!("{}/{{id}}", backend.url()));
    kept.cache_ttl_s = 3600;
    kept.headers = map(&[("x-who", "method.request.header.x-who")]);
    let rig = region(vec![kept], Merge::Named).await;
    let ask = async |path: &str, who: &'static str| {
        let mut asked = get(path);
        asked.headers_mut().insert("x-who", who.parse().unwrap());
        let answer = rig.ask(asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.text, calls.load(Ordering::Relaxed))
    };
    let (first, count) = ask("/prod/1", "a").await;
    assert_eq!(count, 1);
    assert_eq!(ask("/prod/1?other=1", "a").await, (first, 1));
    assert_eq!(ask("/prod/2", "a").await.1, 2);
    assert_eq!(ask("/prod/2", "b").await.1, 3);
    assert_eq!(ask("/prod/1", "a").await.1, 3);
    assert_eq!(
        rig.metric("edgeway_region_aggregate_parts_total", "kept"),
        2
    );
}

#[tokio::test]
async fn parts_get_the_clients_body_when_they_ask_for_it() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    let backend = Backend::http(move |request| {
        let seen = Arc::clone(&seen);
        async move {
            let answer = echo(request).await;
            let (head, body) = answer.into_parts();
            let bytes = body.into_bytes(1 << 20).await.unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            seen.lock().unwrap().push(text);
            Response::from_parts(head, Body::full("{}"))
        }
    })
    .await;
    let mut whole = part("whole", backend.url());
    whole.http_method = "POST".to_owned();
    whole.body = Some("method.request.body".to_owned());
    let mut member = part("member", backend.url());
    member.query = map(&[("name", "method.request.body.pet.name")]);
    member.after = vec!["whole".to_owned()];
    let rig = region(vec![whole, member], Merge::Named).await;
    let body = Body::full(r#"{"pet":{"name":"Rex"}}"#);
    let answer = rig.ask(request("PUT", "/prod/7", body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = bodies.lock().unwrap();
    assert!(seen[0].ends_with(r#"{"pet":{"name":"Rex"}}"#), "{seen:?}");
    assert!(seen[1].starts_with("GET /?name=Rex\n"), "{seen:?}");
    assert!(seen[1].ends_with("\n\n"), "{seen:?}");
}

#[tokio::test]
async fn circles_and_unknown_parts_break_the_method() {
    for (expression, after) in [
        ("parts.other.body.x", "one"),
        ("parts.none.body.x", ""),
        ("parts.other", ""),
    ] {
        let mut one = part("one", "http://127.0.0.1:1/".to_owned());
        one.query = map(&[("x", expression)]);
        let mut other = part("other", "http://127.0.0.1:1/".to_owned());
        other.after = Some(after.to_owned())
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect();
        let rig = region(vec![one, other], Merge::Named).await;
        let answer = tokio::time::timeout(Duration::from_secs(60), rig.get("/prod/7")).await;
        assert_eq!(answer.unwrap().status, 500, "{expression}");
    }
}
