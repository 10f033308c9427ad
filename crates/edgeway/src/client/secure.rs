//! TLS towards the management API: the system's roots, or those of a file such as the cluster's
//! `ca.pem`. Certificates are always verified; there is no way to turn that off.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// Sends `request`, whose URI is a path, to `endpoint`.
pub(super) async fn send(
    (endpoint, roots): (&Uri, Option<&Path>),
    mut request: Request<Full<Bytes>>,
    (timeout, answer_bytes_max): (Duration, usize),
) -> anyhow::Result<(StatusCode, Bytes)> {
    let mut whole = endpoint.clone().into_parts();
    whole.path_and_query = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from_parts(whole)?;
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(trusting(roots)?)
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let exchange = async {
        let answer = client.request(request).await;
        let answer = answer.with_context(|| format!("connect {endpoint}"))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), answer_bytes_max)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!("answer of {endpoint}: {error}"))?;
        anyhow::Ok((status, body.to_bytes()))
    };
    let exchanged = tokio::time::timeout(timeout, exchange).await;
    exchanged.with_context(|| format!("{endpoint}: no answer"))?
}

fn trusting(file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let named = || format!("--ca-file {}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(named)? {
                roots.add(certificate.with_context(named)?)?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
