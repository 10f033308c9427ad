//! Calls: what travels, how they fail, and that giving up is heard at the other side.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serve::{Body, BodyError, BoxError};
use tokio::sync::Notify;

use super::harness::*;
use crate::*;

fn stream(
    frames: impl futures_util::Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static,
) -> Body {
    Body::wrap(StreamBody::new(frames))
}

#[test]
fn a_small_call_carries_everything() {
    run_both(|| async {
        let handler = calls(|request, meta| async move {
            assert_eq!(meta, super::harness::meta());
            assert_eq!(request.uri(), "/a%20b?x=1");
            assert_eq!(request.headers()["host"], "api.test");
            let method = HeaderValue::from_str(request.method().as_str()).unwrap();
            let body = request.into_body().into_bytes(1000).await.unwrap();
            Response::builder()
                .status(201)
                .header("x-method", method)
                .body(body.into())
                .unwrap()
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let response = peer.call(get("/a%20b?x=1"), meta()).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.body().is_empty()),
            (201, true)
        );
        assert_eq!(response.headers()["x-method"], "GET");
        let response = peer
            .call(post("/a%20b?x=1", "hello".into_body()), meta())
            .await
            .unwrap();
        // A small answer is at hand at once: no stream is left open for it.
        assert_eq!(response.body().as_full().unwrap(), "hello");
        assert_eq!(response.headers()["x-method"], "POST");
    });
}

trait IntoBody {
    fn into_body(self) -> Body;
}

impl IntoBody for &'static str {
    fn into_body(self) -> Body {
        Body::full(Bytes::from_static(self.as_bytes()))
    }
}

#[test]
fn trailers_travel_both_ways() {
    run_both(|| async {
        let (_region, _transport, peer) = pair(echo(), limits()).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let with_data = vec![
            Ok(Frame::data(Bytes::from_static(b"one"))),
            Ok(Frame::data(Bytes::from_static(b"two"))),
            Ok(Frame::trailers(trailers.clone())),
        ];
        let bare = vec![Ok(Frame::trailers(trailers.clone()))];
        for (frames, expected) in [(with_data, "onetwo"), (bare, "")] {
            let body = stream(futures_util::stream::iter(frames));
            let response = peer.call(post("/", body), meta()).await.unwrap();
            let collected = response.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers(), Some(&trailers));
            assert_eq!(collected.to_bytes(), expected);
        }
    });
}

#[test]
fn dropping_a_call_cancels_the_handler() {
    run_both(|| async {
        let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let seen = (Arc::clone(&begun), Arc::clone(&dropped));
        let handler = calls(move |_, _| {
            let (begun, guard) = (Arc::clone(&seen.0), OnDrop(Arc::clone(&seen.1)));
            async move {
                let _guard = guard;
                begun.notify_one();
                std::future::pending().await
            }
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let call = tokio::spawn({
            let peer = peer.clone();
            async move { peer.call(get("/"), meta()).await }
        });
        begun.notified().await;
        call.abort();
        let heard = tokio::time::timeout(Duration::from_secs(1), dropped.notified()).await;
        assert!(heard.is_ok());
    });
}

#[test]
fn dropping_a_response_body_drops_its_source() {
    run_both(|| async {
        let dropped = Arc::new(Notify::new());
        let flag = Arc::clone(&dropped);
        let handler = calls(move |_, _| {
            let guard = OnDrop(Arc::clone(&flag));
            let first = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]);
            let never = futures_util::stream::once(async move {
                let _guard = guard;
                std::future::pending().await
            });
            let body = stream(futures_util::StreamExt::chain(first, never));
            async { Response::new(body) }
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let mut response = peer.call(get("/"), meta()).await.unwrap();
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "x");
        drop(response);
        let heard = tokio::time::timeout(Duration::from_secs(1), dropped.notified()).await;
        assert!(heard.is_ok());
    });
}

#[test]
fn a_failing_response_body_never_ends_cleanly() {
    run_both(|| async {
        let fail = Arc::new(Notify::new());
        let flag = Arc::clone(&fail);
        let handler = calls(move |_, _| {
            let fail = Arc::clone(&flag);
            let first = Ok(Frame::data(Bytes::from(vec![1; 100_000])));
            let fails = async move {
                fail.notified().await;
                Err("upstream died".into())
            };
            let body = stream(futures_util::StreamExt::chain(
                futures_util::stream::iter([first]),
                futures_util::stream::once(fails),
            ));
            async { Response::new(body) }
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let response = peer.call(get("/"), meta()).await.unwrap();
        fail.notify_one();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(
            error.downcast_ref::<LinkBodyError>(),
            Some(&LinkBodyError::Reset)
        );
        // Failing at once may overtake the head: then the call itself fails.
        fail.notify_one();
        match peer.call(get("/"), meta()).await {
            Ok(response) => assert!(response.into_body().collect().await.is_err()),
            Err(error) => assert_eq!(error, CallError::maybe(CallFailure::Reset)),
        }
    });
}

#[test]
fn a_failing_request_body_tells_both_sides_why() {
    run_both(|| async {
        let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let begun = Arc::new(Notify::new());
        let flag = Arc::clone(&begun);
        let handler = calls(move |request, _| {
            let (told, begun) = (told.clone(), Arc::clone(&flag));
            async move {
                let mut body = request.into_body();
                assert!(body.frame().await.unwrap().is_ok());
                begun.notify_one();
                let error = body.into_bytes(1 << 20).await.unwrap_err();
                told.send(BodyError::of(&*error)).unwrap();
                Response::new(Body::empty())
            }
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let first = Ok(Frame::data(Bytes::from(vec![1; 100_000])));
        let fails = async move {
            begun.notified().await;
            Err(BodyError::TooLarge.into())
        };
        let body = stream(futures_util::StreamExt::chain(
            futures_util::stream::iter([first]),
            futures_util::stream::once(fails),
        ));
        let error = peer.call(post("/", body), meta()).await.unwrap_err();
        assert_eq!(error.reason, CallFailure::RequestBody);
        assert_eq!(
            (error.sent, error.body),
            (Sent::Maybe, Some(BodyError::TooLarge))
        );
        assert_eq!(hears.recv().await.unwrap(), Some(BodyError::TooLarge));
    });
}

#[test]
fn a_body_of_the_wrong_length_is_an_error() {
    run_both(|| async {
        struct Liar(u64, Option<Bytes>);
        impl http_body::Body for Liar {
            type Data = Bytes;
            type Error = BoxError;
            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
                std::task::Poll::Ready(self.1.take().map(|data| Ok(Frame::data(data))))
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(self.0)
            }
        }
        let handler = calls(|request, _| async move {
            let claimed = request
                .uri()
                .path()
                .trim_start_matches('/')
                .parse()
                .unwrap();
            Response::new(Body::wrap(Liar(
                claimed,
                Some(Bytes::from_static(b"12345")),
            )))
        });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        for claimed in ["/4", "/6"] {
            match peer.call(get(claimed), meta()).await {
                Ok(response) => {
                    response.into_body().collect().await.unwrap_err();
                }
                Err(error) => assert_eq!(error.reason, CallFailure::Reset),
            }
        }
        let honest = peer.call(get("/5"), meta()).await.unwrap();
        assert_eq!(honest.into_body().into_bytes(10).await.unwrap(), "12345");
    });
}

#[test]
fn an_early_answer_stops_the_request_body() {
    run_both(|| async {
        let handler = calls(|_, _| async { Response::new(Body::full("no thanks")) });
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), limits()).await;
        let dropped = Arc::new(Notify::new());
        let guard = OnDrop(Arc::clone(&dropped));
        let endless = futures_util::stream::unfold(guard, |guard| async {
            tokio::task::yield_now().await;
            Some((Ok(Frame::data(Bytes::from(vec![0; 32 * 1024]))), guard))
        });
        let response = peer.call(post("/", stream(endless)), meta()).await.unwrap();
        assert_eq!(
            response.into_body().into_bytes(100).await.unwrap(),
            "no thanks"
        );
        dropped.notified().await;
    });
}

#[test]
fn the_deadline_ends_both_sides() {
    run_both(|| async {
        let dropped = Arc::new(Notify::new());
        let flag = Arc::clone(&dropped);
        let handler = calls(move |_, _| {
            let guard = OnDrop(Arc::clone(&flag));
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        });
        let services = Services::new().with_call(handler.clone());
        let (_region, _transport, peer) = pair(services, limits()).await;
        let late = CallMeta {
            deadline_ms: 50,
            ..meta()
        };
        // The deadline may pass before the handler is asked; then nothing has to be dropped.
        while handler.asked.load(Ordering::SeqCst) == 0 {
            let begun = Instant::now();
            let error = peer.call(get("/"), late.clone()).await.unwrap_err();
            assert_eq!(error, CallError::maybe(CallFailure::Deadline));
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
        dropped.notified().await;
    });
}

#[test]
fn overload_and_unknown_services_are_refused_unsent() {
    run_both(|| async {
        let handler = calls(|_, _| std::future::pending::<Response<Body>>());
        let few = LinkLimits {
            calls_max: 2,
            ..limits()
        };
        let services = Services::new()
            .with_call(Arc::clone(&handler) as Arc<dyn CallHandler>)
            .with_rpc(Service::Raft, Arc::new(Reverse))
            .with_roles(Service::Raft, &[PeerRole::Region]);
        let (_region, _transport, peer) = pair(services, few).await;
        let held: Vec<_> = (0..2)
            .map(|_| {
                let peer = peer.clone();
                tokio::spawn(async move { peer.call(get("/"), meta()).await })
            })
            .collect();
        until("two calls run", || {
            handler.asked.load(Ordering::SeqCst) == 2
        })
        .await;
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::RefusedOverload));
        assert_eq!(handler.asked.load(Ordering::SeqCst), 2);
        held.iter().for_each(tokio::task::JoinHandle::abort);
        // The slots come back with the cancelled calls.
        until("slots are free", || {
            handler.asked.load(Ordering::SeqCst) == 2
        })
        .await;
        for service in [Service::Raft, Service::Cluster, Service::Join] {
            let error = peer
                .rpc(service, Bytes::from_static(b"x"), STEP)
                .await
                .unwrap_err();
            assert_eq!(
                error,
                RpcError::Link(CallError::unsent(CallFailure::RefusedUnknown))
            );
        }
    });
}

#[test]
fn what_a_handler_sheds_is_refused_unsent() {
    run_both(|| async {
        let handler = calls(|_, _| async {
            let mut response = Response::new(Body::full("no"));
            response.extensions_mut().insert(Shed);
            response
        });
        let services = Services::new().with_call(handler as Arc<dyn CallHandler>);
        let (_region, _transport, peer) = pair(services, limits()).await;
        let error = peer.call(get("/"), meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::RefusedOverload));
    });
}

#[test]
fn heads_over_the_limit_are_refused() {
    run_both(|| async {
        let (_region, _transport, peer) = pair(text("ok"), limits()).await;
        let mut request = get("/");
        let long = HeaderValue::from_bytes(&[b'a'; 129 * 1024]).unwrap();
        request.headers_mut().insert("x-long", long);
        let error = peer.call(request, meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::TooLarge));
        let mut request = get("/");
        for at in 0..300 {
            request
                .headers_mut()
                .append("x-many", HeaderValue::from(at));
        }
        let error = peer.call(request, meta()).await.unwrap_err();
        assert_eq!(error, CallError::unsent(CallFailure::TooLarge));
        assert!(peer.call(get("/"), meta()).await.is_ok());
    });
}
