//! A small HTTP client for the commands: signed calls to the management API, plain ones to a node's
//! readiness. One connection a call; nothing of the data plane uses it.

pub(crate) mod authority;
mod secure;
mod target;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use lang::sigv4::{Message, Signer};
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) use self::target::Target;
use crate::cluster::membership::now_ms;

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 20;
const REASON: &str = "x-edgeway-reason";

/// Where the management API is, and who calls it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    endpoint: Uri,
    access_key_id: String,
    secret: String,
    /// Authorities to trust instead of the system's.
    ca_file: Option<PathBuf>,
    /// Why, for the history of what is changed.
    reason: Option<String>,
}

impl Client {
    pub(crate) fn new(endpoint: &str, id: &str, secret: &str) -> anyhow::Result<Self> {
        let endpoint: Uri = endpoint
            .parse()
            .with_context(|| format!("endpoint {endpoint}"))?;
        let known = matches!(endpoint.scheme_str(), Some("http" | "https"));
        if !known || endpoint.authority().is_none() {
            bail!("endpoint {endpoint}: write http://HOST:PORT or https://HOST:PORT");
        }
        Ok(Self {
            endpoint,
            access_key_id: id.to_owned(),
            secret: secret.to_owned(),
            ca_file: None,
            reason: None,
        })
    }

    /// Calls and expects success; an error answer becomes an error with its message.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, answer) = self.answer(method.clone(), path, body).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let message = answer
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("no message");
        bail!("{method} {path}: {status}: {message}")
    }

    /// Calls and gives whatever comes.
    pub(crate) async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()?
            .unwrap_or_default();
        let (status, bytes) = self
            .send_file(method, path, body, "application/json")
            .await?;
        let answer = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(
                |_| serde_json::json!({ "message": String::from_utf8_lossy(&bytes) }),
            )
        };
        Ok((status, answer))
    }

    /// Fetches a file; an error answer becomes an error with its message.
    pub(crate) async fn file(&self, path: &str, accept: &str) -> anyhow::Result<Bytes> {
        let (status, file) = self
            .send_file(Method::GET, path, Vec::new(), accept)
            .await?;
        if status.is_success() {
            return Ok(file);
        }
        let answer: Value = serde_json::from_slice(&file).unwrap_or_default();
        let message = answer.get("message").and_then(Value::as_str);
        bail!("{}", message.unwrap_or("no message"))
    }

    /// Calls with bytes and gives the bytes that come.
    pub(crate) async fn send_file(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        accept: &str,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let host = self
            .endpoint
            .authority()
            .map_or("", |authority| authority.as_str());
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
        let mut headers = vec![
            ("host", host.as_bytes()),
            ("content-type", b"application/json".as_slice()),
        ];
        // Nothing that only looks needs a reason.
        let reason = self.reason.as_deref().filter(|_| method != Method::GET);
        headers.extend(reason.map(|reason| (REASON, reason.as_bytes())));
        let message = Message {
            method: method.as_str(),
            path: plain,
            query,
            headers: &headers,
            body: &body,
        };
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            region: "us-east-1",
            service: "apigateway",
        };
        let signed = signer.sign(&message, now_ms());
        let mut builder = Request::builder().method(method).uri(path);
        if let Some(reason) = reason {
            builder = builder.header(REASON, reason);
        }
        let request = builder
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept)
            .header(header::AUTHORIZATION, signed.authorization)
            .header("x-amz-date", signed.date)
            .body(Full::new(Bytes::from(body)))?;
        if self.endpoint.scheme_str() == Some("https") {
            let to = (&self.endpoint, self.ca_file.as_deref());
            secure::send(to, request, (TIMEOUT, ANSWER_BYTES_MAX)).await
        } else {
            send(host, request).await
        }
    }
}

/// The status of a plain GET.
pub(crate) async fn status_of(host: &str, path: &str) -> anyhow::Result<StatusCode> {
    let request = Request::get(path)
        .header(header::HOST, host)
        .body(Full::default())?;
    Ok(send(host, request).await?.0)
}

pub(crate) async fn send(
    host: &str,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let exchange = async {
        let stream = TcpStream::connect(host)
            .await
            .with_context(|| format!("connect {host}"))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body
            .map_err(|error| anyhow::anyhow!("answer of {host}: {error}"))?
            .to_bytes();
        driving.abort();
        anyhow::Ok((status, body))
    };
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("{host}: no answer"))?
}
