//! Measured latency changes answers: samples of real handshakes travel from POPs to the regions,
//! and the map from there to DNS. The clients' distance is real, too: a relay holds their bytes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::Command,
    time::Duration,
};

use tests::{
    client,
    cluster::{Cluster, program},
    until,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    task::JoinSet,
};

/// The clients: a /24 of the loopback network of which nothing is known.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 55, 7, 9);
const PREFIX: &str = "127.55.7.0/24";

/// Listens for clients and passes on to `to` from `CLIENT`, holding what either side says for half
/// of `round_trip`.
async fn far_away(to: SocketAddr, round_trip: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind(SocketAddr::new(CLIENT.into(), 0)).unwrap();
                let far = socket.connect(to).await.unwrap();
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::join!(
                    hold(near_in, far_out, round_trip / 2),
                    hold(far_in, near_out, round_trip / 2),
                );
            });
        }
    });
    addr
}

async fn hold(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    time: Duration,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(time).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    // An end travels as far as bytes do; nobody listens when it fails.
    drop(to.shutdown().await);
}

/// `count` connections from `round_trip` away.
async fn visit(cluster: &Cluster, pop: usize, host: &str, (count, round_trip): (usize, u64)) {
    let authority = cluster.authority_pem().unwrap();
    let to = cluster.ready.pops[pop].https;
    let relay = far_away(to, Duration::from_millis(round_trip)).await;
    let mut visits = JoinSet::new();
    for _ in 0..count {
        let (host, authority) = (host.to_owned(), authority.clone());
        visits.spawn(async move { client::get_h2(relay, &host, "/far", &authority).await });
        // Not all at once, so that waiting for a processor is no part of the distance.
        if visits.len() >= 5 {
            let answer = visits.join_next().await.unwrap().unwrap().unwrap();
            assert_eq!(answer.status(), 200);
        }
    }
    while let Some(answer) = visits.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
}

/// What DNS answers for the clients.
fn dig(cluster: &Cluster, host: &str) -> Option<IpAddr> {
    let dns = cluster.ready.dns;
    let mut dig = Command::new("dig");
    dig.arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string()])
        .args(["+tries=1", "+time=5", "+short"])
        .args([&format!("+subnet={PREFIX}"), host]);
    let output = dig.output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// Waits until DNS leads the clients to `pop`, ten times in a row: one answer in fifty explores.
async fn led_to(cluster: &Cluster, host: &str, pop: usize) {
    let public = IpAddr::from(cluster.ready.pops[pop].public);
    let what = format!("DNS leads {PREFIX} to {public}");
    until(&what, Duration::from_secs(60), || async {
        let other = (0..10).filter(|_| dig(cluster, host) != Some(public));
        (other.count() <= 2).then_some(())
    })
    .await;
}

fn explain(cluster: &Cluster, host: &str, more: &[&str]) -> String {
    let mut explain = Command::new(program());
    explain
        .args(["explain", "dns", host, "--from", PREFIX, "--ready-file"])
        .arg(cluster.ready_file())
        .args(more);
    let output = explain.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn measured_latency_changes_what_dns_answers() {
    let mut cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let apis = management
        .must(http::Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());
    assert!(!explain(&cluster, &host, &[]).contains("measured"));

    visit(&cluster, 0, &host, (25, 20)).await;
    visit(&cluster, 1, &host, (25, 120)).await;
    led_to(&cluster, &host, 0).await;

    // The first POP's path gets worse than the second's.
    visit(&cluster, 0, &host, (75, 240)).await;
    led_to(&cluster, &host, 1).await;

    let why = explain(&cluster, &host, &[]);
    println!("{why}");
    assert!(why.contains("measured latency"), "{why}");
    let why = explain(&cluster, &host, &["--json"]);
    let why: serde_json::Value = serde_json::from_str(&why).unwrap();
    assert_eq!(why["chosen"], "pop-2", "{why:#}");
    assert_eq!(why["row"]["prefix"], PREFIX, "{why:#}");

    // A dead POP leaves at once, whatever was measured.
    cluster.kill(cluster.ready.pops[1].pid).unwrap();
    led_to(&cluster, &host, 0).await;
    let config = cluster.ready.pops[1].config.clone();
    cluster.restart(&config).unwrap();
    led_to(&cluster, &host, 1).await;

    // The map is on the DNS node's disk: it answers the same with every region gone.
    for region in &cluster.ready.regions {
        cluster.kill(region.pid).unwrap();
    }
    cluster.kill(cluster.ready.dns_node.pid).unwrap();
    let config = cluster.ready.dns_node.config.clone();
    cluster.restart(&config).unwrap();
    led_to(&cluster, &host, 1).await;
}
