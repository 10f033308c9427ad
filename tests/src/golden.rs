//! Golden files of REST APIs: an API, requests, and what clients and backends must see.
//!
//! The first line names the source of what is expected. The rest is YAML: `api` is an OpenAPI
//! document without its head, `variables` are the stage's (`backend` is always there and names
//! the [`Echo`]), `cases` are asked in order. The same files run in one process and through a POP,
//! so a case may not depend on how its client comes in.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// OpenAPI, but for `openapi` and `info`.
    pub api: Value,
    /// Stage variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Tags of the stage.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What is asked, in order.
    pub cases: Vec<Case>,
}

/// A request and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    #[serde(default)]
    pub shows: String,
    /// `METHOD /path?query` behind the stage.
    pub request: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body.
    #[serde(default)]
    pub body: String,
    /// What the backend answers instead of an empty 200.
    #[serde(default)]
    pub backend: BackendAnswer,
    /// What the backend must have seen; `false` for nothing at all.
    #[serde(default)]
    pub sees: Option<Sees>,
    /// The status that the client gets.
    pub status: u16,
    /// Headers of the answer; null for one that may not be there, `*` for any value.
    #[serde(default)]
    pub answer: BTreeMap<String, Option<String>>,
    /// The whole body of the answer.
    #[serde(default)]
    pub text: Option<String>,
    /// The body of the answer as JSON.
    #[serde(default)]
    pub json: Option<Value>,
}

/// What a backend answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendAnswer {
    /// Status; 200 unless said.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
}

/// What a backend must have seen.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Sees {
    /// Whether it was asked at all.
    Asked(bool),
    /// The request.
    Request {
        /// `METHOD /path?query`.
        #[serde(default)]
        line: Option<String>,
        /// As of answers.
        #[serde(default)]
        headers: BTreeMap<String, Option<String>>,
        /// The whole body.
        #[serde(default)]
        body: Option<String>,
    },
}

/// A request that a backend saw.
#[derive(Clone, Debug)]
pub struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

/// The backend of golden files: says what it is told, remembers what it saw.
#[derive(Debug)]
pub struct Echo {
    /// Where it listens.
    pub addr: SocketAddr,
    state: Arc<Mutex<(BackendAnswer, Option<Seen>)>>,
}

impl Golden {
    /// All files, in the order of their names.
    ///
    /// # Errors
    /// A file cannot be read, or has no source in its first line.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        let folder = crate::folder().join("golden/rest");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.context("no name")?;
        ensure!(
            text.starts_with("# Source: "),
            "{name}: no source in line 1"
        );
        let golden: Self = yaml_serde::from_str(&text).with_context(|| name.to_owned())?;
        Ok(Self {
            name: name.to_owned(),
            ..golden
        })
    }

    /// The OpenAPI document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = json!({
            "openapi": "3.0.1",
            "info": { "title": self.name, "version": "1" },
        });
        if let (Some(document), Some(api)) = (document.as_object_mut(), self.api.as_object()) {
            document.extend(api.clone());
        }
        document
    }

    /// The stage variables, with the one that names the backend.
    #[must_use]
    pub fn variables(&self, echo: &Echo) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        variables.insert("backend".to_owned(), echo.addr.to_string());
        variables
    }
}

impl Case {
    /// The request, for a stage of this name.
    ///
    /// # Errors
    /// It is none.
    pub fn request(&self, host: &str, stage: &str) -> anyhow::Result<Request<Bytes>> {
        let (method, path) = self.request.split_once(' ').context("METHOD /path")?;
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes())?)
            .uri(format!("/{stage}{path}"))
            .header("host", host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request.body(Bytes::from(self.body.clone()))?)
    }

    /// Compares.
    ///
    /// # Errors
    /// Says what differs.
    pub fn check(&self, answer: &Response<Bytes>, seen: Option<Seen>) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(answer.body());
        let status = answer.status().as_u16();
        ensure!(status == self.status, "status {status}: {text}");
        headers("answer", &self.answer, answer.headers())?;
        if let Some(expected) = &self.text {
            ensure!(text == expected.as_str(), "answered {text:?}");
        }
        if let Some(expected) = &self.json {
            let found: Value = serde_json::from_str(&text).with_context(|| text.to_string())?;
            ensure!(found == *expected, "answered {found}");
        }
        match (&self.sees, seen) {
            (None | Some(Sees::Asked(true)), _) | (Some(Sees::Asked(false)), None) => Ok(()),
            (Some(Sees::Asked(false)), Some(seen)) => bail!("backend was asked {}", seen.line),
            (Some(Sees::Request { .. }), None) => bail!("backend was not asked"),
            (
                Some(Sees::Request {
                    line,
                    headers: expected,
                    body,
                }),
                Some(seen),
            ) => {
                let line = line.as_ref().unwrap_or(&seen.line);
                ensure!(seen.line == *line, "backend saw {}", seen.line);
                headers("backend", expected, &seen.headers)?;
                let body = body.as_ref().unwrap_or(&seen.body);
                ensure!(seen.body == *body, "backend got {:?}", seen.body);
                Ok(())
            }
        }
    }
}

/// Compares headers; several of one name are joined by `, `.
fn headers(
    who: &str,
    expected: &BTreeMap<String, Option<String>>,
    found: &HeaderMap,
) -> anyhow::Result<()> {
    for (name, expected) in expected {
        let values: Vec<&str> = found
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or("?"))
            .collect();
        let value = (!values.is_empty()).then(|| values.join(", "));
        let same = match (expected.as_deref(), &value) {
            (Some("*"), Some(_)) => true,
            (expected, value) => expected == value.as_deref(),
        };
        ensure!(same, "{who}: header {name} is {value:?}, not {expected:?}");
    }
    Ok(())
}

impl Echo {
    /// Begins to listen.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(Mutex::new((BackendAnswer::default(), None)));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| serve(request, Arc::clone(&state)));
                let builder = hyper::server::conn::http1::Builder::new();
                tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { addr, state })
    }

    /// What it answers from now on; what it saw is forgotten.
    pub fn expect(&self, answer: &BackendAnswer) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (answer.clone(), None);
    }

    /// The last request.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.clone()
    }
}

async fn serve(
    request: Request<Incoming>,
    state: Arc<Mutex<(BackendAnswer, Option<Seen>)>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(Seen {
            line: format!("{} {}", parts.method, parts.uri),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
        state.0.clone()
    };
    let mut response = Response::builder().status(answer.status.unwrap_or(200));
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body));
    Ok(response.body(body).unwrap_or_default())
}
