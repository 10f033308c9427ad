//! Bodies flow both ways without being held, and whoever leaves is noticed at the other end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Response;
use http_body_util::BodyExt;
use serve::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    backend::{Backend, counted, empty},
    harness::{Rig, Setup, eventually, get, line, request},
};

const PIECE: usize = 64 << 10;
const PIECES: usize = 1024;
/// Sockets and the HTTP library hold some; a whole body would be 64 MiB.
const HELD_MAX: usize = 16 << 20;

#[tokio::test]
async fn big_downloads_are_not_held() {
    let made = Arc::new(AtomicUsize::new(0));
    let making = Arc::clone(&made);
    let backend = Backend::http(move |_| {
        let body = counted(PIECES, PIECE, Arc::clone(&making));
        async move { Response::new(body) }
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let mut body = rig.send(get("/")).await.into_body();
    let mut read = 0;
    // A client that stops reading stops the backend.
    while read < 1 << 20 {
        read += body
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap()
            .len();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(made.load(Ordering::Relaxed) < read + HELD_MAX);
    assert_eq!(rig.region.load().in_flight, 1);
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().unwrap().len();
        assert!(made.load(Ordering::Relaxed) <= read + HELD_MAX);
    }
    assert_eq!(read, PIECE * PIECES);
    drop(body);
    assert_eq!(rig.region.load().in_flight, 0);
}

#[tokio::test]
async fn big_uploads_are_not_held() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let backend = Backend::http(move |request| {
        let mut gone = gone.clone();
        async move {
            gone.wait_for(|go| *go).await.unwrap();
            let mut body = request.into_body();
            let mut read = 0;
            while let Some(frame) = body.frame().await {
                read += frame.unwrap().into_data().unwrap().len();
            }
            Response::new(Body::full(read.to_string()))
        }
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let made = Arc::new(AtomicUsize::new(0));
    let sending = rig.ask(request(
        "POST",
        "/",
        counted(PIECES, PIECE, Arc::clone(&made)),
    ));
    let mut sending = std::pin::pin!(sending);
    // The backend does not read yet.
    let early = tokio::time::timeout(Duration::from_millis(200), &mut sending).await;
    assert!(early.is_err());
    assert!(made.load(Ordering::Relaxed) < HELD_MAX);
    go.send_replace(true);
    assert_eq!(sending.await.text, (PIECE * PIECES).to_string());
}

/// A backend that reads a head, perhaps writes something, and notes when the connection ends.
async fn patient(first: &'static [u8]) -> (Backend, Arc<AtomicBool>, Arc<AtomicBool>) {
    let (asked, left) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let flags = (Arc::clone(&asked), Arc::clone(&left));
    let backend = Backend::raw(move |mut stream| {
        let (asked, left) = (Arc::clone(&flags.0), Arc::clone(&flags.1));
        async move {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(first).await;
            asked.store(true, Ordering::Relaxed);
            while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {}
            left.store(true, Ordering::Relaxed);
        }
    })
    .await;
    (backend, asked, left)
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_cancels_the_call() {
    let (backend, asked, left) = patient(b"").await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    {
        let sending = rig.send(get("/"));
        tokio::select! {
            _ = sending => panic!("there is no answer"),
            () = eventually(|| asked.load(Ordering::Relaxed)) => {}
        }
    }
    eventually(|| left.load(Ordering::Relaxed)).await;
    assert_eq!(rig.metric("edgeway_region_requests_aborted_total", ""), 1);
    assert_eq!(rig.region.load().in_flight, 0);
}

#[tokio::test]
async fn a_client_that_leaves_during_the_answer_cancels_it() {
    let (backend, _, left) = patient(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin").await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let mut body = rig.send(get("/")).await.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "begin"
    );
    assert!(!left.load(Ordering::Relaxed));
    drop(body);
    eventually(|| left.load(Ordering::Relaxed)).await;
    eventually(|| rig.metric("edgeway_region_upstream_connections_open", "") == 0).await;
}

#[tokio::test]
async fn a_silent_backend_is_cut_off() {
    let (backend, _, left) = patient(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin").await;
    let rig = Rig::start_with(Setup::of([line("$default", backend.url())]), |settings| {
        settings.upstreams.body_idle = Duration::from_millis(50);
    })
    .await;
    let mut body = rig.send(get("/")).await.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "begin"
    );
    assert!(body.frame().await.unwrap().is_err());
    drop(body);
    eventually(|| left.load(Ordering::Relaxed)).await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_end() {
    let backend = Backend::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegin")
            .await;
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let body = rig.send(get("/")).await.into_body();
    assert!(body.into_bytes(100).await.is_err());
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_upload() {
    let backend = Backend::http(|_| async { empty() }).await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let endless = counted(usize::MAX, PIECE, Arc::default());
    assert_eq!(rig.ask(request("POST", "/", endless)).await.status, 200);
    // The connection is not fit for another request, and none is lost over it.
    for _ in 0..5 {
        assert_eq!(rig.get("/").await.status, 200);
    }
}
