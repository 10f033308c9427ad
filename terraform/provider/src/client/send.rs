//! One signed exchange with one endpoint, and which endpoint it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use lang::sigv4::{Message, Signer};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::{CallError, error::Kind};

/// Largest answer that is read: an exported definition with room to spare.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Calls at the same time; Terraform itself runs ten operations at once unless told otherwise.
const CALLS_MAX: usize = 32;

/// How long an endpoint may take to let us connect, before the next one is asked.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Header of calls that may be sent again, although doing them twice is not as once.
const NAME: &str = "x-edgeway-idempotency-key";
const REVISION: &str = "x-edgeway-revision";
const REASON: &str = "x-edgeway-reason";

/// What a client is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// URLs without a path; the first that answers is used.
    pub(crate) endpoints: Vec<String>,
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) region: String,
    /// Authorities in PEM; the system's when there is none.
    pub(crate) ca_pem: Option<String>,
    /// Sent with every change, for the history.
    pub(crate) reason: Option<String>,
    /// Of one call.
    pub(crate) timeout: Duration,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("{url:?} is not a URL such as https://management.example.net:8443")]
    Endpoint { at: usize, url: String },
    #[error("the authorities are not certificates in PEM: {0}")]
    Pem(rustls::pki_types::pem::Error),
    #[error("the authorities are not certificates: {0}")]
    Authority(rustls::Error),
    #[error("there is no certificate in PEM among the authorities")]
    NoAuthority,
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Sends to the present endpoint.
pub(super) struct Sender {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoints: Vec<Endpoint>,
    present: AtomicUsize,
    room: Semaphore,
    setup: Setup,
}

struct Endpoint {
    /// `https://host:port`.
    base: String,
    host: String,
}

/// An answer.
pub(super) struct Exchange {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    pub(super) revision: Option<u64>,
}

impl Sender {
    pub(super) fn new(setup: Setup) -> Result<Self, SetupError> {
        let endpoints = setup.endpoints.iter().enumerate();
        let endpoints = endpoints.map(|(at, url)| {
            let wrong = || SetupError::Endpoint {
                at,
                url: url.clone(),
            };
            endpoint(url).ok_or_else(wrong)
        });
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(setup.ca_pem.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            endpoints: endpoints.collect::<Result<_, _>>()?,
            present: AtomicUsize::new(0),
            room: Semaphore::new(CALLS_MAX),
            setup,
        })
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.setup.timeout
    }

    pub(super) const fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// The endpoint that calls go to.
    pub(super) fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// Calls go to the one after `from` from now on, unless somebody has turned away already.
    pub(super) fn leave(&self, from: usize) {
        let next = (from + 1) % self.endpoints.len().max(1);
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // Whoever was faster has chosen.
        let _fails_then = self.present.compare_exchange(from, next, success, failure);
    }

    /// Calls go to this one from now on.
    pub(super) fn prefer(&self, at: usize) {
        self.present.store(at, Ordering::Relaxed);
    }

    /// Sends a request and reads the whole answer, whatever it says.
    pub(super) async fn exchange(
        &self,
        at: usize,
        (method, path, body): (&Method, &str, Option<Vec<u8>>),
        name: Option<&str>,
        timeout: Duration,
    ) -> Result<Exchange, CallError> {
        let lost = |text: String| CallError::new(Kind::Lost, format!("{method} {path}: {text}"));
        let _room = self.room.acquire().await;
        let endpoint = self.endpoints.get(at);
        let endpoint =
            endpoint.ok_or_else(|| CallError::new(Kind::Refused, "there is no endpoint"))?;
        let mut request = self.signed(endpoint, method, path, body.unwrap_or_default())?;
        if let Some(name) = name.and_then(|name| name.parse().ok()) {
            request.headers_mut().insert(NAME, name);
        }
        let exchange = async {
            let answer = self.http.request(request).await.map_err(|error| {
                let kind = match error.is_connect() {
                    true if is_untrusted(&error) => Kind::Untrusted,
                    true => Kind::NotSent,
                    false => Kind::Lost,
                };
                let text = format!("{method} {}{path}: {}", endpoint.base, chain(&error));
                CallError::new(kind, text)
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| lost(error.to_string()))?.to_bytes();
            let revision = parts.headers.get(REVISION);
            let revision = revision.and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Exchange {
                status: parts.status,
                headers: parts.headers,
                body,
                revision,
            })
        };
        let exchanged = tokio::time::timeout(timeout, exchange).await;
        exchanged.map_err(|_| lost(format!("no answer from {} in time", endpoint.base)))?
    }

    fn signed(
        &self,
        endpoint: &Endpoint,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let reason = self.setup.reason.as_deref();
        let reason = reason.filter(|_| *method != Method::GET);
        let mut headers = vec![("host", endpoint.host.as_bytes())];
        headers.extend(reason.map(|reason| (REASON, reason.as_bytes())));
        let message = Message {
            method: method.as_str(),
            path: plain,
            query,
            headers: &headers,
            body: &body,
        };
        let signer = Signer {
            access_key_id: &self.setup.access_key_id,
            secret: &self.setup.secret,
            region: &self.setup.region,
            service: "apigateway",
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let signed = signer.sign(&message, now_ms);
        let mut builder = Request::builder();
        if let Some(reason) = reason {
            builder = builder.header(REASON, reason);
        }
        builder
            .method(method)
            .uri(format!("{}{path}", endpoint.base))
            .header("host", &endpoint.host)
            .header("content-type", "application/json")
            .header("x-amz-date", signed.date)
            .header("authorization", signed.authorization)
            .body(Full::new(body.into()))
            .map_err(|error| CallError::new(Kind::Refused, format!("{method} {path}: {error}")))
    }
}

impl Exchange {
    /// The answer if it says yes.
    pub(super) fn accepted(self, method: &Method, path: &str) -> Result<Self, CallError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let code = self.headers.get("x-amzn-errortype");
        let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
        let code = code.split(':').next().unwrap_or_default();
        Err(CallError::of((method, path), self.status, code, &self.body))
    }

    pub(super) fn json(&self) -> Result<Json, CallError> {
        if self.body.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            CallError::new(Kind::Answer, format!("the answer is no JSON: {error}"))
        })
    }
}

fn endpoint(url: &str) -> Option<Endpoint> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
    let known = ["http", "https"].contains(&scheme);
    (bare && known).then(|| Endpoint {
        base: format!("{scheme}://{authority}"),
        host: authority.to_string(),
    })
}

#[cfg(test)]
pub(super) fn is_endpoint(url: &str) -> bool {
    endpoint(url).is_some()
}

fn tls(ca_pem: Option<&str>) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    match ca_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(SetupError::Pem)?;
                roots.add(certificate).map_err(SetupError::Authority)?;
            }
            if roots.is_empty() {
                return Err(SetupError::NoAuthority);
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Whether the endpoint's certificate was refused.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(error, rustls::Error::InvalidCertificate(_));
    }
    // What TLS says is inside errors of input and output, which hide it from `source`.
    let inner = error.downcast_ref::<std::io::Error>();
    let inner = inner.and_then(|error| error.get_ref());
    match inner {
        Some(inner) => is_untrusted(inner),
        None => error.source().is_some_and(is_untrusted),
    }
}

/// An error with everything that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
