//! `examples/migrate-from-aws`: an export, the keys and the name that clients know; they send what
//! they always sent. The API that is exported stands in for Amazon's, and is then gone.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use lang::sigv4::{Message, Signer};
use serde_json::{Value, json};
use tests::{configuration::Terraform, issuer::TestIssuer};

use super::{super::domains::write, Door, Got, World, apply, assert_done, destroy, host_of, text};

const NAME: &str = "parcels.example.com";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const OF_ACME: [(&str, &str); 1] = [("x-api-key", KEY)];

pub(super) async fn clients_stay(world: &World) {
    let (old, export) = exported(world).await;
    let issuer = TestIssuer::new("parcels").unwrap();
    let mut terraform = configured(world, &export, &issuer);
    apply(&terraform);
    let outputs = terraform.outputs().unwrap();
    let pop = Door {
        addr: world.cluster.ready.pops[0].https,
        authority: issuer.root_pem().to_vec(),
    };
    let url = text(&outputs, "url");
    assert_eq!(host_of(&url), NAME);
    requests_are_answered_as_before(world, &pop, &url).await;
    // Not by the API's former default name, which the export has.
    let former = format!("https://{}/prod/parcels/7", world.cluster.host(&old));
    assert_eq!(world.pop().get(&former, &OF_ACME).await.status, 403);
    assert_done(&terraform);

    // The values of keys are in no state.
    let state = terraform.run(&["state", "pull"]).unwrap();
    assert!(!state.contains(KEY) && !state.contains("PRIVATE KEY"));

    terraform.set("stage_variables", &variables(world, "v2"));
    apply(&terraform);
    let parcel = format!("{url}/parcels/7");
    let got = pop.get(&parcel, &OF_ACME).await;
    assert_eq!(got.seen()["path"], "/v2/7", "{got:?}");
    assert_done(&terraform);

    destroy(&terraform);
    let request = Request::get(&parcel).body(Full::default()).unwrap();
    let left = pop.send(request).await;
    assert!(left.is_err(), "the name has no certificate: {left:?}");
}

/// The example with what the README says to fill in.
fn configured(world: &World, export: &Value, issuer: &TestIssuer) -> Terraform {
    let issued = issuer.issue(&[NAME]).unwrap();
    let mut terraform = world.configuration("migrate-from-aws");
    let here = |name: &str| terraform.main().join(name);
    std::fs::write(here("parcels.json"), export.to_string()).unwrap();
    std::fs::write(here("chain.pem"), &issued.chain).unwrap();
    let limits = json!({ "rate_limit": 50, "burst_limit": 100 });
    let settings = json!({ "throttling_rate_limit": 500, "throttling_burst_limit": 1_000 });
    for (name, value) in [
        ("export", "parcels.json"),
        ("domain_name", NAME),
        ("certificate_file", "chain.pem"),
        ("private_key", &issued.key),
        ("stage_variables", &variables(world, "v1")),
        ("method_settings", &json!({ "*/*": settings }).to_string()),
        (
            "plans",
            &json!({ "gold": { "throttle": limits } }).to_string(),
        ),
        ("keys", &json!({ "acme": "gold" }).to_string()),
        ("key_values", &json!({ "acme": KEY }).to_string()),
    ] {
        terraform.set(name, value);
    }
    terraform
}

fn variables(world: &World, version: &str) -> String {
    let backend = world.cluster.ready.sample_backend.to_string();
    json!({ "backend": backend, "version": version }).to_string()
}

/// By the name that clients know, with the keys that they have.
async fn requests_are_answered_as_before(world: &World, pop: &Door, url: &str) {
    let parcel = format!("{url}/parcels/7");
    let got = pop.get(&parcel, &OF_ACME).await;
    assert_eq!(got.seen()["path"], "/v1/7", "{got:?}");
    assert_eq!(pop.get(&parcel, &[]).await.status, 403);
    let other = [("x-api-key", "fedcba9876543210fedcba9876543210")];
    assert_eq!(pop.get(&parcel, &other).await.status, 403);
    let stock = format!("{url}/stock");
    let got = signed(world, pop, &stock).await;
    assert_eq!(got.status, 200, "{got:?}");
    let got = pop.get(&stock, &[]).await;
    let message = "Missing Authentication Token";
    assert_eq!(got.seen()["message"], message, "{got:?}");
}

/// An API with stage variables, keys and signatures, as `get-export` gives it; the API is gone.
async fn exported(world: &World) -> (String, Value) {
    let management = world.cluster.management(0);
    let integration = |uri: &str| {
        json!({
            "type": "http_proxy", "httpMethod": "GET", "uri": uri,
            "passthroughBehavior": "when_no_match",
        })
    };
    let mut parcel = integration("http://${stageVariables.backend}/${stageVariables.version}/{id}");
    parcel["requestParameters"] =
        json!({ "integration.request.path.id": "method.request.path.id" });
    let stock = integration("http://${stageVariables.backend}/stock");
    let document = json!({
        "openapi": "3.0.1", "info": { "title": "parcels", "version": "1" },
        "paths": {
            "/parcels/{id}": { "get": {
                "parameters": [{
                    "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
                }],
                "security": [{ "api_key": [] }], "responses": { "200": { "description": "it" } },
                "x-amazon-apigateway-integration": parcel,
            } },
            "/stock": { "get": {
                "security": [{ "sigv4": [] }], "responses": { "200": { "description": "all" } },
                "x-amazon-apigateway-integration": stock,
            } },
        },
        "components": { "securitySchemes": {
            "api_key": { "type": "apiKey", "name": "x-api-key", "in": "header" },
            "sigv4": { "type": "apiKey", "name": "Authorization", "in": "header",
                       "x-amazon-apigateway-authtype": "awsSigv4" },
        } },
    });
    let post = async |path: &str, body: Value| write(&management, Method::POST, path, body).await;
    let api = post("/restapis?mode=import", document).await;
    let api = api["id"].as_str().unwrap().to_owned();
    let path = format!("/restapis/{api}");
    post(
        &format!("{path}/deployments"),
        json!({ "stageName": "prod" }),
    )
    .await;
    // As the README asks for it.
    let asked = format!(
        "{path}/stages/prod/exports/oas30?extensions=integrations%2Cauthorizers%2Capigateway"
    );
    let export = management.must(Method::GET, &asked, None).await.unwrap();
    assert!(export["servers"].is_array(), "{export}");
    write(&management, Method::DELETE, &path, Value::Null).await;
    (api, export)
}

/// A request as SDKs sign it.
async fn signed(world: &World, door: &Door, url: &str) -> Got {
    let uri: http::Uri = url.parse().unwrap();
    let signer = Signer {
        access_key_id: &world.cluster.ready.access_key_id,
        secret: &world.cluster.ready.secret_access_key,
        region: "us-east-1",
        service: "execute-api",
    };
    let message = Message {
        method: "GET",
        path: uri.path(),
        query: "",
        headers: &[("host", NAME.as_bytes())],
        body: b"",
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let signed = signer.sign(&message, u64::try_from(since.as_millis()).unwrap());
    let request = Request::get(url)
        .header("authorization", signed.authorization)
        .header("x-amz-date", signed.date)
        .body(Full::from(Bytes::new()))
        .unwrap();
    door.send(request).await.unwrap()
}
