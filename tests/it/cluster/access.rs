//! Keys with policies, in every region, and the management API over TLS, as an operator's commands
//! use them.

use std::{process::Command, time::Duration};

use http::Method;
use serde_json::json;
use tests::{
    cluster::{Cluster, program},
    management::{Answer, Management},
    until,
};

/// Runs a command of the program against the first region over TLS.
fn edgeway(cluster: &Cluster, arguments: &[&str], trusted: bool) -> (bool, String) {
    let region = &cluster.ready.regions[0];
    let mut command = Command::new(program());
    command
        .args(arguments)
        .args(["--endpoint", &region.management_https])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", &cluster.ready.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &cluster.ready.secret_access_key);
    if trusted {
        command.arg("--ca-file").arg(&cluster.ready.ca_file);
    }
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// The line `NAME=value` of what a command has printed.
fn value(text: &str, name: &str) -> String {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let found = lines.find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

fn as_key(cluster: &Cluster, region: usize, id: &str, secret: &str) -> Management {
    Management::new(&cluster.ready.regions[region].management, id, secret)
}

fn kind(answer: &Answer) -> String {
    let kind = answer.headers.get("x-amzn-errortype");
    kind.map_or("", |kind| kind.to_str().unwrap()).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_the_same_in_every_region_and_nothing_once_disabled() {
    let cluster = Cluster::start_with(3, 1).await.unwrap();
    let (good, text) = edgeway(&cluster, &["key", "list"], false);
    assert!(
        !good && text.contains("certificate"),
        "an unknown authority: {text}"
    );
    let create = ["key", "create", "--name", "auditor", "--read-only"];
    let (good, text) = edgeway(&cluster, &create, true);
    assert!(good, "{text}");
    let (id, secret) = (
        value(&text, "AWS_ACCESS_KEY_ID"),
        value(&text, "AWS_SECRET_ACCESS_KEY"),
    );
    let (good, text) = edgeway(&cluster, &["key", "list"], true);
    assert!(
        good && text.contains("auditor") && !text.contains(&secret),
        "{text}"
    );

    let api = json!({ "name": "no", "protocolType": "HTTP" });
    for region in 0..3 {
        let reader = as_key(&cluster, region, &id, &secret);
        // Replication needs a moment to bring the key there.
        until("the key is known", Duration::from_secs(20), || async {
            let answer = reader.call(Method::GET, "/v2/apis", None).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        let answer = reader
            .call(Method::POST, "/v2/apis", Some(api.clone()))
            .await
            .unwrap();
        assert_eq!(
            (answer.status.as_u16(), kind(&answer).as_str()),
            (403, "AccessDeniedException")
        );
        let name = &cluster.ready.regions[region].name;
        let text = format!("apigateway:POST on resource: arn:aws:apigateway:{name}::/apis because");
        assert!(
            answer.body["message"].as_str().unwrap().contains(&text),
            "{}",
            answer.body
        );
        let token = json!({ "role": "dns" });
        let answer = reader
            .call(Method::POST, "/edgeway/v1/tokens", Some(token))
            .await
            .unwrap();
        assert_eq!(kind(&answer), "AccessDeniedException");
    }

    let (good, text) = edgeway(&cluster, &["key", "rotate", &id, "--grace", "0"], true);
    assert!(good, "{text}");
    let fresh = value(&text, "AWS_SECRET_ACCESS_KEY");
    for region in 0..3 {
        let old = as_key(&cluster, region, &id, &secret);
        until(
            "the old secret is no good",
            Duration::from_secs(20),
            || async {
                let answer = old.call(Method::GET, "/v2/apis", None).await.ok()?;
                (kind(&answer) == "InvalidSignatureException").then_some(())
            },
        )
        .await;
        let new = as_key(&cluster, region, &id, &fresh);
        new.must(Method::GET, "/v2/apis", None).await.unwrap();
    }

    let admin = cluster.management(1);
    let path = format!("/edgeway/v1/access-keys/{id}/disable");
    let answer = admin.call(Method::POST, &path, None).await.unwrap();
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    admin.wait(revision.parse().unwrap()).await.unwrap();
    for region in 0..3 {
        let key = as_key(&cluster, region, &id, &fresh);
        until("the key is no good", Duration::from_secs(20), || async {
            let answer = key.call(Method::GET, "/v2/apis", None).await.ok()?;
            (kind(&answer) == "UnrecognizedClientException").then_some(())
        })
        .await;
    }
    let apis = admin.must(Method::GET, "/v2/apis", None).await.unwrap();
    let names = apis["items"].as_array().unwrap().iter();
    assert!(
        names
            .map(|api| &api["name"])
            .all(|name| name.as_str() != Some("no"))
    );
}
