//! More ways that must be closed, and what opens them: Azure's item of a balancer's header,
//! networks of clients, the endpoint's own policy, client certificates.

use std::{fs, net::Ipv4Addr, path::Path, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{issuer::TestIssuer, until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use super::{FORBIDDEN, Net, PATIENCE, VPC, World, ip, statement, write};

/// What Azure's link leads to, by its number.
pub(super) const AZURE: &str = "vpce-0eeeeeeeeeeeeeee5";
pub(super) const AZURE_LINK: u32 = 0x1234_5678;

/// Whose listener wants client certificates.
pub(super) const CERTIFIED: &str = "vpce-0fffffffffffffff6";
const CERTIFIED_PORT: u16 = 8443;

/// Files of an authority of clients, of a client of it and of one of another.
pub(super) struct ClientFiles(tempfile::TempDir);

impl ClientFiles {
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["known", "unknown"] {
            let issuer = TestIssuer::new(name).unwrap();
            let client = issuer.issue(&["client"]).unwrap();
            let put = |ending: &str, text: &[u8]| {
                fs::write(folder.path().join(format!("{name}.{ending}")), text).unwrap();
            };
            put("ca", issuer.root_pem());
            put("pem", client.chain.as_bytes());
            put("key", client.key.as_bytes());
        }
        Self(folder)
    }

    /// Settings of the listener.
    pub(super) fn settings(&self, host: Ipv4Addr) -> String {
        let file = self.0.path().join("known.ca");
        format!(
            "\n[[private]]\nendpoint_id = \"{CERTIFIED}\"\nhttps = [\"{host}:{CERTIFIED_PORT}\"]\n\
             client_ca_file = \"{}\"\n",
            file.display()
        )
    }
}

/// A header of the PROXY protocol, version 2, with a link's number, lowest byte first.
fn azure_header(client: Ipv4Addr, link: u32) -> Vec<u8> {
    let mut rest = [client.octets(), [192, 0, 2, 1]].concat();
    rest.extend([0x10, 0x00, 0x00, 80, 0xEE, 0, 5, 1]);
    rest.extend(link.to_le_bytes());
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0".to_vec();
    header.push(u8::try_from(rest.len()).unwrap());
    header.extend(rest);
    header
}

pub(super) async fn azures_links_name_endpoints(world: &World) {
    let (balancer, own) = (&world.balancer, world.balancer.own);
    let door = balancer.door(80);
    let header = azure_header(own, AZURE_LINK);
    let answer = balancer.raw(door, header, &world.host()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(AZURE) && answer.contains("vpc-5"),
        "{answer}"
    );
    let another = azure_header(own, AZURE_LINK + 1);
    world
        .cut_off(balancer, door, another, "endpoint_unknown")
        .await;
    let forged = azure_header(own, AZURE_LINK);
    world
        .cut_off(&world.vpc, door, forged, "proxy_untrusted")
        .await;
}

/// The device is the right one, the client's address is not.
pub(super) async fn addresses_outside_the_networks_are_cut_off(world: &World) {
    let vpc = &world.vpc;
    let [.., high, low] = std::process::id().to_be_bytes();
    let far = Ipv4Addr::new(172, 16 | (high & 15), low, 9);
    let line = format!("addr add {far}/32 dev eth0\n");
    vpc.space.configure(&line).unwrap();
    ip(&format!("route add {far}/32 dev {}", vpc.device));
    let before = world.closed("not_allowed").await;
    let door = vpc.door(80);
    let request = format!("GET /prod/hello HTTP/1.1\r\nhost: {}\r\n\r\n", world.host());
    let asked = vpc.inside(async move {
        let socket = TcpSocket::new_v4()?;
        socket.bind((far, 0).into())?;
        let mut stream = socket.connect(door).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    });
    // A connection that is cut off with a request unread is reset.
    let answer = asked.await.unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&answer), "");
    until("not_allowed", PATIENCE, || async {
        (world.closed("not_allowed").await > before).then_some(())
    })
    .await;
    let found = vpc.dig(
        vpc.host,
        &[
            "+short",
            "-b",
            &far.to_string(),
            "+tries=1",
            "+time=1",
            &world.host(),
        ],
    );
    assert!(found.is_empty() || found.starts_with(";;"), "{found}");
}

async fn put(world: &World, policy: Option<Value>) {
    let mut body = json!({"addresses": [world.vpc.host], "vpcId": "vpc-1"});
    if let Some(policy) = policy {
        body["policy"] = policy.to_string().into();
    }
    let path = format!("/edgeway/v1/private-endpoints/{VPC}");
    write(&world.management, Method::PUT, &path, body).await;
}

/// It holds for all that is called by way of it, and from its next change on.
pub(super) async fn the_endpoints_own_policy_decides_first(world: &World) {
    let (vpc, other, host) = (&world.vpc, &world.other, world.host());
    let statements = [
        statement("Allow", json!({})),
        statement(
            "Deny",
            json!({"IpAddress": {"aws:VpcSourceIp": format!("{}/32", vpc.own)}}),
        ),
    ];
    put(world, super::policy(&statements)).await;
    let (status, text) = vpc.ask(vpc.door(80), &host, None).await.unwrap();
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("is not authorized to perform"), "{text}");
    assert_eq!(other.ask(other.door(80), &host, None).await.unwrap().0, 200);
    put(world, None).await;
    assert_eq!(vpc.ask(vpc.door(80), &host, None).await.unwrap().0, 200);
}

/// What curl says, from inside, with a certificate or none.
fn curl(net: &Net, world: &World, files: &Path, client: Option<&str>) -> (bool, String) {
    let host = world.host();
    let ca = files.join("cluster.ca");
    fs::write(&ca, world.cluster.authority_pem().unwrap()).unwrap();
    let mut command = net.space.command(Path::new("curl"));
    command
        .args(["--silent", "--show-error", "--max-time", "30", "--cacert"])
        .arg(ca);
    let at = format!("{host}:{CERTIFIED_PORT}:{}", world.vpc.host);
    command.args(["--resolve", &at]);
    if let Some(client) = client {
        let file = |ending| files.join(format!("{client}.{ending}"));
        command
            .arg("--cert")
            .arg(file("pem"))
            .arg("--key")
            .arg(file("key"));
    }
    command.arg(format!("https://{host}:{CERTIFIED_PORT}/prod/hello"));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

pub(super) async fn clients_show_certificates_where_they_have_to(world: &World) {
    let files = world.client_files.0.path();
    let (passed, text) = curl(&world.vpc, world, files, Some("known"));
    assert!(passed && text.contains(CERTIFIED), "{text}");
    for client in [None, Some("unknown")] {
        let (passed, text) = curl(&world.vpc, world, files, client);
        assert!(!passed && !text.contains(CERTIFIED), "{client:?}: {text}");
        assert!(
            !text.contains(FORBIDDEN),
            "it never comes to a request: {text}"
        );
    }
    tokio::time::timeout(Duration::from_secs(60), async {
        let url = &world.cluster.ready.regions[0].metrics;
        let addr = url
            .trim_start_matches("http://")
            .trim_end_matches("/metrics");
        let answer = tests::client::get(addr.parse().unwrap(), "metrics", "/metrics").await;
        let (_, text) = super::said(answer.unwrap());
        let counted = text.lines().any(|line| {
            line.starts_with("edgeway_serve_handshake_failures_total")
                && line.contains("client_certificate")
                && !line.ends_with(" 0")
        });
        assert!(counted, "refused certificates are counted");
    })
    .await
    .unwrap();
}
