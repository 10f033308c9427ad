//! HTTP/3 through the POPs, spoken by a client that is not ours (aioquic, pinned).

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, program},
    until,
};

/// The virtual environment that `cargo xtask setup` makes, beside the build.
fn python() -> PathBuf {
    let profile = program();
    let target = profile.parent().and_then(Path::parent).unwrap();
    target.join("venv").join("bin").join("python")
}

#[tokio::test(flavor = "multi_thread")]
async fn aioquic_works_and_tcp_clients_are_told() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("h3", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), &cluster.ready.pops[0]);
    let authority = cluster.authority_pem().unwrap();
    let answer = client::get_h2(pop.https, &host, "/bytes/1", &authority)
        .await
        .unwrap();
    let told = format!("h3=\":{}\"; ma=86400", pop.h3.port());
    assert_eq!(answer.headers()["alt-svc"], told);
    let plain = client::get(pop.http, &host, "/bytes/1").await.unwrap();
    assert!(!plain.headers().contains_key("alt-svc"));

    let cluster = script("http3.py", cluster, host).await;
    drop(cluster);
}

/// Runs one of the scripts of tests/clients to its end.
pub(super) async fn script(name: &'static str, cluster: Cluster, host: String) -> Cluster {
    let script = tests::folder().join("clients").join(name);
    let asked = tokio::task::spawn_blocking(move || {
        let mut python = Command::new(python());
        let python = python.arg(script).arg(cluster.ready_file()).arg(host);
        let output = python.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        (output, cluster)
    });
    let (output, cluster) = asked.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_aioquic_is_refused_and_others_are_served() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let api = management.quick_api("h3", &backend.url()).await.unwrap();
    let host = cluster.host(&api);
    let cluster = script("http3_hostile.py", cluster, host.clone()).await;
    let pop = cluster.ready.pops[0].http;
    until("an answer over TCP", Duration::from_secs(60), async || {
        let answer = client::get(pop, &host, "/bytes/1").await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}
