//! What is easy to get wrong in answers, on a real node as `dig` sees it: apexes of custom domains,
//! wildcards, names that are there but empty, and the client's subnet where it does not matter.

use std::process::Command;

use http::Method;
use serde_json::{Value, json};
use tests::{cluster::Cluster, issuer::TestIssuer};

use super::domains::{domain, import, write};

fn dig(cluster: &Cluster, args: &[&str]) -> String {
    let dns = cluster.ready.dns;
    let output = Command::new("dig")
        .arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string()])
        .args(["+tries=2", "+time=10", "+nocookie", "+norecurse"])
        .args(args)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn record(name: &str, kind: &str, value: &str) -> Value {
    json!({"name": name, "type": kind, "ttl": 60, "value": value})
}

/// All of these are said.
fn said(told: &str, all: &[&str]) {
    for one in all {
        assert!(told.contains(one), "'{one}' is not in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apexes_wildcards_empty_names_and_subnets_are_answered_by_the_rules() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let records = json!({"records": [
        record("example.com", "MX", "10 mail.example.com"),
        record("*.example.com", "TXT", "wild"),
        record("a.b.example.com", "A", "192.0.2.1"),
        record("part.example.com", "NS", "ns.part.example.com"),
        record("ns.part.example.com", "A", "192.0.2.53"),
    ]});
    let zone = "/edgeway/v1/zones/example.com";
    write(&management, Method::PUT, zone, records).await;
    let issuer = TestIssuer::new("example").unwrap();
    let issued = issuer.issue(&["example.com"]).unwrap();
    let arn = import(&management, &issued.chain, &issued.key).await;
    domain(&management, "example.com", &arn, "EDGE").await;

    // The apex has the POPs' addresses beside the zone's own records.
    let addresses = dig(&cluster, &["+short", "example.com", "A"]);
    let pops: Vec<String> = cluster
        .ready
        .pops
        .iter()
        .map(|pop| pop.public.to_string())
        .collect();
    assert!(
        pops.iter().any(|pop| addresses.trim() == pop),
        "{addresses}"
    );
    let told = dig(&cluster, &["+subnet=198.51.100.0/24", "ExAmPlE.CoM", "A"]);
    said(
        &told,
        &[
            "flags: qr aa;",
            "ExAmPlE.CoM.",
            "CLIENT-SUBNET: 198.51.100.0/24/",
        ],
    );
    let short = |kind| dig(&cluster, &["+short", "example.com", kind]);
    assert_eq!(short("MX"), "10 mail.example.com.\n");
    assert!(short("SOA").starts_with("ns1.edgeway.test. hostmaster.edgeway.test."));
    assert_eq!(short("NS"), "ns1.edgeway.test.\n");
    said(&short("HTTPS"), &["1 . alpn=", "ipv4hint="]);

    // Wildcards stand for what is not there, at any depth, but not below what is.
    for (name, wanted) in [
        ("x.example.com", "\"wild\""),
        ("x.y.example.com", "\"wild\""),
        ("b.example.com", "status: NOERROR"),
        ("z.b.example.com", "status: NXDOMAIN"),
        ("a.b.example.com", "status: NOERROR"),
    ] {
        let told = dig(&cluster, &[name, "TXT"]);
        said(&told, &[wanted]);
        let empty = wanted.starts_with("status");
        assert_eq!(told.contains("ANSWER: 0"), empty, "{told}");
        assert_eq!(told.contains("\tSOA\t"), empty, "{told}");
    }
    said(
        &dig(&cluster, &["x.example.com", "A"]),
        &["status: NOERROR", "ANSWER: 0", "\tSOA\t"],
    );

    // What is the same for everyone is said to be, whatever the subnet: else some resolvers would
    // stop sending it.
    for (name, kind, wanted) in [
        ("z.b.example.com", "A", "status: NXDOMAIN"),
        ("b.example.com", "A", "ANSWER: 0"),
        ("example.com", "MX", "ANSWER: 1"),
        ("www.part.example.com", "A", "ns.part.example.com."),
    ] {
        for subnet in ["198.51.100.0/24", "2001:db8:1234::/56"] {
            let told = dig(&cluster, &[&format!("+subnet={subnet}"), name, kind]);
            said(&told, &[wanted, &format!("CLIENT-SUBNET: {subnet}/0")]);
        }
    }
    let told = dig(&cluster, &["www.part.example.com", "A"]);
    said(&told, &["flags: qr;", "AUTHORITY: 1", "192.0.2.53"]);
}
