//! The POPs' caches in a whole cluster: one call to the backend for many clients, purges on every
//! POP, stale answers when the backend fails.

use std::{
    process::Command,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;
use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, program},
    until,
};

/// What the cache says of an answer.
async fn verdict(cluster: &Cluster, pop: usize, host: &str, path: &str) -> String {
    let answer = client::get(cluster.ready.pops[pop].http, host, path).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    answer.headers()["cache-status"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_reaches_every_pop() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(1);
    let api = management
        .quick_api("purged", &backend.url())
        .await
        .unwrap();
    let host = cluster.host(&api);
    let url = format!("https://{host}/cached/a");
    let targets = [
        ("/cached/a", json!({ "url": url })),
        (
            "/cached/a",
            json!({ "prefix": format!("https://{host}/cach") }),
        ),
        ("/cached/a", json!({ "api": api })),
        ("/tagged/a", json!({ "tag": "green" })),
    ];
    for (path, target) in targets {
        for pop in 0..2 {
            verdict(&cluster, pop, &host, path).await;
        }
        let begun = Instant::now();
        let answer = management
            .must(Method::POST, "/edgeway/v1/purge", Some(target.clone()))
            .await
            .unwrap();
        println!("{target}: {answer} in {:?}", begun.elapsed());
        assert_eq!(answer["unreached"], json!([]));
        assert_eq!(answer["pops"].as_array().unwrap().len(), 2);
        for pop in 0..2 {
            assert_eq!(answer["pops"][pop]["purged"], 1, "{answer}");
            let after = verdict(&cluster, pop, &host, path).await;
            assert!(after.contains("fwd=uri-miss"), "{after}");
        }
    }

    let mut purge = Command::new(program());
    let purge = purge
        .args(["cache", "purge", "--url", &url, "--endpoint"])
        .arg(&cluster.ready.regions[0].management)
        .env("AWS_ACCESS_KEY_ID", &cluster.ready.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &cluster.ready.secret_access_key)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&purge.stdout).into_owned();
    println!("{said}");
    assert!(purge.status.success(), "{purge:?}");
    assert_eq!(said.matches("purged in").count(), 2, "{said}");

    // A POP that is away is named.
    cluster.kill(cluster.ready.pops[1].pid).unwrap();
    let named = until("the dead POP is named", Duration::from_secs(30), || async {
        let body = Some(json!({ "tag": "blue" }));
        let answer = management
            .must(Method::POST, "/edgeway/v1/purge", body)
            .await;
        let answer = answer.ok()?;
        (answer["unreached"][0]["pop"] == "pop-2").then_some(answer)
    })
    .await;
    println!("{named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_misses_are_one_call_and_a_failing_backend_is_covered() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("many", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let before = backend.counts.requests.load(Ordering::Relaxed);
    let all = (0..200).map(|_| {
        let host = host.clone();
        tokio::spawn(async move { client::get(pop, &host, "/cached/many").await })
    });
    let all: Vec<_> = all.collect();
    for one in all {
        assert_eq!(one.await.unwrap().unwrap().body(), "may be cached\n");
    }
    let calls = backend.counts.requests.load(Ordering::Relaxed) - before;
    println!("200 clients, {calls} calls to the backend");
    assert_eq!(calls, 1);

    verdict(&cluster, 0, &host, "/tagged/x").await;
    backend.counts.failing.store(true, Ordering::Relaxed);
    until("a stale answer", Duration::from_secs(30), || async {
        let said = verdict(&cluster, 0, &host, "/tagged/x").await;
        said.contains("detail=region-error").then_some(())
    })
    .await;
    let none = client::get(pop, &host, "/tagged/y").await.unwrap();
    assert!(none.status().is_server_error(), "{}", none.status());
}
