//! A POP over its load cap: DNS leads a part of its clients elsewhere, as many as it takes, the
//! same ones as long as that lasts, says why, and leads them back when the load has ended. The
//! clients go where DNS says, so that the loop is closed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::Command,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{ClientSubnet, EdnsOption},
    },
};
use tests::{
    client,
    cluster::{Cluster, program},
    until,
};
use tokio::{net::UdpSocket, task::JoinSet, time::timeout};

/// Requests a second that the first POP is to bear, and how many it gets.
const CAP_RPS: u32 = 35;
const OFFERED_RPS: u32 = 60;
/// Client networks that are asked for: all of `100.68.0.0/14`, near the first POP.
const NETWORKS: u32 = 1_024;
/// How many of them are counted.
const ASKED: u32 = 400;
/// Between two changes of a share in a `dev` cluster.
const REST: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(120);

fn network(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(100, 68, 0, 0).to_bits() + (number << 8))
}

/// Asks for the addresses of one name, for clients of a network.
struct Resolver {
    socket: UdpSocket,
    name: Name,
}

impl Resolver {
    async fn new(dns: SocketAddr, host: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(dns).await.unwrap();
        let name = Name::from_str(host).unwrap();
        Self { socket, name }
    }

    /// The address and the scope of the answer.
    async fn ask(&self, number: u32) -> Option<(IpAddr, u8)> {
        let id = u16::try_from(number % 50_000).unwrap();
        let mut query = Message::new(id, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(self.name.clone(), RecordType::A));
        let mut edns = Edns::new();
        let subnet = ClientSubnet::new(network(number % NETWORKS).into(), 24, 0);
        edns.options_mut().insert(EdnsOption::Subnet(subnet));
        query.set_edns(edns);
        self.socket.send(&query.to_vec().unwrap()).await.unwrap();
        let mut bytes = [0; 1_500];
        loop {
            let received = timeout(Duration::from_secs(10), self.socket.recv(&mut bytes));
            let length = received.await.ok()?.ok()?;
            let answer = Message::from_vec(&bytes[..length]).unwrap();
            if answer.id != id {
                continue;
            }
            let edns = answer.edns.as_ref().unwrap();
            let subnet = edns.option(hickory_proto::rr::rdata::opt::EdnsCode::Subnet);
            let Some(EdnsOption::Subnet(subnet)) = subnet else {
                panic!("an answer to a subnet has one")
            };
            let address = answer.answers.iter().find_map(|record| match record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                _ => None,
            });
            return Some((address?, subnet.scope_prefix()));
        }
    }
}

/// Clients of many networks, each going where DNS sends it, until told to stop.
async fn visit(cluster: &Cluster, host: &str, stop: Arc<AtomicBool>) -> JoinSet<()> {
    let mut visitors = JoinSet::new();
    let pops: Vec<(IpAddr, SocketAddr)> = (cluster.ready.pops.iter())
        .map(|pop| (IpAddr::from(pop.public), pop.http))
        .collect();
    for first in 0..4 {
        let (pops, host, stop) = (pops.clone(), host.to_owned(), Arc::clone(&stop));
        let resolver = Resolver::new(cluster.ready.dns, &host).await;
        visitors.spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_secs(4) / OFFERED_RPS);
            let mut turn = first;
            while !stop.load(Ordering::Relaxed) {
                pace.tick().await;
                // Each network is as busy as any other.
                turn += 4;
                if let Some((address, _)) = resolver.ask(turn).await {
                    let (_, pop) = pops.iter().find(|(public, _)| *public == address).unwrap();
                    let answer = client::get(*pop, &host, "/capped").await;
                    assert_eq!(answer.unwrap().status(), 200);
                }
            }
        });
    }
    visitors
}

/// A figure of a node; none while it is not told.
async fn figure(metrics: &str, name: &str) -> Option<u32> {
    let addr = metrics.trim_start_matches("http://");
    let addr = addr.trim_end_matches("/metrics");
    let answer = client::get(addr.parse().unwrap(), addr, "/metrics")
        .await
        .ok()?;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

const DNS_SHARE: &str = "edgeway_dns_place_share_per_mille{kind=\"pop\",place=\"pop-1\"}";
const REGION_SHARE: &str = "edgeway_caps_share_per_mille{kind=\"pop\",place=\"pop-1\"}";
const LOAD: &str = "edgeway_caps_load_per_mille{kind=\"pop\",place=\"pop-1\"}";
const SPILLED: &str = "edgeway_dns_spilled_total{kind=\"pop\",place=\"pop-1\"}";

fn explain(cluster: &Cluster, host: &str, number: u32) -> String {
    let prefix = format!("{}/24", network(number));
    let output = Command::new(program())
        .args(["explain", "dns", host, "--from", &prefix, "--ready-file"])
        .arg(cluster.ready_file())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Gives the first POP a cap, as an operator does.
fn cap(cluster: &mut Cluster) {
    let pop = cluster.ready.pops[0].clone();
    let text = std::fs::read_to_string(&pop.config).unwrap();
    let none = "[pop.load_cap]\nrps = 0\n";
    assert!(text.contains(none), "{text}");
    let capped = format!("[pop.load_cap]\nrps = {CAP_RPS}\n");
    std::fs::write(&pop.config, text.replace(none, &capped)).unwrap();
    cluster.kill(pop.pid).unwrap();
    cluster.restart(&pop.config).unwrap();
}

/// The share before and after all networks were asked for, with no change but one between, and by
/// network whether it stays.
async fn asked_under_a_share(cluster: &Cluster, resolver: &Resolver) -> ([u32; 2], Vec<bool>) {
    let public = IpAddr::from(cluster.ready.pops[0].public);
    let metrics = &cluster.ready.dns_node.metrics;
    until("a share for all questions", LIMIT, || async {
        let start = Instant::now();
        let before = figure(metrics, DNS_SHARE).await?;
        let mut stay = Vec::new();
        for number in 0..ASKED {
            let (address, scope) = resolver.ask(number).await?;
            // Without a share the answer would hold for more than one network.
            (scope == 24).then_some(())?;
            stay.push(address == public);
        }
        let after = figure(metrics, DNS_SHARE).await?;
        let known = before == after || start.elapsed() < REST;
        known.then_some(([before, after], stay))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pop_over_its_cap_keeps_as_many_clients_as_it_bears() {
    let mut cluster = Cluster::start_with(2, 2).await.unwrap();
    let management = cluster.management(0);
    let near = serde_json::json!({ "latitude": 40.7, "longitude": -74.0 });
    let priors = "/edgeway/v1/priors/100.68.0.0%2F14";
    management
        .must(http::Method::PUT, priors, Some(near))
        .await
        .unwrap();
    let apis = management
        .must(http::Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());
    cap(&mut cluster);
    let resolver = Resolver::new(cluster.ready.dns, &host).await;
    let public = IpAddr::from(cluster.ready.pops[0].public);
    let pop = cluster.ready.pops[0].http;
    until("the POP serves with its cap", LIMIT, || async {
        let answer = client::get(pop, &host, "/capped").await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    until("DNS leads all clients to the first POP", LIMIT, || async {
        let (address, scope) = resolver.ask(7).await?;
        (address == public && scope < 24).then_some(())
    })
    .await;

    let stop = Arc::new(AtomicBool::new(false));
    let visitors = visit(&cluster, &host, Arc::clone(&stop)).await;
    let (dns, regions) = (
        cluster.ready.dns_node.metrics.clone(),
        cluster.ready.regions.clone(),
    );
    until(
        "the POP is over its cap, and DNS hears of it",
        LIMIT,
        || figure(&dns, DNS_SHARE),
    )
    .await;
    for region in &regions {
        until("each region knows", LIMIT, || {
            figure(&region.metrics, REGION_SHARE)
        })
        .await;
    }
    // Clients follow, so that in the end the POP has no more than it bears.
    until(
        "the load fits while some clients go elsewhere",
        LIMIT,
        || async {
            let share = figure(&dns, DNS_SHARE).await?;
            let loads = [
                figure(&regions[0].metrics, LOAD),
                figure(&regions[1].metrics, LOAD),
            ];
            let [first, second] = loads;
            let load = first.await.or(second.await)?;
            println!("share {share}, load {load}");
            (load <= 1_000 && share < 1_000).then_some(())
        },
    )
    .await;

    let (mut shares, stay) = asked_under_a_share(&cluster, &resolver).await;
    let part = stay.iter().filter(|stays| **stays).count() * 1_000 / stay.len();
    println!("shares {shares:?}: {part} of 1000 networks stay");
    // Five standard deviations of a draw of that many.
    shares.sort_unstable();
    let [least, most] = shares.map(|share| usize::try_from(share).unwrap());
    assert!(
        (least..=most + 250).contains(&(part + 125)),
        "{part} {shares:?}"
    );
    let (gone, why) = until("a region explains who is sent elsewhere", LIMIT, || async {
        for number in 0..ASKED {
            if resolver.ask(number).await?.0 != public {
                let why = explain(&cluster, &host, number);
                let told = why.contains("pop-1 is over its load cap");
                return told.then_some((number, why));
            }
        }
        None
    })
    .await;
    println!("{why}");
    assert!(why.contains("answer   pop-2"), "{why}");
    assert!(figure(&dns, SPILLED).await.is_some_and(|count| count > 0));

    // The load ends, and all come back.
    stop.store(true, Ordering::Relaxed);
    visitors.join_all().await;
    until(
        "the first POP takes all its clients again",
        LIMIT,
        || async {
            let (address, scope) = resolver.ask(gone).await?;
            let told = figure(&dns, DNS_SHARE).await;
            (address == public && scope < 24 && told.is_none()).then_some(())
        },
    )
    .await;
}
