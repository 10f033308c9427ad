//! Feeds over a real link: snapshots, deltas, manifests, and what subscribers say.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use link::{
    Authority, CredentialStore, Expected, Frames, LinkContext, LinkLimits, Listener, Metrics,
    NodeIdentity, PeerRole, PeersSeen, Service, Services, Transport,
};
use model::{
    Config, EdgeDelta, EdgeView, FeedFrame, FeedHello, LivePeer, Revision, ZoneView,
    codec::{self, Kind},
};
use prometheus::Registry;
use serve::Drain;
use tokio::sync::watch;

use super::harness::{Setup, eventually, line};
use crate::{FeedServer, LiveNodes};

/// A list that a test alters.
struct Live(Mutex<Vec<LivePeer>>, watch::Sender<u64>);

impl LiveNodes for Live {
    fn live(&self) -> Vec<LivePeer> {
        self.0.lock().unwrap().clone()
    }
    fn changed(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }
}

struct Feed {
    server: Arc<FeedServer>,
    config: watch::Sender<Arc<Config>>,
    live: Arc<Live>,
    authority: Authority,
    addr: SocketAddr,
    drain: Drain,
    /// Of the subscribers' side.
    clients: Drain,
    setup: Setup,
}

const DAY: Duration = Duration::from_secs(86_400);

fn context(authority: &Authority, role: PeerRole, node: u64) -> LinkContext {
    let identity = NodeIdentity::new("test", role, "place-1", node).unwrap();
    let credentials = authority
        .issue_node(&identity, DAY, SystemTime::now())
        .unwrap();
    LinkContext {
        credentials: CredentialStore::new(credentials).unwrap(),
        limits: Arc::new(LinkLimits::default()),
        metrics: Metrics::unregistered(),
    }
}

impl Feed {
    fn start() -> Self {
        let drain = Drain::new(Duration::from_secs(5));
        let authority = Authority::create("test", DAY, SystemTime::now()).unwrap();
        // Enough of a configuration that a delta is smaller than a snapshot.
        let setup = Setup::of([line("$default", "http://127.0.0.1:1")]);
        let config = watch::Sender::new(Arc::new(grown(&setup, 1)));
        let live = Arc::new(Live(Mutex::default(), watch::Sender::new(0)));
        let server = FeedServer::new(
            config.subscribe(),
            Arc::clone(&live) as Arc<dyn LiveNodes>,
            &Registry::new(),
            drain.clone(),
        )
        .unwrap();
        let services = Services::new().with_feed(Service::Feed, server.clone());
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(any, context(&authority, PeerRole::Region, 1)).unwrap();
        let addr = listener.local_addr();
        let _serving = listener
            .serve(services, PeersSeen::new(), drain.clone())
            .unwrap();
        let clients = Drain::new(Duration::from_secs(5));
        Self {
            server,
            config,
            live,
            authority,
            addr,
            drain,
            clients,
            setup,
        }
    }

    async fn subscribe(&self, node: u64, hello: FeedHello) -> Frames {
        self.subscribe_as(PeerRole::Pop, node, hello).await
    }

    async fn subscribe_as(&self, role: PeerRole, node: u64, hello: FeedHello) -> Frames {
        let context = context(&self.authority, role, node);
        let transport = Transport::client(None, context, self.clients.clone()).unwrap();
        let peer = transport.connect(self.addr, Expected::role(PeerRole::Region));
        let hello = codec::encode(Kind::Feed, &hello).unwrap();
        let frames = peer.open(Service::Feed, hello.into()).await.unwrap();
        // The peer must outlive the frames.
        self.clients.spawn({
            let drain = self.clients.clone();
            async move {
                drain.begun().await;
                drop(peer);
            }
        });
        frames
    }

    fn publish(&self, revision: u64) {
        self.config
            .send_replace(Arc::new(grown(&self.setup, revision)));
    }
}

/// A configuration with many APIs, of which one is altered by each revision.
fn grown(setup: &Setup, revision: u64) -> Config {
    let mut config = setup.config();
    config.revision = Revision(revision);
    let api = config.apis.values().next().unwrap().clone();
    for index in 0..500 {
        let mut copy = (*api).clone();
        copy.id = format!("api{index:07}").as_str().into();
        if index == 7 {
            copy.served = Revision(revision);
        }
        config.apis.insert(copy.id.clone(), Arc::new(copy));
    }
    config
}

fn hello(have: u64, digest: u64) -> FeedHello {
    FeedHello {
        have: Revision(have),
        digest,
        zone: false,
    }
}

async fn next(frames: &mut Frames) -> FeedFrame {
    let frame = tokio::time::timeout(Duration::from_secs(10), frames.recv()).await;
    FeedFrame::decode(&frame.unwrap().unwrap().unwrap()).unwrap()
}

/// The next frame that is no manifest.
async fn next_view(frames: &mut Frames) -> FeedFrame {
    loop {
        match next(frames).await {
            FeedFrame::Manifest { .. } => {}
            frame => return frame,
        }
    }
}

async fn say(frames: &mut Frames, frame: FeedFrame) {
    frames
        .send(Bytes::from(frame.encode().unwrap()))
        .await
        .unwrap();
}

fn view(frame: FeedFrame) -> (EdgeView, u64) {
    let FeedFrame::Snapshot {
        revision,
        digest,
        view,
    } = frame
    else {
        panic!("{frame:?}")
    };
    let sum = codec::decode::<EdgeView>(Kind::EdgeView, &view)
        .unwrap()
        .sum();
    assert_eq!(sum.digest, digest);
    let view: EdgeView = codec::decode(Kind::EdgeView, &view).unwrap();
    assert_eq!(view.revision, revision);
    (view, digest)
}

#[tokio::test]
async fn snapshot_then_deltas() {
    let feed = Feed::start();
    let mut frames = feed.subscribe(11, hello(0, 0)).await;
    let (mut held, _) = view(next_view(&mut frames).await);
    assert_eq!((held.revision, held.apis.len()), (Revision(1), 501));
    for revision in 2..6 {
        feed.publish(revision);
        let frame = next_view(&mut frames).await;
        let FeedFrame::Delta {
            from,
            to,
            digest,
            delta,
        } = frame
        else {
            panic!("{frame:?}")
        };
        assert_eq!((from, to), (held.revision, Revision(revision)));
        let delta: EdgeDelta = codec::decode(Kind::Feed, &delta).unwrap();
        held = held.after(delta);
        assert_eq!(held.sum().digest, digest);
    }
    assert_eq!(held, EdgeView::of(&grown(&feed.setup, 5)));
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed() {
    let feed = Feed::start();
    let mut frames = feed.subscribe(11, hello(0, 0)).await;
    let (_, digest) = view(next_view(&mut frames).await);
    for revision in 2..4 {
        feed.publish(revision);
        next_view(&mut frames).await;
    }
    // One that has revision 1 gets the two steps, one with another view of it a snapshot, one
    // that has the newest gets manifests alone.
    let mut behind = feed.subscribe(12, hello(1, digest)).await;
    for step in [1, 2] {
        let frame = next_view(&mut behind).await;
        let FeedFrame::Delta { from, .. } = frame else {
            panic!("{frame:?}")
        };
        assert_eq!(from, Revision(step));
    }
    let mut wrong = feed.subscribe(13, hello(1, digest + 1)).await;
    let (newest, digest) = view(next_view(&mut wrong).await);
    assert_eq!(newest.revision, Revision(3));
    let mut current = feed.subscribe(14, hello(3, digest)).await;
    let frame = next(&mut current).await;
    assert!(
        matches!(
            frame,
            FeedFrame::Manifest {
                revision: Revision(3),
                ..
            }
        ),
        "{frame:?}"
    );
    // A subscriber that is ahead of the region is left alone.
    let mut ahead = feed.subscribe(15, hello(9, 1)).await;
    assert!(matches!(next(&mut ahead).await, FeedFrame::Manifest { .. }));
    assert!(matches!(next(&mut ahead).await, FeedFrame::Manifest { .. }));
}

#[tokio::test]
async fn what_subscribers_say_is_kept_while_they_are_there() {
    let feed = Feed::start();
    let mut changes = feed.server.acks_changed();
    let mut frames = feed.subscribe(11, hello(0, 0)).await;
    next_view(&mut frames).await;
    say(
        &mut frames,
        FeedFrame::Ack {
            revision: Revision(1),
            apply_us: 42,
        },
    )
    .await;
    let server = Arc::clone(&feed.server);
    let ack = move || server.acks().into_iter().next();
    eventually(|| ack().is_some_and(|ack| ack.revision == Revision(1))).await;
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let first = ack().unwrap();
    assert_eq!(
        (first.node, first.role, first.apply_us),
        (11, PeerRole::Pop, 42)
    );
    assert_eq!((first.place.as_str(), first.refused), ("place-1", None));
    // A refused revision is not sent again, the next one comes as a snapshot.
    feed.publish(2);
    next_view(&mut frames).await;
    let reason = "bad".to_owned();
    say(
        &mut frames,
        FeedFrame::Refused {
            revision: Revision(2),
            reason: reason.clone(),
        },
    )
    .await;
    eventually(|| ack().is_some_and(|ack| ack.refused.is_some())).await;
    assert_eq!(ack().unwrap().refused, Some((Revision(2), reason)));
    assert_eq!(ack().unwrap().revision, Revision(1));
    feed.publish(3);
    assert_eq!(view(next_view(&mut frames).await).0.revision, Revision(3));
    say(&mut frames, FeedFrame::Resync).await;
    assert_eq!(view(next_view(&mut frames).await).0.revision, Revision(3));
    drop(frames);
    eventually(|| ack().is_none()).await;
}

#[tokio::test]
async fn the_living_are_told_at_once() {
    let feed = Feed::start();
    let mut frames = feed.subscribe(11, hello(0, 0)).await;
    next_view(&mut frames).await;
    let peer = LivePeer {
        node: 3,
        draining: true,
        remote: "192.0.2.1:1".parse().unwrap(),
    };
    let began = std::time::Instant::now();
    feed.live.0.lock().unwrap().push(peer.clone());
    feed.live.1.send_modify(|version| *version += 1);
    loop {
        let frame = next(&mut frames).await;
        if matches!(frame, FeedFrame::Manifest { live, .. } if live == [peer.clone()]) {
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_millis(900));
}

#[tokio::test]
async fn zone_subscribers_get_zones() {
    let feed = Feed::start();
    let zones = FeedHello {
        have: Revision(0),
        digest: 0,
        zone: true,
    };
    let mut frames = feed.subscribe_as(PeerRole::Dns, 21, zones).await;
    let frame = next_view(&mut frames).await;
    let FeedFrame::Snapshot { view, .. } = frame else {
        panic!("{frame:?}")
    };
    let view: ZoneView = codec::decode(Kind::ZoneView, &view).unwrap();
    assert_eq!(
        (view.base_domain.as_str(), view.apis.len()),
        ("edgeway.test", 501)
    );
}

/// Edge views hold private keys.
#[tokio::test]
async fn edge_views_are_for_pops_alone() {
    let feed = Feed::start();
    for role in [PeerRole::Dns, PeerRole::Region, PeerRole::Connector] {
        let mut frames = feed.subscribe_as(role, 31, hello(0, 0)).await;
        let frame = tokio::time::timeout(Duration::from_secs(10), frames.recv())
            .await
            .unwrap();
        assert!(!matches!(frame, Ok(Some(_))), "{role}");
    }
}

#[tokio::test]
async fn nonsense_ends_the_feed_and_a_drain_ends_it_cleanly() {
    let feed = Feed::start();
    let mut bad = feed.subscribe(11, hello(0, 0)).await;
    next_view(&mut bad).await;
    bad.send(Bytes::from_static(b"nonsense")).await.unwrap();
    let mut good = feed.subscribe(12, hello(0, 0)).await;
    next_view(&mut good).await;
    let server = Arc::clone(&feed.server);
    eventually(|| server.acks().iter().all(|ack| ack.node == 12)).await;
    feed.drain.begin();
    loop {
        match tokio::time::timeout(Duration::from_secs(5), good.recv())
            .await
            .unwrap()
        {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => panic!("{error}"),
        }
    }
}
