//! The audit trail, differences, and taking an API back, as the wire shows them.

use serde_json::{Value, json};

use super::{Bench, HOST, KEY};

impl Bench {
    async fn get(&self, target: &str) -> Value {
        self.expect(200, "GET", target, Value::Null).await.body
    }

    /// An API with a route and a stage that deploys by itself; its id.
    async fn quick(&self) -> String {
        let body = json!({"name": "a", "protocolType": "HTTP", "target": "http://b.test"});
        let made = self.expect(201, "POST", "/v2/apis", body).await;
        made.text("apiId").to_owned()
    }
}

#[tokio::test]
async fn the_audit_trail_says_who_when_where_and_what() {
    let bench = Bench::new();
    let api = bench.quick().await;
    let path = format!("/v2/apis/{api}");
    let reply = bench
        .expect(200, "PATCH", &path, json!({"name": "b"}))
        .await;
    let list = bench.get("/edgeway/v1/history").await;
    assert_eq!(
        (&list["revision"], &list["oldestKept"]),
        (&json!(3), &json!(0))
    );
    let newest = &list["items"][0];
    assert_eq!(newest["revision"], 3);
    assert_eq!(
        (&newest["by"], &newest["name"]),
        (&json!(KEY), &json!("first"))
    );
    assert_eq!(newest["operation"], "UpdateApi");
    assert_eq!(newest["resource"], format!("/apis/{api}"));
    assert_eq!(newest["source"], HOST);
    assert_eq!(newest["requestId"], reply.header("x-amzn-requestid"));
    assert_eq!(newest["date"].as_str().unwrap().len(), 20);
    assert_eq!(list["items"][2]["operation"], "Bootstrap");
    assert_eq!(list["items"][2].get("source"), None);

    let first = bench.get("/edgeway/v1/history?maxResults=2").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = format!(
        "/edgeway/v1/history?maxResults=2&nextToken={}",
        first["nextToken"].as_str().unwrap()
    );
    let second = bench.get(&next).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second.get("nextToken"), None);
    let about = bench.get(&format!("/edgeway/v1/history?apiId={api}")).await;
    let made = &about["items"][1];
    assert_eq!(about["items"].as_array().unwrap().len(), 2);
    assert_eq!(made["resource"], "/apis");
    assert_eq!(made["changed"], json!([format!("api/{api}")]));
    let bad = ("BadRequestException", "whole number");
    bench
        .refused(bad, "GET", "/edgeway/v1/history?nextToken=x", Value::Null)
        .await;
    let gone = ("NotFoundException", "not in the audit trail");
    bench
        .refused(gone, "GET", "/edgeway/v1/history/99", Value::Null)
        .await;
}

#[tokio::test]
async fn a_difference_names_fields() {
    let bench = Bench::new();
    let api = bench.quick().await;
    let path = format!("/v2/apis/{api}");
    let body = json!({"routeKey": "GET /pets/{id}"});
    let route = bench
        .expect(201, "POST", &format!("{path}/routes"), body)
        .await;
    let route = route.text("routeId").to_owned();
    bench
        .expect(200, "PATCH", &path, json!({"name": "b"}))
        .await;
    bench
        .expect(
            201,
            "POST",
            "/edgeway/v1/access-keys",
            json!({"name": "two"}),
        )
        .await;

    let diff = bench.get("/edgeway/v1/history/diff?from=2&to=5").await;
    let changes = diff["changes"].as_array().unwrap();
    let kinds: Vec<_> = changes
        .iter()
        .map(|one| (&one["kind"], &one["change"]))
        .collect();
    assert_eq!(kinds[0], (&json!("api"), &json!("changed")));
    assert_eq!(kinds[1], (&json!("access-key"), &json!("created")));
    assert!(
        !changes[1]["fields"].to_string().contains("policy"),
        "what is not set is not shown"
    );
    let fields = changes[0]["fields"].as_array().unwrap();
    let field = |path: &str| fields.iter().find(|field| field["path"] == path);
    let name = field("$.name").unwrap();
    assert_eq!(
        (&name["before"], &name["after"]),
        (&json!("a"), &json!("b"))
    );
    let key = field(&format!("$.routes.{route}.key")).unwrap();
    assert_eq!(key["after"], "GET /pets/{id}");
    assert_eq!(key.get("before"), None);
    assert!(field("$.stages['$default'].deployment").is_some());
    assert!(!diff.to_string().contains("\"content\""));

    let one = bench.get("/edgeway/v1/history/4").await;
    assert_eq!(one["operation"], "UpdateApi");
    assert_eq!(one["changes"][0]["fields"].as_array().unwrap().len(), 1);
    let filtered = bench
        .get(&format!("/edgeway/v1/history/diff?from=2&to=5&apiId={api}"))
        .await;
    assert_eq!(filtered["changes"].as_array().unwrap().len(), 1);
    for (query, text) in [
        ("from=2", "to must be given"),
        ("from=2&to=77", "not within what is kept: 0 to 5"),
        ("from=-1&to=2", "whole number"),
    ] {
        let path = format!("/edgeway/v1/history/diff?{query}");
        bench
            .refused(("BadRequestException", text), "GET", &path, Value::Null)
            .await;
    }
}

#[tokio::test]
async fn an_api_is_taken_back() {
    let bench = Bench::new();
    let api = bench.quick().await;
    let (path, back) = (
        format!("/v2/apis/{api}"),
        format!("/edgeway/v1/apis/{api}/rollback"),
    );
    bench
        .expect(200, "PATCH", &path, json!({"name": "b"}))
        .await;
    bench.expect(204, "DELETE", &path, Value::Null).await;
    let reply = bench
        .expect(200, "POST", &back, json!({"revision": 2}))
        .await;
    assert_eq!((reply.text("name"), &reply.body["to"]), ("a", &json!(2)));
    assert_eq!(reply.header("x-edgeway-revision"), "5");
    assert_eq!(bench.get(&path).await["name"], "a");
    let routes = bench.get(&format!("{path}/routes")).await;
    assert_eq!(routes["items"].as_array().unwrap().len(), 1);
    let newest = bench.get("/edgeway/v1/history").await["items"][0].clone();
    assert_eq!(newest["operation"], "RollBackApi");
    for (body, code, text) in [
        (json!({}), "BadRequestException", "revision must be given"),
        (
            json!({"revision": 1}),
            "NotFoundException",
            "There was no API",
        ),
        (
            json!({"revision": 4}),
            "NotFoundException",
            "There was no API",
        ),
        (
            json!({"revision": 99}),
            "BadRequestException",
            "not within what is kept",
        ),
        (json!({"revision": "x"}), "SerializationException", "String"),
    ] {
        bench.refused((code, text), "POST", &back, body).await;
    }
}

#[tokio::test]
async fn a_change_carries_the_reason_of_whoever_makes_it() {
    let bench = Bench::new();
    let api = bench.quick().await;
    let path = |reason: &str| format!("/v2/apis/{api}?x-edgeway-reason={reason}");
    let body = || json!({"name": "b"});
    // The cluster's format has no place for one yet; nothing is changed without it.
    let early = ("ConflictException", "finish its upgrade first");
    bench.refused(early, "PATCH", &path("why"), body()).await;
    assert_eq!(bench.get(&format!("/v2/apis/{api}")).await["name"], "a");

    let live = super::cluster::live(1, 1);
    *bench.world.live.lock().unwrap() = vec![live];
    let format = "/edgeway/v1/format";
    bench.expect(200, "POST", format, Value::Null).await;
    let ticket = "ticket%207%3A%20renamed";
    bench.expect(200, "PATCH", &path(ticket), body()).await;
    bench
        .expect(
            200,
            "PATCH",
            &format!("/v2/apis/{api}"),
            json!({"name": "c"}),
        )
        .await;
    let items = bench.get("/edgeway/v1/history").await["items"].clone();
    assert_eq!(items[0].get("reason"), None);
    assert_eq!(items[1]["reason"], "ticket 7: renamed");
    let shown = bench.get("/edgeway/v1/history/4").await;
    assert_eq!(shown["reason"], "ticket 7: renamed");

    let bad = ("BadRequestException", "1 to 256 printable ASCII characters");
    let long = "x".repeat(257);
    for reason in ["", "%20", "a%0Ab", "a%1Bb", "%C3%A9", &long] {
        bench.refused(bad, "PATCH", &path(reason), body()).await;
    }
    bench
        .expect(200, "PATCH", &path(&"x".repeat(256)), body())
        .await;
    // Whoever only looks needs none, and may give one.
    bench
        .expect(200, "GET", &path("curious"), Value::Null)
        .await;
}
