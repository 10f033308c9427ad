//! Operations of Amazon's that are several of ours take effect as one change.

use serde_json::{Value, json};

use super::{Bench, KEY, SECRET};
use crate::Store as _;

impl Bench {
    /// The newest entry of the audit trail, and the revision that it made.
    async fn newest(&self) -> (Value, u64) {
        let target = "/edgeway/v1/history?maxResults=1";
        let list = self.expect(200, "GET", target, Value::Null).await.body;
        let newest = list["items"][0].clone();
        let revision = newest["revision"].as_u64().unwrap();
        assert_eq!(list["revision"], revision);
        (newest, revision)
    }

    async fn import(&self, file: &str) -> super::Reply {
        let target = ("POST", "/apikeys?mode=import&format=csv");
        let now = crate::clock::now_ms();
        self.signed(target, file, (KEY, SECRET), now).await
    }
}

#[tokio::test]
async fn a_file_of_keys_is_imported_as_one_change() {
    let bench = Bench::new();
    let body = json!({"name": "gold"});
    let plan = bench.expect(201, "POST", "/usageplans", body).await;
    let (_, before) = bench.newest().await;
    let file = format!(
        "name,key,usageplanIds\na,0123456789abcdefghij,[{plan}]\n\
         b,1123456789abcdefghij,\nc,1123456789abcdefghij,\nd,2123456789abcdefghij,[none]\n",
        plan = plan.text("id")
    );
    let reply = bench.import(&file).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["ids"].as_array().unwrap().len(), 3);
    let warnings = reply.body["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let (entry, revision) = bench.newest().await;
    assert_eq!(revision, before + 1);
    assert_eq!(entry["operation"], "ImportApiKeys");
    assert_eq!(entry["changed"].as_array().unwrap().len(), 4);
    assert_eq!(reply.header("x-edgeway-revision"), revision.to_string());
}

#[tokio::test]
async fn one_bad_key_of_a_file_imports_none() {
    let bench = Bench::new();
    let before = bench.world.config();
    let file = "name,key\na,0123456789abcdefghij\nb,short\n";
    let reply = bench.import(file).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert_eq!(bench.world.config(), before);
}

#[tokio::test]
async fn a_documentation_version_and_its_stage_change_together() {
    let bench = Bench::new();
    let body = json!({"name": "a"});
    let made = bench.expect(201, "POST", "/restapis", body).await;
    let api = format!("/restapis/{}", made.text("id"));
    let resources = bench
        .expect(200, "GET", &format!("{api}/resources"), Value::Null)
        .await;
    let root = resources.body["item"][0]["id"].as_str().unwrap().to_owned();
    let method = format!("{api}/resources/{root}/methods/GET");
    let body = json!({"authorizationType": "NONE"});
    bench.expect(201, "PUT", &method, body).await;
    let body = json!({"type": "MOCK"});
    let integration = format!("{method}/integration");
    bench.expect(201, "PUT", &integration, body).await;
    let body = json!({"stageName": "prod"});
    let deployments = format!("{api}/deployments");
    bench.expect(201, "POST", &deployments, body).await;
    let (_, before) = bench.newest().await;
    let body = json!({"documentationVersion": "1", "stageName": "prod"});
    let versions = format!("{api}/documentation/versions");
    bench.expect(201, "POST", &versions, body).await;
    let (entry, revision) = bench.newest().await;
    assert_eq!(revision, before + 1);
    assert_eq!(entry["operation"], "CreateDocumentationVersion");
    let stage = bench
        .expect(200, "GET", &format!("{api}/stages/prod"), Value::Null)
        .await;
    assert_eq!(stage.body["documentationVersion"], "1");
    // With a stage that is not there, there is no version either.
    let body = json!({"documentationVersion": "2", "stageName": "none"});
    let reply = bench.expect(404, "POST", &versions, body).await;
    assert!(reply.text("message").contains("stage"), "{}", reply.body);
    assert_eq!(bench.newest().await.1, revision);
}
