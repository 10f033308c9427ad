//! The audit trail and going back, through processes that die in between.

use std::{process::Command, sync::atomic::Ordering, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, program},
    management::Management,
    until,
};

fn edgeway(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = Command::new(program())
        .args(arguments)
        .arg("--ready-file")
        .arg(cluster.ready_file())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn get(management: &Management, path: &str) -> Value {
    management.must(Method::GET, path, None).await.unwrap()
}

/// Alters the API; the revision that this makes, once every node has it.
async fn patch(management: &Management, api: &str, body: Value) -> u64 {
    let path = format!("/v2/apis/{api}");
    let answer = management
        .call(Method::PATCH, &path, Some(body))
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    let revision = revision.parse().unwrap();
    management.wait(revision).await.unwrap();
    revision
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_taken_back_to_what_it_served() {
    let mut cluster = Cluster::start().await.unwrap();
    let (good, bad) = (
        Backend::start().await.unwrap(),
        Backend::start().await.unwrap(),
    );
    let first = cluster.management(0);
    let api = first.quick_api("history", &good.url()).await.unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let before = get(&first, "/edgeway/v1/status").await["revision"]
        .as_u64()
        .unwrap();
    let wrong = patch(&first, &api, json!({ "target": bad.url() })).await;
    let named = patch(&cluster.management(1), &api, json!({ "name": "other" })).await;

    let text = edgeway(&cluster, &["history", "--api", &api]);
    let lines: Vec<&str> = text.lines().collect();
    let is = |line: &str, revision: u64, operation: &str| {
        let begins = line.trim_start().starts_with(&revision.to_string());
        begins && line.contains(operation) && line.contains(&format!("api/{api}"))
    };
    assert!(
        is(lines[0], named, "UpdateApi") && is(lines[1], wrong, "UpdateApi"),
        "{text}"
    );
    assert!(
        is(lines[2], before, "CreateApi") && lines[2].contains("127.0.0.1:"),
        "{text}"
    );
    let (from, to) = (before.to_string(), named.to_string());
    let text = edgeway(&cluster, &["history", "diff", &from, &to]);
    let has = |line: &str| {
        text.lines()
            .any(|found| found.trim_start().starts_with(line))
    };
    assert!(has(&format!("api {api} changed")), "{text}");
    assert!(
        has("- $.name: \"history\"") && has("+ $.name: \"other\""),
        "{text}"
    );
    assert!(
        text.contains(&good.url()) && text.contains(&bad.url()),
        "{text}"
    );

    // Every region tells the same story, also one that has been away.
    let story = format!("/edgeway/v1/history/diff?from={before}&to={named}&apiId={api}");
    let told = get(&first, &story).await;
    assert_eq!(get(&cluster.management(1), &story).await, told);
    let victim = cluster.ready.regions[2].clone();
    cluster.kill(victim.pid).unwrap();
    cluster.restart(&victim.config).unwrap();
    let third = cluster.management(2);
    until("the region is back", Duration::from_secs(60), || async {
        let answer = third.call(Method::GET, &story, None).await.ok()?;
        (answer.status == 200 && answer.body == told).then_some(())
    })
    .await;

    edgeway(&cluster, &["history", "rollback", &api, &from]);
    let revision = get(&first, "/edgeway/v1/status").await["revision"]
        .as_u64()
        .unwrap();
    first.wait(revision).await.unwrap();
    assert_eq!(
        get(&first, &format!("/v2/apis/{api}")).await["name"],
        "history"
    );
    let serves = async || {
        let count = || good.counts.requests.load(Ordering::Relaxed);
        until(
            "the POP asks the good backend",
            Duration::from_secs(30),
            || async {
                let before = count();
                let answer = client::get(pop, &host, "/x").await.ok()?;
                (answer.status() == 200 && count() > before).then_some(())
            },
        )
        .await;
    };
    serves().await;

    let path = format!("/v2/apis/{api}");
    first.must(Method::DELETE, &path, None).await.unwrap();
    edgeway(&cluster, &["history", "rollback", &api, &from]);
    let revision = get(&first, "/edgeway/v1/status").await["revision"]
        .as_u64()
        .unwrap();
    first.wait(revision).await.unwrap();
    serves().await;
    assert_eq!(
        get(&first, "/edgeway/v1/history").await["items"][0]["operation"],
        "RollBackApi"
    );
}
