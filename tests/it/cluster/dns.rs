//! The responder as `dig` and `delv` see it: every record type, answers signed from a trust anchor
//! of ours through a change of keys, and what keeps it from being an amplifier.

use std::{process::Command, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{cluster::Cluster, management::Management, until};

const ZONE: &str = "/edgeway/v1/zones/edgeway.test";
const KEYS: &str = "/edgeway/v1/zones/edgeway.test/dnssec";

fn run(command: &str, cluster: &Cluster, args: &[&str]) -> String {
    let dns = cluster.ready.dns;
    let output = Command::new(command)
        .arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string()])
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{}{errors}", String::from_utf8_lossy(&output.stdout))
}

fn dig(cluster: &Cluster, args: &[&str]) -> String {
    let mut all = vec!["+tries=1", "+time=5", "+nocookie"];
    all.extend(args);
    run("dig", cluster, &all)
}

async fn change(management: &Management, method: Method, path: &str, body: Option<Value>) -> Value {
    let answer = management.call(method, path, body).await.unwrap();
    assert!(answer.status.is_success(), "{path}: {}", answer.body);
    let revision = answer.headers.get("x-edgeway-revision").unwrap();
    let revision = revision.to_str().unwrap().parse().unwrap();
    management.wait(revision).await.unwrap();
    answer.body
}

fn record(name: &str, kind: &str, value: &str) -> Value {
    json!({"name": name, "type": kind, "ttl": 60, "value": value})
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_type_are_answered() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let records = json!({"records": [
        record("edgeway.test", "MX", "10 mail.edgeway.test"),
        record("edgeway.test", "TXT", "v=spf1 -all"),
        record("edgeway.test", "CAA", "0 issue \"ca.example.net\""),
        record("_sip._tcp.edgeway.test", "SRV", "1 2 5060 mail.edgeway.test"),
        record("*.wild.edgeway.test", "A", "192.0.2.9"),
        record("svc.edgeway.test", "HTTPS", "1 . alpn=h2 port=8443"),
    ]});
    change(&management, Method::PUT, ZONE, Some(records)).await;
    for (name, kind, wanted) in [
        ("edgeway.test", "MX", "10 mail.edgeway.test."),
        ("edgeway.test", "TXT", "\"v=spf1 -all\""),
        ("edgeway.test", "CAA", "0 issue \"ca.example.net\""),
        (
            "_sip._tcp.edgeway.test",
            "SRV",
            "1 2 5060 mail.edgeway.test.",
        ),
        ("a.b.wild.edgeway.test", "A", "192.0.2.9"),
        ("svc.edgeway.test", "HTTPS", "1 . alpn=\"h2\" port=8443"),
    ] {
        let answer = dig(&cluster, &["+short", name, kind]);
        assert_eq!(answer.trim(), wanted, "{name} {kind}");
    }
    // Between a name and its zone: there, but empty.
    let answer = dig(&cluster, &["_tcp.edgeway.test", "A"]);
    assert!(answer.contains("status: NOERROR"), "{answer}");

    let apis = management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());
    for subnet in ["+subnet=198.51.100.0/24", "+subnet=203.0.113.0/24"] {
        until(
            "the hint is the latency answer",
            Duration::from_secs(20),
            || async {
                let address = dig(&cluster, &["+short", subnet, &host, "A"]);
                let hint = format!("ipv4hint={}", address.trim());
                let service = dig(&cluster, &["+short", subnet, &host, "HTTPS"]);
                (service.contains("alpn=") && service.contains(&hint)).then_some(())
            },
        )
        .await;
    }
}

/// Whether `delv` says that the answer is good, by keys as the management API shows them.
fn validates(cluster: &Cluster, anchor: &std::path::Path, name: &str, kind: &str) -> String {
    let anchor = anchor.to_str().unwrap();
    run(
        "delv",
        cluster,
        &["-a", anchor, "+root=edgeway.test", name, kind],
    )
}

/// A trust anchor of one key.
fn anchor(folder: &std::path::Path, key: &Value) -> std::path::PathBuf {
    let path = folder.join(format!("anchor-{}", key["tag"]));
    let dnskey = key["dnskey"].as_str().unwrap();
    let (head, public) = dnskey.rsplit_once(' ').unwrap();
    let text = format!("trust-anchors {{ edgeway.test. static-key {head} \"{public}\"; }};\n");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_validate_from_our_trust_anchor_through_a_key_change() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let folder = tempfile::tempdir().unwrap();
    let records = json!({"records": [
        {"name": "www.edgeway.test", "type": "A", "ttl": 60, "value": "192.0.2.80"},
        {"name": "www.edgeway.test", "type": "A", "ttl": 60, "value": "192.0.2.81"},
        {"name": "alias.edgeway.test", "type": "CNAME", "ttl": 60, "value": "www.edgeway.test"},
        {"name": "*.wild.edgeway.test", "type": "TXT", "ttl": 60, "value": "w"},
        {"name": "part.edgeway.test", "type": "NS", "ttl": 60, "value": "ns.example.net"},
    ]});
    change(&management, Method::PUT, ZONE, Some(records)).await;
    let made = change(&management, Method::POST, KEYS, Some(json!({}))).await;
    let first = anchor(folder.path(), &made["keys"][0]);
    let apis = management
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());
    let all_validate = |anchor: &std::path::Path| {
        for (name, kind, wanted) in [
            ("edgeway.test", "SOA", "; fully validated"),
            ("edgeway.test", "DNSKEY", "; fully validated"),
            ("edgeway.test", "NS", "; fully validated"),
            (&host, "A", "; fully validated"),
            (&host, "HTTPS", "; fully validated"),
            (&host, "TXT", "; negative response, fully validated"),
            ("www.edgeway.test", "A", "; fully validated"),
            ("alias.edgeway.test", "A", "; fully validated"),
            ("a.b.wild.edgeway.test", "TXT", "; fully validated"),
            (
                "wild.edgeway.test",
                "A",
                "; negative response, fully validated",
            ),
            (
                "none.edgeway.test",
                "A",
                "; negative response, fully validated",
            ),
            (
                "part.edgeway.test",
                "DS",
                "; negative response, fully validated",
            ),
        ] {
            let told = validates(&cluster, anchor, name, kind);
            assert!(told.contains(wanted), "{name} {kind}: {told}");
        }
    };
    all_validate(&first);
    // Without the DO bit, nothing changes; with it, a missing name is said to have no types.
    let plain = dig(&cluster, &["none.edgeway.test"]);
    assert!(
        plain.contains("NXDOMAIN") && !plain.contains("NSEC"),
        "{plain}"
    );
    let denied = dig(&cluster, &["+dnssec", "none.edgeway.test"]);
    assert!(
        denied.contains("TYPE128") || denied.contains("NXNAME"),
        "{denied}"
    );

    // The key is replaced: both are shown, then the new one signs, then the old one goes.
    let add = format!("{KEYS}/keys");
    let added = change(
        &management,
        Method::POST,
        &add,
        Some(json!({"role": "CSK"})),
    )
    .await;
    assert_eq!(added["ds"].as_array().unwrap().len(), 2, "{added}");
    let second = anchor(folder.path(), &added["keys"][1]);
    all_validate(&first);
    all_validate(&second);
    let tag = |at: usize| added["keys"][at]["tag"].as_u64().unwrap();
    let activate = format!("{add}/{}/activate", tag(1));
    let active = change(&management, Method::POST, &activate, None).await;
    assert_eq!(active["keys"][0]["state"], "RETIRED", "{active}");
    all_validate(&first);
    all_validate(&second);
    let delete = format!("{add}/{}", tag(0));
    change(&management, Method::DELETE, &delete, None).await;
    all_validate(&second);
    let told = validates(&cluster, &first, "www.edgeway.test", "A");
    assert!(!told.contains("; fully validated"), "{told}");
    // The last active key cannot go by accident.
    let last = format!("{add}/{}", tag(1));
    let refused = management.call(Method::DELETE, &last, None).await.unwrap();
    assert_eq!(refused.status, 409, "{}", refused.body);
    change(&management, Method::DELETE, KEYS, None).await;
    let unsigned = dig(&cluster, &["+dnssec", "www.edgeway.test"]);
    assert!(!unsigned.contains("RRSIG"), "{unsigned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_and_identity_are_told_and_garbage_does_no_harm() {
    let cluster = Cluster::start().await.unwrap();
    let answer = run(
        "dig",
        &cluster,
        &["+cookie", "+nsid", "edgeway.test", "SOA"],
    );
    assert!(answer.contains("(good)"), "{answer}");
    assert!(
        answer.contains("NSID") && answer.contains("node-"),
        "{answer}"
    );

    // A hundred thousand packets made from a good one, by a generator that is always the same.
    let dns = cluster.ready.dns;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(dns).await.unwrap();
    let good = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x07edgeway\x04test\0\0\x06\0\x01\
        \0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08\x01\x02\x03\x04\x05\x06\x07\x08";
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        usize::try_from(state).unwrap()
    };
    for number in 0..100_000 {
        let mut packet = good.to_vec();
        for _ in 0..=next() % 6 {
            let at = next() % packet.len();
            packet[at] = next().to_le_bytes()[0];
        }
        if number % 3 == 0 {
            packet.truncate(next() % (packet.len() + 1));
        }
        // A full socket only loses packets, which is no matter here.
        let _ = socket.try_send(&packet);
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let answer = dig(&cluster, &["+short", "edgeway.test", "SOA"]);
    assert!(answer.starts_with("ns1.edgeway.test."), "{answer}");
    let answer = dig(&cluster, &["+tcp", "+short", "edgeway.test", "SOA"]);
    assert!(answer.starts_with("ns1.edgeway.test."), "{answer}");
}
