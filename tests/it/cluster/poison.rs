//! A POP that dies twice right after a revision goes on with the one before, and one that is given
//! more than it may hold keeps what it has.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, Pop},
    management::Management,
    until,
};

/// What the regions know of the POP: what it serves and which revision it refuses.
async fn seen(api: &Management, pop: &Pop) -> Option<(u64, Option<u64>, Option<String>)> {
    let status = api.status().await.ok()?;
    let nodes = status.get("nodes")?.as_array()?.clone();
    let node = nodes
        .iter()
        .find(|node| node["place"] == pop.name.as_str())?;
    let refused = node.get("refused");
    Some((
        node.get("revision")?.as_u64()?,
        refused.and_then(|bad| bad["revision"].as_u64()),
        refused.and_then(|bad| bad["reason"].as_str().map(str::to_owned)),
    ))
}

async fn metric(pop: &Pop, line: &str) -> bool {
    let addr = pop.metrics.trim_start_matches("http://");
    let addr = addr.trim_end_matches("/metrics").parse().unwrap();
    let text = client::get(addr, "ops", "/metrics").await.unwrap();
    String::from_utf8_lossy(text.body())
        .lines()
        .any(|l| l == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_kills_a_pop_twice_is_skipped_until_a_newer_one_comes() {
    let mut cluster = Cluster::start_with(1, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster.management(0);
    let first = api.quick_api("kept", &backend.url()).await.unwrap();
    let pop = cluster.ready.pops[0].clone();
    let (good, _, _) = seen(&api, &pop).await.unwrap();
    let second = api.quick_api("deadly", &backend.url()).await.unwrap();
    let bad = good + 1;

    // Both deaths follow right after the POP has begun to serve from the revision.
    cluster.kill(pop.pid).unwrap();
    let pid = cluster.restart(&pop.config).unwrap();
    until("it tries again", Duration::from_secs(20), || async {
        let answer = client::get(pop.http, &cluster.host(&second), "/x")
            .await
            .ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    cluster.kill(pid).unwrap();
    cluster.restart(&pop.config).unwrap();
    until("it is reported", Duration::from_secs(20), || async {
        let (serves, refused, reason) = seen(&api, &pop).await?;
        let crashed = reason.is_some_and(|reason| reason.contains("crashed twice"));
        (serves == good && refused == Some(bad) && crashed).then_some(())
    })
    .await;
    let host = cluster.host(&first);
    let answer = client::get(pop.http, &host, "/x").await.unwrap();
    assert_eq!(answer.status(), 200, "the revision before serves");
    let unknown = client::get(pop.http, &cluster.host(&second), "/x").await;
    assert_eq!(unknown.unwrap().status(), 403);
    assert!(metric(&pop, &format!("edgeway_node_bad_revision {bad}")).await);

    let third = api.quick_api("newer", &backend.url()).await.unwrap();
    for id in [second, third] {
        let answer = client::get(pop.http, &cluster.host(&id), "/x")
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "a newer revision is taken whole");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_over_its_budget_is_refused_and_the_one_before_stays() {
    let mut cluster = Cluster::start_with(1, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster.management(0);
    let id = api.quick_api("kept", &backend.url()).await.unwrap();
    let pop = cluster.ready.pops[0].clone();
    let (good, _, _) = seen(&api, &pop).await.unwrap();

    // Room for a longer number, not for another API.
    let folder = pop.config.parent().unwrap();
    let text = std::fs::read_to_string(&pop.config).unwrap();
    let view = until("the view is stored", Duration::from_secs(10), || async {
        walk(folder, good)
    })
    .await;
    let budget = std::fs::metadata(view).unwrap().len() + 4;
    let lines = text.lines().map(|line| {
        if line.starts_with("view_bytes_max") {
            format!("view_bytes_max = {budget}")
        } else {
            line.to_owned()
        }
    });
    std::fs::write(&pop.config, lines.collect::<Vec<_>>().join("\n")).unwrap();
    cluster.kill(pop.pid).unwrap();
    cluster.restart(&pop.config).unwrap();
    until("the POP is back", Duration::from_secs(20), || async {
        client::get(pop.http, &cluster.host(&id), "/x").await.ok()
    })
    .await;

    let body = json!({ "name": "more", "protocolType": "HTTP", "target": backend.url() });
    api.must(Method::POST, "/v2/apis", Some(body))
        .await
        .unwrap();
    until(
        "the refusal is reported",
        Duration::from_secs(10),
        || async {
            let (serves, refused, reason) = seen(&api, &pop).await?;
            let budget = reason.is_some_and(|reason| reason.contains("view_bytes_max"));
            (serves == good && refused == Some(good + 1) && budget).then_some(())
        },
    )
    .await;
    let answer = client::get(pop.http, &cluster.host(&id), "/x")
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let line = "edgeway_node_revisions_refused_total{reason=\"too_large\"} 1";
    assert!(metric(&pop, line).await);
}

/// The stored view of `revision` somewhere below `folder`.
fn walk(folder: &std::path::Path, revision: u64) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return walk(&path, revision);
        }
        path.ends_with(format!("{revision:020}.view"))
            .then_some(path)
    })
}
