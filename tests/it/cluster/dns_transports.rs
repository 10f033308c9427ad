//! The responder over TCP, TLS, QUIC and HTTPS, asked by clients that are not ours: `kdig`, and
//! dnspython with aioquic and httpx (pinned).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use http::Method;
use serde_json::json;
use tests::cluster::{Cluster, program};

const KEYS: &str = "/edgeway/v1/zones/edgeway.test/dnssec";

/// The virtual environment that `cargo xtask setup` makes, beside the build.
fn python() -> PathBuf {
    let profile = program();
    let target = profile.parent().and_then(Path::parent).unwrap();
    target.join("venv").join("bin").join("python")
}

/// What a program prints, if it succeeds.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{errors}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn kdig_and_dnspython_are_answered_over_every_transport() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let made = management
        .call(Method::POST, KEYS, Some(json!({})))
        .await
        .unwrap();
    assert!(made.status.is_success(), "{}", made.body);
    let revision = made.headers.get("x-edgeway-revision").unwrap();
    let revision = revision.to_str().unwrap().parse().unwrap();
    management.wait(revision).await.unwrap();
    let apis = management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());

    let ready = &cluster.ready;
    let authority = format!("+tls-ca={}", ready.ca_file.display());
    let checked = [authority.as_str(), "+tls-hostname=ns1.edgeway.test"];
    for (address, ways) in [
        (ready.dns, &[][..]),
        (ready.dns, &["+tcp"]),
        (ready.dns_tls, &checked),
        (ready.dns_https, &["+https", checked[0], checked[1]]),
        (ready.dns_https, &["+https-get", checked[0], checked[1]]),
    ] {
        let answer = run(Command::new("kdig")
            .arg(format!("@{}", address.ip()))
            .args(["-p", &address.port().to_string(), "+short"])
            .args(ways)
            .args(["edgeway.test", "SOA"]));
        assert!(
            answer.starts_with("ns1.edgeway.test."),
            "{ways:?}: {answer}"
        );
    }

    let script = tests::folder().join("clients/dns_transports.py");
    let key = made.body["keys"][0]["dnskey"].as_str().unwrap().to_owned();
    let file = cluster.ready_file();
    let python = tokio::task::spawn_blocking(move || {
        run(Command::new(python())
            .arg(script)
            .arg(file)
            .args([host, key]))
    });
    println!("{}", python.await.unwrap());
}
