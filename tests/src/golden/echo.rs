//! The backend of golden files: says what it is told, remembers what it saw.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::BackendAnswer;

/// A request that a backend saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// The backend. It is also the functions and services of AWS.
#[derive(Debug)]
pub struct Echo {
    /// Where it listens.
    pub addr: SocketAddr,
    state: Arc<Mutex<(BackendAnswer, Option<Seen>)>>,
}

impl Echo {
    /// Begins to listen.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(Mutex::new((BackendAnswer::default(), None)));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| serve(request, Arc::clone(&state)));
                let builder = hyper::server::conn::http1::Builder::new();
                tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { addr, state })
    }

    /// What it answers from now on; what it saw is forgotten.
    pub fn expect(&self, answer: &BackendAnswer) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (answer.clone(), None);
    }

    /// The last request.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.clone()
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<Mutex<(BackendAnswer, Option<Seen>)>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(Seen {
            line: format!("{} {}", parts.method, parts.uri),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        state.0.clone()
    };
    if answer.is_silent {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(answer.status.unwrap_or(200));
    for (name, values) in &answer.headers {
        for value in values.all() {
            response = response.header(name, value);
        }
    }
    let body = Full::new(Bytes::from(answer.body.repeat(answer.times)));
    Ok(response.body(body).unwrap_or_default())
}
