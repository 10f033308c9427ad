//! The whole role on real sockets of 127.0.0.1.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use model::{NodeId, Revision, ZoneView};
use prometheus::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    sync::watch,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{query, told, view};
use crate::{Answers, Dns, DnsSettings, Health, Limits, Live, Serving};

const LIMIT: Duration = Duration::from_secs(10);
const API: &str = "edge000001.execute-api.us-east-1.edgeway.test A +ecs=198.19.7.0/24";

pub(super) struct Server {
    view: watch::Sender<Arc<ZoneView>>,
    live: watch::Sender<Arc<Live>>,
    registry: Registry,
    drain: CancellationToken,
    serving: Serving,
    pub(super) address: SocketAddr,
    pub(super) answers: Answers,
}

impl Server {
    pub(super) fn start(settings: DnsSettings, first: ZoneView) -> Self {
        let (view, view_rx) = watch::channel(Arc::new(first));
        let (live, live_rx) = watch::channel(Arc::new(Live::default()));
        let (registry, drain) = (Registry::new(), CancellationToken::new());
        let dns = Dns::new(settings, view_rx, live_rx, &registry, drain.clone()).unwrap();
        let bound = dns.bind(&["127.0.0.1:0".parse().unwrap()], 2).unwrap();
        let (address, answers) = (bound.addresses()[0], bound.answers());
        let serving = bound.serve().unwrap();
        assert_eq!(serving.addresses(), [address]);
        Self {
            view,
            live,
            registry,
            drain,
            serving,
            address,
            answers,
        }
    }

    pub(super) async fn installed(&self, revision: u64) {
        let mut installed = self.serving.installed();
        let wanted = installed.wait_for(|installed| installed.0 >= revision);
        timeout(LIMIT, wanted).await.unwrap().unwrap();
    }

    async fn ask(&self, question: &str) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        socket.send(&query(question)).await.unwrap();
        let mut answer = [0; 2_000];
        let length = timeout(LIMIT, socket.recv(&mut answer))
            .await
            .unwrap()
            .unwrap();
        told(&answer[..length])
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) async fn end(self) {
        self.drain.cancel();
        timeout(LIMIT, self.serving.ended()).await.unwrap();
    }

    /// Waits until so many have been counted: answers are sent before they are counted.
    pub(super) async fn counted(&self, name: &str, label: &str, least: f64) {
        let wait = async {
            while self.count(name, label) < least {
                tokio::task::yield_now().await;
            }
        };
        let told = || format!("{name} {label}: {}", self.count(name, label));
        timeout(LIMIT, wait)
            .await
            .unwrap_or_else(|_| panic!("{}", told()));
    }

    fn count(&self, name: &str, label: &str) -> f64 {
        let families = self.registry.gather();
        let metrics = families.iter().filter(|family| family.name() == name);
        let labelled = metrics
            .flat_map(|family| family.get_metric())
            .filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
        labelled
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }
}

pub(super) fn framed(question: &str) -> Vec<u8> {
    let query = query(question);
    let length = u16::try_from(query.len()).unwrap();
    [&length.to_be_bytes()[..], &query].concat()
}

async fn read(stream: &mut TcpStream) -> String {
    let length = timeout(LIMIT, stream.read_u16()).await.unwrap().unwrap();
    let mut answer = vec![0; length.into()];
    timeout(LIMIT, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    told(&answer)
}

async fn closed(stream: &mut TcpStream) -> bool {
    let read = timeout(LIMIT, stream.read(&mut [0; 1])).await.unwrap();
    read.is_ok_and(|length| length == 0)
}

#[tokio::test]
async fn configurations_and_health_take_effect_at_once() {
    let server = Server::start(DnsSettings::default(), ZoneView::default());
    server.view.send(Arc::new(view())).unwrap();
    server.installed(7).await;
    assert!(server.ask(API).await.contains("A 203.0.113.13\n"));
    server
        .live
        .send(Arc::new([(NodeId(13), Health::Down)].into_iter().collect()))
        .unwrap();
    let moved = async { while !server.ask(API).await.contains("A 203.0.113.11\n") {} };
    timeout(LIMIT, moved).await.unwrap();
    // An older configuration, and an empty one, change nothing.
    let mut older = view();
    (older.revision, older.apis) = (Revision(6), Default::default());
    server.view.send(Arc::new(older)).unwrap();
    server.view.send(Arc::new(ZoneView::default())).unwrap();
    let mut newer = view();
    (newer.revision, newer.apis) = (Revision(8), Default::default());
    assert!(server.ask(API).await.starts_with("NOERROR"));
    server.view.send(Arc::new(newer)).unwrap();
    server.installed(8).await;
    assert!(server.ask(API).await.starts_with("NXDOMAIN"));
    server.counted("edgeway_dns_queries_total", "A", 4.0).await;
    server
        .counted("edgeway_dns_responses_total", "NXDOMAIN", 1.0)
        .await;
    server.end().await;
}

#[tokio::test]
async fn answers_outlive_their_sources() {
    let Server {
        view: views,
        live,
        drain,
        serving,
        address,
        ..
    } = Server::start(DnsSettings::default(), view());
    drop((views, live));
    let mut installed = serving.installed();
    timeout(LIMIT, installed.wait_for(|revision| revision.0 == 7))
        .await
        .unwrap()
        .unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&query(API), address).await.unwrap();
    let mut answer = [0; 2_000];
    let (length, from) = timeout(LIMIT, socket.recv_from(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(from, address);
    assert!(told(&answer[..length]).starts_with("NOERROR"));
    drain.cancel();
    timeout(LIMIT, serving.ended()).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_asked_over_tcp() {
    let server = Server::start(DnsSettings::default(), view());
    server.installed(7).await;
    assert_eq!(server.ask("many.example.com A").await, "NOERROR aa tc");
    let mut stream = server.connect().await;
    stream
        .write_all(&framed("many.example.com A"))
        .await
        .unwrap();
    assert_eq!(read(&mut stream).await.lines().count(), 41);
    server
        .counted("edgeway_dns_queries_total", "tcp", 1.0)
        .await;
    server.end().await;
    assert!(closed(&mut stream).await, "a drain ends idle connections");
}

#[tokio::test]
async fn queries_on_a_connection_may_be_pipelined_and_cut_anywhere() {
    let server = Server::start(DnsSettings::default(), view());
    server.installed(7).await;
    let mut stream = server.connect().await;
    let questions = ["www.example.com A", "none.example.com A", API];
    let bytes: Vec<u8> = questions
        .iter()
        .flat_map(|question| framed(question))
        .collect();
    for piece in bytes.chunks(7) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    for expected in ["NOERROR", "NXDOMAIN", "NOERROR"] {
        assert!(read(&mut stream).await.starts_with(expected));
    }
    let many: Vec<u8> = std::iter::repeat_n(framed("many.example.com A"), 300)
        .flatten()
        .collect();
    stream.write_all(&many).await.unwrap();
    for _ in 0..300 {
        assert_eq!(read(&mut stream).await.lines().count(), 41);
    }
    server.end().await;
}

#[tokio::test]
async fn connections_have_limits() {
    let limits = Limits {
        tcp_connections_max: 1,
        tcp_idle: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Server::start(
        DnsSettings {
            limits,
            ..DnsSettings::default()
        },
        view(),
    );
    server.installed(7).await;
    let mut first = server.connect().await;
    first.write_all(&framed("www.example.com A")).await.unwrap();
    read(&mut first).await;
    let mut second = server.connect().await;
    assert!(closed(&mut second).await);
    server
        .counted("edgeway_dns_tcp_closed_total", "limit", 1.0)
        .await;
    // A client that sends only a part of a query does not keep its place.
    first.write_all(&[0]).await.unwrap();
    assert!(closed(&mut first).await);
    server
        .counted("edgeway_dns_tcp_closed_total", "idle", 1.0)
        .await;
    let mut third = server.connect().await;
    third.write_all(&[0xFF, 0xFF]).await.unwrap();
    assert!(closed(&mut third).await);
    server
        .counted("edgeway_dns_tcp_closed_total", "oversized", 1.0)
        .await;
    server.end().await;
}

#[tokio::test]
async fn answers_come_from_the_address_that_was_asked() {
    let (_view, view) = watch::channel(Arc::new(view()));
    let (_live, live) = watch::channel(Arc::new(Live::default()));
    let drain = CancellationToken::new();
    let settings = DnsSettings::default();
    let dns = Dns::new(settings, view, live, &Registry::new(), drain.clone()).unwrap();
    let addrs = ["127.0.0.1:0", "127.0.0.2:0"].map(|addr| addr.parse().unwrap());
    let serving = dns.bind(&addrs, 3).unwrap().serve().unwrap();
    // More clients than workers, so that each worker's sockets are asked.
    for client in 0..32 {
        let asked = serving.addresses()[client % 2];
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.send_to(&query(API), asked).await.unwrap();
        let mut answer = [0; 2_000];
        let (_, from) = timeout(LIMIT, socket.recv_from(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(from, asked);
    }
    drain.cancel();
    timeout(LIMIT, serving.ended()).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (_view, view) = watch::channel(Arc::new(view()));
    let (_live, live) = watch::channel(Arc::new(Live::default()));
    let drain = CancellationToken::new();
    let dns = Dns::new(DnsSettings::default(), view, live, &Registry::new(), drain).unwrap();
    let address = taken.local_addr().unwrap();
    let error = dns.bind(&[address], 1).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot bind {address} for dns over udp")
    );
}
