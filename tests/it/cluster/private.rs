//! Private access in network namespaces: a client in its private network reaches a private API by
//! name, through the listener of its endpoint, and nobody else does by any other way.
//!
//! Every check is about the one cluster; each way that must be closed is a function of its own.

mod more;
mod wireguard;

use std::{
    fs::File,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tests::{
    client,
    cluster::Cluster,
    issuer::TestIssuer,
    management::Management,
    until,
    wan::namespace::{self, Namespace},
};
use tokio::runtime::Runtime;

use self::wireguard::Tunnel;
use super::domains::{import, write};

const PATIENCE: Duration = Duration::from_secs(60);

/// Of the client's network, of another network, and of one behind a balancer.
const VPC: &str = "vpce-0aaaaaaaaaaaaaaa1";
const OTHER: &str = "vpce-0bbbbbbbbbbbbbbb2";
const BALANCED: &str = "vpce-0ccccccccccccccc3";

const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;

/// A network of its own, tied to the cluster's by a cable.
struct Net {
    space: Namespace,
    runtime: Option<Runtime>,
    /// The cable's end on the cluster's side.
    device: String,
    /// Of that end: where listeners are.
    host: Ipv4Addr,
    /// Of the end inside.
    own: Ipv4Addr,
}

impl Net {
    /// The `at`-th network of this process: names and addresses that no other run has.
    fn start(prefix: &str, name: &str, at: u8) -> Self {
        let pid = std::process::id();
        let [.., high, low] = pid.to_be_bytes();
        let address = |last: u8| Ipv4Addr::new(10, 192 | (high & 63), low, at * 16 + last);
        let space = Namespace::create(format!("{prefix}{name}")).unwrap();
        let device = format!("ew{pid}p{at}");
        let (host, own) = (address(1), address(2));
        ip(&format!(
            "link add {device} type veth peer name eth0 netns {}",
            space.name()
        ));
        ip(&format!("addr add {host}/28 dev {device}"));
        ip(&format!("link set {device} up"));
        let lines =
            format!("addr add {own}/28 dev eth0\nlink set eth0 up\nroute add default via {host}\n");
        space.configure(&lines).unwrap();
        let runtime = Some(space.runtime().unwrap());
        Self {
            space,
            runtime,
            device,
            host,
            own,
        }
    }

    /// Runs `work` with sockets of the network.
    async fn inside<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.as_ref().unwrap().spawn(work).await.unwrap()
    }

    fn door(&self, port: u16) -> SocketAddr {
        SocketAddr::from((self.host, port))
    }

    async fn ask(&self, door: SocketAddr, host: &str, api: Option<&str>) -> Option<(u16, String)> {
        let mut request = Request::get("/prod/hello").header("host", host);
        if let Some(api) = api {
            request = request.header("x-apigw-api-id", api);
        }
        let request = request.body(Full::default()).unwrap();
        let answer = self.inside(client::once(door, request)).await;
        answer.ok().map(said)
    }

    /// Sends these bytes before a request; what comes back.
    async fn raw(&self, door: SocketAddr, header: Vec<u8>, host: &str) -> String {
        let request =
            format!("GET /prod/hello HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let bytes = [header, request.into_bytes()].concat();
        let asked = async move { client::raw(door, &bytes, PATIENCE).await };
        let answer = self.inside(asked).await.unwrap_or_default();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What `dig` says, asking the resolver at `at`.
    fn dig(&self, at: Ipv4Addr, args: &[&str]) -> String {
        let mut command = self.space.command(Path::new("dig"));
        command.arg(format!("@{at}"));
        let output = command.args(["+tries=3", "+time=10"]).args(args).output();
        let output = output.unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // A runtime must not be waited for inside another.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn ip(args: &str) {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {args}: {errors}");
}

fn said(answer: Response<Bytes>) -> (u16, String) {
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status().as_u16(), text)
}

/// A header of the PROXY protocol, version 2, with an endpoint's id.
fn proxy_header(client: Ipv4Addr, endpoint: Option<&str>) -> Vec<u8> {
    let mut rest = [client.octets(), [192, 0, 2, 1]].concat();
    rest.extend([0x10, 0x00, 0x00, 80]);
    if let Some(endpoint) = endpoint {
        let length = u8::try_from(endpoint.len() + 1).unwrap();
        rest.extend([0xEA, 0, length, 1]);
        rest.extend(endpoint.bytes());
    }
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0".to_vec();
    header.push(u8::try_from(rest.len()).unwrap());
    header.extend(rest);
    header
}

struct World {
    cluster: Cluster,
    management: Management,
    vpc: Net,
    other: Net,
    balancer: Net,
    tunnel: Tunnel,
    client_files: more::ClientFiles,
    api: String,
}

impl World {
    async fn start() -> Self {
        namespace::check_rights().unwrap();
        namespace::remove_stale().unwrap();
        let mut cluster = Cluster::start_with(1, 1).await.unwrap();
        let prefix = namespace::lab_prefix();
        let net = |name: &str, at| Net::start(&prefix, name, at);
        let (vpc, other, balancer) = (net("vpc", 0), net("other", 1), net("balancer", 2));
        // Before the region, which binds to its device.
        let tunnel = Tunnel::start(&prefix).await;
        let region = cluster.ready.regions[0].clone();
        cluster.kill(region.pid).unwrap();
        let client_files = more::ClientFiles::make();
        let listeners = settings(&cluster, (&vpc, &other, &balancer))
            + &tunnel.settings()
            + &client_files.settings(vpc.host);
        let mut file = File::options().append(true).open(&region.config).unwrap();
        file.write_all(listeners.as_bytes()).unwrap();
        cluster.restart(&region.config).unwrap();
        let management = cluster.management(0);
        let path = "/edgeway/v1/status";
        until("the region manages again", PATIENCE, || async {
            management.must(Method::GET, path, None).await.ok()
        })
        .await;
        for (id, address, network) in [
            (VPC, vpc.host, "vpc-1"),
            (OTHER, other.host, "vpc-2"),
            (BALANCED, balancer.host, "vpc-3"),
            (wireguard::ENDPOINT, tunnel.host, "vpc-4"),
            (more::AZURE, balancer.host, "vpc-5"),
            (more::CERTIFIED, vpc.host, "vpc-1"),
        ] {
            let body = json!({"addresses": [address], "vpcId": network});
            let path = format!("/edgeway/v1/private-endpoints/{id}");
            until("the endpoint is registered", PATIENCE, || async {
                let put = management.must(Method::PUT, &path, Some(body.clone()));
                put.await.ok()
            })
            .await;
        }
        let api = private_api(&cluster, &management).await;
        Self {
            cluster,
            management,
            vpc,
            other,
            balancer,
            tunnel,
            client_files,
            api,
        }
    }

    fn host(&self) -> String {
        self.cluster.host(&self.api)
    }

    fn region(&self) -> &str {
        &self.cluster.ready.regions[0].name
    }

    /// The policy of the API, deployed.
    async fn policy(&self, policy: Option<Value>) {
        let value = policy.map_or(String::new(), |policy| policy.to_string());
        let patch = json!({"patchOperations": [
            {"op": "replace", "path": "/policy", "value": value}]});
        let path = format!("/restapis/{}", self.api);
        write(&self.management, Method::PATCH, &path, patch).await;
        let stage = json!({"stageName": "prod"});
        let path = format!("{path}/deployments");
        write(&self.management, Method::POST, &path, stage).await;
    }

    /// Connections that a listener of the region has closed for `reason`.
    async fn closed(&self, reason: &str) -> u64 {
        let url = &self.cluster.ready.regions[0].metrics;
        let addr = url
            .trim_start_matches("http://")
            .trim_end_matches("/metrics");
        let answer = client::get(addr.parse().unwrap(), "metrics", "/metrics").await;
        let (_, text) = said(answer.unwrap());
        let reason = format!("reason=\"{reason}\"");
        let lines = text.lines().filter(|line| {
            line.starts_with("edgeway_serve_connections_closed_total{listener=\"private-")
                && line.contains(&reason)
        });
        let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum()
    }

    /// The connection is cut off without a word, and counted.
    async fn cut_off(&self, net: &Net, door: SocketAddr, header: Vec<u8>, reason: &str) {
        let before = self.closed(reason).await;
        let answer = net.raw(door, header, &self.host()).await;
        assert_eq!(answer, "", "{reason}");
        until(reason, PATIENCE, || async {
            (self.closed(reason).await > before).then_some(())
        })
        .await;
    }
}

fn settings(cluster: &Cluster, (vpc, other, balancer): (&Net, &Net, &Net)) -> String {
    format!(
        r#"
[[private]]
endpoint_id = "{VPC}"
http = ["{0}:80"]
https = ["{0}:443"]
interface = "{1}"
allowed_cidrs = ["{0}/28"]
dns = ["{0}:53"]
dns_forward = ["{2}"]

[[private]]
endpoint_id = "{OTHER}"
http = ["{3}:80"]
dns = ["{3}:53"]

[[private]]
http = ["{4}:80"]
[private.proxy_protocol]
trusted = ["{5}/32"]
endpoint_ids = ["{BALANCED}"]
azure_links = {{ "{6}" = "{7}" }}
"#,
        vpc.host,
        vpc.device,
        cluster.ready.dns,
        other.host,
        balancer.host,
        balancer.own,
        more::AZURE_LINK,
        more::AZURE,
    )
}

async fn private_api(cluster: &Cluster, management: &Management) -> String {
    let body = json!({
        "openapi": "3.0.1",
        "info": { "title": "private", "version": "1" },
        "x-amazon-apigateway-endpoint-configuration": { "vpcEndpointIds": [VPC] },
        "servers": [{ "url": "https://x", "x-amazon-apigateway-endpoint-configuration": {
            "vpcEndpointIds": [VPC] } }],
        "paths": { "/hello": { "get": { "x-amazon-apigateway-integration": {
            "type": "http_proxy",
            "httpMethod": "GET",
            "uri": format!("http://{}/hello", cluster.ready.sample_backend),
            "requestParameters": {
                "integration.request.header.x-came-by": "context.identity.vpceId",
                "integration.request.header.x-came-from": "context.identity.vpcId",
                "integration.request.header.x-source": "context.identity.sourceIp",
            },
        }}}},
    });
    let path = "/restapis?mode=import&endpointConfigurationTypes=PRIVATE";
    let api = write(management, Method::POST, path, body).await;
    assert_eq!(api["endpointConfiguration"]["types"], json!(["PRIVATE"]));
    assert_eq!(api["endpointConfiguration"]["vpcEndpointIds"], json!([VPC]));
    api["id"].as_str().unwrap().to_owned()
}

fn statement(effect: &str, condition: Value) -> Value {
    json!({"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke",
           "Resource": "execute-api:/*", "Condition": condition})
}

fn policy(statements: &[Value]) -> Option<Value> {
    Some(json!({"Version": "2012-10-17", "Statement": statements}))
}

fn by_endpoint(id: &str) -> Value {
    json!({"StringEquals": {"aws:SourceVpce": id}})
}

#[tokio::test(flavor = "multi_thread")]
async fn private_apis_are_reached_by_their_endpoints_alone() {
    let mut world = World::start().await;
    without_a_policy_nobody_is_let_in(&world).await;
    world.policy(policy(&[statement("Allow", json!({}))])).await;

    the_client_reaches_it_by_name(&world).await;
    every_form_of_the_name_works(&world).await;
    tls_covers_the_names(&world).await;
    public_names_are_not_captured(&world).await;
    public_apis_are_forbidden(&world).await;
    the_public_view_does_not_know_it(&world);

    wireguard::what_comes_out_of_the_tunnel_is_let_in(&world).await;
    wireguard::what_comes_beside_the_tunnel_is_refused(&world).await;
    wireguard::another_key_gets_nothing(&world).await;

    another_network_is_refused(&world).await;
    the_pop_refuses(&world).await;
    the_regional_listener_refuses(&world).await;
    a_forged_host_is_refused(&world).await;
    a_forged_proxy_header_is_refused(&world).await;
    a_wrong_endpoint_id_is_refused(&world).await;
    more::azures_links_name_endpoints(&world).await;
    more::clients_show_certificates_where_they_have_to(&world).await;
    more::addresses_outside_the_networks_are_cut_off(&world).await;

    policies_decide_by_endpoint(&world).await;
    more::the_endpoints_own_policy_decides_first(&world).await;
    private_domains_need_an_association(&world).await;
    the_development_endpoint_works(&world).await;
    an_endpoint_that_is_deleted_leads_nowhere(&world).await;
    a_pop_behind_a_balancer_sees_clients(&mut world).await;
}

async fn without_a_policy_nobody_is_let_in(world: &World) {
    let stage = json!({"stageName": "prod"});
    let path = format!("/restapis/{}/deployments", world.api);
    write(&world.management, Method::POST, &path, stage).await;
    let (status, text) = world
        .vpc
        .ask(world.vpc.door(80), &world.host(), None)
        .await
        .unwrap();
    let expected = format!(
        "{{\"Message\":\"User: anonymous is not authorized to perform: execute-api:Invoke on \
         resource: arn:aws:execute-api:{}:********0000:{}/prod/GET/hello\"}}",
        world.region(),
        world.api
    );
    assert_eq!((status, text), (403, expected));
}

async fn the_client_reaches_it_by_name(world: &World) {
    let (vpc, host) = (&world.vpc, world.host());
    let found = vpc.dig(vpc.host, &["+short", &host]);
    let addr: Ipv4Addr = found.parse().unwrap();
    assert_eq!(addr, vpc.host);
    let over_tcp = vpc.dig(vpc.host, &["+short", "+tcp", &host]);
    assert_eq!(over_tcp, found);
    let (status, text) = vpc.ask((addr, 80).into(), &host, None).await.unwrap();
    assert_eq!(status, 200, "{text}");
    let seen: Value = serde_json::from_str(&text).unwrap();
    let expected = [VPC, "vpc-1", &vpc.own.to_string()];
    let names = ["x-came-by", "x-came-from", "x-source"];
    assert_eq!(
        names.map(|name| seen["headers"][name].as_str().unwrap()),
        expected
    );
}

async fn every_form_of_the_name_works(world: &World) {
    let (vpc, api, base) = (&world.vpc, &world.api, &world.cluster.ready.base_domain);
    let region = world.region();
    let below = format!("execute-api.{region}.{base}");
    for (host, header, expected) in [
        (format!("{api}-{VPC}.{below}"), None, 200),
        (
            format!("{VPC}-abcd1234.execute-api.{region}.vpce.{base}"),
            Some(api.as_str()),
            200,
        ),
        (
            format!("{VPC}-abcd1234-{region}a.execute-api.{region}.vpce.{base}"),
            Some(api.as_str()),
            200,
        ),
        // The name of the endpoint leads to it, and the host says which API.
        (
            format!("{VPC}-abcd1234.execute-api.{region}.vpce.{base}"),
            None,
            403,
        ),
    ] {
        let found = vpc.dig(vpc.host, &["+short", &host]);
        assert_eq!(found, vpc.host.to_string(), "{host}");
        let (status, text) = vpc.ask(vpc.door(80), &host, header).await.unwrap();
        assert_eq!(status, expected, "{host}: {text}");
    }
}

async fn tls_covers_the_names(world: &World) {
    let (vpc, api, base) = (&world.vpc, &world.api, &world.cluster.ready.base_domain);
    let (region, roots) = (world.region(), world.cluster.authority_pem().unwrap());
    let (door, host) = (vpc.door(443), world.host());
    for name in [
        host.clone(),
        format!("{api}-{VPC}.execute-api.{region}.{base}"),
        format!("{VPC}-abcd1234.execute-api.{region}.vpce.{base}"),
    ] {
        let (roots, host) = (roots.clone(), host.clone());
        let asked = async move {
            let stream = client::tls(door, &name, &roots, "http/1.1").await?;
            client::get_on(stream, &host, "/prod/hello").await
        };
        let answer = vpc.inside(asked).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// What users of Amazon's private DNS complain of: public APIs go on where they always were.
async fn public_names_are_not_captured(world: &World) {
    let apis = world
        .management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let sample = world
        .cluster
        .host(apis["items"][0]["apiId"].as_str().unwrap());
    let vpc = &world.vpc;
    let dns = world.cluster.ready.dns;
    let public = || {
        let at = [
            format!("@{}", dns.ip()),
            "-p".to_owned(),
            dns.port().to_string(),
        ];
        let asked = Command::new("dig")
            .args(at)
            .args(["+short", &sample])
            .output();
        String::from_utf8_lossy(&asked.unwrap().stdout)
            .trim()
            .to_owned()
    };
    // A resolver that is slow once makes the view say that it failed, as it should.
    until("the view says what everybody hears", PATIENCE, || async {
        let (by_view, public) = (vpc.dig(vpc.host, &["+short", &sample]), public());
        let is_address = public.parse::<Ipv4Addr>().is_ok();
        (is_address && by_view == public && public != vpc.host.to_string()).then_some(())
    })
    .await;
    // Where there is nobody to ask, such names are refused and not denied.
    let other = &world.other;
    let refused = other.dig(other.host, &[&sample]);
    assert!(refused.contains("status: REFUSED"), "{refused}");
}

async fn public_apis_are_forbidden(world: &World) {
    let apis = world
        .management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let sample = world
        .cluster
        .host(apis["items"][0]["apiId"].as_str().unwrap());
    let unknown = world.cluster.host("abcdefghij");
    for host in [sample, unknown, "example.com".to_owned()] {
        let answer = world
            .vpc
            .ask(world.vpc.door(80), &host, None)
            .await
            .unwrap();
        assert_eq!(answer, (403, FORBIDDEN.to_owned()), "{host}");
    }
}

fn the_public_view_does_not_know_it(world: &World) {
    let dns = world.cluster.ready.dns;
    let at = [
        format!("@{}", dns.ip()),
        "-p".to_owned(),
        dns.port().to_string(),
    ];
    let output = Command::new("dig")
        .args(at)
        .arg(world.host())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("status: NXDOMAIN"), "{text}");
}

/// The listener is bound to the network's own device.
async fn another_network_is_refused(world: &World) {
    let (vpc, other) = (&world.vpc, &world.other);
    let answer = other.ask(vpc.door(80), &world.host(), None).await;
    assert_eq!(answer, None);
    let found = other.dig(vpc.host, &["+short", &world.host()]);
    assert!(found.is_empty() || found.starts_with(";;"), "{found}");
}

async fn the_pop_refuses(world: &World) {
    let pop = world.cluster.ready.pops[0].http;
    let answer = said(
        client::get(pop, &world.host(), "/prod/hello")
            .await
            .unwrap(),
    );
    let unknown = world.cluster.host("abcdefghij");
    let unknown = said(client::get(pop, &unknown, "/prod/hello").await.unwrap());
    assert_eq!(answer, unknown);
    assert_eq!(answer, (403, FORBIDDEN.to_owned()));
}

async fn the_regional_listener_refuses(world: &World) {
    let door = world.cluster.ready.regions[0].http;
    let answer = said(
        client::get(door, &world.host(), "/prod/hello")
            .await
            .unwrap(),
    );
    assert_eq!(answer, (403, FORBIDDEN.to_owned()));
}

async fn a_forged_host_is_refused(world: &World) {
    let (api, base, region) = (&world.api, &world.cluster.ready.base_domain, world.region());
    let by_name = format!("{api}-{VPC}.execute-api.{region}.{base}");
    let by_endpoint = format!("{VPC}-abcd1234.execute-api.{region}.vpce.{base}");
    let public = world.cluster.ready.regions[0].http;
    for host in [&world.host(), &by_name, &by_endpoint] {
        let request = Request::get("/prod/hello")
            .header("host", host)
            .header("x-apigw-api-id", api)
            .header("x-amzn-vpce-id", VPC)
            .header("x-forwarded-for", world.vpc.own.to_string());
        let request = request.body(Full::default()).unwrap();
        let answer = said(client::once(public, request).await.unwrap());
        assert_eq!(answer, (403, FORBIDDEN.to_owned()), "{host}");
    }
    // By an endpoint of one's own, the name of another one's.
    let other = &world.other;
    for host in [by_name, by_endpoint] {
        let answer = other.ask(other.door(80), &host, Some(api)).await.unwrap();
        assert_eq!(answer, (403, FORBIDDEN.to_owned()), "{host}");
    }
}

async fn a_forged_proxy_header_is_refused(world: &World) {
    let door = world.balancer.door(80);
    let header = || proxy_header(world.vpc.own, Some(BALANCED));
    for net in [&world.vpc, &world.other] {
        world.cut_off(net, door, header(), "proxy_untrusted").await;
    }
    // Where no balancer is, a header is no request.
    let answer = world
        .vpc
        .raw(world.vpc.door(80), header(), &world.host())
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    // The balancer itself is believed.
    let answer = world.balancer.raw(door, header(), &world.host()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(BALANCED) && answer.contains("vpc-3"),
        "{answer}"
    );
    assert!(
        answer.contains(&format!("\"x-source\": \"{}\"", world.vpc.own)),
        "{answer}"
    );
    let old = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".to_vec();
    world
        .cut_off(&world.balancer, door, old, "proxy_version")
        .await;
    world
        .cut_off(&world.balancer, door, Vec::new(), "proxy_missing")
        .await;
}

async fn a_wrong_endpoint_id_is_refused(world: &World) {
    let (door, own) = (world.balancer.door(80), world.balancer.own);
    for id in [VPC, OTHER, "vpce-0123456789abcdef0"] {
        let header = proxy_header(own, Some(id));
        world
            .cut_off(&world.balancer, door, header, "endpoint_unknown")
            .await;
    }
    let header = proxy_header(own, None);
    world
        .cut_off(&world.balancer, door, header, "endpoint_missing")
        .await;
}

async fn policies_decide_by_endpoint(world: &World) {
    let (vpc, other, host) = (&world.vpc, &world.other, world.host());
    let near = json!({"IpAddress": {"aws:VpcSourceIp": format!("{}/32", vpc.own)}});
    let not_vpc = json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}});
    for (policy, by_vpc, by_other) in [
        (policy(&[statement("Allow", by_endpoint(VPC))]), 200, 403),
        (policy(&[statement("Allow", by_endpoint(OTHER))]), 403, 200),
        (policy(&[statement("Allow", near)]), 200, 403),
        (
            policy(&[statement("Allow", json!({})), statement("Deny", not_vpc)]),
            200,
            403,
        ),
    ] {
        world.policy(policy).await;
        for (net, expected) in [(vpc, by_vpc), (other, by_other)] {
            let (status, text) = net.ask(net.door(80), &host, None).await.unwrap();
            assert_eq!(status, expected, "{text}");
            assert_eq!(
                text.contains("User: anonymous is not authorized"),
                status == 403
            );
        }
    }
    world.policy(policy(&[statement("Allow", json!({}))])).await;
}

async fn private_domains_need_an_association(world: &World) {
    let (management, vpc, other) = (&world.management, &world.vpc, &world.other);
    let name = "private.example.test";
    let issued = TestIssuer::new("private").unwrap().issue(&[name]).unwrap();
    let arn = import(management, &issued.chain, &issued.key).await;
    let open = policy(&[statement("Allow", by_endpoint(VPC))]).unwrap();
    let body = json!({"domainName": name, "certificateArn": arn,
        "endpointConfiguration": {"types": ["PRIVATE"]}, "policy": open.to_string()});
    let made = write(management, Method::POST, "/domainnames", body).await;
    let id = made["domainNameId"].as_str().unwrap();
    let path = format!("/domainnames/{name}/basepathmappings?domainNameId={id}");
    let body = json!({"restApiId": world.api, "stage": "prod", "basePath": "prod"});
    write(management, Method::POST, &path, body).await;
    let ask = async |net: &Net| net.ask(net.door(80), name, None).await.unwrap().0;
    assert_eq!((ask(vpc).await, ask(other).await), (403, 403));
    assert!(
        !vpc.dig(vpc.host, &["+short", name])
            .contains(&vpc.host.to_string())
    );
    for endpoint in [VPC, OTHER] {
        let body = json!({"domainNameArn": made["domainNameArn"],
            "accessAssociationSourceType": "VPCE", "accessAssociationSource": endpoint});
        write(
            management,
            Method::POST,
            "/domainnameaccessassociations",
            body,
        )
        .await;
    }
    assert_eq!(vpc.dig(vpc.host, &["+short", name]), vpc.host.to_string());
    // Both may reach it; its policy lets one in.
    assert_eq!((ask(vpc).await, ask(other).await), (200, 403));
    let public = world.cluster.ready.regions[0].http;
    let answer = said(client::get(public, name, "/prod/hello").await.unwrap());
    assert_eq!(answer, (403, FORBIDDEN.to_owned()));
}

async fn the_development_endpoint_works(world: &World) {
    let [entry] = &world.cluster.ready.regions[0].private[..] else {
        panic!("one private endpoint in the ready file");
    };
    let answer = client::get(entry.http, &world.host(), "/prod/hello").await;
    let (status, text) = said(answer.unwrap());
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(&entry.endpoint_id), "{text}");
}

async fn an_endpoint_that_is_deleted_leads_nowhere(world: &World) {
    let path = format!("/edgeway/v1/private-endpoints/{OTHER}");
    write(&world.management, Method::DELETE, &path, Value::Null).await;
    let other = &world.other;
    let answer = other
        .ask(other.door(80), &world.host(), None)
        .await
        .unwrap();
    assert_eq!(answer, (403, FORBIDDEN.to_owned()));
}

/// The same door on a public listener, where it only says who the client is.
async fn a_pop_behind_a_balancer_sees_clients(world: &mut World) {
    let apis = world
        .management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let sample = world
        .cluster
        .host(apis["items"][0]["apiId"].as_str().unwrap());
    let pop = world.cluster.ready.pops[0].clone();
    let text = std::fs::read_to_string(&pop.config).unwrap();
    let balanced = "[pop]\nproxy_protocol = { trusted = [\"127.0.0.0/8\"] }\n";
    std::fs::write(&pop.config, text.replace("[pop]\n", balanced)).unwrap();
    world.cluster.kill(pop.pid).unwrap();
    world.cluster.restart(&pop.config).unwrap();
    let client = Ipv4Addr::new(198, 51, 100, 7);
    let request = format!("GET /hello HTTP/1.1\r\nhost: {sample}\r\nconnection: close\r\n\r\n");
    let with = [&proxy_header(client, None), request.as_bytes()].concat();
    let answer = until("the POP serves again", PATIENCE, || async {
        let answer = client::raw(pop.http, &with, PATIENCE).await.ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.starts_with("HTTP/1.1 200").then_some(answer)
    })
    .await;
    assert!(answer.contains("for=198.51.100.7"), "{answer}");
    let without = client::raw(pop.http, request.as_bytes(), PATIENCE)
        .await
        .unwrap();
    assert_eq!(without, b"", "{}", String::from_utf8_lossy(&without));
}
