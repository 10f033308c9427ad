//! With every region dead, POPs and DNS go on with what they know, also after a restart.

use std::{process::Command, time::Duration};

use tests::{backend::Backend, client, cluster::Cluster, until};

#[tokio::test(flavor = "multi_thread")]
async fn pops_and_dns_outlive_every_region() {
    let mut cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("stable", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].clone());
    for _ in 0..2 {
        assert_eq!(
            client::get(pop.http, &host, "/cached/1")
                .await
                .unwrap()
                .status(),
            200
        );
    }
    let before = dig(&cluster, &host);
    assert!(!before.is_empty());

    for region in cluster.ready.regions.clone() {
        cluster.kill(region.pid).unwrap();
    }
    let cached = client::get(pop.http, &host, "/cached/1").await.unwrap();
    assert_eq!(
        (cached.status().as_u16(), cached.body().as_ref()),
        (200, &b"may be cached\n"[..])
    );
    assert!(
        cached.headers().contains_key("age"),
        "{:?}",
        cached.headers()
    );
    until(
        "what is not cached gets a clear answer",
        Duration::from_secs(40),
        || async {
            let answer = client::get(pop.http, &host, "/other").await.ok()?;
            let body = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!(
                body,
                "{\"message\":\"Service Unavailable\"}",
                "{}",
                answer.status()
            );
            (answer.status() == 503 && answer.headers().contains_key("retry-after")).then_some(())
        },
    )
    .await;
    assert_eq!(dig(&cluster, &host), before, "the last good answer stays");

    cluster.kill(pop.pid).unwrap();
    cluster.restart(&pop.config).unwrap();
    until(
        "the restarted POP knows its hosts",
        Duration::from_secs(60),
        || async {
            let known = client::get(pop.http, &host, "/other").await.ok()?;
            let unknown = client::get(pop.http, "nobody.example", "/other")
                .await
                .ok()?;
            assert_eq!(unknown.status(), 403);
            (known.status() == 503).then_some(())
        },
    )
    .await;
    let dns_node = cluster.ready.dns_node.clone();
    cluster.kill(dns_node.pid).unwrap();
    cluster.restart(&dns_node.config).unwrap();
    until(
        "the restarted DNS node answers",
        Duration::from_secs(20),
        || async { (!dig(&cluster, &host).is_empty()).then_some(()) },
    )
    .await;
}

fn dig(cluster: &Cluster, host: &str) -> String {
    let dns = cluster.ready.dns;
    let output = Command::new("dig")
        .arg(format!("@{}", dns.ip()))
        .args([
            "-p",
            &dns.port().to_string(),
            "+tries=1",
            "+time=2",
            "+short",
        ])
        .args(["+subnet=198.51.100.0/24", host])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if text.starts_with(";;") {
        String::new()
    } else {
        text
    }
}
