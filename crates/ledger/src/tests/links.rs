//! Three ledgers over real links on this machine: mutual TLS over QUIC, as in a cluster.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use link::{
    Authority, CredentialStore, Expected, LinkContext, LinkLimits, Listener, NodeIdentity, Peer,
    PeerRole, PeersSeen, RpcError, Service, Services, Transport,
};
use model::NodeId;
use prometheus::Registry;
use serve::Drain;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::changes::{bootstrap, none_twice, pop};
use crate::{Ledger, LedgerSettings, PeerDirectory, Role};

const DAY: Duration = Duration::from_secs(86_400);

struct Directory {
    transport: Transport,
    peers: Mutex<BTreeMap<(NodeId, SocketAddr), Peer>>,
}

impl PeerDirectory for Directory {
    fn peer(&self, node: NodeId, addr: SocketAddr) -> Peer {
        let mut peers = self.peers.lock().unwrap();
        let expected = || Expected::node(PeerRole::Region, "here-1", node.0);
        let peer = peers.entry((node, addr));
        peer.or_insert_with(|| self.transport.connect(addr, expected()))
            .clone()
    }
}

struct Node {
    ledger: Ledger,
    addr: SocketAddr,
    transport: Transport,
    drain: Drain,
    _dir: TempDir,
}

fn context(authority: &Authority, role: PeerRole, node: u64) -> LinkContext {
    let identity = NodeIdentity::new("test", role, "here-1", node).unwrap();
    let credentials = authority
        .issue_node(&identity, DAY, SystemTime::now())
        .unwrap();
    let limits = LinkLimits {
        backoff_max: Duration::from_millis(500),
        ..LinkLimits::default()
    };
    LinkContext {
        credentials: CredentialStore::new(credentials).unwrap(),
        limits: Arc::new(limits),
        metrics: link::Metrics::unregistered(),
    }
}

async fn node(authority: &Authority, id: u64) -> Node {
    let dir = TempDir::new().unwrap();
    let drain = Drain::new(Duration::from_millis(100));
    let context = context(authority, PeerRole::Region, id);
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), context.clone()).unwrap();
    let addr = listener.local_addr();
    let transport = Transport::client(None, context, drain.clone()).unwrap();
    let directory = Directory {
        transport: transport.clone(),
        peers: Mutex::default(),
    };
    let settings = LedgerSettings::new("test", NodeId(id), dir.path()).local();
    let ledger = Ledger::open(settings, Arc::new(directory), &Registry::new())
        .await
        .unwrap();
    let services = ledger.serve(Services::new());
    let serving = listener
        .serve(services, PeersSeen::new(), drain.clone())
        .unwrap();
    drain.spawn(serving.finished());
    Node {
        ledger,
        addr,
        transport,
        drain,
        _dir: dir,
    }
}

async fn cluster(authority: &Authority) -> Vec<Node> {
    let first = node(authority, 1).await;
    let applied = first
        .ledger
        .bootstrap(first.addr, bootstrap(first.addr))
        .await
        .unwrap();
    applied.outcome.unwrap();
    let mut nodes = vec![first];
    for id in 2..=3 {
        let next = node(authority, id).await;
        nodes[0]
            .ledger
            .add_learner(NodeId(id), next.addr)
            .await
            .unwrap();
        nodes[0].ledger.promote(NodeId(id)).await.unwrap();
        nodes.push(next);
    }
    nodes
}

impl Node {
    async fn kill(self) {
        // Its connections go first, so that it cannot say goodbye as a leader.
        self.drain.begin();
        self.transport.close().await;
        self.ledger.shutdown().await;
        self.drain.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_over_links_survives_its_leader() {
    let authority = Authority::create("test", DAY, SystemTime::now()).unwrap();
    let mut nodes = cluster(&authority).await;
    for number in 0..30 {
        let ledger = &nodes[usize::try_from(number % 3).unwrap()].ledger;
        ledger.propose(pop(number)).await.unwrap().outcome.unwrap();
    }
    for node in &nodes {
        node.ledger.linearizable().await.unwrap();
        assert_eq!(node.ledger.config().borrow().pops.len(), 30);
    }
    let leads = |node: &Node| node.ledger.status().borrow().role == Role::Leader;
    let leader = nodes.iter().position(leads).unwrap();
    let old = nodes.remove(leader);
    let killed = Instant::now();
    let (killing, written) = tokio::join!(old.kill(), nodes[0].ledger.propose(pop(30)));
    let ((), applied) = (killing, written.unwrap());
    applied.outcome.unwrap();
    println!(
        "first write after the leader's death: {:?}",
        killed.elapsed()
    );
    for number in 25..35 {
        nodes[1]
            .ledger
            .propose(pop(number))
            .await
            .unwrap()
            .outcome
            .unwrap();
    }
    for node in &nodes {
        node.ledger.linearizable().await.unwrap();
        let config = node.ledger.config().borrow().clone();
        assert_eq!(config.pops.len(), 35);
        none_twice(&config);
    }
    for node in nodes {
        node.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_regions_take_part() {
    let authority = Authority::create("test", DAY, SystemTime::now()).unwrap();
    let first = node(&authority, 1).await;
    first
        .ledger
        .bootstrap(first.addr, bootstrap(first.addr))
        .await
        .unwrap();
    let drain = Drain::new(Duration::ZERO);
    let stranger = Transport::client(None, context(&authority, PeerRole::Pop, 9), drain).unwrap();
    let peer = stranger.connect(first.addr, Expected::any());
    let ask = crate::messages::encode(&crate::messages::LeaderRequest::ReadIndex).unwrap();
    for service in [Service::Raft, Service::Propose] {
        let asked = peer.rpc(service, ask.clone(), Duration::from_secs(2)).await;
        assert!(matches!(asked, Err(RpcError::Link(_))), "{asked:?}");
    }
    let region = context(&authority, PeerRole::Region, 8);
    let region = Transport::client(None, region, Drain::new(Duration::ZERO)).unwrap();
    let peer = region.connect(first.addr, Expected::any());
    let garbage = bytes::Bytes::from_static(b"\x07\x01garbage");
    let asked = peer
        .rpc(Service::Raft, garbage, Duration::from_secs(2))
        .await;
    assert!(matches!(asked, Err(RpcError::Refused(_))), "{asked:?}");
    first.ledger.propose(pop(1)).await.unwrap();
    first.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_back_elsewhere_is_followed() {
    let authority = Authority::create("test", DAY, SystemTime::now()).unwrap();
    let mut nodes = cluster(&authority).await;
    let third = nodes.pop().unwrap();
    // Its ledger stays; it only listens somewhere else from now on.
    let context = context(&authority, PeerRole::Region, 3);
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), context).unwrap();
    let moved = listener.local_addr();
    let drain = Drain::new(Duration::ZERO);
    let services = third.ledger.serve(Services::new());
    let serving = listener
        .serve(services, PeersSeen::new(), drain.clone())
        .unwrap();
    third.drain.begin();
    sleep(Duration::from_millis(300)).await;
    nodes[0].ledger.add_learner(NodeId(3), moved).await.unwrap();
    nodes[1].ledger.propose(pop(1)).await.unwrap();
    let mut config = third.ledger.config();
    let reached = config.wait_for(|config| config.pops.len() == 1);
    drop(
        timeout(Duration::from_secs(5), reached)
            .await
            .expect("it is not found")
            .unwrap(),
    );
    drain.finish().await;
    serving.finished().await;
}
