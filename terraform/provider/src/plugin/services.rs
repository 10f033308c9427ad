//! The plugin runner's own services: shutting down, standard streams, the broker, health.

use std::pin::Pin;

use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// The generated code of the runner's protocols.
mod wire {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::pedantic,
        clippy::nursery,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("plugin");
}

mod health_wire {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::pedantic,
        clippy::nursery,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("grpc.health.v1");
}

use health_wire::health_server::{Health, HealthServer};
use wire::{
    grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
    grpc_controller_server::{GrpcController, GrpcControllerServer},
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
};

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream on which nothing is said until the client goes away.
fn silence<T: Send + 'static>() -> Response<Messages<T>> {
    Response::new(Box::pin(stream::pending()))
}

/// Ends the process when asked to, unless it was started to be attached to.
pub(super) struct Controller {
    end: Option<CancellationToken>,
}

impl Controller {
    pub(super) const fn new(end: Option<CancellationToken>) -> Self {
        Self { end }
    }
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<wire::Nothing>) -> Result<Response<wire::Nothing>, Status> {
        if let Some(end) = &self.end {
            end.cancel();
        }
        Ok(Response::new(wire::Nothing {}))
    }
}

/// We write to neither standard stream but for the log, which Terraform reads by itself.
struct Stdio;

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Messages<wire::Output>;

    async fn stream_stdio(
        &self,
        _: Request<wire::Nothing>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(silence())
    }
}

/// For plugins that open further connections; we open none.
struct Broker;

#[tonic::async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Messages<wire::Connection>;

    async fn start_stream(
        &self,
        _: Request<Streaming<wire::Connection>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        Ok(silence())
    }
}

struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    async fn check(
        &self,
        request: Request<health_wire::Asked>,
    ) -> Result<Response<health_wire::Answer>, Status> {
        match request.get_ref().service.as_str() {
            "" | "plugin" => Ok(Response::new(health_wire::Answer { status: 1 })),
            other => Err(Status::not_found(format!("no service {other:?}"))),
        }
    }
}

pub(super) fn controller(controller: Controller) -> GrpcControllerServer<impl GrpcController> {
    GrpcControllerServer::new(controller)
}

pub(super) fn stdio() -> GrpcStdioServer<impl GrpcStdio> {
    GrpcStdioServer::new(Stdio)
}

pub(super) fn broker() -> GrpcBrokerServer<impl GrpcBroker> {
    GrpcBrokerServer::new(Broker)
}

pub(super) fn health() -> HealthServer<impl Health> {
    HealthServer::new(Healthy)
}
