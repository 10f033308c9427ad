//! The operators' listener: `/metrics`, `/ready` and `/live`. Nothing of the cluster's
//! configuration is told or changed here.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use http::StatusCode;
use prometheus::{Encoder as _, TextEncoder};
use serve::{Body, BoxFuture, Conn, Handler, ListenerSettings, Request, Response, Server, Serving};

use super::common::Common;

struct Ops {
    registry: prometheus::Registry,
    ready: Arc<AtomicBool>,
}

/// Serves on the control runtime.
pub(super) fn serve(common: &Common, addr: SocketAddr) -> anyhow::Result<Serving> {
    let handler = Ops {
        registry: common.registry.clone(),
        ready: common.ready.clone(),
    };
    let bound = Server::bind(
        vec![ListenerSettings::plain("ops", addr)],
        1,
        &common.serve_metrics,
    )
    .with_context(|| format!("settings key 'ops.bind': {addr}"))?;
    Ok(bound.serve_on_current(Arc::new(handler), &common.drain))
}

impl Handler for Ops {
    fn handle(&self, request: Request, _: Arc<Conn>) -> BoxFuture<'_, Response> {
        let response = match request.uri().path() {
            "/metrics" => self.metrics(),
            "/ready" if self.ready.load(Ordering::Acquire) => text(StatusCode::OK, "ready\n"),
            "/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/live" => text(StatusCode::OK, "live\n"),
            _ => text(StatusCode::NOT_FOUND, "paths: /metrics /ready /live\n"),
        };
        Box::pin(std::future::ready(response))
    }
}

impl Ops {
    fn metrics(&self) -> Response {
        let mut body = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut body) {
            Ok(()) => {
                let mut response = Response::new(Body::full(body));
                let kind = http::HeaderValue::from_static(prometheus::TEXT_FORMAT);
                response
                    .headers_mut()
                    .insert(http::header::CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                tracing::error!(%error, "metrics do not encode");
                text(StatusCode::INTERNAL_SERVER_ERROR, "metrics do not encode\n")
            }
        }
    }
}

fn text(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    response
}
