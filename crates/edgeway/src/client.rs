//! A small HTTP client for the commands: signed calls to the management API, plain ones to a node's
//! readiness. One connection a call; nothing of the data plane uses it.

pub(crate) mod authority;
mod secure;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use lang::sigv4::{Message, Signer};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cluster::membership::now_ms;

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Where the management API is, and who calls it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    endpoint: Uri,
    access_key_id: String,
    secret: String,
    /// Authorities to trust instead of the system's.
    ca_file: Option<PathBuf>,
}

/// Which cluster a command speaks to.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Target {
    /// The management API, such as http://127.0.0.1:7001 or https://10.0.0.1:7443.
    #[arg(long, env = "EDGEWAY_ENDPOINT")]
    endpoint: Option<String>,
    /// Take endpoint and key from the ready file of `edgeway dev`.
    #[arg(long, env = "EDGEWAY_READY_FILE", conflicts_with = "endpoint")]
    ready_file: Option<PathBuf>,
    /// Take the key from the admin.json that `edgeway init` wrote.
    #[arg(long, env = "EDGEWAY_ADMIN_FILE")]
    admin_file: Option<PathBuf>,
    /// Authorities that the management API's certificate may be of, such as the cluster's ca.pem;
    /// the system's unless given.
    #[arg(long, env = "EDGEWAY_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Access key of the management API.
    #[arg(long, env = "AWS_ACCESS_KEY_ID")]
    access_key_id: Option<String>,
    /// Its secret.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    secret_access_key: Option<String>,
}

impl Target {
    /// The client that the options describe.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let mut client = self.plain_client()?;
        client.ca_file.clone_from(&self.ca_file);
        Ok(client)
    }

    fn plain_client(&self) -> anyhow::Result<Client> {
        if let Some(file) = &self.ready_file {
            let ready = json_file(file)?;
            let first = ready
                .pointer("/regions/0/management")
                .and_then(Value::as_str);
            return client_of(&ready, first.context("the ready file names no region")?);
        }
        let endpoint = self
            .endpoint
            .as_deref()
            .context("say which cluster: --endpoint URL, or --ready-file FILE of edgeway dev")?;
        if let Some(file) = &self.admin_file {
            return client_of(&json_file(file)?, endpoint);
        }
        match (&self.access_key_id, &self.secret_access_key) {
            (Some(id), Some(secret)) => Client::new(endpoint, id, secret),
            _ => bail!(
                "say who calls: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --admin-file FILE"
            ),
        }
    }
}

fn json_file(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}

fn client_of(keys: &Value, endpoint: &str) -> anyhow::Result<Client> {
    let text = |name: &str| keys.get(name).and_then(Value::as_str);
    let id = text("access_key_id").context("the file has no access_key_id")?;
    let secret = text("secret_access_key").context("the file has no secret_access_key")?;
    Client::new(endpoint, id, secret)
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
        let headers = [
            ("host", host.as_bytes()),
            ("content-type", b"application/json".as_slice()),
        ];
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
        let request = Request::builder()
            .method(method)
            .uri(path)
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
