//! POPs come in by the link, clients by the listener; both meet the same pipeline.

use std::sync::Arc;

use link::{CallMeta, NodeIdentity, PeerRole};
use model::EndpointType;
use serve::{Drain, ListenerSettings, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    backend::Backend,
    harness::{Answer, HOST, Rig, Setup, get, line},
};

fn meta() -> CallMeta {
    CallMeta {
        request_id: "AAAAAAAAAAAAAAA=".to_owned(),
        client: "198.51.100.4:999".parse().unwrap(),
        scheme_https: true,
        deadline_ms: 5_000,
        trace: None,
        region_hint: None,
        revision: 1,
        relayed: false,
    }
}

async fn call(rig: &Rig, role: PeerRole) -> Answer {
    call_with(rig, role, get("/x")).await
}

pub(super) async fn call_with(
    rig: &Rig,
    role: PeerRole,
    mut request: http::Request<serve::Body>,
) -> Answer {
    let from = NodeIdentity::new("test", role, "place-1", 9).unwrap();
    request
        .headers_mut()
        .insert("x-forwarded-for", "1.1.1.1".parse().unwrap());
    let calls = rig.region.make_calls(0);
    Answer::of(calls.call(request, meta(), Arc::new(from)).await).await
}

#[tokio::test]
async fn pops_vouch_for_the_client() {
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let answer = call(&rig, PeerRole::Pop).await;
    assert_eq!(answer.header("apigw-requestid"), "AAAAAAAAAAAAAAA=");
    let own = format!("for=1.1.1.1, by=_place-1;for=198.51.100.4;host={HOST};proto=https");
    assert_eq!(answer.echoed("forwarded"), Some(own.as_str()));
    assert_eq!(
        rig.metric("edgeway_region_requests_total", "entrance=\"pop\""),
        1
    );
    // A region node asks for one of its connectors, which is another matter.
    for role in [PeerRole::Dns, PeerRole::Connector] {
        assert_eq!(call(&rig, role).await.status, 403);
    }
    assert_eq!(
        rig.metric("edgeway_region_faults_total", "peer_not_allowed"),
        2
    );
}

#[tokio::test]
async fn regional_and_private_apis_are_unknown_to_pops() {
    let backend = Backend::echo().await;
    for (endpoint, by_listener) in [(EndpointType::Regional, 200), (EndpointType::Private, 403)] {
        let mut setup = Setup::of([line("$default", backend.url())]);
        setup.endpoint = Some(endpoint);
        let rig = Rig::start(setup).await;
        assert_eq!(call(&rig, PeerRole::Pop).await.status, 403);
        assert_eq!(rig.get("/x").await.status, by_listener);
    }
}

/// The whole way: sockets, listener, pipeline, backend.
#[tokio::test]
async fn the_listener_serves_the_pipeline() {
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let metrics = serve::Metrics::register(&rig.registry).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let bound = Server::bind(vec![ListenerSettings::plain("regional", any)], 1, &metrics).unwrap();
    let addr = bound.address("regional").unwrap();
    let drain = Drain::new(std::time::Duration::from_secs(5));
    let serving = bound.serve(rig.region.factory(), &drain).unwrap();
    let mut client = TcpStream::connect(addr).await.unwrap();
    for _ in 0..3 {
        let asked = format!("GET /a?b HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
        client.write_all(asked.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        while !String::from_utf8_lossy(&got).contains("GET /a?b") {
            let mut buffer = [0; 4096];
            let read = client.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            got.extend_from_slice(buffer.get(..read).unwrap());
        }
        assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    assert_eq!(backend.accepted(), 1);
    drop(client);
    assert_eq!(drain.finish().await, serve::Drained::Finished);
    serving.ended().await;
}
