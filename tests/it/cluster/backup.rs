//! Backup, wipe, restore; and a backup from a disk whose node does not run.

use std::{fs, process::Command, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, program},
    management::Management,
    process, until,
};

fn edgeway(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program()).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// What a platform team would miss: APIs of both versions, keys, zones, the revision.
async fn content(management: &Management) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    for path in [
        "/v2/apis",
        "/restapis",
        "/apikeys?includeValues=true",
        "/edgeway/v1/zones",
        "/edgeway/v1/regions",
        "/edgeway/v1/access-keys",
    ] {
        found.push(management.must(Method::GET, path, None).await.ok()?);
    }
    let status = management.status().await.ok()?;
    found.push(status["revision"].clone());
    Some(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_comes_back_as_it_was() {
    let mut cluster = Cluster::start_with(2, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let api = management.quick_api("kept", &backend.url()).await.unwrap();
    let key = json!({ "name": "kept", "enabled": true, "value": "0123456789abcdefghij" });
    let made = management.must(Method::POST, "/apikeys", Some(key)).await;
    made.unwrap();
    let revision = management.status().await.unwrap()["revision"].clone();
    for region in 0..2 {
        let revision = revision.as_u64().unwrap();
        cluster.management(region).wait(revision).await.unwrap();
    }
    let before = content(&management).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (file, cold) = (folder.path().join("backup"), folder.path().join("cold"));
    let ready = cluster.ready_file();
    let [ready, file, cold] = [&ready, &file, &cold].map(|path| path.to_str().unwrap());
    let said = edgeway(&["backup", "--ready-file", ready, "--out", file]).unwrap();
    assert!(
        said.starts_with(&format!("revision {revision} in ")),
        "{said}"
    );

    // Every region node dies, and the first one's disk with it. The other's disk is enough, too.
    let regions = cluster.ready.regions.clone();
    for region in &regions {
        cluster.kill(region.pid).unwrap();
    }
    let gone = || async {
        let dead = regions.iter().all(|region| !process::lives(region.pid));
        dead.then_some(())
    };
    until("the region nodes are gone", Duration::from_secs(10), gone).await;
    let disk = |region: usize| regions[region].config.parent().unwrap().to_owned();
    let data = |region: usize| -> String {
        let text = fs::read_to_string(&regions[region].config).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("data_dir = "));
        line.unwrap().trim_matches('"').to_owned()
    };
    assert!(data(1).starts_with(disk(1).to_str().unwrap()));
    let said = edgeway(&["backup", "--data-dir", &data(1), "--out", cold]).unwrap();
    assert!(
        said.starts_with(&format!("revision {revision} in ")),
        "{said}"
    );

    let config = regions[0].config.to_str().unwrap();
    let restore = ["restore", file, "--config", config, "--region", "us-east-1"];
    let refused = edgeway(&restore).unwrap_err();
    assert!(refused.contains("there is a node already"), "{refused}");
    for part in ["identity", "ledger"] {
        fs::remove_dir_all(format!("{}/{part}", data(0))).unwrap();
    }
    let mut wrong = restore;
    wrong[5] = "mars";
    let refused = edgeway(&wrong).unwrap_err();
    assert!(refused.contains("mars"), "{refused}");
    let said = edgeway(&restore).unwrap();
    assert!(said.contains(&format!("revision {revision}")), "{said}");
    cluster.restart(&regions[0].config).unwrap();

    let limit = Duration::from_secs(60);
    let after = until("the restored node answers", limit, || content(&management)).await;
    assert_eq!(before, after);

    // The POP lived on, finds the node where it knew one, and takes what comes next.
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    until("the POP serves what was restored", limit, || async {
        let answer = client::get(pop, &host, "/again").await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    let path = format!("/v2/apis/{api}");
    let disabled = json!({ "disableExecuteApiEndpoint": true });
    until("writes are taken", limit, || async {
        let answer = management
            .call(Method::PATCH, &path, Some(disabled.clone()))
            .await
            .ok()?;
        answer.status.is_success().then_some(())
    })
    .await;
    until("the POP has the newest revision", limit, || async {
        let answer = client::get(pop, &host, "/again").await.ok()?;
        (answer.status() == 404).then_some(())
    })
    .await;
}
