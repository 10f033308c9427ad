//! Rpcs, feeds, probes, reconnecting, draining, and the table of who is connected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use serve::{Body, BoxFuture};
use tokio::sync::Notify;

use super::harness::*;
use crate::*;

#[test]
fn rpcs_answer_refuse_and_time_out() {
    run_both(|| async {
        struct Never;
        impl RpcHandler for Never {
            fn rpc(
                &self,
                _: Option<Arc<NodeIdentity>>,
                _: Bytes,
            ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
                Box::pin(std::future::pending())
            }
        }
        let services = Services::new()
            .with_rpc(Service::Raft, Arc::new(Reverse))
            .with_rpc(Service::Propose, Arc::new(Never));
        let limits = LinkLimits {
            rpc_bytes_max: 5 << 20,
            ..limits()
        };
        let (_region, _transport, peer) = pair(services, limits).await;
        let large: Bytes = (0..4u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
        let answer = peer.rpc(Service::Raft, large.clone(), STEP).await.unwrap();
        assert!(answer.iter().eq(large.iter().rev()));
        let refused = peer
            .rpc(Service::Raft, Bytes::new(), STEP)
            .await
            .unwrap_err();
        let RpcError::Refused(refusal) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(refusal.code, 7);
        assert!(refusal.message.contains("fra"));
        let short = Duration::from_millis(50);
        let late = peer
            .rpc(Service::Propose, Bytes::from_static(b"x"), short)
            .await;
        assert_eq!(late, Err(RpcError::Timeout));
        let huge = Bytes::from(vec![0; (5 << 20) + 1]);
        assert_eq!(
            peer.rpc(Service::Raft, huge, STEP).await,
            Err(RpcError::TooLarge)
        );
    });
}

/// Sends every frame back, after the first message; ends when the other side ends.
struct EchoFeed;

impl FeedHandler for EchoFeed {
    fn open(&self, _: Arc<NodeIdentity>, first: Bytes, mut frames: Frames) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if frames.send(first).await.is_err() {
                return;
            }
            while let Ok(Some(frame)) = frames.recv().await {
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
            let _ = frames.finish().await;
        })
    }
}

#[test]
fn frames_go_both_ways_and_end_cleanly() {
    run_both(|| async {
        let services = Services::new().with_feed(Service::Feed, Arc::new(EchoFeed));
        let limits = LinkLimits {
            frame_bytes_max: 9 << 20,
            ..limits()
        };
        let (_region, _transport, peer) = pair(services, limits).await;
        let mut frames = peer
            .open(Service::Feed, Bytes::from_static(b"hello"))
            .await
            .unwrap();
        assert_eq!(frames.recv().await.unwrap().unwrap(), "hello");
        for size in [0, 1, 70_000, 9 << 20] {
            let frame = Bytes::from(vec![7; size]);
            let (mut sender, mut receiver) = frames.split();
            let sent = tokio::spawn(async move {
                sender.send(frame).await.unwrap();
                sender
            });
            assert_eq!(receiver.recv().await.unwrap().unwrap().len(), size);
            let _sender = sent.await.unwrap();
            frames = peer
                .open(Service::Feed, Bytes::from_static(b"again"))
                .await
                .unwrap();
            assert_eq!(frames.recv().await.unwrap().unwrap(), "again");
        }
        let over = frames.send(Bytes::from(vec![0; (9 << 20) + 1])).await;
        assert_eq!(over, Err(FrameError::TooLarge));
        let (sender, mut receiver) = frames.split();
        sender.finish().await.unwrap();
        assert_eq!(receiver.recv().await.unwrap(), None);
    });
}

#[test]
fn frames_tell_an_end_from_a_failure() {
    run_both(|| async {
        struct Quits;
        impl FeedHandler for Quits {
            fn open(&self, _: Arc<NodeIdentity>, _: Bytes, frames: Frames) -> BoxFuture<'_, ()> {
                drop(frames);
                Box::pin(async {})
            }
        }
        let services = Services::new()
            .with_feed(Service::Feed, Arc::new(Quits))
            .with_feed(Service::Cluster, Arc::new(EchoFeed));
        let (region, _transport, peer) = pair(services, limits()).await;
        let mut quit = peer.open(Service::Feed, Bytes::new()).await.unwrap();
        assert_eq!(quit.recv().await, Err(FrameError::Reset));
        let mut unknown = peer.open(Service::Propose, Bytes::new()).await.unwrap();
        assert_eq!(unknown.recv().await, Err(FrameError::Reset));
        let mut lost = peer
            .open(Service::Cluster, Bytes::from_static(b"x"))
            .await
            .unwrap();
        assert_eq!(lost.recv().await.unwrap().unwrap(), "x");
        region.drain.finish_now().await;
        assert_eq!(lost.recv().await, Err(FrameError::ConnectionLost));
    });
}

#[test]
fn probes_tell_load_revision_and_round_trip() {
    run_both(|| async {
        let state = ProbeState {
            load: LoadReport {
                in_flight: 5,
                limit: 100,
                service_p50_us: 900,
            },
            revision: 42,
            draining: false,
        };
        let services = Services::new().with_probe(Arc::new(move || state));
        let (region, _transport, peer) = pair(services, limits()).await;
        let report = peer.probe(STEP).await.unwrap();
        assert_eq!(
            (report.load, report.revision, report.draining),
            (state.load, 42, false)
        );
        assert!(report.rtt > Duration::ZERO && report.rtt < Duration::from_secs(1));
        let seen = region.seen.snapshot();
        assert_eq!(*seen[0].identity, pop());
        assert!(seen[0].last_probe_age.unwrap() < Duration::from_secs(5));

        let mut outcomes = peer.probes(Duration::from_millis(10));
        for _ in 0..3 {
            assert!(matches!(
                outcomes.recv().await,
                Some(ProbeOutcome::Report(_))
            ));
        }
        drop(peer);
        while outcomes.recv().await.is_some() {}
    });
}

#[test]
fn lost_probes_kill_a_connection_before_quic_would() {
    run(async {
        // Nobody answers probes here, as if the datagrams were lost.
        let quick = LinkLimits {
            probe_timeout_min: Duration::from_millis(20),
            ..limits()
        };
        let (_region, _transport, peer) = pair(text("ok"), quick).await;
        let mut state = peer.watch();
        let mut outcomes = peer.probes(Duration::from_millis(10));
        for in_a_row in 1..=3 {
            assert_eq!(outcomes.recv().await, Some(ProbeOutcome::Lost { in_a_row }));
        }
        state
            .wait_for(|state| *state == PeerState::Down)
            .await
            .unwrap();
        drop(outcomes);
        state
            .wait_for(|state| *state == PeerState::Up)
            .await
            .unwrap();
        assert!(peer.call(get("/"), meta()).await.is_ok());
    });
}

#[test]
fn marking_down_fails_pending_calls_at_once() {
    run_both(|| async {
        let begun = Arc::new(Notify::new());
        let flag = Arc::clone(&begun);
        let handler = calls(move |_, _| {
            flag.notify_one();
            std::future::pending::<Response<Body>>()
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let call = tokio::spawn({
            let peer = peer.clone();
            async move { peer.call(get("/"), meta()).await }
        });
        begun.notified().await;
        peer.mark_down();
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error, CallError::maybe(CallFailure::ConnectionLost));
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::Unreachable));
    });
}

#[test]
fn a_restarted_node_is_found_again() {
    run(async {
        let ca = authority();
        let region_context = context(&ca, &region(), limits());
        let first = listen(region_context.clone(), text("first"));
        let addr = first.addr;
        let transport = dial(context(&ca, &pop(), limits()));
        let peer = transport.connect(addr, Expected::any());
        assert_eq!(peer.state(), PeerState::Idle);
        assert!(peer.call(get("/"), meta()).await.is_ok());
        first.drain.finish_now().await;
        let mut state = peer.watch();
        state
            .wait_for(|state| *state == PeerState::Down)
            .await
            .unwrap();
        let begun = Instant::now();
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::Unreachable));
        assert!(
            begun.elapsed() < Duration::from_millis(100),
            "does not wait for a dead node"
        );

        let _second = listen_at(addr, region_context, text("second"));
        state
            .wait_for(|state| *state == PeerState::Up)
            .await
            .unwrap();
        let response = peer.call(get("/"), meta()).await.unwrap();
        assert_eq!(response.body().as_full().unwrap(), "second");
        peer.close();
        state
            .wait_for(|state| *state == PeerState::Closed)
            .await
            .unwrap();
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::Closed));
        transport.close().await;
    });
}

#[test]
fn a_node_nobody_hears_from_is_unreachable() {
    run(async {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let ca = authority();
        let quick = LinkLimits {
            connect_timeout: Duration::from_millis(200),
            ..limits()
        };
        let transport = dial(context(&ca, &pop(), quick));
        let peer = transport.connect(socket.local_addr().unwrap(), Expected::any());
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::Unreachable));
        transport.close().await;
        assert_eq!(peer.state(), PeerState::Closed);
    });
}

#[test]
fn a_silent_node_is_given_up_after_the_idle_time() {
    run(async {
        let quick = LinkLimits {
            idle_timeout: Duration::from_millis(600),
            keep_alive: Duration::from_millis(150),
            ..limits()
        };
        // The region lives on a runtime of its own that is frozen, as if the machine had died.
        let ca = authority();
        let region_context = context(&ca, &region(), quick.clone());
        let (told, hears) = std::sync::mpsc::channel();
        let (die, dies) = tokio::sync::oneshot::channel::<()>();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let region = listen(region_context, text("ok"));
                told.send(region.addr).unwrap();
                let _ = dies.await;
                let _ = ends.recv();
            });
        });
        let addr = hears.recv().unwrap();
        let peer = dial(context(&ca, &pop(), quick)).connect(addr, Expected::any());
        assert!(peer.call(get("/"), meta()).await.is_ok());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(peer.state(), PeerState::Up, "kept alive while silent");
        die.send(()).unwrap();
        let begun = Instant::now();
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::maybe(CallFailure::ConnectionLost));
        assert!(begun.elapsed() < Duration::from_secs(2));
        end.send(()).unwrap();
        thread.join().unwrap();
    });
}

/// A region on a thread and runtime of its own, which can be made to vanish without a word.
fn vanishing(addr: SocketAddr, context: LinkContext) -> (SocketAddr, impl FnOnce()) {
    let (told, hears) = std::sync::mpsc::channel();
    let (die, dies) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let region = listen_at(addr, context, text("ok"));
            told.send(region.addr).unwrap();
            let _ = dies.await;
        });
    });
    let vanish = move || {
        die.send(()).unwrap();
        thread.join().unwrap();
    };
    (hears.recv().unwrap(), vanish)
}

#[test]
fn a_node_that_crashed_and_came_back_says_so_at_once() {
    run(async {
        // Only a stateless reset can tell before this time-out.
        let patient = LinkLimits {
            idle_timeout: Duration::from_secs(30),
            ..limits()
        };
        let ca = authority();
        let region_context = context(&ca, &region(), patient.clone());
        let any = "127.0.0.1:0".parse().unwrap();
        let (addr, vanish) = vanishing(any, region_context.clone());
        let peer = dial(context(&ca, &pop(), patient)).connect(addr, Expected::any());
        assert!(peer.call(get("/"), meta()).await.is_ok());
        vanish();
        let _back = listen_at(addr, region_context, text("back"));
        let begun = Instant::now();
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::maybe(CallFailure::ConnectionLost));
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        until("it is back", || peer.state() == PeerState::Up).await;
        let response = peer.call(get("/"), meta()).await.unwrap();
        assert_eq!(response.body().as_full().unwrap(), "back");
    });
}

#[test]
fn listeners_share_an_address() {
    run(async {
        let ca = authority();
        let region_context = context(&ca, &region(), limits());
        let first = listen(region_context.clone(), text("ok"));
        let second = listen_at(first.addr, region_context, text("ok"));
        assert_eq!(first.addr, second.addr);
        let mut transports = Vec::new();
        for _ in 0..16 {
            let transport = dial(context(&ca, &pop(), limits()));
            let peer = transport.connect(first.addr, Expected::any());
            assert!(peer.call(get("/"), meta()).await.is_ok());
            transports.push((transport, peer));
        }
        let count = |region: &Region| -> usize {
            region
                .seen
                .snapshot()
                .iter()
                .map(|seen| seen.connections)
                .sum()
        };
        assert_eq!(count(&first) + count(&second), 16);
    });
}

#[test]
fn a_busy_listener_asks_for_proof_of_address() {
    run(async {
        let wary = LinkLimits {
            handshakes_retry_above: 0,
            ..limits()
        };
        let ca = authority();
        let region = listen(context(&ca, &region(), wary), text("ok"));
        let peer = dial(context(&ca, &pop(), limits())).connect(region.addr, Expected::any());
        assert!(peer.call(get("/"), meta()).await.is_ok());
        let full = LinkLimits {
            handshakes_max: 0,
            ..limits()
        };
        let region = listen(context(&ca, &super::harness::region(), full), text("ok"));
        let peer = dial(context(&ca, &pop(), limits())).connect(region.addr, Expected::any());
        let refused = peer.call(get("/"), meta()).await.unwrap_err();
        assert!(refused.is_unsent(), "{refused:?}");
    });
}

#[test]
fn metrics_are_registered_under_their_names() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry).unwrap();
    assert!(Metrics::new(&registry).is_err());
    metrics.failed(CallFailure::Deadline);
    metrics.probed(Some(Duration::from_millis(3)));
    let names: Vec<_> = registry
        .gather()
        .iter()
        .map(|family| family.name().to_owned())
        .collect();
    assert!(
        names.iter().all(|name| name.starts_with("edgeway_link_")),
        "{names:?}"
    );
    assert!(names.contains(&"edgeway_link_calls_total".to_owned()));
    assert!(names.contains(&"edgeway_link_refused_total".to_owned()));
}

#[test]
fn a_drain_finishes_what_runs_and_refuses_the_rest() {
    run_both(|| async {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let flags = (Arc::clone(&begun), Arc::clone(&go));
        let handler = calls(move |_, _| {
            let (begun, go) = (Arc::clone(&flags.0), Arc::clone(&flags.1));
            async move {
                begun.notify_one();
                go.notified().await;
                Response::new(Body::full("done"))
            }
        });
        let services = Services::new()
            .with_call(handler)
            .with_rpc(Service::Raft, Arc::new(Reverse))
            .with_probe(Arc::new(ProbeState::default));
        let (region, _transport, peer) = pair(services, limits()).await;
        let running = tokio::spawn({
            let peer = peer.clone();
            async move { peer.call(get("/"), meta()).await }
        });
        begun.notified().await;
        region.drain.begin();
        tokio::task::yield_now().await;
        assert!(peer.probe(STEP).await.unwrap().draining);
        let refused = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(refused, CallError::unsent(CallFailure::RefusedDraining));
        assert!(
            peer.rpc(Service::Raft, Bytes::from_static(b"x"), STEP)
                .await
                .is_ok()
        );
        go.notify_one();
        let response = running.await.unwrap().unwrap();
        assert_eq!(response.into_body().into_bytes(10).await.unwrap(), "done");
        region.serving.finished().await;
        let mut state = peer.watch();
        state
            .wait_for(|state| *state == PeerState::Down)
            .await
            .unwrap();
        assert!(region.seen.snapshot().is_empty());
        assert_eq!(region.drain.finish().await, serve::Drained::Finished);
    });
}

#[test]
fn the_table_of_nodes_follows_their_connections() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), text("ok"));
        let mut changed = region.seen.changed();
        let one = dial(context(&ca, &pop(), limits()));
        let two = dial(context(&ca, &pop(), limits()));
        let (a, b) = (
            one.connect(region.addr, Expected::any()),
            two.connect(region.addr, Expected::any()),
        );
        a.ready().await.unwrap();
        b.ready().await.unwrap();
        until("both are seen", || {
            region
                .seen
                .snapshot()
                .first()
                .is_some_and(|seen| seen.connections == 2)
        })
        .await;
        assert_eq!(region.seen.snapshot().len(), 1);
        assert_eq!(*changed.borrow_and_update(), 1);
        one.close().await;
        drop(b);
        until("none is seen", || region.seen.snapshot().is_empty()).await;
        assert_eq!(*changed.borrow_and_update(), 2);
    });
}

#[test]
fn a_connector_is_called_over_the_connection_it_opened() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), Services::new());
        let connector = NodeIdentity::new("c1", PeerRole::Connector, "office", 8).unwrap();
        let transport = dial(context(&ca, &connector, limits()));
        let services = Services::new().with_rpc(Service::Cluster, Arc::new(Reverse));
        let dialled = transport.connect_serving(region.addr, Expected::any(), services);
        until("it connects", || dialled.state() == PeerState::Up).await;
        until("it is seen", || !region.seen.snapshot().is_empty()).await;
        assert!(
            region
                .seen
                .reverse(PeerRole::Connector, "elsewhere")
                .is_none()
        );
        let back = region.seen.reverse(PeerRole::Connector, "office").unwrap();
        let answer = back
            .rpc(Service::Cluster, Bytes::from_static(b"abc"), STEP)
            .await;
        assert_eq!(answer.unwrap(), "cba");
        let turns = region.seen.connections();
        let ways = region.seen.ways_back(PeerRole::Connector);
        assert_eq!(ways.len(), 1);
        assert_eq!(*ways[0].identity, connector);
        assert!(region.seen.ways_back(PeerRole::Pop).is_empty());
        dialled.close();
        until("the way back is closed", || {
            back.state() == PeerState::Closed
        })
        .await;
        assert!(region.seen.reverse(PeerRole::Connector, "office").is_none());
        assert!(region.seen.ways_back(PeerRole::Connector).is_empty());
        assert!(turns.has_changed().unwrap());
    });
}

/// Ends a node as abruptly as a drain can.
trait FinishNow {
    async fn finish_now(&self);
}

impl FinishNow for serve::Drain {
    async fn finish_now(&self) {
        self.finish().await;
    }
}
