//! Nodes leave and come: Raft, DNS and `status` follow, and a node that was removed stays out.

use std::{process::Command, time::Duration};

use http::Method;
use serde_json::Value;
use tests::{
    client,
    cluster::{Cluster, program},
    until,
};

fn voters(status: &Value) -> usize {
    status["raft"]["voters"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_leaves_and_another_joins() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let leaver = cluster.ready.regions[2].clone();

    // Told to drain, it says so; told again, nothing changes.
    for _ in 0..2 {
        let id = leaver.node_id.to_string();
        let drain = Command::new(program())
            .args(["member", "drain", &id, "--ready-file"])
            .arg(cluster.ready_file())
            .output()
            .unwrap();
        assert!(drain.status.success(), "{drain:?}");
    }
    until("the node drains", Duration::from_secs(20), || async {
        let status = management.status().await.ok()?;
        let node = node_of(&status, leaver.node_id)?;
        (node["draining"] == true && node["leaving"] == true).then_some(())
    })
    .await;

    // Out: the command, as an operator gives it.
    let mut remove = Command::new(program());
    let removed = remove
        .args([
            "member",
            "remove",
            &leaver.node_id.to_string(),
            "--ready-file",
        ])
        .arg(cluster.ready_file())
        .output()
        .unwrap();
    assert!(
        removed.status.success(),
        "{}",
        String::from_utf8_lossy(&removed.stderr)
    );
    until("two voters are left", Duration::from_secs(20), || async {
        (voters(&management.status().await.ok()?) == 2).then_some(())
    })
    .await;
    cluster.kill(leaver.pid).unwrap();

    // In: a token, a settings file, a process.
    let mut token = Command::new(program());
    let token = token
        .args([
            "member",
            "add",
            "--role",
            "region",
            "--place",
            "eu-north-1",
            "--ready-file",
        ])
        .arg(cluster.ready_file())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&token.stdout).into_owned();
    let token_text = text.lines().next().unwrap().to_owned();
    assert!(token_text.starts_with("ewj1."), "{text}");

    let settings = std::fs::read_to_string(&leaver.config).unwrap();
    let old = leaver.config.parent().unwrap();
    let new = old.with_file_name("eu-north-1");
    std::fs::create_dir_all(&new).unwrap();
    let settings = settings.replace(&old.display().to_string(), &new.display().to_string());
    let config = new.join("edgeway.toml");
    std::fs::write(&config, settings).unwrap();
    let joined = Command::new(program())
        .args(["start", "--config"])
        .arg(&config)
        .env("EDGEWAY_JOIN_TOKEN", &token_text)
        .stderr(std::fs::File::create(new.join("log")).unwrap())
        .spawn()
        .unwrap();
    let guard = Ended(joined);
    let status = until("three voters again", Duration::from_secs(30), || async {
        let status = management.status().await.ok()?;
        (voters(&status) == 3).then_some(status)
    })
    .await;
    let nodes = status["nodes"].as_array().unwrap();
    assert!(
        nodes.iter().any(|node| node["place"] == "eu-north-1"),
        "{status:#}"
    );

    // It serves the sample API, under its own name too, with a certificate that covers it.
    let apis = management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let api = apis["items"][0]["apiId"].as_str().unwrap();
    let host = format!("{api}.execute-api.eu-north-1.{}", cluster.ready.base_domain);
    let authority = cluster.authority_pem().unwrap();
    let pop = cluster.ready.pops[0].https;
    until(
        "the new region's name is served",
        Duration::from_secs(20),
        || async {
            client::get_h2(leaver.https, &host, "/", &authority)
                .await
                .ok()?;
            let answer = client::get_h2(pop, &host, "/", &authority).await.ok()?;
            (answer.status() == 200).then_some(())
        },
    )
    .await;

    // The token is spent.
    let again = old.with_file_name("again");
    std::fs::create_dir_all(&again).unwrap();
    let settings = std::fs::read_to_string(&config).unwrap();
    let settings = settings.replace(&new.display().to_string(), &again.display().to_string());
    let config = again.join("edgeway.toml");
    std::fs::write(&config, settings).unwrap();
    let refused = Command::new(program())
        .args(["start", "--config"])
        .arg(&config)
        .env("EDGEWAY_JOIN_TOKEN", &token_text)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && errors.contains("has been used"),
        "{errors}"
    );

    // With the new node gone without a word, the other voter is needed for a majority.
    let gone = node_at(&status, "eu-north-1").unwrap();
    drop(guard);
    let needed = format!("/edgeway/v1/nodes/{}", cluster.ready.regions[1].node_id);
    let drop_gone = format!("/edgeway/v1/nodes/{gone}");
    until(
        "the dead node is missed",
        Duration::from_secs(30),
        || async {
            let status = management.status().await.ok()?;
            (node_of(&status, gone)?["live"] == false).then_some(())
        },
    )
    .await;
    let refused = management.call(Method::DELETE, &needed, None).await;
    let refused = refused.unwrap();
    let text = refused.body.to_string();
    assert!(
        refused.status == 409 && text.contains("no majority"),
        "{} {text}",
        refused.status
    );
    management
        .must(Method::DELETE, &drop_gone, None)
        .await
        .unwrap();
}

fn node_of(status: &Value, id: u64) -> Option<&Value> {
    let mut nodes = status["nodes"].as_array()?.iter();
    nodes.find(|node| node["id"] == id)
}

fn node_at(status: &Value, place: &str) -> Option<u64> {
    let mut nodes = status["nodes"].as_array()?.iter();
    nodes.find(|node| node["place"] == place)?["id"].as_u64()
}

/// A process that ends with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
