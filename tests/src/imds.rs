//! EC2's metadata service as an instance sees it, and AWS's signature under identity documents.
//!
//! Documents are signed by OpenSSL's program with lengths that are indefinite, as AWS's are: what
//! reads them here is then checked against somebody else's writer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::ensure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const SESSION: &str = "a-session";

/// Somebody who signs identity documents.
pub struct DocumentSigner(TempDir);

fn openssl(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let ran = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "openssl {arguments:?}: {said}");
    Ok(())
}

impl DocumentSigner {
    /// With a key of its own.
    ///
    /// # Errors
    /// When there is no `openssl`.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let subject = "/C=US/ST=Washington State/L=Seattle/O=Not Amazon";
        let wanted = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -days 2 -subj";
        let mut arguments: Vec<&str> = wanted.split(' ').collect();
        arguments.push(subject);
        openssl(folder.path(), &arguments)?;
        Ok(Self(folder))
    }

    /// Its certificate, PEM.
    ///
    /// # Errors
    /// When the file has gone.
    pub fn certificate(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.0.path().join("own.pem"))?)
    }

    /// A signed document as the metadata service gives it.
    ///
    /// # Errors
    /// When `openssl` fails.
    pub fn sign(&self, document: &Value) -> anyhow::Result<String> {
        let folder = self.0.path();
        std::fs::write(
            folder.join("document"),
            serde_json::to_vec_pretty(document)?,
        )?;
        let wanted = "cms -sign -binary -nodetach -nocerts -stream -md sha256 -signer own.pem \
                      -inkey key.pem -outform DER -in document -out signed";
        let arguments: Vec<&str> = wanted.split_whitespace().collect();
        openssl(folder, &arguments)?;
        let text = STANDARD.encode(std::fs::read(folder.join("signed"))?);
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// What AWS would say of an instance that was started at `pending`.
#[must_use]
pub fn document(instance: &str, account: &str, pending: &str) -> Value {
    json!({
        "accountId": account,
        "architecture": "arm64",
        "availabilityZone": "eu-central-1b",
        "billingProducts": null,
        "imageId": "ami-0123456789abcdef0",
        "instanceId": instance,
        "instanceType": "c7g.large",
        "kernelId": null,
        "pendingTime": pending,
        "privateIp": "10.0.1.7",
        "region": "eu-central-1",
        "version": "2017-09-30",
    })
}

/// A metadata service on a port of its own.
pub struct Imds {
    /// Where it listens.
    pub addr: SocketAddr,
    shown: Arc<Mutex<String>>,
    asked: Arc<AtomicU64>,
}

impl Imds {
    /// Begins to serve on the current runtime.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let imds = Self {
            addr: listener.local_addr()?,
            shown: Arc::default(),
            asked: Arc::default(),
        };
        let (shown, asked) = (Arc::clone(&imds.shown), Arc::clone(&imds.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shown, asked) = (Arc::clone(&shown), Arc::clone(&asked));
                let service = service_fn(move |request: Request<Incoming>| {
                    let text = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    asked.fetch_add(1, Ordering::Relaxed);
                    let (status, body) = answer(&request, text);
                    let mut response = Response::new(Full::new(Bytes::from(body)));
                    *response.status_mut() = status;
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                let connection = connection.serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Ok(imds)
    }

    /// What the instance is shown from now on.
    pub fn show(&self, signed: String) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = signed;
    }

    /// Requests so far.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// As version 2 of the service does: nothing without a session.
fn answer(request: &Request<Incoming>, document: String) -> (StatusCode, String) {
    let header = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
    match (request.method(), request.uri().path()) {
        (&Method::PUT, "/latest/api/token") => {
            match header("x-aws-ec2-metadata-token-ttl-seconds") {
                Some(_) => (StatusCode::OK, SESSION.to_owned()),
                None => (StatusCode::BAD_REQUEST, String::new()),
            }
        }
        (&Method::GET, _) if header("x-aws-ec2-metadata-token") != Some(SESSION) => {
            (StatusCode::UNAUTHORIZED, String::new())
        }
        (&Method::GET, "/latest/dynamic/instance-identity/rsa2048") => (StatusCode::OK, document),
        _ => (StatusCode::NOT_FOUND, String::new()),
    }
}
