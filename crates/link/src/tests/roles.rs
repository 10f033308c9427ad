//! What a certificate is good for: its own role, as long as its node is one of the cluster's, and
//! no more of a listener than one node needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serve::BoxFuture;

use super::harness::*;
use super::trust::{any_rpc, ask, link_reason};
use crate::*;

const ROLES: [PeerRole; 4] = [
    PeerRole::Region,
    PeerRole::Pop,
    PeerRole::Dns,
    PeerRole::Connector,
];

fn node(role: PeerRole) -> NodeIdentity {
    NodeIdentity::new("c1", role, "office", 9).unwrap()
}

#[test]
fn a_certificate_is_good_for_its_own_role_alone() {
    run(async {
        let ca = authority();
        for own in ROLES {
            // Where it listens, whoever wants another role does not take it for that.
            let listening = listen(context(&ca, &node(own), limits()), any_rpc());
            let transport = dial(context(&ca, &pop(), limits()));
            for wanted in ROLES {
                let peer = transport.connect(listening.addr, Expected::role(wanted));
                let asked = ask(&peer).await;
                if wanted == own {
                    assert_eq!(asked.unwrap(), "cba");
                } else {
                    let error = link_reason(asked.unwrap_err());
                    assert_eq!(error, CallError::unsent(CallFailure::HandshakeFailed));
                }
            }
            // Where it dials, it is let into what is open to it.
            for open_to in ROLES {
                let services = any_rpc().with_roles(Service::Raft, &[open_to]);
                let region = listen(context(&ca, &region(), limits()), services);
                let transport = dial(context(&ca, &node(own), limits()));
                let peer = transport.connect(region.addr, Expected::role(PeerRole::Region));
                let asked = ask(&peer).await;
                if open_to == own {
                    assert_eq!(asked.unwrap(), "cba");
                } else {
                    let error = link_reason(asked.unwrap_err());
                    assert_eq!(error, CallError::unsent(CallFailure::RefusedUnknown));
                }
                let ways = region.seen.ways_back(PeerRole::Connector);
                assert_eq!(ways.len(), usize::from(own == PeerRole::Connector));
            }
        }
    });
}

#[test]
fn a_removed_node_is_cut_off_and_stays_out() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let removed = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&removed);
        region
            .seen
            .admit_only(move |who| who.node != 9 || !known.load(Ordering::SeqCst));
        let kept = dial(context(&ca, &pop(), limits()));
        let kept = kept.connect(region.addr, Expected::any());
        let connector = dial(context(&ca, &node(PeerRole::Connector), limits()));
        let gone = connector.connect(region.addr, Expected::any());
        for peer in [&kept, &gone] {
            assert_eq!(ask(peer).await.unwrap(), "cba");
        }
        region.seen.expel();
        assert_eq!(ask(&gone).await.unwrap(), "cba", "nobody was removed yet");

        removed.store(true, Ordering::SeqCst);
        region.seen.expel();
        until("it is cut off", || {
            let ways = region.seen.ways_back(PeerRole::Connector);
            ways.is_empty()
        })
        .await;
        // It dials again and again with a certificate that is still in date.
        let again = connector.connect(region.addr, Expected::any());
        assert!(ask(&again).await.is_err());
        assert!(ask(&gone).await.is_err());
        assert_eq!(ask(&kept).await.unwrap(), "cba");
        assert!(region.seen.ways_back(PeerRole::Connector).is_empty());
    });
}

#[test]
fn one_node_does_not_take_the_place_of_all() {
    run(async {
        let ca = authority();
        let tight = LinkLimits {
            connections_per_node_max: 2,
            ..limits()
        };
        let region = listen(context(&ca, &region(), tight), any_rpc());
        let greedy = dial(context(&ca, &node(PeerRole::Connector), limits()));
        let connect = || greedy.connect(region.addr, Expected::any());
        let peers = [connect(), connect()];
        for peer in &peers {
            assert_eq!(ask(peer).await.unwrap(), "cba");
        }
        let third = connect();
        assert!(ask(&third).await.is_err());
        assert_eq!(region.seen.ways_back(PeerRole::Connector).len(), 2);
        // Others are let in, and so is a third once there is room.
        let other = dial(context(&ca, &pop(), limits())).connect(region.addr, Expected::any());
        assert_eq!(ask(&other).await.unwrap(), "cba");
        drop(peers);
        until("room", || third.state() == PeerState::Up).await;
    });
}

/// Answers nothing until it is told to.
struct Stuck(tokio::sync::Semaphore);

impl RpcHandler for Stuck {
    fn rpc(
        &self,
        _: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            drop(self.0.acquire().await);
            Ok(body)
        })
    }
}

#[test]
fn a_connector_asks_for_little() {
    run(async {
        let ca = authority();
        let tight = LinkLimits {
            connector_streams_max: 2,
            connector_message_bytes_max: 1_000,
            ..limits()
        };
        let stuck = Arc::new(Stuck(tokio::sync::Semaphore::new(0)));
        let handler = Arc::clone(&stuck) as Arc<dyn RpcHandler>;
        let services = Services::new().with_rpc(Service::Raft, handler);
        let region = listen(context(&ca, &region(), tight), services);
        for (who, bounded) in [(node(PeerRole::Connector), true), (pop(), false)] {
            let transport = dial(context(&ca, &who, limits()));
            let peer = transport.connect(region.addr, Expected::any());
            peer.ready().await.unwrap();
            let waiting: Vec<_> = (0..2)
                .map(|_| {
                    let peer = peer.clone();
                    tokio::spawn(async move { ask(&peer).await })
                })
                .collect();
            // Whichever of them is one too many hears so; the others wait.
            let third = {
                let peer = peer.clone();
                tokio::spawn(async move { ask(&peer).await })
            };
            let all = waiting.into_iter().chain([third]);
            let mut all: Vec<_> = all.collect();
            if bounded {
                until("one is refused", || all.iter().any(|one| one.is_finished())).await;
                let at = all.iter().position(|one| one.is_finished()).unwrap();
                let error = link_reason(all.remove(at).await.unwrap().unwrap_err());
                assert_eq!(error, CallError::unsent(CallFailure::RefusedOverload));
            }
            stuck.0.add_permits(3);
            for one in all {
                assert_eq!(one.await.unwrap().unwrap(), "abc");
            }
            let large = peer.rpc(Service::Raft, Bytes::from(vec![7; 1_001]), STEP);
            assert_eq!(large.await.is_err(), bounded);
            let small = peer.rpc_at_most(Service::Raft, Bytes::from(vec![7; 999]), (500, STEP));
            assert_eq!(small.await, Err(RpcError::TooLarge));
            while stuck
                .0
                .try_acquire()
                .map(tokio::sync::SemaphorePermit::forget)
                .is_ok()
            {}
        }
    });
}
