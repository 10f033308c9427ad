//! A backend that nobody has a route to is reached through connectors that dial out, and goes on
//! being reached while connectors come and go.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};
use tests::{
    client,
    load::Steady,
    process, until,
    wan::office::{BACKEND, Office},
};
use tokio::net::TcpStream;

use super::connector_network::{download, upload};

const LONG: Duration = Duration::from_secs(60);
const BIG: u64 = 8 << 20;
const PER_SECOND: u32 = 100;
const SECONDS: u32 = 4;

/// One upstream that is checked, and one that nothing listens for.
fn upstreams() -> String {
    format!(
        "[[connector.upstreams]]\nname = \"orders\"\naddress = \"{BACKEND}\"\n\
         health = {{ path = \"/hello\", interval_ms = 500 }}\n\
         [[connector.upstreams]]\nname = \"nobody\"\naddress = \"127.0.0.1:9\"\n\
         health = {{ path = \"/\", interval_ms = 500 }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_backend_is_reached_while_connectors_come_and_go() {
    let mut office = Office::start().await.unwrap();
    nobody_has_a_route(&office).await;
    let first = office.connector("office", 1, &upstreams()).await.unwrap();
    let second = office.connector("office", 2, &upstreams()).await.unwrap();
    let annex = format!("regions = [\"one\"]\n{}", upstreams());
    office.connector("annex", 3, &annex).await.unwrap();
    let hosts = Apis::make(&office).await;
    connected(&office, 3).await;
    println!("{}", office.ask(&["status"]).unwrap());

    requests_arrive(&office, &hosts).await;
    others_are_refused(&office, &hosts).await;
    bodies_stream(&office, &hosts.http).await;
    a_client_that_leaves_is_heard_of(&office, &hosts.http).await;

    // Killed under load, then back; then the other one is asked to go.
    process_ends(&mut office, &hosts, (first, "KILL")).await;
    connected(&office, 2).await;
    office.connector("office", 1, &upstreams()).await.unwrap();
    connected(&office, 3).await;
    process_ends(&mut office, &hosts, (second, "TERM")).await;
}

async fn nobody_has_a_route(office: &Office) {
    for region in ["one", "two"] {
        let region = office.wan.host(region).unwrap();
        let dialled = region.spawn(async {
            tokio::time::timeout(Duration::from_secs(1), TcpStream::connect(BACKEND)).await
        });
        let dialled = dialled.await.unwrap();
        assert!(!matches!(dialled, Ok(Ok(_))), "the backend can be reached");
    }
}

/// Host names of APIs.
struct Apis {
    /// `$default` through connectors `office`.
    http: String,
    /// The same, through a stage with a name.
    staged: String,
    /// REST, by a link of v1 that a stage variable names.
    rest: String,
    /// Through connector `annex`.
    annex: String,
    /// To an upstream that no connector offers.
    hidden: String,
    /// To an upstream that nothing listens for.
    nobody: String,
    /// REST, to an upstream that no connector offers.
    rest_hidden: String,
}

/// Calls the management API of region one.
pub(super) async fn ask(office: &Office, method: Method, path: &str, body: Option<Value>) -> Value {
    let management = office.management("one").unwrap();
    let path = path.to_owned();
    let call = async move { management.must(method, &path, body).await };
    let host = office.wan.host("one").unwrap();
    host.spawn(call).await.unwrap().unwrap()
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl Apis {
    async fn make(office: &Office) -> Self {
        let post = |path: &str, body: Value| {
            let path = path.to_owned();
            async move { ask(office, Method::POST, &path, Some(body)).await }
        };
        let by_subnet = json!({ "name": "office", "subnetIds": ["office"] });
        let link = text(&post("/v2/vpclinks", by_subnet).await, "vpcLinkId");
        let tagged = json!({
            "name": "annex", "subnetIds": ["subnet-1"], "tags": { "edgeway:connector": "annex" }
        });
        let annex = text(&post("/v2/vpclinks", tagged).await, "vpcLinkId");
        let orders = |upstream: &str| {
            format!("arn:aws:elasticloadbalancing:one:0:loadbalancer/net/office/{upstream}")
        };
        let v1 = json!({ "name": "v1", "targetArns": [orders("orders")] });
        let v1 = text(&post("/vpclinks", v1).await, "id");
        let v1_hidden = json!({ "name": "v1", "targetArns": [orders("hidden")] });
        let v1_hidden = text(&post("/vpclinks", v1_hidden).await, "id");
        let apis = Self {
            http: http_api(office, &link, "orders", "$default").await,
            staged: http_api(office, &link, "orders", "prod").await,
            rest: rest_api(office, &v1).await,
            annex: http_api(office, &annex, "orders", "$default").await,
            hidden: http_api(office, &link, "hidden", "$default").await,
            nobody: http_api(office, &link, "nobody", "$default").await,
            rest_hidden: rest_api(office, &v1_hidden).await,
        };
        let status = ask(office, Method::GET, "/edgeway/v1/status", None).await;
        let path = format!(
            "/edgeway/v1/revisions/{}/wait?timeoutSeconds=20",
            status["revision"]
        );
        ask(office, Method::GET, &path, None).await;
        apis
    }
}

/// An HTTP API with one route through a link; gives its host.
pub(super) async fn http_api(office: &Office, link: &str, upstream: &str, stage: &str) -> String {
    let post = |path: String, body: Value| async move {
        ask(office, Method::POST, &path, Some(body)).await
    };
    let api = json!({ "name": upstream, "protocolType": "HTTP" });
    let api = text(&post("/v2/apis".to_owned(), api).await, "apiId");
    let at = format!("/v2/apis/{api}");
    let listener = format!("arn:aws:elasticloadbalancing:one:0:listener/app/{upstream}/1/2");
    let integration = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "connectionId": link, "integrationUri": listener, "payloadFormatVersion": "1.0"
    });
    let made = post(format!("{at}/integrations"), integration).await;
    let target = format!("integrations/{}", text(&made, "integrationId"));
    let route = json!({ "routeKey": "ANY /{proxy+}", "target": target });
    post(format!("{at}/routes"), route).await;
    let stage = json!({ "stageName": stage, "autoDeploy": true });
    post(format!("{at}/stages"), stage).await;
    format!("{api}.execute-api.one.edgeway.test")
}

/// A REST API with `ANY /{proxy+}` through the link that stage variable `link` names.
async fn rest_api(office: &Office, link: &str) -> String {
    let api = ask(
        office,
        Method::POST,
        "/restapis",
        Some(json!({ "name": "rest" })),
    )
    .await;
    let (id, root) = (text(&api, "id"), text(&api, "rootResourceId"));
    let at = format!("/restapis/{id}");
    let part = json!({ "pathPart": "{proxy+}" });
    let made = ask(
        office,
        Method::POST,
        &format!("{at}/resources/{root}"),
        Some(part),
    )
    .await;
    let method = format!("{at}/resources/{}/methods/ANY", text(&made, "id"));
    let open = json!({
        "authorizationType": "NONE", "requestParameters": { "method.request.path.proxy": true }
    });
    ask(office, Method::PUT, &method, Some(open)).await;
    let integration = json!({
        "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": "http://orders.internal/base/{proxy}",
        "connectionType": "VPC_LINK", "connectionId": "${stageVariables.link}",
        "requestParameters": { "integration.request.path.proxy": "method.request.path.proxy" }
    });
    ask(
        office,
        Method::PUT,
        &format!("{method}/integration"),
        Some(integration),
    )
    .await;
    let deployment = json!({ "stageName": "prod", "variables": { "link": link } });
    ask(
        office,
        Method::POST,
        &format!("{at}/deployments"),
        Some(deployment),
    )
    .await;
    format!("{id}.execute-api.one.edgeway.test")
}

/// Waits until so many connectors are connected, as both regions say.
pub(super) async fn connected(office: &Office, count: usize) {
    for region in ["one", "two"] {
        let management = office.management(region).unwrap();
        let host = office.wan.host(region).unwrap();
        until("connectors are known", LONG, || async {
            let management = management.clone();
            let asked = host.spawn(async move {
                let path = "/edgeway/v1/connectors";
                management.must(Method::GET, path, None).await
            });
            let all = asked.await.unwrap().ok()?;
            let all = all["items"].as_array()?.clone();
            let up = all.iter().filter(|one| {
                let upstreams = one["upstreams"].as_array().into_iter().flatten();
                let health: Vec<String> = upstreams.map(|up| text(up, "health")).collect();
                one["connected"] == true && health == ["unhealthy", "healthy"]
            });
            (up.count() == count).then_some(())
        })
        .await;
    }
}

pub(super) async fn get(office: &Office, region: &str, host: &str, path: &str) -> Response<Bytes> {
    let addr = office.http(region).unwrap();
    let (host, path) = (host.to_owned(), path.to_owned());
    let get = async move { client::get(addr, &host, &path).await };
    let region = office.wan.host(region).unwrap();
    region.spawn(get).await.unwrap().unwrap()
}

pub(super) fn body(response: &Response<Bytes>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

async fn requests_arrive(office: &Office, apis: &Apis) {
    for region in ["one", "two"] {
        let answer = get(office, region, &apis.http, "/hello?x=1").await;
        assert_eq!(answer.status(), 200, "{}", body(&answer));
        // The client's host, as behind a load balancer.
        assert!(
            body(&answer).starts_with("GET /hello?x=1\n"),
            "{}",
            body(&answer)
        );
        assert!(body(&answer).contains(&format!("host: {}\n", apis.http)));
        assert!(!body(&answer).contains("edgeway-"), "{}", body(&answer));
        let answer = get(office, region, &apis.staged, "/prod/hello").await;
        assert!(
            body(&answer).starts_with("GET /prod/hello\n"),
            "{}",
            body(&answer)
        );
        let answer = get(office, region, &apis.rest, "/prod/a/b?x=1").await;
        assert_eq!(answer.status(), 200, "{}", body(&answer));
        assert!(
            body(&answer).starts_with("GET /base/a/b?x=1\n"),
            "{}",
            body(&answer)
        );
        assert!(
            body(&answer).contains("host: orders.internal\n"),
            "{}",
            body(&answer)
        );
        // Region two has no connection of its own to this one.
        let answer = get(office, region, &apis.annex, "/hello").await;
        assert_eq!(answer.status(), 200, "{region}: {}", body(&answer));
        assert!(!body(&answer).contains("edgeway-"), "{}", body(&answer));
    }
}

async fn others_are_refused(office: &Office, apis: &Apis) {
    let before = office.backend.counts.requests.load(Ordering::Relaxed);
    for region in ["one", "two"] {
        // No answer of a backend, and no request at one, health checks apart.
        assert_eq!(
            get(office, region, &apis.hidden, "/secret").await.status(),
            503
        );
        assert_eq!(
            get(office, region, &apis.nobody, "/secret").await.status(),
            503
        );
        let answer = get(office, region, &apis.rest_hidden, "/prod/secret").await;
        assert_eq!(answer.status(), 500, "{}", body(&answer));
    }
    let after = office.backend.counts.requests.load(Ordering::Relaxed);
    println!(
        "{} requests at the backend meanwhile, all of them checks",
        after - before
    );
}

async fn bodies_stream(office: &Office, host: &str) {
    let (addr, host) = (office.http("two").unwrap(), host.to_owned());
    let stream = async move {
        upload(addr, host.clone(), BIG).await;
        download(addr, host, BIG).await;
    };
    office.wan.host("two").unwrap().spawn(stream).await.unwrap();
}

async fn a_client_that_leaves_is_heard_of(office: &Office, host: &str) {
    let addr = office.http("one").unwrap();
    let one = office.wan.host("one").unwrap();
    let cancelled = || office.backend.counts.cancelled.load(Ordering::Relaxed) > 0;
    // A request that is given up before it arrives is no proof: then another one is.
    for _ in 0..10 {
        let host = host.to_owned();
        let request = one.spawn(async move { client::get(addr, &host, "/hang").await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        request.abort();
        for _ in 0..30 {
            if cancelled() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    panic!("the backend's call goes on without its client");
}

/// Ends a connector under load at both regions; no request fails.
async fn process_ends(office: &mut Office, apis: &Apis, (pid, signal): (u32, &str)) {
    let mut running = Vec::new();
    for (region, host, path) in [
        ("one", &apis.http, "/hello"),
        ("two", &apis.rest, "/prod/hello"),
    ] {
        let load = Steady {
            addr: office.http(region).unwrap(),
            host: host.clone(),
            path: path.to_owned(),
            per_second: PER_SECOND,
            total: PER_SECOND * SECONDS,
        };
        running.push(office.wan.host(region).unwrap().spawn(load.run()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    process::signal(pid, signal).unwrap();
    for load in running {
        let outcome = load.await.unwrap();
        println!(
            "{signal} after 1 s of {PER_SECOND}/s: {} good, {} failed, p50 {} ms, p99 {} ms, \
             max {} ms",
            outcome.good.load(Ordering::Relaxed),
            outcome.failed().len(),
            outcome.quantile_ms(0.5),
            outcome.quantile_ms(0.99),
            outcome.quantile_ms(1.0),
        );
        assert_eq!(outcome.failed(), Vec::<String>::new());
    }
    until("the process has ended", LONG, || {
        let ended = office.has_ended(pid);
        async move { ended.then_some(()) }
    })
    .await;
}
