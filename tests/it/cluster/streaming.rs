//! Large bodies stream through POP, QUIC and region without being held, and a client that goes away
//! takes its backend call with it.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tests::{
    backend::{Backend, Pattern, read_pattern},
    client,
    cluster::Cluster,
    process, until,
};
use tokio::net::TcpStream;

const GIB: u64 = 1 << 30;
/// What each process may grow by while a GiB passes.
const GROWTH_MAX: u64 = 64 << 20;

struct Memory(Vec<(u32, u64)>);

impl Memory {
    fn now(cluster: &Cluster) -> Self {
        Self(
            cluster
                .pids()
                .map(|pid| (pid, process::memory_bytes(pid).unwrap()))
                .collect(),
        )
    }

    fn assert_flat(&self, what: &str) {
        for (pid, before) in &self.0 {
            let after = process::memory_bytes(*pid).unwrap();
            let growth = after.saturating_sub(*before);
            println!("{what}: process {pid} grew by {} KiB", growth >> 10);
            assert!(
                growth < GROWTH_MAX,
                "{what}: process {pid} grew by {growth} bytes"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_passes_both_ways_in_flat_memory() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("big", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    // Pools, caches and buffers are there before memory is looked at.
    for _ in 0..20 {
        assert_eq!(
            client::get(pop, &host, "/bytes/1000000")
                .await
                .unwrap()
                .status(),
            200
        );
    }
    let memory = Memory::now(&cluster);

    let stream = TokioIo::new(TcpStream::connect(pop).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Pattern>(stream)
        .await
        .unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::post("/check")
        .header("host", &host)
        .body(Pattern::new(GIB))
        .unwrap();
    let answer = client::whole(sender.send_request(request).await.unwrap())
        .await
        .unwrap();
    assert_eq!(
        answer.body(),
        &Bytes::from(format!("{GIB} true")),
        "{}",
        answer.status()
    );
    memory.assert_flat("upload");
    drop(sender);
    driving.await.unwrap().unwrap();

    let stream = TokioIo::new(TcpStream::connect(pop).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("/bytes/{GIB}"))
        .header("host", &host)
        .body(Empty::new())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(read_pattern(answer.into_body()).await.unwrap(), GIB);
    memory.assert_flat("download");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_cancels_the_backend_call() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("hang", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let request = tokio::spawn(async move { client::get(pop, &host, "/hang").await });
    until("the backend is called", Duration::from_secs(10), || async {
        (backend.counts.requests.load(Ordering::Relaxed) == 1).then_some(())
    })
    .await;
    request.abort();
    until(
        "the backend call is cancelled",
        Duration::from_secs(10),
        || async { (backend.counts.cancelled.load(Ordering::Relaxed) == 1).then_some(()) },
    )
    .await;
}
