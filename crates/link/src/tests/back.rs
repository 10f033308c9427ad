//! Calls to the node that dialled, where UDP does not pass: over streams that it keeps open.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serve::{Body, BoxFuture};
use tokio::sync::Notify;

use super::between::Between;
use super::harness::*;
use crate::*;

/// Answers with the request's own body; `/slow` when it is told to, `/hang` never.
#[derive(Default)]
struct Echo {
    begun: Notify,
    go: Notify,
    given_up: Arc<Notify>,
}

impl CallHandler for Echo {
    fn call(
        &self,
        request: Request<Body>,
        _: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response<Body>> {
        assert_eq!(*from, region());
        Box::pin(async move {
            match request.uri().path() {
                "/slow" => {
                    self.begun.notify_one();
                    self.go.notified().await;
                }
                "/hang" => {
                    let _given_up = OnDrop(Arc::clone(&self.given_up));
                    self.begun.notify_one();
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
            Response::new(request.into_body())
        })
    }
}

struct Office {
    region: Region,
    between: Between,
    echo: Arc<Echo>,
    dialled: Peer,
    _transport: Transport,
}

impl Office {
    /// A connector that has reached its region over HTTP/2.
    async fn start() -> Self {
        let ca = authority();
        let region = listen(context(&ca, &region(), limits()), Services::new());
        let between = Between::new(region.addr, false).await;
        let connector = NodeIdentity::new("c1", PeerRole::Connector, "office", 8).unwrap();
        let quick = LinkLimits {
            fallback_after: Duration::from_millis(10),
            connect_timeout: Duration::from_secs(20),
            return_min: Duration::from_millis(20),
            return_max: Duration::from_millis(100),
            ..limits()
        };
        let transport = dial(context(&ca, &connector, quick));
        let echo = Arc::new(Echo::default());
        let services = Services::new()
            .with_call(Arc::clone(&echo) as Arc<dyn CallHandler>)
            .with_rpc(Service::Cluster, Arc::new(Reverse))
            .with_probe(Arc::new(ProbeState::default));
        let dialled = transport.connect_serving(between.addr, Expected::any(), services);
        let office = Self {
            region,
            between,
            echo,
            dialled,
            _transport: transport,
        };
        until("it is seen", || {
            let over = office.dialled.transport();
            over == Some(LinkTransport::Http2) && !office.ways().is_empty()
        })
        .await;
        office
    }

    fn ways(&self) -> Vec<WayBack> {
        self.region.seen.ways_back(PeerRole::Connector)
    }
}

#[test]
fn calls_and_messages_go_back_over_http2() {
    run(async {
        let office = Office::start().await;
        let back = office.ways()[0].peer.clone();
        assert_eq!(back.transport(), Some(LinkTransport::Http2));
        let rpc = back.rpc(Service::Cluster, Bytes::from_static(b"abc"), STEP);
        assert_eq!(rpc.await.unwrap(), "cba");
        assert!(back.probe(STEP).await.is_ok());

        let large = Bytes::from(vec![7; 3 << 20]);
        let body = large.clone();
        let chunks: Vec<Bytes> = body.chunks(50_000).map(Bytes::copy_from_slice).collect();
        let answer = back
            .call(post("/", Body::chunks(chunks.into())), meta())
            .await;
        let answer = answer.unwrap().into_body().into_bytes(4 << 20).await;
        assert_eq!(answer.unwrap(), large);

        // Many more at once than are kept ready.
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..300_u32 {
            let back = back.clone();
            calls.spawn(async move {
                let body = Body::full(number.to_string());
                let answer = back.call(post("/", body), meta()).await.unwrap();
                let answer = answer.into_body().into_bytes(10).await.unwrap();
                assert_eq!(answer, number.to_string());
            });
        }
        while let Some(done) = calls.join_next().await {
            done.unwrap();
        }

        // Whoever asks no more is heard of.
        let asking = tokio::spawn({
            let back = back.clone();
            async move { back.call(get("/hang"), meta()).await }
        });
        office.echo.begun.notified().await;
        asking.abort();
        office.echo.given_up.notified().await;

        office.dialled.close();
        until("it is gone", || office.ways().is_empty()).await;
        assert!(back.call(get("/"), meta()).await.is_err());
    });
}

#[test]
fn calls_back_end_where_they_began_when_udp_passes_again() {
    run(async {
        let office = Office::start().await;
        let old = office.ways()[0].peer.clone();
        let slow = tokio::spawn({
            let old = old.clone();
            async move { old.call(post("/slow", Body::full("late")), meta()).await }
        });
        office.echo.begun.notified().await;
        office.between.udp(true);
        while office.dialled.transport() != Some(LinkTransport::Quic) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        until("there are two", || office.ways().len() == 2).await;
        // The old one says that it had better not be used, and still can be.
        assert!(old.probe(STEP).await.unwrap().draining);
        let answer = old.call(post("/", Body::full("just now")), meta()).await;
        let answer = answer.unwrap().into_body().into_bytes(20).await;
        assert_eq!(answer.unwrap(), "just now");
        let new = office.ways()[1].peer.clone();
        assert_eq!(new.transport(), Some(LinkTransport::Quic));
        assert!(!new.probe(STEP).await.unwrap().draining);
        office.echo.go.notify_one();
        let answer = slow.await.unwrap().unwrap();
        assert_eq!(answer.into_body().into_bytes(10).await.unwrap(), "late");
        assert!(office.between.dialled.load(Ordering::SeqCst) > 0);
    });
}
