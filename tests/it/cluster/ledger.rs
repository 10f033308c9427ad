//! The Raft leader dies without warning in the middle of writes: what was acknowledged is there,
//! once, and the node comes back by itself.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{cluster::Cluster, management::Management, until};

const WRITES: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_loses_no_acknowledged_write_and_doubles_none() {
    let mut cluster = Cluster::start().await.unwrap();
    let status = cluster.management(0).status().await.unwrap();
    let leader = status["raft"]["leader"].as_u64().unwrap();
    let victim = cluster
        .ready
        .regions
        .iter()
        .position(|r| r.node_id == leader)
        .unwrap();
    let victim = cluster.ready.regions[victim].clone();
    let survivor = cluster
        .ready
        .regions
        .iter()
        .position(|r| r.node_id != leader)
        .unwrap();
    let writer = cluster.management(survivor);

    let mut acknowledged = Vec::new();
    for number in 0..WRITES {
        if number == WRITES / 3 {
            cluster.kill(victim.pid).unwrap();
        }
        let body = json!({ "name": format!("write-{number}"), "protocolType": "HTTP" });
        // A refusal for want of a leader is no acknowledgement; a client would ask again, and this
        // one does too, with a new request.
        loop {
            let answer = writer
                .call(Method::POST, "/v2/apis", Some(body.clone()))
                .await
                .unwrap();
            if answer.status == 201 {
                acknowledged.push(answer.body["apiId"].as_str().unwrap().to_owned());
                break;
            }
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert!(answer.headers.contains_key("retry-after"));
        }
    }
    assert_eq!(acknowledged.len(), WRITES);
    exactly_these(&writer, &acknowledged).await;

    cluster.restart(&victim.config).unwrap();
    let back = Management::new(
        &victim.management,
        &cluster.ready.access_key_id,
        &cluster.ready.secret_access_key,
    );
    until(
        "the old leader is a member again",
        Duration::from_secs(30),
        || async {
            let status = back.status().await.ok()?;
            let revision = writer.status().await.ok()?["revision"].clone();
            let voters = status["raft"]["voters"].as_array()?.len();
            (status["revision"] == revision && voters == 3).then_some(())
        },
    )
    .await;
    exactly_these(&back, &acknowledged).await;
}

/// Every acknowledged API is listed once, and no name twice.
async fn exactly_these(management: &Management, acknowledged: &[String]) {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut next = String::new();
    loop {
        let path = format!("/v2/apis?maxResults=100{next}");
        let page = management.must(Method::GET, &path, None).await.unwrap();
        for api in page["items"].as_array().unwrap() {
            let text = |name: &str| api[name].as_str().unwrap().to_owned();
            by_name.entry(text("name")).or_default().push(text("apiId"));
        }
        match page.get("nextToken").and_then(Value::as_str) {
            Some(token) => next = format!("&nextToken={token}"),
            None => break,
        }
    }
    let listed: Vec<&String> = by_name.values().flatten().collect();
    for id in acknowledged {
        assert!(listed.contains(&id), "acknowledged API {id} is lost");
    }
    for (name, ids) in by_name
        .iter()
        .filter(|(name, _)| name.starts_with("write-"))
    {
        assert_eq!(ids.len(), 1, "{name} was applied {} times", ids.len());
    }
}
