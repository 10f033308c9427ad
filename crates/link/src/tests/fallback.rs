//! Where UDP does not pass: who goes over to HTTP/2, who must not, and how QUIC comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Response;
use serve::Body;
use tokio::sync::Notify;

use super::between::Between;
use super::harness::*;
use super::trust::{any_rpc, ask, link_reason};
use crate::*;

/// Limits with which going over and back show quickly.
fn quick() -> LinkLimits {
    LinkLimits {
        fallback_after: Duration::from_millis(10),
        return_min: Duration::from_millis(20),
        return_max: Duration::from_millis(100),
        ..limits()
    }
}

/// Waits as long as a test may take: an attempt may be lost on a slow machine.
async fn carried(peer: &Peer, by: LinkTransport) {
    while peer.transport() != Some(by) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until there is an answer.
async fn answers(peer: &Peer) {
    while ask(peer).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn quic_is_taken_where_it_passes() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let between = Between::new(region.addr, true).await;
        let patient = LinkLimits {
            fallback_after: STEP,
            connect_timeout: STEP,
            ..limits()
        };
        let transport = dial(context(&ca, &pop(), patient));
        let peer = transport.connect(between.addr, Expected::any());
        assert_eq!(ask(&peer).await.unwrap(), "cba");
        assert_eq!(peer.transport(), Some(LinkTransport::Quic));
        assert_eq!(between.dialled.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn without_fallback_a_blocked_node_is_unreachable() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let between = Between::new(region.addr, false).await;
        let strict = LinkLimits {
            fallback: false,
            connect_timeout: Duration::from_millis(300),
            ..quick()
        };
        let transport = dial(context(&ca, &pop(), strict));
        let peer = transport.connect(between.addr, Expected::any());
        let error = link_reason(ask(&peer).await.unwrap_err());
        assert_eq!(error, CallError::unsent(CallFailure::Unreachable));
        assert_eq!(between.dialled.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn quic_comes_back_and_running_calls_end_where_they_began() {
    run(async {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let flags = (Arc::clone(&begun), Arc::clone(&go));
        let handler = calls(move |request, _| {
            let (begun, go) = (Arc::clone(&flags.0), Arc::clone(&flags.1));
            async move {
                if request.uri().path() == "/slow" {
                    begun.notify_one();
                    go.notified().await;
                }
                Response::new(Body::full("done"))
            }
        });
        let ca = authority();
        let services = Services::new().with_call(handler);
        let region = listen(context(&ca, &region(), limits()), services);
        let between = Between::new(region.addr, false).await;
        let transport = dial(context(&ca, &pop(), quick()));
        let peer = transport.connect(between.addr, Expected::any());
        peer.ready().await.unwrap();
        assert_eq!(peer.transport(), Some(LinkTransport::Http2));
        let slow = tokio::spawn({
            let peer = peer.clone();
            async move { peer.call(get("/slow"), meta()).await }
        });
        begun.notified().await;

        between.udp(true);
        carried(&peer, LinkTransport::Quic).await;
        assert!(peer.call(get("/"), meta()).await.is_ok());
        // The old connection is still there for the call that began on it.
        assert_eq!(region.seen.snapshot()[0].connections, 2);
        go.notify_one();
        let response = slow.await.unwrap().unwrap();
        assert_eq!(response.into_body().into_bytes(10).await.unwrap(), "done");
        until("the old connection is closed", || {
            region.seen.snapshot()[0].connections == 1
        })
        .await;
    });
}

#[test]
fn a_feed_moves_to_quic_with_its_peer() {
    run(async {
        struct Holds;
        impl FeedHandler for Holds {
            fn open(
                &self,
                _: Arc<NodeIdentity>,
                first: Bytes,
                mut frames: Frames,
            ) -> serve::BoxFuture<'_, ()> {
                Box::pin(async move {
                    let _ = frames.send(first).await;
                    let _ = frames.recv().await;
                })
            }
        }
        let ca = authority();
        let services = Services::new().with_feed(Service::Feed, Arc::new(Holds));
        let region = listen(context(&ca, &region(), limits()), services);
        let between = Between::new(region.addr, false).await;
        let transport = dial(context(&ca, &pop(), quick()));
        let peer = transport.connect(between.addr, Expected::any());
        let mut frames = peer.open(Service::Feed, "a".into()).await.unwrap();
        assert_eq!(frames.recv().await.unwrap().unwrap(), "a");
        assert_eq!(peer.transport(), Some(LinkTransport::Http2));
        between.udp(true);
        assert_eq!(frames.recv().await, Err(FrameError::ConnectionLost));
        assert_eq!(peer.transport(), Some(LinkTransport::Quic));
        let mut frames = peer.open(Service::Feed, "b".into()).await.unwrap();
        assert_eq!(frames.recv().await.unwrap().unwrap(), "b");
    });
}

#[test]
fn a_block_under_way_is_noticed_and_got_round() {
    run(async {
        let services = any_rpc().with_probe(Arc::new(ProbeState::default));
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), services);
        let between = Between::new(region.addr, true).await;
        let transport = dial(context(&ca, &pop(), quick()));
        let peer = transport.connect(between.addr, Expected::any());
        let _outcomes = peer.probes(Duration::from_millis(20));
        carried(&peer, LinkTransport::Quic).await;
        for _ in 0..2 {
            between.udp(false);
            carried(&peer, LinkTransport::Http2).await;
            answers(&peer).await;
            between.udp(true);
            carried(&peer, LinkTransport::Quic).await;
            answers(&peer).await;
        }
    });
}

#[test]
fn a_wrong_identity_gets_no_second_chance() {
    run(async {
        let (ours, theirs) = (authority(), authority());
        for (ca, expected) in [
            (&theirs, Expected::any()),
            (&ours, Expected::place(PeerRole::Region, "eu-west-1")),
        ] {
            let region = listen(context(ca, &region(), limits()), any_rpc());
            let between = Between::new(region.addr, true).await;
            // TCP would be tried if QUIC met silence, and only then.
            let patient = LinkLimits {
                fallback_after: STEP,
                connect_timeout: STEP,
                ..limits()
            };
            let transport = dial(context(&ours, &pop(), patient));
            let peer = transport.connect(between.addr, expected);
            let error = link_reason(ask(&peer).await.unwrap_err());
            assert_eq!(error, CallError::unsent(CallFailure::HandshakeFailed));
            assert_eq!(between.dialled.load(Ordering::SeqCst), 0);
        }
    });
}

#[test]
fn over_tcp_nobody_is_trusted_more() {
    run(async {
        let (ours, theirs) = (authority(), authority());
        let listening = listen(context(&ours, &region(), limits()), any_rpc());
        let between = Between::new(listening.addr, false).await;
        let elsewhere = Expected::place(PeerRole::Region, "eu-west-1");
        // Of another cluster; not the node that is meant; ours, but shown to be of the other.
        let foreign = theirs.issue_node(&pop(), DAY, SystemTime::now()).unwrap();
        let mixed = LinkContext {
            credentials: foreign.trusting(ours.cert_der()),
            ..context(&ours, &pop(), quick())
        };
        for (context, expected) in [
            (context(&theirs, &pop(), quick()), Expected::any()),
            (context(&ours, &pop(), quick()), elsewhere),
            (mixed, Expected::any()),
        ] {
            let before = between.dialled.load(Ordering::SeqCst);
            let short = LinkLimits {
                connect_timeout: Duration::from_secs(1),
                ..quick()
            };
            let transport = dial(LinkContext {
                limits: Arc::new(short),
                ..context
            });
            let peer = transport.connect(between.addr, expected);
            // An attempt that takes too long says less.
            loop {
                let error = link_reason(ask(&peer).await.unwrap_err());
                assert!(error.is_unsent());
                if error.reason == CallFailure::HandshakeFailed {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(between.dialled.load(Ordering::SeqCst) > before);
            transport.close().await;
        }
        until("nobody is taken in", || {
            listening.seen.snapshot().is_empty()
        })
        .await;
    });
}

#[test]
fn what_is_no_node_is_not_spoken_to() {
    run(async {
        // UDP is lost here, and TCP meets somebody who takes connections and says nothing.
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = mute.local_addr().unwrap();
        let _lost = tokio::net::UdpSocket::bind(addr).await.unwrap();
        let short = LinkLimits {
            connect_timeout: Duration::from_millis(300),
            ..quick()
        };
        let ca = authority();
        let transport = dial(context(&ca, &pop(), short));
        let peer = transport.connect(addr, Expected::any());
        let error = link_reason(ask(&peer).await.unwrap_err());
        assert_eq!(error, CallError::unsent(CallFailure::Unreachable));
    });
}

#[test]
fn a_connection_that_goes_silent_over_tcp_is_given_up() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let between = Between::new(region.addr, false).await;
        let impatient = LinkLimits {
            keep_alive: Duration::from_millis(50),
            ping_timeout: Duration::from_millis(500),
            ..quick()
        };
        let transport = dial(context(&ca, &pop(), impatient));
        let peer = transport.connect(between.addr, Expected::any());
        let _ = peer.ready().await;
        carried(&peer, LinkTransport::Http2).await;
        let mut state = peer.watch();
        between.mute_tcp();
        state
            .wait_for(|state| *state == PeerState::Down)
            .await
            .unwrap();
    });
}

#[test]
fn a_node_joins_where_udp_does_not_pass() {
    run(async {
        let ca = authority();
        let fingerprint = ca.fingerprint();
        let context = context(&ca, &region(), limits());
        let services = any_rpc().with_rpc(Service::Join, Arc::new(super::trust::Signer(ca)));
        let region = listen(context, services);
        let between = Between::new(region.addr, false).await;
        let request = CertificateRequest::fresh().unwrap();
        let csr = Bytes::copy_from_slice(request.csr_der());
        let answer = join_with_ca(between.addr, fingerprint, csr, STEP)
            .await
            .unwrap();
        let credentials =
            Credentials::from_csr(&request, vec![answer.body.to_vec()], answer.ca.to_vec());
        assert_eq!(credentials.unwrap().ca_fingerprint(), fingerprint);
        let wrong = join(between.addr, [0; 32], Bytes::new(), STEP).await;
        assert_eq!(
            link_reason(wrong.unwrap_err()),
            CallError::unsent(CallFailure::HandshakeFailed)
        );
    });
}
