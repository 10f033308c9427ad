//! Who may talk to whom: certificates, identities, joining, renewal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serve::{BoxFuture, Drain};

use super::harness::*;
use crate::carrier::Carrier;
use crate::live::Live;
use crate::*;

pub(super) fn any_rpc() -> Services {
    [Service::Raft, Service::Join, Service::Cluster]
        .into_iter()
        .fold(Services::new(), |services, service| {
            services.with_rpc(service, Arc::new(Reverse))
        })
}

pub(super) async fn ask(peer: &Peer) -> Result<Bytes, RpcError> {
    peer.rpc(Service::Raft, Bytes::from_static(b"abc"), STEP)
        .await
}

pub(super) fn link_reason(error: RpcError) -> CallError {
    match error {
        RpcError::Link(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_of_another_authority_is_refused_by_both_sides() {
    run(async {
        let (ours, theirs) = (authority(), authority());
        let region = listen(context(&ours, &region(), limits()), any_rpc());
        let stranger = dial(context(&theirs, &pop(), limits()));
        let peer = stranger.connect(region.addr, Expected::any());
        let error = link_reason(ask(&peer).await.unwrap_err());
        assert_eq!(error, CallError::unsent(CallFailure::HandshakeFailed));
        assert!(region.seen.snapshot().is_empty());
    });
}

#[test]
fn a_server_refuses_a_certificate_of_another_authority() {
    run(async {
        let (ours, theirs) = (authority(), authority());
        let region = listen(context(&ours, &region(), limits()), any_rpc());
        // Trusts our region, but shows a certificate of its own making.
        let foreign = theirs.issue_node(&pop(), DAY, SystemTime::now()).unwrap();
        let mixed = context(&ours, &pop(), limits());
        let mixed = LinkContext {
            credentials: foreign.trusting(ours.cert_der()),
            ..mixed
        };
        let peer = dial(mixed).connect(region.addr, Expected::any());
        let error = link_reason(ask(&peer).await.unwrap_err());
        assert_eq!(error, CallError::unsent(CallFailure::HandshakeFailed));
        assert!(region.seen.snapshot().is_empty());
    });
}

#[test]
fn only_the_expected_node_will_do() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let transport = dial(context(&ca, &pop(), limits()));
        for wrong in [
            Expected::role(PeerRole::Pop),
            Expected::place(PeerRole::Region, "eu-west-1"),
            Expected::node(PeerRole::Region, "us-east-1", 2),
        ] {
            let peer = transport.connect(region.addr, wrong);
            let error = link_reason(ask(&peer).await.unwrap_err());
            assert_eq!(error, CallError::unsent(CallFailure::HandshakeFailed));
        }
        let peer = transport.connect(
            region.addr,
            Expected::node(PeerRole::Region, "us-east-1", 1),
        );
        assert_eq!(ask(&peer).await.unwrap(), "cba");
        assert_eq!(*peer.identity().unwrap(), super::harness::region());
    });
}

#[test]
fn an_expired_certificate_is_refused_and_its_connection_ends_with_it() {
    run(async {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), any_rpc());
        let soon = ca
            .issue_node(&pop(), Duration::from_secs(2), SystemTime::now())
            .unwrap();
        let mut short = context(&ca, &pop(), limits());
        short.credentials = CredentialStore::new(soon).unwrap();
        let peer = dial(short).connect(region.addr, Expected::any());
        assert_eq!(ask(&peer).await.unwrap(), "cba");
        let mut state = peer.watch();
        let ended = state.wait_for(|state| *state == PeerState::Down);
        tokio::time::timeout(Duration::from_secs(5), ended)
            .await
            .unwrap()
            .unwrap();
        until("refused from now on", || peer.state() == PeerState::Down).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(ask(&peer).await.is_err());
    });
}

/// Signs whatever is asked for, as a region would after it has checked the token.
pub(super) struct Signer(pub(super) Authority);

impl RpcHandler for Signer {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        assert!(from.is_none());
        let signed = self.0.sign_csr(&body, &pop(), DAY, SystemTime::now());
        let answer = signed
            .map(|chain| Bytes::copy_from_slice(&chain[0]))
            .map_err(|error| RpcRefusal::new(1, error.to_string()));
        Box::pin(async { answer })
    }
}

#[test]
fn a_node_joins_with_a_fingerprint_and_then_links() {
    run(async {
        let ca = authority();
        let context = context(&ca, &region(), limits());
        let fingerprint = ca.fingerprint();
        let services = any_rpc().with_rpc(Service::Join, Arc::new(Signer(ca)));
        let region = listen(context.clone(), services);
        let token = JoinToken::fresh(fingerprint, vec![region.addr]).unwrap();
        let token: JoinToken = token.to_string().parse().unwrap();

        let request = CertificateRequest::fresh().unwrap();
        let csr = Bytes::copy_from_slice(request.csr_der());
        let answer = join_with_ca(token.addrs[0], token.ca_sha256, csr, STEP)
            .await
            .unwrap();
        let credentials =
            Credentials::from_csr(&request, vec![answer.body.to_vec()], answer.ca.to_vec());
        let credentials = CredentialStore::new(credentials.unwrap()).unwrap();
        let peer = dial(LinkContext {
            credentials,
            ..context
        })
        .connect(region.addr, Expected::role(PeerRole::Region));
        assert_eq!(ask(&peer).await.unwrap(), "cba");

        let refused = join(region.addr, token.ca_sha256, Bytes::from_static(b"?"), STEP).await;
        assert!(matches!(
            refused,
            Err(RpcError::Refused(RpcRefusal { code: 1, .. }))
        ));
        let wrong = join(region.addr, [0; 32], Bytes::new(), STEP)
            .await
            .unwrap_err();
        assert_eq!(
            link_reason(wrong),
            CallError::unsent(CallFailure::HandshakeFailed)
        );
    });
}

#[test]
fn without_a_certificate_there_is_only_join() {
    run(async {
        let ca = authority();
        let context = context(&ca, &region(), limits());
        let region = listen(context, any_rpc().with_probe(Arc::new(ProbeState::default)));
        let stranger = super::wires::stranger(region.addr, ca.fingerprint()).await;
        let joined = calling::rpc(&stranger, Service::Join, Bytes::from_static(b"ab"));
        assert_eq!(joined.await.unwrap(), "ba");
        for service in [Service::Raft, Service::Cluster, Service::Call] {
            let asked = calling::rpc(&stranger, service, Bytes::from_static(b"ab")).await;
            let error = link_reason(asked.unwrap_err());
            assert_eq!(error, CallError::unsent(CallFailure::RefusedUnknown));
        }
        let drain = Drain::new(STEP);
        let called = calling::call(&stranger, get("/"), &meta(), &drain).await;
        assert_eq!(
            called.unwrap_err(),
            CallError::unsent(CallFailure::RefusedUnknown)
        );
        assert_eq!(
            stranger
                .probe(Duration::from_millis(100))
                .await
                .unwrap_err(),
            ProbeError::Lost
        );
        let large = Bytes::from(vec![0; 65 * 1024]);
        let refused = calling::rpc(&stranger, Service::Join, large)
            .await
            .unwrap_err();
        assert_eq!(refused, RpcError::TooLarge);
        assert!(region.seen.snapshot().is_empty());
    });
}

fn quic(live: &Live) -> &quinn::Connection {
    match &live.connection {
        Carrier::Quic(connection) => connection,
        Carrier::Tcp(_) => panic!("udp passes here"),
    }
}

#[test]
fn strangers_are_few_and_live_shortly() {
    run(async {
        let ca = authority();
        let tight = LinkLimits {
            unauthenticated_max: 1,
            unauthenticated_life: Duration::from_millis(300),
            ..limits()
        };
        let region = listen(context(&ca, &region(), tight), any_rpc());
        let first = super::wires::stranger(region.addr, ca.fingerprint()).await;
        let second = super::wires::stranger(region.addr, ca.fingerprint()).await;
        let refused = quic(&second).closed().await;
        assert_eq!(
            CallError::from_connection(&refused),
            CallError::unsent(CallFailure::RefusedOverload)
        );
        let ended = tokio::time::timeout(Duration::from_secs(2), quic(&first).closed());
        assert!(ended.await.is_ok());
        let third = super::wires::stranger(region.addr, ca.fingerprint()).await;
        let joined = calling::rpc(&third, Service::Join, Bytes::from_static(b"ab"));
        assert_eq!(joined.await.unwrap(), "ba");
    });
}

#[test]
fn renewed_credentials_serve_new_connections_and_keep_the_old() {
    run(async {
        let ca = authority();
        let region_context = context(&ca, &region(), limits());
        let region = listen(region_context.clone(), any_rpc());
        let pop_context = context(&ca, &pop(), limits());
        let transport = dial(pop_context.clone());
        let old = transport.connect(region.addr, Expected::any());
        assert_eq!(ask(&old).await.unwrap(), "cba");

        let moved = NodeIdentity::new("c1", PeerRole::Region, "us-east-1", 77).unwrap();
        let renewed = ca.issue_node(&moved, DAY, SystemTime::now()).unwrap();
        region_context.credentials.replace(renewed).unwrap();
        let new_pop = NodeIdentity::new("c1", PeerRole::Pop, "ams", 5).unwrap();
        let renewed = ca.issue_node(&new_pop, DAY, SystemTime::now()).unwrap();
        pop_context.credentials.replace(renewed).unwrap();

        assert_eq!(ask(&old).await.unwrap(), "cba");
        assert_eq!(old.identity().unwrap().node, 1);
        let new = transport.connect(region.addr, Expected::any());
        assert_eq!(ask(&new).await.unwrap(), "cba");
        assert_eq!(new.identity().unwrap().node, 77);
        let places: Vec<_> = region
            .seen
            .snapshot()
            .iter()
            .map(|seen| seen.identity.place.clone())
            .collect();
        assert_eq!(places, ["ams", "fra"]);
    });
}
