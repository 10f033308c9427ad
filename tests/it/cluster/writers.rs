//! Two clients that write at two regions at once: nothing is lost, nothing doubled, and nobody sees
//! an API that is only half there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Method;
use serde_json::{Value, json};
use tests::{
    cluster::Cluster,
    management::{Answer, Management},
    until,
};

const EACH: usize = 12;

/// Asks again while there is no leader.
async fn settled(at: &Management, method: Method, path: &str, body: Value) -> Answer {
    loop {
        let answer = at
            .call(method.clone(), path, Some(body.clone()))
            .await
            .unwrap();
        if answer.status != 503 {
            return answer;
        }
    }
}

async fn items(at: &Management, path: &str) -> Vec<Value> {
    let page = at.must(Method::GET, path, None).await.unwrap();
    assert_eq!(page.get("nextToken"), None, "one page is enough");
    page["items"].as_array().unwrap().clone()
}

/// Alters one field of the shared API, adds routes of its own and routes that the other adds too,
/// and makes whole APIs. Gives how many of the contested routes it has won.
async fn write(at: Management, shared: String, writer: usize, field: &'static str) -> usize {
    let api = format!("/v2/apis/{shared}");
    let mut won = 0;
    for number in 0..EACH {
        let text = format!("{field} {number}");
        let answer = settled(&at, Method::PATCH, &api, json!({ field: text })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let routes = format!("{api}/routes");
        let own = json!({ "routeKey": format!("GET /own/{writer}/{number}") });
        let answer = settled(&at, Method::POST, &routes, own).await;
        assert!(
            [201, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.body
        );
        let contested = json!({ "routeKey": format!("GET /contested/{number}") });
        let answer = settled(&at, Method::POST, &routes, contested).await;
        assert!(
            [201, 409].contains(&answer.status.as_u16()),
            "{}",
            answer.body
        );
        won += usize::from(answer.status == 201);
        let name = format!("made-{writer}-{number}");
        let body = json!({ "name": name, "protocolType": "HTTP", "target": "http://127.0.0.1:9" });
        let answer = settled(&at, Method::POST, "/v2/apis", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    won
}

/// Looks at every API there is, again and again: each is whole from the first time it is seen.
async fn watch(at: Management, over: Arc<AtomicBool>) -> usize {
    let mut seen = 0;
    while !over.load(Ordering::Relaxed) {
        for api in items(&at, "/v2/apis?maxResults=500").await {
            if !api["name"].as_str().unwrap().starts_with("made-") {
                continue;
            }
            let id = api["apiId"].as_str().unwrap();
            for part in ["routes", "integrations", "stages", "deployments"] {
                let parts = items(&at, &format!("/v2/apis/{id}/{part}?maxResults=500")).await;
                assert_eq!(parts.len(), 1, "{id} has {} {part}", parts.len());
            }
            seen += 1;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_two_regions_lose_nothing() {
    let cluster = Cluster::start_with(3, 1).await.unwrap();
    let body = json!({ "name": "shared", "protocolType": "HTTP" });
    let first = cluster.management(0);
    let made = first
        .must(Method::POST, "/v2/apis", Some(body))
        .await
        .unwrap();
    let shared = made["apiId"].as_str().unwrap().to_owned();

    let over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(cluster.management(2), Arc::clone(&over)));
    let one = tokio::spawn(write(
        cluster.management(0),
        shared.clone(),
        1,
        "description",
    ));
    let two = tokio::spawn(write(cluster.management(1), shared.clone(), 2, "version"));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    over.store(true, Ordering::Relaxed);
    let seen = watching.await.unwrap();
    println!("contested routes won: {one} and {two}; whole APIs seen on the way: {seen}");
    assert!(one + two <= EACH, "a route was given twice");

    let newest = first.status().await.unwrap()["revision"].as_u64();
    for region in 0..3 {
        let at = cluster.management(region);
        until(
            "the region has every write",
            Duration::from_secs(30),
            || async {
                let status = at.status().await.ok()?;
                (status["revision"].as_u64() >= newest).then_some(())
            },
        )
        .await;
        let api = at
            .must(Method::GET, &format!("/v2/apis/{shared}"), None)
            .await
            .unwrap();
        assert_eq!(api["description"], format!("description {}", EACH - 1));
        assert_eq!(api["version"], format!("version {}", EACH - 1));
        let routes = items(&at, &format!("/v2/apis/{shared}/routes?maxResults=500")).await;
        let mut keys: Vec<&str> = routes
            .iter()
            .filter_map(|r| r["routeKey"].as_str())
            .collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!((keys.len(), count), (3 * EACH, 3 * EACH), "{keys:?}");
        let apis = items(&at, "/v2/apis?maxResults=500").await;
        let made = |api: &&Value| api["name"].as_str().unwrap().starts_with("made-");
        // A client that asks again after 503 may make one twice; it may never lose one.
        let mut names: Vec<&Value> = apis.iter().filter(made).map(|api| &api["name"]).collect();
        names.sort_by_key(|name| name.to_string());
        names.dedup();
        assert_eq!(names.len(), 2 * EACH);
    }
}
