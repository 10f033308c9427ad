//! Cluster operations.

use std::time::Duration;

use model::{NodeId, Revision};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::Bench;
use crate::{LiveNode, limits::WAITERS_MAX};

pub(super) fn live(node: u64, revision: u64) -> LiveNode {
    LiveNode {
        node: NodeId(node),
        revision: Revision(revision),
        draining: false,
        heard_ms: 4,
        refused: None,
        over_h2: Vec::new(),
        format: model::codec::Level::NEWEST,
        build: "0.1.0".to_owned(),
    }
}

#[tokio::test]
async fn status_shows_cluster_raft_and_nodes() {
    let bench = Bench::new();
    let status = bench
        .expect(200, "GET", "/edgeway/v1/status", Value::Null)
        .await;
    let node = &status.body["nodes"][0];
    assert_eq!(status.body["cluster"]["baseDomain"], "edgeway.test");
    assert_eq!(status.body["raft"]["leader"], 1);
    assert_eq!(
        (
            &node["role"],
            &node["place"],
            &node["live"],
            &node["revision"],
            &node["member"]
        ),
        (
            &json!("region"),
            &json!("eu-west-1"),
            &json!(true),
            &json!(1),
            &json!("voter")
        )
    );
    let one = bench
        .expect(200, "GET", "/edgeway/v1/nodes/1", Value::Null)
        .await;
    assert_eq!(&one.body["id"], 1);
    bench
        .expect(404, "GET", "/edgeway/v1/nodes/9", Value::Null)
        .await;
    bench
        .expect(404, "POST", "/edgeway/v1/nodes/1/promote", Value::Null)
        .await;
    bench
        .expect(204, "DELETE", "/edgeway/v1/nodes/1", Value::Null)
        .await;
    assert_eq!(*bench.world.removed.lock().unwrap(), [NodeId(1)]);
}

#[tokio::test]
async fn a_node_is_told_to_drain_more_than_once() {
    let bench = Bench::new();
    let path = "/edgeway/v1/nodes/1/drain";
    for _ in 0..2 {
        bench.expect(202, "POST", path, Value::Null).await;
    }
    let node = bench
        .expect(200, "GET", "/edgeway/v1/nodes/1", Value::Null)
        .await;
    assert_eq!(node.body["leaving"], true);
    bench
        .expect(404, "POST", "/edgeway/v1/nodes/9/drain", Value::Null)
        .await;
}

#[tokio::test]
async fn places_have_coordinates() {
    let bench = Bench::new();
    let dublin = json!({"latitude": 53.35, "longitude": -6.26});
    for path in ["/edgeway/v1/regions/eu-west-1", "/edgeway/v1/pops/pop-1"] {
        let put = bench.expect(200, "PUT", path, dublin.clone()).await;
        assert_eq!(
            (&put.body["latitude"], &put.body["longitude"]),
            (&json!(53.35), &json!(-6.26))
        );
        let got = bench.expect(200, "GET", path, Value::Null).await;
        assert_eq!(got.body, put.body);
        let half = ("BadRequestException", "together");
        bench
            .refused(half, "PUT", path, json!({"latitude": 1}))
            .await;
        let far = ("BadRequestException", "between -90 and 90");
        bench
            .refused(far, "PUT", path, json!({"latitude": 91, "longitude": 0}))
            .await;
    }
    bench
        .refused(
            ("BadRequestException", "no name"),
            "PUT",
            "/edgeway/v1/pops/POP",
            json!({}),
        )
        .await;
    bench
        .expect(204, "DELETE", "/edgeway/v1/pops/pop-1", Value::Null)
        .await;
    let pops = bench
        .expect(200, "GET", "/edgeway/v1/pops", Value::Null)
        .await;
    assert_eq!(pops.body, json!({"items": []}));
    let used = ("ConflictException", "node 1");
    bench
        .refused(used, "DELETE", "/edgeway/v1/regions/eu-west-1", Value::Null)
        .await;
}

#[tokio::test]
async fn tokens_show_their_text_once() {
    let bench = Bench::new();
    let body = json!({"role": "pop", "place": "pop-1", "ttlSeconds": 60});
    let made = bench.expect(201, "POST", "/edgeway/v1/tokens", body).await;
    assert_eq!(
        (made.text("token"), made.text("place")),
        ("ewj1.text", "pop-1")
    );
    let list = bench
        .expect(200, "GET", "/edgeway/v1/tokens", Value::Null)
        .await;
    assert!(list.body["items"][0].get("token").is_none());
    let one = bench
        .expect(200, "GET", "/edgeway/v1/tokens/t1", Value::Null)
        .await;
    assert_eq!(one.body, list.body["items"][0]);
    assert_eq!(
        (&one.body["maxUses"], &one.body["usedBy"]),
        (&json!(1), &json!([]))
    );
    for body in [
        json!({"role": "king"}),
        json!({"role": "pop"}),
        json!({"role": "dns", "ttlSeconds": 0}),
        json!({"role": "dns", "maxUses": 0}),
    ] {
        bench
            .refused(
                ("BadRequestException", ""),
                "POST",
                "/edgeway/v1/tokens",
                body,
            )
            .await;
    }
    bench
        .expect(204, "DELETE", "/edgeway/v1/tokens/t1", Value::Null)
        .await;
    bench
        .expect(201, "POST", "/edgeway/v1/tokens", json!({"role": "dns"}))
        .await;
}

#[tokio::test]
async fn certificates_are_checked_when_they_are_imported() {
    let bench = Bench::new();
    let path = "/edgeway/v1/certificates";
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let params = CertificateParams::new(vec!["B.x.test".to_owned(), "a.x.test".to_owned()]);
    let pem = params.unwrap().self_signed(&key).unwrap().pem();
    let body = |key: &str| json!({"certificate": pem, "privateKey": key});
    let made = bench
        .expect(201, "POST", path, body(&key.serialize_pem()))
        .await;
    assert_eq!(made.body["names"], json!(["a.x.test", "b.x.test"]));
    assert!(!made.body.to_string().contains("PRIVATE"));
    let bad = "BadRequestException";
    bench
        .refused(
            (bad, "do not fit"),
            "POST",
            path,
            body(&other.serialize_pem()),
        )
        .await;
    bench.refused((bad, "PEM"), "POST", path, body("x")).await;
    let one = format!("{path}/{}", made.text("certificateId"));
    let renewed = bench
        .expect(200, "PUT", &one, body(&key.serialize_pem()))
        .await;
    assert_eq!(renewed.text("certificateArn"), made.text("certificateArn"));
    bench.expect(204, "DELETE", &one, Value::Null).await;
    bench
        .expect(404, "PUT", &one, body(&key.serialize_pem()))
        .await;
}

#[tokio::test]
async fn waiting_ends_when_every_live_node_serves_the_revision() {
    let bench = Bench::new();
    let wait =
        |n: u64, seconds: u64| format!("/edgeway/v1/revisions/{n}/wait?timeoutSeconds={seconds}");
    let now = bench.expect(200, "GET", &wait(1, 5), Value::Null).await;
    assert_eq!(
        (&now.body["reached"], &now.body["nodes"][0]["node"]),
        (&json!(true), &json!(1))
    );

    *bench.world.live.lock().unwrap() = vec![live(1, 3), live(77, 0)];
    let late = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        *bench.world.live.lock().unwrap() = vec![live(1, 4), live(77, 0)];
    };
    let target = wait(4, 5);
    let (reached, ()) = tokio::join!(bench.expect(200, "GET", &target, Value::Null), late);
    assert!(
        reached.body["nodes"][0]["reachedMs"].as_u64().unwrap() >= 25,
        "{}",
        reached.body
    );

    let lag = bench.expect(504, "GET", &wait(9, 0), Value::Null).await;
    assert_eq!(lag.body["reached"], false);
    assert!(
        lag.text("message").contains("1 (region eu-west-1)"),
        "{}",
        lag.body
    );
    let bad = ("BadRequestException", "timeoutSeconds");
    bench.refused(bad, "GET", &wait(1, 301), Value::Null).await;
    bench
        .refused(
            ("BadRequestException", "whole"),
            "GET",
            "/edgeway/v1/revisions/x/wait",
            Value::Null,
        )
        .await;
}

#[tokio::test]
async fn zones_hold_records_inside_them() {
    let bench = Bench::new();
    let zone = "/edgeway/v1/zones/edgeway.test";
    let records = json!({"records": [
        {"name": "www.Edgeway.test.", "type": "A", "ttl": 60, "value": "192.0.2.1"},
        {"name": "edgeway.test", "type": "NS", "value": "ns1.edgeway.test"},
    ]});
    let put = bench.expect(200, "PUT", zone, records).await;
    let wanted = json!([
        {"name": "www.edgeway.test", "type": "A", "ttl": 60, "value": "192.0.2.1"},
        {"name": "edgeway.test", "type": "NS", "ttl": 300, "value": "ns1.edgeway.test"},
    ]);
    assert_eq!(put.body["records"], wanted);
    for (text, record) in [
        (
            "gives out itself",
            r#"{"name": "a.execute-api.r.edgeway.test", "type": "A", "value": "192.0.2.1"}"#,
        ),
        (
            "inside",
            r#"{"name": "x.test", "type": "A", "value": "192.0.2.1"}"#,
        ),
        (
            "no value",
            r#"{"name": "edgeway.test", "type": "AAAA", "value": "192.0.2.1"}"#,
        ),
        (
            "type must be",
            r#"{"name": "edgeway.test", "type": "LOC", "value": "m"}"#,
        ),
        (
            "no DNS name",
            r#"{"name": "a..b", "type": "A", "value": "192.0.2.1"}"#,
        ),
    ] {
        let record: Value = serde_json::from_str(record).unwrap();
        let body = json!({"records": [record]});
        bench
            .refused(("BadRequestException", text), "PUT", zone, body)
            .await;
    }
    bench
        .refused(
            ("ConflictException", "base domain"),
            "DELETE",
            zone,
            Value::Null,
        )
        .await;
}

#[tokio::test]
async fn priors_are_prefixes_without_host_bits() {
    let bench = Bench::new();
    let at = json!({"latitude": 1.5, "longitude": 2});
    let prior = bench
        .expect(200, "PUT", "/edgeway/v1/priors/192.0.2.9%2F24", at.clone())
        .await;
    assert_eq!(prior.text("prefix"), "192.0.2.0/24");
    bench
        .expect(200, "PUT", "/edgeway/v1/priors/2001:db8::/32", at.clone())
        .await;
    let list = bench
        .expect(200, "GET", "/edgeway/v1/priors", Value::Null)
        .await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 2);
    bench
        .expect(
            204,
            "DELETE",
            "/edgeway/v1/priors/192.0.2.0/24",
            Value::Null,
        )
        .await;
    bench
        .refused(
            ("BadRequestException", "prefix"),
            "PUT",
            "/edgeway/v1/priors/x",
            at,
        )
        .await;
}

#[tokio::test]
async fn private_endpoints_belong_to_a_region() {
    let bench = Bench::new();
    let path = "/edgeway/v1/private-endpoints";
    let made = bench
        .expect(201, "POST", path, json!({"addresses": ["10.0.0.1"]}))
        .await;
    assert_eq!(
        (made.text("endpointId").len(), made.text("region")),
        (22, "eu-west-1")
    );
    let one = format!("{path}/{}", made.text("endpointId"));
    let put = bench
        .expect(200, "PUT", &one, json!({"addresses": ["10.0.0.2", "::1"]}))
        .await;
    assert_eq!(put.body["addresses"], json!(["10.0.0.2", "::1"]));
    let region = json!({"addresses": ["10.0.0.2"], "region": "none"});
    bench
        .refused(("NotFoundException", "Region"), "POST", path, region)
        .await;
    bench.expect(204, "DELETE", &one, Value::Null).await;
    // One whose id somebody chose, in its network, with a policy.
    let one = format!("{path}/vpce-0123456789abcdef0");
    let body = json!({"addresses": ["10.0.0.2"], "vpcId": "vpc-1", "policy": POLICY});
    let put = bench.expect(200, "PUT", &one, body).await;
    assert_eq!((put.text("vpcId"), put.text("policy")), ("vpc-1", POLICY));
    let bare = json!({"addresses": ["10.0.0.2"]});
    let put = bench.expect(200, "PUT", &one, bare.clone()).await;
    assert_eq!(
        (put.body.get("vpcId"), put.body.get("policy")),
        (None, None)
    );
    for (id, field, value, says) in [
        ("vpce-1", "vpcId", "vpc-1", "no id of an endpoint"),
        ("vpce-0123456X", "vpcId", "vpc-1", "no id of an endpoint"),
        (
            "vpc-0123456789abcdef0",
            "vpcId",
            "vpc-1",
            "no id of an endpoint",
        ),
        (
            "vpce-0123456789abcdef0",
            "vpcId",
            "a b",
            "no id of a network",
        ),
        ("vpce-0123456789abcdef0", "policy", "{", "policy document"),
    ] {
        let mut body = bare.clone();
        body[field] = json!(value);
        let at = format!("{path}/{id}");
        bench
            .refused(("BadRequestException", says), "PUT", &at, body)
            .await;
    }
}

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}"#;

#[tokio::test]
async fn waiters_are_limited_and_may_go_away() {
    let bench = Bench::new();
    let target = "/edgeway/v1/revisions/99/wait?timeoutSeconds=5";
    let mut waits: Vec<_> = (0..WAITERS_MAX)
        .map(|_| Box::pin(bench.call("GET", target, Value::Null)))
        .collect();
    for wait in &mut waits {
        let early = tokio::time::timeout(Duration::from_millis(1), wait).await;
        assert!(early.is_err(), "answered too early");
    }
    let busy = bench.expect(429, "GET", target, Value::Null).await;
    assert_eq!(busy.text("limitType"), "waits for a revision");
    drop(waits);
    bench
        .expect(
            504,
            "GET",
            "/edgeway/v1/revisions/99/wait?timeoutSeconds=0",
            Value::Null,
        )
        .await;
    let families = bench.registry.gather();
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&families)
        .unwrap();
    assert!(text.contains("edgeway_admin_requests_running 0"), "{text}");
}

#[tokio::test]
async fn zones_show_every_type_as_it_was_put() {
    let bench = Bench::new();
    let zone = "/edgeway/v1/zones/edgeway.test";
    for (kind, given, shown) in [
        ("MX", "10 Mail.Example.com.", "10 mail.example.com"),
        ("MX", "0 .", "0 ."),
        ("TXT", "v=spf1 -all", r#""v=spf1 -all""#),
        ("TXT", r#""a\"b" "" "\007""#, r#""a\"b" "" "\007""#),
        ("SRV", "1 2 443 a.edgeway.test", "1 2 443 a.edgeway.test"),
        (
            "CAA",
            r#"0 issue "ca.example.net""#,
            r#"0 issue "ca.example.net""#,
        ),
        ("DS", "1 13 2 0a FF", "1 13 2 0AFF"),
        (
            "HTTPS",
            r#"1 . port=8443 alpn="h3,h2" ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"#,
            "1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1",
        ),
        (
            "SVCB",
            "2 svc.example.net no-default-alpn key700=x",
            r#"2 svc.example.net no-default-alpn key700="x""#,
        ),
    ] {
        for value in [given, shown] {
            let record = json!({"name": "x.edgeway.test", "type": kind, "value": value});
            let put = bench
                .expect(200, "PUT", zone, json!({"records": [record]}))
                .await;
            assert_eq!(put.body["records"][0]["value"], shown, "{kind} {given}");
        }
    }
    for (kind, value) in [
        ("MX", "mail.example.com"),
        ("MX", "65536 mail.example.com"),
        ("TXT", "\"open"),
        ("SRV", "1 2 3"),
        ("CAA", "0 no-tag x"),
        ("DS", "1 13 2 0"),
        ("HTTPS", "1 . port=x"),
        ("HTTPS", "1 . alpn=h2 alpn=h3"),
        ("A", "192.0.2.1 192.0.2.2"),
    ] {
        let record = json!({"name": "x.edgeway.test", "type": kind, "value": value});
        let body = json!({"records": [record]});
        bench
            .refused(("BadRequestException", "no value"), "PUT", zone, body)
            .await;
    }
}

#[tokio::test]
async fn a_purge_names_pops_and_takes_one_target() {
    let bench = Bench::new();
    let purge = |body: Value| bench.expect(200, "POST", "/edgeway/v1/purge", body);
    let answer = purge(json!({ "tag": "blue" })).await;
    // The only node is a region.
    assert_eq!(answer.body, json!({ "pops": [], "unreached": [] }));
    for (body, status) in [
        (json!({}), 400),
        (json!({ "tag": "" }), 400),
        (json!({ "tag": "a", "url": "b" }), 400),
        (json!({ "api": "nothere" }), 404),
    ] {
        bench
            .expect(status, "POST", "/edgeway/v1/purge", body)
            .await;
    }
    let done = bench.world.purged.lock().unwrap();
    assert_eq!(*done, [crate::PurgeTarget::Tag("blue".into())]);
}

#[tokio::test]
async fn answers_of_dns_are_explained_for_addresses_and_prefixes() {
    let bench = Bench::new();
    for (from, prefix) in [
        ("203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.0%2F22", "203.0.112.0/22"),
        ("2001:db8::1", "2001:db8::/56"),
    ] {
        let target = format!("/edgeway/v1/explain/dns?from={from}&name=a.test");
        let found = bench.expect(200, "GET", &target, Value::Null).await;
        assert_eq!(found.body["from"], prefix);
        assert_eq!(found.body["chosen"], "pop-1");
        assert_eq!(found.body["mapEpoch"], 3);
    }
    for query in [
        "from=203.0.113.9",
        "name=a.test",
        "from=nowhere&name=a.test",
        "from=203.0.113.9&name=fixed.test",
    ] {
        let target = format!("/edgeway/v1/explain/dns?{query}");
        bench.expect(400, "GET", &target, Value::Null).await;
    }
}

#[tokio::test]
async fn the_format_rises_only_when_every_node_knows_it() {
    let bench = Bench::new();
    let old = LiveNode {
        format: model::codec::Level::numbered(0),
        ..live(1, 1)
    };
    *bench.world.live.lock().unwrap() = vec![old];
    let path = "/edgeway/v1/format";
    let shown = bench.expect(200, "GET", path, Value::Null).await;
    assert_eq!(shown.body["reachable"], 0);
    assert_eq!(shown.body["holding"][0]["node"], 1);
    let refused = bench.expect(409, "POST", path, Value::Null).await;
    let text = refused.text("message").to_owned();
    assert!(
        text.contains("node 1 (build 0.1.0) knows formats up to 0"),
        "{text}"
    );

    *bench.world.live.lock().unwrap() = vec![live(1, 1)];
    let raised = bench.expect(200, "POST", path, Value::Null).await;
    assert_eq!(raised.body["format"], model::codec::Level::NEWEST.number());
    let refused = bench.expect(409, "POST", path, Value::Null).await;
    assert!(refused.text("message").contains("already"));
    bench
        .expect(400, "POST", path, json!({ "format": 99 }))
        .await;
}

#[tokio::test]
async fn a_zone_is_put_only_by_who_saw_what_is_there() {
    let bench = Bench::new();
    let zone = "/edgeway/v1/zones/edgeway.test";
    let shown = bench.expect(200, "GET", zone, Value::Null).await;
    assert!(shown.body.get("etag").is_none(), "not before format 2");
    let format = "/edgeway/v1/format";
    *bench.world.live.lock().unwrap() = vec![live(1, 1)];
    bench.expect(200, "POST", format, Value::Null).await;

    let shown = bench.expect(200, "GET", zone, Value::Null).await;
    let first = shown.body["etag"].clone();
    let records = |name: &str, etag: &Value| {
        let record = json!({"name": name, "type": "A", "value": "192.0.2.1"});
        json!({"records": [record], "etag": etag})
    };
    let put = bench
        .expect(200, "PUT", zone, records("a.edgeway.test", &first))
        .await;
    assert_ne!(put.body["etag"], first);
    // Who saw what was there before, or nothing, comes too late; its change would be lost.
    for etag in [&first, &json!("none")] {
        bench
            .refused(
                ("ConflictException", "concurrent modification"),
                "PUT",
                zone,
                records("b.edgeway.test", etag),
            )
            .await;
    }
    bench
        .refused(
            ("BadRequestException", "etag"),
            "PUT",
            zone,
            records("b.edgeway.test", &json!("x")),
        )
        .await;
    let body = records("c.edgeway.test", &put.body["etag"]);
    bench.expect(200, "PUT", zone, body).await;
    let other = "/edgeway/v1/zones/other.test";
    let body = records("a.other.test", &json!("none"));
    bench.expect(200, "PUT", other, body).await;
}
