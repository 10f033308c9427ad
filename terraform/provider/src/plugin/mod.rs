//! How Terraform starts a plugin and talks to it: cookie, handshake, mutual TLS, the runner's own
//! services, and the end.
//!
//! It knows nothing of what the provider provides.

mod handshake;
mod listen;
pub(crate) mod log;
mod parent;
mod services;
mod tls;

use std::{process::ExitCode, time::Duration};

use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{
    framework::Provider,
    pb::provider_server::ProviderServer,
    plugin::{handshake::Start, listen::Listening},
};

/// Plans may hold large OpenAPI documents; this is more than the management API takes.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How long calls that are under way at the end are waited for.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Why the plugin cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginError {
    #[error(
        "this is a plugin: Terraform starts it by itself (for a process to attach to, give \
         --reattach; for the documentation, --docs FOLDER)"
    )]
    NotTerraform,
    #[error("Terraform offers plugin protocols {0:?}, this provider speaks 6")]
    Protocol(String),
    #[error("listening on a local socket: {0}")]
    Listen(#[source] std::io::Error),
    #[error("mutual TLS: {0}")]
    Tls(#[from] tls::TlsError),
    #[error("writing the handshake: {0}")]
    Handshake(#[source] std::io::Error),
    #[error("serving: {0}")]
    Serve(#[from] tonic::transport::Error),
}

/// Serves until Terraform says that it is enough, or is gone.
pub(crate) async fn run(provider: Provider, reattach: bool) -> ExitCode {
    match serve(provider, reattach).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn serve(provider: Provider, reattach: bool) -> Result<(), PluginError> {
    let start = Start::read(reattach)?;
    let listening = Listening::bind(start.folder.as_deref()).map_err(PluginError::Listen)?;
    let tls = match &start.client_certificate {
        Some(pem) => Some(tls::mutual(pem)?),
        None => None,
    };
    let end = CancellationToken::new();
    handshake::write(&start, &listening, tls.as_ref()).map_err(PluginError::Handshake)?;
    if start.attached {
        parent::on_signals(&end);
    } else {
        parent::ignore_interrupts();
        parent::on_orphaned(&end);
    }
    let acceptor = tls.map(|tls| tls.acceptor);
    let provider = ProviderServer::new(provider)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let controller = services::Controller::new((!start.attached).then(|| end.clone()));
    let served = Server::builder()
        .add_service(provider)
        .add_service(services::controller(controller))
        .add_service(services::stdio())
        .add_service(services::broker())
        .add_service(services::health())
        .serve_with_incoming_shutdown(
            listening.connections(acceptor),
            end.clone().cancelled_owned(),
        );
    let late = async {
        end.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        served = served => served?,
        () = late => {}
    }
    Ok(())
}
