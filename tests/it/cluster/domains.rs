//! Custom domains over TLS, at POPs and regions: the right certificate, the right API.

use std::{net::SocketAddr, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{
    client,
    cluster::Cluster,
    issuer::{Issued, TestIssuer},
    management::Management,
    until,
};

/// A signed write; its answer, once every node serves it.
pub(super) async fn write(
    management: &Management,
    method: Method,
    path: &str,
    body: Value,
) -> Value {
    let body = (!body.is_null()).then_some(body);
    let answer = management.call(method, path, body).await.unwrap();
    assert!(
        answer.status.is_success(),
        "{path}: {} {}",
        answer.status,
        answer.body
    );
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    management.wait(revision.parse().unwrap()).await.unwrap();
    answer.body
}

pub(super) async fn import(management: &Management, chain: &str, key: &str) -> String {
    let body = json!({"certificate": chain, "privateKey": key});
    let made = write(management, Method::POST, "/edgeway/v1/certificates", body).await;
    made["certificateArn"].as_str().unwrap().to_owned()
}

pub(super) async fn domain(management: &Management, name: &str, arn: &str, endpoint: &str) {
    let configuration = json!({"certificateArn": arn, "endpointType": endpoint});
    let body = json!({"domainName": name, "domainNameConfigurations": [configuration]});
    write(management, Method::POST, "/v2/domainnames", body).await;
}

pub(super) async fn map(management: &Management, name: &str, api: &str, key: &str) {
    let name = name.replace('*', "%2A");
    let body = json!({"apiId": api, "stage": "$default", "apiMappingKey": key});
    let path = format!("/v2/domainnames/{name}/apimappings");
    write(management, Method::POST, &path, body).await;
}

/// The leaf that a handshake for `name` is answered with.
pub(super) async fn leaf(addr: SocketAddr, name: &str, roots: &[u8]) -> anyhow::Result<Vec<u8>> {
    let stream = client::tls(addr, name, roots, "h2").await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.first().map(|one| one.to_vec()).unwrap_or_default())
}

fn der(pem: &str) -> Vec<u8> {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

/// Every listener for clients' TLS: POPs, then regions.
pub(super) fn doors(cluster: &Cluster) -> Vec<SocketAddr> {
    let pops = cluster.ready.pops.iter().map(|pop| pop.https);
    let regions = cluster.ready.regions.iter().map(|region| region.https);
    pops.chain(regions).collect()
}

/// What the backend was asked for, through one door.
async fn asked(door: SocketAddr, host: &str, path: &str, roots: &[u8]) -> (u16, String) {
    let answer = client::get_h2(door, host, path, roots).await.unwrap();
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let path = body["path"].as_str().unwrap_or_default().to_owned();
    (answer.status().as_u16(), path)
}

struct Scene {
    cluster: Cluster,
    management: Management,
    issuer: TestIssuer,
    one: String,
    two: String,
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::start().await.unwrap();
        let management = cluster.management(0);
        let backend = cluster.ready.sample_backend;
        let api = async |name: &str| {
            let target = format!("http://{backend}/{name}");
            management.quick_api(name, &target).await.unwrap()
        };
        let (one, two) = (api("one").await, api("two").await);
        Self {
            issuer: TestIssuer::new("shop").unwrap(),
            one,
            two,
            management,
            cluster,
        }
    }

    async fn import(&self, issued: &Issued) -> String {
        import(&self.management, &issued.chain, &issued.key).await
    }

    async fn expect(&self, host: &str, path: &str, wanted: (u16, &str)) {
        for door in doors(&self.cluster) {
            let (status, seen) = asked(door, host, path, self.issuer.root_pem()).await;
            let right = status == wanted.0 && seen.starts_with(wanted.1);
            assert!(
                right,
                "{door} {host}{path}: {status} {seen:?}, wanted {wanted:?}"
            );
        }
    }

    /// Each door answers a handshake for `name` with this leaf.
    async fn expect_leaf(&self, name: &str, issued: &Issued) {
        for door in doors(&self.cluster) {
            let seen = leaf(door, name, self.issuer.root_pem()).await.unwrap();
            assert!(
                seen == der(&issued.leaf),
                "{door}: another certificate for {name}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_wildcard_and_base_paths_over_tls() {
    let scene = Scene::start().await;
    let management = &scene.management;
    let (exact, wild) = ("api.shop.test", "*.shop.test");
    // The wildcard certificate covers the exact domain too, which has one of its own.
    let own = scene.issuer.issue(&[exact]).unwrap();
    let shared = scene.issuer.issue(&[wild, exact]).unwrap();
    let own_arn = scene.import(&own).await;
    let shared_arn = scene.import(&shared).await;
    domain(management, exact, &own_arn, "EDGE").await;
    domain(management, wild, &shared_arn, "EDGE").await;
    map(management, exact, &scene.one, "").await;
    map(management, exact, &scene.two, "v1/orders").await;
    map(management, exact, &scene.two, "v2").await;
    map(management, wild, &scene.two, "").await;

    scene.expect_leaf(exact, &own).await;
    scene.expect_leaf("blue.shop.test", &shared).await;
    scene.expect(exact, "/hello", (200, "/one")).await;
    scene.expect(exact, "/v1/orders/7", (200, "/two")).await;
    scene.expect(exact, "/v1/other", (200, "/one")).await;
    scene.expect(exact, "/v2/x", (200, "/two")).await;
    scene
        .expect("blue.shop.test", "/hello", (200, "/two"))
        .await;

    // Nobody is answered with an imported certificate that no domain uses.
    let unused = scene
        .issuer
        .issue(&["unused.test", "blue.shop.test"])
        .unwrap();
    scene.import(&unused).await;
    scene.expect_leaf("blue.shop.test", &shared).await;
    for door in doors(&scene.cluster) {
        let seen = leaf(door, "unused.test", scene.issuer.root_pem()).await;
        assert!(
            seen.is_err(),
            "{door} serves a certificate that is not used"
        );
    }

    // Renewed in place: same ARN, new leaf, no connection fails on the way.
    let renewed = scene.issuer.issue(&[exact]).unwrap();
    let id = own_arn.rsplit('/').next().unwrap();
    let body = json!({"certificate": renewed.chain, "privateKey": renewed.key});
    let path = format!("/edgeway/v1/certificates/{id}");
    write(management, Method::PUT, &path, body).await;
    until(
        "the new leaf everywhere",
        Duration::from_secs(5),
        || async {
            for door in doors(&scene.cluster) {
                let seen = leaf(door, exact, scene.issuer.root_pem()).await.unwrap();
                if seen != der(&renewed.leaf) {
                    return None;
                }
            }
            Some(())
        },
    )
    .await;
    scene.expect(exact, "/hello", (200, "/one")).await;
}
