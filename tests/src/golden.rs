//! Golden files of REST APIs: an API, requests, and what clients and backends must see.
//!
//! The first line names the source of what is expected. The rest is YAML: `api` is an OpenAPI
//! document without its head, `variables` are the stage's (`backend` is always there and names
//! the [`Echo`]), `cases` are asked in order. The same files run in one process and through a POP,
//! so a case may not depend on how its client comes in.

mod coverage;
mod echo;
mod private;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::{
    coverage::unproven,
    echo::{Echo, Seen},
    private::{Endpoint, EndpointIds},
};

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
    /// The stage's cache is on.
    #[serde(default)]
    pub cache: bool,
    /// The stage's settings by `path/METHOD`, or `*/*`.
    #[serde(default)]
    pub settings: BTreeMap<String, Settings>,
    /// The API is a private one, for endpoints `vpce-own` (and `vpce-other`, which is not its own).
    #[serde(default)]
    pub private: bool,
    /// API keys by what clients send.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// What is asked, in order.
    pub cases: Vec<Case>,
}

/// Settings of methods at the stage.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Answers are kept.
    #[serde(default)]
    pub caching: bool,
    /// Requests a second and at once.
    #[serde(default)]
    pub limit: Option<(f64, u32)>,
}

/// An API key, and the plan that it has for itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// It may be switched off.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it has a plan at all.
    #[serde(default = "yes")]
    pub planned: bool,
    /// Requests a second and at once.
    #[serde(default)]
    pub limit: Option<(f64, u32)>,
    /// Requests a month.
    #[serde(default)]
    pub quota: Option<u32>,
}

/// A request and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    #[serde(default)]
    pub shows: String,
    /// Rows of `COVERAGE` that it proves.
    #[serde(default)]
    pub row: OneOrMore,
    /// Whether it can be asked over a connection, through a POP.
    #[serde(default = "yes")]
    pub pop: bool,
    /// The private endpoint whose listener it comes by; the public one otherwise.
    #[serde(default)]
    pub listener: Option<Endpoint>,
    /// Another host than the API's; `{api}` and `{below}` stand for its first label and the rest.
    #[serde(default)]
    pub host: Option<String>,
    /// Another stage than `prod`.
    #[serde(default)]
    pub stage: Option<String>,
    /// `METHOD /path?query` behind the stage.
    pub request: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMore>,
    /// Its body.
    #[serde(default)]
    pub body: String,
    /// How often the body is repeated.
    #[serde(default = "once")]
    pub times: usize,
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
    /// Texts that the body of the answer has somewhere.
    #[serde(default)]
    pub has: OneOrMore,
    /// The body of the answer as JSON.
    #[serde(default)]
    pub json: Option<Value>,
}

/// What a backend answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendAnswer {
    /// Status; 200 unless said.
    #[serde(default)]
    pub status: Option<u16>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, OneOrMore>,
    /// Body.
    #[serde(default)]
    pub body: String,
    /// How often the body is repeated.
    #[serde(default = "once")]
    pub times: usize,
    /// It never answers at all.
    #[serde(default)]
    pub is_silent: bool,
}

/// A text, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

impl Default for BackendAnswer {
    fn default() -> Self {
        Self {
            status: None,
            headers: BTreeMap::new(),
            body: String::new(),
            times: once(),
            is_silent: false,
        }
    }
}

const fn once() -> usize {
    1
}

const fn yes() -> bool {
    true
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
        /// What the body must have as JSON; it may have more.
        #[serde(default)]
        event: Option<Value>,
    },
}

impl Golden {
    /// All files, in the order of their names.
    ///
    /// # Errors
    /// A file cannot be read, or has no source in its first line.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        Self::all_with(&EndpointIds::default())
    }

    /// All files, with these private endpoints.
    ///
    /// # Errors
    /// As `all`.
    pub fn all_with(endpoints: &EndpointIds) -> anyhow::Result<Vec<Self>> {
        let folder = crate::folder().join("golden/rest");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "golden"));
        paths.sort();
        let read = |path: &PathBuf| Self::read(path, endpoints);
        paths.iter().map(read).collect()
    }

    fn read(path: &Path, endpoints: &EndpointIds) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.context("no name")?;
        ensure!(
            text.starts_with("# Source: "),
            "{name}: no source in line 1"
        );
        let golden: Result<Self, _> = yaml_serde::from_str(&endpoints.put_into(&text));
        let golden = golden.with_context(|| name.to_owned())?;
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
            .uri(format!("/{}{path}", self.stage.as_deref().unwrap_or(stage)))
            .header(
                "host",
                private::fill(self.host.as_deref().unwrap_or(host), host),
            );
        for (name, values) in &self.headers {
            for value in values.all() {
                request = request.header(name, private::fill(value, host));
            }
        }
        Ok(request.body(Bytes::from(self.body.repeat(self.times)))?)
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
        for part in self.has.all() {
            ensure!(text.contains(part), "answered {text:?} without {part:?}");
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
                    event,
                }),
                Some(seen),
            ) => {
                let line = line.as_ref().unwrap_or(&seen.line);
                ensure!(seen.line == *line, "backend saw {}", seen.line);
                headers("backend", expected, &seen.headers)?;
                let body = body.as_ref().unwrap_or(&seen.body);
                ensure!(seen.body == *body, "backend got {:?}", seen.body);
                let Some(event) = event else {
                    return Ok(());
                };
                let found = serde_json::from_str(&seen.body).context("event is no JSON")?;
                within("event", event, &found)
            }
        }
    }
}

/// Whether all that is expected is there: members of objects, whole lists. `*` stands for any text
/// or number, `(absent)` for nothing.
fn within(place: &str, expected: &Value, found: &Value) -> anyhow::Result<()> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, expected) in expected {
                let place = format!("{place}.{name}");
                match found.get(name) {
                    Some(found) => within(&place, expected, found)?,
                    None => ensure!(expected == "(absent)", "{place} is not there"),
                }
            }
            Ok(())
        }
        (Value::String(any), Value::String(_) | Value::Number(_)) if any == "*" => Ok(()),
        (expected, found) => {
            ensure!(expected == found, "{place} is {found}, not {expected}");
            Ok(())
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
