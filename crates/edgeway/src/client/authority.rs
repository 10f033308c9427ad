//! The HTTPS client towards an authority's directory: bounded in time and size, trusting the
//! system's roots or those that the cluster's settings name.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use model::AcmeSettings;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// One exchange with the authority.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest answer: a chain is a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

struct Directory(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

/// A client for the directory that `settings` name. Reads the system's roots from disk.
pub(crate) fn client(settings: &AcmeSettings) -> anyhow::Result<Box<dyn HttpClient>> {
    let mut roots = RootCertStore::empty();
    match &settings.roots_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.context("rootsPem")?)?;
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
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Ok(Box::new(Directory(client)))
}

impl HttpClient for Directory {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let host = request.uri().authority().map(ToString::to_string);
        let answer = self.0.request(request);
        Box::pin(async move {
            let exchange = async {
                let (parts, body) = answer.await?.into_parts();
                let whole = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
                let bytes = whole.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
                anyhow::Ok(Response::from_parts(parts, Full::new(bytes)))
            };
            let host = host.unwrap_or_default();
            let exchanged = tokio::time::timeout(EXCHANGE_TIMEOUT, exchange).await;
            let answer = exchanged
                .map_err(anyhow::Error::from)
                .and_then(|result| result)
                .with_context(|| format!("the authority at {host} cannot be reached"));
            match answer {
                Ok(response) => Ok(BytesResponse::from(response)),
                Err(error) => Err(Error::Other(format!("{error:#}").into())),
            }
        })
    }
}
