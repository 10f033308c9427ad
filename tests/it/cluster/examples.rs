//! The examples with APIs, and the modules that they are made of, as a stranger uses them: the real
//! terraform program with the provider out of a mirror, a running cluster, requests of clients,
//! then an empty plan, a change that is live when the run has ended, and nothing left in the end.
//!
//! One cluster has them all, one after the other. `quickstart` has the example that makes a
//! cluster; the ones for clouds are checked with mocks (`terraform_modules`).

mod http_api_jwt;
mod migrate_from_aws;
mod names;
mod private_api;
mod rest_api;

use std::{
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tests::{
    client,
    cluster::Cluster,
    configuration::{Changes, Terraform},
    identity_provider::IdentityProvider,
    until,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a client got.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Got {
    /// What the sample backend tells of the request that it received; null if it told nothing.
    fn seen(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Where a client goes, and whom it trusts there.
struct Door {
    addr: SocketAddr,
    authority: Vec<u8>,
}

impl Door {
    /// One request for a URL, by the name that the URL has.
    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Got> {
        let (mut parts, body) = request.into_parts();
        let host = parts.uri.host().unwrap().to_owned();
        let path = parts.uri.path_and_query().unwrap().as_str();
        parts.uri = path.parse()?;
        parts.headers.insert("host", host.parse()?);
        let stream = client::tls(self.addr, &host, &self.authority, "http/1.1").await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let sent = sender.send_request(Request::from_parts(parts, body));
        let exchange = async { client::whole(sent.await?).await };
        let answer = tokio::time::timeout(client::TIMEOUT, exchange).await??;
        Ok(Got {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: String::from_utf8_lossy(answer.body()).into_owned(),
        })
    }

    /// The same with these headers and this body.
    async fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::from(Bytes::from(body.to_owned()));
        self.send(request.body(body).unwrap()).await.unwrap()
    }

    async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Got {
        self.ask("GET", url, headers, "").await
    }
}

/// A cluster with a person's terraform beside it.
struct World {
    cluster: Cluster,
    terraform: Terraform,
    tokens: IdentityProvider,
    /// What an integration's URI begins with.
    backend: String,
}

impl World {
    async fn start(mut terraform: Terraform) -> Self {
        let tokens = IdentityProvider::start().await.unwrap();
        // Nodes trust the issuer as they trust public ones.
        let trusted = terraform.folder().join("trusted.pem");
        std::fs::write(&trusted, tokens.authority_pem()).unwrap();
        let variables = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
        let cluster = Cluster::start_among(1, 1, &variables).await.unwrap();
        let ready = &cluster.ready;
        let authority = ready.ca_file.to_str().unwrap();
        for (name, value) in [
            (
                "EDGEWAY_ENDPOINT",
                ready.regions[0].management_https.as_str(),
            ),
            ("EDGEWAY_CA_FILE", authority),
            ("EDGEWAY_ACCESS_KEY_ID", &ready.access_key_id),
            ("EDGEWAY_SECRET_ACCESS_KEY", &ready.secret_access_key),
        ] {
            terraform.environment(name, value);
        }
        Self {
            backend: format!("http://{}", ready.sample_backend),
            cluster,
            terraform,
            tokens,
        }
    }

    /// A configuration that is initialised.
    fn configuration(&self, name: &str) -> Terraform {
        let configuration = self.terraform.beside(&format!("examples/{name}")).unwrap();
        configuration.run(&["init", "-no-color"]).unwrap();
        configuration
    }

    /// The POP, with certificates of the cluster's authority.
    fn pop(&self) -> Door {
        Door {
            addr: self.cluster.ready.pops[0].https,
            authority: self.cluster.authority_pem().unwrap(),
        }
    }

    /// What `dig +short` says.
    fn dig(&self, at: SocketAddr, name: &str) -> String {
        let output = Command::new("dig")
            .arg(format!("@{}", at.ip()))
            .args(["-p", &at.port().to_string(), "+short", "+tries=3", name])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Names in the public view are there, or no longer.
    async fn resolves(&self, name: &str, is_there: bool) {
        until(&format!("{name}: {is_there}"), PATIENCE, || async {
            let found = !self.dig(self.cluster.ready.dns, name).is_empty();
            (found == is_there).then_some(())
        })
        .await;
    }
}

/// Applies, and is not warned of anything.
fn apply(terraform: &Terraform) {
    let said = terraform.apply().unwrap();
    assert!(!said.contains("Warning:"), "{said}");
}

/// Nothing to do, as after every apply.
fn assert_done(terraform: &Terraform) {
    let (changes, said) = terraform.plan().unwrap();
    assert_eq!(changes, Changes::None, "{said}");
}

/// Everything goes.
fn destroy(terraform: &Terraform) {
    let arguments = ["destroy", "-auto-approve", "-no-color"];
    terraform.run(&arguments).unwrap();
}

fn text(outputs: &Value, name: &str) -> String {
    let found = outputs[name].as_str();
    found
        .unwrap_or_else(|| panic!("{name} of {outputs}"))
        .to_owned()
}

fn host_of(url: &str) -> String {
    let url: Uri = url.parse().unwrap();
    url.host().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn examples_are_applied_used_changed_and_destroyed() {
    let Some(terraform) = Terraform::found("examples").unwrap() else {
        println!("skipped: there is no terraform on this machine");
        return;
    };
    let mut world = World::start(terraform).await;
    let before = listed(&world.cluster).await;
    let begun = Instant::now();
    let took = |what: &str| println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    rest_api::keys_plans_and_validation(&world).await;
    took("rest-api");
    http_api_jwt::tokens_and_scopes(&world).await;
    took("http-api-jwt");
    private_api::reached_from_inside_alone(&mut world).await;
    took("private-api");
    migrate_from_aws::clients_stay(&world).await;
    took("migrate-from-aws");
    names::certificates_names_and_paths(&world).await;
    took("modules/api and modules/edge-domain");
    assert_eq!(listed(&world.cluster).await, before, "nothing is left");
}

/// What the cluster has that examples make.
async fn listed(cluster: &Cluster) -> Vec<(&'static str, Vec<String>)> {
    let management = cluster.management(0);
    let mut all = Vec::new();
    for (list, id) in [
        ("/restapis", "id"),
        ("/v2/apis", "apiId"),
        ("/apikeys", "id"),
        ("/usageplans", "id"),
        ("/domainnames", "domainName"),
        ("/vpclinks", "id"),
        ("/v2/vpclinks", "vpcLinkId"),
        ("/edgeway/v1/certificates", "certificateId"),
        ("/edgeway/v1/zones", "name"),
    ] {
        let found = management.must(Method::GET, list, None).await.unwrap();
        let items = found["item"].as_array().or(found["items"].as_array());
        let items = items.unwrap_or_else(|| panic!("{list}: {found}"));
        let ids = items.iter().map(|item| text(item, id));
        all.push((list, ids.collect()));
    }
    all
}
