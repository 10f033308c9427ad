//! Edgeway under test: a cluster of one region and one POP, with one HTTP API that points to the
//! origin, made over the management API like anybody would.
//!
//! curl signs the requests (SigV4), so nothing of Edgeway's own code is on the client's side.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::options::Cores;
use crate::program::Program;
use crate::scenario::Doors;

/// From the start to the ready file, and from a change to the POP.
const READY_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Gateway {
    name: &'static str,
    program: Program,
    host: String,
    zone: String,
    dns: String,
    region: Doors,
    pop: Doors,
    ready: Value,
}

impl Gateway {
    /// Starts the cluster on the servers' core and makes the API.
    ///
    /// `name` tells two builds apart.
    pub(crate) fn start(
        name: &'static str,
        binary: &Path,
        folder: &Path,
        cores: &Cores,
        origin: &str,
    ) -> Result<Self> {
        let ready = folder.join(format!("{name}.json"));
        let (data, ready_text) = (folder.join(name), ready.to_string_lossy());
        let data = data.to_string_lossy();
        let sizes = ["--regions", "1", "--pops", "1", "--log", "warn,access=off"];
        let args = [
            &["dev", "--data-dir", &data, "--ready-file", &ready_text],
            &sizes[..],
        ];
        let program = Program::start(name, binary, &args.concat(), cores.server, folder)?;
        let log = folder.join(format!("{name}.log"));
        let cluster = wait_for_ready(program, &ready, &log)?;
        cluster.gateway(name, origin)
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The default endpoint of the API.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The zone of that host.
    pub(crate) fn zone(&self) -> &str {
        &self.zone
    }

    /// Where DNS is answered.
    pub(crate) fn dns(&self) -> &str {
        &self.dns
    }

    pub(crate) fn region(&self) -> &Doors {
        &self.region
    }

    pub(crate) fn pop(&self) -> &Doors {
        &self.pop
    }

    /// The name of the region.
    pub(crate) fn region_name(&self) -> Result<String> {
        text(&self.ready, "/regions/0/name")
    }

    /// One call of the management API.
    pub(crate) fn manage(&self, verb: &str, path: &str, body: &Value) -> Result<Value> {
        manage(&self.ready, verb, path, body)
    }
}

/// A cluster that serves, without our API yet.
struct Cluster {
    program: Program,
    ready: Value,
}

fn wait_for_ready(mut program: Program, file: &Path, log: &Path) -> Result<Cluster> {
    let deadline = Instant::now() + READY_MAX;
    loop {
        // The file appears whole: it is written aside and renamed.
        if let Ok(text) = fs::read(file) {
            let ready = serde_json::from_slice(&text).context("cannot read the ready file")?;
            return Ok(Cluster { program, ready });
        }
        if !program.runs() || Instant::now() > deadline {
            let log = fs::read_to_string(log).unwrap_or_default();
            bail!("edgeway dev did not get ready:\n{log}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

impl Cluster {
    fn gateway(self, name: &'static str, origin: &str) -> Result<Gateway> {
        self.sign_zone()?;
        let id = self.make_api(origin)?;
        let region = self.text("/regions/0/name")?;
        let host = format!("{id}.execute-api.{region}.{}", self.text("/base_domain")?);
        let gateway = Gateway {
            name,
            host,
            zone: self.text("/base_domain")?,
            dns: self.text("/dns")?,
            region: self.doors("/regions/0")?,
            pop: self.doors("/pops/0")?,
            program: self.program,
            ready: self.ready.clone(),
        };
        wait_for_answer(&gateway.host, &gateway.region.http)?;
        wait_for_answer(&gateway.host, &gateway.pop.http)?;
        Ok(gateway)
    }

    fn make_api(&self, origin: &str) -> Result<String> {
        let api = self.create(
            "/v2/apis",
            &json!({ "name": "bench", "protocolType": "HTTP" }),
        )?;
        let id = text(&api, "/apiId")?;
        for path in ["plain", "cached"] {
            let integration = json!({
                "integrationType": "HTTP_PROXY",
                "integrationMethod": "GET",
                "integrationUri": format!("http://{origin}/{path}"),
                "payloadFormatVersion": "1.0",
            });
            let made = self.create(&format!("/v2/apis/{id}/integrations"), &integration)?;
            let target = format!("integrations/{}", text(&made, "/integrationId")?);
            let route = json!({ "routeKey": format!("GET /{path}"), "target": target });
            self.create(&format!("/v2/apis/{id}/routes"), &route)?;
        }
        let stage = json!({ "stageName": "$default", "autoDeploy": true });
        self.create(&format!("/v2/apis/{id}/stages"), &stage)?;
        Ok(id)
    }

    /// Before anything else, so that signatures are there when DNS is measured.
    fn sign_zone(&self) -> Result<()> {
        let zone = self.text("/base_domain")?;
        self.create(&format!("/edgeway/v1/zones/{zone}/dnssec"), &json!({}))?;
        Ok(())
    }

    fn create(&self, path: &str, body: &Value) -> Result<Value> {
        manage(&self.ready, "POST", path, body)
    }

    fn text(&self, pointer: &str) -> Result<String> {
        text(&self.ready, pointer)
    }

    fn doors(&self, pointer: &str) -> Result<Doors> {
        Ok(Doors {
            http: self.text(&format!("{pointer}/http"))?,
            https: self.text(&format!("{pointer}/https"))?,
        })
    }
}

/// One call of the management API of the cluster with this ready file.
fn manage(ready: &Value, verb: &str, path: &str, body: &Value) -> Result<Value> {
    let url = format!("{}{path}", text(ready, "/regions/0/management")?);
    let user = format!(
        "{}:{}",
        text(ready, "/access_key_id")?,
        text(ready, "/secret_access_key")?
    );
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--max-time",
            "30",
            "--request",
            verb,
        ])
        .args([
            "--aws-sigv4",
            "aws:amz:us-east-1:apigateway",
            "--user",
            &user,
        ])
        .args(["--header", "content-type: application/json"])
        .args(["--data-binary", &body.to_string(), &url])
        .output()
        .context("cannot start curl")?;
    let answer = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{verb} {path}: {} {answer}", error.trim());
    }
    serde_json::from_str(&answer).with_context(|| format!("{verb} {path}: {answer}"))
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no {pointer} in {value}"))
}

/// Asks until the API answers there: the configuration has arrived.
fn wait_for_answer(host: &str, address: &str) -> Result<()> {
    let deadline = Instant::now() + READY_MAX;
    loop {
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "5", "--output", "/dev/null"])
            .args([
                "--write-out",
                "%{http_code}",
                "--header",
                &format!("host: {host}"),
            ])
            .arg(format!("http://{address}/plain"))
            .output()
            .context("cannot start curl")?;
        let status = String::from_utf8_lossy(&output.stdout).into_owned();
        if status == "200" {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{host} at {address} still answers {status}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
