//! Backends for tests: HTTP servers whose behaviour is a closure, and raw sockets.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serve::{Body, BoxError};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A backend on a port of its own.
pub(super) struct Backend {
    pub(super) addr: SocketAddr,
    pub(super) accepted: Arc<AtomicUsize>,
}

impl Backend {
    /// Answers every request with what `answer` makes of it.
    pub(super) async fn http<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::raw(move |stream| {
            let answer = answer.clone();
            async move { serve_http1(TokioIo::new(stream), answer).await }
        })
        .await
    }

    /// HTTP/2 or HTTP/1.1 over TLS, as `alpn` offers.
    pub(super) async fn tls<F, A>(config: rustls::ServerConfig, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::raw(move |stream| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let service = service_fn(move |request| wrap(answer(request)));
                    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                } else {
                    serve_http1(TokioIo::new(stream), answer).await;
                }
            }
        })
        .await
    }

    /// Gives every connection to `speak`.
    pub(super) async fn raw<F, S>(speak: F) -> Self
    where
        F: Fn(TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(speak(stream));
            }
        });
        Self { addr, accepted }
    }

    /// Tells what it was asked: `METHOD target`, the headers, and the body.
    pub(super) async fn echo() -> Self {
        Self::http(echo).await
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// `http://` and the address.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

pub(super) async fn echo(request: Request<Incoming>) -> Response<Body> {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", value.to_str().unwrap_or("?")));
    }
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes());
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&body.unwrap_or_default()));
    Response::builder()
        .header("x-backend", "yes")
        .body(Body::full(text))
        .unwrap()
}

async fn serve_http1<S, F, A>(stream: TokioIo<S>, answer: F)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> A + Send + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| wrap(answer(request)));
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(stream, service)
        .await;
}

async fn wrap(answer: impl Future<Output = Response<Body>>) -> Result<Response<Body>, Infallible> {
    Ok(answer.await)
}

/// A body of `pieces` pieces of `size` bytes that counts what was taken from it.
pub(super) fn counted(pieces: usize, size: usize, taken: Arc<AtomicUsize>) -> Body {
    let piece = Bytes::from(vec![b'x'; size]);
    let mut left = pieces;
    Body::wrap(Made(move || {
        left = left.checked_sub(1)?;
        taken.fetch_add(piece.len(), Ordering::Relaxed);
        Some(Frame::data(piece.clone()))
    }))
}

/// A text of unknown length and one trailer.
pub(super) fn trailed(text: &'static str, name: &'static str, value: HeaderValue) -> Body {
    let trailers = http::HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
    let mut frames = vec![
        Frame::trailers(trailers),
        Frame::data(Bytes::from_static(text.as_bytes())),
    ];
    Body::wrap(Made(move || frames.pop()))
}

/// A body of frames that are made when asked for.
struct Made<F>(F);

impl<F: FnMut() -> Option<Frame<Bytes>> + Unpin> http_body::Body for Made<F> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready((self.get_mut().0)().map(Ok))
    }
}

/// One small answer without a body.
pub(super) fn empty() -> Response<Body> {
    Response::new(Body::empty())
}

/// A fixed text.
pub(super) fn text(text: &'static str) -> Response<Body> {
    Response::new(Body::wrap(Full::new(Bytes::from_static(text.as_bytes()))))
}
