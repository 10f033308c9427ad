//! A bad change that goes out in stages reaches one POP only and comes back by itself; without
//! stages a change is on every node within a second.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tests::{backend::Backend, client, cluster::Cluster, management::Management, until};

const DEAD: &str = "http://127.0.0.1:9";

async fn policy(api: &Management, soak_ms: u32, staged: bool) {
    let body = json!({ "staged": staged, "soakMs": soak_ms, "pop": "pop-1" });
    let path = "/edgeway/v1/rollout-policy";
    api.must(Method::PUT, path, Some(body)).await.unwrap();
}

/// Points the API to `target` without saying how that reaches the nodes.
async fn retarget(api: &Management, id: &str, target: &str, query: &str) -> u64 {
    let path = format!("/v2/apis/{id}{query}");
    let body = json!({ "target": target });
    let answer = api.call(Method::PATCH, &path, Some(body)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    revision.parse().unwrap()
}

async fn rollouts(api: &Management) -> Value {
    let path = "/edgeway/v1/rollouts";
    api.must(Method::GET, path, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_change_reaches_one_pop_only_and_is_taken_back() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster.management(0);
    let id = api.quick_api("staged", &backend.url()).await.unwrap();
    let host = cluster.host(&id);
    policy(&api, 30_000, true).await;
    let (first, second) = (cluster.ready.pops[0].http, cluster.ready.pops[1].http);

    let began = Instant::now();
    let revision = retarget(&api, &id, DEAD, "").await;
    let (mut bad, mut elsewhere) = (0, 0);
    let took = loop {
        let at_first = client::get(first, &host, "/x").await.unwrap();
        bad += u32::from(at_first.status().is_server_error());
        for place in [second, cluster.ready.regions[0].http] {
            let answer = client::get(place, &host, "/x").await.unwrap();
            elsewhere += u32::from(answer.status() != 200);
        }
        if rollouts(&api).await["active"] == json!([]) {
            break began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "not taken back");
    };
    println!("taken back after {took:?}; {bad} answers at the first POP were 5xx");
    assert!(bad > 0, "the new version was tried");
    assert_eq!(elsewhere, 0, "nobody else was touched");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let ended = rollouts(&api).await["ended"][0].clone();
    assert_eq!(ended["end"], "rolled_back");
    assert_eq!(
        (&ended["revision"], &ended["stage"]),
        (&json!(revision), &json!("pop"))
    );
    assert!(
        ended["reason"].as_str().unwrap().starts_with("5xx"),
        "{ended}"
    );

    api.wait(ended["endedRevision"].as_u64().unwrap())
        .await
        .unwrap();
    for place in [first, second] {
        assert_eq!(client::get(place, &host, "/x").await.unwrap().status(), 200);
    }
    let path = format!("/v2/apis/{id}/integrations");
    let found = api.must(Method::GET, &path, None).await.unwrap();
    let uri = found["items"][0]["integrationUri"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(uri, backend.url(), "what is configured is what is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_change_goes_from_one_pop_to_one_region_to_all() {
    let cluster = Cluster::start().await.unwrap();
    let (old, new) = (
        Backend::start().await.unwrap(),
        Backend::start().await.unwrap(),
    );
    let api = cluster.management(0);
    let id = api.quick_api("good", &old.url()).await.unwrap();
    policy(&api, 1_500, true).await;
    retarget(&api, &id, &new.url(), "").await;
    assert_eq!(rollouts(&api).await["active"][0]["stage"], "pop");
    let host = cluster.host(&id);
    until("the first POP tries it", Duration::from_secs(5), || async {
        client::get(cluster.ready.pops[0].http, &host, "/x")
            .await
            .ok()?;
        let seen = &new.counts.requests;
        (seen.load(std::sync::atomic::Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    until("it goes to a region", Duration::from_secs(10), || async {
        (rollouts(&api).await["active"][0]["stage"] == "region").then_some(())
    })
    .await;
    until("it is released", Duration::from_secs(10), || async {
        (rollouts(&api).await["ended"][0]["end"] == "released").then_some(())
    })
    .await;

    // By hand: taken back with the command, let go with the command, and past all stages with now.
    policy(&api, 60_000, true).await;
    retarget(&api, &id, &old.url(), "").await;
    assert!(command(&cluster, &["list"]).contains("on its way: stage pop (pop pop-1"));
    assert!(command(&cluster, &["abort", &id]).contains("is taken back"));
    assert_eq!(rollouts(&api).await["ended"][0]["end"], "aborted");
    retarget(&api, &id, &old.url(), "").await;
    assert!(command(&cluster, &["release", &id]).contains("goes everywhere"));
    assert_eq!(rollouts(&api).await["ended"][0]["end"], "released");
    retarget(&api, &id, &new.url(), "?x-edgeway-rollout=now").await;
    assert_eq!(
        rollouts(&api).await["active"],
        json!([]),
        "now skips the stages"
    );
}

fn command(cluster: &Cluster, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(tests::cluster::program());
    let command = command.arg("rollout").args(arguments);
    let output = command
        .arg("--ready-file")
        .arg(cluster.ready_file())
        .output();
    String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stages_a_change_is_on_every_node_within_a_second() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster.management(0);
    let id = api.quick_api("quick", &backend.url()).await.unwrap();
    let mut took = Vec::new();
    for round in 0..100 {
        let revision = retarget(&api, &id, &format!("{}/{round}", backend.url()), "").await;
        let began = Instant::now();
        api.wait(revision).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort();
    println!("on every node after p50 {:?}, p99 {:?}", took[50], took[98]);
    assert!(took[98] < Duration::from_secs(1), "{:?}", took[98]);
}
