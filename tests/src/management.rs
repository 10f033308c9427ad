//! Signed calls to the management API.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use lang::sigv4::{Message, Signer};
use serde_json::{Value, json};

use crate::client;

/// The management API of one region, and a key.
#[derive(Clone, Debug)]
pub struct Management {
    host: String,
    access_key_id: String,
    secret: String,
}

/// An answer of the management API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: http::HeaderMap,
    /// The body, null when empty.
    pub body: Value,
}

impl Management {
    /// `url` is `http://HOST:PORT`.
    #[must_use]
    pub fn new(url: &str, access_key_id: &str, secret: &str) -> Self {
        Self {
            host: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// A signed call, whatever comes back.
    ///
    /// # Errors
    /// When nothing comes back.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let body = body
            .map(|body| serde_json::to_vec(&body))
            .transpose()?
            .unwrap_or_default();
        let headers = [("host", self.host.as_bytes())];
        let (plain, query) = path.split_once('?').unwrap_or((path, ""));
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
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let signed = signer.sign(&message, u64::try_from(since.as_millis())?);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", signed.authorization)
            .header("x-amz-date", signed.date)
            .body(Full::new(Bytes::from(body)))?;
        let answer = client::once(self.host.parse()?, request).await?;
        let (parts, bytes) = answer.into_parts();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)?
        };
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    /// A signed call that has to succeed; gives the body.
    ///
    /// # Errors
    /// When it does not.
    pub async fn must(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let answer = self.call(method.clone(), path, body).await?;
        ensure!(
            answer.status.is_success(),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        Ok(answer.body)
    }

    /// An API with a catch-all route to `target`; gives its id once every node serves it.
    ///
    /// # Errors
    /// When any step fails.
    pub async fn quick_api(&self, name: &str, target: &str) -> anyhow::Result<String> {
        let body = json!({ "name": name, "protocolType": "HTTP", "target": target });
        let answer = self.call(Method::POST, "/v2/apis", Some(body)).await?;
        ensure!(
            answer.status == StatusCode::CREATED,
            "{} {}",
            answer.status,
            answer.body
        );
        let revision = answer
            .headers
            .get("x-edgeway-revision")
            .context("no revision")?;
        self.wait(revision.to_str()?.parse()?).await?;
        let id = answer
            .body
            .get("apiId")
            .and_then(Value::as_str)
            .context("no apiId")?;
        Ok(id.to_owned())
    }

    /// Waits until every node serves from `revision`.
    ///
    /// # Errors
    /// When one does not in time.
    pub async fn wait(&self, revision: u64) -> anyhow::Result<()> {
        let path = format!("/edgeway/v1/revisions/{revision}/wait?timeoutSeconds=20");
        self.must(Method::GET, &path, None).await?;
        Ok(())
    }

    /// The cluster's status.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn status(&self) -> anyhow::Result<Value> {
        self.must(Method::GET, "/edgeway/v1/status", None).await
    }
}
