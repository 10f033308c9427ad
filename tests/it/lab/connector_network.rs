//! What the network does to connectors: UDP is dropped by a firewall, a line is cut, regions begin
//! anew; and large bodies, TLS, and a connector that has been removed.

use std::{
    fmt::Write as _, net::SocketAddr, path::Path, process::Stdio, sync::atomic::Ordering,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tests::{
    backend::{Backend, Pattern, read_pattern},
    client,
    issuer::TestIssuer,
    load::Steady,
    process, until,
    wan::office::Office,
};
use tokio::net::TcpStream;

use super::connector::{ask, body, get, http_api, text};

const LONG: Duration = Duration::from_secs(90);
const PER_SECOND: u32 = 60;
const SECURE: &str = "10.200.0.5:8443";

/// Through regions and connector, each way, and what it may cost of memory in each process. The
/// link's windows are 8 MiB a stream.
const LARGE: u64 = 128 << 20;
const MEMORY_MAX: u64 = 64 << 20;

/// A plain upstream, and three over TLS: as it should be, with a wrong name, and as asked for.
fn upstreams(ca_file: &Path) -> String {
    let mut lines = format!(
        "backend_ca_file = \"{}\"\n\
         [[connector.upstreams]]\nname = \"orders\"\naddress = \"10.200.0.5:8080\"\n",
        ca_file.display()
    );
    for (name, more) in [
        (
            "secure",
            "tls = \"always\"\nserver_name = \"orders.internal\"\n",
        ),
        (
            "misnamed",
            "tls = \"always\"\nserver_name = \"other.internal\"\n",
        ),
        ("asked", ""),
    ] {
        let upstream = "[[connector.upstreams]]";
        write!(
            lines,
            "{upstream}\nname = \"{name}\"\naddress = \"{SECURE}\"\n{more}"
        )
        .unwrap();
    }
    lines
}

/// Hosts of APIs, by the upstream each leads to.
struct Apis {
    orders: String,
    secure: String,
    misnamed: String,
    asked: String,
}

impl Apis {
    async fn make(office: &Office) -> Self {
        let link = json!({ "name": "office", "subnetIds": ["office"] });
        let link = ask(office, Method::POST, "/v2/vpclinks", Some(link)).await;
        let link = text(&link, "vpcLinkId");
        let apis = Self {
            orders: http_api(office, &link, "orders", "$default").await,
            secure: http_api(office, &link, "secure", "$default").await,
            misnamed: http_api(office, &link, "misnamed", "$default").await,
            asked: http_api(office, &link, "asked", "$default").await,
        };
        let status = ask(office, Method::GET, "/edgeway/v1/status", None).await;
        let path = format!(
            "/edgeway/v1/revisions/{}/wait?timeoutSeconds=20",
            status["revision"]
        );
        ask(office, Method::GET, &path, None).await;
        apis
    }
}

/// The sum of a metric's lines with these labels, at a node.
async fn metric(office: &Office, (host, number): (&str, u16), which: (&str, &[&str])) -> f64 {
    let ops = office.ops(host, number).unwrap();
    let look = async move { client::get(ops, "node", "/metrics").await };
    let answer = office.wan.host(host).unwrap().spawn(look).await.unwrap();
    let Ok(answer) = answer else {
        return 0.0;
    };
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let (name, labels) = which;
    let lines = text
        .lines()
        .filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

/// Waits until both regions see so many connectors that offer all of it.
async fn connected(office: &Office, count: usize) {
    for region in ["one", "two"] {
        let management = office.management(region).unwrap();
        let host = office.wan.host(region).unwrap();
        until("connectors are known", LONG, || async {
            let management = management.clone();
            let asked = host.spawn(async move {
                let path = "/edgeway/v1/connectors";
                management.must(Method::GET, path, None).await
            });
            let all = asked.await.unwrap().ok()?;
            let up = all["items"].as_array()?.iter().filter(|one| {
                let regions = one["regions"].as_array().map_or(0, Vec::len);
                one["connected"] == true && regions == 2
            });
            (up.count() == count).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_outlast_what_the_network_does() {
    let mut office = Office::start().await.unwrap();
    let issuer = TestIssuer::new("office").unwrap();
    let issued = issuer.issue(&["orders.internal"]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let ca_file = files.path().join("ca.pem");
    std::fs::write(&ca_file, issuer.root_pem()).unwrap();
    for host in ["office", "annex"] {
        let secure = issued.clone();
        let serving = async move { Backend::start_secure(SECURE.parse().unwrap(), &secure).await };
        let host = office.wan.host(host).unwrap();
        host.spawn(serving).await.unwrap().unwrap();
    }
    let lines = upstreams(&ca_file);
    let first = office.connector("office", 1, &lines).await.unwrap();
    let apis = Apis::make(&office).await;
    connected(&office, 1).await;

    tls_is_verified_by_the_connector(&office, &apis).await;
    clients_choose_no_upstream(&office, &apis).await;
    large_bodies_take_no_memory(&office, &apis, first).await;
    where_udp_is_dropped_calls_go_on(&office, &apis).await;

    let second = office
        .connector_at("annex", ("office", 2), &lines)
        .await
        .unwrap();
    connected(&office, 2).await;
    a_line_is_cut(&office, &apis).await;
    regions_begin_anew(&mut office, &apis).await;
    who_was_removed_stays_out(&mut office, &apis, second).await;
}

async fn tls_is_verified_by_the_connector(office: &Office, apis: &Apis) {
    let answer = get(office, "one", &apis.secure, "/hello").await;
    assert_eq!(answer.status(), 200, "{}", body(&answer));
    let faults = ("edgeway_region_faults_total", &["\"upstream_tls\""][..]);
    let before = metric(office, ("one", 0), faults).await;
    let answer = get(office, "one", &apis.misnamed, "/hello").await;
    assert_eq!(
        (answer.status().as_u16(), &*body(&answer)),
        (503, r#"{"message":"Service Unavailable"}"#)
    );
    let after = metric(office, ("one", 0), faults).await;
    assert!(after > before, "{before} {after}");
    // Plain text where TLS is spoken: no answer that could be passed on.
    let answer = get(office, "one", &apis.asked, "/hello").await;
    assert_eq!(answer.status(), 503, "{}", body(&answer));
}

/// What a client writes under the names that regions and connectors use, or as a target of its own,
/// chooses nothing.
async fn clients_choose_no_upstream(office: &Office, apis: &Apis) {
    let addr = office.http("one").unwrap();
    let one = office.wan.host("one").unwrap();
    for target in ["/hello".to_owned(), format!("http://{}/hello", apis.orders)] {
        let request = Request::get(target)
            .header("host", &apis.orders)
            .header("edgeway-upstream", "secure")
            .header("edgeway-connectors", "annex")
            .header("edgeway-server-name", "orders.internal")
            .header("x-forwarded-host", SECURE)
            .body(client::Whole::default())
            .unwrap();
        let asked = async move { client::once(addr, request).await };
        let answer = one.spawn(asked).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{}", body(&answer));
        // The echo of the plain upstream, which the integration names.
        let text = body(&answer);
        assert!(text.starts_with("GET /hello\n"), "{text}");
        assert!(!text.contains("edgeway-"), "{text}");
    }
}

/// A body to the backend, which says whether it came as it was.
pub(super) async fn upload(addr: SocketAddr, host: String, length: u64) {
    let stream = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Pattern>(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::post("/check").header("host", &host);
    let request = request.body(Pattern::new(length)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let answer = client::whole(answer).await.unwrap();
    assert_eq!(answer.body(), &Bytes::from(format!("{length} true")));
}

/// A body from the backend, looked at byte by byte.
pub(super) async fn download(addr: SocketAddr, host: String, length: u64) {
    let stream = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("/bytes/{length}")).header("host", &host);
    let request = request.body(Empty::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(read_pattern(answer.into_body()).await.unwrap(), length);
}

async fn large_bodies_take_no_memory(office: &Office, apis: &Apis, connector: u32) {
    let addr = office.http("two").unwrap();
    let two = office.wan.host("two").unwrap();
    let pids = [connector, office.region_pid("two").unwrap()];
    let memory = || pids.map(|pid| process::memory_bytes(pid).unwrap());
    // What is kept from the first body on is no sign of a leak.
    for length in [4 << 20, LARGE] {
        let before = memory();
        let began = std::time::Instant::now();
        two.spawn(upload(addr, apis.orders.clone(), length))
            .await
            .unwrap();
        let up = began.elapsed();
        two.spawn(download(addr, apis.orders.clone(), length))
            .await
            .unwrap();
        let grown = [0, 1].map(|at| memory()[at].saturating_sub(before[at]));
        println!(
            "{} MiB up in {up:?}, down in {:?}; connector and region grew by {:?} KiB",
            length >> 20,
            began.elapsed() - up,
            grown.map(|bytes| bytes >> 10),
        );
        for grown in grown {
            assert!(grown < MEMORY_MAX, "{grown} bytes more in memory");
        }
    }
}

/// `nft` on a host; fails with what it says.
fn nft(office: &Office, host: &str, rules: &str) {
    let host = office.wan.host(host).unwrap();
    let mut command = host.command(Path::new("/usr/sbin/nft"));
    let output = command.arg(rules).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft {rules}: {errors}");
}

/// Waits until all of connector 1's connections go over `transport`.
async fn carried(office: &Office, transport: &str) {
    let name = "edgeway_link_transport_connections";
    let other = if transport == "h2" { "quic" } else { "h2" };
    until(transport, LONG, || async {
        let there = metric(office, ("office", 1), (name, &["client", transport])).await;
        let not = metric(office, ("office", 1), (name, &["client", other])).await;
        (there >= 2.0 && not == 0.0).then_some(())
    })
    .await;
}

async fn where_udp_is_dropped_calls_go_on(office: &Office, apis: &Apis) {
    carried(office, "quic").await;
    nft(
        office,
        "office",
        "add table inet wall; \
         add chain inet wall out { type filter hook output priority 0; }; \
         add chain inet wall in { type filter hook input priority 0; }; \
         add rule inet wall out oifname != \"lo\" meta l4proto udp drop; \
         add rule inet wall in iifname != \"lo\" meta l4proto udp drop",
    );
    carried(office, "h2").await;
    connected(office, 1).await;
    for region in ["one", "two"] {
        let answer = get(office, region, &apis.orders, "/hello").await;
        assert_eq!(answer.status(), 200, "{region}: {}", body(&answer));
        let addr = office.http(region).unwrap();
        let host = office.wan.host(region).unwrap();
        host.spawn(upload(addr, apis.orders.clone(), 1 << 20))
            .await
            .unwrap();
        host.spawn(download(addr, apis.orders.clone(), 1 << 20))
            .await
            .unwrap();
    }
    nft(office, "office", "delete table inet wall");
    carried(office, "quic").await;
    let answer = get(office, "one", &apis.orders, "/hello").await;
    assert_eq!(answer.status(), 200, "{}", body(&answer));
}

/// The annex's line is cut under load: nothing fails, and no call waits for the link to give up.
async fn a_line_is_cut(office: &Office, apis: &Apis) {
    let annex = office.wan.number("annex").unwrap();
    let load = Steady {
        addr: office.http("one").unwrap(),
        host: apis.orders.clone(),
        path: "/hello".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * 8,
    };
    let running = office.wan.host("one").unwrap().spawn(load.run());
    let asked = || office.spare.counts.requests.load(Ordering::Relaxed);
    let before = asked();
    until("the annex has its part of the load", LONG, || async {
        (asked() > before + 10).then_some(())
    })
    .await;
    office.wan.links.cut_off(annex, true);
    let outcome = running.await.unwrap();
    let calls = "edgeway_region_connector_calls_total";
    let doubted = metric(office, ("one", 0), (calls, &["connection_doubted"])).await;
    println!(
        "line cut under {PER_SECOND}/s: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms; \
         {doubted} calls were taken off the silent connection",
        outcome.good.load(Ordering::Relaxed),
        outcome.failed().len(),
        outcome.quantile_ms(0.5),
        outcome.quantile_ms(0.99),
        outcome.quantile_ms(1.0),
    );
    assert_eq!(outcome.failed(), Vec::<String>::new());
    office.wan.links.cut_off(annex, false);
    connected(office, 2).await;
}

async fn regions_begin_anew(office: &mut Office, apis: &Apis) {
    office.restart_regions().await.unwrap();
    connected(office, 2).await;
    for region in ["one", "two"] {
        until("calls go on", LONG, || async {
            let answer = get(office, region, &apis.orders, "/hello").await;
            (answer.status() == 200).then_some(())
        })
        .await;
    }
}

/// A connector that is removed while it runs loses its links; its identity, good for weeks, opens
/// nothing any more.
async fn who_was_removed_stays_out(office: &mut Office, apis: &Apis, second: u32) {
    let all = ask(office, Method::GET, "/edgeway/v1/connectors", None).await;
    let ids = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_u64().unwrap());
    let removed = ids.max().unwrap();
    office
        .ask(&["member", "remove", &removed.to_string()])
        .unwrap();
    connected(office, 1).await;
    assert!(!office.has_ended(second), "nobody has stopped it");
    process::signal(second, "KILL").unwrap();
    until("it has ended", LONG, || {
        let ended = office.has_ended(second);
        async move { ended.then_some(()) }
    })
    .await;
    let again = office.connector_again("annex", "office", 2).unwrap();
    let refused = ("edgeway_link_refused_total", &["removed_node"][..]);
    let before = metric(office, ("one", 0), refused).await;
    until("it knocks", LONG, || async {
        (metric(office, ("one", 0), refused).await > before + 1.0).then_some(())
    })
    .await;
    connected(office, 1).await;
    let before = office.spare.counts.requests.load(Ordering::Relaxed);
    for _ in 0..10 {
        let answer = get(office, "one", &apis.orders, "/hello").await;
        assert_eq!(answer.status(), 200, "{}", body(&answer));
    }
    assert_eq!(office.spare.counts.requests.load(Ordering::Relaxed), before);
    process::signal(again, "KILL").unwrap();
}
