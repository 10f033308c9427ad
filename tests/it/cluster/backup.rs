//! Backup, wipe, restore; and a backup from a disk whose node does not run.

use std::{fs, process::Command, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, Ready, program},
    issuer::TestIssuer,
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
        "/edgeway/v1/certificates",
        "/edgeway/v1/acme",
        "/edgeway/v1/private-endpoints",
        "/edgeway/v1/tokens",
    ] {
        found.push(management.must(Method::GET, path, None).await.ok()?);
    }
    let status = management.status().await.ok()?;
    found.push(status["revision"].clone());
    Some(found)
}

/// One of each that is secret, or that others wait for.
async fn fill(management: &Management) {
    let issuer = TestIssuer::new("kept").unwrap();
    let leaf = issuer.issue(&["kept.example"]).unwrap();
    let certificate = json!({ "certificate": leaf.chain, "privateKey": leaf.key });
    let endpoint = json!({ "region": "us-east-1", "addresses": ["127.0.0.1"] });
    let acme = json!({ "directory": "https://issuer.example/directory",
        "contact": ["mailto:ops@example.com"] });
    let token = json!({ "role": "pop", "place": "later", "ttlSeconds": 3600, "maxUses": 2 });
    for (method, path, body) in [
        (Method::POST, "/edgeway/v1/certificates", certificate),
        (Method::PUT, "/edgeway/v1/acme", acme),
        (Method::POST, "/edgeway/v1/private-endpoints", endpoint),
        (Method::POST, "/edgeway/v1/tokens", token),
        (
            Method::POST,
            "/edgeway/v1/access-keys",
            json!({ "name": "kept" }),
        ),
        (Method::PUT, "/edgeway/v1/zones/kept.example", json!({})),
    ] {
        management.must(method, path, Some(body)).await.unwrap();
    }
}

/// All that a file holds, but for what belongs to the machines of a cluster.
fn held(file: &str) -> model::Config {
    let backup = model::Backup::from_bytes(&fs::read(file).unwrap()).unwrap();
    let mut config = model::Config::clone(&backup.config);
    (config.nodes, config.leaving) = Default::default();
    config
}

/// A file that is not whole is refused, by whatever reads it.
fn refuses_damage(file: &str, config: &str, folder: &std::path::Path) {
    let whole = fs::read(file).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    let damaged = folder.join("damaged");
    for bytes in [&altered[..], &whole[..whole.len() - 1], &whole[..7], &[]] {
        fs::write(&damaged, bytes).unwrap();
        let name = damaged.to_str().unwrap();
        let region = ["--config", config, "--region", "us-east-1"];
        for refused in [
            edgeway(&[&["restore", name][..], &region].concat()),
            edgeway(&["backup", "--check", name]),
        ] {
            let refused = refused.unwrap_err();
            assert!(refused.contains("damaged"), "{refused}");
        }
    }
}

/// The same on a machine that the cluster never had: another name, other addresses.
async fn comes_back_elsewhere(file: &str, folder: &std::path::Path, ready: &Ready) -> Vec<Value> {
    let (data, config) = (folder.join("elsewhere"), folder.join("elsewhere.toml"));
    let [link, http, management, ops] = std::array::from_fn(|_| super::operations::free_port());
    let settings = format!(
        "data_dir = {data:?}\n[link]\nbind = \"{link}\"\n[ops]\nbind = \"{ops}\"\n\
         [region]\nhttp = [\"{http}\"]\nmanagement = \"{management}\"\nraft = \"local\"\n"
    );
    fs::write(&config, settings).unwrap();
    let config = config.to_str().unwrap();
    let said = edgeway(&["restore", file, "--config", config, "--region", "eu-west-1"]).unwrap();
    assert!(said.contains("of region eu-west-1 holds"), "{said}");
    let mut node = Command::new(program())
        .args(["start", "--config", config])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://{management}");
    let there = Management::new(&url, &ready.access_key_id, &ready.secret_access_key);
    let limit = Duration::from_secs(60);
    let found = until("the node elsewhere answers", limit, || content(&there)).await;
    node.kill().unwrap();
    node.wait().unwrap();
    found
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
    fill(&management).await;
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
    refuses_damage(file, config, folder.path());
    let elsewhere = comes_back_elsewhere(file, folder.path(), &cluster.ready).await;
    assert_eq!(before, elsewhere);
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
    // To the last secret, which no answer shows.
    let second = folder.path().join("second");
    let second = second.to_str().unwrap();
    edgeway(&["backup", "--ready-file", ready, "--out", second]).unwrap();
    assert!(held(second) == held(file), "something is not as it was");
    assert_eq!(
        edgeway(&["backup", "--check", second]).unwrap().trim(),
        format!("revision {revision}")
    );

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
