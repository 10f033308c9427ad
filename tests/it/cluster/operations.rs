//! What an operator does by hand: a cluster made with `init`, a node ended with SIGTERM.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::net::UnixDatagram,
    process::{Child, Command},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, program},
    load::Steady,
    process, until,
};

/// Below those that outgoing connections get, so that it is still free when the node starts.
pub(super) fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(15_000);
    loop {
        let addr = SocketAddr::from(([127, 0, 0, 1], NEXT.fetch_add(1, Ordering::Relaxed)));
        if TcpListener::bind(addr).is_ok() && UdpSocket::bind(addr).is_ok() {
            return addr;
        }
    }
}

/// Ends a node whose test fails.
struct Killed(u32);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(process::signal(self.0, "KILL"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_made_with_init_starts_stops_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (
        folder.path().join("data"),
        folder.path().join("edgeway.toml"),
    );
    let (link, http, management, ops) = (free_port(), free_port(), free_port(), free_port());
    let init = || {
        let mut init = Command::new(program());
        init.args([
            "init",
            "--base-domain",
            "example.test",
            "--region",
            "home-1",
            "--data-dir",
        ]);
        init.arg(&data)
            .arg("--config")
            .arg(&config)
            .args(["--link", &link.to_string()]);
        init.output().unwrap()
    };
    let settings = format!(
        "data_dir = {data:?}\n[link]\nbind = \"{link}\"\n[ops]\nbind = \"{ops}\"\n\
         [region]\nhttp = [\"{http}\"]\nmanagement = \"{management}\"\nraft = \"local\"\n"
    );
    // `init` leaves a settings file that is there as it is.
    std::fs::write(&config, settings).unwrap();
    let made = init();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let again = init();
    let errors = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && errors.contains("there is a node already"),
        "{errors}"
    );

    let manager = folder.path().join("notify");
    let told_socket = UnixDatagram::bind(&manager).unwrap();
    told_socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let told = || {
        let mut bytes = [0; 256];
        let length = told_socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    for _ in 0..2 {
        let mut node: Child = Command::new(program())
            .args(["start", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", &manager)
            .env("WATCHDOG_USEC", "300000")
            .spawn()
            .unwrap();
        let ended_anyway = Killed(node.id());
        // The service manager hears when it serves, and then that it lives.
        let mut news = std::iter::repeat_with(&told).filter(|words| words != "WATCHDOG=1");
        let first = news.next().unwrap();
        assert!(first.starts_with("READY=1\n"), "{first}");
        let answer = client::get(ops, "ops", "/ready").await.unwrap();
        assert_eq!(answer.status(), 200);
        for _ in 0..3 {
            assert_eq!(told(), "WATCHDOG=1");
        }
        let asked = Command::new(program())
            .args(["ready", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert!(asked.status.success(), "{asked:?}");
        let mut status = Command::new(program());
        let status = status
            .args([
                "status",
                "--endpoint",
                &format!("http://{management}"),
                "--admin-file",
            ])
            .arg(data.join("admin.json"))
            .output()
            .unwrap();
        let table = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(
            table.contains("home-1") && table.contains("leader"),
            "{table}"
        );
        let began = Instant::now();
        process::signal(node.id(), "TERM").unwrap();
        let ended = tokio::task::spawn_blocking(move || node.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(ended.success(), "a drained node ends with success: {ended}");
        // Nobody is served, so nothing is waited for: far less than `drain_s`.
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "took {:?}",
            began.elapsed()
        );
        std::mem::forget(ended_anyway);
        // `drain_s`, and what ending takes beyond it.
        let stopping = "STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000\nSTATUS=draining";
        assert_eq!(news.next().as_deref(), Some(stopping));
        let asked = Command::new(program())
            .args(["ready", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert!(!asked.status.success(), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_region_fails_no_request() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("drain", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let preferred = super::region_of(&client::get(pop, &host, "/x").await.unwrap()).unwrap();
    let victim = cluster
        .ready
        .regions
        .iter()
        .find(|region| region.name == preferred)
        .unwrap();
    let load = Steady {
        addr: pop,
        host: host.clone(),
        path: "/x".to_owned(),
        per_second: 300,
        total: 2_400,
    };
    let running = tokio::spawn(load.run());
    until("the load runs", Duration::from_secs(5), || async {
        (backend.counts.requests.load(Ordering::Relaxed) > 500).then_some(())
    })
    .await;
    process::signal(victim.pid, "TERM").unwrap();
    until(
        "the region has ended by itself",
        Duration::from_secs(20),
        || async { (!process::lives(victim.pid)).then_some(()) },
    )
    .await;
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    println!("drained {preferred}: p99 {} ms", outcome.quantile_ms(0.99));
    assert!(
        failed.is_empty(),
        "{} failed, first: {:?}",
        failed.len(),
        failed.first()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pop_leaves_dns_before_it_stops_accepting() {
    let mut cluster = Cluster::start_with(1, 2).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("leave", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].clone());
    let dns = cluster.ready.dns;
    let answer = || {
        let mut dig = Command::new("dig");
        dig.arg(format!("@{}", dns.ip()))
            .args(["-p", &dns.port().to_string()]);
        dig.args([
            "+tries=1",
            "+time=5",
            "+short",
            "+subnet=198.51.100.0/24",
            &host,
        ]);
        String::from_utf8_lossy(&dig.output().unwrap().stdout)
            .trim()
            .to_owned()
    };
    let points_to = async |address: String| {
        until(
            &format!("DNS answers {address}"),
            Duration::from_secs(20),
            || async { (answer() == address).then_some(()) },
        )
        .await;
    };
    cluster.kill(pop.pid).unwrap();
    let settings = std::fs::read_to_string(&pop.config).unwrap();
    assert!(settings.contains("leave_s = 0"), "{settings}");
    std::fs::write(&pop.config, settings.replace("leave_s = 0", "leave_s = 6")).unwrap();
    let pid = cluster.restart(&pop.config).unwrap();
    until("the POP serves again", Duration::from_secs(20), || async {
        client::get(pop.http, &host, "/x").await.ok().map(drop)
    })
    .await;
    points_to(pop.public.to_string()).await;
    process::signal(pid, "TERM").unwrap();
    points_to(cluster.ready.pops[1].public.to_string()).await;
    // Whoever has the old answer is still served.
    assert_eq!(
        client::get(pop.http, &host, "/x").await.unwrap().status(),
        200
    );
    until("the POP has ended", Duration::from_secs(20), || async {
        (!process::lives(pid)).then_some(())
    })
    .await;
}
