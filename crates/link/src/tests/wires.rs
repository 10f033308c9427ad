//! Streams written by hand: what a hostile or broken node could send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::{BufMut as _, BytesMut};
use http::Response;
use quinn::{ClientConfig, Connection, ReadToEndError};
use serve::Body;

use super::harness::*;
use crate::carrier::Carrier;
use crate::live::Live;
use crate::*;

async fn connect(
    addr: SocketAddr,
    crypto: Arc<quinn::crypto::rustls::QuicClientConfig>,
) -> Connection {
    let limits = LinkLimits::default();
    let any = "127.0.0.1:0".parse().unwrap();
    let socket = socket::bind_client(any, &limits).unwrap();
    let endpoint = socket::endpoint(socket, None, None).unwrap();
    let mut config = ClientConfig::new(crypto);
    config.transport_config(socket::transport_config(&limits).unwrap());
    endpoint
        .connect_with(config, addr, NODE_NAME)
        .unwrap()
        .await
        .unwrap()
}

/// A connection without a certificate.
pub(super) async fn stranger(addr: SocketAddr, ca_sha256: [u8; 32]) -> Arc<Live> {
    let connection = connect(addr, tls::join_config(ca_sha256).unwrap().quic).await;
    let live = Live::new(
        Carrier::Quic(connection),
        None,
        Arc::new(limits()),
        Metrics::unregistered(),
    );
    let driven = Arc::clone(&live);
    tokio::spawn(async move {
        let offering = Arc::new(live::Offering {
            services: Arc::default(),
            drain: serve::Drain::new(STEP),
            calls: Arc::default(),
            seen: None,
        });
        driven
            .drive(&offering, &tokio_util::task::TaskTracker::new())
            .await
    });
    live
}

/// Writes `bytes` on a fresh stream and returns how the other side ends it.
async fn send_raw(connection: &Connection, bytes: &[u8], finish: bool) -> Option<u64> {
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    let _ = send.write_all(bytes).await;
    if finish {
        let _ = send.finish();
    }
    match recv.read_to_end(1 << 20).await {
        Ok(_) => None,
        Err(ReadToEndError::Read(quinn::ReadError::Reset(code))) => Some(code.into_inner()),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn broken_streams_are_refused_and_harm_nobody_else() {
    run(async {
        let ca = authority();
        let handler = calls(|_, _| async { Response::new(Body::empty()) });
        let services = Services::new()
            .with_call(Arc::clone(&handler) as Arc<dyn CallHandler>)
            .with_rpc(Service::Raft, Arc::new(Reverse));
        let region = listen(context(&ca, &region(), limits()), services);
        let credentials = ca.issue_node(&pop(), DAY, SystemTime::now()).unwrap();
        let store = CredentialStore::new(credentials).unwrap();
        let connection = connect(region.addr, store.active().client.clone()).await;

        let malformed = Some(code::HEAD_MALFORMED.into_inner());
        let unknown = Some(code::REFUSED_UNKNOWN.into_inner());
        let too_large = Some(code::HEAD_TOO_LARGE.into_inner());
        assert_eq!(send_raw(&connection, b"", true).await, malformed);
        assert_eq!(send_raw(&connection, &[1], true).await, malformed);
        assert_eq!(send_raw(&connection, &[9, 0], true).await, unknown);
        assert_eq!(send_raw(&connection, &[1, 200], true).await, unknown);
        assert_eq!(
            send_raw(&connection, &[1, 0, 0, 0, 0, 9, 1], true).await,
            malformed
        );
        assert_eq!(
            send_raw(&connection, &[1, 0, 0, 0, 0, 3, 1, 2, 3], true).await,
            malformed
        );
        let huge = [1, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(send_raw(&connection, &huge, false).await, too_large);
        let huge = [1, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(send_raw(&connection, &huge, false).await, too_large);
        assert_eq!(handler.asked.load(Ordering::SeqCst), 0);

        let mut good = BytesMut::new();
        good.extend_from_slice(&[1, Service::Call as u8]);
        let (parts, _) = get("/").into_parts();
        wire::head::put_request(&mut good, &parts, &meta(), Some(0)).unwrap();
        assert_eq!(send_raw(&connection, &good, true).await, None);
        assert_eq!(handler.asked.load(Ordering::SeqCst), 1);
    });
}

/// A request head that announces `length`, followed by `body` as it is.
fn raw_request(length: Option<u64>, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    out.extend_from_slice(&[1, Service::Call as u8]);
    let (parts, _) = get("/").into_parts();
    wire::head::put_request(&mut out, &parts, &meta(), length).unwrap();
    out.extend_from_slice(body);
    out
}

#[test]
fn broken_bodies_fail_and_never_just_end() {
    run(async {
        let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let handler = calls(move |request, _| {
            let told = told.clone();
            async move {
                let read = request.into_body().into_bytes(1 << 20).await;
                told.send(read.map_err(|e| e.downcast_ref::<LinkBodyError>().copied()))
                    .unwrap();
                Response::new(Body::empty())
            }
        });
        let ca = authority();
        let services = Services::new().with_call(handler);
        let region = listen(context(&ca, &region(), limits()), services);
        let credentials = ca.issue_node(&pop(), DAY, SystemTime::now()).unwrap();
        let store = CredentialStore::new(credentials).unwrap();
        let connection = connect(region.addr, store.active().client.clone()).await;

        let mut long_trailers = vec![0, 0, 0, 0];
        long_trailers.put_u32(1 << 30);
        let trailing = [0, 0, 0, 0, 0, 0, 0, 1, 0, 99];
        for (length, body, expected) in [
            (Some(5), &b"123"[..], LinkBodyError::Truncated),
            (Some(5), b"12345\0", LinkBodyError::Truncated),
            (None, b"", LinkBodyError::Truncated),
            (None, b"\0\0\0\x05abc", LinkBodyError::Truncated),
            (None, b"\0\0\0\x03abc", LinkBodyError::Truncated),
            (None, b"\0\0", LinkBodyError::Truncated),
            (None, &long_trailers, LinkBodyError::Malformed),
            (None, &trailing, LinkBodyError::Malformed),
            (
                None,
                b"\0\0\0\0\0\0\0\x02\x01\x7f",
                LinkBodyError::Malformed,
            ),
        ] {
            send_raw(&connection, &raw_request(length, body), true).await;
            let heard = hears.recv().await.unwrap();
            assert_eq!(heard, Err(Some(expected)), "{length:?} {body:?}");
        }
        send_raw(
            &connection,
            &raw_request(None, b"\0\0\0\x03abc\0\0\0\0"),
            true,
        )
        .await;
        assert_eq!(hears.recv().await.unwrap().unwrap(), "abc");
    });
}

#[test]
fn a_node_that_opens_too_many_streams_has_to_wait() {
    run(async {
        let handler = calls(|_, _| std::future::pending::<Response<Body>>());
        let services = Services::new().with_call(Arc::clone(&handler) as Arc<dyn CallHandler>);
        let few = LinkLimits {
            streams_max: 4,
            waiting_max: 2,
            ..limits()
        };
        let (_region, _transport, peer) = pair(services, few).await;
        let held: Vec<_> = (0..6)
            .map(|_| {
                let peer = peer.clone();
                tokio::spawn(async move { peer.call(get("/"), meta()).await })
            })
            .collect();
        until("four run", || handler.asked.load(Ordering::SeqCst) == 4).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refused = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(refused, CallError::unsent(CallFailure::RefusedOverload));
        held.iter().take(2).for_each(tokio::task::JoinHandle::abort);
        until("the waiting ones run", || {
            handler.asked.load(Ordering::SeqCst) == 6
        })
        .await;
    });
}
